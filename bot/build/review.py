"""Review: the Reviewer reads the diff; blocking remarks go back to the Coder."""

from agents import reviewer
from agents.coder import CoderTask
from agents.prompting import prompt_hash
from agents.refutation import Refuted, refuted, still_open
from agents.reviewer import ReviewTask
from bot import snapshots
from bot.build.code import as_red_tests, let_code, objections
from bot.build.helping import room
from bot.checkout import Checkout
from bot.context import RunContext
from bot.task import Change, Task
from shared.domain import Difficulty, Finding, Review, Role, Stage, Triage

# Rounds by difficulty: more than one only where the router found self-reflection worth its time.
_ROUNDS = {Difficulty.LOW: 1, Difficulty.MEDIUM: 2, Difficulty.HIGH: 3}


async def review_rounds(run: RunContext, task: Task, checkout: Checkout) -> Task:
    """Have a change reviewed until nothing blocks it or the rounds are used up.

    A finding that the coder refutes by a new test is closed. What still blocks after the last
    round is kept in `remarks`, for people to see.
    """
    change = task.change
    assert change is not None, "a change is written before it is reviewed"
    rounds = min(_rounds(task.assignment.triage), run.budgets.review_rounds)
    open_, closed = change.remarks, tuple[Refuted, ...]()
    checkout.back_to(change.sha)
    for turn in range(1, rounds + 1):
        await run.enter(Stage.REVIEWING, run.phrase("round", n=turn, of=rounds))
        await snapshots.take(run, Stage.REVIEWING, Role.REVIEWER, task.with_(change=change))
        review = await _review(run, task.with_(change=change), checkout, turn, open_, closed)
        if not review.blocking:
            open_ = ()
            break
        change, refuting = await _answer(run, task.with_(change=change), checkout, turn, review)
        closed += refuting
        open_ = still_open(review.blocking, closed)
    change = change.model_copy(update={"remarks": open_})
    return task.with_(change=change, reviewed=True)


def _rounds(triage: Triage) -> int:
    if triage.difficulty is Difficulty.LOW and not triage.self_reflection:
        return 0
    return _ROUNDS[triage.difficulty]


async def _review(
    run: RunContext,
    task: Task,
    checkout: Checkout,
    turn: int,
    earlier: tuple[Finding, ...],
    closed: tuple[Refuted, ...],
) -> Review:
    assignment, change = task.assignment, task.change
    assert change is not None
    asked = ReviewTask(
        issue=assignment.issue,
        diff=await checkout.diff(assignment.base_sha, change.sha),
        evidence=evidence(change),
        blueprint=assignment.blueprint,
        round=turn,
        earlier=earlier,
        refuted=closed,
    )
    chat = run.chat(Role.REVIEWER, prompt_hash=prompt_hash(Role.REVIEWER))
    return await reviewer.review(chat, asked, room=room(Role.REVIEWER))


async def _answer(
    run: RunContext, task: Task, checkout: Checkout, turn: int, review: Review
) -> tuple[Change, tuple[Refuted, ...]]:
    """Let the Coder answer the remarks; return the change, and the remarks that tests refute.

    An answer that breaks a test is not kept.
    """
    assignment, change = task.assignment, task.change
    assert change is not None
    await run.enter(Stage.CODING, run.phrase("answers_round", n=turn))
    known = await checkout.surroundings(assignment.issue)
    told = CoderTask(
        issue=assignment.issue,
        test_command=known.test_command,
        blueprint=assignment.blueprint,
        red=as_red_tests(change.red),
        kept=True,
        findings=review.blocking,
        context=known.excerpt,
    )
    tried = await let_code(run, checkout, told, change.red)
    green = await checkout.test("test the answer to the review", known=change.green)
    if await objections(checkout, change.red, green):
        checkout.back_to(change.sha)
        return change, ()
    sha = await checkout.commit(
        f"Answer the review of #{assignment.issue.number}\n\n{tried.message}\n\n"
        "Written by Dev1_Senior after Dev2_Reviewer."
    )
    closed = refuted(review.blocking, tried.message, change.green.outcomes, green.passed)
    return change.model_copy(update={"sha": sha, "green": green}), closed


def evidence(change: Change) -> str:
    """Sum the test runs up for a model."""
    new = "\n".join(f"- {test}" for test in change.red.new_tests)
    return (
        f"Before the change: {len(change.red.base.passed)} tests pass; "
        f"these new ones fail:\n{new}\n"
        f"After the change: {len(change.green.passed)} tests pass, the new ones among them."
    )
