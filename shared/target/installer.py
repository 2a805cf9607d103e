"""Install wheels with uv: on the host, with network, and with no project code executed."""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import uv
from packaging.requirements import InvalidRequirement, Requirement

from shared.errors import TargetError

_SECONDS = 900.0
_TAIL_LINES = 8
_CREDENTIALS = re.compile(r"//[^/\s@]+@")
_QUERY = re.compile(r"(https?://[^\s?]+)\?\S+")
_PASSED_ON = re.compile(
    r"^(?:PATH|HOME|LANG|LC_ALL|TMPDIR|NETRC|XDG_\w+|SSL_\w+|(?:https?|all|no)_proxy|UV_\w+)$",
    re.IGNORECASE,
)
# They would point uv at another project or Python than the one meant here.
_NOT_PASSED_ON = re.compile(
    r"^UV_(?:PYTHON|PROJECT|SYSTEM|TARGET|PREFIX|WORKING|NO_BINARY"
    # To compile, uv starts the environment's Python, and with it each `.pth` of a package.
    r"|COMPILE)\w*$"
)
_WHEEL_URL = re.compile(r"https://[^@\s]+\.whl(?:#\S*)?")


def interpreter() -> Path:
    """Return the Python under Baton's own environment, which target environments stand on."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return interpreter_prefix() / "bin" / version


def interpreter_prefix() -> Path:
    """Return the folder that the interpreter is installed in, links resolved."""
    return Path(sys.base_prefix).resolve()


async def create_environment(folder: Path) -> None:
    """Create an empty virtual environment that may be moved afterwards, in place of one there.

    Raises TargetError when uv refuses.
    """
    made = ("venv", "--relocatable", "--clear", "--python", str(interpreter()), str(folder))
    code, output = await _uv(*made)
    if code:
        raise TargetError(f"No environment could be made for the tests: {_tail(output)}")


async def install(
    lines: Sequence[str], *, into: Sequence[str], folder: Path, constraints: Sequence[str] = ()
) -> None:
    """Install requirement lines as wheels: from the local cache where it suffices, else online.

    ``into`` says where in uv's words. Its Python is started by uv on the host, so it must be
    one that no package has been installed for. Lists of what is installed are left in
    ``folder``. Raises TargetError with uv's last lines.
    """
    command = await asyncio.to_thread(_command, lines, into, folder, constraints)
    if lines and (await _uv(*command, "--offline"))[0]:
        _refuse_failed(await _uv(*command))


async def fill_environment(
    lines: Sequence[str], python: Path, *, folder: Path, constraints: Sequence[str] = ()
) -> None:
    """Install requirement lines into an environment; see ``install``.

    Before a second try the environment is made anew: uv asks its Python about itself, and a
    package that the first try left there could answer with a program of its own.
    """
    command = _command(lines, ("--python", str(python)), folder, constraints)
    await create_environment(python)
    if (await _uv(*command, "--offline"))[0]:
        await create_environment(python)
        _refuse_failed(await _uv(*command))


def _command(
    lines: Sequence[str], into: Sequence[str], folder: Path, constraints: Sequence[str]
) -> tuple[str, ...]:
    requirements, pins = folder / "requirements.txt", folder / "constraints.txt"
    requirements.write_text("\n".join(map(_stated, lines)) + "\n", encoding="utf-8")
    pins.write_text("\n".join(map(_stated, constraints)) + "\n", encoding="utf-8")
    return ("pip", "install", *into, "--no-build", "-r", str(requirements), "-c", str(pins))


def _stated(line: str) -> str:
    """Return a requirement, written anew: uv would read options, files and addresses as well."""
    try:
        requirement = Requirement(line)
    except InvalidRequirement as error:
        raise TargetError(
            f"{line!r} is not a requirement. Write a name and versions, as in `pytest>=8`."
        ) from error
    if requirement.url and not _WHEEL_URL.fullmatch(requirement.url):
        raise TargetError(
            f"{requirement.name} is asked for at an address that is no wheel on https: "
            "name a version on the package index."
        )
    return str(requirement)


def _refuse_failed(result: tuple[int, str]) -> None:
    code, output = result
    if code:
        raise TargetError(
            "The packages that the tests need could not be installed. Only wheels are, so that "
            "no foreign build script runs on this machine. Correct the requirements, or name "
            f"what the tests need in .github/baton.yml under `requirements:`. uv said: "
            f"{_tail(output)}"
        )


async def _uv(*arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        _binary(),
        "--no-progress",
        "--color=never",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=_environment(),
        cwd="/",
    )
    try:
        async with asyncio.timeout(_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise TargetError(
            f"uv did not end within {_SECONDS:.0f} s: see whether the package index can be reached."
        ) from error
    finally:
        await _end(process)
    return process.returncode or 0, output.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _binary() -> str:
    try:
        return uv.find_uv_bin()
    except FileNotFoundError as error:
        raise TargetError("uv's program is missing: install Baton again.") from error


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if _PASSED_ON.match(name) and not _NOT_PASSED_ON.match(name)
    }
    return {**kept, "UV_PYTHON_DOWNLOADS": "never"}


def _tail(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()][-_TAIL_LINES:]
    return redacted("\n".join(lines))


def redacted(text: str) -> str:
    """Remove what may be a credential from the URLs in a text."""
    return _QUERY.sub(r"\1", _CREDENTIALS.sub("//", text))
