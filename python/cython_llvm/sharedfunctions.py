"""Which helpers a module's C takes from the module that the user has for them (``cython --shared``).

Cython collects them while it generates C, and has the list when it is done.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import sharedutil


def noting(module: Any, tree: str) -> Callable[[], str]:
    """To be called before C is generated from ``module``: a function that gives ``tree``, its export, with
    the functions in it once C has been generated."""
    name = module.scope.context.shared_utility_qualified_name
    if name is None or name == sharedutil.NAME:
        return lambda: tree
    found: list[tuple[str, str]] = []
    stock = module.generate_module_state_end

    def generate_module_state_end(env: Any, modules: Any, globalstate: Any) -> None:
        vars(module).pop("generate_module_state_end", None)
        found.extend((f"{one.ret}({one.params})", one.name) for one in globalstate.shared_utility_functions)
        stock(env, modules, globalstate)

    module.generate_module_state_end = generate_module_state_end
    return lambda: _with_functions(tree, found)


def _with_functions(tree: str, functions: list[tuple[str, str]]) -> str:
    """In the order in which C imports them."""
    return f'{{"shared_functions":{json.dumps(sorted(functions))},\n{tree[1:]}'
