"""What agents are told of a repository, on commits of a real one."""

from pathlib import Path

from bot.surroundings import look
from shared.domain import Issue, RepoRef
from tests.git.conftest import Bench

ISSUE = Issue(
    repo=RepoRef.parse("alice/b"), number=1, title="b is wrong", body="See src/b.py", author="alice"
)


async def test_a_repository_without_tests_gets_a_harness_planned(
    bench: Bench, tmp_path: Path
) -> None:
    """Who plans is told that there are no tests, and by what the first ones will be run."""
    bare = await look(bench.tree, ISSUE, "python -m pytest -q", tmp_path / "cache.db")
    assert not bare.test_files
    assert bare.excerpt.startswith("This repository has no tests yet.")
    assert "run by: python -m pytest -q\n" in bare.excerpt
    await bench.commit("tests/test_b.py", "def test_b():\n    assert True\n")
    kept = await look(bench.tree, ISSUE, "python -m pytest -q", tmp_path / "cache.db")
    assert kept.test_files == ("tests/test_b.py",)
    assert "has no tests yet" not in kept.excerpt
