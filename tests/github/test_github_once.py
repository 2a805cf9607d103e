import pytest

from shared.errors import GitHubUnavailable, Refused
from shared.github.once import create_once

Ending = type[Exception] | None


class Shelf:
    """A place where things are created by a way that loses answers."""

    def __init__(self, *endings: tuple[bool, Ending]) -> None:
        self.things: list[str] = []
        self.naps: list[float] = []
        self._endings = list(endings)

    async def look_up(self) -> str | None:
        """Find the thing."""
        return self.things[0] if self.things else None

    async def create(self) -> str:
        """Create the thing or not, answer or not, as told."""
        does_it, ending = self._endings.pop(0)
        if does_it:
            self.things.append("thing")
        if ending is not None:
            raise ending("as told")
        return self.things[-1]

    async def sleep(self, seconds: float) -> None:
        """Note a pause."""
        self.naps.append(seconds)

    async def ensure(self) -> str:
        """Create the thing once."""
        return await create_once(self.look_up, self.create, self.sleep)


DONE, NOT_DONE = True, False


async def test_what_exists_is_not_created() -> None:
    """A thing that the look-up finds is returned; nothing is sent."""
    shelf = Shelf()
    shelf.things.append("older")
    assert await shelf.ensure() == "older"


async def test_lost_answer_does_not_double() -> None:
    """Created, but the answer got lost: the look-up finds it and nothing is sent again."""
    shelf = Shelf((DONE, GitHubUnavailable))
    assert await shelf.ensure() == "thing"
    assert shelf.things == ["thing"]


async def test_real_failure_is_tried_again() -> None:
    """Not created: after a pause it is sent again, in the end once."""
    shelf = Shelf((NOT_DONE, GitHubUnavailable), (NOT_DONE, GitHubUnavailable), (DONE, None))
    assert await shelf.ensure() == "thing"
    assert shelf.things == ["thing"]
    assert shelf.naps == [2, 4]


async def test_last_lost_answer_still_counts() -> None:
    """Even after the last attempt the look-up has the last word."""
    shelf = Shelf(*[(NOT_DONE, GitHubUnavailable)] * 2, (DONE, GitHubUnavailable))
    assert await shelf.ensure() == "thing"


async def test_failure_that_stays_is_raised() -> None:
    """A way that stays broken ends in its own error after three attempts."""
    shelf = Shelf(*[(NOT_DONE, GitHubUnavailable)] * 3)
    with pytest.raises(GitHubUnavailable):
        await shelf.ensure()
    assert shelf.things == []


async def test_already_exists_is_success() -> None:
    """Another process was faster: its thing is returned."""
    assert await Shelf((DONE, Refused)).ensure() == "thing"
    with pytest.raises(Refused):
        await Shelf((NOT_DONE, Refused)).ensure()
