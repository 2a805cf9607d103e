"""Red: the Tester's new tests must fail on the base commit, for the right reason."""

from agents import tester
from agents.loop import Limits
from agents.prompting import prompt_hash
from agents.tester import TesterTask
from bot.checkout import Checkout
from bot.context import RunContext
from bot.services import services
from bot.task import Assignment, Red
from shared.domain import Role, Stage
from shared.errors import RunStopped
from shared.target import TestRun, judge_red
from shared.workspace import tester_writes, violations


async def write_red_tests(run: RunContext, assignment: Assignment, checkout: Checkout) -> Red:
    """Have the new tests written and committed.

    Raises RunStopped when no attempt gives tests that fail as they should.
    """
    attempts = run.budgets.attempts
    await run.enter(Stage.TESTING)
    base = await checkout.test("test the base commit")
    if not base.is_complete or (base.uncollected and not base.passed):
        raise RunStopped(run.phrase("base_broken"), base.log)
    verdicts: tuple[str, ...] = ()
    for attempt in range(1, attempts + 1):
        if attempt > 1:
            await run.enter(Stage.TESTING, run.phrase("attempt", n=attempt, of=attempts))
        task = await _task(assignment, checkout, attempt, attempts, verdicts)
        await _let_write(run, checkout, task)
        red = await checkout.test("test the new tests on base")
        verdict = judge_red(base, red)
        touched = violations(await checkout.changed_files(assignment.base_sha), tester_writes)
        touched += await checkout.tampering(assignment.base_sha)
        verdicts = (*touched, *verdict.sentences)
        if not verdicts:
            return await _commit(assignment, checkout, base, red, verdict.new)
        checkout.back_to(assignment.base_sha)
    raise RunStopped(run.phrase("no_red", attempts=attempts), "\n".join(verdicts))


async def _task(
    assignment: Assignment,
    checkout: Checkout,
    attempt: int,
    attempts: int,
    verdicts: tuple[str, ...],
) -> TesterTask:
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
        verdicts=verdicts,
    )


async def _let_write(run: RunContext, checkout: Checkout, task: TesterTask) -> None:
    chat = run.chat(Role.TESTER, prompt_hash=prompt_hash(Role.TESTER))
    limits = Limits.of(run.budgets, services().profile.model(Role.TESTER))
    await tester.write_tests(chat, checkout.hands(tester_writes), task, limits)


async def _commit(
    assignment: Assignment,
    checkout: Checkout,
    base: TestRun,
    red: TestRun,
    new_tests: tuple[str, ...],
) -> Red:
    issue = assignment.issue
    sha = await checkout.commit(
        f"Add failing tests for #{issue.number}\n\n{issue.title}\n\nWritten by Tester_QA."
    )
    files = await checkout.changed_files(assignment.base_sha)
    return Red(
        base_sha=assignment.base_sha,
        sha=sha,
        base=base,
        run=red,
        new_tests=new_tests,
        files=files,
    )
