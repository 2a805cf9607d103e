"""A compact map of code: files with the signatures of what they define, within a token budget."""

from collections.abc import Iterator, Mapping, Sequence

from agents.context.ranking import Ranked
from shared.sources import Symbol

CHARACTERS_A_TOKEN = 3
"""Code has three to four in the usual vocabularies; the smaller number keeps the promise."""
_FILE_SHARE = 2  # one file takes at most half of what is left
_GAP = "  ..."


def signature_map(
    files: Sequence[Ranked], symbols: Mapping[str, Sequence[Symbol]], *, tokens: int
) -> str:
    """Show the files in their order, the signatures that matter first to stay, with line numbers.

    ``symbols`` are by path, in the order of the text.
    """
    parts, room = list[str](), tokens * CHARACTERS_A_TOKEN
    for number, file in enumerate(files):
        share = max(room // _FILE_SHARE, room // (len(files) - number))
        shown = _file(file, symbols.get(file.path, ()), share)
        if shown and len(shown) + 1 <= room:
            parts.append(shown)
            room -= len(shown) + 1
    return "\n".join(parts)


def _file(file: Ranked, symbols: Sequence[Symbol], room: int) -> str:
    """Return a file's part, or nothing when not even one signature has room."""
    lines = [_line(symbol, symbols) for symbol in symbols]
    room -= len(file.path) + 1
    kept = set[int]()
    for index in _by_weight(file, symbols):
        wanted = {index, *_above(index, symbols)} - kept
        cost = sum(len(lines[n]) + 1 + len(_GAP) + 1 for n in wanted)
        if cost <= room:
            kept |= wanted
            room -= cost
    if not kept:
        return file.path if room >= 0 and not symbols else ""
    return "\n".join([file.path, *_gapped(lines, sorted(kept))])


def _by_weight(file: Ranked, symbols: Sequence[Symbol]) -> Iterator[int]:
    """Name the definitions that answer to the issue first, then the outermost ones, then all."""
    known = {symbol: index for index, symbol in enumerate(symbols)}
    yield from (known[symbol] for symbol in file.symbols if symbol in known)
    yield from (index for index, symbol in enumerate(symbols) if symbol.parent < 0)
    yield from range(len(symbols))


def _above(index: int, symbols: Sequence[Symbol]) -> Iterator[int]:
    while (index := symbols[index].parent) >= 0:
        yield index


def _line(symbol: Symbol, symbols: Sequence[Symbol]) -> str:
    depth, parent = 1, symbol.parent
    while parent >= 0:
        depth, parent = depth + 1, symbols[parent].parent
    return f"{'  ' * depth}{symbol.signature}  :{symbol.line}"


def _gapped(lines: Sequence[str], kept: Sequence[int]) -> Iterator[str]:
    """Yield the kept lines, with one mark for each run of others."""
    for before, index in zip([-1, *kept], kept, strict=False):
        if index != before + 1:
            yield _GAP
        yield lines[index]
    if kept[-1] + 1 < len(lines):
        yield _GAP
