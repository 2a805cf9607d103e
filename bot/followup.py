"""Answering a review, or checks that fail: new commits on the same branch, and a word to each."""

from dbos import DBOS

from bot import engine, notices
from bot.build.answer import Answered, Remarks
from bot.checkout import discard
from bot.checks import set_check
from bot.context import RunContext
from bot.delegation import answer_elsewhere
from bot.durable import step
from bot.leaving import require_may_leave
from bot.protection import require_unprotected, require_writer
from bot.services import services
from bot.status import FAILED
from bot.unseen import REVIEW, note_page
from bot.workflow import load
from shared.domain import Stage
from shared.errors import BatonError
from shared.github import Conclusion, ReviewComment
from shared.guard.text import clean
from shared.store import Run

_MOST_DOUBTS = 8


async def ask_for(run_id: str, review_id: int, line: str) -> None:
    """Have a review answered, once, after what is under way for the same issue."""
    with engine.once(f"{run_id}/review/{review_id}"), engine.in_line(line):
        await DBOS.enqueue_workflow_async(engine.RUNS, follow_up, run_id, review_id)


@engine.workflow("follow_up")
async def follow_up(run_id: str, review_id: int) -> None:
    """Answer a review with commits, or say why not."""
    run = await step("load run", RunContext, lambda: load(run_id))
    remarks = await step("read review", Remarks, lambda: _read(run, run_id, review_id))
    await run.enter(Stage.FOLLOWING_UP, run.phrase("review_by", login=remarks.login))
    try:
        answered = await answer_elsewhere(run, remarks)
        await require_writer(run, remarks.login)
        await push_answer(run, remarks, answered)
        await _tell(run, remarks, answered)
    except BatonError as error:
        await _say(run, remarks, "follow_up_failed", reason=str(error))
        await run.enter(Stage.FOLLOWING_UP, f"{FAILED}{error}")
    await run.enter(Stage.PROPOSED)
    await discard(run)


async def _read(run: RunContext, run_id: str, review_id: int) -> Remarks:
    stored = await services().store.run(run_id)
    assert stored is not None
    repo = await services().repo(run.ref)
    remarks = await remarks_on(run, stored)
    review = await repo.review(remarks.pull_number, review_id)
    comments = await repo.review_comments(remarks.pull_number, review_id)
    body, *inline = seen = [clean(text) for text in (review.body, *(c.body for c in comments))]
    hidden = [found for one in seen for found in one.found]
    await note_page(run_id, f"{REVIEW} {review_id}", hidden)
    return remarks.model_copy(
        update={
            "review_id": review_id,
            "login": review.author,
            "body": body.text,
            "comments": tuple(
                comment.model_copy(update={"body": one.text})
                for comment, one in zip(comments, inline, strict=True)
            ),
        }
    )


async def remarks_on(run: RunContext, stored: Run) -> Remarks:
    """Return empty remarks on a run's pull request as it stands now."""
    assert stored.pull_number is not None, "only a run with a pull request is followed up"
    history = await services().store.stages(run.run_id)
    repo = await services().repo(run.ref)
    pull = await repo.pull(stored.pull_number)
    return Remarks(
        issue=await repo.issue(run.number),
        review_id=0,
        turn=1 + sum(change.stage is Stage.FOLLOWING_UP for change in history),
        pull_number=pull.number,
        branch=pull.head,
        base_sha=stored.base_sha,
        head_sha=pull.head_sha,
        login="",
        body="",
    )


async def push_answer(run: RunContext, remarks: Remarks, answered: Answered) -> None:
    """Push an answer onto what people have on the branch, and set the check.

    Raises RunStopped when it may not leave, PushRejected when the branch has moved meanwhile.
    """
    await require_unprotected(run, remarks.head_sha, answered.sha, remarks.base_sha)
    await require_may_leave(run, remarks.head_sha, answered.sha, remarks.branch)

    async def work() -> bool:
        mirror = await services().mirror(run.ref)
        await mirror.push(answered.sha, remarks.branch, expected=remarks.head_sha)
        summary = f"{len(answered.green.passed)} tests pass; none that passed before fails."
        await set_check(run, answered.sha, Conclusion.SUCCESS, summary)
        await services().store.update_run(run.run_id, head_sha=answered.sha)
        return True

    await step("push the answer", bool, work)


async def _tell(run: RunContext, remarks: Remarks, answered: Answered) -> None:
    """Answer the review as a whole and each remark by itself; nothing is marked as resolved."""
    for comment in remarks.comments:
        await _reply(run, remarks, comment, answered)
    await _say(
        run,
        remarks,
        "followed_up",
        commits=[answered.sha],
        summary=answered.message,
        passed=len(answered.green.passed),
        doubts=told_doubts(answered),
    )


def told_doubts(answered: Answered) -> str:
    """Name what a person should look at before believing an answer."""
    return "; ".join(answered.doubts[:_MOST_DOUBTS])


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


async def _say(run: RunContext, remarks: Remarks, kind: str, **values: object) -> None:
    marker = f"review {remarks.review_id}"
    number, language = remarks.pull_number, run.language
    await notices.say(run.ref, number, marker, kind, language=language, **values)
