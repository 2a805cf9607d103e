"""The prompts: one file per role, the stable part first, placeholders substituted strictly.

Text from outside comes in here and nowhere else but by the observations of the tool loop: without
what people do not see of it (``shared.guard.text``), and fenced.

A file begins with ``# <role title>``. What stands above the task line is the system message; it
is the same in every call, so that a node can reuse its cache. What stands below is the first user
message, with ``${placeholders}``.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Literal, NamedTuple

from agents import budget
from agents.budget import Part, clip
from shared.chat import JsonSchema, Message, Speaker, likely_tokens
from shared.domain import Finding, Issue, Role
from shared.errors import ConfigurationError
from shared.guard.text import clean

_TASK_LINE = "<!-- task -->"
_SHARED = {"actions", "data"}
NONE = "(none)"
SUMMARY: Literal["summary"] = "summary"
FRONTIER: Literal["frontier"] = "frontier"
Prompt = Role | Literal["summary", "frontier"]
_FENCE = 16  # tokens of a fence, its label and a note of what was left out


class Data(NamedTuple):
    """A text from outside that may be long: it is fenced, and cut when there is no room.

    ``page`` is Markdown that GitHub renders, of which more is hidden; it stands after ``text``.
    """

    label: str
    text: str
    cut: budget.Cut = clip
    empty: str = NONE
    page: str = ""

    @property
    def seen(self) -> str:
        """Return what people see of it."""
        return "\n\n".join(part for part in (plain(self.text), of_page(self.page)) if part)


def fitted(
    role: Prompt, room: int, data: Mapping[str, Data], **values: str
) -> tuple[Message, Message]:
    """Return a role's messages with the long texts cut until all fits into ``room`` tokens.

    Raises what `messages` raises.
    """
    values = {name: plain(value) for name, value in values.items()}
    fixed = messages(role, **values, **dict.fromkeys(data, ""))
    left = room - likely_tokens(fixed) - _FENCE * len(data)
    seen = {name: part.seen for name, part in data.items()}
    texts = budget.fit({name: Part(seen[name], part.cut) for name, part in data.items()}, left)
    fenced = {
        name: as_data(part.label, texts[name]) if seen[name].strip() else part.empty
        for name, part in data.items()
    }
    return messages(role, **values, **fenced)


def messages(role: Prompt, **values: str) -> tuple[Message, Message]:
    """Return the system message and the first user message of a role.

    A part whose value is NONE is left out with its heading, since it would be read at every turn;
    a stranger, who reads once, is told of it.
    Raises ConfigurationError when a placeholder has no value, or a value no placeholder.
    """
    stable, task = _parts(role)
    name = f"{role}.md"
    filled = substitute(name, task, values)
    if role != FRONTIER and NONE in values.values():
        shown = _without_empty(task, values)
        known = set(Template(shown).get_identifiers())
        filled = substitute(name, shown, {n: v for n, v in values.items() if n in known})
    return (
        Message(role=Speaker.SYSTEM, content=_system(role, stable)),
        Message(role=Speaker.USER, content=filled),
    )


def substitute(name: str, text: str, values: dict[str, str]) -> str:
    """Fill every placeholder of a text; values are never looked into for placeholders."""
    template = Template(text)
    if not template.is_valid():
        raise ConfigurationError(f'The prompt {name} has a stray "$"; write it as "$$".')
    wanted = set(template.get_identifiers())
    if missing := sorted(wanted - set(values)):
        raise ConfigurationError(
            f"The prompt {name} asks for {', '.join(missing)}; nobody gives it."
        )
    if unused := sorted(set(values) - wanted):
        raise ConfigurationError(f"The prompt {name} has no place for {', '.join(unused)}.")
    return template.substitute(values).strip()


def _without_empty(task: str, values: Mapping[str, str]) -> str:
    """Leave out the placeholders that have nothing to hold, with the lines that lead to them."""
    empty = {f"${{{name}}}" for name, value in values.items() if value == NONE}
    kept = list[str]()
    for paragraph in task.split("\n\n"):
        if paragraph not in empty:
            kept.append(paragraph)
        elif kept and kept[-1].endswith(":") and "${" not in kept[-1]:
            kept.pop()
    return "\n\n".join(kept)


def prompt_hash(role: Prompt) -> str:
    """Identify all that is fixed in a role's prompt: 12 hexadecimal digits of SHA-256."""
    stable, task = _parts(role)
    return hashlib.sha256(f"{_system(role, stable)}\0{task}".encode()).hexdigest()[:12]


def call_hash(prompt: str, schemas: Sequence[JsonSchema]) -> str:
    """Identify what is fixed in a call: a prompt by its hash, and the schemas sent beside it.

    Schemas are those of the tools, or that of the answer's form; without any it is the prompt's.
    """
    if not schemas:
        return prompt
    told = json.dumps(list(schemas), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{prompt}\0{told}".encode()).hexdigest()[:12]


def as_data(label: str, text: str) -> str:
    """Fence a text from outside so that nothing in it can close the fence."""
    text = plain(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}data {label}\n{text.rstrip()}\n{fence}"


def plain(text: str) -> str:
    """Return what people see of a file, a log or a title: its characters without invisible ones."""
    return clean(text, markdown=False, limit=len(text)).text


def of_page(text: str) -> str:
    """Return what people see of a comment or a body on GitHub's page."""
    return clean(text).text


def title(issue: Issue) -> str:
    """Return an issue's title as one line to be quoted."""
    return " ".join(plain(issue.title).split())


def of_issue(issue: Issue) -> Data:
    """Return an issue's title and body as data; what is cut is the middle."""
    # Apart, since a title could begin a block of code in which nothing of the body is hidden.
    return Data("issue", issue.title, page=issue.body)


def of_list(label: str, items: Sequence[str]) -> Data:
    """Return a list that others wrote as data; what is cut is its end."""
    return Data(label, bullets(items) if items else "", budget.by_lines)


def attempt_line(attempt: int, attempts: int, *, kept: bool) -> str:
    """Tell which attempt this is, and what the files hold. The recording finds its place by it."""
    line = f"Attempt {attempt} of {attempts}"
    if attempt == 1:
        return line
    state = "still hold the work of" if kept else "are back to where they were before"
    return f"{line}\nThe files {state} the earlier attempt."


def remark(finding: Finding) -> str:
    """Write one review finding as a line."""
    place = f"{finding.file}:{finding.line}" if finding.line else finding.file
    then = f" Suggestion: {finding.suggestion}" if finding.suggestion else ""
    return f"[{finding.severity}] {place}: {finding.why}{then}"


def bullets(items: Sequence[str]) -> str:
    """Write a list with one item a line, or say that there is none."""
    return "\n".join(f"- {' '.join(item.split())}" for item in items) or NONE


def numbered(items: Sequence[str]) -> str:
    """Write a numbered list, or say that there is none."""
    return "\n".join(f"{n}. {' '.join(i.split())}" for n, i in enumerate(items, 1)) or NONE


def _system(role: Prompt, stable: str) -> str:
    wanted = set(Template(stable).get_identifiers()) & _SHARED
    return substitute(f"{role}.md", stable, {name: _text(name) for name in wanted})


@cache
def _parts(role: Prompt) -> tuple[str, str]:
    text = _text(role)
    stable, line, task = text.partition(f"\n{_TASK_LINE}\n")
    if not line:
        raise ConfigurationError(f'The prompt {role}.md has no line "{_TASK_LINE}".')
    title = role.agent if isinstance(role, Role) else role.capitalize()
    if stable.split("\n", 1)[0] != f"# {title}":
        raise ConfigurationError(f'The prompt {role}.md must begin with "# {title}".')
    return stable, task


@cache
def _text(name: str) -> str:
    return (files("agents") / "prompts" / f"{name}.md").read_text("utf-8").strip() + "\n"
