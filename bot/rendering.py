"""What Baton says on GitHub: templates in, Markdown out. Pure; does no I/O of its own."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from shared.domain import Language

# GitHub turns these into notifications, links that close issues, and requests to other hosts.
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9])")
_CLOSING = re.compile(
    r"\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(:?\s+)(?=(?:[\w.-]+/[\w.-]+)?#\d|GH-\d|\[|https?://)",
    re.IGNORECASE,
)
_IMAGE = re.compile(r"!(?=\[)")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
# Other bots of a repository obey lines such as "/merge", and Baton may write there.
_SLASH = re.compile(r"^([ \t]*)/(?=[A-Za-z][\w-]*(?:[ \t]|$))", re.MULTILINE)
_SHORT = 9.95  # seconds; above it a tenth tells nothing
_ZERO_WIDTH_SPACE = "\u200b"


def plain(text: object) -> str:
    """Neutralise foreign text: no mentions, commands, images, raw HTML or closing keywords."""
    quiet = _SLASH.sub(rf"\1{_ZERO_WIDTH_SPACE}/", str(text))
    quiet = _MENTION.sub(f"@{_ZERO_WIDTH_SPACE}", quiet)
    quiet = _CLOSING.sub(rf"\1{_ZERO_WIDTH_SPACE}\2", quiet)
    return _closed(_TAG.sub("&lt;", _IMAGE.sub("!" + _ZERO_WIDTH_SPACE, quiet)))


def _closed(text: str) -> str:
    """End a code block that is left open: what follows would be taken into it."""
    fence = ""
    for mark in _FENCE.finditer(text):
        if not fence:
            fence = mark[1]
        elif mark[1].startswith(fence) and not mark[2].strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text


def line(text: object) -> str:
    """Return foreign text as one neutral line, safe inside lists and table cells."""
    return plain(" ".join(str(text).split())).replace("|", "&#124;")


def fenced(text: object, language: str = "text") -> str:
    """Return foreign text as a code block that its own back-ticks cannot end."""
    body = str(text).rstrip("\n")
    longest = max((len(run) for run in re.findall(r"`{3,}", body)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def duration(seconds: float) -> str:
    """Return a duration for people: 0.4 s, 12 s, 2 min 05 s, 3 h 20 min."""
    if seconds < _SHORT:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


_ENVIRONMENT = Environment(
    loader=PackageLoader("bot", "templates"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701  Markdown, not HTML; foreign text passes `plain`
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=False,
)
_ENVIRONMENT.filters |= {
    "plain": plain,
    "line": line,
    "fenced": fenced,
    "duration": duration,
    "short": lambda sha: str(sha)[:7],
    "thousands": lambda number: f"{number:,}",
}


def compile_templates() -> None:
    """Compile every template now, so that the first run does not wait for it."""
    for name in _ENVIRONMENT.list_templates():
        _ENVIRONMENT.get_template(name)


def phrase(language: Language, kind: str, **values: Any) -> str:  # noqa: ANN401  as below
    """Put a short text, such as a reason or the note of a stage, into a language."""
    return render("phrase", language, kind=kind, **values)


def render(template: str, language: Language, **values: Any) -> str:  # noqa: ANN401  templates differ
    """Fill a template (``status``, ``approval`` ...) in one of the languages."""
    return _ENVIRONMENT.get_template(f"{language}/{template}.md.j2").render(**values).strip()
