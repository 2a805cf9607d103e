"""What an agent is told about a repository before it starts: code that matters, tests to follow."""

import shlex
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from agents.context import excerpt, rank
from shared.domain import Issue, Value
from shared.target import Target
from shared.target.values import Runner
from shared.workspace.policy import is_test_file
from shared.workspace.tree import PathRefused, Tree

# Characters, about 5k tokens: room for the task and its answer in a context of 16k tokens.
EXCERPT = 16_000
_EXAMPLE = 8_000
_MOST_FILES = 5_000
_MOST_TESTS = 60


class Surroundings(Value):
    """The repository as far as one issue is concerned."""

    test_command: str
    excerpt: str
    test_files: tuple[str, ...] = ()
    example_path: str = ""
    example: str = ""


def survey(root: Path, files: Sequence[str], issue: Issue, command: str) -> Surroundings:
    """Look at a worktree for an issue; links are not followed, binary files passed over."""
    tree = Tree(root)

    @cache
    def read(path: str) -> str | None:
        try:
            return tree.read(path)
        except PathRefused:
            return None

    query = f"{issue.title}\n{issue.body}"
    known = files[:_MOST_FILES]
    tests = [path for path in known if is_test_file(path)]
    nearest = next((r.path for r in rank(query, tests, read) if "test" in Path(r.path).name), "")
    code = [path for path in known if path not in set(tests)]
    return Surroundings(
        test_command=command,
        excerpt=excerpt(query, code, read, budget=EXCERPT),
        test_files=tuple(tests[:_MOST_TESTS]),
        example_path=nearest,
        example=(read(nearest) or "")[:_EXAMPLE] if nearest else "",
    )


def command_for_tests(target: Target) -> str:
    """Return the line that an agent types to run the tests."""
    if target.detection.runner is Runner.COMMAND:
        return shlex.join(target.detection.command)
    return "python -m pytest -q"
