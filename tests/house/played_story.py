"""Plays the demo's recording by the real agents on real files, without the rest of the bot."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

from agents.coder import CoderTask, implement
from agents.loop import Attempt, Limits
from agents.planner import plan
from agents.reviewer import ReviewTask, review
from agents.router import triage
from agents.tester import TesterTask, write_tests
from bot.demo.recording import Recording
from bot.demo.story import RECORDING, REPOSITORY, issue_text, person_review
from shared.chat import JsonSchema, Message, Reply, Usage
from shared.domain import Blueprint, Issue, RepoRef, Review, Triage
from shared.workspace.actions import (
    Action,
    CreateFile,
    EditFile,
    Observation,
    RunCommand,
    Submit,
    ViewFile,
)
from shared.workspace.policy import coder_writes, tester_writes

Writable = Callable[[str], str | None]
Outcomes = Mapping[str, bool]
"""Whether a test passed, by its id."""
TESTS = "python -m pytest -q"
LIMITS = Limits()
_PLAIN = {
    "PYTEST_ADDOPTS": "-p no:cacheprovider",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class RecordedChat:
    """A chat that answers from the recording, without the server before it."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    async def complete(
        self, messages: Sequence[Message], *, schema: JsonSchema | None = None
    ) -> Reply:
        """Answer as the recording does; a schema is for live models."""
        del schema
        usage = Usage(model="recorded", node="test", prompt_tokens=1, output_tokens=1, seconds=0.0)
        return Reply(text=self.recording.reply(messages), usage=usage)


@dataclass
class Files:
    """A workspace on plain files; it holds on to every refusal and every command's end."""

    root: Path
    writable: Writable
    refused: list[str] = field(default_factory=list)
    exit_codes: list[int] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    async def act(self, action: Action) -> Observation:
        """Carry out an action the way the product does, whole lines that occur once."""
        match action:
            case EditFile(path=path) | CreateFile(path=path) if reason := self.writable(path):
                return self._refuse(reason)
            case EditFile(path=path, search=search, replace=replace):
                text = (self.root / path).read_text("utf-8")
                if f"\n{text}".count(f"\n{search}") != 1:
                    return self._refuse(f"{path} does not hold these lines once: {search}")
                (self.root / path).write_text(text.replace(search, replace), "utf-8")
            case CreateFile(path=path, content=content):
                with (self.root / path).open("x", encoding="utf-8") as new:
                    new.write(content)
            case RunCommand(command=command):
                return await self._run(command)
            case ViewFile(path=path):
                return Observation(text=(self.root / path).read_text("utf-8"), ok=True)
            case Submit():
                pass
            case _:
                return self._refuse(f"{action.kind} is not played here")
        return Observation(text="done", ok=True)

    def _refuse(self, why: str) -> Observation:
        self.refused.append(why)
        return Observation(text=why, ok=False)

    async def _run(self, command: str) -> Observation:
        ran = await asyncio.to_thread(_shell, command, self.root)
        self.exit_codes.append(ran.returncode)
        self.outputs.append(ran.stdout)
        return Observation(text=ran.stdout, ok=ran.returncode == 0)


@dataclass
class Played:
    """What came of each stage of the story."""

    root: Path
    triage: Triage
    blueprint: Blueprint
    outcomes: dict[str, Outcomes] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    files: dict[str, Files] = field(default_factory=dict)
    reviews: list[Review] = field(default_factory=list)
    texts: dict[str, Mapping[str, str]] = field(default_factory=dict)


def sample_issue() -> Issue:
    """Return the demo's issue as the gateway reads it."""
    text = issue_text()
    repo = RepoRef(owner="alice", name="fortnight")
    return Issue(repo=repo, number=1, title=text.title, body=text.body, author="alice")


async def play(root: Path) -> Played:
    """Play the story in an empty folder, each stage from the files that the product starts from."""
    chat, issue = RecordedChat(Recording.load(RECORDING)), sample_issue()
    shutil.copytree(REPOSITORY, root, dirs_exist_ok=True)
    played = Played(root, await triage(chat, issue), await plan(chat, issue, ""))
    await _noted(played, "base")

    files = played.files["red"] = Files(root, tester_writes)
    scenarios = played.blueprint.scenarios
    tests = TesterTask(issue=issue, test_command=TESTS, scenarios=scenarios)
    played.attempts["red"] = await write_tests(chat, files, tests, LIMITS)
    await _noted(played, "red")

    task = CoderTask(issue=issue, test_command=TESTS, blueprint=played.blueprint, attempts=3)
    await _code(played, chat, "first", task)
    _restore(played, "red")
    verdicts = ("3 tests passed before and fail now",)
    task = task.model_copy(update={"attempt": 2, "verdicts": verdicts})
    await _code(played, chat, "second", task)

    played.reviews.append(await review(chat, _asked(played, issue, 1)))
    remarks = {"attempt": 1, "verdicts": (), "kept": True, "findings": played.reviews[0].blocking}
    await _code(played, chat, "reviewed", task.model_copy(update=remarks))
    played.reviews.append(await review(chat, _asked(played, issue, 2)))

    said = person_review()
    comments = (said.body, *(comment.body for comment in said.comments))
    task = CoderTask(issue=issue, test_command=TESTS, follow_up=1, comments=comments)
    await _code(played, chat, "followed_up", task)
    return played


async def _code(played: Played, chat: RecordedChat, stage: str, task: CoderTask) -> None:
    given = set(played.texts["red"]) - set(played.texts["base"])
    files = played.files[stage] = Files(played.root, coder_writes(given))
    played.attempts[stage] = await implement(chat, files, task, LIMITS)
    await _noted(played, stage)


async def _noted(played: Played, stage: str) -> None:
    played.texts[stage] = _texts(played.root)
    played.outcomes[stage] = await asyncio.to_thread(_outcomes, played.root)


def _asked(played: Played, issue: Issue, number: int) -> ReviewTask:
    return ReviewTask(issue=issue, diff=_diff(played), evidence="all pass", round=number)


def _diff(played: Played) -> str:
    before = played.root.with_name(f"{played.root.name}-base")
    if not before.exists():
        shutil.copytree(REPOSITORY, before)
    command = ["git", "diff", "--no-index", "--no-color", str(before), str(played.root)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _restore(played: Played, stage: str) -> None:
    for name, text in played.texts[stage].items():
        (played.root / name).write_text(text, "utf-8")


def _texts(root: Path) -> Mapping[str, str]:
    paths = [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(root)): path.read_text("utf-8") for path in paths}


def _outcomes(root: Path) -> Outcomes:
    report = root.with_name("report.xml")
    _shell(f"{TESTS} --junitxml='{report}'", root)
    cases = ET.parse(report).iter("testcase")
    return {f"{case.get('classname')}::{case.get('name')}": not len(case) for case in cases}


def _shell(command: str, root: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", command],
        cwd=root,
        env={"PATH": path, **_PLAIN},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
