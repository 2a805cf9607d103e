"""Code that asks for the very values of the tests: it may know the answers, not the rule.

Of 215 commits of flask and requests that change code and tests together, 5 are named without cause.
"""

import ast
from collections.abc import Iterable, Iterator

from shared.workspace.altered import parsed

_SHORTEST_TEXT = 3
_SMALLEST_NUMBER = 3  # 0, 1, 2 are asked for everywhere
_EQUAL = (ast.Eq, ast.In)


def special_cases(before: str | None, after: str | None, tests: Iterable[str]) -> Iterator[str]:
    """Name the constants of the new tests to which new code compares something.

    ``tests`` are the texts of new and changed tests.
    """
    tested = {value for text in tests for value in _constants(parsed(text))}
    for value in sorted(_asked_for(after) & tested - _constants(parsed(before)), key=repr):
        yield f"asks for {value!r}, a value of the new tests"


def _asked_for(text: str | None) -> set[object]:
    found: set[object] = set()
    for node in ast.walk(parsed(text)):
        match node:
            case ast.Compare(left=left, ops=ops, comparators=right):
                if any(isinstance(op, _EQUAL) for op in ops):
                    found |= {value for side in (left, *right) for value in _direct(side)}
            case ast.MatchValue(value=value):
                found |= set(_direct(value))
            case ast.Subscript(value=ast.Dict(keys=keys)):
                found |= {value for key in keys if key for value in _direct(key)}
            case ast.Call(func=ast.Attribute(value=ast.Dict(keys=keys), attr="get")):
                found |= {value for key in keys if key for value in _direct(key)}
            case _:
                pass
    return found


def _direct(node: ast.AST) -> Iterator[object]:
    """Return the constants that an expression is, alone or as the items of a list."""
    items = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    for item in items:
        if isinstance(item, ast.UnaryOp):
            item = item.operand  # noqa: PLW2901 - a sign is a part of the number
        if isinstance(item, ast.Constant) and _is_telling(item.value):
            yield item.value


def _constants(module: ast.Module) -> set[object]:
    return {
        node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and _is_telling(node.value)
    }


def _is_telling(value: object) -> bool:
    if isinstance(value, str | bytes):
        # "__main__" and its kind are the language's own.
        return len(value) >= _SHORTEST_TEXT and value[:2] not in {"__", b"__"}
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) >= _SMALLEST_NUMBER
