#!/bin/sh
# Installs Debian's packages that the build needs, those that are missing only.  Safe to run twice;
# the second run asks no network.
set -eu

# Built against: LLVM, clang and lld as static libraries, the OpenMP runtime, compiler builtins,
# the libraries that LLVM's own link line names, and the headers that travel in the wheel.
packages="llvm-22-dev libclang-22-dev liblld-22-dev libomp-22-dev libpolly-22-dev
    libclang-rt-22-dev libclang-common-22-dev zlib1g-dev libzstd-dev libxml2-dev libffi-dev libz3-dev
    gcc g++ libc6-dev linux-libc-dev libcrypt-dev binutils make"
# Used by tests: a tracer and a debugger.
packages="$packages strace gdb"

missing=""
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done

python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
if [ -z "$python" ]; then
    missing="$missing python3.11 python3.11-venv python3.11-dev"
elif ! "$python" -c 'import ensurepip' 2>/dev/null; then
    missing="$missing python3-venv"
fi
if [ -n "$python" ]; then
    include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    [ -f "$include/Python.h" ] || missing="$missing python3-dev"
fi

[ -n "$missing" ] || exit 0
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "These packages are missing and need root to install:$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
# shellcheck disable=SC2086  # words are wanted
$as_root apt-get install -q -y --no-install-recommends $missing
