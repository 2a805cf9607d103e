"""Who builds: a living worker whose node holds the coder's model, else the gateway itself.

The engine lets only the present owner of a workflow record anything. So a build that is handed
on while its silent owner still works leads to one result: the owner that comes back is told so
at its next step, and stops.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dbos import DBOS, WorkflowStatus
from sqlalchemy.exc import DBAPIError

from bot import engine
from bot.services import services
from bot.workers.builds import unfinished
from bot.workers.presence import BEATS
from shared.domain import Role, Value
from shared.profiles import Profile
from shared.store import WorkerRow, WorkerStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Household:
    """Where builds may go at this moment."""

    nodes: tuple[str, ...]
    """The nodes that hold the coder's model, the preferred one first."""
    living: Sequence[WorkerRow]
    gateway_builds: bool

    def queue(self, load: Counter[str]) -> str:
        """Choose a queue for one more build; `load` counts the unfinished ones of each."""
        here = {worker.node for worker in self.living}
        able = [engine.node_queue(node) for node in self.nodes if node in here]
        if able:
            # Workers of one node share its queue, and its load.
            return min(able, key=lambda queue: load[queue])
        return engine.BUILDS if self.gateway_builds else engine.node_queue(self.nodes[0])

    def is_served(self, queue: str) -> bool:
        """Tell whether somebody takes builds from a queue."""
        return queue == engine.BUILDS or any(
            queue == engine.node_queue(worker.node) for worker in self.living
        )


def nodes_for(profile: Profile) -> tuple[str, ...]:
    """Return the nodes that hold the coder's model, in the profile's order."""
    name = profile.roles[Role.CODER]
    return tuple(model.node for model in profile.models if model.name == name)


async def household() -> Household:
    """Look who lives."""
    baton = services()
    workers = WorkerStore(baton.store.engine)
    return Household(
        nodes=nodes_for(baton.profile),
        living=await workers.living(baton.settings.worker_seconds),
        gateway_builds=baton.settings.gateway_builds,
    )


class Choice(Value):
    """Where a build goes, and whether somebody is there to take it."""

    queue: str
    is_served: bool


async def choose() -> Choice:
    """Choose the queue for a new build."""
    present = await household()
    queue = present.queue(_load(await unfinished()))
    return Choice(queue=queue, is_served=present.is_served(queue))


async def hand_over_forever() -> None:
    """Give the builds of silent workers to living ones."""
    bound = services().settings.worker_seconds
    looked = None
    while True:
        await asyncio.sleep(bound / BEATS)
        moment = asyncio.get_running_loop().time()
        # After a pause of this machine or of the database nobody could have been heard.
        heard = looked is not None and moment - looked < bound / 2
        try:
            if heard:
                await hand_over()
            else:
                await household()
            looked = moment
        except (DBAPIError, OSError) as error:
            log.warning("The database does not answer: %s", type(error).__name__)


async def hand_over() -> list[str]:
    """Give every build that has lost its worker to another one; return their ids."""
    present, builds = await household(), await unfinished()
    names = {worker.id for worker in present.living} | {engine.GATEWAY}
    load, moved = _load(builds), []
    for build in builds:
        if build.status == "PENDING" and build.executor_id in names:
            continue
        if build.status == "ENQUEUED" and present.is_served(build.queue_name or ""):
            continue
        queue = present.queue(load)
        if not present.is_served(queue):
            continue  # it waits where it is for a worker to come
        await DBOS.resume_workflow_async(build.workflow_id, queue_name=queue)
        load[queue] += 1
        moved.append(build.workflow_id)
        log.warning("%s: %s is silent; handed to %s", build.workflow_id, build.executor_id, queue)
    return moved


def _load(builds: Sequence[WorkflowStatus]) -> Counter[str]:
    return Counter(build.queue_name or "" for build in builds)
