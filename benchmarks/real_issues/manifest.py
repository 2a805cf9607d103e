"""What each real issue is made of; the sources themselves are fetched when the benchmark runs."""

import tomllib
from pathlib import Path

from shared.domain import Value

FOLDER = Path(__file__).parent


class Part(Value):
    """A file of the new release, or what is taken of its difference to the old one.

    ``hunks`` are texts: a hunk is taken when one of them stands in its new lines. ``lines`` are
    texts too: of the new lines, only those with one of them are taken. Empty takes all.
    """

    file: str
    hunks: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


class RealIssue(Value):
    """A bug of a release that the next one fixed, told in our own words."""

    package: str
    old: str
    old_sha256: str
    new: str
    new_sha256: str
    issue: str
    tests: tuple[Part, ...]
    fix: tuple[Part, ...]

    @property
    def title(self) -> str:
        """Return the first line of the issue."""
        return self.issue.strip().partition("\n")[0]


def load_all() -> tuple[RealIssue, ...]:
    """Read every manifest of this folder."""
    paths = sorted(FOLDER.glob("*.toml"))
    return tuple(RealIssue.model_validate(tomllib.loads(path.read_text("utf-8"))) for path in paths)
