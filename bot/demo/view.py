"""The terminal's view of a run: stages as they come, the model at work, where to look."""

import time
from collections import deque
from collections.abc import Sequence
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from bot.rendering import duration
from bot.status import StageRow
from bot.views import RunView
from shared.domain import Stage
from shared.scheduler import NodeStatus

NAMES = {
    Stage.RECEIVED: "Received",
    Stage.TRIAGE: "Triage",
    Stage.NEEDS_HUMAN: "A person decides",
    Stage.AWAITING_PLANNER: "Approval of the planner",
    Stage.PLANNING: "Blueprint",
    Stage.AWAITING_PLAN: "Approval of the plan",
    Stage.AWAITING_PATHS: "Approval of protected files",
    Stage.TESTING: "Failing tests (red)",
    Stage.CODING: "Code",
    Stage.AWAITING_FRONTIER: "Approval of a cloud call",
    Stage.AWAITING_PACKAGES: "Approval of new packages",
    Stage.REVIEWING: "Review",
    Stage.PROPOSING: "Draft pull request",
    Stage.VERIFYING: "Verification on a clean checkout (green)",
    Stage.PROPOSED: "Pull request is ready",
    Stage.FOLLOWING_UP: "Answer to the review",
    Stage.STOPPED: "Stopped",
    Stage.CANCELLED: "Cancelled",
    Stage.CLOSED: "Closed",
}


class View:
    """A live picture in a terminal; plain lines where there is none."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._notes: dict[str, str] = {}
        self._run: RunView | None = None
        self._nodes: Sequence[NodeStatus] = ()
        self._told: deque[str] = deque(maxlen=4)
        self._snapshot = ""
        self._spinner = Spinner("dots")
        self._began = time.monotonic()
        self._said: Stage | None = None
        self._live = Live(
            console=console, auto_refresh=False, get_renderable=self._draw, transient=False
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.refresh()
            self._live.stop()

    def note(self, text: str, *, about: str = "") -> None:
        """Add a line below the picture; what is said about the same thing takes its place."""
        self._notes[about or text] = text
        if not self._console.is_terminal:
            self._console.print(text, soft_wrap=True)

    def show(self, run: RunView | None, nodes: Sequence[NodeStatus] = ()) -> None:
        """Draw what is known now."""
        self._run, self._nodes = run, nodes
        if self._console.is_terminal:
            self._live.refresh()
            return
        if run is not None and run.stage is not self._said:
            self._said = run.stage
            self._say(NAMES[run.stage])
        if run is not None and run.snapshot not in {"", self._snapshot}:
            self._snapshot = run.snapshot
            self._say(f"  snapshot {run.snapshot}")
        for told in map(_memory, nodes):
            if told not in self._told:
                self._told.append(told)
                self._say(f"  {told}")

    def _say(self, told: str) -> None:
        self._console.print(f"{self._elapsed():>6}  {told}", soft_wrap=True, highlight=False)

    def _elapsed(self) -> str:
        return duration(time.monotonic() - self._began)

    def _draw(self) -> RenderableType:
        parts: list[RenderableType] = []
        if self._run is not None:
            parts += [_stages(self._run.rows), Text(), self._now(self._run)]
            parts += [Text(), *(_room(node) for node in self._nodes)]
            if self._run.snapshot:
                parts.append(Text(f"Snapshot {self._run.snapshot}", style="dim"))
        else:
            parts.append(self._spinning("The issue is on its way to the gateway"))
        parts.append(Text())
        parts += [Text.from_markup(note) for note in self._notes.values()]
        title = f"[bold]{self._title}[/bold] [dim]{self._elapsed()}[/dim]"
        return Panel(Group(*parts), title=title, title_align="left", padding=(1, 2))

    def _now(self, run: RunView) -> RenderableType:
        if run.activity is not None:
            at = run.activity
            told = f"[bold]{at.role}[/bold] on {at.model} at {at.node}, {at.tokens} tokens so far"
            return self._spinning(told)
        if run.stage.awaits_person:
            return Text.from_markup("[yellow]Baton waits for alice's answer[/yellow]")
        if run.stage is Stage.PROPOSED or run.stage.is_final:
            return Text(f"{NAMES[run.stage]}. {run.reason}".strip())
        return self._spinning("git, tests and sandbox at work")

    def _spinning(self, told: str) -> RenderableType:
        self._spinner.update(text=Text.from_markup(told))
        return self._spinner


def _room(node: NodeStatus) -> RenderableType:
    """Draw what a node holds, and which of its agents are at work."""
    room = Text(_memory(node))
    for role in node.roles:
        style = "cyan" if role.job is not None else "dim"
        room.append(f"\n  {role.agent:<14} {role.status}", style=style)
    return room


def _memory(node: NodeStatus) -> str:
    """Tell what a node holds, and the switch that is going on there."""
    held = ", ".join(model.name for model in node.loaded) or "nothing loaded"
    told = f"{node.node}: {node.used_gb:.1f} of {node.memory_gb:g} GB: {held}"
    if node.switch is None:
        return told
    out = f"{', '.join(node.switch.outgoing)} out" if node.switch.outgoing else ""
    into = f"{node.switch.incoming} in" if node.switch.incoming else ""
    return f"{told}; switch: {', '.join(part for part in (out, into) if part)}"


def _stages(rows: Sequence[StageRow]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(width=2)
    table.add_column(min_width=44)
    table.add_column(justify="right", style="dim", width=10)
    for row in rows:
        style = "bold" if row.icon in {"⏳", "⏸️"} else "dim" if row.icon == "▫️" else ""
        name = NAMES[row.stage] + (f": {row.note}" if row.note else "")
        spent = "" if row.seconds is None else duration(row.seconds)
        table.add_row(_MARKS.get(row.icon, row.icon), Text(name, style=style), spent)
    return table


# Single-width signs: terminals disagree on the width of emoji.
_MARKS = {"✅": "[green]✔[/green]", "⏳": "[cyan]▸[/cyan]", "⏸️": "[yellow]‖[/yellow]", "▫️": "·"}
