"""Toolchains outside the system's folders, such as rustup's in the home directory.

The sandbox shows the system's folders only; of others it is shown the one toolchain that a
repository's test command calls, read-only, and nothing of what lies beside it.
"""

import os
import shutil
import tomllib
from pathlib import Path

# What has to lie in a folder for it to be the toolchain of a program, and not somebody's home.
_MARKS = {"cargo": "lib/rustlib", "go": "src/runtime", "node": "lib/node_modules/npm"}
_CALLED = {"npm": "node", "npx": "node"}


def toolchain_of(line: str) -> Path | None:
    """Return the folder of the toolchain that a shell line calls, unless the system has it."""
    word = next(iter(line.split()), "")
    program = _CALLED.get(word, word)
    found = shutil.which(program) if program in _MARKS else None
    if found is None:
        return None
    path = Path(found).resolve()
    root = _of_rustup() if path.stem == "rustup" else path.parent.parent
    if root is None or path.is_relative_to("/usr") or not (root / "bin" / program).is_file():
        return None
    is_home = Path.home().is_relative_to(root) or root.name == ".local"
    return None if is_home or not (root / _MARKS[program]).is_dir() else root


def _of_rustup() -> Path | None:
    """Return the toolchain that rustup would start; its own program only hands on to it."""
    home = Path(os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup")
    try:
        told = tomllib.loads((home / "settings.toml").read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return None
    name = os.environ.get("RUSTUP_TOOLCHAIN") or told.get("default_toolchain")
    return (home / "toolchains" / name).resolve() if isinstance(name, str) else None
