"""What a command can plant in a worktree, and host-side git must not obey.

Each payload would create a file. The first test proves that they do under plain git.
"""

import subprocess
from pathlib import Path

import pytest

from shared.git.tidy import tidy
from shared.sandbox import Command, Sandbox, open_sandbox
from tests.git.conftest import Bench, committed
from tests.git.remote import git


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    """Open this machine's sandbox."""
    return open_sandbox(allow_root=True)


def configuration(directory: Path) -> str:
    """Return git configuration that leaves a trace in every way to run a program."""
    run = f'"touch {directory}/ran; cat"'
    return (
        f"[core]\n fsmonitor = {run}\n hooksPath = {directory}/hooks\n"
        f" pager = {run}\n sshCommand = {run}\n"
        f'[filter "evil"]\n clean = {run}\n smudge = {run}\n'
        f'[diff "evil"]\n textconv = {run}\n command = {run}\n'
        f"[diff]\n external = {run}\n"
        f'[merge "evil"]\n driver = {run}\n'
        f'[alias]\n add = "!touch {directory}/ran"\n'
    )


def plant_repository(place: Path, directory: Path) -> None:
    """Make a repository that runs programs under plain git."""
    place.mkdir(parents=True, exist_ok=True)
    git("init", "--quiet", cwd=place)
    git("commit", "--quiet", "--allow-empty", "--message=x", cwd=place)
    (place / "f").write_text("x")
    with (place / ".git" / "config").open("a") as config:
        config.write(configuration(directory))


async def everything(bench: Bench) -> None:
    """Do all that host-side git does in a worktree."""
    snapshot = await bench.tree.snapshot()
    sha = await committed(bench.tree, "Change")
    await bench.tree.diff(bench.base, sha)
    await bench.tree.diff_stat(bench.base, sha)
    await bench.tree.changed_files(bench.base, sha)
    await bench.tree.tracked_files()
    await bench.tree.restore(snapshot)
    await bench.tree.reset(sha)
    await bench.mirror.push(sha, "baton/x")
    await bench.tree.reset(bench.base)


def test_the_payload_works(tmp_path: Path) -> None:
    """Plain git runs what is planted: the tests below would see it."""
    plant_repository(tmp_path / "outer" / "nested", tmp_path)
    git("init", "--quiet", cwd=tmp_path / "outer")
    git("add", "--all", cwd=tmp_path / "outer")
    subprocess.run(["git", "status"], cwd=tmp_path / "outer", check=True, capture_output=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("place", ["nested", "src/deep/nested", "src"])
async def test_a_nested_repository_is_not_obeyed(bench: Bench, tmp_path: Path, place: str) -> None:
    """A repository within the worktree is taken apart; its files are files like others."""
    plant_repository(bench.tree.path / place, tmp_path)
    await bench.tree.snapshot()
    assert f"{place}/f" in await bench.tree.changed_files(
        bench.base, await committed(bench.tree, "Add")
    )
    plant_repository(bench.tree.path / place, tmp_path)
    await everything(bench)
    assert not (tmp_path / "ran").exists()


async def test_a_repository_in_place_of_a_submodule_is_not_obeyed(
    bench: Bench, tmp_path: Path
) -> None:
    """The directory of a submodule, which git would enter, holds nothing that it obeys."""
    work = tmp_path / "remote" / "seed"
    git("update-index", "--add", "--cacheinfo", f"160000,{bench.base},sub", cwd=work)
    git("commit", "--quiet", "--message=submodule", cwd=work)
    git("push", "--quiet", "../r.git", "HEAD:main", cwd=work)
    await bench.mirror.fetch()
    await bench.tree.reset(await bench.mirror.resolve("main"))
    plant_repository(bench.tree.path / "sub", tmp_path)
    await everything(bench)
    assert not (tmp_path / "ran").exists()


async def test_a_replaced_git_file_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    """A .git at the top that points to a planted repository means nothing on the host."""
    plant_repository(tmp_path / "evil", tmp_path)
    (bench.tree.path / ".git").write_text(f"gitdir: {tmp_path}/evil/.git\n")
    bench.write("f")
    await everything(bench)
    assert not (tmp_path / "ran").exists()


async def test_attributes_start_no_filter(bench: Bench, tmp_path: Path) -> None:
    """Attributes in the worktree name filters and drivers that nobody has defined."""
    for place in (".gitattributes", "src/.gitattributes"):
        bench.write(place, "* filter=evil diff=evil merge=evil\n*.bin filter=lfs -text\n")
    bench.write(".gitconfig", configuration(tmp_path))
    bench.write(".gitmodules", '[submodule "x"]\n path = x\n url = ext::touch\n update = !touch\n')
    bench.write("x.bin", "kept as it is\n")
    sha = await committed(bench.tree, "Add")
    assert git("show", f"{sha}:x.bin", cwd=bench.mirror.path) == "kept as it is"
    await everything(bench)
    assert not (tmp_path / "ran").exists()


async def test_the_persons_own_configuration_is_not_obeyed(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the home directory nor the environment of the service change what git does."""
    (tmp_path / ".gitconfig").write_text(configuration(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", f"touch {tmp_path}/ran")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"touch {tmp_path}/ran")
    bench.write("f")
    await everything(bench)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", [".git", ".GIT", ".Git", ".g\u200cit", "GIT~1"])
def test_every_spelling_of_git_goes(tmp_path: Path, name: str) -> None:
    """What some file system takes for .git is removed below the top, be it file or directory."""
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    (tmp_path / "a" / name).mkdir(parents=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / name).write_text("gitdir: ../evil\n")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / name).symlink_to(tmp_path)
    assert tidy(tmp_path) == (f"a/{name}", f"b/{name}", f"c/{name}")
    assert [p.name for p in tmp_path.rglob("*")].count(name) == (name == ".git")


def test_links_are_not_walked(tmp_path: Path) -> None:
    """What lies behind a link is not the worktree's, and stays."""
    (tmp_path / "outside" / ".git").mkdir(parents=True)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    assert tidy(tmp_path / "tree") == ()
    assert (tmp_path / "outside" / ".git").is_dir()


async def test_commands_see_the_repository_read_only(bench: Bench, sandbox: Sandbox) -> None:
    """Inside the sandbox git log, diff and status work, and nothing of git can be changed."""
    bench.write("a.txt", "changed\n")
    script = (
        "git log --format=%s; git diff --stat; git status --short; git rev-parse --git-dir;"
        "git commit -qam x; git config core.fsmonitor evil; git branch evil; "
        "echo x > /repository.git/config; ls /repository.git/worktrees"
    )
    command = Command(argv=("sh", "-c", script))
    finished = await sandbox.run(command, bench.tree.path, git_dir=bench.tree.git_dir)
    lines = finished.output.splitlines()
    assert lines[0] == "first"
    assert " M a.txt" in lines
    assert "/repository.git/worktrees/tree" in lines
    assert lines[-1] == "tree"
    assert finished.output.count("Read-only file system") >= 3
    assert await bench.tree.head() == bench.base
    assert git("branch", "--list", "evil", cwd=bench.mirror.path) == ""


async def test_commands_see_no_other_run(bench: Bench, sandbox: Sandbox, tmp_path: Path) -> None:
    """The worktrees of other runs on the same repository are not shown."""
    await bench.mirror.add_worktree(tmp_path / "other", bench.base)
    command = Command(argv=("ls", "/repository.git/worktrees"))
    finished = await sandbox.run(command, bench.tree.path, git_dir=bench.tree.git_dir)
    assert finished.output == "tree\n"
