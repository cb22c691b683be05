"""Operations of Python's types as templates: `o` is what they are done to, letters are arguments.

`i`, `j`, `k`: numbers; `s`, `t`: texts; `y`, `z`: bytes; `a`, `b`: anything; `l`: sequences; `d`: mappings.
Templates with `;` or `=` are statements.
"""

from __future__ import annotations

#: What the values of arguments are taken from, by letter.
ITEMS = {"i": "index", "j": "index", "k": "index", "s": "str", "t": "str", "y": "bytes", "z": "bytes",
         "a": "any", "b": "any", "l": "sequence", "d": "mapping"}  # fmt: skip

ARGUMENTS = {
    "index": [
        "0", "1", "-1", "2", "-2", "3", "7", "-9", "100", "-100", "None", "True", "2**63", "-2**70", "1.5",
        "Whole(1)", "'1'",
    ],
    "any": [
        "None", "0", "1", "-3", "2.5", "'a'", "''", "b'a'", "[]", "[1, 2]", "(1, 'b')", "{}", "{'a': 1}",
        "{1, 2}", "Failing()", "Whole(2)", "E(3)", "10**30", "int", "len", "...", "3 + 1j", "range(3)",
        "iter([4, 5])", "bytearray(b'xy')", "memoryview(b'pq')", "List([3, 1])", "Dict(a=4)", "Str('abc')",
        "True", "frozenset([1])", "float('nan')", "slice(1, 3)",
    ],
    "str": [
        "''", "'a'", "'ab'", "'hello world'", "'\\xe4\\u4e2d'", "'A,b,,c'", "' x\\ty\\n'", "'12'",
        "'\\U0001f600z'", "None", "Str('abc')", "'-0x1F'", "'a' * 40", "'%s-%d'", "'{}{a}'",
    ],
    "bytes": [
        "b''", "b'a'", "b'ab'", "b'hello'", "b'\\xff\\x00z'", "b'A,b,,c'", "b' x '", "None", "b'12'",
        "b'\\xc3\\xa4'",
    ],
    "bytearray": [
        "bytearray()", "bytearray(b'abc')", "bytearray(b'\\xff\\x00')", "None", "bytearray(b'hello')",
    ],
    "list": [
        "[]", "[1]", "[3, 1, 2]", "['a', 1, None]", "None", "List([1, 2])", "[[1], [2]]", "[1.5, 2, 3]",
        "list(range(10))", "[True, 1, 1.0]", "['b', 'a']", "[(1, 2), (3, 4)]",
    ],
    "tuple": [
        "()", "(1,)", "(3, 1, 2)", "('a', None)", "None", "((1, 2), (3, 4))",
    ],
    "dict": [
        "{}", "{'a': 1}", "{1: 2, 'b': None}", "None", "Dict(a=1)", "{(1, 2): 3, None: 4}",
        "dict.fromkeys(range(5))",
    ],
    "set": [
        "set()", "{1}", "{1, 2, 3}", "{'a'}", "None", "set(range(8))",
    ],
    "frozenset": [
        "frozenset()", "frozenset([1, 2])", "None",
    ],
    "sequence": [
        "[]", "[1, 2]", "(3,)", "'ab'", "b'ab'", "None", "5", "{'k': 1}", "range(3)", "iter([1, 'x'])",
        "['a', 'b']", "[('a', 1)]", "[1, 2, 3, 4]", "Failing()", "[[1, 2], [3]]", "{3}",
    ],
    "mapping": [
        "{}", "{'a': 1}", "{1: 2}", "None", "[('a', 1)]", "Dict(b=2)", "[1]", "5",
    ],
    "int": [
        "0", "1", "-1", "255", "2**31", "-2**63", "10**30", "True", "None", "7", "-8",
    ],
    "float": [
        "0.0", "-0.0", "1.5", "-2.25", "float('nan')", "float('inf')", "1e300", "None", "3", "2.5", "3.5",
    ],
}  # fmt: skip
ARGUMENTS["object"] = ARGUMENTS["any"]

#: Of texts and bytes alike.
_TEXT = [
    "o.find({s})", "o.find({s}, {i})", "o.find({s}, {i}, {j})", "o.rfind({s}, {i}, {j})", "o.index({s})",
    "o.count({s})", "o.count({s}, {i}, {j})", "o.startswith({s})", "o.startswith({a})",
    "o.startswith({s}, {i})", "o.startswith(({s}, {t}), {i}, {j})", "o.endswith({s}, {i}, {j})",
    "o.endswith({a})", "o.split()", "o.split({s})", "o.split({s}, {i})", "o.split(None, {i})",
    "o.rsplit({s}, {i})", "o.splitlines()", "o.splitlines({a})", "o.join({l})", "o.join([{s}, {t}])",
    "o.join({s} for x in range(3))", "o.replace({s}, {t})", "o.replace({s}, {t}, {i})", "o.strip()",
    "o.strip({s})", "o.lstrip({a})", "o.upper()", "o.title()", "o.center({i})", "o.zfill({i})",
    "o.partition({s})", "o.rpartition({s})", "{s} in o", "{a} in o", "o not in {s}", "o + {s}", "o + {a}",
    "{a} + o", "o * {i}", "{i} * o", "o[{i}]", "o[{i}:{j}]", "o[{i}:]", "o[:{j}]", "o[{i}:{j}:{k}]", "len(o)",
    "o == {s}", "o != {a}", "o < {s}", "o <= {s} < {t}", "list(o)", "tuple(o)", "set(o)", "sorted(o)", "max(o)",
    "min(o, default={a})", "[x for x in o]", "{{x: 1 for x in o}}", "bool(o)", "not o", "o.isdigit()",
    "o.isalpha(), o.isspace()", "hash(o) == hash({s})", "o is {s}", "o or {a}", "reversed(o)",
    "dict(zip(o, {l}))", "any(x == {s} for x in o)", "o += {s}; return o", "o *= {i}; return o",
    "x, y = o; return x, y", "x, *y = o; return x, y", "int(o)", "int(o, {i})", "float(o)", "o.expandtabs({i})",
    "o[{i}] in {s}", "ord(o)", "ord(o[{i}])", "iter(o)", "o and o[0]", "enumerate(o, {i})", "o.nothing",
    "o.find()", "o.join()", "o.split(1, 2, 3)",
]  # fmt: skip

OPERATIONS = {
    "str": [
        *_TEXT, "o.encode()", "o.encode('utf8')", "o.encode('ascii')", "o.encode('latin-1', 'replace')",
        "o.encode({s})", "o.encode('utf-16')", "o.format({a}, a={b})", "o % {a}", "o % ({a}, {b})",
        "f'{{o:>10}}|'", "f'{{o!r}}{{o}}'", "f'{{o:{{s}}}}'", "o.casefold(), o.swapcase()", "bytes(o, 'utf8')",
        "bytes(o, {s})", "str(o)", "repr(o)", "o.translate({d})", "o.isidentifier()", "format(o, {s})",
        "str(o, {s})", "o.lower() in {l}", "[c.upper() for c in o]", "''.join([c for c in o if c.isalpha()])",
        "o.isnumeric() or o.isdecimal()", "o.isupper(), o.islower(), o.istitle()", "<Py_UCS4>o", "o[0] == 'a'",
        "'abc'.find(o)", "ascii(o)", "bytearray(o, 'utf8')", "o.removeprefix({s})", "o.format_map({d})",
        "getattr(E(2), o)", "hasattr(E(2), o)", "(<object>o).upper()", "o.__contains__({s})", "o.isprintable()",
        "'%s' % o", "'%r|%5s' % (o, o)",
    ],
    "bytes": [
        *(one.replace("{s}", "{y}").replace("{t}", "{z}") for one in _TEXT), "o.decode()", "o.decode('utf8')",
        "o.decode('ascii')", "o.decode('latin-1')", "o.decode('utf8', 'replace')", "o.decode({s})",
        "o.decode('ascii', {s})", "o[{i}:{j}].decode('utf8')", "o[{i}:].decode('latin1')",
        "o[:{j}].decode('ascii')", "o.hex()", "bytes(o)", "bytearray(o)", "sum(o)", "str(o, 'utf8')", "str(o)",
        "<char*>o", "o.hex(':')", "int.from_bytes(o, 'big')", "bytes({a})", "bytes({l})", "o % {a}", "{i} in o",
        "o.find({i})", "o.count({i})", "[x + 1 for x in o]",
    ],
    "bytearray": [
        "o.append({i})", "o.append({a})", "o.extend({a})", "o.extend({l})", "o[{i}] = {j}; return o",
        "o[{i}] = {a}; return o", "o[{i}:{j}] = {y}; return o", "del o[{i}]; return o", "o.pop()", "o.pop({i})",
        "o.insert({i}, {j})", "o.decode()", "o.decode('utf8', 'ignore')", "o[{i}]", "o[{i}:{j}]", "{i} in o",
        "o + {y}", "o += {a}; return o", "o * {i}", "len(o)", "bytes(o)", "o.find({y}, {i})", "o.reverse()",
        "o == {y}", "[x for x in o]", "o.clear()", "o.startswith({y})", "o[{i}:{j}].decode('ascii')", "not o",
        "o.join({l})",
    ],
    "list": [
        "o.append({a})", "o.append({a}); return o.append({b})", "o.extend({l})", "o.extend([{a}, {b}])",
        "o.extend(x for x in {l})", "o.insert({i}, {a})", "o.pop()", "o.pop({i})", "o.pop({a})",
        "o.remove({a})", "o.index({a})", "o.index({a}, {i}, {j})", "o.count({a})", "o.sort()",
        "o.sort(reverse={a})", "o.sort(key={a})", "o.sort(key=str)", "o.reverse()", "o.copy()", "o.clear()",
        "o[{i}]", "o[{a}]", "o[{i}] = {a}; return o", "o[{a}] = 1; return o", "del o[{i}]; return o",
        "del o[{a}]; return o", "o[{i}:{j}]", "o[{i}:]", "o[:{j}]", "o[{i}:{j}:{k}]",
        "o[{i}:{j}] = {l}; return o", "o[{i}:{j}:{k}] = {l}; return o", "del o[{i}:{j}]; return o",
        "del o[{i}:{j}:{k}]; return o", "o + {l}", "{l} + o", "o * {i}", "{i} * o", "{a} in o", "{a} not in o",
        "len(o)", "sum(o)", "sum(o, {a})", "min(o)", "max(o, key={a})", "max(o, default={a})", "sorted(o)",
        "sorted(o, key=str, reverse={a})", "any(o)", "all(o)", "o += {l}; return o", "o *= {i}; return o",
        "tuple(o)", "set(o)", "dict(o)", "[*o, *{l}]", "[*o, {a}]", "{{*o}}", "o == {l}", "o < {l}",
        "reversed(o)", "list(reversed(o))", "enumerate(o, {i})", "list(enumerate(o))", "list(zip(o, {l}))",
        "not o", "bool(o)", "x, y = o; return x, y", "x, *y = o; return x, y", "*x, y, z = o; return x, y, z",
        "[x for x in o if x]", "{{x: y for x, y in o}}", "any(x == {a} for x in o)", "all(x for x in o)",
        "sum(x for x in o)", "sum([x for x in o])", "''.join(o)", "o is {a}", "o[0], o[-1]", "o[{i}][{j}]",
        "o[{i}] += {a}; return o", "o[{i}], o[{j}] = o[{j}], o[{i}]; return o", "o.append()", "o.append(1, 2)",
        "o.nothing()", "o.pop(1, 2)", "list(map(str, o))", "list(filter(None, o))", "iter(o)", "next(iter(o))",
        "next(iter(o), {a})", "hash(o)", "isinstance(o, (list, tuple))", "o or {a}", "bytes(o)", "frozenset(o)",
        "[x for x in o[{i}:]]", "list(range(len(o)))", "[y for x in o for y in x]", "o[:] == {l}",
    ],
    "tuple": [
        "o.count({a})", "o.index({a})", "o[{i}]", "o[{a}]", "o[{i}:{j}]", "o[{i}:{j}:{k}]", "o + {l}",
        "o * {i}", "{a} in o", "len(o)", "list(o)", "x, y = o; return x, y", "x, *y = o; return x, y",
        "o == {l}", "hash(o)", "sorted(o)", "(*o, {a})", "not o", "sum(o)", "dict([o])", "max(o)",
        "o += {l}; return o", "reversed(o)", "set(o)", "any(o)", "[x for x in o]",
        "(x, y), z = o; return x, y, z", "o[0][1]", "'%s %s' % o", "o < {l}", "o.nothing", "isinstance({a}, o)",
    ],
    "dict": [
        "o.get({a})", "o.get({a}, {b})", "o.get()", "o.setdefault({a})", "o.setdefault({a}, {b})", "o.pop({a})",
        "o.pop({a}, {b})", "o.pop({a}, None)", "o.popitem()", "o.update({d})", "o.update(x={a})",
        "o.update({d}, y={a})", "list(o.items())", "list(o.keys())", "list(o.values())",
        "[(x, y) for x, y in o.items()]", "[x for x in o]", "[x for x in o.values()]", "{a} in o",
        "{a} not in o", "o[{a}]", "o[{a}] = {b}; return o", "del o[{a}]; return o", "o.copy()", "o.clear()",
        "dict(o)", "dict(o, z={a})", "{{**o, **{d}}}", "{{'q': {a}, **{d}}}", "len(o)", "sorted(o)", "o == {d}",
        "o | {d}", "o |= {d}; return o", "not o", "tuple(o)", "set(o)", "iter(o)", "[x for x in o.keys() if x]",
        "dict.fromkeys({l}, {a})", "{{x: {a} for x in {l}}}", "{{y: x for x, y in o.items()}}",
        "o[{a}] += 1; return o", "[o.pop(x) for x in list(o)]", "[o.clear() for x in o]", "dict({d})",
        "dict({a})", "dict(**{d})", "kept(**{d})", "max(o)", "sum(o.values())", "any(o.values())",
        "o.items() == {a}", "o.nothing", "o.get({a}).upper()", "list(reversed(o))", "next(iter(o.items()))",
        "o.has_key(1)", "o.setdefault()", "x, y = o; return x, y", "*x, = o.values(); return x",
        "isinstance(o, dict)", "o.__contains__({a})",
    ],
    "set": [
        "o.add({a})", "o.discard({a})", "o.remove({a})", "o.pop()", "o.update({l})",
        "sorted(o.union({l}), key=str)", "o | {a}", "o & {a}", "o - {a}", "o ^ {a}", "o |= {a}; return o",
        "o -= {a}; return o", "o.difference_update({l})", "o.issubset({l})", "o.isdisjoint({l})", "{a} in o",
        "len(o)", "o == {a}", "o <= {a}", "frozenset(o)", "o.copy()", "o.clear()", "set({a})", "{{*o, *{l}}}",
        "{{x for x in {l}}}", "not o", "hash(o)", "max(o)", "frozenset({l})", "frozenset({a})",
        "o.nothing", "[o.add(x) for x in {l}]",
    ],
    "frozenset": [
        "{a} in o", "o | {a}", "hash(o) == 1", "o.union({l})", "len(o)", "o == {a}", "o.add(1)",
    ],
    "int": [
        "o.bit_length()", "o.to_bytes({i}, 'big')", "o + {a}", "o - {a}", "{a} - o", "o * {i}", "o // {a}",
        "o % {a}", "o / {a}", "o ** {i}", "o << {i}", "o >> {i}", "o & {a}", "o | {i}", "o ^ {i}", "~o", "-o",
        "+o", "abs(o)", "divmod(o, {a})", "pow(o, {i})", "pow(o, {i}, {j})", "round(o)", "round(o, {i})",
        "bin(o)", "oct(o)", "hex(o)", "chr(o)", "float(o)", "str(o)", "f'{{o:5d}}|{{o:x}}'", "f'{{o:{{s}}}}'",
        "o == {a}", "o < {a}", "1 < o < {i}", "range(o)", "range(o, {i}, {j})", "o + 1", "1 + o", "o - 1",
        "5 - o", "o * 2", "o // 3", "o % 3", "7 % o", "7 // o", "o == 1", "1 != o", "o & 3", "o | 1", "o >> 2",
        "o << 3", "o / 2", "2 / o", "o += 1; return o", "o -= {a}; return o", "bool(o)", "not o", "hash(o)",
        "int(o)", "complex(o)", "[x for x in range(o & 7)]", "o.numerator, o.real", "1 << o",
        "o.as_integer_ratio()", "min(o, {i})", "max(o, {a}, 0)", "sum([o, {a}])", "o in (1, 2, 7)", "2 ** o",
        "o is 1", "bytes(o & 7)", "o > 0 and o < 10", "o.nothing", "o if o else {a}", "-o % 7",
        "(o, {a}) < (1, 2)",
    ],
    "float": [
        "o + {a}", "o - {i}", "o * {a}", "o / {a}", "{a} / o", "o // {a}", "o % {a}", "o ** {a}", "-o",
        "abs(o)", "divmod(o, {a})", "round(o)", "round(o, {i})", "int(o)", "o.is_integer()", "o.hex()",
        "o.as_integer_ratio()", "str(o)", "repr(o)", "f'{{o:.2f}}|{{o:8}}'", "f'{{o:{{s}}}}'", "o == {a}",
        "o < {a}", "o + 1", "1.5 - o", "o * 2.0", "o / 2", "2.0 / o", "o % 2", "o // 0.5", "o == 1.5", "2 != o",
        "bool(o)", "hash(o) == 1", "complex(o, {a})", "min(o, {a})", "float(o)", "o += 1; return o",
        "pow(o, 2)", "o ** 0.5", "not o", "'%.3f' % o", "'%d' % o", "o.real, o.imag", "float({a})",
        "float({s})", "float.fromhex({s})", "max(o, 1, 2.5)", "o in (1.5, 2)", "o > 0 > {a}", "o.nothing",
    ],
    "object": [
        "len(o)", "hash(o) == 1", "repr(o)", "str(o)", "bool(o)", "not o", "iter(o)", "next(o)", "next(o, {a})",
        "list(o)", "tuple(o)", "set(o)", "frozenset(o)", "dict(o)", "sorted(o)", "sorted(o, key={a})", "sum(o)",
        "sum(o, {a})", "min(o)", "max(o, {a})", "min(o, {a}, {b})", "any(o)", "all(o)", "abs(o)", "round(o)",
        "chr(o)", "ord(o)", "bin(o)", "int(o)", "float(o)", "complex(o)", "bytes(o)", "bytearray(o)",
        "isinstance(o, int)", "isinstance(o, (int, str))", "isinstance(o, {a})", "issubclass(o, int)",
        "issubclass(o, {a})", "callable(o)", "type(o)", "type(o).__name__", "getattr(o, {s})",
        "getattr(o, {a})", "getattr(o, 'real', {a})", "hasattr(o, 'real')", "hasattr(o, {a})",
        "setattr(o, {s}, 1)", "delattr(o, {s})", "o.real", "o.x = {a}; return 1", "del o.x; return 1", "o[{i}]",
        "o[{a}]", "o[{i}] = {a}; return o", "del o[{i}]; return o", "o[{i}:{j}]", "o[{i}:{j}:{k}]",
        "o[{i}:{j}] = {l}; return o", "del o[{i}:{j}]; return o", "o()", "o({a})", "o({a}, x={b})", "o(*{l})",
        "o(**{d})", "o(*{l}, **{d})", "o + {a}", "o - {a}", "o * {a}", "o / {a}", "o // {a}", "o % {a}",
        "o ** {a}", "o @ {a}", "o << {a}", "o & {a}", "-o", "+o", "~o", "o + 1", "1 + o", "o - 1.5", "o * 2",
        "o % 2", "o // 2", "o == {a}", "o != {a}", "o < {a}", "o == 1", "o == 'a'", "o is None", "o is not {a}",
        "{a} in o", "o in {l}", "o in (1, 'a', None)", "not (o in {l})", "x, y = o; return x, y",
        "x, *y = o; return x, y", "(x, y), z = o; return x, y, z", "[x for x in o]", "{{x for x in o}}",
        "{{x: 1 for x in o}}", "[*o]", "(*o, 1)", "{{**o}}", "[(x, y) for x, y in o]",
        "[x for x in reversed(o)]", "list(enumerate(o))", "list(zip(o, {l}))", "o.append({a})", "o.extend({l})",
        "o.pop()", "o.pop({i})", "o.get({a})", "o.items()", "[x for x, y in o.items()]", "list(o.keys())",
        "list(o.values())", "o.update({d})", "o.add({a})", "o.sort()", "o.reverse()", "o.upper()",
        "o.split({s})", "o.join({l})", "o.encode('utf8')", "o.decode('utf8')", "o.startswith({s})", "o.copy()",
        "o.index({a})", "o.count({a})", "o.insert({i}, {a})", "o.remove({a})", "o.clear()",
        "o.setdefault({a}, {b})", "divmod(o, {a})", "pow(o, {a})", "pow(o, {i}, {j})", "format(o, {s})",
        "f'{{o}}'", "f'{{o!r:>8}}'", "f'{{o:{{s}}}}'", "'%s' % (o,)", "'%d' % o", "str(o, {s})",
        "bytes(o, {s})", "int(o, {i})", "slice(o, {a})", "range(o)", "range(o, {i})", "reversed(o)",
        "list(map(o, {l}))", "list(filter(o, {l}))", "o += {a}; return o", "o *= {i}; return o",
        "o[{i}] += {a}; return o", "o and {a}", "o or {a}", "{a} if o else {b}", "memoryview(o)",
        "int.from_bytes(o, 'little')", "''.join(o)", "b''.join(o)", "dict(o, a=1)", "dict.fromkeys(o)",
        "o.__class__", "o.__len__()", "ascii(o)", "raise o", "assert o, {a}", "raise o from {a}", "o(o)",
        "type(o)()", "o.nothing.more", "o.__dict__", "isinstance({a}, o)", "issubclass(bool, o)",
        "hash(o) == hash({a})", "import math; return math.sqrt(o)", "o.bit_length()",
    ],
}  # fmt: skip
