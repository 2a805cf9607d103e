"""The grammar of slash commands: what a comment asks Baton to do. Pure; does no I/O.

A command is a line that starts with a slash and stands by itself: not quoted, not in a code
block, not in an HTML comment, not indented as code. Several commands may stand in one comment.
"""

import difflib
import re
from enum import StrEnum

from shared.domain import Value


class Verb(StrEnum):
    """The commands that Baton understands."""

    APPROVE = "approve"
    DENY = "deny"
    CANCEL = "cancel"
    RETRY = "retry"
    ROLLBACK = "rollback"
    STATUS = "status"
    HELP = "help"


class Command(Value):
    """One command of a comment."""

    verb: Verb
    argument: str = ""


class Unknown(Value):
    """A line that looks like a command and is none; with the nearest one, if any is near."""

    word: str
    nearest: Verb | None = None


_VERBS = frozenset(Verb)
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_COMMAND = re.compile(r"/([a-z][a-z-]{0,19})(?:[ \t]+(\S.*))?")


def parse(body: str) -> tuple[Command | Unknown, ...]:
    """Read the commands of a comment, in order."""
    return tuple(
        _command(match[1], match[2] or "")
        for line in _spoken_lines(body)
        if (match := _COMMAND.fullmatch(line.rstrip(" \t")))
    )


def _command(word: str, argument: str) -> Command | Unknown:
    if word in _VERBS:
        return Command(verb=Verb(word), argument=argument)
    near = difflib.get_close_matches(word, list(Verb), n=1, cutoff=0.7)
    return Unknown(word=word, nearest=Verb(near[0]) if near else None)


def _spoken_lines(body: str) -> list[str]:
    """Return the lines that the author says himself: no code, quotes or hidden text."""
    lines: list[str] = []
    fence = ""
    # Not splitlines: it also ends lines where no page does, and so would lead out of a quote.
    for line in _HIDDEN.sub("", body).replace("\r\n", "\n").split("\n"):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif mark:
            fence = mark[1]
        elif not line.startswith((">", "    ", "\t")):
            lines.append(line)
    return lines
