"""What the gateway takes from a worker, judged on commits as a dishonest one might make them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import engine
from bot.context import RunContext
from bot.places import Places
from bot.services import Services, install
from bot.task import Basis, Change, Red, Task
from bot.workers.returned import require_sound_answer, require_sound_change
from shared import profiles
from shared.domain import Issue, Language, RepoRef
from shared.errors import RunStopped
from shared.git import Author, Mirror
from shared.sandbox import open_sandbox
from shared.scheduler import Scheduler
from shared.settings import Settings
from shared.store import Store
from shared.target import TestRun
from tests.git.remote import git, seed
from tests.workers.house import no_token

_REF = RepoRef(owner="alice", name="parcel")
_ISSUE = Issue(repo=_REF, number=7, title="t", body="b", author="alice")
_FILES = {
    "src/a.py": "a = 1\n",
    "tests/test_a.py": "def test_a():\n    assert True\n",
    "requirements.txt": "a\n",
}
_RUN = TestRun(exit_code=0, log="", seconds=0)


@dataclass
class Bench:
    """A gateway's mirror, in which a worker has laid down its commits."""

    run: RunContext
    work: Path
    mirror: Mirror
    base: str

    async def commit(self, *changes: tuple[str, str | None], on: str = "") -> str:
        """Commit files by path and text on a commit; no text deletes."""
        git("checkout", "--quiet", "--detach", on or self.base, cwd=self.work)
        for path, text in changes:
            file = self.work / path
            if text is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        git("add", "--all", cwd=self.work)
        git("commit", "--quiet", "--allow-empty", "--message=work", cwd=self.work)
        sha = git("rev-parse", "HEAD", cwd=self.work)
        git("branch", "--force", f"b{sha[:8]}", sha, cwd=self.work)
        await self.mirror.fetch()
        return sha

    def task(self, red: str, sha: str) -> Task:
        """Return what a worker says that it has built."""
        tests = Red(base_sha=self.base, sha=red, base=_RUN, run=_RUN, new_tests=(), files=())
        change = Change(sha=sha, red=tests, green=_RUN, message="m")
        basis = Basis(issue=_ISSUE, base_branch="main", base_sha=self.base)
        return Task(basis=basis, red=tests, change=change)

    async def judge(self, task: Task) -> None:
        """Look at a task that comes back, as the gateway does."""
        await require_sound_change(self.run, Task(basis=task.basis), task)


@pytest.fixture
async def bench(tmp_path: Path, store: Store) -> AsyncIterator[Bench]:
    """A gateway as far as it looks at commits."""
    base = seed(tmp_path, _FILES)
    places = Places(home=tmp_path / "home", cache=tmp_path / "cache")
    mirror = Mirror(places.mirror(_REF), str(tmp_path / "seed"), no_token)
    await mirror.fetch()
    profile = profiles.load("embedded")
    services = Services(
        settings=Settings(home=places.home),
        profile=profile,
        places=places,
        store=store,
        sandbox=open_sandbox(allow_root=True),
        scheduler=Scheduler(store.leases, profile),
        copies=lambda _ref, _run_id: mirror,
    )
    install(services)
    await engine.launch(tmp_path / "engine.db")
    run = RunContext(
        run_id="alice/parcel#7.1",
        ref=_REF,
        number=7,
        language=Language.ENGLISH,
        attempt=1,
        author=Author(name="baton", email="b@example.com"),
    )
    yield Bench(run, tmp_path / "seed", mirror, base)
    await engine.stop()


_TEST = ("tests/test_new.py", "def test_new():\n    assert False\n")
_CODE = ("src/a.py", "a = 2\n")


async def test_an_honest_change_is_taken(bench: Bench) -> None:
    """New tests, then code that leaves them alone: nothing is wrong with it."""
    red = await bench.commit(_TEST)
    await bench.judge(bench.task(red, await bench.commit(_CODE, on=red)))


async def test_what_the_tests_ask_for_is_taken_and_may_be_changed(bench: Bench) -> None:
    """The tester adds a package to what the project asks for; the coder may name its version."""
    red = await bench.commit(_TEST, ("requirements.txt", "a\nb\n"))
    sha = await bench.commit(_CODE, ("requirements.txt", "a\nb>=2\n"), on=red)
    await bench.judge(bench.task(red, sha))


@pytest.mark.parametrize(
    ("tests", "code", "reason"),
    [
        ((_CODE,), (_CODE,), "src/a.py is not a test file"),
        (
            (_TEST,),
            (("tests/test_new.py", "def test_new():\n    assert True\n"),),
            "tests/test_new.py holds the given tests",
        ),
        ((_TEST,), (("conftest.py", "import os\n"),), "conftest.py configures the tests"),
        ((("tests/conftest.py", "import os\n"),), (_CODE,), "configures the tests"),
        ((_TEST, ("requirements.txt", "b\n")), (_CODE,), "only be asked for further packages"),
        ((_TEST,), (("src/big.bin", "x" * 21_000_000),), "add more than 20 MB"),
    ],
    ids=[
        "tester-writes-code",
        "coder-weakens-tests",
        "conftest",
        "tests-conftest",
        "manifest",
        "heavy",
    ],
)
async def test_a_change_that_breaks_the_rules_is_refused(
    bench: Bench,
    tests: tuple[tuple[str, str], ...],
    code: tuple[tuple[str, str], ...],
    reason: str,
) -> None:
    """What tester and coder may not write is found in the commits, whatever the worker says."""
    red = await bench.commit(*tests)
    sha = await bench.commit(*code, on=red)
    with pytest.raises(RunStopped, match="break the rules") as caught:
        await bench.judge(bench.task(red, sha))
    assert reason in caught.value.details


@pytest.mark.parametrize(
    ("tests", "change"), [("red", "other"), ("other", "change"), ("red", "absent")]
)
async def test_commits_have_to_follow_each_other(bench: Bench, tests: str, change: str) -> None:
    """Base, tests, change: a commit from elsewhere, or one that is not there, is refused."""
    red = await bench.commit(_TEST)
    made = {
        "red": red,
        "change": await bench.commit(_CODE, on=red),
        "other": await bench.commit(_CODE),
        "absent": "1" * 40,
    }
    with pytest.raises(RunStopped) as caught:
        await bench.judge(bench.task(made[tests], made[change]))
    assert "does not follow" in caught.value.details


async def test_an_answer_to_a_review_follows_the_branch(bench: Bench) -> None:
    """The answer stands on what was reviewed and leaves the tests' settings alone."""
    answer = await bench.commit(_CODE)
    await require_sound_answer(bench.run, bench.base, answer, bench.base)
    with pytest.raises(RunStopped) as caught:
        await require_sound_answer(bench.run, answer, bench.base, bench.base)
    assert "does not follow" in caught.value.details
    sly = await bench.commit(("pytest.ini", "[pytest]\naddopts = --collect-only\n"))
    with pytest.raises(RunStopped, match="break the rules"):
        await require_sound_answer(bench.run, bench.base, sly, bench.base)


async def test_a_task_comes_back_as_it_was_handed_out(bench: Bench) -> None:
    """Another base, issue, branch or package than ordered is refused, however sound the commits."""
    red = await bench.commit(_TEST)
    built = bench.task(red, await bench.commit(_CODE, on=red))
    elsewhere = built.basis.model_copy(update={"base_branch": "release"})
    ordered = Task(basis=built.basis)
    begun = ordered.with_(finished=(built.change,))
    let_in = built.with_(agreed=("evil>=1",))
    for order, forged in (
        (ordered, built.with_(basis=elsewhere)),
        (begun, built),
        (ordered, let_in),
    ):
        with pytest.raises(RunStopped) as caught:
            await require_sound_change(bench.run, order, forged)
        assert "not the one that was handed out" in caught.value.details
