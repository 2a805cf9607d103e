"""Red: the Tester's new tests must fail on the base commit, for the right reason."""

from agents import tester
from agents.loop import Attempt
from agents.prompting import prompt_hash
from agents.tester import TesterTask
from bot.build.helping import attempt_note, limits, note_failure, support
from bot.build.lacking import lacks_packages
from bot.checkout import Checkout
from bot.context import RunContext
from bot.task import Red, Task
from shared.domain import Role, Stage
from shared.errors import RunStopped
from shared.target import TestRun, judge_red
from shared.workspace import fixed_files, tester_writes, violations
from shared.workspace.integrity import tampered_by_tester


async def write_red_tests(run: RunContext, task: Task, checkout: Checkout) -> Task:
    """Have the new tests of a part written and committed.

    An attempt that is held for packages which are there now is not made again. Returns without
    tests when help or packages are wanted. Raises RunStopped when no attempt gives tests that
    fail as they should.
    """
    attempts, assignment = run.budgets.attempts, task.assignment
    await run.enter(Stage.TESTING, attempt_note(run, task, len(task.tried) + 1))
    base = await _base(run, task, checkout)
    for attempt in range(len(task.tried) + 1, attempts + 1):
        if attempt > len(task.tried) + 1:
            await run.enter(Stage.TESTING, attempt_note(run, task, attempt))
        checkout.back_to(assignment.base_sha, task.draft if task.held else "")
        tried = task.held or await _let_write(
            run, checkout, await _told(task, checkout, attempt, attempts)
        )
        red = await checkout.test("test the new tests on base", known=base)
        verdict = judge_red(base, red)
        touched = violations(await checkout.changed_files(assignment.base_sha), tester_writes)
        touched += await checkout.tampering(assignment.base_sha, tampered_by_tester)
        verdicts = (*touched, *verdict.sentences)
        if not verdicts:
            done = await _commit(task, checkout, base, red, verdict.new)
            return task.with_(red=done, draft="", verdicts=(), tried=(), held=None)
        if await lacks_packages(checkout, task, red, by_tests_alone=not touched):
            return task.waits_for_packages(tried, checkout.files.tree)
        task = await note_failure(run, task, tried, verdicts)
        if task.wanted is not None:
            return task
    raise RunStopped(run.phrase("no_red", attempts=attempts), "\n".join(task.verdicts))


async def _base(run: RunContext, task: Task, checkout: Checkout) -> TestRun:
    """Return how the tests end before the part; after an earlier part that is known."""
    if task.finished:
        return task.finished[-1].green
    base = await checkout.test("test the base commit")
    if not base.is_complete or (base.uncollected and not base.passed):
        raise RunStopped(run.phrase("base_broken"), base.log)
    return base


async def _told(task: Task, checkout: Checkout, attempt: int, attempts: int) -> TesterTask:
    assignment = task.assignment
    blueprint = assignment.blueprint
    known = await checkout.surroundings(assignment.issue)
    return TesterTask(
        issue=assignment.issue,
        test_command=known.test_command,
        scenarios=blueprint.scenarios if blueprint else (),
        test_files=known.test_files,
        example_path=known.example_path,
        example=known.example,
        attempt=attempt,
        attempts=attempts,
        verdicts=task.verdicts,
    )


async def _let_write(run: RunContext, checkout: Checkout, task: TesterTask) -> Attempt:
    chat = run.chat(Role.TESTER, prompt_hash=prompt_hash(Role.TESTER))
    hands = checkout.hands(tester_writes)
    return await tester.write_tests(
        chat, hands, task, limits(run, Role.TESTER), support(run, hands, chat)
    )


async def _commit(
    task: Task, checkout: Checkout, base: TestRun, red: TestRun, new_tests: tuple[str, ...]
) -> Red:
    issue, base_sha = task.basis.issue, task.base_sha
    sha = await checkout.commit(
        f"Add failing tests for #{issue.number}{task.part_title}\n\n{issue.title}\n\n"
        "Written by Tester_QA."
    )
    earlier = (file for change in task.finished for file in change.red.files)
    files = dict.fromkeys((*earlier, *fixed_files(await checkout.changed_files(base_sha))))
    return Red(
        base_sha=base_sha,
        sha=sha,
        base=base,
        run=red,
        new_tests=new_tests,
        files=tuple(files),
    )
