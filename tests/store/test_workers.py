"""The tables of the workers, on each kind of database."""

from shared.store import ActivityRow, Run, Store, WorkerStore

_BOUND = 45.0


async def a_run(store: Store) -> str:
    """Store a run and return its id."""
    run = Run(origin="1", repo="o/r", number=7, requester="alice", title="t")
    return (await store.add_run(run)).id


async def living(workers: WorkerStore, bound: float = _BOUND) -> list[str]:
    """Return the names of the living."""
    return [worker.id for worker in await workers.living(bound)]


async def test_a_worker_lives_while_it_says_so(store: Store) -> None:
    """Registered and heard of within the bound: living. Left, or silent for longer: not."""
    workers = WorkerStore(store.engine)
    await workers.enter("a", "mini", "host a", 1, "/a")
    await workers.enter("b", "mini", "host b", 1, "/a")
    assert await living(workers) == ["a", "b"]
    assert await living(workers, 0) == []
    await workers.leave("a")
    assert await living(workers) == ["b"]
    assert await workers.beat("b")
    assert not await workers.beat("a")


async def test_a_restarted_worker_takes_the_place_of_the_dead_one(store: Store) -> None:
    """Of one folder on one host only the newest process is known."""
    workers = WorkerStore(store.engine)
    await workers.enter("old", "mini", "host", 1, "/home")
    await workers.enter("other", "mini", "host", 2, "/another")
    await workers.enter("new", "mini", "host", 3, "/home")
    assert await living(workers) == ["other", "new"]


async def test_a_grant_is_good_for_its_time(store: Store) -> None:
    """A digest is known until its moment has passed, its worker has left or the run is over."""
    workers, run_id = WorkerStore(store.engine), await a_run(store)
    await workers.grant("long", run_id, "a", 600)
    await workers.grant("short", run_id, "a", -1)
    found = await workers.granted("long")
    assert found is not None
    assert (found.run_id, found.worker) == (run_id, "a")
    assert await workers.granted("short") is None
    assert await workers.granted("unknown") is None
    await workers.withdraw(run_id)
    assert await workers.granted("long") is None
    await workers.grant("next", run_id, "a", 600)
    await workers.leave("a")
    assert await workers.granted("next") is None


async def test_a_worker_shows_what_it_does_now(store: Store) -> None:
    """What a worker shows replaces what it showed before, and nobody else's."""
    workers, run_id = WorkerStore(store.engine), await a_run(store)
    for name in ("a", "b"):
        await workers.enter(name, "mini", f"host {name}", 1, "/home")

    def row(worker: str, tokens: int) -> ActivityRow:
        return ActivityRow(
            run_id=run_id,
            worker=worker,
            role="Dev1_Senior",
            model="m",
            node="n",
            waiting=False,
            tokens=tokens,
            started_at=0,
            moved_at=0,
        )

    for tokens in (1, 2):
        await workers.show("a", [row("a", tokens)])
    await workers.show("b", [])
    assert [shown.tokens for shown in await workers.shown(_BOUND)] == [2]
    assert await workers.shown(0) == []
    await workers.show("b", [row("b", 3)])
    await workers.show("a", [])
    assert [(shown.worker, shown.tokens) for shown in await workers.shown(_BOUND)] == [("b", 3)]
