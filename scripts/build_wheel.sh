#!/bin/sh
# Builds the wheel into dist/ and installs it into .venv.
#
# Two passes over the native library: cargo builds it, it is stripped but for the two symbols by
# which a debugger finds code made at run time, and only then goes into the wheel.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/.venv
cd "$root"
export PYO3_PYTHON="$venv/bin/python" CYTHON_LLVM_PYTHON="$venv/bin/python"
"$venv/bin/python" scripts/collect_runtime.py

cargo build --release -p cython-llvm
scripts/dev_native.sh "$venv/bin/python"
# Cython's memoryview code, compiled by the library just built.
PYTHONPATH=python CYTHON_LLVM_CACHE=0 "$venv/bin/python" -c \
    'from cython_llvm import sharedutil; print("shared utility module:", sharedutil.build_shared_utility())'
# Cython's run-time helpers, for modules that are made without C.
PYTHONPATH=python CYTHON_LLVM_CACHE=0 "$venv/bin/python" -c \
    'from cython_llvm import runtimelib; print("run-time library:", runtimelib.build())'
ls -l python/cython_llvm/_cyrt* | awk '{ printf "%s: %.1f MB\n", $9, $5 / 1e6 }'

rm -rf dist
mkdir -p dist
"$venv/bin/python" -m maturin build --release --quiet -m python/Cargo.toml \
    --interpreter "$venv/bin/python" --out dist --auditwheel skip
"$venv/bin/python" scripts/strip_wheel.py dist/*.whl
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --force-reinstall dist/*.whl
# Not to shadow the installed package's, and not to go stale.
rm -f python/cython_llvm/_native*.so python/cython_llvm/_cyutility* python/cython_llvm/_cyrt*
ls -l dist | awk 'NR > 1 { printf "%s: %.1f MB\n", $9, $5 / 1e6 }'
