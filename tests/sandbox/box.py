"""A sandbox with a workspace, and two short ways to run something in it."""

import json
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import psutil

from shared.sandbox import Command, Finished, Limits, Mount, Sandbox

_PYTHON = Path(sys.base_prefix).resolve()


@dataclass(frozen=True)
class Box:
    """The sandbox under test, and where its commands run."""

    sandbox: Sandbox
    workspace: Path
    mark: str = field(default_factory=lambda: f"1000.{secrets.randbelow(10**9)}")

    async def sh(self, script: str, **limits: float) -> Finished:
        """Run a shell script; its ``$0`` is the box's mark, a long time for ``sleep``."""
        argv = ("/bin/sh", "-c", script, self.mark)
        command = Command(argv=argv, limits=Limits.model_validate(limits))
        return await self.sandbox.run(command, self.workspace)

    def running(self) -> list[psutil.Process]:
        """List the processes of this machine that carry the box's mark in their arguments."""
        return running(self.mark)

    async def python(self, code: str, **limits: float) -> Finished:
        """Run Python code with this interpreter, wherever it is installed."""
        outside_usr = not _PYTHON.is_relative_to("/usr")
        command = Command(
            argv=(str(_PYTHON / "bin" / "python3"), "-I", "-c", code),
            limits=Limits.model_validate(limits),
            mounts=(Mount(source=_PYTHON, target=PurePosixPath(_PYTHON)),) if outside_usr else (),
        )
        return await self.sandbox.run(command, self.workspace)

    async def answer(self, code: str) -> object:
        """Run Python code that sets ``answer``, and return its value."""
        finished = await self.python(f"{code}\nimport json\nprint(json.dumps(answer))")
        assert finished.ok, finished.output
        return json.loads(finished.output)

    async def errno(self, statement: str, setup: str = "") -> object:
        """Run a Python statement that must fail, and return the name of its error."""
        return await self.answer(
            f"import errno\n{setup}\nanswer = 'nothing refused it'\n"
            f"try:\n    {statement}\n"
            "except OSError as error:\n    answer = errno.errorcode.get(error.errno, str(error))"
        )


# Calls the kernel without the C library; returns its result, raises OSError.
SYSCALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def syscall(*arguments):
    result = libc.syscall(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result
"""


def running(argument: str) -> list[psutil.Process]:
    """List the processes of this machine that have exactly this argument."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if argument in (process.info["cmdline"] or [])
        and process.info["status"] != psutil.STATUS_ZOMBIE
    ]
