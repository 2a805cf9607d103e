"""What a text defines and imports: by its grammar where there is one, else by its lines."""

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node, Parser, QueryCursor

from agents.context.grammars import Grammar, grammar
from shared.sources import Symbol

_LONGEST = 160  # characters of a signature
_MOST = 5_000  # definitions of one text
_PIECE = 65_536  # bytes handed to the parser at once
# Reports that a parser may give: ordinary code needs one for 130 characters.
_REPORTS, _A_REPORT = 500, 50
_DEFINITION = re.compile(
    r"^(?P<indent>[^\S\n]*)(?:export\s+|pub\s+|public\s+|async\s+)*"
    r"(?P<kind>def|class|function|func|fn|interface|struct|module|trait|enum)\s+(?P<name>\w+)[^\n]*",
    re.MULTILINE,
)
_IMPORT = re.compile(
    r"""^[^\S\n]*(?:\#include|import|from|require|require_relative|use)\b[^\S\n]*"""
    r"""[(<"']?([\w./:\\-]+)""",
    re.MULTILINE,
)
_FROM = re.compile(r"from\s+(?P<base>[\w.]+)\s+import\s+(?P<names>.*)", re.DOTALL)
_ALIAS = re.compile(r"\s+as\s+\w+")
_COMMENT = re.compile(r"#[^\n]*")


class Outline(NamedTuple):
    """The definitions of a text in their order, and its imports as written."""

    symbols: tuple[Symbol, ...]
    imports: tuple[str, ...]


def outline(path: str, text: str) -> Outline:
    """Read definitions and imports; a text that is broken gives what can be made out."""
    known = grammar(path)
    root = _root(known, text) if known else None
    return _parsed(known, root, path) if known and root else _by_lines(text)


def _root(known: Grammar, text: str) -> Node | None:
    """Parse a text; None when its errors keep the parser far longer than code would.

    The parser reports every hundred steps or so. These are counted, not timed, so that the same
    text always gives the same outline.
    """
    data, reports, most = text.encode(), itertools.count(), _REPORTS + len(text) // _A_REPORT
    # A parser of its own (2 µs): one that two threads use at once takes the process down.
    try:
        tree = Parser(known.language).parse(
            lambda start, _: data[start : start + _PIECE],
            progress_callback=lambda _offset, _has_error: next(reports) > most,
        )
    except ValueError:
        return None
    return tree.root_node


def _parsed(known: Grammar, root: Node, path: str) -> Outline:
    found = QueryCursor(known.query).captures(root)
    nodes = sorted(found.get("definition", ()), key=lambda n: (n.start_byte, -n.end_byte))
    symbols: list[Symbol] = []
    open_ones: list[tuple[int, int]] = []  # index and end byte of what encloses the next node
    for node in nodes[:_MOST]:
        while open_ones and open_ones[-1][1] <= node.start_byte:
            open_ones.pop()
        symbols.append(_symbol(node, open_ones[-1][0] if open_ones else -1))
        open_ones.append((len(symbols) - 1, node.end_byte))
    python = path.endswith((".py", ".pyi"))
    # Captures come in no order of their own.
    written = [_text(n) for n in sorted(found.get("import", ()), key=lambda n: n.start_byte)]
    imports = [name for line in written for name in (_python(line) if python else [line])]
    return Outline(
        tuple(symbols), tuple(dict.fromkeys(" ".join(i.split()).strip("\"'` ") for i in imports))
    )


def _symbol(node: Node, parent: int) -> Symbol:
    name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
    whole = _text(node)
    head = whole[: body.start_byte - node.start_byte] if body else whole.partition("\n")[0]
    return Symbol(
        name=_text(name) if name else "",
        kind=node.type.split("_")[0],
        signature=" ".join(head.split())[:_LONGEST].rstrip(" {:"),
        line=node.start_point.row + 1,
        end=node.end_point.row + 1,
        parent=parent,
    )


def _python(statement: str) -> Iterator[str]:
    """Name the modules of an import; whether ``from a import b`` means a module is seen later."""
    plain = _ALIAS.sub("", _COMMENT.sub("", statement))
    if found := _FROM.match(plain):
        base = found["base"]
        yield base
        for name in re.findall(r"\w+", found["names"]):
            yield f"{base}{name}" if base.endswith(".") else f"{base}.{name}"
    else:
        yield from re.findall(r"[\w.]+", plain.removeprefix("import"))


def _by_lines(text: str) -> Outline:
    found = list(_DEFINITION.finditer(text))[:_MOST]
    lines = [text.count("\n", 0, match.start()) + 1 for match in found[:1]]
    for before, match in itertools.pairwise(found):
        lines.append(lines[-1] + text.count("\n", before.start(), match.start()))
    ends = [*(line - 1 for line in lines[1:]), text.count("\n") + 1]
    symbols = (
        Symbol(m["name"], m["kind"], " ".join(m[0].split())[:_LONGEST], line, max(line, end), -1)
        for m, line, end in zip(found, lines, ends, strict=False)
    )
    return Outline(tuple(symbols), tuple(dict.fromkeys(_IMPORT.findall(text))))


def _text(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")
