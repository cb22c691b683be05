#!/bin/sh
# The loops of testsuite/gpu on this machine's GPU: results beside the CPU's, and times of some.
#
#   scripts/gpu_check.sh [PYTHON]
#
# PYTHON has numpy, Cython and cython-llvm installed (or on PYTHONPATH).  Needs no network and no CUDA
# toolkit.  Exit status: 0, 1 where something differs, 2 without a usable GPU.
set -eu
python=${1:-python3}
cd "$(dirname "$0")/.."
"$python" - <<'PY'
from cython_llvm import gpu
print(gpu.info())
PY
"$python" testsuite/gpu/cases.py
"$python" testsuite/gpu/times.py
