"""Code: the Coder's change must turn the new tests green and break nothing."""

from agents import coder
from agents.coder import CoderTask, RedTest
from agents.loop import Attempt
from agents.prompting import prompt_hash
from bot import snapshots
from bot.build.helping import attempt_note, limits, note_failure, support
from bot.build.lacking import lacks_packages
from bot.checkout import Checkout
from bot.context import RunContext
from bot.task import Change, Red, Task
from shared.domain import Role, Stage
from shared.errors import RunStopped
from shared.target import TestRun, judge_green
from shared.workspace import coder_writes, violations


async def write_code(run: RunContext, task: Task, checkout: Checkout) -> Task:
    """Try until the gate lets a change through.

    Every attempt starts from the red tests and is told what was wrong with the one before; the
    first goes on with a draft if there is one, and is not made again where it is held for packages
    that are there now. Returns without a change when help or packages are wanted. Raises
    RunStopped when the attempts are used up.
    """
    attempts, assignment, red = run.budgets.attempts, task.assignment, task.red
    assert red is not None, "tests are written before code"
    checkout.back_to(red.sha)
    known = await checkout.surroundings(assignment.issue)
    for attempt in range(len(task.tried) + 1, attempts + 1):
        await run.enter(Stage.CODING, attempt_note(run, task, attempt))
        checkout.back_to(red.sha, task.draft)
        await snapshots.take(run, Stage.CODING, Role.CODER, task, checkout.files.tree)
        told = CoderTask(
            issue=assignment.issue,
            test_command=known.test_command,
            blueprint=assignment.blueprint,
            red=as_red_tests(red),
            attempt=attempt,
            attempts=attempts,
            kept=bool(task.draft),
            verdicts=task.verdicts,
            context=known.excerpt,
        )
        tried = task.held or await let_code(run, checkout, told, red)
        # What broke is looked at three times; what is mended now is so at the verification.
        green = await checkout.test("test the change", known=red.run)
        verdicts = await objections(checkout, red, green)
        if not verdicts:
            sha = await checkout.commit(_message(task, tried))
            change = Change(sha=sha, red=red, green=green, message=tried.message)
            return task.with_(change=change, draft="", verdicts=(), tried=(), held=None)
        by_tests = judge_green(red.base, red.run, green).sentences
        if await lacks_packages(checkout, task, green, by_tests_alone=verdicts == by_tests):
            return task.waits_for_packages(tried, checkout.files.tree)
        task = await note_failure(run, task, tried, verdicts)
        if task.wanted is not None:
            return task
    raise RunStopped(run.phrase("no_green", attempts=attempts), "\n".join(task.verdicts))


async def objections(checkout: Checkout, red: Red, green: TestRun) -> tuple[str, ...]:
    """Say what keeps the files as they stand from being a solution."""
    # Commands can write what edits may not; so the files themselves are looked at.
    touched = violations(await checkout.changed_files(red.sha), coder_writes(red.files))
    touched += await checkout.tampering(red.sha)
    return (*touched, *judge_green(red.base, red.run, green).sentences)


async def let_code(run: RunContext, checkout: Checkout, task: CoderTask, red: Red) -> Attempt:
    """Let the Coder work on the checkout as it stands."""
    chat = run.chat(Role.CODER, prompt_hash=prompt_hash(Role.CODER))
    hands = checkout.hands(coder_writes(red.files))
    return await coder.implement(
        chat, hands, task, limits(run, Role.CODER), support(run, hands, chat)
    )


def as_red_tests(red: Red) -> tuple[RedTest, ...]:
    """Tell the Coder which tests fail, where, and how."""
    return tuple(
        RedTest(
            name=test,
            file=test.partition("::")[0],
            message=red.run.failures[test].message if test in red.run.failures else "",
        )
        for test in red.new_tests
    )


def _message(task: Task, tried: Attempt) -> str:
    issue = task.basis.issue
    told = f"\n\n{tried.message}" if tried.submitted and tried.message else ""
    title = f"{issue.title}{task.part_title}"
    return f"Solve #{issue.number}: {title}{told}\n\nWritten by Dev1_Senior."
