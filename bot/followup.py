"""Answering a review, or checks that fail: new commits on the same branch, and a word to each."""

import logging
from collections.abc import Awaitable, Callable

from dbos import DBOS

from bot import engine, notices, snapshots
from bot.build.answer import Answered, Remarks
from bot.checks import set_check
from bot.context import RunContext
from bot.delegation import answer_elsewhere
from bot.durable import step
from bot.leaving import require_may_leave
from bot.protection import require_unprotected, require_writer
from bot.services import services
from bot.status import FAILED
from bot.unseen import COMMENT, REVIEW, note_page
from bot.workflow import load
from bot.worktrees import discard
from shared.domain import Stage
from shared.errors import BatonError
from shared.github import Conclusion, ReviewComment
from shared.guard.text import clean
from shared.store import Run

_MOST_DOUBTS = 8
log = logging.getLogger(__name__)


async def ask_for(run_id: str, review_id: int, line: str) -> None:
    """Have a review answered, once, after what is under way for the same issue."""
    with engine.once(f"{run_id}/review/{review_id}"), engine.in_line(line):
        await DBOS.enqueue_workflow_async(engine.RUNS, follow_up, run_id, review_id)


async def ask_for_words(run_id: str, comment_id: int, line: str) -> None:
    """Have a comment to Baton below its pull request answered, once, as a review is."""
    with engine.once(f"{run_id}/words/{comment_id}"), engine.in_line(line):
        await DBOS.enqueue_workflow_async(engine.RUNS, follow_words, run_id, comment_id)


@engine.workflow("follow_up")
async def follow_up(run_id: str, review_id: int) -> None:
    """Answer a review with commits, or say why not."""
    run = await step("load run", RunContext, lambda: load(run_id))
    await _follow(run, "review", review_id, lambda: _read(run, run_id, review_id))


@engine.workflow("follow_words")
async def follow_words(run_id: str, comment_id: int) -> None:
    """Answer a comment to Baton with commits, or say why not."""
    run = await step("load run", RunContext, lambda: load(run_id))
    await _follow(run, "words", comment_id, lambda: _read_words(run, run_id, comment_id))


async def _follow(
    run: RunContext, cause: str, key: int, read: Callable[[], Awaitable[Remarks]]
) -> None:
    try:
        remarks = await step("read review", Remarks, read)
        await run.enter(Stage.FOLLOWING_UP, run.phrase(f"{cause}_by", login=remarks.login))
        answered = await answer_elsewhere(run, remarks)
        await require_writer(run, remarks.login)
        await push_answer(run, remarks, answered)
        await _tell(run, remarks, answered)
    except BatonError as error:
        await _fail(run, f"{cause} {key}", str(error))
    except Exception as error:  # a fault of ours must not end in silence either
        log.exception("%s: failed", run.run_id)
        await _fail(run, f"{cause} {key}", run.phrase("fault", name=type(error).__name__))
    await run.enter(Stage.PROPOSED)
    await discard(run)


async def _fail(run: RunContext, marker: str, reason: str) -> None:
    """Say on the pull request why there is no answer."""

    async def find() -> int:
        stored = await services().store.run(run.run_id)
        assert stored is not None
        return stored.pull_number or run.number

    number = await step("find pull request", int, find)
    kind, language = "follow_up_failed", run.language
    await notices.say(run.ref, number, marker, kind, language=language, reason=reason)
    await run.enter(Stage.FOLLOWING_UP, f"{FAILED}{reason}")


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


async def _read_words(run: RunContext, run_id: str, comment_id: int) -> Remarks:
    stored = await services().store.run(run_id)
    assert stored is not None
    remarks = await remarks_on(run, stored)
    comment = await (await services().repo(run.ref)).comment(comment_id)
    seen = clean(comment.body)
    await note_page(run_id, f"{COMMENT} {comment_id}", seen.found)
    return remarks.model_copy(
        update={
            "cause": "words",
            "review_id": comment_id,
            "login": comment.author,
            "body": seen.text,
        }
    )


async def remarks_on(run: RunContext, stored: Run) -> Remarks:
    """Return empty remarks on a run's pull request as it stands now."""
    assert stored.pull_number is not None, "only a run with a pull request is followed up"
    history = await services().store.stages(run.run_id)
    task = await snapshots.proposed(run.run_id)
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
        packages=task.packages if task is not None else (),
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
    marker = f"{remarks.cause} {remarks.review_id}"
    number, language = remarks.pull_number, run.language
    await notices.say(run.ref, number, marker, kind, language=language, **values)
