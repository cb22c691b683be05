"""`cython_llvm.inline` beside stock `cython.inline`: several hundred snippets, with recorded outcomes."""
