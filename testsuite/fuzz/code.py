"""Programs as trees of statements, so that what does not matter to a difference can be taken away."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Statement:
    """A line, or the header of a compound statement with its body and what follows (`else:`, ...)."""

    line: str
    body: list[Statement] | None = None
    then: list[Statement] = field(default_factory=list)
    #: Declarations and what others need stay where they are.
    fixed: bool = False

    def render(self, depth: int) -> Iterator[str]:
        yield "    " * depth + self.line
        if self.body is not None:
            yield from block(self.body, depth + 1)
        for clause in self.then:
            yield from clause.render(depth)


def block(body: list[Statement], depth: int) -> Iterator[str]:
    if not body:
        yield "    " * depth + "pass"
    for statement in body:
        yield from statement.render(depth)


@dataclass
class Function:
    """A function and the arguments that it is called with."""

    header: str
    body: list[Statement]
    #: Texts of argument lists; none for functions that only others call.
    calls: list[str] = field(default_factory=list)
    name: str = ""
    decorators: list[str] = field(default_factory=list)

    def render(self) -> Iterator[str]:
        yield from self.decorators
        yield self.header
        yield from block(self.body, 1)
        yield ""


@dataclass
class Program:
    """A module's text in parts."""

    head: str
    functions: list[Function]

    def text(self) -> str:
        return self.head + "\n".join(line for function in self.functions for line in function.render())

    def calls(self) -> list[tuple[str, str]]:
        return [(function.name, arguments) for function in self.functions for arguments in function.calls]


def _bodies(body: list[Statement]) -> Iterator[list[Statement]]:
    yield body
    for statement in body:
        if statement.body is not None:
            yield from _bodies(statement.body)
        for clause in statement.then:
            if clause.body is not None:
                yield from _bodies(clause.body)


def smaller(program: Program) -> Iterator[Program]:
    """The program with one thing less: a function, statements, a clause, the frame of a compound statement."""
    for index in range(len(program.functions)):
        less = copy.deepcopy(program)
        del less.functions[index]
        yield less
    for index, function in enumerate(program.functions):
        for call in range(len(function.calls)):
            if len(function.calls) > 1:
                less = copy.deepcopy(program)
                less.functions[index].calls = [function.calls[call]]
                yield less
        for number, body in enumerate(_bodies(function.body)):
            for size in (8, 4, 2, 1):
                for start in range(0, len(body), size):
                    if size > 1 and len(body) < size or any(one.fixed for one in body[start : start + size]):
                        continue
                    less = copy.deepcopy(program)
                    del list(_bodies(less.functions[index].body))[number][start : start + size]
                    yield less
            for start, statement in enumerate(body):
                if statement.body is not None and not statement.fixed:
                    less = copy.deepcopy(program)
                    own = list(_bodies(less.functions[index].body))[number]
                    own[start : start + 1] = own[start].body or []
                    yield less
                if statement.then:
                    less = copy.deepcopy(program)
                    own = list(_bodies(less.functions[index].body))[number]
                    own[start].then.pop()
                    yield less
