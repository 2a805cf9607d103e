"""Tell why a test failed: does it show a fault of the project, or is the test itself wrong?"""

import re

from shared.target.values import FailureKind

_FRAME = re.compile(r"^(?P<path>[^\s:][^:\n]*):(?P<line>\d+): in ", re.MULTILINE)
_EXCEPTION = re.compile(r"^(?P<name>[A-Za-z_][\w.]*)(?::\s|$)")
_ASSERTIONS = ("assert ", "AssertionError", "Failed:")
_SIGNATURE = re.compile(
    r"unexpected keyword argument|takes no keyword arguments|missing \d+ required"
    r"|takes (?:no|from \d+ to \d+|\d+|exactly \d+) (?:positional )?argument"
)
_MODULE = re.compile(r"No module named '(?P<name>[^'.]+)|from '(?P<source>[^'.]+)")
_OWN_ATTRIBUTE = re.compile(r"'(?:Test\w*|\w*Tests?|\w*TestCase)' object has no attribute")
_TEST_PATH = re.compile(r"(?:^|/)(?:tests?/|test_[^/]*\.py$|[^/]*_test\.py$|conftest\.py$)")


def classify(
    tag: str, message: str, text: str, *, test_file: str, packages: frozenset[str]
) -> FailureKind:
    """Name the kind of one problem of a JUnit report, written with ``--tb=short``.

    In the call phase, an assertion, ``pytest.fail`` or an exception that did not come is an
    ``assertion``. A name or parameter which the project lacks is ``missing_name``, whoever
    notices. Any other exception is ``raised`` if a line of the project stands in its
    traceback; else the test file raised it, and it is an ``error`` of the test.
    """
    if tag == "error":
        return FailureKind.COLLECTION if message == "collection failure" else FailureKind.SETUP
    if message.startswith("[XPASS(strict)]"):
        return FailureKind.ERROR
    if message.startswith(_ASSERTIONS):
        return FailureKind.ASSERTION
    match = _EXCEPTION.match(message)
    name = match["name"].rpartition(".")[2] if match else ""
    if _is_missing_name(name, message, packages):
        return FailureKind.MISSING_NAME
    if any(_is_project(frame["path"], test_file) for frame in _FRAME.finditer(text)):
        return FailureKind.RAISED
    return FailureKind.ERROR


def _is_missing_name(name: str, message: str, packages: frozenset[str]) -> bool:
    if name in {"ImportError", "ModuleNotFoundError"}:
        # Another package that is not there says nothing about this project.
        match = _MODULE.search(message)
        return bool(match and (match["name"] or match["source"]) in packages)
    if name == "AttributeError":
        return not _OWN_ATTRIBUTE.search(message)
    return name == "TypeError" and bool(_SIGNATURE.search(message))


def _is_project(path: str, test_file: str) -> bool:
    """Tell the project's files from tests, installed packages and the standard library."""
    is_elsewhere = path.startswith(("/", "..", "<")) or "site-packages/" in path
    return not is_elsewhere and path != test_file and not _TEST_PATH.search(path)
