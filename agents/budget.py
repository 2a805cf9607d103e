"""How many tokens a prompt may take, and how its parts share them when they want more.

Short parts stay whole and long ones are cut to one same length, so that a huge log cannot crowd
out the issue. What is cut says so: a model that believes it has seen everything guesses.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from shared.chat import Message, Speaker, likely_tokens
from shared.profiles import ModelSpec
from shared.workspace.policy import is_test_file

Cut = Callable[[str, int], str]
"""Shortens a text to about a number of characters."""

USUAL_ROOM = 12_288
"""Tokens of a prompt where nobody says otherwise: a context of 16k less the usual reply."""
_FILE = re.compile(r"^(?:diff --git |--- )(?=\S)", re.MULTILINE)
_NAMED = re.compile(r"diff --git a/(?P<diff>.+?) b/|--- (?:a/)?(?P<plain>\S.*)")
_FRAME = likely_tokens([Message(role=Speaker.USER, content="")])
_NOTE = 120  # characters for the sentence about what was left out
_MOST_NAMED = 12


def room_of(model: ModelSpec) -> int:
    """Return the tokens that a model's prompt may take, with room for its reply within num_ctx."""
    return max(model.num_ctx - model.num_predict, model.num_ctx // 2)


def tokens(text: str) -> int:
    """Return a careful estimate of a text's tokens, too high rather than too low."""
    return likely_tokens([Message(role=Speaker.USER, content=text)]) - _FRAME


def clip(text: str, longest: int) -> str:
    """Leave out the middle of a text that has more characters than ``longest``."""
    if len(text) <= longest:
        return text
    half = max(0, longest) // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[... {left_out} characters left out ...]\n{text[len(text) - half :]}"


def by_files(text: str, longest: int) -> str:
    """Leave out whole files of a diff or an excerpt, tests first, and name them at the end.

    A file that is too long by itself loses its middle; half a file would look like a whole one.
    """
    if len(text) <= longest:
        return text
    files = _files(text)
    room, kept = longest - _NOTE, set[int]()
    for number in sorted(range(len(files)), key=lambda n: is_test_file(_name(files[n]))):
        if len(files[number]) <= room:
            kept.add(number)
            room -= len(files[number])
    if not kept:
        return clip(text if len(files) == 1 else files[0], longest - _NOTE) + _left_out(files[1:])
    left = [file for number, file in enumerate(files) if number not in kept]
    return "".join(file for n, file in enumerate(files) if n in kept) + _left_out(left)


def by_lines(text: str, longest: int) -> str:
    """Leave out the last lines of a list, and say how many."""
    if len(text) <= longest:
        return text
    kept, room = list[str](), longest - _NOTE
    lines = text.split("\n")
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, f"[{len(lines) - len(kept)} more left out for length]"])


class Part(NamedTuple):
    """A text of a prompt that may be long, and how it is shortened."""

    text: str
    cut: Cut = clip


def fit(parts: Mapping[str, Part], room: int) -> dict[str, str]:
    """Shorten the parts until all of them together take no more than ``room`` tokens."""
    wanted = {name: tokens(part.text) for name, part in parts.items()}
    given = shares(wanted, room)
    return {name: _within(part, given[name]) for name, part in parts.items()}


def shares(wanted: Mapping[str, int], room: int) -> dict[str, int]:
    """Give each what it wants while there is room; those that want most get equal parts."""
    given, left = dict[str, int](), max(0, room)
    for done, name in enumerate(sorted(wanted, key=lambda name: (wanted[name], name))):
        given[name] = min(wanted[name], left // (len(wanted) - done))
        left -= given[name]
    return given


def _within(part: Part, limit: int) -> str:
    needed = tokens(part.text)
    if needed <= limit:
        return part.text
    longest = len(part.text) * limit // needed
    while tokens(shortened := part.cut(part.text, longest)) > limit and longest > 0:
        longest = longest * 3 // 4 if longest > _NOTE else 0
    return shortened


def _files(text: str) -> list[str]:
    starts = [found.start() for found in _FILE.finditer(text)]
    if text.startswith("diff --git "):
        starts = [start for start in starts if text.startswith("diff --git ", start)]
    starts = sorted({0, *starts})
    ends = [*starts[1:], len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def _name(file: str) -> str:
    found = _NAMED.match(file)
    return (found["diff"] or found["plain"] or "").strip() if found else ""


def _left_out(files: list[str]) -> str:
    if not files:
        return ""
    names = [f"{_name(file) or 'a part'} ({file.count(chr(10))} lines)" for file in files]
    more = len(names) - _MOST_NAMED
    rest = [f"and {more} more"] if more > 0 else []
    return f"\n[left out for length: {', '.join([*names[:_MOST_NAMED], *rest])}]\n"
