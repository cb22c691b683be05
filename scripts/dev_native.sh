#!/bin/sh
# Puts a freshly built native library into the source tree, stripped, for work without a wheel.
# gdb's two JIT symbols stay: they are how a debugger finds code made at run time.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=${1:-python3}
suffix=$("$python" -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')
target="$root/python/cython_llvm/_native$suffix"
strip -s -K __jit_debug_register_code -K __jit_debug_descriptor \
    -o "$target.tmp" "$root/target/release/lib_native.so"
mv "$target.tmp" "$target"
