"""The grammar of commands: what a comment asks Baton to do. Pure; does no I/O.

A command is a line that starts with a slash, or with Baton's name, and that the author says
himself: Markdown itself decides what is a quote, code, a list or hidden. The first such line
has to be a command, so that a text which only speaks of one commands nothing; further commands
may stand on lines of their own below it.
"""

import difflib
import itertools
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from shared.domain import Value


class Verb(StrEnum):
    """The commands that Baton understands."""

    APPROVE = "approve"
    DENY = "deny"
    ROUTE = "route"
    PLAN = "plan"
    RUN = "run"
    FRONTIER = "frontier"
    RETRY = "retry"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    ROLLBACK = "rollback"
    STATUS = "status"
    HELP = "help"


class Command(Value):
    """One command of a comment."""

    verb: Verb
    argument: str = ""


class Words(Value):
    """Plain words to Baton, called by its name: no command, and no slip of one."""

    text: str


class Unknown(Value):
    """A line that looks like a command and is none; with the nearest one, if any is near.

    ``addressed`` when it calls Baton by name; ``misplaced`` when it is a command, below a first
    line that is none.
    """

    word: str
    nearest: Verb | None = None
    addressed: bool = False
    misplaced: bool = False


LONGEST = 65_536  # characters that GitHub takes for a comment
_NEAR = 0.7
"""How like a command a word has to be to be taken for a slip of it."""
_SLIP = 0.8
"""The same where more words follow: "please" is like "pause"."""
_VERBS = frozenset(Verb)
_COMMAND = re.compile(r"/([a-z][a-z-]{0,19})(?:[ \t]+(\S.*))?")
_ASKED = re.compile(r"/?([a-z][a-z-]{0,19})(?:[ \t]+(\S.*))?")
# The block structure alone; the inside of a paragraph is read where it may hold a command.
_BLOCKS = MarkdownIt("commonmark").disable(["inline", "text_join"])
_INLINE = MarkdownIt("commonmark").disable("text_join")
_UNSPOKEN = {"blockquote_open", "fence", "code_block", "hr"}
_BREAKS = {"softbreak", "hardbreak"}


def parse(body: str, login: str = "") -> tuple[Command | Words | Unknown, ...]:
    """Read the commands of a comment, in order; ``login`` is what people call Baton by."""
    text = re.sub(r"\r\n?", "\n", body[:LONGEST])
    name = _name(login)
    if not any(_read(line, name) for line in text.split("\n")):
        return ()
    said = list(_said(text, name))
    found = [read for _, line in said if (read := _read(line, name))]
    first, line = said[0] if said else (False, "")
    if first and _read(line, name):
        return tuple(found)
    return tuple(_misplaced(one) for one in found if isinstance(one, Command))


def _name(login: str) -> re.Pattern[str] | None:
    """Match Baton's name at the start of a line; only these very letters will do."""
    slug = login.removesuffix("[bot]")
    if not slug:
        return None
    return re.compile(rf"@{re.escape(slug)}(?:\[bot\])?(?:[ \t,:]+|$)", re.ASCII | re.IGNORECASE)


def _read(line: str, name: re.Pattern[str] | None) -> Command | Words | Unknown | None:
    line = line.rstrip(" \t")
    if match := _COMMAND.fullmatch(line):
        return _command(match[1], match[2] or "")
    if name is None or not (called := name.match(line)):
        return None
    return _addressed(line[called.end() :])


def _addressed(asked: str) -> Command | Words | Unknown:
    """Read what stands behind Baton's name; several words are words, unless a slip comes first."""
    if not asked:
        return Command(verb=Verb.HELP)
    is_sentence = len(asked.split()) > 1
    match = _ASKED.fullmatch(asked)
    read = (
        _command(match[1], match[2] or "", likeness=_SLIP if is_sentence else _NEAR)
        if match
        else Unknown(word="")
    )
    if isinstance(read, Command):
        return read
    if is_sentence and read.nearest is None:
        return Words(text=asked)
    return read.model_copy(update={"addressed": True})


def _command(word: str, argument: str, *, likeness: float = _NEAR) -> Command | Unknown:
    if word in _VERBS:
        return Command(verb=Verb(word), argument=argument)
    near = difflib.get_close_matches(word, list(Verb), n=1, cutoff=likeness)
    return Unknown(word=word, nearest=Verb(near[0]) if near else None)


def _misplaced(command: Command) -> Unknown:
    return Unknown(word=command.verb, nearest=command.verb, misplaced=True)


def _said(text: str, name: re.Pattern[str] | None) -> Iterator[tuple[bool, str]]:
    """Yield what the author says himself and may be a command: whether it comes first, and it."""
    env: dict[str, Any] = {}
    lines, is_first = text.split("\n"), True
    tokens = _BLOCKS.parse(text, env)
    for token, inside in itertools.zip_longest(tokens, tokens[1:]):
        if token.level or token.nesting < 0 or _is_silent(token):
            continue
        if inside is not None and token.map and _is_plain(token):
            spoken = lines[token.map[0] : token.map[1]]
            if any(_read(line, name) for line in spoken):
                yield from _lines(inside.content, spoken, env, is_first=is_first)
        is_first = False


def _is_silent(token: Token) -> bool:
    hidden = token.type == "html_block" and token.content.lstrip().startswith("<!--")
    return hidden or token.type in _UNSPOKEN


def _is_plain(token: Token) -> bool:
    """Tell whether a block is running text; underlined by a signature's dashes it is a heading."""
    return token.type == "paragraph_open" or (
        token.type == "heading_open" and token.markup in {"-", "="}
    )


def _lines(
    content: str, spoken: list[str], env: dict[str, Any], *, is_first: bool
) -> Iterator[tuple[bool, str]]:
    """Yield the lines of a paragraph that begin with plain text, each as it was written."""
    children: list[Token] = []
    _INLINE.inline.parse(content, _INLINE, env, children)
    left, begins = iter(spoken), True
    for at, child in enumerate(children):
        if begins and child.type == "text" and not child.level:
            start = child.content.rstrip(" ")
            # What a code span swallowed is passed over: it has no line of its own here.
            written = next((line for line in left if line.startswith(start)), None)
            if written is None:
                return
            yield is_first and at == 0, written
        begins = child.type in _BREAKS
