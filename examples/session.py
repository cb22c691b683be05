"""A first session: run it with `python examples/session.py` where cython-llvm is installed."""

import importlib
import pathlib
import sys
import tempfile

import cython_llvm

folder = pathlib.Path(tempfile.mkdtemp())
sys.path.insert(0, str(folder))
source = folder / "greeting.pyx"
source.write_text("def greet(str name):\n    return 'Hello, ' + name\n")

cython_llvm.install()
import greeting  # noqa: E402  (the file exists only now)

print(greeting.greet("Cython"))

source.write_text("def greet(str name):\n    return 'Good evening, ' + name\n")
importlib.reload(greeting)
print(greeting.greet("Cython"))

print(cython_llvm.inline("return sum([i * i for i in range(n)])", n=10))
