"""Take a unified diff apart: files, hunks, and the lines that a review can point at."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@", re.MULTILINE)
_CONTEXT = 3


@dataclass(frozen=True)
class Line:
    """A line of a patch; position counts from the first hunk header, as GitHub does."""

    kind: str
    text: str
    old: int | None
    new: int | None
    position: int


@dataclass(frozen=True)
class FileDiff:
    """What a diff does to one file. The patch starts at its first hunk; empty for binaries."""

    path: str
    previous: str | None
    status: str
    sha: str | None
    patch: str

    @property
    def additions(self) -> int:
        """Count the added lines."""
        return sum(line.kind == "+" for line in self.lines())

    @property
    def deletions(self) -> int:
        """Count the removed lines."""
        return sum(line.kind == "-" for line in self.lines())

    def lines(self) -> Iterator[Line]:
        """Walk through the patch, hunk headers included (kind ``@``)."""
        old = new = 0
        for position, text in enumerate(self.patch.split("\n") if self.patch else ()):
            kind = text[:1] or " "
            if hunk := _HUNK.match(text):
                old, new = int(hunk[1]), int(hunk[2])
            at_old = old if kind in " -" else None
            at_new = new if kind in " +" else None
            yield Line(kind, text[1:] if kind in " +-" else text, at_old, at_new, position)
            old += kind in " -"
            new += kind in " +"

    def find(self, line: int, side: str) -> Line | None:
        """Return the line of the patch that a review comment names, or None."""
        for candidate in self.lines():
            if (candidate.new if side == "RIGHT" else candidate.old) == line:
                return candidate
        return None

    def hunk_until(self, position: int) -> str:
        """Return the hunk that a position is in, from its header to the position."""
        lines = self.patch.split("\n")[: position + 1]
        start = max(i for i, text in enumerate(lines) if text.startswith("@@"))
        return "\n".join(lines[start:])


def parse_diff(text: str) -> tuple[FileDiff, ...]:
    """Split the output of ``git diff --full-index -M`` into files."""
    parts = re.split(r"^diff --git ", text, flags=re.MULTILINE)[1:]
    return tuple(_file(part) for part in parts)


def _file(part: str) -> FileDiff:
    head, hunks, tail = _split_at_hunk(part)
    header = dict(_header_lines(head))
    previous = header.get("rename from")
    removed = "deleted file mode" in header
    index = header.get("index", "").split(" ")[0].partition("..")[2]
    path = header.get("rename to") or _path(head, removed=removed)
    status = "added" if "new file mode" in header else "removed" if removed else "modified"
    return FileDiff(
        path=path,
        previous=previous,
        status="renamed" if previous else status,
        sha=index or None,
        patch=(hunks + tail).rstrip("\n"),
    )


def _split_at_hunk(part: str) -> tuple[str, str, str]:
    found = _HUNK.search(part)
    if not found:
        return part, "", ""
    return part[: found.start()], found[0], part[found.end() :]


def _header_lines(head: str) -> Iterator[tuple[str, str]]:
    names = ("rename from", "rename to", "deleted file mode", "new file mode", "index")
    for line in head.splitlines():
        for name in names:
            if line.startswith(name + " "):
                yield name, _unquote(line.removeprefix(name + " "))


def _path(head: str, *, removed: bool) -> str:
    marker = "--- " if removed else "+++ "
    for line in head.splitlines():
        if line.startswith(marker):
            return _unquote(line.removeprefix(marker)).partition("/")[2]
    # Empty or binary files have neither marker; both names of the first line are the same then.
    first = head.splitlines()[0]
    return _unquote(first[len(first) // 2 + 1 :]).partition("/")[2]


def _unquote(name: str) -> str:
    name = name.rstrip("\t")
    if not name.startswith('"'):
        return name
    raw = name[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape")
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")
