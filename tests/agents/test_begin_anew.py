"""Conversations that grow too long: begun anew with notes and the change so far."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.loop import Attempt, Brief, Ended, Limits, Support, work
from shared.chat import JsonSchema, Message, Reply, Speaker, likely_tokens
from shared.errors import ModelUnavailable, PromptTruncated
from shared.workspace import CreateFile, Observation, RunCommand, Submit, ViewFile
from tests.fakes import ScriptedChat, ScriptedWorkspace, usage

BRIEF = Brief(
    system=Message(role=Speaker.SYSTEM, content="# Dev1_Senior"),
    task=Message(role=Speaker.USER, content="Mend it."),
    reminder="Your task: mend it.",
)
DIFF = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n+x = 1\n"
NOTES = json.dumps({"done": ["Tried x = 2."], "learned": ["f() is in a.py:7."], "next": ["Run."]})
STEPS = 12
LIMITS = Limits(context=1500)


class Kept:
    """A keeper that remembers what it was told to keep."""

    def __init__(self, diff: str = DIFF) -> None:
        self.turns: list[int] = []
        self.text = diff

    async def keep(self, turn: int) -> None:
        """Remember the turn."""
        self.turns.append(turn)

    async def diff(self) -> str:
        """Return the change so far."""
        return self.text


async def long_work(support: Support, chat: ScriptedChat | None = None) -> ScriptedChat:
    """Work with observations that do not all fit."""
    chat = chat or ScriptedChat()
    chat.enqueue(*(ViewFile(path=f"{n}.py") for n in range(STEPS)), Submit())
    observations = [Observation(text=f"{n} " + "word " * 200, ok=True) for n in range(STEPS + 1)]
    attempt = await work(chat, ScriptedWorkspace(observations), BRIEF, LIMITS, support)
    assert attempt.submitted
    assert all(likely_tokens(asked) <= LIMITS.context for asked in chat.asked)
    return chat


def anew(chat: ScriptedChat) -> list[list[Message]]:
    """Return the conversations as they stood after each new beginning."""
    return [
        now for last, now in zip(chat.asked, chat.asked[1:], strict=False) if len(now) <= len(last)
    ]


async def test_a_long_conversation_begins_anew_with_notes_and_the_change() -> None:
    """The stable prompt and the task come first, then notes, diff and task again; no notice."""
    summariser = ScriptedChat()
    summariser.enqueue(*[NOTES] * STEPS)
    chat = await long_work(Support(summariser=summariser, keeper=Kept()))
    begun = anew(chat)
    assert len(begun) > 1
    for asked in begun:
        assert asked[0] == BRIEF.system
        assert asked[1].content.startswith(BRIEF.task.content)
        for told in ("f() is in a.py:7.", "Tried x = 2.", "+x = 1", BRIEF.reminder):
            assert told in asked[1].content
        assert [m.role for m in asked[2:]] == [Speaker.ASSISTANT, Speaker.USER]
    assert "f() is in a.py:7." in summariser.asked[1][1].content
    assert likely_tokens(summariser.asked[-1]) <= 6000
    assert "trim" not in "".join(m.content for asked in chat.asked for m in asked)


async def test_between_two_beginnings_the_conversation_is_append_only() -> None:
    """Every prompt begins with the whole one before it, until a new beginning."""
    chat = await long_work(Support(keeper=Kept()))
    begun = anew(chat)
    for last, now in zip(chat.asked, chat.asked[1:], strict=False):
        assert now in begun or now[: len(last)] == last


@pytest.mark.parametrize("reply", ["I cannot.", "{}", '{"done": [1,2,3,4,5,6,7,8,9]}'])
async def test_without_usable_notes_the_steps_are_listed(reply: str) -> None:
    """A bad summariser, or none, does not end the work: what was done is listed as it was."""
    summariser = ScriptedChat()
    summariser.enqueue(*[reply] * 2 * STEPS)
    for support in (Support(summariser=summariser), Support()):
        chat = await long_work(support)
        assert "- view 0.py: done" in anew(chat)[0][1].content
        assert "Changed so far" not in anew(chat)[0][1].content


async def test_a_summariser_that_is_away_does_not_end_the_work() -> None:
    """Notes are a help; a gateway model that cannot be reached is done without."""

    class Away(ScriptedChat):
        async def complete(self, *_: object, **__: object) -> Reply:
            raise ModelUnavailable("gone")

    chat = await long_work(Support(summariser=Away()))
    assert "- view 0.py: done" in anew(chat)[0][1].content


async def test_notes_are_paid_for_by_the_attempt() -> None:
    """What the summariser spends counts in the attempt's budget."""
    chat, summariser = ScriptedChat(), ScriptedChat()
    summariser.enqueue(*[NOTES] * STEPS, cost=usage(prompt=1000, output=100))
    chat.enqueue(*(ViewFile(path=f"{n}.py") for n in range(5)), Submit())
    seen = [Observation(text=str(n) * 3000, ok=True) for n in range(6)]
    support = Support(summariser=summariser)
    attempt = await work(chat, ScriptedWorkspace(seen), BRIEF, LIMITS, support)
    assert summariser.asked
    assert attempt.spent.tokens == 6 * 15 + len(summariser.asked) * 1100


class Truncating(ScriptedChat):
    """A node that reads only so many tokens, whatever the profile says."""

    most = 900

    async def complete(
        self, messages: Sequence[Message], *, schema: JsonSchema | None = None
    ) -> Reply:
        """Refuse what is too long, as the real client does."""
        if likely_tokens(messages) > self.most:
            raise PromptTruncated("The node has not read the whole prompt.")
        return await super().complete(messages, schema=schema)


async def test_a_truncated_prompt_is_sent_again_shorter() -> None:
    """No reply to half a prompt is used; the conversation begins anew with half the context."""
    chat = await long_work(Support(), Truncating())
    assert all(likely_tokens(asked) <= Truncating.most for asked in chat.asked)


async def test_a_task_that_is_truncated_by_itself_is_an_error() -> None:
    """When even the task is not read, the work ends with the node's own sentence."""
    chat = Truncating()
    chat.most = 3
    with pytest.raises(PromptTruncated):
        await work(chat, ScriptedWorkspace([Observation(text="", ok=True)]), BRIEF, LIMITS)


async def test_the_nodes_own_count_corrects_the_estimate() -> None:
    """A node that counts twice the tokens makes the conversation begin anew sooner."""
    lengths = []
    for factor in (1, 2):
        chat = ScriptedChat()
        for n in range(12):
            cost = usage(prompt=factor * (20 + 160 * min(n, 3)))
            chat.enqueue(ViewFile(path=f"{n}.py"), cost=cost)
        chat.enqueue(Submit())
        seen = [Observation(text=str(n) + "x" * 400, ok=True) for n in range(13)]
        await work(chat, ScriptedWorkspace(seen), BRIEF, LIMITS)
        lengths.append(len(anew(chat)))
    assert lengths[0] < lengths[1]


async def test_every_turn_that_may_change_files_is_kept() -> None:
    """Commands, edits and new files are kept after their turn; looking changes nothing."""
    chat, keeper = ScriptedChat(), Kept()
    chat.enqueue(
        ViewFile(path="a"), RunCommand(command="make"), CreateFile(path="b", content=""), Submit()
    )
    seen = ScriptedWorkspace([Observation(text="", ok=True)])
    await work(chat, seen, BRIEF, Limits(), Support(keeper=keeper))
    assert keeper.turns == [2, 3]


async def test_a_lost_model_loses_one_turn_at_most() -> None:
    """When the model is gone for good, the turns before it are kept."""

    class Dying(ScriptedChat):
        async def complete(
            self, messages: Sequence[Message], *, schema: JsonSchema | None = None
        ) -> Reply:
            if not self.replies:
                raise ModelUnavailable("gone")
            return await super().complete(messages, schema=schema)

    chat, keeper = Dying(), Kept()
    chat.enqueue(RunCommand(command="a"), RunCommand(command="b"))
    workspace = ScriptedWorkspace([Observation(text="", ok=True)])
    with pytest.raises(ModelUnavailable):
        await work(chat, workspace, BRIEF, Limits(), Support(keeper=keeper))
    assert keeper.turns == [1, 2]


async def submitted_unchanged(times: int) -> tuple[Attempt, ScriptedChat]:
    """Submit again and again without a change."""
    chat = ScriptedChat()
    chat.enqueue(*[Submit(message="All done!")] * times)
    workspace = ScriptedWorkspace([Observation(text="Submitted.", ok=True)])
    return await work(chat, workspace, BRIEF, Limits(), Support(keeper=Kept(""))), chat


async def test_nothing_is_not_submitted() -> None:
    """A claim of success without any change is refused, and in the end a circle."""
    attempt, chat = await submitted_unchanged(3)
    assert attempt.ended is Ended.STUCK
    assert "No file differs from the start" in chat.asked[1][-1].content


_words = st.integers(0, 4000).map(lambda n: "한 word" * n)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["view", "prose", "create"]), _words), max_size=12),
    st.integers(1024, 8192),
    _words,
)
async def test_whatever_is_said_and_seen_the_context_holds(
    turns: list[tuple[str, str]], context: int, diff: str
) -> None:
    """No prompt is longer than the context, and the attempt ends, for any lengths of all texts."""
    chat = ScriptedChat()
    for number, (kind, text) in enumerate(turns):
        if kind == "prose":
            chat.enqueue(text)
        elif kind == "view":
            chat.enqueue(ViewFile(path=f"{number}.py"))
        else:
            chat.enqueue(CreateFile(path=f"{number}.py", content=text))
    chat.enqueue(*[Submit()] * 3)
    seen = [Observation(text=f"{number}{text}", ok=True) for number, (_, text) in enumerate(turns)]
    workspace = ScriptedWorkspace([*seen, Observation(text="", ok=True)])
    limits = Limits(context=context)
    attempt = await work(chat, workspace, BRIEF, limits, Support(keeper=Kept(f"+{diff}")))
    assert attempt.ended in {Ended.SUBMITTED, Ended.MALFORMED}
    assert all(likely_tokens(asked) <= context for asked in chat.asked)
