import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.workspace.tree import LARGEST_FILE, PathRefused, Tree, components, is_git

ESCAPES = {
    "absolute": "/etc/passwd",
    "home": "~/x",
    "parent": "../outside.txt",
    "parent further in": "src/../../outside.txt",
    "a linked file": "link.txt",
    "a linked directory": "linked/outside.txt",
    "a link within the tree": "inner.py",
    "a dangling link": "dangling",
    "git": ".git",
    "git's files": ".git/config",
    "git further in": "src/.git/config",
    "git in capitals": ".GIT/config",
    "git with a joiner": ".g\u200cit/config",
    "git full width": "．ｇｉｔ/config",
    "a NUL": "src/a\0.py",
    "nothing": "",
    "the top": ".",
    "a directory": "src",
    "a pipe": "pipe",
}


@pytest.fixture
def tree(root: Path) -> Tree:
    """Give the worktree with every kind of trap in it."""
    (root / "link.txt").symlink_to(root.parent / "outside.txt")
    (root / "linked").symlink_to(root.parent)
    (root / "inner.py").symlink_to("src/a.py")
    (root / "dangling").symlink_to(root.parent / "new.txt")
    os.mkfifo(root / "pipe")
    return Tree(root)


@pytest.mark.parametrize("act", ["read", "replace", "create"])
@pytest.mark.parametrize("case", ESCAPES)
def test_no_path_leads_out(case: str, act: str, tree: Tree, root: Path) -> None:
    """Neither reading nor writing leaves the tree, follows a link, or touches git."""
    acts: dict[str, Callable[[str], object]] = {
        "read": tree.read,
        "replace": lambda path: tree.replace(path, "x"),
        "create": lambda path: tree.create(path, "x"),
    }
    with pytest.raises(PathRefused):
        acts[act](ESCAPES[case])
    assert (root.parent / "outside.txt").read_text() == "secret\n"
    assert not (root.parent / "new.txt").exists()
    assert (root / ".git").read_text() == "gitdir: elsewhere\n"
    assert (root / "src" / "a.py").read_text() == "def f():\n    return 1\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a\0b", "binary"),
        (b"\xff\xfe", "UTF-8"),
        (b"x" * (LARGEST_FILE + 1), "more than"),
    ],
)
def test_only_text_of_a_sane_size_is_read(content: bytes, said: str, root: Path) -> None:
    """Binary, undecodable and huge files are refused, and stay as they are."""
    (root / "a.bin").write_bytes(content)
    with pytest.raises(PathRefused, match=said):
        Tree(root).read("a.bin")
    with pytest.raises(PathRefused, match="more than"):
        Tree(root).create("b", "x" * (LARGEST_FILE + 1))
    with pytest.raises(PathRefused, match="NUL"):
        Tree(root).create("b", "\0")
    with pytest.raises(PathRefused, match="cannot hold"):
        Tree(root).create("b", "\ud800")
    assert (root / "a.bin").read_bytes() == content
    assert not (root / "b").exists()


def test_an_existing_file_is_never_overwritten(root: Path) -> None:
    """Creating is for new files only."""
    with pytest.raises(PathRefused, match="exists already"):
        Tree(root).create("src/a.py", "x")
    assert (root / "src" / "a.py").read_text().startswith("def f")


def test_a_replaced_file_keeps_its_mode_and_leaves_no_trace(root: Path) -> None:
    """An executable stays executable, and no temporary file is left."""
    script = root / "run.sh"
    script.write_text("a\n")
    script.chmod(0o755)
    Tree(root).replace("run.sh", "b\n")
    assert script.read_text() == "b\n"
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    assert sorted(p.name for p in root.iterdir()) == [".git", "run.sh", "src"]


def test_a_hard_link_to_the_outside_is_cut(root: Path) -> None:
    """Replacing a file does not write through to another name of the same file."""
    os.link(root.parent / "outside.txt", root / "hard.txt")
    Tree(root).replace("hard.txt", "x\n")
    assert (root.parent / "outside.txt").read_text() == "secret\n"


def test_a_new_file_brings_its_directories(root: Path) -> None:
    """Missing directories are made."""
    Tree(root).create("docs/한국어/a.md", "x\n")
    assert (root / "docs" / "한국어" / "a.md").read_text() == "x\n"


def test_a_missing_file_is_named(root: Path) -> None:
    """What does not exist is said by its path."""
    with pytest.raises(PathRefused, match=r"src/b\.py does not exist"):
        Tree(root).read("src/b.py")
    with pytest.raises(PathRefused, match=r"src/a\.py is not a directory"):
        Tree(root).read("src/a.py/b.py")


def test_a_directory_is_listed_without_git(root: Path) -> None:
    """Directories carry a slash; git's own are not shown; a file is no directory."""
    (root / "b.txt").touch()
    assert Tree(root).entries(".") == ["b.txt", "src/"]
    assert Tree(root).entries("src/a.py") is None


@pytest.mark.parametrize("name", [".gitignore", ".github", "git", ".gitattributes", "a.git"])
def test_names_that_only_resemble_git_are_free(name: str) -> None:
    """Git's own directory is guarded, not everything that sounds like it."""
    assert not is_git(name)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300))
def test_any_text_survives_being_written_and_read(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    """Line endings, marks and every character come back as they were written."""
    tree = Tree(tmp_path_factory.mktemp("tree"))
    tree.create("a.txt", text)
    assert tree.read("a.txt") == text
    tree.replace("a.txt", text[::-1])
    assert tree.read("a.txt") == text[::-1]


@given(st.text(max_size=30))
def test_path_parts_are_plain_names(path: str) -> None:
    """Whatever a model writes as a path, its parts are names below the top, or it is refused."""
    try:
        parts = components(path)
    except PathRefused:
        return
    assert parts
    assert not {"", ".", ".."} & set(parts)
    assert not any("/" in part or "\0" in part for part in parts)
