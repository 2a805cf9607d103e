"""The prompts: one file per role, the stable part first, placeholders substituted strictly.

A file begins with ``# <role title>``. What stands above the task line is the system message; it
is the same in every call, so that a node can reuse its cache. What stands below is the first user
message, with ``${placeholders}``.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from string import Template

from shared.chat import Message, Speaker
from shared.domain import Finding, Issue, Role
from shared.errors import ConfigurationError

_TASK_LINE = "<!-- task -->"
_SHARED = {"actions", "data"}
NONE = "(none)"


def messages(role: Role, **values: str) -> tuple[Message, Message]:
    """Return the system message and the first user message of a role.

    Raises ConfigurationError when a placeholder has no value, or a value no placeholder.
    """
    stable, task = _parts(role)
    return (
        Message(role=Speaker.SYSTEM, content=_system(role, stable)),
        Message(role=Speaker.USER, content=substitute(f"{role}.md", task, values)),
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


def prompt_hash(role: Role) -> str:
    """Identify all that is fixed in a role's prompt: 12 hexadecimal digits of SHA-256."""
    stable, task = _parts(role)
    return hashlib.sha256(f"{_system(role, stable)}\0{task}".encode()).hexdigest()[:12]


def as_data(label: str, text: str) -> str:
    """Fence a text from outside so that nothing in it can close the fence."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}data {label}\n{text.rstrip()}\n{fence}"


def issue_text(issue: Issue, *, longest: int = 20_000) -> str:
    """Fence an issue's title and body, cut in the middle at a number of characters."""
    return as_data("issue", f"{issue.title}\n\n{clip(issue.body, longest)}")


def clip(text: str, longest: int) -> str:
    """Leave out the middle of a text that has more characters than ``longest``."""
    if len(text) <= longest:
        return text
    half = longest // 2
    left_out = len(text) - 2 * half
    return f"{text[:half]}\n[... {left_out} characters left out ...]\n{text[-half:]}"


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


def listed(label: str, items: Sequence[str]) -> str:
    """Fence a list that others wrote, or say that there is none."""
    return as_data(label, bullets(items)) if items else NONE


def bullets(items: Sequence[str]) -> str:
    """Write a list with one item a line, or say that there is none."""
    return "\n".join(f"- {' '.join(item.split())}" for item in items) or NONE


def numbered(items: Sequence[str]) -> str:
    """Write a numbered list, or say that there is none."""
    return "\n".join(f"{n}. {' '.join(i.split())}" for n, i in enumerate(items, 1)) or NONE


def _system(role: Role, stable: str) -> str:
    wanted = set(Template(stable).get_identifiers()) & _SHARED
    return substitute(f"{role}.md", stable, {name: _text(name) for name in wanted})


@cache
def _parts(role: Role) -> tuple[str, str]:
    text = _text(role)
    stable, line, task = text.partition(f"\n{_TASK_LINE}\n")
    if not line:
        raise ConfigurationError(f'The prompt {role}.md has no line "{_TASK_LINE}".')
    if stable.split("\n", 1)[0] != f"# {role.agent}":
        raise ConfigurationError(f'The prompt {role}.md must begin with "# {role.agent}".')
    return stable, task


@cache
def _text(name: str) -> str:
    return (files("agents") / "prompts" / f"{name}.md").read_text("utf-8").strip() + "\n"
