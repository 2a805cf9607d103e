"""Compile an environment's packages once: its runs cannot, as they see it read-only.

Without it every run of pytest compiles pytest, its plugins and what the project imports anew:
pytest alone then takes 0.6 s of a processor, and 0.2 s with it.
"""

from pathlib import Path

from shared.sandbox.values import Command, Limits, Mount, Sandbox
from shared.target.inside import base_environment, interpreter_mounts, place
from shared.target.installer import interpreter_prefix

_SECONDS = 300.0


async def compile_all(folder: Path, sandbox: Sandbox) -> None:
    """Put bytecode beside the modules of an environment; what cannot be compiled is passed over.

    It is done in the sandbox, where a module that is made to harm a compiler harms nothing, and
    without ``site``, so that no ``.pth`` of a package is run. ``folder`` is the environment's, its
    ``build`` is worked in.
    """
    python = place(folder, "environment") / "python"
    command = Command(
        argv=(str(python / "bin" / "python"), "-I", "-S", "-m", "compileall", "-qq", str(python)),
        env=base_environment(),
        mounts=(
            Mount(source=folder / "python", target=python, writable=True),
            *interpreter_mounts(interpreter_prefix()),
        ),
        limits=Limits(seconds=_SECONDS),
    )
    await sandbox.run(command, folder / "build")
