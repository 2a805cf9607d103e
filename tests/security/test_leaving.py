"""Pushes as a worker or a misled model would have them: what the gate finds in real commits."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.leaving import examine
from shared.guard.egress import FALSE_ALARMS, Channel, digest, release
from shared.guard.own import OURS

OWN = "baton-own-secret-of-the-gate-71c2d3e4a5b6"
TOKEN = "ghp_" + "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zA1bC2"
HONEST = "Solve #7: keep the 31st\n\nEach date counts from the start."


class Bench:
    """A repository with one commit, to which others are added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git_dir = folder / ".git"
        self.git("init", "--quiet")
        self.base = self.commit("Begin", {"a.py": "x = 1\n"})

    def git(self, *arguments: str) -> str:
        """Run git as somebody."""
        people = {f"GIT_{who}_NAME": "W" for who in ("AUTHOR", "COMMITTER")}
        people |= {f"GIT_{who}_EMAIL": "w@example.com" for who in ("AUTHOR", "COMMITTER")}
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **people}
        done = subprocess.run(
            ("git", *arguments), cwd=self.folder, env=env, check=True, capture_output=True
        )
        return done.stdout.decode().strip()

    def commit(self, message: str, files: dict[str, str]) -> str:
        """Commit files and return the commit."""
        for path, text in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--cleanup=verbatim", f"--message={message}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Give a repository."""
    return Bench(tmp_path)


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    """Let the process have a secret, and forget what the test allows."""
    OURS.learn(OWN, lasting=False)
    yield
    FALSE_ALARMS.clear()


CASES = {
    "our own secret in a message": ({}, f"Done {OWN}", "b", "A commit message holds own-secret."),
    "our own secret in a file": ({"b.py": OWN}, HONEST, "b", "b.py holds a secret of Baton's own"),
    "our own secret in the branch": ({}, HONEST, f"b/{OWN}", "A branch name holds own-secret."),
    "somebody's token in a message": ({}, f"Use {TOKEN}", "b", "A commit message holds github-"),
    "another issue closed by a message": ({}, "Fixes #1", "b", "A commit message holds closing."),
    "somebody called by a message": ({}, "Ask @alice", "b", "A commit message holds mention."),
    "terminal codes in a message": ({}, "Good\x1b[2K", "b", "A commit message holds control."),
    "a workflow": ({".github/workflows/x.yml": "on: push"}, HONEST, "b", "repository's own autom"),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_must_not_leave_is_found_in_the_commits(case: str, bench: Bench) -> None:
    """Each fault is named in a sentence; the secret itself is in none of them."""
    files, message, branch, told = CASES[case]
    bench.commit(message, {"c.py": "x = 2\n", **files})
    sha = bench.commit(HONEST, {"c.py": "x = 3\n"})
    found = await examine(bench.git_dir, bench.base, sha, branch)
    (fault,) = found.faults
    assert told in fault
    assert OWN not in fault
    assert TOKEN not in fault


async def test_honest_work_leaves_and_names_its_dependencies(bench: Bench) -> None:
    """Nothing is found in it; a new package is told for the pull request."""
    project = '[project]\nname = "x"\nversion = "1"\ndependencies = ["leftpad"]\n'
    sha = bench.commit(HONEST, {"pyproject.toml": project})
    found = await examine(bench.git_dir, bench.base, sha, "baton/issue-7-keep")
    assert (found.faults, found.dependencies) == ((), ("leftpad",))


async def test_the_operator_can_let_a_false_alarm_through(bench: Bench) -> None:
    """The digest stands in the fault; once it is allowed, the push goes. Our own never does."""
    sha = bench.commit(f"Use {TOKEN} in the example", {"a.py": "x = 2\n"})
    (fault,) = (await examine(bench.git_dir, bench.base, sha, "b")).faults
    assert f"BATON_EGRESS_ALLOWED={digest(TOKEN)}" in fault
    FALSE_ALARMS.update({digest(TOKEN), digest(OWN)})
    assert (await examine(bench.git_dir, bench.base, sha, "b")).faults == ()
    assert release(OWN, Channel.COMMENT).text == "‹redacted: own-secret›"
