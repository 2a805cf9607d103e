"""Small repositories to set up and test."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from shared.target.values import Failure, FailureKind, Outcome, TestRun

SAMPLE = """
    def double(number):
        return number + number

    def first(items):
        return items[0]
"""


def lay(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files, indented as they stand in a test, below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return folder


def listing(folder: Path) -> list[str]:
    """Name everything below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def run_of(
    outcomes: Mapping[str, Outcome],
    failures: Mapping[str, FailureKind] | None = None,
    **more: object,
) -> TestRun:
    """Make a run from outcomes and kinds of failures."""
    named = {
        test: Failure(kind=kind, message=f"{kind}!") for test, kind in (failures or {}).items()
    }
    values = {"exit_code": 1 if named else 0, "log": "", "seconds": 1.0, **more}
    return TestRun.model_validate({"outcomes": outcomes, "failures": named, **values})
