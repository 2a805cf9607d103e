"""Write a report for people, or for machines; pure."""

import textwrap
from collections.abc import Iterator

from rich.text import Text

from bot.doctor.findings import Finding, Level, Report

_MARKS = {Level.OK: ("✔", "green"), Level.WARN: ("▲", "yellow"), Level.BAD: ("✘", "bold red")}
_WIDEST = 100


def render(report: Report, width: int) -> Iterator[Text]:
    """Yield the lines of a report; lines to type are never broken."""
    pad = max((len(finding.subject) for finding in report.findings), default=0)
    group = ""
    for finding in report.findings:
        if finding.group != group:
            group = finding.group
            yield from (Text(), Text(group, "bold"))
        yield from _lines(finding, pad, min(width, _WIDEST))
    yield from (Text(), _summary(report))


def as_json(report: Report) -> str:
    """Write a report as JSON: ``healthy``, ``version`` and ``findings``."""
    body = report.model_dump_json(indent=2)
    return f'{{\n  "healthy": {str(report.healthy).lower()},{body[1:]}'


def _lines(finding: Finding, pad: int, width: int) -> Iterator[Text]:
    mark, style = _MARKS[finding.level]
    indent = pad + 6
    room = max(20, width - indent)
    first, *more = _wrapped(finding.found, room)
    yield Text.assemble("  ", (mark, style), f" {finding.subject:<{pad}}  ", first)
    yield from (Text(" " * indent + line) for line in more)
    for line in _wrapped(finding.mend, room) if finding.mend else ():
        yield Text(" " * indent + line, "dim")
    yield from (Text(" " * indent + command, "cyan") for command in finding.commands)


def _wrapped(text: str, room: int) -> list[str]:
    # A break within an address or a path would be copied along.
    wrapper = textwrap.TextWrapper(room, break_long_words=False, break_on_hyphens=False)
    return [line for paragraph in text.splitlines() for line in wrapper.wrap(paragraph)] or [""]


def _summary(report: Report) -> Text:
    bad, warn = report.count(Level.BAD), report.count(Level.WARN)
    parts = [f"✘ {bad} to mend"] * (bad > 0) + [f"▲ {warn} to look at"] * (warn > 0)
    if not parts:
        return Text("✔ All is as it should be.", "green")
    return Text(", ".join(parts) + ".", "bold red" if bad else "yellow")
