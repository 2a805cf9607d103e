"""What each run is doing this very moment. Lives in memory only; the store has the rest."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Activity:
    """A model at work for a run."""

    role: str
    model: str
    node: str
    tokens: int
    started: float
    moved: float


@dataclass(frozen=True)
class Shown:
    """What a board has about a run: a model at work for it, or one that it waits for."""

    run_id: str
    is_waiting: bool
    activity: Activity


class ProgressBoard:
    """The present activity of each run, and how long ago it last moved."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._activities: dict[str, Activity] = {}
        self._waiting: dict[str, Activity] = {}
        self._elsewhere: dict[tuple[str, bool], Activity] = {}

    def wait(self, run_id: str, role: str, model: str, node: str) -> None:
        """Note that a run asks for its turn with a model."""
        moment = self._clock()
        self._waiting[run_id] = Activity(role, model, node, 0, moment, moment)

    def begin(self, run_id: str, role: str, model: str, node: str) -> None:
        """Note that a model starts to answer."""
        self._waiting.pop(run_id, None)
        moment = self._clock()
        self._activities[run_id] = Activity(role, model, node, 0, moment, moment)

    def advance(self, run_id: str, tokens: int) -> None:
        """Note how many tokens have come so far."""
        if (now := self._activities.get(run_id)) is not None:
            self._activities[run_id] = Activity(
                now.role, now.model, now.node, tokens, now.started, self._clock()
            )

    def end(self, run_id: str) -> None:
        """Note that no model works for the run any more."""
        self._waiting.pop(run_id, None)
        self._activities.pop(run_id, None)

    def waiting(self, run_id: str) -> Activity | None:
        """Return the model whose turn a run waits for."""
        return self._waiting.get(run_id) or self._elsewhere.get((run_id, True))

    def activity(self, run_id: str) -> Activity | None:
        """Return what is being done for a run."""
        return self._activities.get(run_id) or self._elsewhere.get((run_id, False))

    def here(self) -> tuple[Shown, ...]:
        """Return all that goes on in this process."""
        boards = {True: self._waiting, False: self._activities}
        return tuple(
            Shown(run_id, is_waiting, activity)
            for is_waiting, board in boards.items()
            for run_id, activity in board.items()
        )

    def put_elsewhere(self, shown: Iterable[Shown]) -> None:
        """Put down all that goes on in other processes, in place of what was known before."""
        self._elsewhere = {(one.run_id, one.is_waiting): one.activity for one in shown}

    def now(self) -> float:
        """Return the time by the board's clock, in seconds from some moment."""
        return self._clock()

    def age(self, activity: Activity) -> float:
        """Return the seconds since an activity last moved."""
        return self._clock() - activity.moved
