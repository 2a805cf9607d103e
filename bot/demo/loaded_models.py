"""Which models the recorded node holds, and which of them are loaded until when."""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared.profiles import ModelSpec

_DEFAULT_SECONDS = 300.0  # Ollama's own keep_alive when nobody asks for another
_FOREVER = timedelta(days=365 * 100)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_DURATION = re.compile(rf"0|(?:{_PART.pattern})+")
_GB = 10**9
_MODIFIED = "2026-11-01T00:00:00Z"


class _Loaded(NamedTuple):
    seconds: float
    until: datetime
    context: int


class LoadedModels:
    """The memory of the pretended node."""

    def __init__(self, models: Sequence[ModelSpec]) -> None:
        self._models = {full_name(model.name): model for model in models}
        self._loaded: dict[str, _Loaded] = {}

    def knows(self, name: str) -> bool:
        """Tell whether the node holds a model on its disk."""
        return full_name(name) in self._models

    def use(self, name: str, keep_alive: float | str | None, context: int) -> None:
        """Load a model, or renew it; 0 unloads it, nothing keeps the length it has.

        Raises ValueError when the keep_alive is not a duration.
        """
        key = full_name(name)
        held = self._current().get(key)
        kept = held.seconds if held else _DEFAULT_SECONDS
        seconds = kept if keep_alive is None else keep_alive_seconds(keep_alive)
        if seconds == 0:
            self._loaded.pop(key, None)
            return
        length = _FOREVER if seconds < 0 else timedelta(seconds=seconds)
        self._loaded[key] = _Loaded(seconds, datetime.now(UTC) + length, context)

    def gb(self, name: str) -> float:
        """Return what a model takes of the memory, its context included, in GB."""
        return self._models[full_name(name)].memory_gb

    def holds(self, name: str) -> bool:
        """Tell whether a model is in memory now."""
        return full_name(name) in self._current()

    def running(self) -> list[dict[str, object]]:
        """Describe the loaded models as ``/api/ps`` does."""
        return [
            {
                **self._described(name),
                "expires_at": held.until.isoformat(),
                "size_vram": self._size(name),
                "context_length": held.context,
            }
            for name, held in self._current().items()
        ]

    def tags(self) -> list[dict[str, object]]:
        """Describe all models as ``/api/tags`` does."""
        return [{**self._described(name), "modified_at": _MODIFIED} for name in self._models]

    def show(self, name: str) -> dict[str, object]:
        """Describe one model as ``/api/show`` does."""
        model = self._models[full_name(name)]
        return {
            "details": _DETAILS,
            "capabilities": ["completion"],
            "model_info": {
                "general.architecture": "recording",
                "recording.context_length": model.num_ctx,
            },
            "modified_at": _MODIFIED,
        }

    def _described(self, name: str) -> dict[str, object]:
        return {
            "name": name,
            "model": name,
            "size": self._size(name),
            "digest": digest(name),
            "details": _DETAILS,
        }

    def _size(self, name: str) -> int:
        return int(self._models[name].memory_gb * _GB)

    def _current(self) -> dict[str, _Loaded]:
        now = datetime.now(UTC)
        self._loaded = {name: held for name, held in self._loaded.items() if held.until > now}
        return self._loaded


_DETAILS = {
    "format": "recording",
    "family": "recording",
    "families": ["recording"],
    "parameter_size": "0B",
    "quantization_level": "none",
}


def keep_alive_seconds(value: float | str) -> float:
    """Read a keep_alive: seconds, or a duration such as ``1h30m``; negative means forever.

    Raises ValueError when the text is no duration.
    """
    if not isinstance(value, str):
        return value
    sign, text = (-1.0, value[1:]) if value.startswith("-") else (1.0, value)
    if not _DURATION.fullmatch(text):
        raise ValueError(f'time: invalid duration "{value}"')
    return sign * sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def full_name(name: str) -> str:
    """Return a model's name with its tag; Ollama's default tag is ``latest``."""
    return name if ":" in name else f"{name}:latest"


def digest(name: str) -> str:
    """Return a stable digest for a model's name: SHA-256, hexadecimal."""
    return hashlib.sha256(name.encode()).hexdigest()
