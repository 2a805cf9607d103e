"""Results test by test of tools that are no pytest: cargo, go, jest and vitest.

Each tool is asked for them in its own words, and its command is otherwise left as it is. What a
tool says is read where it agrees with its exit code only (see ``shared.target.runner``).
"""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import NamedTuple

from shared.target.junit import Results
from shared.target.reports import cargo, go, jest
from shared.target.tree import Tree
from shared.target.values import Reporter


class Form(NamedTuple):
    """How a tool is asked for results, and how its output and its report are read.

    ``ask`` takes the shell line and the path inside of a file for the report; ``read`` takes
    output, report and the path inside of the workspace; ``shown`` makes a log of the output.
    """

    ask: Callable[[str, str], str]
    read: Callable[[str, bytes, PurePosixPath], Results]
    shown: Callable[[str], str] = str


FORMS = {
    Reporter.CARGO: Form(cargo.ask, cargo.read),
    Reporter.GO: Form(go.ask, go.read, go.shown),
    Reporter.JEST: Form(jest.ask_jest, jest.read),
    Reporter.VITEST: Form(jest.ask_vitest, jest.read),
}


def reporter_of(line: str, tree: Tree) -> Reporter:
    """Tell which tool a shell line calls, as far as its results can be had test by test."""
    if set(line) & set("&|;<>$`(){}\n'\""):
        return Reporter.NONE
    words = line.split()
    if words[:2] == ["cargo", "test"] and "--" not in words:
        return Reporter.CARGO
    if words[:2] == ["go", "test"]:
        return Reporter.GO
    return jest.reporter_of(words, tree)
