"""A request of this process: first it waits to be granted, then it is held."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

from shared import errors
from shared.errors import BatonError, ModelError, ModelUnavailable
from shared.ollama.client import place
from shared.profiles import Node
from shared.scheduler.state import AskState
from shared.store.lease_tables import LeaseRow


@dataclass(eq=False)
class Request:
    """A request in the queue, or the lease that came of it."""

    row: LeaseRow
    granted: asyncio.Future[None]
    scope: asyncio.Timeout | None = None

    def hear(self, row: LeaseRow | None, node: Node) -> None:
        """Learn from the table what has become of the request."""
        if row is None:
            self._lose(node)
        elif row.state == AskState.HELD and not self.granted.done():
            self.granted.set_result(None)
        elif row.state == AskState.REFUSED and row.refusal is not None:
            self.fail(_refusal(row.refusal))

    @property
    def is_held(self) -> bool:
        """Tell whether the lease was granted."""
        done = self.granted.done() and not self.granted.cancelled()
        return done and self.granted.exception() is None

    def fail(self, error: ModelError) -> None:
        """Raise an error where the request is waited for."""
        if not self.granted.done():
            self.granted.set_exception(error)

    def leave(self) -> None:
        """Give up the wait."""
        if not self.granted.cancel() and not self.granted.cancelled():
            self.granted.exception()  # raised already, or of no interest to who was cancelled

    @contextlib.asynccontextmanager
    async def unless_lost(self, node: Node) -> AsyncIterator[None]:
        """Cancel the work of a holder whose lease went to others while it seemed dead.

        Raises ModelUnavailable in that case.
        """
        try:
            async with asyncio.timeout(None) as self.scope:
                yield
        except TimeoutError as error:
            if self.scope is None or not self.scope.expired():
                raise
            raise _lost(node) from error

    def _lose(self, node: Node) -> None:
        if not self.granted.done():
            self.fail(_lost(node))
        elif self.scope is not None and not self.scope.expired():
            self.scope.reschedule(asyncio.get_running_loop().time())


def refuse(rows: Iterable[LeaseRow], model: str | None, error: BatonError) -> None:
    """Refuse all requests that wait for a model which could not be loaded."""
    refusal = {"kind": type(error).__name__, "message": str(error)}
    for row in rows:
        if row.state == AskState.WAITING and row.model == model:
            row.state, row.refusal = AskState.REFUSED, refusal


def _refusal(recorded: Mapping[str, str]) -> ModelError:
    kind = getattr(errors, recorded["kind"], ModelUnavailable)
    error = kind(recorded["message"])
    return error if isinstance(error, ModelError) else ModelUnavailable(recorded["message"])


def _lost(node: Node) -> ModelUnavailable:
    return ModelUnavailable(
        f"The lease on {place(node)} ran out, as this process did not answer for a while (asleep, "
        "or overloaded). The same may be tried again."
    )
