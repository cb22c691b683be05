#!/bin/sh
# A debug build of Python 3.11, which counts all references.  Without it `make differential` has less
# to compare.
set -eu
command -v python3.11-dbg >/dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
as_root=""
[ "$(id -u)" -eq 0 ] || as_root=sudo
$as_root apt-get update -q
$as_root apt-get install -q -y --no-install-recommends python3.11-dbg ||
    echo "no python3.11-dbg here: an ordinary interpreter will do" >&2
