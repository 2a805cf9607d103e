"""One gateway for one state directory: a second one would resume the runs of the first."""

import fcntl
import os
from pathlib import Path
from typing import Self

from shared.errors import ConfigurationError


class Occupancy:
    """The claim of this process on a state directory, which ends with the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def of(cls, home: Path) -> Self:
        """Claim a state directory, made if it is not there.

        Raises ConfigurationError when it cannot be written to, or is in use.
        """
        try:
            home.mkdir(parents=True, exist_ok=True)
            home.chmod(0o700)  # it holds private code
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(home / "gateway.lock", flags, 0o600)
        except OSError as error:
            raise ConfigurationError(
                f"The state directory {home} cannot be used ({error.strerror}). Set BATON_HOME to "
                "a folder that you may write to."
            ) from error
        try:
            # Held by the open file, so it is gone with the process however that ends.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(descriptor, 32).decode(errors="replace").strip()
            os.close(descriptor)
            raise ConfigurationError(
                f"Process {owner} already runs Baton on {home}. Stop it first, or set BATON_HOME "
                "to another folder."
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return cls(descriptor)

    def release(self) -> None:
        """Give the state directory free."""
        os.close(self._descriptor)
