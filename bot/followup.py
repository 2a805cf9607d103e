"""Answering a review: new commits on the same branch, and a word to each remark."""

from bot import engine, notices
from bot.build.answer import Answered, Remarks
from bot.checkout import discard
from bot.checks import set_check
from bot.context import RunContext
from bot.delegation import answer_elsewhere
from bot.durable import step
from bot.guarding import look, note_hidden
from bot.leaving import require_may_leave
from bot.services import services
from bot.workflow import load
from shared.domain import Stage
from shared.errors import BatonError
from shared.github import Conclusion, ReviewComment


@engine.workflow("follow_up")
async def follow_up(run_id: str, review_id: int) -> None:
    """Answer a review that asks for changes with commits, or say why not."""
    run = await step("load run", RunContext, lambda: load(run_id))
    remarks = await step("read review", Remarks, lambda: _read(run, run_id, review_id))
    seen = look("", remarks.body, *(comment.body for comment in remarks.comments))
    await run.do("note hidden", lambda: note_hidden(run_id, f"review {review_id}", seen))
    await run.enter(Stage.FOLLOWING_UP, run.phrase("review_by", login=remarks.login))
    try:
        answered = await answer_elsewhere(run, remarks)
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
        review_id=review_id,
        turn=1 + sum(change.stage is Stage.FOLLOWING_UP for change in history),
        pull_number=pull.number,
        branch=pull.head,
        base_sha=stored.base_sha,
        head_sha=pull.head_sha,
        login=review.author,
        body=review.body,
        comments=await repo.review_comments(pull.number, review_id),
    )


async def _tell(run: RunContext, remarks: Remarks, answered: Answered, review_id: int) -> None:
    """Push, then answer the review as a whole and each remark by itself."""
    await require_may_leave(run, remarks.head_sha, answered.sha, remarks.branch)

    async def work() -> bool:
        mirror = await services().mirror(run.ref)
        await mirror.push(answered.sha, remarks.branch, expected=remarks.head_sha)
        summary = f"{len(answered.green.passed)} tests pass; none that passed before fails."
        await set_check(run, answered.sha, Conclusion.SUCCESS, summary)
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
