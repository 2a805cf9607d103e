import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.git import Author
from tests.git.conftest import BOT, Bench, committed
from tests.git.remote import git


def shown(bench: Bench, form: str, sha: str) -> str:
    """Read something of a commit with plain git."""
    return git("show", "--no-patch", f"--format={form}", sha, cwd=bench.mirror.path)


def names(bench: Bench) -> list[str]:
    """List the files of the worktree, without what belongs to git."""
    top = bench.tree.path
    found = (str(p.relative_to(top)) for p in top.rglob("*") if not p.is_dir())
    return sorted(name for name in found if name != ".git")


async def test_a_commit_holds_every_change(bench: Bench) -> None:
    """Added, changed, deleted and executable files are in the commit; ignored ones are not."""
    bench.write("new/deep.txt")
    bench.write("a.txt", "changed\n")
    (bench.tree.path / "src/b.py").unlink()
    bench.write("run.sh").chmod(0o755)
    bench.write("debug.log")
    sha = await committed(bench.tree, "Change much\n\nFor good reasons.")
    assert await bench.tree.head() == sha
    assert await bench.tree.changed_files(bench.base, sha) == (
        *("a.txt", "new/deep.txt", "run.sh", "src/b.py"),
    )
    assert await bench.tree.tracked_files() == (".gitignore", "a.txt", "new/deep.txt", "run.sh")
    assert git("ls-tree", sha, "run.sh", cwd=bench.mirror.path).startswith("100755")
    assert shown(bench, "%P", sha) == bench.base
    assert shown(bench, "%B", sha) == "Change much\n\nFor good reasons."


async def test_author_and_committer_are_those_given(bench: Bench) -> None:
    """Nobody else is named in a commit, in any way."""
    sha = await bench.commit()
    assert shown(bench, "%an <%ae>|%cn <%ce>", sha) == "|".join([f"{BOT.name} <{BOT.email}>"] * 2)
    assert "Co-authored-by" not in shown(bench, "%B", sha)


async def test_a_given_date_makes_the_commit_repeatable(bench: Bench) -> None:
    """The same change with the same date is the same commit."""
    date = datetime(2026, 11, 1, 12, tzinfo=UTC)
    bench.write("f")
    first = await committed(bench.tree, "Add f", date=date)
    await bench.tree.reset(bench.base)
    bench.write("f")
    assert await committed(bench.tree, "Add f", date=date) == first
    assert shown(bench, "%aI|%cI", first) == "|".join(["2026-11-01T12:00:00+00:00"] * 2)


async def test_nothing_changed_is_no_commit(bench: Bench) -> None:
    """Without a change the head is returned, and stays."""
    assert await committed(bench.tree, "Nothing") == bench.base


@pytest.mark.parametrize(
    "name",
    ["a b", "-x", "--help", "한글.py", "new\nline", "tab\t", 'quo"te', "*", ":(top)x", "a\\b", "~"],
)
async def test_odd_names_survive(bench: Bench, name: str) -> None:
    """Files of any name are committed, listed, and brought back."""
    sha = await bench.commit(name)
    assert await bench.tree.changed_files(bench.base, sha) == (name,)
    await bench.tree.reset(bench.base)
    assert name not in names(bench)
    await bench.tree.reset(sha)
    assert (bench.tree.path / name).read_text() == "new\n"


async def test_names_that_are_not_text_keep_their_bytes(bench: Bench) -> None:
    """A file name of arbitrary bytes can be found again under what is reported."""
    raw = os.fsencode(bench.tree.path) + b"/\xff\xfe"
    with open(raw, "wb") as file:  # noqa: ASYNC230, PTH123 - pathlib takes no bytes
        file.write(b"x")
    sha = await committed(bench.tree, "Add")
    (name,) = await bench.tree.changed_files(bench.base, sha)
    assert (bench.tree.path / name).read_bytes() == b"x"


async def test_the_diff_is_plain(bench: Bench) -> None:
    """A diff shows what changed between two commits, and how much."""
    sha = await bench.commit("a.txt", "b\n")
    assert (await bench.tree.diff(bench.base, sha)).endswith("@@ -1 +1 @@\n-a\n+b\n")
    assert "1 file changed, 1 insertion(+), 1 deletion(-)" in await bench.tree.diff_stat(
        bench.base, sha
    )


async def test_reset_leaves_exactly_the_commit(bench: Bench) -> None:
    """After a reset there is what the commit has, and nothing else, ignored files included."""
    await bench.commit()
    bench.write("untracked")
    bench.write("debug.log")
    bench.write("deep/er/file")
    (bench.tree.path / "closed").mkdir()
    bench.write("closed/file")
    (bench.tree.path / "closed").chmod(0)
    (bench.tree.path / "src/b.py").unlink()
    await bench.tree.reset(bench.base)
    assert names(bench) == [".gitignore", "a.txt", "src/b.py"]
    assert await bench.tree.head() == bench.base


async def test_a_snapshot_moves_nothing(bench: Bench) -> None:
    """Head, files and what git status says are the same before and after a snapshot."""
    bench.write("new.txt")
    bench.write("a.txt", "changed\n")
    before = git("status", "--short", cwd=bench.tree.path)
    sha = await bench.tree.snapshot()
    assert await bench.tree.head() == bench.base
    assert git("status", "--short", cwd=bench.tree.path) == before == "M a.txt\n?? new.txt"
    assert git("for-each-ref", "--contains", sha, cwd=bench.mirror.path) == ""


async def test_a_snapshot_can_be_restored(bench: Bench) -> None:
    """Files come back as they were, on the same head and not yet committed."""
    bench.write("new.txt")
    (bench.tree.path / "a.txt").unlink()
    snapshot = await bench.tree.snapshot()
    bench.write("new.txt", "spoilt\n")
    bench.write("more.txt")
    bench.write("a.txt", "back\n")
    await bench.tree.restore(snapshot)
    assert names(bench) == [".gitignore", "new.txt", "src/b.py"]
    assert (bench.tree.path / "new.txt").read_text() == "new\n"
    assert await bench.tree.head() == bench.base
    assert git("status", "--short", cwd=bench.tree.path) == "D a.txt\n?? new.txt"


async def test_restoring_a_commit_keeps_the_head(bench: Bench) -> None:
    """Any commit's files can be brought in without moving the head."""
    sha = await bench.commit()
    await bench.tree.restore(bench.base)
    assert names(bench) == [".gitignore", "a.txt", "src/b.py"]
    assert await bench.tree.head() == sha


async def test_links_are_kept_as_links(bench: Bench, tmp_path: Path) -> None:
    """A link is committed as a link; what it points to is neither read nor touched."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    (bench.tree.path / "link").symlink_to(outside)
    sha = await committed(bench.tree, "Add link")
    assert await bench.tree.changed_files(bench.base, sha) == ("link",)
    await bench.tree.reset(bench.base)
    assert (outside / "secret").read_text() == "s"


async def test_pipes_and_sockets_do_not_stop_a_commit(bench: Bench) -> None:
    """What is neither file nor link nor directory goes away, in place of a tracked file too."""
    (bench.tree.path / "a.txt").unlink()
    os.mkfifo(bench.tree.path / "a.txt")
    os.mkfifo(bench.tree.path / "pipe")
    sha = await committed(bench.tree, "Remove a")
    assert await bench.tree.changed_files(bench.base, sha) == ("a.txt",)
    assert not [p for p in bench.tree.path.rglob("*") if stat.S_ISFIFO(p.lstat().st_mode)]


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("", "a@b"),
        ("a\nb", "a@b"),
        ("<x>", "a@b"),
        ("...", "a@b"),
        ("a", ""),
        ("a", "a b"),
        ("a", ">"),
    ],
)
def test_authors_are_what_git_can_write(name: str, email: str) -> None:
    """A name or an address that git would change or choke on is refused."""
    with pytest.raises(ValidationError):
        Author(name=name, email=email)


@pytest.mark.parametrize("name", ["baton[bot]", "김 철수", "O'Neil, Jr.", "a"])
def test_authors_of_all_kinds(name: str) -> None:
    """Ordinary names pass."""
    assert Author(name=name, email="1+x[bot]@users.noreply.github.com").name == name
