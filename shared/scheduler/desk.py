"""One process's desk for one node: it takes turns at the table, looks, decides, and switches."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from shared.errors import BatonError, ModelError, ModelUnavailable, NodeUnreachable
from shared.ollama.client import place
from shared.profiles import ModelSpec, Node
from shared.scheduler.control import NodeControl
from shared.scheduler.decide import Decision, decide
from shared.scheduler.forecast import loaded_model, switch_plan
from shared.scheduler.request import Request, refuse
from shared.scheduler.state import AskState, Loaded
from shared.scheduler.switching import Switched, Switching
from shared.scheduler.table import LeaseTable, Turn
from shared.scheduler.values import NodeState, Policy, Proof, Switch, SwitchPlan

log = logging.getLogger(__name__)

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]
BeforeSwitch = Callable[[SwitchPlan], Awaitable[None]]
AfterSwitch = Callable[[SwitchPlan, Proof], Awaitable[None]]
Change = Callable[[Turn, float], None]


@dataclass(frozen=True)
class Surroundings:
    """What the desks of a scheduler share."""

    table: LeaseTable
    policy: Policy
    clock: Clock
    sleep: Sleep
    before_switch: BeforeSwitch | None
    after_switch: AfterSwitch | None


class _Lost(Exception):
    """Another process has taken the switch over."""


@dataclass(eq=False)
class _Wish:
    """A turn that is asked for; those who ask meanwhile share the next one."""

    change: Change | None
    looks: bool
    is_done: bool = False


@dataclass(eq=False)
class Desk:
    """A node as this process deals with it."""

    node: Node
    models: Sequence[ModelSpec]
    control: NodeControl
    around: Surroundings
    requests: dict[str, Request] = field(default_factory=dict)
    seen: NodeState = field(init=False)
    _looks: int = 0
    _is_looking: bool = False
    _due: float | None = None
    _wishes: list[_Wish] = field(default_factory=list)
    _poked: asyncio.Event = field(default_factory=asyncio.Event)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _switch_id: str = ""
    _plan: SwitchPlan | None = None
    _switching: asyncio.Task[None] | None = None
    _gives_way: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _is_closed: bool = False

    def __post_init__(self) -> None:
        self.seen = NodeState(node=self.node.name)

    async def turn(self, change: Change | None = None, *, looks: bool = True) -> None:
        """Take a turn. A caller that is cancelled leaves it to end by itself.

        Without `looks`, whatever needs a look at the node is left to `run`.
        Raises NodeUnreachable when the node had to be looked at and does not answer.
        """
        wish = _Wish(change, looks)
        self._wishes.append(wish)
        await asyncio.shield(self._spawn(self._take_turn(wish)))

    def turn_soon(self, change: Change) -> None:
        """Make a change in the next turn; nobody waits for it."""
        wish = _Wish(change, looks=False)
        self._wishes.append(wish)
        self._spawn(self._take_turn(wish))

    def spec(self, model: str) -> ModelSpec:
        """Return one of the node's models."""
        return next(spec for spec in self.models if spec.name == model)

    async def run(self) -> None:
        """Take a turn whenever time alone asks for one; nothing but a cancellation ends it."""
        while True:
            try:
                await self._tend()
                while self._due is None or self._due > self.around.clock():
                    await self._nap()
            except Exception:
                log.exception("The desk of node %s failed; it goes on.", self.node.name)
                await self._pause()

    async def _pause(self) -> None:
        """Wait after a failure that nobody foresaw, also when it is the sleep that fails."""
        seconds = self.around.policy.poll_seconds
        try:
            await self.around.sleep(seconds)
        except Exception:
            log.exception("The clock of node %s's desk does not work.", self.node.name)
            await asyncio.sleep(seconds)

    async def settle(self) -> None:
        """Let our changes reach the table, unless a look at the node delays them."""
        if self._wishes and not self._is_looking:
            await self.turn(looks=False)

    async def answers(self) -> bool:
        """Look at the node now; tell whether it answers."""
        async with self._lock:
            with contextlib.suppress(NodeUnreachable):
                await self._look(self._looks)
        return self.seen.is_reachable

    async def close(self) -> None:
        """End a switch that is going on; others may go on from there at once."""
        self._is_closed = True
        while self._tasks:
            if self._switching is not None:
                self._switching.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tend(self) -> None:
        self._due = self.around.clock() + self.around.policy.poll_seconds
        try:
            await self.turn()
        except ModelError as error:
            log.info("%s", error)
        except Exception:
            log.exception("The leases of node %s could not be tended.", self.node.name)

    async def _nap(self) -> None:
        """Sleep until the next turn is due, or another turn has changed when that is."""
        self._poked.clear()
        waits = [asyncio.create_task(_done(self._poked.wait()))]
        if self._due is not None:
            pause = max(0.0, self._due - self.around.clock())
            waits.append(asyncio.create_task(_done(self.around.sleep(pause))))
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in done:
                await wait
        finally:
            for wait in waits:
                wait.cancel()

    async def _take_turn(self, wish: _Wish) -> None:
        """Make all changes that wait, and do what follows: look at the node, decide, act."""
        asked_at = self._looks
        async with self._lock:
            if wish.is_done:  # the turn before has made this change too
                return
            seen: tuple[int, Sequence[Loaded]] | None = None
            looks = False
            while True:
                wishes = tuple(self._wishes)
                async with self.around.table.turn(self.node.name) as turn:
                    now = self.around.clock()
                    for made in wishes:
                        if made.change is not None:
                            made.change(turn, now)
                    self._keep_up(turn, now)
                    if seen is not None and seen[0] == turn.node.epoch:
                        turn.see(seen[1], now)
                    is_stale = self._is_stale(turn, now)
                    decision = Decision() if is_stale else self._decide(turn, now)
                for made in wishes:
                    made.is_done, looks = True, looks or made.looks
                    self._wishes.remove(made)
                for mine in tuple(self.requests.values()):
                    mine.hear(turn.rows.get(mine.row.id), self.node)
                if not is_stale or not looks:
                    break
                seen = (turn.node.epoch, await self._look(asked_at))
            self._act(turn, decision)
            if is_stale:
                self._due = self.around.clock()

    def _is_stale(self, turn: Turn, now: float) -> bool:
        """Tell whether the node must be looked at before a decision."""
        if turn.node.switch is not None or self._is_closed:
            return False
        if not self.seen.is_reachable:
            return now - turn.node.seen_at > self.around.policy.fresh_seconds
        temporary = {model.name for model in self.models if not model.is_resident}
        waits = any(row.state == AskState.WAITING for row in turn.rows.values())
        leaves = any(loaded.ours and loaded.name in temporary for loaded in turn.loaded)
        returns = bool(turn.node.owed)
        return (
            waits or leaves or returns
        ) and now - turn.node.seen_at > self.around.policy.fresh_seconds

    async def _look(self, asked_at: int) -> Sequence[Loaded]:
        """Look at the node; of many who find it away while they wait in line, one has looked.

        Raises NodeUnreachable.
        """
        try:
            if self._looks > asked_at and not self.seen.is_reachable:
                raise NodeUnreachable(self.seen.reason)
            self._looks += 1
            self._is_looking = True
            seen = await self.control.running()
        except ModelError as error:
            self._miss(str(error))
            raise NodeUnreachable(self.seen.reason) from error
        finally:
            self._is_looking = False
        self.seen = NodeState(node=self.node.name, seen_at=self.around.clock())
        return seen

    def _miss(self, reason: str) -> None:
        """Note that the node is away, and tell whoever waits."""
        since = self.seen.unreachable_since or self.around.clock()
        changed = {"unreachable_since": since, "reason": reason}
        self.seen = self.seen.model_copy(update=changed)
        for mine in self.requests.values():
            mine.fail(NodeUnreachable(reason))

    def _keep_up(self, turn: Turn, now: float) -> None:
        """Show that our leases live, and drop those whose holder does not."""
        policy = self.around.policy
        for row in tuple(turn.rows.values()):
            if row.state == AskState.ENDED:
                if (row.ended_at or 0.0) <= now - policy.recent_seconds:
                    turn.drop(row)
            elif row.id in self.requests:
                if now - row.beat_at >= policy.beat_seconds / 2:
                    row.beat_at = now
            elif row.beat_at < now - policy.expiry_seconds:
                log.warning("The holder %s of a lease on %s is gone.", row.holder, row.model)
                turn.drop(row)
        if turn.node.switch is None:
            return
        if turn.node.switch_id == self._switch_id:
            turn.node.switch_beat_at = now
        elif turn.node.switch_beat_at < now - policy.expiry_seconds:
            log.warning("Whoever was switching node %s is gone.", self.node.name)
            turn.end_switch(now)

    def _decide(self, turn: Turn, now: float) -> Decision:
        if self._is_closed:
            return Decision()
        state = turn.state(self.node, self.models, self.around.policy, now)
        decision = decide(state)
        turn.grant(decision.grants, now)
        if decision.switch is not None:
            self._plan = switch_plan(state, turn.node.means, decision.switch)
            self._switch_id, self._gives_way = uuid4().hex, asyncio.Event()
            residents = {model.name for model in self.models if model.is_resident}
            turn.begin(decision.switch, self._switch_id, residents, now)
        return decision

    def _act(self, turn: Turn, decision: Decision) -> None:
        """Begin the switch that was decided, and note when to take the next turn."""
        if decision.switch is not None and self._plan is not None:
            doing = self._switch(decision.switch, self._plan, self._switch_id)
            self._switching = self._spawn(doing)
        if decision.gives_way and turn.node.switch_id == self._switch_id:
            self._gives_way.set()
        now, policy = self.around.clock(), self.around.policy
        # Also when nothing is known to be due: others may crash, and their leases run out.
        times = [now + policy.expiry_seconds]
        if decision.look_again is not None:
            times.append(decision.look_again)
        if any(not mine.granted.done() for mine in self.requests.values()):
            times.append(now + policy.poll_seconds)
        elif self.requests or turn.node.switch is not None:
            times.append(now + policy.beat_seconds)
        self._due = min(times)
        self._poked.set()

    async def _switch(self, switch: Switch, plan: SwitchPlan, switch_id: str) -> None:
        """Make a switch and tell the table how it ended."""
        done: Switched | None = None
        error: BatonError | None = None
        try:
            done = await self._perform(switch, plan, switch_id)
        except _Lost:
            log.warning("Another process has taken over the switch of node %s.", self.node.name)
        except BatonError as refused:
            error = refused
        except Exception:
            log.exception("The switch of node %s failed.", self.node.name)
            error = ModelUnavailable(
                f"The models of {place(self.node)} could not be switched; the log has the cause."
            )
        finally:

            def end(turn: Turn, now: float) -> None:
                if turn.node.switch_id != switch_id:
                    return
                self._switch_id = ""
                turn.end_switch(now)
                if done is not None and done.load_seconds is not None:
                    turn.note_load(str(switch.incoming), done.load_seconds)
                if error is not None:
                    turn.node.owed = [name for name in turn.node.owed if name != switch.incoming]
                    refuse(turn.rows.values(), switch.incoming, error)

            self._switching = None
            await asyncio.shield(self._spawn(self._after_switch(end)))

    async def _perform(self, switch: Switch, plan: SwitchPlan, switch_id: str) -> Switched:
        async def guard() -> None:
            turn = await self.around.table.look(self.node.name)
            if turn.node.switch_id != switch_id:
                raise _Lost

        around, began = self.around, self.around.clock()
        if around.before_switch is not None:
            await around.before_switch(plan)
        incoming = next((model for model in self.models if model.name == switch.incoming), None)
        making = Switching(
            self.node,
            self.control,
            around.policy,
            around.clock,
            around.sleep,
            guard,
            self._gives_way,
        )
        done = await making.perform(switch, incoming)
        await self._prove(plan, done, began)
        return done

    async def _prove(self, plan: SwitchPlan, done: Switched, began: float) -> None:
        """Hand the proof of a switch on; it stands, whatever becomes of that."""
        if self.around.after_switch is None:
            return
        now = self.around.clock()
        loaded = tuple(map(loaded_model, done.seen))
        proof = Proof(node=self.node.name, seen_at=now, seconds=now - began, loaded=loaded)
        try:
            await self.around.after_switch(plan, proof)
        except Exception:
            log.exception("The proof of a switch of node %s was not taken.", self.node.name)

    async def _after_switch(self, ended: Change) -> None:
        try:
            await self.turn(ended)
        except ModelError as error:
            log.warning("%s", error)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _done(work: Awaitable[object]) -> None:
    await work
