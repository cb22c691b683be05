#!/bin/sh
# The loops of testsuite/gpu on this machine's GPU: results beside the CPU's, and times of some.
#
#   scripts/gpu_check.sh [--bench] [PYTHON]
#
# PYTHON has numpy, Cython and cython-llvm installed (or on PYTHONPATH).  Needs no network and no CUDA
# toolkit.  --bench: kernel times beside nvcc's or nvrtc's, numba-cuda's and the copy bandwidth, with what
# of these there is; NVRTC names a libnvrtc that is not on the library path.
# Exit status: 0, 1 where something differs, 2 without a usable GPU.
set -eu
bench=
if [ "${1:-}" = --bench ]; then
    bench=1
    shift
fi
python=${1:-python3}
cd "$(dirname "$0")/.."
"$python" - <<'PY'
from cython_llvm import gpu
print(gpu.info())
PY
"$python" testsuite/gpu/cases.py
if [ -n "$bench" ]; then
    "$python" testsuite/gpu/bench.py
else
    "$python" testsuite/gpu/times.py
fi
