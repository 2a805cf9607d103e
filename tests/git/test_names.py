import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.git import branch_name


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Fix the parser", "fix-the-parser"),
        ("  Crash: `foo()` on Ünïcode!! ", "crash-foo-on-unicode"),
        ("한글 제목", "change"),
        ("로그인 API 오류", "api"),
        ("🎉🎉", "change"),
        ("", "change"),
        ("../../etc/passwd", "etc-passwd"),
        ("--force", "force"),
        ("x" * 100, "x" * 46),
        ("word " * 40, "-".join(["word"] * 9)),
    ],
)
def test_branches_are_named_after_titles(title: str, slug: str) -> None:
    """A title of any language gives a readable, stable name."""
    assert branch_name(7, title) == f"baton/issue-7-{slug}"


@given(st.integers(1, 10**9), st.text())
def test_every_title_gives_a_valid_branch(number: int, title: str) -> None:
    """Names are ASCII, short, and of harmless characters only."""
    name = branch_name(number, title)
    assert name.isascii()
    assert len(name) <= 60
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-/")


@pytest.mark.parametrize(
    "title", ["Fix .lock", "a..b", "@{u}", "a\\b", "한글", "\x00", "~^:?*[", "."]
)
def test_git_accepts_the_names(title: str) -> None:
    """Git's own check agrees."""
    command = ["git", "check-ref-format", "--branch", branch_name(12, title)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
