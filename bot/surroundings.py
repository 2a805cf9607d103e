"""What an agent is told about a repository before it starts: code that matters, tests to follow."""

import asyncio
import shlex
from functools import cache
from pathlib import Path
from typing import Self

from agents.context import (
    VERSION,
    Index,
    Located,
    Read,
    Repository,
    digest,
    excerpt,
    locate,
)
from shared.domain import Issue, Value
from shared.git import Worktree
from shared.git.gathering import gather
from shared.git.history import History
from shared.guard.text import clean
from shared.sources.cache import SourceCache
from shared.target import Target
from shared.target.values import Runner
from shared.workspace.policy import is_test_file
from shared.workspace.tree import PathRefused, Tree

# Characters, about 5k tokens: room for the task and its answer in a context of 16k tokens.
EXCERPT = 16_000
_EXAMPLE = 8_000
_LONGEST_ADVICE = 3_000
ADVICE = "AGENTS.md"
"""What a repository tells agents; read on the default branch only."""
FIRST_TESTS = (
    "This repository has no tests yet. Let the plan begin with the smallest harness: which file "
    "the first tests are in, and what it needs to be found and run by:"
)
"""Told, before the command for tests, to who plans and codes where nothing shows how to test."""
_MOST_TESTS = 60
_MOST_SHOWN = 12


class Surroundings(Value):
    """The repository as far as one issue is concerned."""

    test_command: str
    excerpt: str
    test_files: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    """How well the files answer to the issue, the best first."""
    example_path: str = ""
    example: str = ""

    def with_advice(self, text: str) -> Self:
        """Put what the repository tells agents before what was found in it."""
        told = clean(text).text.strip()
        if not told:
            return self
        cut = told if len(told) <= _LONGEST_ADVICE else f"{told[:_LONGEST_ADVICE]}\n[...]"
        return self.model_copy(update={"excerpt": f"{ADVICE} says:\n{cut}\n\n{self.excerpt}"})


async def look(worktree: Worktree, issue: Issue, command: str, place: Path) -> Surroundings:
    """Look at the commit on which a worktree stands; ``place`` caches digests of its texts."""
    history, sources = History(worktree.git_dir), SourceCache(place, version=VERSION)
    try:
        found = await gather(history, await worktree.head(), sources, digest)
        known = Repository(files=found.files, changes=found.changes)
        return await asyncio.to_thread(_told, worktree.path, known, sources, issue, command)
    finally:
        sources.close()


def _told(root: Path, known: Repository, index: Index, issue: Issue, command: str) -> Surroundings:
    """Say what matters for an issue; links are not followed, binary files passed over."""
    read, query = _reader(root), f"{issue.title}\n{issue.body}"
    found = locate(issue.title, issue.body, known, index, is_test=is_test_file)
    tests = [test.path for test in found.tests]
    nearest = next((path for path in tests if "test" in Path(path).name and read(path)), "")
    tests += [path for path in known.files if is_test_file(path) and path not in set(tests)]
    best = [file.path for file in found.code[:_MOST_SHOWN]]
    first = "" if tests else f"{FIRST_TESTS} {command}\n\n"
    outline = "" if _fits(found, read) else f"Signatures, with their lines:\n{found.outline}\n\n"
    shown = excerpt(query, best, read, budget=EXCERPT - len(first) - len(outline))
    return Surroundings(
        test_command=command,
        excerpt=f"{first}{outline}{shown}",
        test_files=tuple(tests[:_MOST_TESTS]),
        scores=tuple(file.score for file in found.code),
        example_path=nearest,
        example=(read(nearest) or "")[:_EXAMPLE] if nearest else "",
    )


def _fits(found: Located, read: Read) -> bool:
    """Tell whether all that answers to the issue can be shown whole, so that no map is needed."""
    if len(found.code) > _MOST_SHOWN:
        return False
    return sum(len(read(file.path) or "") for file in found.code) <= EXCERPT


def _reader(root: Path) -> Read:
    tree = Tree(root)

    @cache
    def read(path: str) -> str | None:
        try:
            return tree.read(path)
        except PathRefused:
            return None

    return read


def command_for_tests(target: Target) -> str:
    """Return the line that an agent types to run the tests."""
    if target.detection.runner is Runner.COMMAND:
        return shlex.join(target.detection.command)
    return "python -m pytest -q"
