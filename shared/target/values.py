"""What a repository under repair looks like to Baton, and what a run of its tests says."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from shared.domain import Value


class Runner(StrEnum):
    """How the tests of a repository are run."""

    PYTEST = "pytest"
    UNITTEST = "unittest"
    COMMAND = "command"


class Reporter(StrEnum):
    """The tool behind a command whose results can be had test by test."""

    NONE = "none"
    CARGO = "cargo"
    GO = "go"
    JEST = "jest"
    VITEST = "vitest"


class Overrides(Value):
    """What ``.github/baton.yml`` says about the tests; it wins over detection.

    ``test``, ``setup`` and ``lint`` are shell lines, ``requirements`` are lines as in a
    requirements file.
    """

    test: str = ""
    setup: str = ""
    lint: str = ""
    requirements: tuple[str, ...] = ()


class Detection(Value):
    """How a repository is tested, as far as its files tell.

    ``command`` is the argv of a command runner, ``reporter`` the tool that it calls.
    ``options`` and ``paths`` go to pytest.
    ``source_roots`` are folders from which the project is imported, ``packages`` the
    top-level names found there. ``said`` is a sentence for people.
    """

    runner: Runner
    said: str
    command: tuple[str, ...] = ()
    reporter: Reporter = Reporter.NONE
    options: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    is_python: bool = False
    source_roots: tuple[str, ...] = ()
    packages: frozenset[str] = frozenset()


class Target(Value):
    """A repository that can be tested: how, and in which environment.

    ``environment`` is a folder of the cache, None where nothing had to be installed;
    ``interpreter`` is the prefix of the Python that it stands on, ``toolchain`` the folder of
    another language's tools where that is none of the system's. ``setup`` and ``lint`` are
    shell lines of the repository's configuration, empty where it has none.
    """

    detection: Detection
    detected: str
    setup: str = ""
    lint: str = ""
    environment: Path | None = None
    interpreter: Path | None = None
    toolchain: Path | None = None


class Outcome(StrEnum):
    """How one test ended; ``flaky`` is one that failed, and then passed without any change."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    TIMED_OUT = "timed_out"
    FLAKY = "flaky"


class FailureKind(StrEnum):
    """Why a test did not pass.

    ``assertion``: a statement about the result is false. ``missing_name``: the project lacks
    a module, attribute or parameter. ``raised``: the project's own code raised. ``error``: the
    test itself is wrong. ``setup``: a fixture failed. ``collection``: the file cannot be
    imported. ``timeout``: it did not end. ``unknown``: only an exit code is known.
    """

    ASSERTION = "assertion"
    MISSING_NAME = "missing_name"
    RAISED = "raised"
    ERROR = "error"
    SETUP = "setup"
    COLLECTION = "collection"
    TIMEOUT = "timeout"
    UNKNOWN = "unknown"


class Failure(Value):
    """Why one test did not pass, in its own words; the message is one line."""

    kind: FailureKind
    message: str
    text: str = ""


class TestRun(Value):
    """One run of a repository's tests.

    Outcomes and failures are by test id (``tests/test_a.py::TestX::test_y[1]``); a file that
    cannot be collected or built has a failure under its path, and no outcome. ``doubts`` say
    why the results cannot be relied on. ``per_test`` is false where the exit code is all that
    is known.
    """

    __test__: ClassVar[bool] = False  # its name looks like a test class to pytest

    outcomes: Mapping[str, Outcome] = Field(default_factory=dict)
    failures: Mapping[str, Failure] = Field(default_factory=dict)
    exit_code: int
    log: str
    seconds: float
    timed_out: bool = False
    doubts: tuple[str, ...] = ()
    per_test: bool = True

    @property
    def collected_cleanly(self) -> bool:
        """Tell whether every test file could be read."""
        return self.is_complete and not self.uncollected

    @property
    def is_complete(self) -> bool:
        """Tell whether the run came to its end and its results can be relied on."""
        return not self.timed_out and not self.doubts

    @property
    def uncollected(self) -> frozenset[str]:
        """Return the files that could not be collected."""
        collection = FailureKind.COLLECTION
        return frozenset(i for i, failure in self.failures.items() if failure.kind is collection)

    @property
    def unbuilt(self) -> frozenset[str]:
        """Return what could not be built because the project lacks a name that its tests use."""
        missing = FailureKind.MISSING_NAME
        failing = frozenset(i for i, failure in self.failures.items() if failure.kind is missing)
        return failing - self.outcomes.keys()

    @property
    def passed(self) -> frozenset[str]:
        """Return the ids of the tests that passed."""
        return self.ids(Outcome.PASSED)

    def ids(self, *outcomes: Outcome) -> frozenset[str]:
        """Return the ids of the tests that ended in one of these ways."""
        return frozenset(i for i, outcome in self.outcomes.items() if outcome in outcomes)
