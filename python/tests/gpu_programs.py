"""Programs of the tests of loops on a GPU."""

LOOP = """
# cython: language_level=3
from cython.parallel import prange
def twice(double[::1] x, double[::1] out):
    cdef Py_ssize_t i
    for i in prange(x.shape[0], nogil=True):
        out[i] = 2 * x[i]
def total(double[::1] x):
    cdef Py_ssize_t i
    cdef double s = 0
    for i in prange(x.shape[0], nogil=True):
        s += x[i]
    return s
"""

#: Imports LOOP for a device, with the fake driver's notes at hand.
START = """
import array, cython_llvm
from cython_llvm import gpu
fake = ctypes.CDLL(os.environ["CYTHON_LLVM_CUDA_DRIVER"])
fake.fake_notes.restype = ctypes.c_char_p
notes = lambda: fake.fake_notes(1).decode().split("\\n")[:-1]
m = cython_llvm.import_file("loop.pyx", "loop", route="tree", directives={"prange_device": "gpu"})
x, y = array.array("d", range(1000)), array.array("d", [0] * 1000)
"""
