"""``prange`` on a GPU that is not there, refuses something, or is not what was expected: what is said of it.

The driver is the fake one of testsuite/gpu, which fails where FAKE_CUDA_... says.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from conftest import WITHOUT_PRIVILEGES, Run, write
from gpu_programs import LOOP, START

#: Runs one loop, whatever comes of it, and then another with nothing in its way.
TWICE = (
    START
    + """
try:
    m.twice(x, y)
except Exception as error:
    print(type(error).__name__, error)
os.environ.pop("FAKE_CUDA_FAIL", None)
print(m.total(x), notes()[-1])
"""
)

#: Runs a loop and prints what was loaded.
LOADS = START + "m.twice(x, y); print([n for n in notes() if 'Link' in n or 'Load' in n], y[999])"
TRANSLATED = "['cuLinkCreate', 'cuLinkAddData 1 1', 'cuLinkComplete', 'cuModuleLoadData cubi'] 1998.0"
KEPT = "['cuModuleLoadData cubi'] 1998.0"


@pytest.fixture(autouse=True)
def loop(tmp_path: Path) -> None:
    write(tmp_path / "loop.pyx", LOOP)


def kept(tmp_path: Path) -> Path:
    """The one binary in the cache."""
    (found,) = (tmp_path / "cache" / "gpu").iterdir()
    return found


# ---------------------------------------------------------------------------- no device that can be used


def test_no_gpu(with_driver: Run) -> None:
    program = START + "m.twice(x, y)"
    out = with_driver(program, fails=True, FAKE_CUDA_NONE="1")
    assert "RuntimeError: prange_device='gpu', and no usable GPU (no GPU: the driver finds none)" in out
    assert 'loop.pyx", line 6, in loop.twice' in out
    for directives in ('"gpu", "prange_fallback": True', '"auto"'):
        text = (
            START.replace('"gpu"}', directives + "}")
            + """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    m.twice(x, y); m.twice(x, y)
print(y[999], [str(w.message) for w in caught], gpu.info().usable)
"""
        )
        out = with_driver(text, FAKE_CUDA_NONE="1")
        assert out.count("prange runs on the CPU: no usable GPU (no GPU: the driver finds none)") == 1
        assert out.startswith("1998.0") and out.rstrip().endswith("False")


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"CYTHON_LLVM_CUDA_DRIVER": "/no/libcuda.so.1"}, "no NVIDIA driver: /no/libcuda.so.1: cannot"),
        ({"CYTHON_LLVM_CUDA_DRIVER": "libm.so.6"}, "the driver is too old: it has no cuInit"),
        ({"FAKE_CUDA_VERSION": "8000"}, "the driver is too old: it is of CUDA 8.0, and 9.0 is needed"),
        ({"FAKE_CUDA_CAPABILITY": "61"}, "Fake: its compute capability is 6.1, and 7.0 is needed"),
        ({"FAKE_CUDA_FAIL": "cuInit:3"}, "cuInit: CUDA_ERROR_FAKE"),
        ({"FAKE_CUDA_FAIL": "cuDevicePrimaryCtxRetain:2"}, "no context: CUDA_ERROR_OUT_OF_MEMORY"),
        ({"CYTHON_LLVM_GPU": "1"}, "CYTHON_LLVM_GPU: there is no GPU 1: the last one is 0"),
        ({"CYTHON_LLVM_GPU": "first"}, "CYTHON_LLVM_GPU: 'first' is no number"),
    ],
)
def test_what_cannot_be_used(with_driver: Run, environment: dict[str, str], why: str) -> None:
    program = """
    import array, cython_llvm
    from cython_llvm import gpu
    m = cython_llvm.import_file("loop.pyx", "loop", route="tree", directives={"prange_device": "gpu"})
    x = array.array("d", [1, 2])
    for attempt in range(2):
        try:
            m.twice(x, x)
        except RuntimeError as error:
            print(error)
    print(gpu.info().usable, gpu.info().reason)
    try:
        gpu.empty(3)
    except RuntimeError as error:
        print(error)
    """
    first, second, facts, empty = with_driver(program, **environment).splitlines()
    assert first.startswith(f"prange_device='gpu', and no usable GPU ({why}")
    assert second == first
    assert facts.startswith(f"False {why}")
    assert empty.startswith(f"no usable GPU ({why}")


def test_forked_processes(with_driver: Run) -> None:
    out = with_driver(
        START
        + """
m.twice(x, y)
def child():
    try:
        m.twice(x, y)
    except RuntimeError as error:
        print(error, flush=True)
    print(gpu.info().usable, flush=True)
if not os.fork():
    child()
    os._exit(0)
os.wait()
m.twice(x, x)
print(x[999])
"""
    )
    error, usable, after = out.splitlines()
    assert error == (
        "prange_device='gpu', and no usable GPU (a forked process: its parent has opened the GPU before; "
        "let multiprocessing spawn it)"
    )
    assert (usable, after) == ("False", "1998.0")


# ---------------------------------------------------------------------------- launches


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        ("cuMemAlloc:2", "MemoryError GPU: memory of kernel '.*': out of memory (CUDA_ERROR_OUT_OF_MEMORY)"),
        ("cuMemcpyHtoD:719", "RuntimeError GPU: copy to the device of kernel '.*': unspecified launch failure"
                             " (CUDA_ERROR_LAUNCH_FAILED)"),
        ("cuLaunchKernel:719", "RuntimeError GPU: launch of kernel '.*': unspecified launch failure"
                               " (CUDA_ERROR_LAUNCH_FAILED)"),
        ("cuStreamSynchronize:719", "RuntimeError GPU: run of kernel '.*': unspecified launch failure"
                                    " (CUDA_ERROR_LAUNCH_FAILED)"),
        ("cuMemcpyDtoH:719:2", "RuntimeError GPU: copy to the host of kernel '.*': unspecified launch failure"
                               " (CUDA_ERROR_LAUNCH_FAILED)"),
        ("cuCtxPushCurrent:201:2", "RuntimeError GPU: context of kernel '.*': invalid device context"
                                   " (CUDA_ERROR_INVALID_CONTEXT)"),
        ("cuModuleGetFunction:500", "RuntimeError GPU: loading of kernel '.*': a fake error"
                                    " (CUDA_ERROR_FAKE)"),
    ],
    ids=lambda text: text.partition(":")[0],
)  # fmt: skip
def test_a_launch_of_what_cannot_be_launched(with_driver: Run, fail: str, message: str) -> None:
    said, after = with_driver(TWICE, FAKE_CUDA_FAIL=fail).splitlines()
    assert re.fullmatch(re.escape(message).replace(r"\.\*", ".*"), said), said
    # Nothing stays behind: the next loop runs.
    assert after == "499500.0 cuCtxPopCurrent"


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (222, "was compiled with an unsupported toolchain. (CUDA_ERROR_UNSUPPORTED_PTX_VERSION)"),
        (218, "a PTX JIT compilation failed (CUDA_ERROR_INVALID_PTX)"),
        (209, "is available for execution on the device (CUDA_ERROR_NO_BINARY_FOR_GPU)"),
    ],
)
def test_code_that_the_driver_does_not_take(with_driver: Run, status: int, text: str) -> None:
    fail = f"cuLinkAddData:{status}"
    out = with_driver(TWICE, FAKE_CUDA_FAIL=fail, FAKE_CUDA_LOG="ptxas fatal: no", FAKE_CUDA_VERSION="11040")
    said, after = out.splitlines()
    assert said.startswith("RuntimeError GPU: loading of kernel ") and text in said
    assert "; the driver is of CUDA 11.4, the GPU's compute capability 9.0, the code PTX " in said
    assert re.search(r"PTX \d+\.\d+; ptxas fatal: no$", said), said
    assert after == "499500.0 cuCtxPopCurrent"


def test_memory_that_stays_there(with_driver: Run) -> None:
    program = (
        START
        + """
try:
    gpu.empty(1000)
except Exception as error:
    print(type(error).__name__, error)
"""
    )
    for fail, said in (
        ("2", "MemoryError GPU: 8000 bytes of memory: out of memory (CUDA_ERROR_OUT_OF_MEMORY)"),
        ("801", "RuntimeError GPU: 8000 bytes of memory: operation not supported (CUDA_ERROR_NOT_SUPPORTED)"),
    ):
        assert with_driver(program, FAKE_CUDA_FAIL=f"cuMemAllocManaged:{fail}").strip() == said


# ---------------------------------------------------------------------------- the cache on disk


def test_binaries_are_kept_on_disk(with_driver: Run, tmp_path: Path) -> None:
    assert with_driver(LOADS).strip() == TRANSLATED
    assert with_driver(LOADS).strip() == KEPT
    assert kept(tmp_path).name.endswith("-sm90-12090.cubin")
    # Of another device or driver there is another file.
    assert with_driver(LOADS, FAKE_CUDA_CAPABILITY="80").strip() == TRANSLATED
    assert with_driver(LOADS, FAKE_CUDA_VERSION="13000").strip() == TRANSLATED
    assert len(list((tmp_path / "cache" / "gpu").iterdir())) == 3
    assert with_driver(LOADS, CYTHON_LLVM_CACHE="0").strip() == TRANSLATED


@pytest.mark.parametrize("how", ["a byte", "short", "empty", "long", "other's", "without a head"])
def test_a_binary_that_is_not_as_it_was_written(with_driver: Run, tmp_path: Path, how: str) -> None:
    assert with_driver(LOADS).strip() == TRANSLATED
    path = kept(tmp_path)
    data = path.read_bytes()
    changed = {
        "a byte": data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
        "short": data[:-5],
        "empty": b"",
        "long": data + b"more",
        "without a head": data[-14:],
    }
    path.write_bytes(changed.get(how, data))
    if how == "other's":
        path.chmod(0o666)
    # The driver sees nothing of it, and the file is whole again afterwards.
    assert with_driver(LOADS).strip() == TRANSLATED
    assert path.read_bytes() == data
    assert with_driver(LOADS).strip() == KEPT


def test_a_binary_that_the_driver_does_not_take(with_driver: Run, tmp_path: Path) -> None:
    assert with_driver(LOADS).strip() == TRANSLATED
    out = with_driver(LOADS, FAKE_CUDA_FAIL="cuModuleLoadData:200:1")
    assert out.strip() == TRANSLATED.replace("['", "['cuModuleLoadData cubi', '", 1)
    assert with_driver(LOADS).strip() == KEPT


def test_a_cache_that_cannot_be_written(with_driver: Run, tmp_path: Path) -> None:
    assert with_driver(LOADS).strip() == TRANSLATED
    folder = tmp_path / "cache" / "gpu"
    shutil.rmtree(folder)
    folder.write_text("no folder")
    assert with_driver(LOADS).strip() == TRANSLATED
    folder.unlink()
    folder.mkdir()
    os.chmod(folder, 0o500)
    try:
        assert with_driver(WITHOUT_PRIVILEGES + LOADS).strip() == TRANSLATED
        assert list(folder.iterdir()) == []
    finally:
        os.chmod(folder, 0o700)


# ---------------------------------------------------------------------------- the command


def command(*arguments: str) -> str:
    program = "import runpy, sys; sys.argv = {}; runpy.run_module('cython_llvm.gpu', None, '__main__')"
    return program.format(["gpu", *arguments])


def test_the_command_tells_of_the_gpu(with_driver: Run, tmp_path: Path) -> None:
    out = with_driver(command())
    assert out.splitlines() == [
        "GPU: Fake, compute capability 9.0, 4 multiprocessors",
        "memory: 1.0 GiB, 1.0 GiB of it free",
        "driver: of CUDA 12.9",
        f"cache: {tmp_path / 'cache' / 'gpu'}, machine code of 0 modules",
    ]
    out = with_driver(command(), fails=True, FAKE_CUDA_CAPABILITY="52")
    assert out.startswith("no usable GPU: Fake: its compute capability is 5.2, and 7.0 is needed")
    out = with_driver(command("--help"))
    assert "usage: python -m cython_llvm.gpu" in out and "CYTHON_LLVM_PRANGE_DEVICE" in out


def test_the_command_checks_and_clears(with_driver: Run, tmp_path: Path) -> None:
    out = with_driver(command("--check", "--size", "5000"))
    found = [line.split(",")[0] for line in out.splitlines()[4:]]
    assert found == ["right: items", "right: plane", "right: total"]
    assert "machine code of 1 modules" in with_driver(command())
    assert with_driver(command("--clear-cache")).startswith("removed 1 files, ")
    assert list((tmp_path / "cache" / "gpu").iterdir()) == []
