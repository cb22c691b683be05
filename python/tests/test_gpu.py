"""``prange`` on a GPU, without one: PTX that NVIDIA's assembler takes, and launches by a fake driver.

The fake driver (testsuite/gpu/fake_driver.c) keeps the device's memory on the host, runs kernels as loops
over a grid, and notes what it is asked for.
"""

from __future__ import annotations

import ctypes
import json
import math
import struct
import sys
import textwrap
from pathlib import Path

import pytest

import cython_llvm
from cli_tools import cython
from conftest import Run, write
from cython_llvm import _native, errors, sharedutil, toolchain, treefrontend, treeroute
from cython_llvm.settings import Settings
from gpu_programs import LOOP, START

ROOT = Path(__file__).parents[2]
GPU = ROOT / "testsuite" / "gpu"
sys.path.insert(0, str(ROOT / "testsuite"))

from gpu import accuracy, tools  # noqa: E402


def tree(path: Path, **directives: object) -> treeroute.Lowered:
    settings = Settings(language_level=3, directives=directives)
    text = treefrontend.export_tree(str(path), path.stem, settings, shared_utility=sharedutil.available())
    return treeroute.lower(text, settings)


def test_every_loop_gives_the_results_of_the_cpu(with_driver: Run) -> None:
    pytest.importorskip("numpy")
    out = with_driver(f"import sys; sys.path.insert(0, {str(GPU)!r}); import cases; cases.main()")
    assert ", 0 wrong, " in out, out
    assert int(out.split(", 0 wrong, ")[1].split()[0]) > 50


def test_ptx_of_every_loop_assembles(ptxas: Path, tmp_path: Path) -> None:
    libm = write(tmp_path / "libm.pyx", accuracy.loops())
    for source in (libm, GPU / "loops.pyx", ROOT / "examples" / "gpu_kernels.pyx"):
        made = tree(source, prange_device="gpu")
        assert not made.missing
        assert made.ptx is not None
        # What no option may change: no fused arithmetic, no flushing of small numbers to zero.
        assert ".ftz" not in made.ptx
        assert not tools.assembled(made.ptx, tmp_path, ptxas)
    kernels = made.ptx.split(".entry ")
    (difference,) = (text for text in kernels if "difference" in text.partition("(")[0])
    assert "fma.rn.f64" not in difference and "div.rn.f64" in difference


def test_a_launch_copies_what_is_touched_and_nothing_else(with_driver: Run, tmp_path: Path) -> None:
    write(tmp_path / "loop.pyx", LOOP)
    out = with_driver(START + """
        import json
        m.twice(x, y)
        first = notes()
        m.twice(x, y)
        second = notes()
        print(json.dumps([first, second, list(y)]))
        """.replace("\n        ", "\n"))  # fmt: skip
    first, second, y = json.loads(out)
    assert y == [2.0 * i for i in range(1000)]
    assert [line for line in first if line.startswith("cuLink")][0] == "cuLinkCreate"
    # A second launch loads nothing and allocates nothing.
    assert second == [
        "cuCtxPushCurrent", "cuMemcpyHtoD 8000", "cuMemcpyHtoD 8000", "cuMemcpyHtoD 32",
        "cuLaunchKernel 8x1 128x1", "cuMemcpyDtoH 32", "cuStreamSynchronize", "cuMemcpyDtoH 8000",
        "cuStreamSynchronize", "cuCtxPopCurrent",
    ]  # fmt: skip


def test_arrays_that_stay_on_the_device(with_driver: Run, tmp_path: Path) -> None:
    write(tmp_path / "loop.pyx", LOOP)
    out = with_driver(START + """
        a, b = gpu.to_device(x), gpu.empty(1000)
        m.twice(a, b)
        m.twice(b, b)
        print([n for n in notes() if "HtoD" in n or "DtoH" in n], b[999], m.total(b))
        print(memoryview(b).format, memoryview(b).shape, b.__cuda_array_interface__["typestr"])
        class Foreign:
            __cuda_array_interface__ = {"shape": (1000,), "typestr": "<f8", "version": 3,
                                        "data": (ctypes.addressof(b), False), "strides": None}
        m.twice(gpu.view(Foreign()), b)
        print(b[999])
        with gpu.profile() as launches:
            m.twice(x, y)
        print(launches[0].kernel, launches[0].bytes_in, launches[0].bytes_out, gpu.info().name)
        """.replace("\n        ", "\n"))  # fmt: skip
    lines = out.splitlines()
    assert (
        lines[0]
        == "['cuMemcpyHtoD 32', 'cuMemcpyDtoH 32', 'cuMemcpyHtoD 32', 'cuMemcpyDtoH 32'] 3996.0 1998000.0"
    )
    assert lines[1] == "<d (1000,) <f8"
    assert lines[2] == "7992.0"
    assert lines[3] == "loop:6 16000 8000 Fake"


FOREIGN = """
# cython: language_level=3
from cython.parallel import prange
def twice(double[:, :] x, double[:, :] out):
    cdef Py_ssize_t i, j
    for i in prange(x.shape[0], nogil=True):
        for j in prange(x.shape[1]):
            out[i, j] = 2 * x[i, j]
def total(const float[::1] x):
    cdef Py_ssize_t i
    cdef float s = 0
    for i in prange(x.shape[0], nogil=True):
        s += x[i]
    return s
"""

#: Arrays as other libraries have them: no buffers, but memory that is the (fake) device's.
LIBRARY = """
import gc, numpy as np, weakref
class Interface:
    stream = None
    def __init__(self, array, readonly=False):
        self.array, self.readonly = array, readonly
    @property
    def __cuda_array_interface__(self):
        a = self.array
        return {"shape": a.shape, "typestr": a.dtype.str, "version": 3, "strides": a.strides,
                "data": (a.ctypes.data, self.readonly), "stream": self.stream}
class Pack:
    device = (2, 0)
    def __init__(self, array):
        self.array = array
    def __dlpack_device__(self):
        return self.device
    def __dlpack__(self, stream=None):
        assert stream == (1 if self.device[0] == 2 else None)
        return self.array.__dlpack__()
def there(*shape, dtype="d"):
    made = np.asarray(gpu.empty(shape, dtype))
    made[...] = np.arange(made.size).reshape(shape)
    return made
"""


def test_arrays_of_other_libraries_are_arguments(with_driver: Run, tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    write(tmp_path / "loop.pyx", FOREIGN)
    out = with_driver(START + LIBRARY + """
        a, b = there(6, 8), there(6, 8)
        for wrap in (Interface, Pack):
            b[...] = 0
            m.twice(wrap(a), wrap(b))
            assert (b == 2 * a).all()
            m.twice(wrap(a[::2, ::-1]), wrap(b[:3]))
            assert (b[:3] == 2 * a[::2, ::-1]).all()
        print(sorted({n for n in notes() if "HtoD" in n or "DtoH" in n}))
        f = there(100, dtype="f")
        print(m.total(Interface(f, True)), m.total(Pack(f)))
        owner = Pack(f)
        known = weakref.ref(owner.array.base)
        view = gpu.view(owner)
        del owner, f
        gc.collect(); print(known() is not None, np.asarray(view)[99])
        del view
        gc.collect(); print(known())
        host = Pack(np.arange(10, dtype="f")); host.device = (1, 0)
        print(m.total(host))
        for wrong in (Interface(a), Interface(there(6, dtype="q")), Interface(there(4, dtype="f")[::2]), 7):
            try: m.total(wrong)
            except (TypeError, ValueError, BufferError) as e: print(type(e).__name__, e)
        x = Interface(a); x.stream = 7
        m.twice(x, b)
        other = Pack(a); other.device = (10, 0)
        try: gpu.view(other)
        except BufferError as e: print(e)
        """.replace("\n        ", "\n"))  # fmt: skip
    lines = out.splitlines()
    assert lines[0] == "['cuMemcpyDtoH 40', 'cuMemcpyHtoD 40']"  # the words of launches alone
    assert lines[1] == "4950.0 4950.0"
    assert lines[2:4] == ["True 99.0", "None"]
    assert lines[4] == "45.0"
    assert lines[5] == "ValueError Buffer has wrong number of dimensions (expected 1, got 2)"
    assert lines[6] == "ValueError Buffer dtype mismatch, expected 'const float' but got 'long long'"
    assert lines[7] == "BufferError memoryview: underlying buffer is not C-contiguous"
    assert lines[8] == "TypeError a bytes-like object is required, not 'int'"
    assert lines[9] == "DLPack's device 10 is neither an NVIDIA GPU nor the host"


@pytest.mark.parametrize("name", ["mandelbrot", "black_scholes", "all_pairs", "difference", "stencil", "sum"])
def test_examples(with_driver: Run, name: str) -> None:
    pytest.importorskip("numpy")
    size = 50 if name in ("mandelbrot", "all_pairs", "stencil") else 1000
    path = ROOT / "examples" / f"gpu_{name}.py"
    program = f"""
import runpy, sys
sys.path.insert(0, {str(path.parent)!r})
sys.argv = ["", "{size}"]
runpy.run_path({str(path)!r}, run_name="__main__")
"""
    out = with_driver(program)
    assert "GPU: Fake" in out
    for path in out.split()[-2:] if name == "mandelbrot" else ():
        data = Path(path).read_bytes()
        assert data.startswith(b"\x89PNG") and struct.unpack(">2I", data[16:24]) == (size, size)


def test_libm_is_within_two_units_of_the_exact_values() -> None:
    found = accuracy.measured(3000)
    assert [one for one in found if not one.worst <= accuracy.LIMIT] == []
    assert max(one.glibc for one in found) > accuracy.LIMIT  # tgamma's, by its manual


def test_libm_at_the_ends_of_its_range() -> None:
    module = _native.Module.from_bitcode(_native.device_math(), "device_math_ends")
    code = _native.JitLibrary.load_module(module, "device_math_ends", [], toolchain.builtins_archive())
    libm = ctypes.CDLL("libm.so.6")
    inf, nan = math.inf, math.nan
    ends = [0.0, -0.0, inf, -inf, nan, 5e-324, -5e-324, 1e-308, -1e-308, 1e-20, -1e-20, 171.5, 171.7, 1e306]
    whole = [-1.0, -2.0, -1e16, -1e300, 1.0, 2.0, 27.5, 30.0, -30.0, 800.0, -184.5, -190.5, -191.5]
    kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
    for name in ("tgamma", "lgamma", "erfc", "tanh"):
        ours, glibc = kind(code.address(name)), kind((name, libm))
        for x in ends + whole:
            got, wanted = ours(x), glibc(x)
            assert got == pytest.approx(wanted, rel=1e-15, nan_ok=True), (name, x)
            assert math.isnan(got) or math.copysign(1, got) == math.copysign(1, wanted), (name, x)


def test_the_benchmark_runs(with_driver: Run) -> None:
    pytest.importorskip("numpy")
    program = f"import runpy; runpy.run_path({str(GPU / 'bench.py')!r})['main']()"
    environment = {"CYTHON_LLVM_TIMES_SMALL": "1", "PATH": "/nowhere", "LD_LIBRARY_PATH": ""}
    out = with_driver(program, **environment)
    assert "copies on the device" in out
    *rows, call = out.splitlines()[3:]
    assert call.startswith("a call of six arguments"), call
    kernels = [line.split()[0] for line in rows]
    assert kernels == ["mandelbrot", "black_scholes", "all_pairs", "difference", "stencil", "total"]


def refusal(tmp_path: Path, body: str, before: str = "") -> list[str]:
    """What is said of a loop with a body, from the line on."""
    text = f"""
# cython: language_level=3, prange_device=gpu
from cython.parallel import prange, threadid
from libc.stdio cimport printf
{before}
def f(double[::1] x, object o):
    cdef double* p = &x[0]
    cdef Py_ssize_t i
    cdef int[3] shared
    for i in prange(x.shape[0], nogil=True):
{textwrap.indent(body, "        ")}
"""
    made = tree(write(tmp_path / "refused.pyx", text))
    assert made.module is None
    return [str(one).split("refused.pyx")[-1] for one in made.missing]


def test_what_cannot_go_there_is_named_with_its_line(tmp_path: Path) -> None:
    cases = {
        "x[i] = p[i]": "pointer 'p'",
        "with gil:\n    x[i] = o": "Python object 'o'",
        'printf(b"%d", <int> i)': "call of the C function 'printf'",
        "x[i] = threadid()": "threadid()",
        "shared[0] = 1\nx[i] = shared[0]": "assignment to an array or a field that all threads share",
        "with gil:\n    print(1)": "taking the GIL, for anything but 'raise'",
    }
    for body, what in cases.items():
        found = refusal(tmp_path, body)
        assert any(what in line for line in found), (body, found)
    helper = "cdef int again(int n) noexcept nogil:\n    return again(n - 1) if n else 0"
    (line,) = refusal(tmp_path, "x[i] = again(3)", helper)
    assert line.startswith(":6: prange on the GPU: recursive call of '__pyx_f_7refused_again'")


def test_the_object_of_a_buffer_cannot_go_there(tmp_path: Path) -> None:
    text = """
# cython: language_level=3, prange_device=gpu
from cython.parallel import prange
def f(object[double, mode="c"] x):
    cdef Py_ssize_t i, n = len(x)
    for i in prange(n, nogil=True):
        with gil:
            x[i] = x.mean()
"""
    path = write(tmp_path / "refused.pyx", text)
    for route in ("auto", "tree"):
        with pytest.raises(cython_llvm.ModuleBuildError, match="refused.pyx:8: prange on the GPU: P") as e:
            cython_llvm.import_file(path, "refused", route=route)
        assert "takes the C route" not in str(e.value)


def test_auto_stays_on_the_cpu_where_it_has_to(tmp_path: Path) -> None:
    text = """
    # cython: language_level=3, prange_device=auto
    from cython.parallel import prange, threadid
    def threads(int[::1] x):
        cdef Py_ssize_t i
        for i in prange(x.shape[0], nogil=True):
            x[i] = threadid()
    """
    made = tree(write(tmp_path / "stays.pyx", text))
    assert not made.missing and made.module is not None and made.ptx is None


def test_the_directive_everywhere(tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = LOOP.replace("def total", "@cython.prange_device('cpu')\ndef total").replace(
        "from cython.parallel", "cimport cython\nfrom cython.parallel"
    )
    path = write(tmp_path / "places.pyx", text)
    for lowered in (tree(path, prange_device="gpu"), tree(path, prange_device="auto")):
        assert lowered.ptx is not None
        assert lowered.ptx.count(".entry") == 1
    assert tree(path).ptx is None
    with pytest.raises(errors.CompileError, match="prange_device directive must be one of"):
        tree(write(tmp_path / "wrong.pyx", "# cython: prange_device=tpu\n"))
    header = write(tmp_path / "header.pyx", "# cython: prange_device=gpu\n" + LOOP.lstrip())
    assert tree(header).ptx is not None
    with pytest.raises(
        cython_llvm.ModuleBuildError, match="line 1: directive prange_device=gpu: needs route 'tree'"
    ):
        cython_llvm.import_file(header, "header", route="c")
    monkeypatch.setenv("CYTHON_LLVM_PRANGE_DEVICE", "tpu")
    with pytest.raises(ValueError, match="CYTHON_LLVM_PRANGE_DEVICE must be one of cpu, gpu, auto"):
        cython_llvm.import_file(path, "places")


WAYS = """
import array, sys, warnings
import cython_llvm
from cython_llvm import gpu
sys.path.insert(0, ".")
x, y = array.array("d", range(100)), array.array("d", [0] * 100)
def launched(module):
    with gpu.profile() as launches:
        module.twice(x, y)
        module.total(x)
    return len(launches)
"""


def test_every_way_to_choose_a_gpu(with_driver: Run, tmp_path: Path) -> None:
    write(tmp_path / "plain.pyx", LOOP)
    decorated = LOOP.replace("from cython.parallel", "cimport cython\nfrom cython.parallel")
    write(tmp_path / "decorated.pyx", decorated.replace("def total", '@cython.prange_device("gpu")\ndef total'))
    write(tmp_path / "header.pyx", "# cython: prange_device=gpu\n" + LOOP.lstrip())
    write(tmp_path / "by_hook.pyx", LOOP)
    out = with_driver(WAYS + """
m = cython_llvm.import_file("plain.pyx", "plain", route="tree")
print(launched(m))
auto = {"prange_device": "auto"}
print(launched(cython_llvm.import_file("plain.pyx", "auto", route="tree", directives=auto)))
print(launched(cython_llvm.import_file("decorated.pyx", "decorated", route="tree")))
print(launched(cython_llvm.import_file("header.pyx", "header", route="tree")))
cython_llvm.install(route="tree", directives={"prange_device": "gpu"})
import by_hook
print(launched(by_hook))
""")
    assert out.split() == ["0", "2", "1", "2", "2"]
    program = WAYS + "print(launched(cython_llvm.import_file('plain.pyx', 'plain', route='tree')))"
    assert with_driver(program, CYTHON_LLVM_PRANGE_DEVICE="gpu").strip() == "2"


def test_other_threads_run_while_a_gpu_does(with_driver: Run, tmp_path: Path) -> None:
    write(tmp_path / "loop.pyx", LOOP)
    out = with_driver(START + """
import threading, time
m.twice(x, y)
os.environ["FAKE_CUDA_SLEEP"] = "300000"
ticks = []
def tick():
    while not done:
        ticks.append(1)
        time.sleep(0.005)
done = False
thread = threading.Thread(target=tick)
thread.start()
m.twice(x, y)
done = True
thread.join()
print(len(ticks))
""")
    assert int(out) > 10


def test_figures_go_into_the_document(with_driver: Run, tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    document = tmp_path / "gpu.md"
    document.write_text((ROOT / "docs" / "gpu.md").read_text())
    script = str(ROOT / "scripts" / "gpu_check.sh")
    program = f"""
import subprocess, sys
sys.exit(subprocess.run(["sh", {script!r}, "--docs", {str(document)!r}, sys.executable]).returncode)
"""
    out = with_driver(program, CYTHON_LLVM_TIMES_SMALL="1", LD_LIBRARY_PATH="")
    text = document.read_text()
    figures = text.partition("<!-- figures")[2].partition("<!-- end")[0]
    assert " cases, 0 wrong, " in figures and "Fake, driver 12090" in figures and "resident ms" in figures
    assert out.splitlines()[-1] in figures
    # Where there is no GPU, nothing is changed.
    with_driver(program, fails=True, FAKE_CUDA_NONE="1")
    assert document.read_text() == text


def test_inline_and_cells_take_the_directive(with_driver: Run) -> None:
    out = with_driver('''
        import textwrap, numpy as np, cython_llvm
        from cython_llvm import gpu
        from IPython.core.interactiveshell import InteractiveShell

        x, out = np.arange(4.0), np.zeros(4)
        code = textwrap.dedent("""
            from cython.parallel import prange
            cdef Py_ssize_t i
            for i in prange(x.shape[0], nogil=True):
                out[i] = 2 * x[i]
        """)
        cell = textwrap.dedent("""
            from cython.parallel import prange
            def triple(double[::1] x, double[::1] out):
                cdef Py_ssize_t i
                for i in prange(x.shape[0], nogil=True):
                    out[i] = 3 * x[i]
        """)
        shell = InteractiveShell.instance()
        shell.run_line_magic("load_ext", "cython_llvm")
        for device in ("cpu", "gpu"):
            with gpu.profile() as launches:
                directives = {"prange_device": device}
                cython_llvm.inline(code, quiet=True, cython_compiler_directives=directives)
            print("inline", device, out, len(launches))
            with gpu.profile() as launches:
                shell.run_cell_magic("cython", "-X prange_device=" + device, cell)
                shell.user_ns["triple"](x, out)
            print("cell", device, out, len(launches))
    ''')
    found = [line for line in out.splitlines() if line.startswith(("inline", "cell"))]
    assert found == [
        "inline cpu [0. 2. 4. 6.] 0", "cell cpu [0. 3. 6. 9.] 0",
        "inline gpu [0. 2. 4. 6.] 1", "cell gpu [0. 3. 6. 9.] 1",
    ]  # fmt: skip


JITTED = """
import math
import cython_llvm
from cython.parallel import prange

@cython_llvm.jit(directives={"prange_device": "gpu"})
def price(s, k, out, v):
    for i in prange(s.shape[0]):
        d = (math.log(s[i] / k[i]) + v * v / 2) / v
        out[i] = s[i] * math.exp(-d) ** 2 + math.sqrt(k[i])

@cython_llvm.jit(directives={"prange_device": "gpu"})
def collect(s, found):
    for i in prange(s.shape[0]):
        found.append(s[i])
"""


def test_jit_takes_the_directive(with_driver: Run, tmp_path: Path) -> None:
    write(tmp_path / "jitted.py", JITTED)
    out = with_driver("""
        import sys; sys.path.insert(0, ".")
        import numpy as np, jitted
        from cython_llvm import gpu

        s, k = np.linspace(1, 2, 500), np.linspace(3, 1, 500)
        here, there = np.zeros(500), np.zeros(500)
        with gpu.profile() as launches:
            jitted.price(s, k, here, 0.3)
        jitted.price.py_func(s, k, there, 0.3)
        print(np.allclose(here, there, rtol=1e-15, atol=0), len(launches))
        for call in (lambda: jitted.price(-s, k, here, 0.3), lambda: jitted.price(s, 1e300 * k, here, 1e-3),
                     lambda: jitted.collect(s, [])):
            try:
                call()
            except Exception as error:
                print(type(error).__name__, str(error).splitlines()[-1])
    """)
    first, *errors = out.splitlines()
    assert first == "True 1"
    assert errors[:2] == ["ValueError math domain error", "OverflowError math range error"]
    assert errors[2].startswith("CompileError") and "not allowed without gil" in errors[2]


def test_emit_ptx(tmp_path: Path) -> None:
    write(tmp_path / "loop.pyx", LOOP)
    done = cython(tmp_path, "--backend=llvm", "--emit=ptx", "-3", "loop.pyx")
    assert done.returncode == 1
    assert "nothing that runs on a GPU" in done.stderr
    done = cython(tmp_path, "--backend=llvm", "--emit=ptx", "-3", "-X", "prange_device=gpu", "loop.pyx")
    assert done.returncode == 0, done.stderr
    assert ".entry" in (tmp_path / "loop.ptx").read_text()
