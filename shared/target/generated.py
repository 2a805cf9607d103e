"""Files that a project's build makes beside its sources, such as a module with the version.

A fresh checkout lacks them, and so its package cannot be imported. They are kept with the
environment and laid into each checkout before its tests; only what git ignores is, so that
none of it gets into a commit.
"""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from shared.target.tree import Tree

_LARGEST = 64 * 1024 * 1024
_MOST = 2_000
_SECONDS = 60.0
_GIT_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def keep(built: Path, source: Path, tree: Tree, roots: tuple[str, ...], kept: Path) -> None:
    """Copy what a wheel has beyond the repository's files, under its paths in the repository.

    ``built`` is the unpacked wheel, written by sandboxed code; ``source`` a copy of the
    repository, for its ignore rules; ``tree`` the repository itself.
    """
    places = dict(_new_files(built, tree, roots))
    room = _LARGEST
    for path in _ignored(source, tuple(places)):
        status = places[path].lstat()
        room -= status.st_size
        if room < 0:
            return
        target = kept / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(places[path], target, follow_symlinks=False)
        target.chmod(stat.S_IMODE(status.st_mode) & 0o755 | 0o600)


def lay(kept: Path, checkout: Path) -> None:
    """Copy the kept files to where a checkout lacks them; never through a link out of it."""
    root = checkout.resolve()
    for folder, _, names in os.walk(kept):
        parent = root / Path(folder).relative_to(kept)
        # The checkout holds what a model wrote: its folders may be links to anywhere.
        if parent.resolve() != parent or not parent.is_dir():
            continue
        for name in names:
            if not os.path.lexists(parent / name):
                shutil.copy(Path(folder, name), parent / name)


def _new_files(built: Path, tree: Tree, roots: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    folders = {str(PurePosixPath(file).parent) for file in tree.files}
    for member in Tree.at(built).files[:_MOST]:
        for root in roots:
            path = str(PurePosixPath(root) / member)
            if path not in tree and str(PurePosixPath(path).parent) in folders:
                yield path, built / member


def _ignored(source: Path, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Ask git which of these paths its ignore files name; ``source`` needs no repository."""
    if not paths:
        return ()
    _without_pipes(source)
    git_dir = source.with_name("ignore.git")
    _git(source, "init", "--quiet", "--bare", "--template=", str(git_dir))
    elsewhere = (f"--git-dir={git_dir}", f"--work-tree={source}", "-c", "core.bare=false")
    words = (*elsewhere, "check-ignore", "--no-index", "-z", "--stdin")
    asked = _git(source, *words, told="\0".join(paths))
    return tuple(path for path in asked.split("\0") if path)


def _without_pipes(source: Path) -> None:
    """Remove ignore files that are none: git would wait at a pipe for somebody to write."""
    for folder, _, names in os.walk(source):
        ignore = Path(folder, ".gitignore")
        if ".gitignore" in names and not stat.S_ISREG(ignore.lstat().st_mode):
            ignore.unlink()


def _git(folder: Path, *words: str, told: str = "") -> str:
    # The exit code of check-ignore is 1 when nothing is ignored; what matters is what it says.
    finished = subprocess.run(  # noqa: S603 - fixed words, paths of ours
        ("git", *words),  # noqa: S607 - the git of the machine
        input=told.encode(),
        stdout=subprocess.PIPE,
        check=False,
        timeout=_SECONDS,
        env=_GIT_ENVIRONMENT,
        cwd=folder,
    )
    return finished.stdout.decode()
