"""Creating a thing exactly once, although an answer may get lost."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.errors import GitHubUnavailable, Refused

T = TypeVar("T")

ATTEMPTS = 3
SETTLING = 2.0  # seconds; GitHub's lists lag a little behind its writes


async def create_once(
    look_up: Callable[[], Awaitable[T | None]],
    create: Callable[[], Awaitable[T]],
    sleep: Callable[[float], Awaitable[None]],
) -> T:
    """Return the thing that the look-up finds by its key, else create it.

    After a time-out, a broken connection or a server error nobody knows whether it was
    created: the look-up decides before anything is sent again. A refusal is looked into as
    well, since "already exists" is one.

    Raises what the last attempt raised.
    """
    found = await look_up()
    for attempt in range(1, ATTEMPTS + 1):
        if found is not None:
            return found
        try:
            return await create()
        except Refused:
            found = await look_up()
            if found is None:
                raise
        except GitHubUnavailable:
            await sleep(SETTLING * attempt)
            found = await look_up()
            if found is None and attempt == ATTEMPTS:
                raise
    assert found is not None
    return found
