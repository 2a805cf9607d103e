"""A PostgreSQL of the tests' own: real server, throw-away data, a port on this machine."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

_USER = "baton"
# Nothing here has to survive a power cut.
_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class Postgres:
    """A server that is up."""

    host: str
    port: int
    password: str

    def url(self, database: str, host: str | None = None) -> str:
        """Return the address of a database, with the password."""
        return f"postgresql://{_USER}:{self.password}@{host or self.host}:{self.port}/{database}"

    def create(self) -> str:
        """Make an empty database and return its address."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)


@cache
def binaries() -> Path | None:
    """Return the folder of the server's programs: Debian keeps them out of the PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3]
    )
    if found:
        return found[-1].parent
    known = shutil.which("initdb")
    return Path(known).resolve().parent if known else None


@contextlib.contextmanager
def running_postgres(*, addresses: str = "127.0.0.1") -> Iterator[Postgres]:
    """Run a server on a new data folder; `addresses` are those it listens on.

    Skips the test where no server is installed.
    """
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed here: apt-get install postgresql")
    with _folder() as folder:
        password, port = secrets.token_hex(12), _free_port()
        _prepare(programs, folder, password)
        process = _start(programs, folder, port, addresses)
        try:
            server = Postgres(addresses.split(",", maxsplit=1)[0], port, password)
            _wait(programs, server, process)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # SIGTERM would wait for clients that were killed
            process.wait(30)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder that the server's user can reach, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="baton-postgres-"))
    try:
        if os.geteuid() == 0:
            account = pwd.getpwnam("nobody")
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_nobody() -> dict[str, Any]:
    """The server refuses to run as root, so a test that is root hands it to somebody else."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _prepare(programs: Path, folder: Path, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password)
    secret.chmod(0o644)
    subprocess.run(
        [
            *(str(programs / "initdb"), "--pgdata", str(folder / "data"), "--username", _USER),
            *("--auth", "scram-sha-256", "--pwfile", str(secret)),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
        ],
        check=True,
        capture_output=True,
        cwd=folder,
        **_as_nobody(),
    )
    with (folder / "data" / "pg_hba.conf").open("a") as rules:
        rules.write("host all all 10.0.0.0/8 scram-sha-256\n")


def _start(programs: Path, folder: Path, port: int, addresses: str) -> subprocess.Popen[bytes]:
    settings = (*_FAST, f"listen_addresses={addresses}", f"unix_socket_directories={folder}")
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [
                *(str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port)),
                *(part for setting in settings for part in ("-c", setting)),
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
            **_as_nobody(),
        )


def _wait(programs: Path, server: Postgres, process: subprocess.Popen[bytes]) -> None:
    ready = [str(programs / "pg_isready"), "-h", server.host, "-p", str(server.port), "-t", "1"]
    while subprocess.run(ready, check=False, capture_output=True).returncode != 0:
        assert process.poll() is None, "the server has ended"
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
