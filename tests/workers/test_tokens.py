import hashlib

import pytest
from sqlmodel import update
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.workers.tokens import Tokens
from shared.git.lineage import Lineage
from shared.git.run_copy import RunCopy
from shared.store import Run, Store, WorkerRow, WorkerStore
from tests.forge.git import git
from tests.workers.house import WORKER, Door


async def test_a_token_is_made_once_and_renewed_in_time(store: Store) -> None:
    """Each run has its own; halfway through its life comes a new one, and the old still works."""
    moments = iter((0.0, 49.0, 51.0, 51.0, 51.0))
    workers = WorkerStore(store.engine)
    tokens = Tokens(workers, "a", lifetime=100, clock=lambda: next(moments))
    runs = [
        await store.add_run(
            Run(origin=f"{number}", repo="o/r", number=number, requester="alice", title="t")
        )
        for number in (1, 2)
    ]
    secrets = []
    for _ in range(3):
        secret = await tokens.of(runs[0].id)()
        assert secret is not None
        secrets.append(secret.get_secret_value())
    first, again, renewed = secrets
    assert first == again != renewed
    other = await tokens.of(runs[1].id)()
    assert other is not None
    assert other.get_secret_value() not in secrets
    for known in secrets:
        grant = await workers.granted(hashlib.sha256(known.encode()).hexdigest())
        assert grant is not None
        assert (grant.run_id, grant.worker) == (runs[0].id, "a")


@pytest.fixture
def lineage(door: Door) -> Lineage:
    """The gateway's mirror, as the check of what comes back sees it."""
    return Lineage(door.mirror.path)


async def test_what_comes_back_is_weighed(door: Door, lineage: Lineage) -> None:
    """A commit follows its ancestors only, weighs what it adds, and names its submodules."""
    remote = str(door.root / "remote")
    (door.root / "remote" / "big.txt").write_text("x" * 300_000)
    await git("-C", remote, "add", "big.txt")
    entry = f"160000,{door.base},vendor"
    await git("-C", remote, "update-index", "--add", "--cacheinfo", entry)
    await git("-C", remote, "commit", "--quiet", "-m", "Heavy")
    await door.mirror.fetch()
    heavy = await door.mirror.resolve("secret")
    assert await lineage.follows(door.base, heavy)
    assert not await lineage.follows(heavy, door.base)
    assert not await lineage.follows(door.base, "1" * 40)
    assert await lineage.weight(door.base, door.base) == 0
    assert 300_000 < await lineage.weight(door.base, heavy) < 301_000
    assert await lineage.submodules(door.base) == ()
    assert await lineage.submodules(heavy) == ("vendor",)


async def test_a_worker_that_asks_for_a_token_is_heard_of(door: Door) -> None:
    """Awake again after a long silence, it is not shut out while the run is still its own."""
    async with AsyncSession(door.store.engine) as session:
        await session.exec(update(WorkerRow).values(seen_at=await door.workers.now() - 600))
        await session.commit()
    tokens = Tokens(door.workers, WORKER)
    copy = RunCopy(door.root / "copy", door.address(), tokens.of(door.run.id), door.refs)
    await copy.obtain(door.base)
    assert await copy.has(door.base)
