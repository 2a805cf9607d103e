"""Names and people as git writes them."""

import re
import unicodedata
from typing import Annotated

from pydantic import Field

from shared.domain import Value

_LONGEST = 60
_NO_SLUG = "change"


class Author(Value):
    """Whom a commit names as its author and committer."""

    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f<>]*[^\x00-\x20<>.,;:'\"][^\x00-\x1f<>]*$")]
    email: Annotated[str, Field(pattern=r"^[^\x00-\x20<>]+$")]


def branch_name(number: int, title: str) -> str:
    """Name the branch for an issue: ``baton/issue-<number>-<slug>``.

    ASCII, at most 60 characters, the same for the same title. A title without any Latin
    letter or digit gives a fixed slug.
    """
    latin = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    prefix = f"baton/issue-{number}-"
    room = _LONGEST - len(prefix)
    slug = ""
    for word in re.findall(r"[a-z0-9]+", latin):
        longer = f"{slug}-{word}" if slug else word[:room]
        if len(longer) > room:
            break
        slug = longer
    return prefix + (slug or _NO_SLUG)
