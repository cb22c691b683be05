"""The trees of modules whose C Cython writes for distutils, which is given the C and nothing else.

While Cython writes C that the embedded compiler is to build, the analysed tree goes into the cache,
under the hash of the C text.  `llvmcompiler` finds it there and takes the tree route, where nothing
is missing; the C file is what it always was, and any other compiler can build it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import cache, cachestore, routes
from .routes import Choice
from .settings import Settings

_FILENAME = "tree.z"
_MARK = "__cython_llvm_keeps_trees__"
_UNKNOWN = "its tree is not in the cache: the C is older than the cache, or made elsewhere"


def install() -> None:
    """Keep the tree of every module that Cython writes in this process and its forks from now on."""
    if default_route() == "c":
        return
    try:
        from Cython.Compiler import Pipeline
    except ImportError:  # C sources can be built without Cython
        return
    patch_pipeline(Pipeline)


def default_route() -> str:
    """The environment's route; "auto" for one that does not exist, which is told elsewhere."""
    from .settings import default_settings

    try:
        return default_settings().route
    except ValueError:
        return "auto"


def patch_pipeline(module: ModuleType) -> None:
    """Cython.Compiler.Pipeline: trees are kept beside the C that is generated."""
    stock = module.create_pyx_pipeline
    if hasattr(stock, _MARK):
        return

    def create_pyx_pipeline(context: Any, options: Any, result: Any, *args: Any, **kwargs: Any) -> Any:
        stages = stock(context, options, result, *args, **kwargs)
        if options.cplus or routes.option_reasons(options) or cache.directory() is None:
            return stages
        from . import treefrontend

        at = treefrontend.generation_stage(stages)
        generate = stages[at]

        def generate_pyx_code_stage(tree: Any) -> Any:
            done, text = treefrontend.generated(tree, options, result, generate)
            _keep(result.c_file, text)
            return done

        return [*stages[:at], generate_pyx_code_stage, *stages[at + 1 :]]

    setattr(create_pyx_pipeline, _MARK, stock)
    module.create_pyx_pipeline = create_pyx_pipeline  # type: ignore[attr-defined]


def _key(c_text: bytes) -> str:
    return cache.key("tree", c_text)


def _keep(c_file: str, text: Callable[[], str]) -> None:
    try:
        with open(c_file, "rb") as file:
            key = _key(file.read())
        data = text().encode("ascii")
    except Exception:  # then C is what there is
        return
    cachestore.store(key, _FILENAME, zlib.compress(data, 1))


def choice_for(c_text: bytes, settings: Settings, language: str) -> Choice:
    """The route of generated C: the tree route where its tree is known and lacks nothing."""
    if settings.route == "c":
        return Choice("c", ("the settings ask for the C route",))
    reasons = routes.standing_reasons(settings, language)
    if reasons:
        return Choice("c", reasons)
    path = cache.lookup(_key(c_text), _FILENAME)
    if path is None:
        return Choice("c", (_UNKNOWN,))
    try:
        with open(path, "rb") as file:
            tree = zlib.decompress(file.read()).decode("ascii")
    except (OSError, zlib.error, ValueError):
        return Choice("c", (_UNKNOWN,))
    return routes.attempt(tree, routes.for_tree(settings))


def uninstall() -> None:
    """Undo `install`."""
    import sys

    module = sys.modules.get("Cython.Compiler.Pipeline")
    stock = getattr(getattr(module, "create_pyx_pipeline", None), _MARK, None)
    if module is not None and stock is not None:
        module.create_pyx_pipeline = stock  # type: ignore[attr-defined]
