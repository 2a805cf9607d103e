"""Reading and writing below one directory, with no way out of it.

Each component of a path is opened by itself and without following links, relative to the directory
before it. So neither ``..`` nor a link that a command left behind leads elsewhere, not even one
that appears between the check and the use.
"""

import contextlib
import os
import secrets
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LARGEST_FILE = 1_000_000  # bytes
_LONGEST_PATH = 1000
_NEW_FILE = 0o644
_NEW_DIRECTORY = 0o755
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class PathRefused(Exception):
    """A path that may not be read or written; the message tells the model why."""


class Tree:
    """A directory whose files are read and written by relative path."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> str:
        """Return a file's text, line endings as they are.

        Raises PathRefused when it is missing, no plain file, too large, or not UTF-8 text.
        """
        parts = components(path)
        with self._directory(parts[:-1]) as parent:
            data, _ = _read(parent, parts[-1], path)
        if b"\0" in data:
            raise PathRefused(f"{path} is a binary file.")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise PathRefused(f"{path} is not UTF-8 text.") from error

    def replace(self, path: str, text: str) -> None:
        """Put a new text in place of an existing file's, which keeps its mode.

        Raises PathRefused.
        """
        parts = components(path)
        with self._directory(parts[:-1]) as parent:
            _, mode = _read(parent, parts[-1], path)
            beside = f".{secrets.token_hex(8)}.tmp"
            try:
                _write(parent, beside, _encoded(path, text), mode)
                os.rename(beside, parts[-1], src_dir_fd=parent, dst_dir_fd=parent)
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.unlink(beside, dir_fd=parent)
                raise PathRefused(f"{path} cannot be written: {error.strerror}.") from error

    def create(self, path: str, text: str) -> None:
        """Write a new file, and the directories that it needs.

        Raises PathRefused when something stands there already.
        """
        parts = components(path)
        data = _encoded(path, text)
        with self._directory(parts[:-1], make=True) as parent:
            try:
                _write(parent, parts[-1], data, _NEW_FILE)
            except FileExistsError as error:
                raise PathRefused(
                    f"{path} exists already. View it, then change it with an edit."
                ) from error
            except OSError as error:
                raise PathRefused(f"{path} cannot be written: {error.strerror}.") from error

    def entries(self, path: str) -> list[str] | None:
        """List a directory, with a slash after directories; None when the path is a file.

        Raises PathRefused.
        """
        parts = components(path, top=True)
        try:
            with self._directory(parts) as directory, os.scandir(directory) as found:
                names = [e.name + "/" * e.is_dir(follow_symlinks=False) for e in found]
        except _NotDirectory:
            return None
        return sorted(name for name in names if not is_git(name.rstrip("/")))

    @contextmanager
    def _directory(self, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
        current = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for depth, name in enumerate(parts, 1):
                deeper = _enter(current, name, "/".join(parts[:depth]), make=make)
                os.close(current)
                current = deeper
            yield current
        finally:
            os.close(current)


class _NotDirectory(PathRefused):
    pass


def components(path: str, *, top: bool = False) -> tuple[str, ...]:
    """Split a relative path into its names; ``top`` lets it be the directory itself.

    Raises PathRefused for absolute paths, ``..`` and anything in ``.git``.
    """
    if not path or "\0" in path or len(path) > _LONGEST_PATH:
        raise PathRefused("The path is empty, too long, or has a NUL in it.")
    if path.startswith(("/", "~")):
        raise PathRefused(f"{path} is not relative. Paths start at the top of the repository.")
    parts = tuple(part for part in path.split("/") if part not in {"", "."})
    if ".." in parts:
        raise PathRefused(f'{path} has ".." in it. Paths start at the top of the repository.')
    if any(is_git(part) for part in parts):
        raise PathRefused(f"{path} is git's own. It is neither shown nor changed.")
    if not parts and not top:
        raise PathRefused(f"{path} is a directory.")
    return parts


def is_git(name: str) -> bool:
    """Tell whether a file system, case-blind ones included, may take a name for ``.git``."""
    plain = unicodedata.normalize("NFKC", name)
    seen = "".join(c for c in plain if unicodedata.category(c) not in {"Cf", "Cc"})
    return seen.casefold().rstrip(". ") == ".git"


def _enter(parent: int, name: str, path: str, *, make: bool) -> int:
    try:
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, _NEW_DIRECTORY, dir_fd=parent)
        return os.open(name, _DIRECTORY, dir_fd=parent)
    except OSError as error:
        raise _told(parent, name, path, error) from error


def _read(parent: int, name: str, path: str) -> tuple[bytes, int]:
    try:
        descriptor = os.open(name, _READ, dir_fd=parent)
    except OSError as error:
        raise _told(parent, name, path, error) from error
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise PathRefused(f"{path} is a directory.")
        if not stat.S_ISREG(found.st_mode):
            raise PathRefused(f"{path} is not a plain file.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(LARGEST_FILE + 1)
    finally:
        os.close(descriptor)
    if len(data) > LARGEST_FILE:
        raise PathRefused(
            f"{path} has more than {LARGEST_FILE} bytes. Use run to see a part of it."
        )
    return data, stat.S_IMODE(found.st_mode)


def _write(parent: int, name: str, data: bytes, mode: int) -> None:
    descriptor = os.open(name, _WRITE, _NEW_FILE, dir_fd=parent)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode & 0o777)
        file.write(data)


def _encoded(path: str, text: str) -> bytes:
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PathRefused(f"The text for {path} has characters that UTF-8 cannot hold.") from error
    if b"\0" in data:
        raise PathRefused(f"The text for {path} has a NUL in it; only text files are written.")
    if len(data) > LARGEST_FILE:
        raise PathRefused(f"The text for {path} has more than {LARGEST_FILE} bytes.")
    return data


def _told(parent: int, name: str, path: str, error: OSError) -> PathRefused:
    """Say what stands in the way; a link is named with its target."""
    with contextlib.suppress(OSError):
        target = os.readlink(name, dir_fd=parent)
        return PathRefused(f'{path} is a symbolic link to "{target}". Links are not followed.')
    if isinstance(error, FileNotFoundError):
        return PathRefused(f"{path} does not exist.")
    if isinstance(error, NotADirectoryError):
        return _NotDirectory(f"{path} is not a directory.")
    return PathRefused(f"{path} cannot be opened: {error.strerror}.")
