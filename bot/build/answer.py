"""The answer to a review: the Coder changes the branch, and what passed before still passes."""

from agents.coder import CoderTask
from bot.build.code import let_code
from bot.checkout import Checkout
from bot.context import RunContext
from bot.task import Red
from shared.domain import Issue, Value
from shared.errors import RunStopped
from shared.github import ReviewComment
from shared.target import TestRun, judge_kept
from shared.workspace import coder_writes, violations


class Remarks(Value):
    """A review as it was handed in, and the branch it speaks of."""

    issue: Issue
    review_id: int
    turn: int
    pull_number: int
    branch: str
    base_sha: str
    head_sha: str
    login: str
    body: str
    comments: tuple[ReviewComment, ...] = ()
    cause: str = "review"
    """What they are from: a `review`, `words` of a comment, or the failing `checks` of a commit."""
    packages: tuple[str, ...] = ()
    """The Python packages that a person has let in for the branch."""

    def sentences(self) -> tuple[str, ...]:
        """Write the review as remarks for the Coder, numbered by their order."""
        inline = tuple(f"{c.path}:{c.line or 0}: {c.body}" for c in self.comments)
        return (*((self.body,) if self.body.strip() else ()), *inline)


class Answered(Value):
    """A follow-up that passed the tests."""

    sha: str
    message: str
    green: TestRun
    doubts: tuple[str, ...] = ()
    """What of it a person should look at before believing it."""


async def write(run: RunContext, remarks: Remarks) -> Answered:
    """Let the Coder answer, starting from the branch as it is, people's commits included.

    Raises RunStopped when no answer passes the tests.
    """
    name = f"{remarks.cause}-{remarks.review_id}"
    base, packages = remarks.base_sha, remarks.packages
    checkout = Checkout(run, name, remarks.head_sha, base=base, packages=packages)
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
        green = await checkout.test("test the answer", known=before)
        touched = violations(await checkout.changed_files(remarks.head_sha), coder_writes(()))
        touched += await checkout.tampering(remarks.head_sha)
        verdicts = (*touched, *judge_kept(before, green).sentences)
        if not verdicts:
            sha = await checkout.commit(f"{_subject(remarks)}\n\n{tried.message}")
            if sha != remarks.head_sha:
                tests = {test.partition("::")[0] for test in before.outcomes}
                doubts = await checkout.doubts(remarks.head_sha, tests)
                return Answered(sha=sha, message=tried.message, green=green, doubts=doubts)
            verdicts = ("Nothing was changed. Each remark must be answered by a change.",)
    raise RunStopped(run.phrase("no_answer_to_review", attempts=attempts), "\n".join(verdicts))


def _subject(remarks: Remarks) -> str:
    if remarks.cause == "checks":
        return f"Mend {remarks.login}"
    return f"Answer {remarks.login}'s {'review' if remarks.cause == 'review' else 'comment'}"
