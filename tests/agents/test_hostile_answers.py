"""Bad answers to questions with a form: understood where they mean one thing, else refused."""

import json
from pathlib import Path

import pytest

from agents import planner, reviewer, router
from shared.chat import Reply
from shared.domain import Blueprint, Issue, RepoRef, Review, Triage
from shared.errors import MalformedReply, ModelUnavailable
from tests.agents.hostile_replies import DONE, FIX, run
from tests.agents.hostile_world import Copies, HostileModel, World, files
from tests.fakes import ScriptedChat, usage

ISSUE = Issue(repo=RepoRef.parse("a/b"), number=1, title="T", body="B", author="a")
GOOD = {"type": "bug", "difficulty": "low", "confidence": 0.9, "self_reflection": False}
TEXT = json.dumps(GOOD)
PLAN = {
    "summary": "s",
    "action_items": ["a"],
    "scenarios": [{"name": "n", "given": "g", "when": "w", "then": "t"}],
}
UNDERSTOOD = {
    "in prose": f"Sure! Here it is: {TEXT} I hope that helps.",
    "in a fence": f"```json\n{TEXT}\n```",
    "in half a fence": f"```json\n{TEXT}",
    "after a draft": f"{json.dumps({**GOOD, 'difficulty': 'high'})}\nNo, rather:\n{TEXT}",
    "after its thoughts": f"<think>maybe {{}} or {{1}}</think>{TEXT}",
    "with broken braces before": "{" * 50 + TEXT,
    "with a BOM": f"\ufeff{TEXT}",
}
REFUSED = {
    "empty": "",
    "refusing": "I cannot help with that.",
    "half an object": TEXT[:40],
    "a list": f"[{TEXT[:20]}]",
    "wrapped in another object": json.dumps({"answer": {"the": GOOD}}),
    "a word that is none of the choices": json.dumps({**GOOD, "difficulty": "trivial"}),
    "sure beyond measure": json.dumps({**GOOD, "confidence": 5}),
    "no number": TEXT.replace("0.9", "NaN"),
    "an order among the fields": json.dumps({**GOOD, "run": "rm -rf /"}),
    "a field less": json.dumps({"type": "bug"}),
    "a tower of brackets": '{"a":' * 100_000,
    "thousands of braces": "{ " * 100_000,
}


@pytest.mark.parametrize("case", UNDERSTOOD)
async def test_what_means_one_thing_is_understood(case: str) -> None:
    """Wrapping does not matter as long as one answer is in it, the last one when it drafts."""
    chat = ScriptedChat()
    chat.enqueue(UNDERSTOOD[case])
    assert await router.triage(chat, ISSUE) == Triage.model_validate(GOOD)


@pytest.mark.parametrize("case", REFUSED)
async def test_anything_else_is_corrected_once_and_then_refused(case: str) -> None:
    """The model hears what is wrong; a good second answer counts, a bad one ends it."""
    chat = ScriptedChat()
    chat.enqueue(REFUSED[case], TEXT)
    assert await router.triage(chat, ISSUE) == Triage.model_validate(GOOD)
    chat.enqueue(REFUSED[case], REFUSED[case])
    with pytest.raises(MalformedReply):
        await router.triage(chat, ISSUE)
    assert len(chat.asked) == 4


async def test_a_cut_answer_is_no_answer() -> None:
    """Even when what arrived can be read, a cut reply is not the whole one."""
    chat = ScriptedChat()
    chat.enqueue(TEXT, TEXT, cut=True)
    with pytest.raises(MalformedReply, match="cut off"):
        await router.triage(chat, ISSUE)


async def test_a_plan_has_at_most_five_action_items() -> None:
    """The schema says five, and a sixth is refused even where the schema was ignored."""
    chat = ScriptedChat()
    chat.enqueue(json.dumps({**PLAN, "action_items": ["a"] * 6}), json.dumps(PLAN))
    assert await planner.plan(chat, ISSUE, "") == Blueprint.model_validate(PLAN)
    schema = chat.schemas[0]
    assert schema is not None
    items = schema["properties"]["action_items"]  # type: ignore[index]  # JSON schemas are untyped
    assert (items["minItems"], items["maxItems"]) == (1, 5)
    assert "at most 5 items" in chat.asked[1][-1].content


@pytest.mark.parametrize(
    "answer",
    [
        {"summary": "Great work!", "findings": [{"severity": "critical", "file": "a", "why": "x"}]},
        {"summary": "", "findings": [{"severity": "blocking", "why": "It feels wrong."}]},
        {
            "summary": "",
            "findings": [{"severity": "blocking", "file": "a", "line": -1, "why": "x"}],
        },
    ],
)
async def test_a_finding_without_a_place_or_a_weight_does_not_block(answer: object) -> None:
    """What is not of the form is corrected, so that nothing vague keeps a change back."""
    chat = ScriptedChat()
    chat.enqueue(json.dumps(answer), '{"summary": "Good.", "findings": []}')
    task = reviewer.ReviewTask(issue=ISSUE, diff="+x", evidence="1 passed")
    assert await reviewer.review(chat, task) == Review(summary="Good.")


class Dying(HostileModel):
    """A model that is gone after its replies."""

    async def complete(self, *args: object, **more: object) -> Reply:
        """Say the next thing, or be gone."""
        del args, more
        if self.asked == len(self.replies):
            raise ModelUnavailable("The node is gone.")
        self.asked += 1
        return Reply(text=self.replies[self.asked - 1], usage=usage())


async def test_a_node_that_dies_takes_no_work_with_it(world: World, tmp_path: Path) -> None:
    """When the model is lost in mid-work, what it has changed is kept, and can be gone on from."""
    root = world.tree(tmp_path)
    keeper = Copies(root, files(root))
    with pytest.raises(ModelUnavailable):
        await world.work(Dying([FIX, run("echo x > notes.txt")]), root, keeper)
    assert b"(100 - percent)" in keeper.kept[-1]["shop.py"]
    assert keeper.kept[-1]["notes.txt"] == b"x\n"
    attempt = await world.work(HostileModel([DONE]), root, keeper)
    assert attempt.submitted
