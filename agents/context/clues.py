"""What an issue gives away about the code: words, names, paths, and the frames of tracebacks."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from agents.context.words import stems

_LONGEST = 40_000  # characters of an issue that are looked at
_TITLE_WEIGHT = 3.0
# Every repetition of a word says less: a log repeats what it says a hundred times.
_MOST_REPEATS = 3
_PATH = re.compile(r"(?<![\w.-])((?:[\w.-]{1,80}[/\\]){0,20}[\w-]{1,80}\.[A-Za-z]{1,5})(?![\w/])")
_FRAME = re.compile(
    r"(?<![\w.-])((?:[\w.-]{0,80}[/\\]){0,20}[\w.-]{1,80}\.[A-Za-z]{1,5})"
    r"\"?(?:, line |:)(\d{1,6})(?:, in (\w{1,80}))?"
)
_DOTTED = re.compile(r"(?<![\w.])[A-Za-z_]\w{0,80}(?:\.[A-Za-z_]\w{0,80}){1,10}")
_QUOTED = re.compile(r"`{1,3}([^`]{1,2000})`{1,3}")
_NAME = re.compile(r"[A-Za-z_]\w{2,80}")
_TELLING = re.compile(
    r"\w*[a-z0-9]_[a-z]\w*|[A-Z]\w*[a-z]\w*[A-Z]\w*|[a-z]+[A-Z]\w*|_\w+|\w+(?=\()"
)
_LINK = re.compile(r"https?://\S{1,500}")


class Frame(NamedTuple):
    """A line of a traceback; ``function`` may be empty."""

    path: str
    line: int
    function: str


class Clues(NamedTuple):
    """What is searched for: words with weights, names of definitions, paths, dotted names, frames.

    Frames are in the order of the text: Python's innermost one is the last.
    """

    words: Mapping[str, float]
    names: tuple[str, ...]
    paths: tuple[str, ...]
    dotted: tuple[str, ...]
    frames: tuple[Frame, ...]


def clues(title: str, body: str) -> Clues:
    """Read an issue."""
    text = f"{title}\n{body}"[:_LONGEST]
    bare = _LINK.sub(" ", text)
    counts = Counter(stems(bare))
    named = set(stems(title))
    frames = [Frame(_slashes(p), int(n), f or "") for p, n, f in _FRAME.findall(bare)]
    return Clues(
        words={
            word: (_TITLE_WEIGHT if word in named else 1.0) * min(count, _MOST_REPEATS) ** 0.5
            for word, count in counts.items()
        },
        names=_names(title, bare),
        paths=tuple(dict.fromkeys(_slashes(path) for path in _PATH.findall(text))),
        dotted=tuple(dict.fromkeys(_DOTTED.findall(bare))),
        frames=tuple(dict.fromkeys(frames)),
    )


def _names(title: str, text: str) -> tuple[str, ...]:
    """Return what looks like the name of a definition: in code, or by its spelling."""
    quoted = (name for part in _QUOTED.findall(text) for name in _NAME.findall(part))
    spelled = (name for name in _TELLING.findall(text) if _NAME.fullmatch(name))
    return tuple(dict.fromkeys((*_TELLING.findall(title), *quoted, *spelled)))


def _slashes(path: str) -> str:
    return path.replace("\\", "/").removeprefix("./")
