import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agents.context import Digests, Index, digest
from shared.errors import GitError
from shared.git.gathering import gather
from shared.git.history import History
from shared.sources import Change, Digest, Snapshot, keyed
from shared.sources.cache import SourceCache

TEXT = "class Till:\n    def pay(self, price):\n        return price\n"
WORDS = ("price", "till", "absent")


def hits(index: Index) -> set[tuple[str, str, int, int]]:
    """Return where WORDS occur, by blob."""
    names = {number: blob for blob, number in index.known().numbers.items()}
    return {
        (word, names[text], times, defined)
        for word, hit in index.hits(WORDS).items()
        for text, times, defined in zip(*hit, strict=True)
    }


def placed(index: Index, blob: str) -> dict[str, tuple[int, ...]]:
    """Return in which definitions of a blob WORDS occur."""
    found = index.contents([blob])[blob].places(keyed(WORDS))
    return {word: tuple(places) for word, places in found}


def git(root: Path, *words: str) -> str:
    """Run git in a repository and return what it says."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(("git", *who, *words), cwd=root, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with two commits, a link and a binary file."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q")
    (root / "till.py").write_text(TEXT, "utf-8")
    (root / "logo.png").write_bytes(b"\x89PNG\0\xff")
    (root / "link").symlink_to("till.py")
    git(root, "add", ".")
    git(root, "commit", "-qm", "Add the till")
    (root / "한글 file.py").write_text("x = 1\n", "utf-8")
    git(root, "add", ".")
    git(root, "commit", "-qm", "Add x")
    return root


def test_the_cache_answers_as_digests_in_memory_do(tmp_path: Path) -> None:
    """What goes in comes out, in another process too."""
    digests = {"1": digest("a.py", TEXT), "2": digest("b.py", "import a\n")}
    digests |= {f"more {n}": digest("c.py", f"{TEXT}from . import till\n# {n}") for n in range(300)}
    for name, one in digests.items():  # one by one: what is counted of a word grows
        SourceCache(tmp_path / "c.db", version=1).add({name: one})
    kept, plain = SourceCache(tmp_path / "c.db", version=1), Digests(digests)
    assert hits(kept) == hits(plain)
    assert len(hits(kept)) == 602
    assert kept.known().lengths == plain.known().lengths
    for name in ("1", "2"):
        assert placed(kept, name) == placed(plain, name)
        assert kept.contents((name,))[name].symbols() == digests[name].symbols
        assert placed(kept, name) == {
            word: digests[name].postings[word].places
            for word in WORDS
            if word in digests[name].postings and digests[name].postings[word].places
        }
    assert kept.imports(("2",)) == plain.imports(("2",))
    for words in (("a",), ("",), ("till", "b")):
        assert set(kept.importing(words)) == set(plain.importing(words))
    assert set(kept.importing(("a",))) == {"2"}
    assert kept.missing(("1", "3")) == ("3",)


def test_another_version_starts_empty(tmp_path: Path) -> None:
    """Digests of an older form are not mixed with new ones."""
    SourceCache(tmp_path / "c.db", version=1).add({"1": digest("a.py", TEXT)})
    assert SourceCache(tmp_path / "c.db", version=2).known().numbers == {}


@pytest.mark.parametrize("keep", [0, 30, 5000])
def test_a_damaged_file_is_replaced(tmp_path: Path, keep: int) -> None:
    """Whatever is in the file, the cache works again."""
    path = tmp_path / "c.db"
    cache = SourceCache(path, version=1)
    cache.add({str(n): digest("a.py", f"{TEXT}\n# {n}") for n in range(200)})
    cache.close()
    path.write_bytes(path.read_bytes()[:keep] + b"no database " * 3000)
    again = SourceCache(path, version=1)
    again.hits(WORDS)
    again.add({"new": digest("a.py", TEXT)})
    assert ("price", "new", 2, 0) in hits(again)


async def test_a_commit_is_gathered_and_only_news_are_read(
    repository: Path, tmp_path: Path
) -> None:
    """Files and changes come from git's objects; a second time nothing is digested again."""
    cache, history = SourceCache(tmp_path / "c.db", version=1), History(repository / ".git")
    read: list[str] = []

    def noted(path: str, text: str) -> Digest:
        read.append(path)
        return digest(path, text)

    found = await gather(history, git(repository, "rev-parse", "HEAD"), cache, noted)
    assert sorted(found.files) == ["logo.png", "till.py", "한글 file.py"]
    assert sorted(read) == sorted(found.files)
    assert found.changes[0] == Change("Add x", ("한글 file.py",))
    assert set(found.changes[1].files) == {"link", "logo.png", "till.py"}
    # The commit and its past are known by now, so that nobody asks git.
    nowhere = History(tmp_path / "nowhere.git")
    assert await gather(nowhere, git(repository, "rev-parse", "HEAD"), cache, noted) == found
    assert len(read) == 3


@pytest.mark.parametrize("table", ["snapshot SET paths", "outline SET places"])
async def test_a_damaged_value_is_made_again(repository: Path, tmp_path: Path, table: str) -> None:
    """Bytes that changed in a sound file are noticed: the commit is gathered again, as it was."""
    cache, history = SourceCache(tmp_path / "c.db", version=1), History(repository / ".git")
    sha = git(repository, "rev-parse", "HEAD")
    found = await gather(history, sha, cache, digest)
    with contextlib.closing(sqlite3.connect(tmp_path / "c.db", isolation_level=None)) as other:
        other.execute(f"UPDATE {table} = x'0000'")
    cache.contents(found.files.values())
    assert await gather(history, sha, cache, digest) == found
    assert len(cache.contents(found.files.values())) == 3


def test_a_commit_is_kept_only_as_long_as_its_texts(tmp_path: Path) -> None:
    """A commit with a text that is unknown, or forgotten since, is not taken for gathered."""
    cache = SourceCache(tmp_path / "c.db", version=1, most=1)
    cache.add({n: digest("a.py", f"{TEXT}\n# {n}") for n in "012"})
    odd = Snapshot({"a \udcff\n.py": "0", "b.py": "1"}, ("c2", "c1"))
    cache.add_snapshot("known", odd)
    cache.add_snapshot("unknown", Snapshot({"a.py": "3"}, ()))
    assert cache.snapshot("known") == odd
    assert cache.snapshot("unknown") is None
    cache.keep({"0"})
    assert cache.snapshot("known") is None


def test_few_commits_are_kept(tmp_path: Path) -> None:
    """The oldest commits are forgotten; their texts are not."""
    cache = SourceCache(tmp_path / "c.db", version=1)
    cache.add({"0": digest("a.py", TEXT)})
    for number in range(20):
        cache.add_snapshot(str(number), Snapshot({"a.py": "0"}, ()))
    kept = [number for number in range(20) if cache.snapshot(str(number))]
    assert kept == list(range(12, 20))
    assert cache.missing("0") == ()


async def test_a_missing_object_is_told(repository: Path) -> None:
    """A blob that is not there is an error with advice, no empty text."""
    with pytest.raises(GitError, match="fetch it first"):
        await History(repository / ".git").texts(["0" * 40])


def test_two_processes_fill_one_cache(tmp_path: Path) -> None:
    """What both bring counts once; a process that ends in mid-work leaves nothing half-done."""
    one, other = (SourceCache(tmp_path / "c.db", version=1) for _ in range(2))
    digests = {str(n): digest("a.py", f"{TEXT}\n# {n}") for n in range(6)}
    one.add({n: digests[n] for n in "012"})
    other.add({n: digests[n] for n in "1234"})
    script = (
        "import os, sys\nfrom shared.sources.cache import SourceCache\n"
        "from agents.context import digest\n"
        "class Dying(dict):\n"
        "    def items(self):\n"
        "        yield from super().items()\n"
        "        os._exit(9)\n"
        "cache = SourceCache(__import__('pathlib').Path(sys.argv[1]), version=1)\n"
        "cache.add(Dying({'5': digest('a.py', sys.argv[2])}))\n"
    )
    where = (sys.executable, "-c", script, str(tmp_path / "c.db"), f"{TEXT}\n# 5")
    assert subprocess.run(where, cwd=Path(__file__).parents[2], check=False).returncode == 9
    assert one.missing("012345") == ("5",)
    other.add({"5": digests["5"]})
    assert hits(one) == hits(Digests(digests))


def test_what_is_not_kept_is_forgotten_for_good(tmp_path: Path) -> None:
    """Beyond its bound the cache keeps one commit's texts, and a new one takes no one's place."""
    cache = SourceCache(tmp_path / "c.db", version=1, most=2)
    digests = {str(n): digest("a.py", f"{TEXT}\n# {n}") for n in range(4)}
    cache.add({n: digests[n] for n in "012"})
    cache.keep({"0"})
    assert cache.missing("0123") == ("1", "2", "3")
    assert cache.contents(("0", "2")).keys() == {"0"}
    cache.add({"3": digests["3"]})
    names = {number: blob for blob, number in cache.known().numbers.items()}
    price = cache.hits(["price"])["price"].texts
    assert {names[text] for text in price if text in names} == {"0", "3"}
    assert len(set(price)) == 4
