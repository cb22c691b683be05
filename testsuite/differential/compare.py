"""What two runs of a module's tests, one by each route, have in common and what not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def differences(c: dict[str, Any], tree: dict[str, Any], known: Iterable[str] = ()) -> list[str]:
    """Every example that did something else, one text each; but for those whose names begin with one
    that is known."""
    found = []
    if c.get("names") != tree.get("names"):
        found.append(f"names: {sorted(set(c.get('names', ())) ^ set(tree.get('names', ())))}")
    # A run that took long did not run its examples again.
    both = [(key, title) for key, title in (("examples", ""), ("again", " (when run again)"))
            if c[key] and tree[key]]  # fmt: skip
    for key, title in both:
        ours = {one["at"]: one for one in tree[key]}
        for one in c[key]:
            other = ours.get(one["at"])
            if other is None:
                found.append(f"{one['at']}{title}: only by the C route")
            elif one != other and not one["at"].startswith(tuple(known)):
                found += [f"{one['at']}{title}: {text}" for text in _parts(one, other)]
        theirs = {one["at"] for one in c[key]}
        found += [f"{at}{title}: only by the tree route" for at in ours if at not in theirs]
    return found


def _parts(c: dict[str, Any], tree: dict[str, Any]) -> list[str]:
    source = c.get("source", "")
    return [f"{source!r}: {key}: C {c.get(key)!r}, tree {tree.get(key)!r}"[:1500]
            for key in sorted(c.keys() | tree.keys()) if c.get(key) != tree.get(key)]  # fmt: skip


def leaks(c: list[list[int]], tree: list[list[int]]) -> list[str]:
    """What a round gains by one route and not by the other, once caches and free lists are filled."""
    if not c or not tree:
        return []
    found = []
    for index, what in enumerate(("references", "blocks")):
        # The first two rounds fill caches and free lists.
        by_c, by_tree = ([one[index] for one in rounds[2:] or rounds] for rounds in (c, tree))
        if min(by_tree) > max(by_c) or max(by_tree) < min(by_c):
            found.append(f"{what} gained in a round: C {_span(by_c)}, tree {_span(by_tree)}")
    return found


def _span(values: list[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} to {high}"


def leaks_by_test(c: dict[str, Any], tree: dict[str, Any]) -> list[str]:
    """The same for two runs that measured test by test."""
    ours = dict(tree["growth"])
    return [f"{title}: {text}" for title, rounds in c["growth"] if title in ours
            for text in leaks(rounds, ours[title])]  # fmt: skip
