import subprocess
import sys
from pathlib import Path

import pytest

from agents.context import Digests, Index, digest
from shared.errors import GitError
from shared.git.gathering import gather
from shared.git.history import History
from shared.sources import Change, Digest
from shared.sources.cache import SourceCache

TEXT = "class Till:\n    def pay(self, price):\n        return price\n"
WORDS = ("price", "till", "absent")


def hits(index: Index) -> set[tuple[str, str, int, int]]:
    """Return where WORDS occur, by blob."""
    names = {known.number: blob for blob, known in index.known().items()}
    return {
        (word, names[text], times, defined)
        for word, hit in index.hits(WORDS).items()
        for text, times, defined in zip(*hit, strict=True)
    }


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
    assert kept.places(WORDS, ("1", "2")) == plain.places(WORDS, ("1", "2"))
    assert {n: k.length for n, k in kept.known().items()} == {
        n: k.length for n, k in plain.known().items()
    }
    assert kept.symbols(("1", "2")) == plain.symbols(("1", "2"))
    assert kept.imports(("2",)) == plain.imports(("2",))
    for words in (("a",), ("",), ("till", "b")):
        assert set(kept.importing(words)) == set(plain.importing(words))
    assert set(kept.importing(("a",))) == {"2"}
    assert kept.missing(("1", "3")) == ("3",)


def test_another_version_starts_empty(tmp_path: Path) -> None:
    """Digests of an older form are not mixed with new ones."""
    SourceCache(tmp_path / "c.db", version=1).add({"1": digest("a.py", TEXT)})
    assert SourceCache(tmp_path / "c.db", version=2).known() == {}


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
    assert await gather(history, git(repository, "rev-parse", "HEAD"), cache, noted) == found
    assert len(read) == 3


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
    assert cache.places(WORDS, ("0", "2")).keys() == {"0"}
    cache.add({"3": digests["3"]})
    names = {known.number: blob for blob, known in cache.known().items()}
    price = cache.hits(["price"])["price"].texts
    assert {names[text] for text in price if text in names} == {"0", "3"}
    assert len(set(price)) == 4
