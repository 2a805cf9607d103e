"""Get the releases from PyPI, and make a git repository of one."""

import hashlib
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import platformdirs
import uv

from benchmarks.real_issues.manifest import RealIssue

_GIT = ("git", "-c", "user.name=Upstream", "-c", "user.email=upstream@example.org")


def fetch(package: str, version: str, sha256: str) -> Path:
    """Return the path of a release's sdist, downloaded unless it is there from an earlier run."""
    cache = platformdirs.user_cache_path("baton") / "sdists"
    cache.mkdir(parents=True, exist_ok=True)
    for path in cache.glob("*.tar.gz"):
        if hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return path
    line = f"{package}=={version} --hash=sha256:{sha256}"
    wanted = cache / f"{package}-{version}.txt"
    wanted.write_text(line, "utf-8")
    # pip checks the hash before it looks into the archive.
    subprocess.run(
        [
            *(uv.find_uv_bin(), "tool", "run", "--quiet", "--python", sys.executable),
            *("pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"),
            *("--no-deps", "--no-binary", package, "--dest", str(cache), "-r", str(wanted)),
        ],
        check=True,
        env={**os.environ, "PIP_NO_INPUT": "1"},
    )
    return fetch(package, version, sha256)


def unpack(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist and return the folder of the release."""
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extraction_filter = tarfile.data_filter  # Python 3.11.4 and newer
        archive.extractall(folder)
    (release,) = folder.iterdir()
    return release


def releases(issue: RealIssue, folder: Path) -> tuple[Path, Path]:
    """Return the unpacked old and new release of an issue."""
    old = fetch(issue.package, issue.old, issue.old_sha256)
    new = fetch(issue.package, issue.new, issue.new_sha256)
    return unpack(old, folder / "old"), unpack(new, folder / "new")


def repository(release: Path, folder: Path) -> Path:
    """Move a release into a git repository with one commit, generated files included."""
    release.rename(folder)
    for command in (
        ("init", "--quiet", "--initial-branch=main"),
        ("add", "--all", "--force"),
        ("commit", "--quiet", "-m", "Import the release"),
    ):
        subprocess.run([*_GIT, *command], cwd=folder, check=True)
    return folder
