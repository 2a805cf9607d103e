"""What differs in a file of tests that was there before, and what in it acts on all tests.

Compared is the parsed module, piece by piece: layout and comments may change freely.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator

_LONGEST_NAME = 60
_Pieces = Counter[tuple[str, str]]


def altered(before: str | None, after: str | None) -> Iterator[str]:
    """Name the functions, constants, imports and other code that differ, are gone or repeated."""
    old, new = _pieces(before), _pieces(after)
    for name in sorted({name for name, _ in old - new}):
        yield f"{name} was there before and differs"
    times_before, times = _times(old), _times(new)
    for name in sorted(times_before.keys() & times.keys()):
        if times[name] > times_before[name]:
            yield f"{name} is defined again"


def acting_on_all(before: str | None, after: str | None) -> Iterator[str]:
    """Name what a file of tests newly puts in place of other code, or does around every test."""
    yield from sorted(_acting(after) - _acting(before))


def parsed(text: str | None) -> ast.Module:
    """Return the parsed text, or an empty module where it is no Python."""
    try:
        return ast.parse(text or "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def _pieces(text: str | None) -> _Pieces:
    """Return the pieces of a module by name and content, methods apart from their classes."""
    found: _Pieces = Counter()
    for node in parsed(text).body:
        if isinstance(node, ast.ClassDef):
            head = ast.ClassDef(node.name, node.bases, node.keywords, [], node.decorator_list)
            found[node.name, ast.dump(head)] += 1
            for inner in node.body:
                found.update((f"{node.name}::{n}", content) for n, content in _named(inner))
        else:
            found.update(_named(node))
    return found


def _named(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """Name one statement; a docstring is no code, an import is as many as it binds."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, ast.dump(node)
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            source = getattr(node, "module", None) or ""
            for alias in names:
                bound = alias.asname or alias.name.partition(".")[0]
                yield f"import of {bound}", f"{source}:{alias.name}"
        case ast.Assign(targets=targets):
            for target in targets:
                yield _short(target), ast.dump(node.value)
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            yield _short(target), ast.dump(node)
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return
        case _:
            yield f'"{_short(node)}"', ast.dump(node)


def _times(pieces: _Pieces) -> Counter[str]:
    times: Counter[str] = Counter()
    for (name, content), count in pieces.items():
        # One name may be bound by several imports: "import a.b" and "import a.c" both bind a.
        times[name] += 0 if name.startswith("import of ") and content.startswith(":") else count
    return times


def _acting(text: str | None) -> set[str]:
    module = parsed(text)
    found = {f"replaces {_short(target)} for all tests" for target in _replaced(module.body)}
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
            isinstance(mark, ast.Call) and any(word.arg == "autouse" for word in mark.keywords)
            for mark in node.decorator_list
        ):
            found.add(f"has the fixture {node.name}, which acts without being asked for")
    return found


def _replaced(body: Iterable[ast.stmt]) -> Iterator[ast.expr]:
    """Find what code of the module's top level assigns in other modules and objects."""
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                continue
            case ast.Assign(targets=targets):
                yield from (t for t in targets if isinstance(t, ast.Attribute))
            case ast.Expr(value=ast.Call(func=ast.Name(id="setattr"), args=[first, *_])):
                yield first
            case _:
                for name in ("body", "orelse", "finalbody"):
                    yield from _replaced(getattr(node, name, []))


def _short(node: ast.AST) -> str:
    return ast.unparse(node).split("\n", 1)[0][:_LONGEST_NAME]
