"""Bugs from the history of click, flask and pytest: the repository before, and the fix."""

import io
import subprocess
import tarfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmarks._localisation_data import repository, swebench
from benchmarks.real_issues.edits import edits_between
from benchmarks.real_issues.manifest import FOLDER, Part
from shared.domain import Value
from shared.repository import PATH as OVERRIDES
from shared.workspace.actions import EditFile

_GIT = ("git", "-c", "user.name=Upstream", "-c", "user.email=upstream@example.org")


class Bug(Value):
    """A bug that was fixed upstream; issue and red test are in our own words.

    The fix is the difference to the commit ``fix``, or the patch that SWE-bench has under the id
    ``swebench``. ``hidden`` are upstream's tests, which no agent sees; ``red`` is what the Tester
    writes at the end of ``tests``, ``spoils`` a line that breaks another test of that file.
    """

    name: str
    repo: str
    base: str
    fix: str = ""
    swebench: str = ""
    file: str
    tests: str
    hidden: tuple[str, ...]
    spoils: str
    issue: str
    red: str
    requirements: tuple[str, ...] = ()
    extra: Mapping[str, str] = {}

    @property
    def title(self) -> str:
        """Return the first line of the issue."""
        return self.issue.strip().partition("\n")[0]


class Case(NamedTuple):
    """A bug laid out: the repository with it, the true edits, and the hidden tests' file."""

    bug: Bug
    repository: Path
    red: tuple[EditFile, ...]
    fix: tuple[EditFile, ...]
    hidden: str


def load_history() -> tuple[Bug, ...]:
    """Read every manifest."""
    paths = sorted((FOLDER / "bugs").glob("*.toml"))
    return tuple(Bug.model_validate(tomllib.loads(path.read_text("utf-8"))) for path in paths)


def laid_out(bug: Bug, repos: Path | None, folder: Path) -> Case:
    """Make a repository of the base commit and derive the edits from the upstream fix.

    ``repos`` holds clones; without it they are fetched from GitHub once. The suite is the file
    that the fix's own tests are in, so that the tests take seconds.
    """
    git_dir, root = repository(bug.repo, repos), folder / bug.name
    _unpack(git_dir, bug.base, root)
    told = {"test": f"python -m pytest {bug.tests}", "requirements": [*bug.requirements]}
    for path, text in {**bug.extra, OVERRIDES: yaml.safe_dump(told)}.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
    _git(root, "init", "--quiet", "--initial-branch=main")
    _git(root, "add", "--all", "--force")
    _git(root, "commit", "--quiet", "-m", "Import the commit before the fix")
    code, tests = _fixed(bug, git_dir, root)
    before = (root / bug.tests).read_text("utf-8")
    return Case(
        bug=bug,
        repository=root,
        red=_edits(bug.tests, before, f"{before.rstrip()}\n\n\n{bug.red.strip()}\n"),
        fix=_edits(bug.file, (root / bug.file).read_text("utf-8"), code),
        hidden=tests,
    )


def _edits(path: str, before: str, after: str) -> tuple[EditFile, ...]:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    return edits_between(Part(file=path), old, new)


def _fixed(bug: Bug, git_dir: Path, root: Path) -> tuple[str, str]:
    """Return code and tests as upstream left them."""
    if bug.fix:
        code, tests = (_git(git_dir, "show", f"{bug.fix}:{p}") for p in (bug.file, bug.tests))
        return code, tests
    row = swebench()[bug.swebench]
    for patch in ("golden_patch", "test_patch"):
        _git(root, "apply", "-", stdin=row[patch])
    code, tests = ((root / path).read_text("utf-8") for path in (bug.file, bug.tests))
    _git(root, "checkout", "--quiet", "--", ".")
    return code, tests


def _unpack(git_dir: Path, commit: str, root: Path) -> None:
    archive = subprocess.run(
        [*_GIT, "--git-dir", str(git_dir), "archive", commit], capture_output=True, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        if hasattr(tarfile, "data_filter"):
            files.extraction_filter = tarfile.data_filter  # Python 3.11.4 and newer
        files.extractall(root)


def _git(folder: Path, *words: str, stdin: str = "") -> str:
    command = [*_GIT, "-C", str(folder), *words]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=True)
    return done.stdout
