"""Take scripted trajectories through mini-swe-agent; runs in an environment with it alone.

Reads from standard input, as JSON, tasks with their commands and the one result of each; prints as
its last line what the model was shown at each turn, by task.
"""

import json
import sys
from importlib.resources import files
from typing import Any

import yaml
from minisweagent.agents.default import DefaultAgent
from minisweagent.exceptions import Submitted
from minisweagent.models.litellm_textbased_model import LitellmTextbasedModelConfig
from minisweagent.models.test_models import DeterministicModel, make_output


class Results:
    """An environment in which every command has the same result."""

    def __init__(self, result: str) -> None:
        self.result = result

    def execute(self, action: dict[str, Any], cwd: str = "") -> dict[str, Any]:
        """Return the result, or end where the command submits."""
        del cwd
        if "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT" in action["command"]:
            raise Submitted({"role": "exit", "content": "", "extra": {"exit_status": "Submitted"}})
        return {"output": self.result, "returncode": 0, "exception_info": ""}

    def get_template_vars(self, **more: object) -> dict[str, Any]:
        """Describe the machine that the templates ask for."""
        return {"system": "Linux", "release": "", "version": "", "machine": "x86_64", **more}

    def serialize(self) -> dict[str, Any]:
        """Have nothing to keep."""
        return {}


class Watched(DeterministicModel):  # type: ignore[misc]  the package is not in this environment
    """The scripted model; keeps what it is shown."""

    shown: list[list[tuple[bool, str]]]

    def query(self, messages: list[dict[str, Any]], **more: object) -> dict[str, Any]:
        """Note the conversation and answer."""
        self.shown.append([(m["role"] == "assistant", str(m["content"])) for m in messages])
        answer: dict[str, Any] = super().query(messages, **more)
        return answer


def walk(task: dict[str, Any]) -> list[list[tuple[bool, str]]]:
    """Take one trajectory with the scaffold's own settings for models that answer in text."""
    config = yaml.safe_load(
        (files("minisweagent") / "config" / "mini_textbased.yaml").read_text("utf-8")
    )
    outputs = [
        make_output(f"Next.\n\n```mswea_bash_command\n{c}\n```", [{"command": c}], cost=0.0)
        for c in task["commands"]
    ]
    template = config.get("model", {}).get(
        "observation_template",
        LitellmTextbasedModelConfig.model_fields["observation_template"].default,
    )
    model = Watched(outputs=outputs, observation_template=template)
    model.shown = []
    wanted = ("system_template", "instance_template")
    settings = {key: config["agent"][key] for key in wanted}
    DefaultAgent(model, Results(task["result"]), **settings, cost_limit=0.0).run(task["task"])
    return model.shown


print(json.dumps({task["name"]: walk(task) for task in json.load(sys.stdin)}))
