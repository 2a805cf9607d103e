"""The builds of the runs, as the engine knows them."""

from collections.abc import Sequence

from dbos import DBOS, WorkflowStatus

NAMES = ("build", "answer")
"""The workflows that a worker may have in hand: those of `bot.delegation`."""

_UNFINISHED = ["PENDING", "ENQUEUED"]


async def unfinished(run_id: str = "") -> Sequence[WorkflowStatus]:
    """Return the builds that have not ended; of one run if given."""
    found = await DBOS.list_workflows_async(
        name=list(NAMES),
        workflow_id_prefix=f"{run_id}/" if run_id else None,
        status=_UNFINISHED,
        load_input=False,
        load_output=False,
    )
    return [build for build in found if not run_id or build.workflow_id.startswith(f"{run_id}/")]


async def at_work(run_id: str, worker_id: str) -> bool:
    """Tell whether a worker builds a run at this moment."""
    return any(
        build.status == "PENDING" and build.executor_id == worker_id
        for build in await unfinished(run_id)
    )
