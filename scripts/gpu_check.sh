#!/bin/sh
# The loops of testsuite/gpu and of examples on this machine's GPU: results beside the CPU's, and times.
#
#   scripts/gpu_check.sh [--bench] [--output FILE] [--docs FILE] [PYTHON]
#
# PYTHON has numpy, Cython and cython-llvm installed (or on PYTHONPATH).  Where it has not, the bundle of
# scripts/gpu_bundle.py is unpacked (.gpu/bundle.tar.xz, or what GPU_BUNDLE names), which brings an
# interpreter of its own.  Needs no network and no CUDA toolkit.
# --bench: kernel times beside nvcc's or nvrtc's, numba-cuda's and the copy bandwidth, with what of these
# there is; NVRTC names a libnvrtc that is not on the library path.  The bundle has no numba-cuda.
# --output: what is printed also goes to FILE.
# --docs: --bench, and where nothing is wrong, its figures go into FILE (docs/gpu.md), between two marks.
# Exit status: 0, 1 where something differs, 2 without a usable GPU.
set -eu
bench= output= docs=
while [ $# -gt 0 ]; do
    case $1 in
        --bench) bench=1 ;;
        --output) output=$2; shift ;;
        --docs) bench=1 docs=$2; shift ;;
        *) break ;;
    esac
    shift
done
python=${1:-python3}
cd "$(dirname "$0")/.."
here=$PWD
case $docs in "" | /*) ;; *) docs=$here/$docs ;; esac
if [ -n "$docs" ] && [ -z "$output" ]; then
    output=$(mktemp)
    trap 'rm -f "$output"' EXIT
fi
if [ -n "$output" ]; then
    status=$(mktemp)
    { "$0" ${bench:+--bench} "$python" 2>&1 && echo 0 > "$status" || echo $? > "$status"; } | tee "$output"
    code=$(cat "$status")
    rm -f "$status"
    if [ -n "$docs" ] && [ "$code" = 0 ]; then
        "$python" testsuite/gpu/figures.py "$output" "$docs"
    fi
    exit "$code"
fi
if ! "$python" -c 'import numpy, Cython, cython_llvm._native' 2> /dev/null; then
    bundle=${GPU_BUNDLE:-.gpu/bundle.tar.xz}
    if [ ! -f "$bundle" ]; then
        echo "$python has no numpy, Cython and cython-llvm, and there is no $bundle" >&2
        exit 1
    fi
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    tar -xf "$bundle" -C "$folder" 2> /dev/null ||
        "$python" -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$bundle" "$folder"
    python=$(echo "$folder"/bin/python3.*)
    export PYTHONHOME="$folder" PYTHONPATH="$folder/site" PYTHONDONTWRITEBYTECODE=1 CYTHON_LLVM_CACHE_DIR="$folder/cache"
    export LD_LIBRARY_PATH="$folder/libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
"$python" - <<'PY'
import platform, sys
from cython_llvm import gpu
print("Python", platform.python_version(), gpu.info())
PY
"$python" testsuite/gpu/cases.py
if [ -n "$bench" ]; then
    "$python" testsuite/gpu/bench.py
fi
"$python" testsuite/gpu/times.py
