import pytest

from shared.errors import PushRejected
from shared.git.replay import replay
from tests.git.conftest import BOT, Bench
from tests.git.remote import git


async def two_sides(bench: Bench, theirs: str) -> tuple[str, str]:
    """Make two commits of Baton's on the base, and one of somebody else's that adds a file."""
    await bench.commit("new.txt", "one\n")
    tip = await bench.commit("new.txt", "one\ntwo\n")
    await bench.tree.reset(bench.base)
    return tip, await bench.commit(theirs, "theirs\n")


async def test_commits_move_onto_another_base_with_all_that_they_say(bench: Bench) -> None:
    """Each commit is made anew, once, with its author, date and message, on the new base."""
    tip, onto = await two_sides(bench, "other.txt")
    done = await replay(bench.mirror.path, bench.base, tip, onto)
    assert done.conflicts == ()
    again = await replay(bench.mirror.path, bench.base, tip, onto)
    assert again == done
    moved = done.commits[tip]
    assert await bench.tree.tracked_files(moved) == tuple(
        sorted([*await bench.tree.tracked_files(tip), "other.txt"])
    )
    assert await bench.tree.text(moved, "new.txt") == "one\ntwo\n"
    mirror = bench.mirror.path
    log = ("log", "--format=%s %ae %ad", "--reverse")
    ours = git(*log, f"{bench.base}..{tip}", cwd=mirror)
    assert git(*log, f"{onto}..{moved}", cwd=mirror) == ours
    assert BOT.email in ours


async def test_conflicts_are_named_and_nothing_is_made(bench: Bench) -> None:
    """Where both sides changed a file, the file is named."""
    tip, onto = await two_sides(bench, "new.txt")
    done = await replay(bench.mirror.path, bench.base, tip, onto)
    assert done.conflicts == ("new.txt",)
    assert done.commits == {}


async def test_a_branch_is_replaced_only_where_it_stands_as_it_was_left(bench: Bench) -> None:
    """A commit of somebody else on the branch is never pushed over."""
    tip, onto = await two_sides(bench, "other.txt")
    await bench.mirror.push(tip, "baton/1")
    moved = (await replay(bench.mirror.path, bench.base, tip, onto)).commits[tip]
    for _ in range(2):
        await bench.mirror.replace(moved, "baton/1", expected=tip)
        assert await bench.mirror.remote_branch("baton/1") == moved
    await bench.tree.reset(moved)
    person = await bench.commit("person.txt")
    await bench.mirror.push(person, "baton/1")
    with pytest.raises(PushRejected, match="not Baton's"):
        await bench.mirror.replace(tip, "baton/1", expected=moved)
    assert await bench.mirror.remote_branch("baton/1") == person
