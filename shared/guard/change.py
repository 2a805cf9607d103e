"""A change as it is judged: its entries as git has them, and what can be said against them."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field

from shared.domain import Value
from shared.guard.dependencies import is_for_python

FILE, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"
"""Modes as git writes them; ``040000`` and ``100664`` do not occur in a diff of commits."""


class Blob(Value):
    """A file of a commit; ``data`` is None when nobody read it, as for large files."""

    mode: str
    size: int = Field(ge=0)
    data: bytes | None = None

    @property
    def text(self) -> str | None:
        """Return the content as text, or None when it is none."""
        if self.data is None or b"\0" in self.data:
            return None
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            return None


class Entry(Value):
    """One changed path: what stood there before and stands there after; a rename is two."""

    path: str
    before: Blob | None = None
    after: Blob | None = None


class Concern(StrEnum):
    """What can be wrong with an entry."""

    WORKFLOW = "workflow"
    GIT = "git"
    PATH = "path"
    LINK_OUT = "link_out"
    SUBMODULE = "submodule"
    MODE = "mode"
    OWN_SECRET = "own_secret"  # noqa: S105  the name of a concern
    SIZE = "size"
    FILES = "files"
    PROTECTED = "protected"
    LOCK_FILE = "lock_file"
    EXECUTABLE = "executable"
    LINK = "link"
    BINARY = "binary"
    LFS = "lfs"
    SECRET = "secret"  # noqa: S105  as above
    DEPENDENCY = "dependency"
    ATTRIBUTES = "attributes"
    HIDDEN_TEXT = "hidden_text"


class Outcome(StrEnum):
    """What may become of a change."""

    ALLOWED = "allowed"
    NEEDS_APPROVAL = "needs_approval"
    REFUSED = "refused"


class Reason(Value):
    """Why an entry is refused, or shown to a person first; ``detail`` is a name or a number."""

    concern: Concern
    path: str
    detail: str = ""

    @property
    def sentence(self) -> str:
        """Say it in English, as the one who wrote the change needs to read it."""
        return _SENTENCES[self.concern].format(path=self.path, detail=self.detail)

    @property
    def is_python_package(self) -> bool:
        """Tell whether it is about a Python package that comes in; ``detail`` names it."""
        return self.concern is Concern.DEPENDENCY and is_for_python(self.path)


class Verdict(Value):
    """The judgement of a change."""

    refusals: tuple[Reason, ...] = ()
    questions: tuple[Reason, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Return what may become of the change."""
        if self.refusals:
            return Outcome.REFUSED
        return Outcome.NEEDS_APPROVAL if self.questions else Outcome.ALLOWED

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Name the new dependencies, to be listed in the pull request."""
        return tuple(q.detail for q in self.questions if q.concern is Concern.DEPENDENCY)

    @property
    def python_packages(self) -> tuple[str, ...]:
        """Name those of them that are for Python, each once."""
        return tuple(dict.fromkeys(q.detail for q in self.questions if q.is_python_package))


_SENTENCES: Mapping[Concern, str] = {
    Concern.WORKFLOW: "{path} runs in the repository's own automation. Leave it as it is.",
    Concern.GIT: "{path} steers git itself. Leave it as it is.",
    Concern.PATH: "{path} is no path that every system can check out. Name it otherwise.",
    Concern.LINK_OUT: "{path} is a link that leaves the repository, to {detail}. Remove it.",
    Concern.SUBMODULE: "{path} is a submodule. Remove it.",
    Concern.MODE: "{path} has the mode {detail}, which no file of a repository has. Remove it.",
    Concern.OWN_SECRET: "{path} holds a secret of Baton's own. Remove it.",
    Concern.SIZE: "{path} has {detail} bytes, too many for a change. Make it smaller.",
    Concern.FILES: "The change touches {detail} files, more than anybody reviews. Split it.",
    Concern.PROTECTED: "{path} is protected.",
    Concern.LOCK_FILE: "{path} is a lock file.",
    Concern.EXECUTABLE: "{path} becomes executable.",
    Concern.LINK: "{path} is a symbolic link to {detail}.",
    Concern.BINARY: "{path} is a binary file.",
    Concern.LFS: "{path} points to a file in large file storage, which nobody has seen.",
    Concern.SECRET: "{path} holds what looks like a secret ({detail}).",
    Concern.DEPENDENCY: "{path} asks for {detail}.",
    Concern.ATTRIBUTES: "{path} decides how git reads and shows files.",
    Concern.HIDDEN_TEXT: "{path} has characters that turn the direction of text.",
}
