import subprocess
from pathlib import Path

import pytest

from bot.demo.repositories import copy_last_commit, repository_name
from shared.errors import ConfigurationError


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder as somebody."""
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


def test_the_last_commit_is_copied_and_nothing_else_is_touched(tmp_path: Path) -> None:
    """What is staged or edited since stays where it is, and does not get into the copy."""
    mine = tmp_path / "mine"
    (mine / "sub").mkdir(parents=True)
    (mine / "sub" / "a.txt").write_text("committed", encoding="utf-8")
    git(mine, "init", "-q")
    git(mine, "add", ".")
    git(mine, "commit", "-qm", "first")
    (mine / "sub" / "a.txt").write_text("edited", encoding="utf-8")
    (mine / "b.txt").write_text("staged", encoding="utf-8")
    git(mine, "add", "b.txt")
    before = git(mine, "status", "--porcelain")
    copy = copy_last_commit(mine, tmp_path / "copy")
    found = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
    assert found == {"sub/a.txt"}
    assert (copy / "sub" / "a.txt").read_text(encoding="utf-8") == "committed"
    assert git(mine, "status", "--porcelain") == before


def test_a_folder_without_a_commit_is_told_what_to_type(tmp_path: Path) -> None:
    """No repository, and a repository without a commit, end with the line that makes one."""
    (tmp_path / "plain").mkdir()
    for number in range(2):
        with pytest.raises(ConfigurationError, match="git init"):
            copy_last_commit(tmp_path / "plain", tmp_path / f"copy{number}")
        if number == 0:
            git(tmp_path / "plain", "init", "-q")


@pytest.mark.parametrize(
    ("folder", "name"), [("my project", "my-project"), ("..x", "x"), ("한글", "repository")]
)
def test_every_folder_gives_a_name(tmp_path: Path, folder: str, name: str) -> None:
    """The forge's repository is named like the folder, in letters that GitHub allows."""
    assert repository_name(tmp_path / folder) == name
