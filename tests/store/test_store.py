import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from shared.domain import Language, Stage
from shared.store import Approval, ApprovalState, Run, Store, UsageEntry
from shared.store.schema import migrate


def run(cause: int = 1, *, number: int = 7, origin: str = "") -> Run:
    """Return a run that is not stored yet."""
    return Run(
        origin=origin or f"delivery {number}.{cause}",
        repo="o/r",
        number=number,
        requester="alice",
        title="A title",
        language=Language.KOREAN,
    )


def request(turn: int = 1, run_id: str = "o/r#7.1") -> Approval:
    """Return a request that is not stored yet."""
    return Approval(
        id=f"{run_id}/planner/{turn}", run_id=run_id, kind="planner", digest="d", shown={"a": 1}
    )


async def yes(store: Store, approval: Approval, decision: str) -> bool:
    """Approve a request."""
    return await store.decide(
        approval.id, ApprovalState.APPROVED, decision=decision, by="alice", reason=""
    )


async def test_one_cause_starts_one_run(store: Store) -> None:
    """A second run of the same origin is the first one, whatever else it says."""
    first = await store.add_run(run(1, origin="delivery x"))
    again = await store.add_run(run(2, origin="delivery x"))
    assert again.id == first.id
    assert len(await store.runs()) == 1
    assert len(await store.stages(first.id)) == 1


async def test_two_causes_at_once_never_share_a_number(store: Store) -> None:
    """Two runs of an issue, added in the same moment, become two attempts; none is lost."""
    added = await asyncio.gather(*(store.add_run(run(cause)) for cause in (1, 2)))
    assert {(one.id, one.attempt) for one in added} == {("o/r#7.1", 1), ("o/r#7.2", 2)}


async def test_the_newest_run_comes_first(store: Store) -> None:
    """Runs are found by repository and issue, and by the pull request they proposed."""
    for attempt in (1, 2):
        await store.add_run(run(attempt))
    await store.add_run(run(number=8))
    await store.update_run("o/r#7.1", pull_number=9)
    assert [found.id for found in await store.runs("o/r", 7)] == ["o/r#7.2", "o/r#7.1"]
    assert await store.runs("o/other", 7) == []
    found = await store.run_of_pull("o/r", 9)
    assert found is not None
    assert found.id == "o/r#7.1"
    assert await store.run_of_pull("o/r", 7) is None


@pytest.mark.parametrize("end", [Stage.STOPPED, Stage.CANCELLED, Stage.CLOSED])
async def test_a_final_stage_stays(store: Store, end: Stage) -> None:
    """A straggler can add facts to a run that is over, but not bring it back."""
    await store.add_run(run())
    await store.update_run("o/r#7.1", stage=end, reason="why")
    after = await store.update_run("o/r#7.1", stage=Stage.CODING, reason="no", head_sha="abc")
    assert (after.stage, after.reason, after.head_sha) == (end, "why", "abc")
    assert [change.stage for change in await store.stages("o/r#7.1")] == [Stage.RECEIVED, end]


async def test_history_is_kept_in_order_with_its_notes(store: Store) -> None:
    """Each stage entered is a line, also the same stage twice."""
    await store.add_run(run())
    for note in ("attempt 1 of 3", "attempt 2 of 3"):
        await store.update_run("o/r#7.1", stage=Stage.CODING, reason=note)
    history = await store.stages("o/r#7.1")
    assert [(change.stage, change.note) for change in history[1:]] == [
        (Stage.CODING, "attempt 1 of 3"),
        (Stage.CODING, "attempt 2 of 3"),
    ]
    assert all(change.at.utcoffset() is not None for change in history)


async def test_of_many_decisions_one_counts(store: Store) -> None:
    """Decisions at the same moment: exactly one is told that it counts, and it is the one kept."""
    await store.add_run(run())
    approval = await store.add_approval(request())
    names = [f"comment {number}" for number in range(8)]
    counts = await asyncio.gather(*(yes(store, approval, name) for name in names))
    assert sum(counts) == 1
    kept = await store.approval(approval.id)
    assert kept is not None
    assert kept.decision == names[counts.index(True)]


async def test_a_decision_may_be_handed_in_again(store: Store) -> None:
    """After a kill the same decision still counts; another one does not, nor a later no."""
    await store.add_run(run())
    approval = await store.add_approval(request())
    assert await yes(store, approval, "comment 1")
    assert await yes(store, approval, "comment 1")
    assert not await store.decide(
        approval.id, ApprovalState.DENIED, decision="comment 2", by="bob", reason="no"
    )
    assert not await yes(store, request(5), "comment 1")


async def test_a_request_is_asked_once(store: Store) -> None:
    """Asking again under the same id returns the request with its answer."""
    await store.add_run(run())
    await yes(store, await store.add_approval(request()), "comment 1")
    again = await store.add_approval(request())
    assert again.state is ApprovalState.APPROVED
    assert await store.pending_approval("o/r#7.1") is None


async def test_a_run_that_ends_takes_its_request_along(store: Store) -> None:
    """No request of a finished run waits; what was decided stays, other runs' requests too."""
    for attempt in (1, 2):
        await store.add_run(run(attempt))
    await yes(store, await store.add_approval(request(1)), "comment 1")
    await store.add_approval(request(2))
    await store.add_approval(request(1, "o/r#7.2"))
    await store.update_run("o/r#7.1", stage=Stage.CANCELLED)
    states = [await store.approval(request(turn).id) for turn in (1, 2)]
    assert [found and found.state for found in states] == [
        ApprovalState.APPROVED,
        ApprovalState.VOID,
    ]
    assert await store.pending_approval("o/r#7.1") is None
    assert await store.pending_approval("o/r#7.2") is not None
    assert not await yes(store, request(2), "comment 2")


async def test_a_yes_can_be_taken_back(store: Store) -> None:
    """Terms that changed void an approval, with the reason."""
    await store.add_run(run())
    approval = await store.add_approval(request())
    await yes(store, approval, "comment 1")
    await store.void_approval(approval.id, "the base moved")
    found = await store.approval(approval.id)
    assert found is not None
    assert (found.state, found.reason) == (ApprovalState.VOID, "the base moved")


async def test_usage_is_counted_once(store: Store) -> None:
    """A call recorded twice under its key costs once."""
    await store.add_run(run())
    for _ in range(2):
        await store.add_usage(
            UsageEntry(
                key="w/3",
                run_id="o/r#7.1",
                role="coder",
                model="m",
                node="n",
                prompt_tokens=10,
                output_tokens=5,
                seconds=1.5,
            )
        )
    assert [entry.prompt_tokens for entry in await store.usage("o/r#7.1")] == [10]


async def test_nothing_belongs_to_a_run_that_does_not_exist(store: Store) -> None:
    """Foreign keys are enforced, which SQLite does only when told."""
    with pytest.raises(IntegrityError):
        await store.add_approval(request())


async def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    """Values come back as they went in, enumerations and time zones included."""
    path = tmp_path / "deep" / "baton.db"
    store = Store.open(path)
    before = await store.add_run(run())
    await store.add_approval(request())
    await store.update_run(before.id, tests={"red": 4}, stage=Stage.AWAITING_PLANNER)
    await store.close()
    store = Store.open(path)
    after = await store.run(before.id)
    approval = await store.pending_approval(before.id)
    await store.close()
    assert after is not None
    assert approval is not None
    assert (after.language, after.stage) == (Language.KOREAN, Stage.AWAITING_PLANNER)
    assert (after.tests, after.created_at) == ({"red": 4}, before.created_at)
    assert approval.shown == {"a": 1}


def test_migrations_lead_to_the_tables_of_the_code(url: str) -> None:
    """A migrated database and the models do not differ in a single column or index."""
    migrate(url)
    migrate(url)
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()
