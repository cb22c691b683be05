#!/bin/sh
# Makes .venv with the build and test tools.  Safe to run twice.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-$(command -v python3.11 || command -v python3)}
if ! "$root/.venv/bin/python" -c '' 2>/dev/null; then
    "$python" -m venv --clear "$root/.venv"
fi
"$root/.venv/bin/python" -m pip install -q --disable-pip-version-check \
    -r "$root/scripts/requirements.txt"
