import pytest

from agents.loop import Attempt, Brief, Ended, Limits, work
from shared.chat import Message, Speaker, Spent
from shared.domain import Role
from shared.errors import ModelUnavailable
from shared.profiles import load
from shared.workspace import Observation, RunCommand, Submit, ViewFile
from tests.fakes import ScriptedChat, ScriptedWorkspace, usage

BRIEF = Brief(
    system=Message(role=Speaker.SYSTEM, content="# Dev1_Senior"),
    task=Message(role=Speaker.USER, content="Mend it."),
    reminder="Your task: mend it.",
)
LS = RunCommand(command="ls")
DONE = Submit(message="Mended.")


def seen(text: str = "ok", *, ok: bool = True) -> Observation:
    """Return what an action came to."""
    return Observation(text=text, ok=ok)


async def run(
    chat: ScriptedChat, *observations: Observation, limits: Limits | None = None
) -> Attempt:
    """Run the loop with a script."""
    return await work(chat, ScriptedWorkspace(list(observations)), BRIEF, limits or Limits())


def view(number: int) -> ViewFile:
    """Return one of many different actions."""
    return ViewFile(path=f"{number}.py")


async def test_a_submitted_attempt_tells_what_it_cost() -> None:
    """The loop ends with the agent's own message, its steps and the sum of its calls."""
    chat = ScriptedChat()
    chat.enqueue(LS, DONE)
    attempt = await run(chat, seen())
    assert attempt.submitted
    assert attempt.message == "Mended."
    assert attempt.steps == 2
    assert (attempt.spent.calls, attempt.spent.tokens, attempt.spent.seconds) == (2, 30, 1.0)


async def test_the_model_sees_the_result_of_its_action() -> None:
    """After each action its text and whether it worked stand in the next prompt, append only."""
    chat = ScriptedChat()
    chat.enqueue(LS, view(1), DONE)
    await run(chat, seen("a.py\nb.py"), seen("1.py does not exist.", ok=False), seen())
    first, second, third = chat.asked
    assert second[: len(first)] == first
    assert third[: len(second)] == second
    assert second[-1].content == "Result of run (done):\n\na.py\nb.py"
    assert third[-1].content == "Result of view (failed):\n\n1.py does not exist."


async def test_a_refused_submit_goes_on() -> None:
    """When the workspace does not take the submission, the agent hears why and continues."""
    chat = ScriptedChat()
    chat.enqueue(DONE, LS, DONE)
    attempt = await run(chat, seen("Nothing was changed.", ok=False), seen())
    assert attempt.submitted
    assert attempt.steps == 3


async def test_three_malformed_replies_in_a_row_end_the_attempt() -> None:
    """The third reply without an action ends it; the first two were corrected precisely."""
    chat = ScriptedChat()
    chat.enqueue("Hm.", "Hm.", "Hm.")
    attempt = await run(chat, seen())
    assert attempt.ended is Ended.MALFORMED
    assert attempt.steps == 0
    assert chat.asked[1][-1].content.startswith("The reply has no action.")


async def test_a_good_reply_forgives_the_malformed_ones_before() -> None:
    """Only malformed replies in a row count."""
    chat = ScriptedChat()
    chat.enqueue("Hm.", "Hm.", LS, "Hm.", "Hm.", DONE)
    assert (await run(chat, seen())).submitted


async def test_a_reply_that_was_cut_is_not_carried_out() -> None:
    """An action in a reply that the output limit ended is never trusted."""
    chat = ScriptedChat()
    chat.enqueue(RunCommand(command="rm -r build"), cut=True)
    chat.enqueue(DONE)
    workspace = ScriptedWorkspace([seen()])
    await work(chat, workspace, BRIEF, Limits())
    assert workspace.acted == [DONE]
    assert "cut off" in chat.asked[1][-1].content


async def test_the_steps_are_a_budget() -> None:
    """The loop ends when its steps are spent, and says so to the model before."""
    chat = ScriptedChat()
    chat.enqueue(view(1), view(2), view(3))
    attempt = await run(chat, seen(), limits=Limits(steps=3))
    assert attempt.ended is Ended.STEPS
    assert chat.asked[2][-1].content.endswith("1 more action: finish and submit.")


async def test_the_tokens_are_a_budget() -> None:
    """No call is made once the tokens are spent."""
    chat = ScriptedChat()
    chat.enqueue(view(1), cost=usage(prompt=90, output=10))
    attempt = await run(chat, seen(), limits=Limits(tokens=100))
    assert attempt.ended is Ended.TOKENS
    assert attempt.spent.tokens == 100


async def test_four_equal_pairs_are_a_circle() -> None:
    """The same action with the same result four times ends the attempt, three times do not."""
    chat = ScriptedChat()
    chat.enqueue(LS, LS, LS, LS)
    attempt = await run(chat, seen("12 passed in 0.31s"), seen("12 passed in 0.29s"))
    assert attempt.ended is Ended.STUCK
    assert attempt.steps == 4
    chat = ScriptedChat()
    chat.enqueue(LS, LS, LS, DONE)
    assert (await run(chat, seen())).submitted


async def test_three_equal_errors_are_a_circle() -> None:
    """The same refusal three times ends the attempt, whatever the agent tried to edit."""
    chat = ScriptedChat()
    chat.enqueue(view(1), view(2), view(3))
    attempt = await run(chat, seen("The path is empty.", ok=False))
    assert attempt.ended is Ended.STUCK
    assert "The path is empty." in attempt.message


async def test_different_commands_may_fail_alike() -> None:
    """Three commands that each end with exit code 1 and no output are no circle."""
    chat = ScriptedChat()
    chat.enqueue(*(RunCommand(command=f"grep {n} a") for n in range(3)), DONE)
    failed = seen("(no output)\n(exit code 1)", ok=False)
    assert (await run(chat, failed, failed, failed, seen())).submitted


async def test_six_alternating_steps_are_a_circle() -> None:
    """Two actions that take turns with the same results for six steps end the attempt."""
    chat = ScriptedChat()
    chat.enqueue(LS, view(1), LS, view(1), LS, view(1))
    attempt = await run(chat, *[seen("a"), seen("b")] * 3)
    assert attempt.ended is Ended.STUCK
    assert attempt.steps == 6


@pytest.mark.parametrize(
    ("limits", "ended", "told"),
    [
        (Limits(seconds=1.0), Ended.SECONDS, "Little of the budget is left: finish and submit."),
        (Limits(command_seconds=8), Ended.COMMANDS, "Little time for commands is left"),
    ],
)
async def test_time_is_a_budget(limits: Limits, ended: Ended, told: str) -> None:
    """The model's seconds and those of its commands end an attempt, and it is told before."""
    chat = ScriptedChat()
    chat.enqueue(view(1), cost=usage().model_copy(update={"seconds": 0.95}))
    chat.enqueue(view(2))
    slow = Observation(text="x", ok=True, seconds=7.5)
    attempt = await run(chat, slow, limits=limits)
    assert attempt.ended is ended
    assert attempt.command_seconds == 15
    assert told in chat.asked[1][-1].content


async def test_the_same_replies_give_the_same_attempt() -> None:
    """The loop is deterministic, so that a durable log can replay it."""
    attempts = []
    for _ in range(2):
        chat = ScriptedChat()
        chat.enqueue(LS, "Hm.", view(1), DONE)
        attempts.append((await run(chat, seen("x")), chat.asked))
    assert attempts[0] == attempts[1]


async def test_errors_of_the_chat_pass_through() -> None:
    """A node that is away is the caller's to handle, not a failed attempt."""

    class Away:
        async def complete(self, *_: object, **__: object) -> None:
            raise ModelUnavailable("gone")

    with pytest.raises(ModelUnavailable):
        await work(Away(), ScriptedWorkspace([seen()]), BRIEF, Limits())  # type: ignore[arg-type]  # a Chat that fails is all it has to be


def test_limits_come_from_a_profile() -> None:
    """The context leaves room for the reply within num_ctx."""
    profile = load("distributed")
    limits = Limits.of(profile.budgets, profile.model(Role.CODER))
    assert limits == Limits(steps=40, tokens=400_000, context=65536 - 8192)
    assert limits.task < limits.context


def test_an_attempt_survives_the_durable_log() -> None:
    """An attempt read back from JSON is the same attempt."""
    attempt = Attempt(ended=Ended.STUCK, message="x", steps=3, spent=Spent().plus(usage()))
    assert Attempt.model_validate_json(attempt.model_dump_json()) == attempt
