"""How files, matches and changes are shown to a model: with line numbers, and never too long."""

import difflib
from collections.abc import Sequence

from shared.workspace.actions import Observation, ViewFile

LONGEST = 10_000  # characters; the cap that mini-swe-agent found to serve local models
_HALF = LONGEST // 2
_MOST_LINES = 400
_LONGEST_LINE = 300
_MOST_MATCHES = 60
_MOST_ENTRIES = 200


def cap(text: str) -> str:
    """Leave out the middle of a text of more than 10,000 characters."""
    if len(text) <= LONGEST:
        return text
    left_out = len(text) - 2 * _HALF
    return f"{text[:_HALF]}\n[... {left_out} characters left out ...]\n{text[-_HALF:]}"


def view(text: str, action: ViewFile) -> Observation:
    """Show lines of a file with their numbers, at most 400 of them."""
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    if not text:
        return Observation(text=f"{action.path} is empty.", ok=True)
    if action.start > len(lines):
        return Observation(text=f"{action.path} has only {len(lines)} lines.", ok=False)
    end = min(action.end or len(lines), len(lines), action.start + _MOST_LINES - 1)
    numbered = [f"{n:6}| {lines[n - 1]}" for n in range(action.start, end + 1)]
    shown, last = _fitting(numbered), action.start - 1
    last += len(shown)
    head = f"{action.path}, lines {action.start}-{last} of {len(lines)}"
    rest = f"\n(View from line {last + 1} to see more.)" if last < len(lines) else ""
    return Observation(text="\n".join([head, *shown]) + rest, ok=True)


def directory(path: str, entries: Sequence[str]) -> str:
    """Show what a directory holds."""
    more = len(entries) - _MOST_ENTRIES
    rest = [f"(and {more} more)"] if more > 0 else []
    return "\n".join([f"{path} holds:", *entries[:_MOST_ENTRIES], *rest])


def matches(output: str) -> str:
    """Show the lines that a search found."""
    lines = output.strip("\n").split("\n")
    shown = [line.removeprefix("./")[:_LONGEST_LINE] for line in lines[:_MOST_MATCHES]]
    more = len(lines) - len(shown)
    rest = [f"(and {more} more; search for something rarer)"] if more else []
    return cap("\n".join([*shown, *rest]))


def diff(path: str, before: str, after: str) -> str:
    """Show a change as a unified diff."""
    changed = difflib.unified_diff(
        _logical(before), _logical(after), f"a/{path}", f"b/{path}", lineterm="", n=2
    )
    return cap("\n".join(changed)) or f"{path} changed in its line endings only."


def _logical(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.split("\n")]


def _fitting(lines: Sequence[str]) -> list[str]:
    """Return the first lines that stay within the cap, at least one, which may be cut."""
    room, fitting = LONGEST - 200, list[str]()
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        fitting.append(line)
    return fitting or [lines[0][: LONGEST - 200]]
