"""Scaffold text: what a scaffold itself says to the model, beside issue, code and results.

The same scripted trajectory goes through Baton's own loop and through mini-swe-agent's, with the
same replies' actions and the same results, word for word. Tokens are words and signs.
"""

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import uv

from agents.coder import CoderTask, RedTest, implement
from agents.loop import Limits
from agents.protocol import render
from benchmarks.real_issues.history import Case
from benchmarks.real_issues.scripts import solution
from shared.chat import JsonSchema, Message, Reply, Speaker, Usage
from shared.domain import Issue, RepoRef
from shared.workspace.actions import Action, Observation, Submit

MINI = "mini-swe-agent==2.4.6"
# Reads tasks with their commands and one result from standard input; prints what the model was
# shown at each turn, by task. Runs in an environment with mini-swe-agent alone.
_SCRIPT = r"""
import json, sys
from importlib.resources import files
import yaml
from minisweagent.agents.default import DefaultAgent
from minisweagent.exceptions import Submitted
from minisweagent.models.litellm_textbased_model import LitellmTextbasedModelConfig
from minisweagent.models.test_models import DeterministicModel, make_output

class Results:
    def __init__(self, result): self.result = result
    def execute(self, action, cwd=""):
        if "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT" in action["command"]:
            raise Submitted({"role": "exit", "content": "", "extra": {"exit_status": "Submitted"}})
        return {"output": self.result, "returncode": 0, "exception_info": ""}
    def get_template_vars(self, **more):
        return {"system": "Linux", "release": "", "version": "", "machine": "x86_64", **more}
    def serialize(self): return {}

class Watched(DeterministicModel):
    def query(self, messages, **more):
        self.shown.append([(m["role"] == "assistant", str(m["content"])) for m in messages])
        return super().query(messages, **more)

def walk(task):
    text = (files("minisweagent") / "config" / "mini_textbased.yaml").read_text("utf-8")
    config = yaml.safe_load(text)
    replies = [f"Next.\n\n```mswea_bash_command\n{line}\n```" for line in task["commands"]]
    outputs = [
        make_output(reply, [{"command": line}], cost=0.0)
        for reply, line in zip(replies, task["commands"])
    ]
    usual = LitellmTextbasedModelConfig.model_fields["observation_template"].default
    template = config.get("model", {}).get("observation_template", usual)
    model = Watched(outputs=outputs, observation_template=template)
    model.shown = []
    settings = {key: config["agent"][key] for key in ("system_template", "instance_template")}
    DefaultAgent(model, Results(task["result"]), **settings, cost_limit=0.0).run(task["task"])
    return model.shown

print(json.dumps({task["name"]: walk(task) for task in json.load(sys.stdin)}))
"""
_TOKEN = re.compile(r"\w+|[^\w\s]")
_FAILURE = "AssertionError: it fails"
_RESULT = "1 passed in 0.10s\n[exit code 0]"


class Scaffold(NamedTuple):
    """Tokens of scaffold text a turn, and of everything that the model read a turn."""

    text: float
    prompt: float


@dataclass
class _Replies:
    replies: list[str]
    asked: list[Sequence[Message]] = field(default_factory=list)

    async def complete(
        self, messages: Sequence[Message], *, schema: JsonSchema | None = None
    ) -> Reply:
        del schema
        self.asked.append(list(messages))
        usage = Usage(model="-", node="-", prompt_tokens=1, output_tokens=1, seconds=0.0)
        return Reply(text=self.replies[len(self.asked) - 1], usage=usage)


@dataclass
class _Results:
    async def act(self, action: Action) -> Observation:
        del action
        return Observation(text=_RESULT, ok=True)


async def of_baton(case: Case) -> Scaffold:
    """Let Baton's Coder take the trajectory."""
    title, _, body = case.bug.issue.strip().partition("\n")
    issue = Issue(
        repo=RepoRef.parse(case.bug.repo), number=1, title=title, body=body.strip(), author="alice"
    )
    red = RedTest(name=case.bug.tests, file=case.bug.tests, message=_FAILURE)
    task = CoderTask(issue=issue, test_command="python -m pytest -q", red=(red,))
    chat = _Replies([f"Next.\n\n{render(action)}" for action in solution(case)])
    await implement(chat, _Results(), task, Limits())
    turns = [
        [(message.role is Speaker.ASSISTANT, message.content) for message in messages]
        for messages in chat.asked
    ]
    return _measured(case, turns, f"{case.bug.tests} {case.bug.tests} {_FAILURE}")


def of_mini(cases: Sequence[Case]) -> dict[str, Scaffold]:
    """Let mini-swe-agent take the same trajectories, in an environment that is thrown away."""
    wanted = [
        {
            "name": case.bug.name,
            "task": case.bug.issue.strip(),
            "result": _RESULT,
            "commands": [_command(action) for action in solution(case)],
        }
        for case in cases
    ]
    command = (
        *(uv.find_uv_bin(), "run", "--quiet", "--no-project", "--isolated", "--with", MINI),
        *("python", "-c", _SCRIPT),
    )
    done = subprocess.run(
        command, input=json.dumps(wanted), capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {}
    told = json.loads(done.stdout.strip().splitlines()[-1])
    by_name = {case.bug.name: case for case in cases}
    return {name: _measured(by_name[name], turns, "") for name, turns in told.items()}


def _measured(case: Case, turns: Sequence[Sequence[tuple[bool, str]]], data: str) -> Scaffold:
    """Count the prompts; what the model said, the issue and the results are no scaffold."""
    foreign, results = _count(case.bug.issue) + _count(data), 0
    text = prompt = 0
    for number, messages in enumerate(turns):
        results = number * _count(_RESULT)
        said = sum(_count(content) for is_reply, content in messages if is_reply)
        whole = sum(_count(content) for _, content in messages)
        prompt += whole
        text += whole - said - foreign - results
    return Scaffold(text / len(turns), prompt / len(turns))


def _command(action: Action) -> str:
    """Write an action as the shell command that does the same."""
    if isinstance(action, Submit):
        return "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
    if action.kind == "run":
        return action.command
    assert action.kind == "edit"
    script = (
        f"from pathlib import Path\npath = Path({action.path!r})\n"
        f"path.write_text(path.read_text().replace({action.search!r}, {action.replace!r}))"
    )
    return f"python - <<'END'\n{script}\nEND"


def _count(text: str) -> int:
    return len(_TOKEN.findall(text))
