"""Find from which folders a Python project is imported."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from shared.target.config import Pyproject, read_ini, strings
from shared.target.tree import Tree

_NOT_PRODUCT = frozenset(
    {
        *("benchmark", "benchmarks", "build", "conftest", "dist", "doc", "docs", "example"),
        *("examples", "noxfile", "script", "scripts", "setup", "test", "testing", "tests"),
        *("tasks", "tool", "tools"),
    }
)


def source_roots(tree: Tree, pyproject: Pyproject) -> tuple[str, ...]:
    """Return the folders that belong on the import path, ``.`` for the repository itself."""
    named = [root for root in _configured(tree, pyproject) if _holds_python(tree, root)]
    if named:
        return tuple(dict.fromkeys(named))
    return ("src",) if _holds_python(tree, "src") else (".",)


def packages(tree: Tree, roots: tuple[str, ...]) -> frozenset[str]:
    """Return the top-level import names of the project."""
    found: set[str] = set()
    for root in roots:
        for path in _python_below(tree, root):
            first = path.parts[0]
            found.add(first.removesuffix(".py") if len(path.parts) == 1 else first)
    return frozenset(name for name in found - _NOT_PRODUCT if not _is_test(name))


def _is_test(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test")


def _configured(tree: Tree, pyproject: Pyproject) -> Iterator[str]:
    setuptools: Mapping[str, object] = pyproject.table("setuptools") or {}
    package_dir = setuptools.get("package-dir")
    if isinstance(package_dir, Mapping) and isinstance(package_dir.get(""), str):
        yield _clean(package_dir[""])
    find = pyproject.table("setuptools", "packages", "find") or {}
    yield from map(_clean, strings(find.get("where")))
    wheel = pyproject.table("hatch", "build", "targets", "wheel") or {}
    for package in strings(wheel.get("packages")):
        yield _clean(str(PurePosixPath(package).parent))
    for line in strings(read_ini(tree, "setup.cfg").get("options", "package_dir", fallback="")):
        name, _, folder = line.partition("=")
        if not name.strip():
            yield _clean(folder)


def _clean(folder: str) -> str:
    return str(PurePosixPath(folder.strip()))


def _holds_python(tree: Tree, root: str) -> bool:
    return next(_python_below(tree, root), None) is not None


def _python_below(tree: Tree, root: str) -> Iterator[PurePosixPath]:
    prefix = "" if root == "." else f"{root}/"
    for file in tree.files:
        # The second level is enough: a package's own modules stand there.
        path = PurePosixPath(file.removeprefix(prefix))
        if file.startswith(prefix) and file.endswith(".py") and len(path.parts) <= 2:  # noqa: PLR2004  the second level, as the line above says
            yield path
