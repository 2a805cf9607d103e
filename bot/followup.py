"""Answering a review: new commits on the same branch, and a word to each remark."""

from agents.coder import CoderTask
from bot import engine, notices
from bot.build.code import let_code
from bot.build.values import Red
from bot.checkout import Checkout, discard
from bot.context import RunContext
from bot.durable import step
from bot.proposal import set_check
from bot.services import services
from bot.workflow import load
from shared.domain import Issue, Stage, Value
from shared.errors import BatonError, RunStopped
from shared.github import ReviewComment
from shared.target import TestRun, judge_kept
from shared.workspace import coder_writes, violations


class Remarks(Value):
    """A review as it was handed in, and the branch it speaks of."""

    issue: Issue
    turn: int
    pull_number: int
    branch: str
    base_sha: str
    head_sha: str
    login: str
    body: str
    comments: tuple[ReviewComment, ...]

    def sentences(self) -> tuple[str, ...]:
        """Write the review as remarks for the Coder, numbered by their order."""
        inline = tuple(f"{c.path}:{c.line or 0}: {c.body}" for c in self.comments)
        return (*((self.body,) if self.body.strip() else ()), *inline)


class Answered(Value):
    """A follow-up that passed the tests."""

    sha: str
    message: str
    green: TestRun


@engine.workflow("follow_up")
async def follow_up(run_id: str, review_id: int) -> None:
    """Answer a review that asks for changes with commits, or say why not."""
    run = await step("load run", RunContext, lambda: load(run_id))
    remarks = await step("read review", Remarks, lambda: _read(run, run_id, review_id))
    await run.enter(Stage.FOLLOWING_UP, run.phrase("review_by", login=remarks.login))
    try:
        answered = await _work(run, remarks, review_id)
        await _tell(run, remarks, answered, review_id)
    except BatonError as error:
        await _say(run, remarks, review_id, "follow_up_failed", reason=str(error))
    await run.enter(Stage.PROPOSED)
    await discard(run)


async def _read(run: RunContext, run_id: str, review_id: int) -> Remarks:
    stored = await services().store.run(run_id)
    assert stored is not None
    assert stored.pull_number is not None, "only a run with a pull request is reviewed"
    history = await services().store.stages(run_id)
    repo = await services().repo(run.ref)
    pull = await repo.pull(stored.pull_number)
    review = await repo.review(pull.number, review_id)
    return Remarks(
        issue=await repo.issue(run.number),
        turn=1 + sum(change.stage is Stage.FOLLOWING_UP for change in history),
        pull_number=pull.number,
        branch=pull.head,
        base_sha=stored.base_sha,
        head_sha=pull.head_sha,
        login=review.author,
        body=review.body,
        comments=await repo.review_comments(pull.number, review_id),
    )


async def _work(run: RunContext, remarks: Remarks, review_id: int) -> Answered:
    """Let the Coder answer, starting from the branch as it is, people's commits included."""
    checkout = Checkout(run, f"review-{review_id}", remarks.head_sha, base=remarks.base_sha)
    before = await checkout.test("test the branch")
    known = await checkout.surroundings(remarks.issue)
    attempts = run.budgets.attempts
    verdicts: tuple[str, ...] = ()
    for attempt in range(1, attempts + 1):
        checkout.back_to(remarks.head_sha)
        task = CoderTask(
            issue=remarks.issue,
            test_command=known.test_command,
            attempt=attempt,
            attempts=attempts,
            verdicts=verdicts,
            follow_up=remarks.turn,
            comments=remarks.sentences(),
            context=known.excerpt,
        )
        tried = await let_code(run, checkout, task, Red.none(remarks.head_sha, before))
        green = await checkout.test("test the answer")
        touched = violations(await checkout.changed_files(remarks.head_sha), coder_writes(()))
        touched += await checkout.tampering(remarks.head_sha)
        verdicts = (*touched, *judge_kept(before, green).sentences)
        if not verdicts:
            sha = await checkout.commit(f"Answer {remarks.login}'s review\n\n{tried.message}")
            if sha != remarks.head_sha:
                return Answered(sha=sha, message=tried.message, green=green)
            verdicts = ("Nothing was changed. Each remark must be answered by a change.",)
    raise RunStopped(run.phrase("no_answer_to_review", attempts=attempts), "\n".join(verdicts))


async def _tell(run: RunContext, remarks: Remarks, answered: Answered, review_id: int) -> None:
    """Push, then answer the review as a whole and each remark by itself."""

    async def work() -> bool:
        mirror = await services().mirror(run.ref)
        await mirror.push(answered.sha, remarks.branch, expected=remarks.head_sha)
        summary = f"{len(answered.green.passed)} tests pass; none that passed before fails."
        await set_check(run, answered.sha, summary=summary, ok=True)
        await services().store.update_run(run.run_id, head_sha=answered.sha)
        return True

    await step("push the answer", bool, work)
    for comment in remarks.comments:
        await _reply(run, remarks, comment, answered)
    await _say(
        run,
        remarks,
        review_id,
        "followed_up",
        commits=[answered.sha],
        summary=answered.message,
        passed=len(answered.green.passed),
    )


async def _reply(
    run: RunContext, remarks: Remarks, comment: ReviewComment, answered: Answered
) -> None:
    text = notices.text("thread", run.language, message=answered.message, sha=answered.sha)

    async def work() -> bool:
        repo = await services().repo(run.ref)
        marker = f"answer {comment.id}"
        await repo.reply_to_review_comment(remarks.pull_number, comment.id, marker, text)
        return True

    await step("answer a remark", bool, work)


async def _say(
    run: RunContext, remarks: Remarks, review_id: int, kind: str, **values: object
) -> None:
    marker = f"review {review_id}"
    number, language = remarks.pull_number, run.language
    await notices.say(run.ref, number, marker, kind, language=language, **values)
