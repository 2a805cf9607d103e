"""What fits into a context, and what is left out when it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import budget, prompting, tester
from agents.budget import Part
from agents.coder import CoderTask, RedTest, implement
from agents.loop import Limits
from agents.planner import plan
from agents.reviewer import ReviewTask, review
from agents.router import triage
from shared.chat import likely_tokens
from shared.domain import Issue, RepoRef, Role
from shared.profiles import ModelSpec, load
from shared.workspace import Observation, Submit
from tests.fakes import ScriptedChat, ScriptedWorkspace

LARGE = Issue(
    repo=RepoRef.parse("a/b"),
    number=1,
    title="It is slow",
    body="word " * 20_000 + "월말 날짜 " * 5_000,
    author="a",
)
DIFF = "".join(
    f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n" + f"+{path[-4]} = 1\n" * lines
    for path, lines in (("tests/test_a.py", 40), ("src/a.py", 40), ("src/b.py", 900))
)


def test_parts_share_the_room() -> None:
    """Short parts stay whole, long ones get equal shares, and nothing is given twice."""
    assert budget.shares({"a": 10, "b": 500, "c": 900}, 210) == {"a": 10, "b": 100, "c": 100}
    assert budget.shares({"a": 10, "b": 500}, 1000) == {"a": 10, "b": 500}
    assert budget.shares({"a": 10}, -5) == {"a": 0}


@given(st.dictionaries(st.text(max_size=2), st.text(max_size=800), max_size=4), st.integers(100))
def test_what_was_fitted_fits(texts: dict[str, str], room: int) -> None:
    """Whatever the texts and the room, all parts together stay within it, but for their notes."""
    for cut in (budget.clip, budget.by_files, budget.by_lines):
        fitted = budget.fit({name: Part(text, cut) for name, text in texts.items()}, room)
        assert fitted.keys() == texts.keys()
        slack = 60 * len(texts)  # a note is written even where there is no room at all
        assert sum(budget.tokens(text) for text in fitted.values()) <= room + slack


def test_a_diff_loses_whole_files_and_names_them() -> None:
    """Tests go before code, what is too long goes as a whole, and what went is said."""
    cut = budget.by_files(DIFF, 1200)
    assert "+++ b/src/a.py" in cut
    assert "+++ b/src/b.py" not in cut
    assert "left out for length: src/b.py (903 lines)" in cut
    smaller = budget.by_files(DIFF, 600)
    assert "+++ b/src/a.py" in smaller
    assert "tests/test_a.py (43 lines)" in smaller
    assert budget.by_files(DIFF, len(DIFF)) == DIFF


def test_an_excerpt_loses_whole_files_too() -> None:
    """The excerpt's own form is known; one file alone loses its middle."""
    excerpt = "--- a.py\nx = 1\n\n--- b.py\n" + "y = 2\n" * 500
    cut = budget.by_files(excerpt, 300)
    assert cut.startswith("--- a.py\nx = 1\n")
    assert "left out for length: b.py" in cut
    alone = budget.by_files("--- b.py\n" + "y = 2\n" * 500, 300)
    assert "characters left out" in alone


def test_a_list_loses_its_end() -> None:
    """The first remarks stay whole, and the number of the others is said."""
    cut = budget.by_lines("\n".join(f"- remark {n}" for n in range(100)), 300)
    assert cut.startswith("- remark 0\n")
    assert "more left out for length]" in cut


def test_the_room_leaves_room_for_the_reply() -> None:
    """A prompt takes num_ctx less num_predict, or half where the reply would take more."""
    model = ModelSpec(name="m", node="n", size_gb=1, num_ctx=8192, num_predict=2048)
    assert budget.room_of(model) == 6144
    assert budget.room_of(model.model_copy(update={"num_predict": 8192})) == 4096


@pytest.mark.parametrize("room", [4096, 6144])
async def test_small_contexts_hold_every_prompt(room: int) -> None:
    """With a context of 8k, no role is asked more than fits, however large the issue."""
    chat, workspace = ScriptedChat(), ScriptedWorkspace([Observation(text="", ok=True)])
    limits = Limits(context=room)
    chat.enqueue(Submit(), Submit())
    red = tuple(RedTest(name=f"test_{n}", file="t.py", message="x" * 900) for n in range(30))
    verdicts = tuple(f"test_{n} fails." for n in range(200))
    task = CoderTask(
        issue=LARGE, test_command="pytest", red=red, verdicts=verdicts, context=DIFF * 3
    )
    await implement(chat, workspace, task, limits)
    tested = tester.TesterTask(
        issue=LARGE, test_command="pytest", example_path="a", example=DIFF, verdicts=verdicts
    )
    await tester.write_tests(chat, workspace, tested, limits)
    assert all(likely_tokens(asked) <= limits.task for asked in chat.asked)
    chat.enqueue('{"summary": "", "findings": []}')
    await review(chat, ReviewTask(issue=LARGE, diff=DIFF * 4, evidence="e" * 9000), room=room)
    chat.enqueue(
        '{"summary": "", "action_items": ["a"], "files": [], "design": "",'
        '"scenarios": [{"name": "n", "given": "g", "when": "w", "then": "t"}]}'
    )
    await plan(chat, LARGE, DIFF * 4, room=room)
    chat.enqueue('{"type": "bug", "difficulty": "low", "confidence": 1, "self_reflection": true}')
    await triage(chat, LARGE)
    assert all(likely_tokens(asked) <= max(room, 5000) for asked in chat.asked)
    assert "src/a.py" in chat.asked[2][1].content


def test_every_built_in_profile_has_room_for_work() -> None:
    """In each profile the agents that act keep at least half of their context for it."""
    for name in ("distributed", "single-64gb", "embedded"):
        profile = load(name)
        limits = Limits.of(profile.budgets, profile.model(Role.CODER))
        assert limits.context - limits.task >= limits.context // 2
        assert limits.context >= 8192


def test_the_summary_prompt_is_fixed_too() -> None:
    """The notes' prompt has a stable part and a hash like those of the roles."""
    system, _ = prompting.messages(prompting.SUMMARY, task="a", notes="b", steps="c")
    assert system.content.startswith("# Summary\n")
    assert len(prompting.prompt_hash(prompting.SUMMARY)) == 12
