"""Who may write what: the Tester tests, the Coder everything but the Tester's tests.

What its tests import and the project lacks, the Tester may ask for in the project's manifest.
"""

from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from pathlib import PurePosixPath

from shared.guard.dependencies import is_extensible

_TEST_FOLDERS = {"test", "tests", "testing", "spec", "__tests__"}
_CONFIGURATION = {"conftest.py", "pytest.ini", "tox.ini", "noxfile.py", "sitecustomize.py"}
_CONFIGURATION |= {".coveragerc", "pytest.toml", ".pytest.ini", ".pytest.toml"}
_CONFIGURATION |= {"usercustomize.py", "nextest.toml"}
_CONFIGURATION_STEMS = {"jest.config", "vitest.config", "vitest.workspace", "karma.conf"}
_CONFIGURATION_STEMS |= {"playwright.config", ".mocharc", "jest.setup", "vitest.setup"}


def is_test_configuration(path: str) -> bool:
    """Tell whether a file decides how tests are found or run."""
    name = PurePosixPath(path).name.casefold()
    return name in _CONFIGURATION or PurePosixPath(name).stem in _CONFIGURATION_STEMS


@lru_cache(maxsize=20_000)
def is_test_file(path: str) -> bool:
    """Tell by its name or folder whether a file belongs to the tests."""
    # Plain text, because thousands of paths are asked for at once.
    *folders, name = [part for part in path.casefold().split("/") if part not in {"", "."}] or [""]
    stem = name.partition(".")[0]
    named = stem.startswith("test_") or stem.endswith(("_test", "_tests")) or stem == "tests"
    spec = ".test." in name or ".spec." in name
    return named or spec or not _TEST_FOLDERS.isdisjoint(folders)


def tester_writes(path: str) -> str | None:
    """Return why the Tester may not write a file, or None."""
    if is_test_configuration(path):
        return f"{path} configures the tests and stays as it is. Write test files only."
    if not (is_test_file(path) or is_extensible(path)):
        return f"{path} is not a test file. You write tests; the developer changes the rest."
    return None


def fixed_files(tests: Iterable[str]) -> tuple[str, ...]:
    """Leave out of what the Tester wrote the manifests that others may change after it."""
    return tuple(path for path in tests if is_test_file(path))


def coder_writes(protected: Collection[str]) -> Callable[[str], str | None]:
    """Return the Coder's rule, given the files that the Tester wrote."""
    fixed = {path.casefold() for path in protected}

    def reason(path: str) -> str | None:
        if path.casefold() in fixed:
            return f"{path} holds the given tests and stays as it is. Change the code instead."
        if is_test_configuration(path):
            return f"{path} configures the tests and stays as it is. Change the code instead."
        return None

    return reason


def violations(changed: Iterable[str], writable: Callable[[str], str | None]) -> tuple[str, ...]:
    """Return a sentence for each changed file that the rule forbids; commands can change any."""
    return tuple(reason for path in changed if (reason := writable(path)) is not None)
