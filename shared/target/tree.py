"""A checkout as detection sees it: the names of its files, and the text of a few."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

_SKIPPED = frozenset(
    {".git", ".hg", ".tox", ".nox", ".venv", "venv", "node_modules", "__pycache__"}
)
_MOST_FILES = 50_000
_LARGEST_FILE = 2 * 1024 * 1024


class Tree:
    """The files of a repository by their POSIX paths, sorted; text is read when asked for."""

    def __init__(self, root: Path | None, files: tuple[str, ...], texts: Mapping[str, str]) -> None:
        self._root = root
        self._texts = dict(texts)
        self.files = tuple(sorted(files))
        self._known = frozenset(files)

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> "Tree":
        """Make a tree from texts alone."""
        return cls(None, tuple(texts), texts)

    @classmethod
    def at(cls, root: Path) -> "Tree":
        """Look at a checkout; links are not followed, tool folders are passed over."""
        return cls(root, tuple(_walk(root)), {})

    def __contains__(self, path: str) -> bool:
        return path in self._known

    def read(self, path: str) -> str:
        """Return a file's text; empty when it is missing or too large to be configuration."""
        if path not in self._known:
            return ""
        if path not in self._texts:
            self._texts[path] = self._load(path)
        return self._texts[path]

    def _load(self, path: str) -> str:
        if self._root is None:
            return ""
        file = self._root / path
        if file.stat().st_size > _LARGEST_FILE:
            return ""
        return file.read_text(encoding="utf-8", errors="replace")


def _walk(root: Path) -> Iterator[str]:
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_symlink() or not path.is_file():
                continue
            count += 1
            if count > _MOST_FILES:
                return
            yield path.relative_to(root).as_posix()
