"""Write the recording of a model that solves a real issue with the upstream fix."""

import json
from collections.abc import Sequence
from pathlib import Path

from agents.protocol import render
from benchmarks.real_issues.manifest import RealIssue
from shared.domain import Role
from shared.workspace.actions import Action, EditFile, RunCommand, Submit

_RUN = RunCommand(command="python -m pytest -q")


def write_recording(
    issue: RealIssue, tests: Sequence[EditFile], fix: Sequence[EditFile], folder: Path
) -> Path:
    """Write the replies of every role, as files which the recorded model reads."""
    folder.mkdir(parents=True)
    triage = {"type": "bug", "difficulty": "low", "confidence": 0.9, "self_reflection": False}
    _write(folder, Role.ROUTER, 0, json.dumps(triage))
    for role, changes, message in (
        (Role.TESTER, tests, f"The new tests show it: {issue.title}."),
        (Role.CODER, fix, f"{issue.title}: solved, and the new tests pass."),
    ):
        actions: tuple[Action, ...] = (*changes, _RUN, Submit(message=message))
        for turn, action in enumerate(actions):
            _write(folder, role, turn, f"Next step.\n\n{render(action)}")
    review = {"summary": "The change does what the issue asks for.", "findings": []}
    _write(folder, Role.REVIEWER, 0, json.dumps(review))
    report = {"summary": f"Solved: {issue.title}.", "changelog": f"{issue.title}: solved."}
    _write(folder, Role.DOCUMENTER, 0, json.dumps(report))
    return folder


def _write(folder: Path, role: Role, turn: int, reply: str) -> None:
    head = f'+++\nrole = "{role}"\nturn = {turn}\n+++\n'
    (folder / f"{role}-{turn:02}.md").write_text(f"{head}{reply}\n", "utf-8")
