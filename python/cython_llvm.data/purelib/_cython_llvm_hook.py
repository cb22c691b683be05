"""Gives the installed Cython its second backend: loaded by cython_llvm.pth when Cython is.

The .pth file puts a finder on sys.meta_path that imports this module for the few names below;
where this module is out of reach by then (pip's isolated builds take site-packages off
sys.path after .pth files have run) it finds nothing, as if it were not there.
A module is found and run by the finders that would have done so anyway; what cython_llvm adds
is added afterwards, and whatever goes wrong there leaves the module as it was.

Without an installed wheel: PYTHONPATH with this directory and the package's, then
``import _cython_llvm_hook`` (its import installs the finder), or a .pth file of that one line.
"""

import os
import sys

# Module name -> the function of cython_llvm.patches that is given the loaded module.
POINTS = {
    "Cython.Compiler.CmdLine": "patch_cmdline",
    "Cython.Compiler.Main": "patch_main",
    "Cython.Build.Cythonize": "patch_cythonize",
    "Cython.Coverage": "patch_coverage",
}
DISTUTILS_POINTS = {
    "distutils.ccompiler": "patch_distutils_module",
    "setuptools._distutils.ccompiler": "patch_distutils_module",
    "Cython.Compiler.Pipeline": "patch_pipeline",
}
_OFF = ("", "0", "no", "off", "false")


def wants_distutils():
    """Whether CYTHON_LLVM_DISTUTILS asks for every distutils build to be ours."""
    return os.environ.get("CYTHON_LLVM_DISTUTILS", "").strip().lower() not in _OFF


def _patch_name(name):
    found = POINTS.get(name)
    if found is None and name in DISTUTILS_POINTS and wants_distutils():
        found = DISTUTILS_POINTS[name]
    return found


def _apply(module, patch_name):
    """Patch a loaded module.  Never raises; says why only to someone who asked for us."""
    try:
        from cython_llvm import patches

        getattr(patches, patch_name)(module)
    except Exception as error:
        asked = wants_distutils() or any(arg.startswith("--backend") for arg in sys.argv[1:])
        if asked:
            sys.stderr.write(
                f"cython-llvm is installed but does not work here, so {module.__name__} stays "
                f"as it is: {type(error).__name__}: {error}\n"
            )


def _prepare(name):
    """Cython's compiler is about to be imported by a command of ours: make that quick."""
    if name != "Cython.Compiler.Main":
        return
    args = sys.argv[1:]
    if "--backend=llvm" in args or ("--backend", "llvm") in zip(args, args[1:], strict=False):
        try:
            from cython_llvm import compiler_import

            compiler_import.prepare_commands()
        except Exception:
            pass  # slower, and the same


class _Loader:
    """The module's own loader, and the patch once it has run the module."""

    def __init__(self, loader, patch_name):
        self._loader = loader
        self._patch_name = patch_name

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        create = getattr(self._loader, "create_module", None)
        return None if create is None else create(spec)

    def exec_module(self, module):
        loader = self._loader
        spec = getattr(module, "__spec__", None)
        if spec is not None and spec.loader is self:
            spec.loader = loader
        if getattr(module, "__loader__", None) is self:
            module.__loader__ = loader
        _prepare(module.__name__)
        loader.exec_module(module)
        _apply(module, self._patch_name)

    def get_code(self, name):
        """For ``python -m Cython.Build.Cythonize``, which runs the code as __main__."""
        if name == "Cython.Build.Cythonize" and any(a.startswith("--b") for a in sys.argv[1:]):
            text = "import sys\nfrom Cython.Build.Cythonize import main\nsys.exit(main())\n"
            return compile(text, f"<{name}>", "exec")
        return self._loader.get_code(name)


def find_spec(name, path=None, target=None):
    """The spec that the other finders give, its loader wrapped; None for any other module."""
    patch_name = _patch_name(name)
    if patch_name is None:
        return None
    try:
        return _wrapped_spec(name, path, target, patch_name)
    except Exception:
        return None  # the import goes on with the next finder, and raises there if it must


def _wrapped_spec(name, path, target, patch_name):
    for finder in sys.meta_path:
        if getattr(finder, "cython_llvm_hook", False):
            continue
        find = getattr(finder, "find_spec", None)
        spec = None if find is None else find(name, path, target)
        if spec is not None:
            if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                spec.loader = _Loader(spec.loader, patch_name)
            return spec
    return None


class Finder:
    """What `install` puts on sys.meta_path; the .pth file has a copy that needs no import."""

    cython_llvm_hook = True

    @staticmethod
    def find_spec(name, path=None, target=None):
        return find_spec(name, path, target)


def install():
    """Put the finder on sys.meta_path unless one is there, and patch what is already imported."""
    if not any(getattr(finder, "cython_llvm_hook", False) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder)
        for name in (*POINTS, *DISTUTILS_POINTS):
            module = sys.modules.get(name)
            patch_name = None if module is None else _patch_name(name)
            if patch_name is not None:
                _apply(module, patch_name)


def uninstall():
    """Take the finder off sys.meta_path; modules already patched stay so."""
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not getattr(finder, "cython_llvm_hook", False)
    ]


install()
