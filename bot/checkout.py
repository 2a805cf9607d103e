"""A run's worktree, kept so that a kill loses one action at most.

Every change to the files is a step. Each step begins by bringing the files to where the step
before left them, and ends by writing them into git, so it can be done again after a kill.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

from bot import snapshots, unseen, worktrees
from bot.context import RunContext
from bot.durable import step
from bot.packages import added_packages
from bot.rendering import plain
from bot.services import services
from bot.surroundings import ADVICE, Surroundings, command_for_tests, look
from bot.worktrees import Files
from shared.domain import Issue, Value
from shared.errors import RunStopped
from shared.git import Worktree
from shared.git.entries import changed_entries
from shared.guard.change import Verdict
from shared.guard.egress import Channel, Decision, release
from shared.guard.patch import judge
from shared.guard.text import clean
from shared.sandbox import Limits
from shared.target import (
    Target,
    TestRun,
    in_doubt,
    lay_generated,
    mounts,
    prepare,
    run_lint,
    run_tests,
    told_apart,
    variables,
)
from shared.workspace import Action, Observation, SandboxWorkspace
from shared.workspace.integrity import Edit, Rule, doubtful, tampered

T = TypeVar("T")
Policy = Callable[[str], str | None]
"""Returns why a role may not write a path, or None."""

_MOST_EDITS = 200
"""Files that one change may touch; more than that nobody reviews."""
_REPETITIONS = 2
"""Further runs of the tests in doubt; with the first they are three."""
_MOST_REPEATED = 40
"""Tests in doubt that are run again; where more fail, it is not for want of luck."""

_TARGETS: dict[tuple[Path, str, tuple[str, ...]], Target] = {}
"""How the tests of a commit are run with a cache, as far as this process has found out."""
_SURVEYS: dict[Path, tuple[tuple[Files, str, str], Surroundings]] = {}
"""What was last found in each worktree for which files, base and issue: several roles ask."""
_MOST_SURVEYS = 32


class _Paths(Value):
    """Paths, from the top of the repository."""

    paths: tuple[str, ...]


class _Sentences(Value):
    """What is to be said about a change."""

    sentences: tuple[str, ...]


class _Acted(Value):
    """What came of an action, and the files after it."""

    seen: Observation
    tree: str


class Checkout:
    """One worktree of a run, by name: its files, its tests, its commits."""

    def __init__(
        self, run: RunContext, name: str, sha: str, *, base: str, packages: tuple[str, ...] = ()
    ) -> None:
        """Give tests those agreed ``packages`` that the files as they stand ask for."""
        self.run = run
        self._packages = packages
        self.files = Files.of(sha)
        self._base = base
        self._path = worktrees.path_of(run, name)

    async def diff(self, base: str, head: str) -> str:
        """Return the difference between two commits, as a patch."""

        async def read(tree: Worktree) -> str:
            diff = await tree.diff(base, head)
            await unseen.note_text(self.run.run_id, unseen.CHANGE, diff)
            return diff

        return await self._look("read diff", str, read)

    async def diff_stat(self, base: str, head: str) -> str:
        """Return which files differ between two commits, and by how much."""
        return await self._look("read diff stat", str, lambda tree: tree.diff_stat(base, head))

    async def changed_files(self, base: str) -> tuple[str, ...]:
        """Return the files that differ between a commit and the files as they stand."""

        async def read(tree: Worktree) -> _Paths:
            return _Paths(paths=await tree.changed_files(base, self.files.tree))

        return (await self._look("read changed files", _Paths, read)).paths

    async def tampering(self, base: str, rule: Rule = tampered) -> tuple[str, ...]:
        """Say which changes since a commit may not stay.

        These decide how tests run, or no change may do them to any repository.
        """

        async def read(tree: Worktree) -> _Sentences:
            edits, judged = await self._change(tree, base)
            refused = (reason.sentence for reason in judged.refusals)
            told = rule(edits, await tree.tracked_files(self._base))
            return _Sentences(sentences=(*told, *refused))

        return (await self._look("look for tampering", _Sentences, read)).sentences

    async def doubts(self, base: str, test_files: Collection[str]) -> tuple[str, ...]:
        """Say what in the changes since a commit a person should look at before believing it.

        ``test_files`` are those that held tests before.
        """

        async def read(tree: Worktree) -> _Sentences:
            edits, judged = await self._change(tree, base)
            questions = (reason.sentence.rstrip(".") for reason in judged.questions)
            return _Sentences(sentences=(*doubtful(edits, test_files), *questions))

        return (await self._look("look for doubts", _Sentences, read)).sentences

    async def new_packages(self) -> tuple[str, ...]:
        """Name the Python packages that the files add to the base and nobody has agreed to."""

        async def read(tree: Worktree) -> _Sentences:
            added = await self._added(tree)
            return _Sentences(sentences=tuple(one for one in added if one not in self._packages))

        return (await self._look("look for new packages", _Sentences, read)).sentences

    async def _added(self, tree: Worktree) -> tuple[str, ...]:
        return await added_packages(tree.git_dir, self._base, self.files.tree)

    async def _change(self, tree: Worktree, base: str) -> tuple[Sequence[Edit], Verdict]:
        """Read what the files as they stand change, and judge it."""
        entries = await changed_entries(tree.git_dir, base, self.files.tree)
        if len(entries) > _MOST_EDITS:
            raise RunStopped(self.run.phrase("too_many_files", n=len(entries)))
        return [Edit.of(entry) for entry in entries], judge(entries)

    async def surroundings(self, issue: Issue) -> Surroundings:
        """Return what an agent should know about the repository before it starts."""

        async def work() -> Surroundings:
            return await self._survey(await self._present(), issue)

        return await step("read surroundings", Surroundings, work)

    async def _survey(self, tree: Worktree, issue: Issue) -> Surroundings:
        asked = (self.files, self._base, issue.digest)
        seen = _SURVEYS.get(self._path)
        if seen is None or seen[0] != asked:
            while len(_SURVEYS) >= _MOST_SURVEYS:
                del _SURVEYS[next(iter(_SURVEYS))]
            seen = _SURVEYS[self._path] = (asked, await self._surveyed(tree, issue))
        return seen[1]

    async def _surveyed(self, tree: Worktree, issue: Issue) -> Surroundings:
        target = await self._target()
        place = services().places.sources(self.run.ref)
        await asyncio.to_thread(place.parent.mkdir, parents=True, exist_ok=True)
        known = await look(tree, issue, command_for_tests(target), place)
        # Of the base commit: a branch has no say in how its own agents go about it.
        advice = await tree.text(self._base, ADVICE) or ""
        await unseen.note_text(self.run.run_id, unseen.CODE, known.excerpt, known.example)
        await unseen.note_page(self.run.run_id, f"{unseen.FILE} {ADVICE}", clean(advice).found)
        return known.with_advice(advice)

    async def _look(
        self, name: str, result: type[T], read: Callable[[Worktree], Awaitable[T]]
    ) -> T:
        """Read something from the commits alone, as a step; the files may stand as they will."""

        async def work() -> T:
            return await read(await worktrees.reachable(self.run, self._path, self.files))

        return await step(name, result, work)

    async def test(self, name: str = "run tests", *, known: TestRun | None = None) -> TestRun:
        """Run the repository's tests on the files as they stand.

        Tests that are new to a run that is ``known``, or passed there and fail now, are run three
        times; those that end differently are marked as flaky.
        """

        async def work() -> TestRun:
            detected = (await self._target()).detected
            tests = await self._tested()
            await services().store.update_run(self.run.run_id, detected=detected)
            doubted = sorted(in_doubt(known, tests)) if known else []
            for _ in range(_REPETITIONS if len(doubted) <= _MOST_REPEATED else 0):
                if doubted:
                    tests = told_apart(tests, await self._tested(doubted))
            await unseen.note_tests(self.run.run_id, tests)
            return tests

        return await step(name, TestRun, work)

    async def _tested(self, only: Sequence[str] = ()) -> TestRun:
        tree = await self._present()
        target = await self._target()
        worktrees.touch(self._path)  # what tests leave behind is not part of the change
        return await run_tests(
            target,
            tree.path,
            services().sandbox,
            only=only,
            seconds=self.run.budgets.test_seconds,
        )

    async def lint(self) -> str:
        """Return what the repository's linter says against the files; nothing where it has none."""

        async def work() -> str:
            target = await self._target()
            if not target.lint:
                return ""
            tree = await self._present()
            worktrees.touch(self._path)
            seconds = self.run.budgets.test_seconds
            return await run_lint(target, tree.path, services().sandbox, seconds=seconds)

        return await step("lint", str, work)

    async def commit(self, message: str) -> str:
        """Commit all changes and return the new commit; the old one when nothing changed.

        Raises RunStopped when the message holds one of Baton's own secrets.
        """
        # A message that said "fixes #7" would close that issue when it is merged.
        told = release(plain(message), Channel.COMMIT_MESSAGE)
        if told.decision is Decision.BLOCK:
            raise RunStopped(self.run.phrase("may_not_leave"), f"A commit message: {told.told}.")

        async def work() -> str:
            tree = await worktrees.reachable(self.run, self._path, self.files)
            head, held = self.files.head, self.files.tree
            sha = await tree.commit(held, head, told.text, self.run.author)
            worktrees.touch(self._path)  # it stands on another commit now
            await (await self.run.mirror()).share(sha)
            return sha

        sha = await step("commit", str, work)
        self.files = Files.of(sha)
        return sha

    def back_to(self, sha: str, tree: str = "") -> None:
        """Go back to a commit, or a tree that grew from it; the files follow with the next step."""
        self.files = Files(head=sha, tree=tree or sha)

    def hands(self, policy: Policy) -> "DurableHands":
        """Give an agent hands on this worktree, within what its role may write."""
        return DurableHands(self, policy)

    async def act(self, action: Action, policy: Policy) -> Observation:
        """Carry out an action as a step."""

        async def work() -> _Acted:
            tree = await self._present()
            target = await self._target()
            sandbox = services().sandbox
            hands = SandboxWorkspace(
                tree.path,
                sandbox,
                git_dir=tree.git_dir,
                env=variables(target, sandbox.inside(tree.path, tree.path)),
                mounts=mounts(target),
                limits=Limits(seconds=self.run.budgets.command_seconds),
                writable=policy,
            )
            if action.may_change_files:
                worktrees.touch(self._path)
            await lay_generated(target, tree.path)
            seen = await hands.act(action)
            await unseen.note_text(self.run.run_id, unseen.of_action(action), seen.text)
            if not action.may_change_files:
                return _Acted(seen=seen, tree=self.files.tree)
            sha = await tree.snapshot()
            worktrees.note(self._path, sha)
            await (await self.run.mirror()).share(sha)
            return _Acted(seen=seen, tree=sha)

        acted = await step(f"act: {action.kind}", _Acted, work)
        self.files = Files(head=self.files.head, tree=acted.tree)
        snapshots.moved(self.run.run_id, acted.tree, getattr(action, "path", ""))
        return acted.seen

    async def _present(self) -> Worktree:
        """Bring the files to where the last finished step left them."""
        return await worktrees.laid_out(self.run, self._path, self.files)

    async def _target(self) -> Target:
        """Return how the tests are run: set up on the base commit, where no model has written."""
        cache, sandbox = services().places.environments(self.run.ref), services().sandbox
        added = await self._added(await self._present()) if self._packages else ()
        agreed = tuple(package for package in self._packages if package in added)
        key = (cache, self._base, agreed)
        known = _TARGETS.get(key)
        if known and (known.environment is None or known.environment.is_dir()):
            return known
        place = worktrees.base_of(self.run, self._base)
        base = await worktrees.opened(self.run, place, self._base)
        target = await prepare(base.path, cache, sandbox, packages=agreed)
        return _TARGETS.setdefault(key, target)


class DurableHands:
    """The Workspace of an agent, every action of which is recorded; and the Keeper of its work."""

    def __init__(self, checkout: Checkout, policy: Policy) -> None:
        self._checkout = checkout
        self._policy = policy
        self._start = checkout.files.head

    async def act(self, action: Action) -> Observation:
        """Carry out an action, or return the recorded observation."""
        return await self._checkout.act(action, self._policy)

    async def keep(self, turn: int) -> None:
        """Do nothing more: every action ends by writing the files into git."""

    async def diff(self) -> str:
        """Return the change since the commit that the work started from, as a patch."""
        return await self._checkout.diff(self._start, self._checkout.files.tree)
