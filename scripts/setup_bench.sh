#!/bin/sh
# clang as a command, to compare with.
set -eu
command -v clang-22 >/dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
as_root=""
[ "$(id -u)" -eq 0 ] || as_root=sudo
$as_root apt-get update -q
$as_root apt-get install -q -y --no-install-recommends clang-22
