"""Judge a node: its Ollama, its models, its memory, its clock and the way to it."""

import re
import shlex
import statistics
from collections.abc import Iterator, Sequence

from bot.doctor.clock import judge_clock
from bot.doctor.findings import Finding, Section
from bot.doctor.reading import Loaded, NodeReading, read_latency, read_node
from shared.ollama.client import place
from shared.profiles import ModelSpec, Node, Profile

_BUILT_FOR = (0, 33)  # the version of Ollama whose behaviour Baton relies on
_SLOW_MS = 5.0  # each call crosses the bridge; a direct cable takes well under a millisecond
_CLOSE = 1.1  # sizes on disk, in memory and in the profile differ a little
_GB = 1e9
_MIB = 2**20


async def examine(section: Section, node: Node, profile: Profile, seconds: float) -> list[Finding]:
    """Read a node and judge what it says. Raises ModelUnavailable when it does not answer."""
    reading = await read_node(node, seconds)
    models = profile.on(node.name)
    return [
        judge_version(section, reading.version),
        judge_models(section, models, reading),
        *judge_memory(section, node, models),
        *judge_loaded(section, node, models, reading.loaded),
        judge_clock(section, reading.ahead, strict=False),
    ]


async def measure(section: Section, node: Node, seconds: float) -> list[Finding]:
    """Measure the way to a node."""
    return [judge_latency(section, node, await read_latency(node, seconds))]


def judge_version(section: Section, version: str) -> Finding:
    """Compare a version of Ollama with the one that Baton was built for."""
    number = re.match(r"v?(\d+)\.(\d+)", version)
    if number and (int(number[1]), int(number[2])) < _BUILT_FOR:
        oldest = ".".join(map(str, _BUILT_FOR))
        mend = f"Update it there: Baton was built for {oldest} and newer."
        return section.warn("ollama", f"{version} is old", mend)
    return section.ok("ollama", version)


def judge_models(section: Section, models: Sequence[ModelSpec], reading: NodeReading) -> Finding:
    """Look whether a node holds the profile's models, in about the size that is written there."""
    held = {full_name(model.name): model.size / _GB for model in reading.held}
    missing = [model.name for model in models if full_name(model.name) not in held]
    if missing:
        pulls = [f"ollama pull {shlex.quote(name)}" for name in dict.fromkeys(missing)]
        return section.bad("models", f"lacks {_and(missing)}", "On that machine, type:", *pulls)
    for model in models:
        disk = held[full_name(model.name)]
        if disk > model.size_gb * _CLOSE:
            found = f"{model.name} is {disk:.1f} GB on disk, the profile counts {model.size_gb:g}"
            return section.warn("models", found, f"Set its size_gb to {disk:.1f} in the profile.")
    return section.ok("models", _and([model.name for model in models]) or "none in the profile")


def judge_memory(section: Section, node: Node, models: Sequence[ModelSpec]) -> Iterator[Finding]:
    """Compare what should be loaded with the budget, and that with what macOS allows."""
    residents = [model for model in models if model.is_resident]
    together = sum(model.memory_gb for model in residents)
    if together > node.memory_gb:
        found = (
            f"{_and([model.name for model in residents])} need {together:.1f} GB together, "
            f"the budget is {node.memory_gb:g}: they take turns"
        )
        mend = "Lower a num_ctx, or set keep_alive = 0 for the one that is needed least."
        yield section.warn("memory", found, mend)
    else:
        found = f"{together:.1f} of {node.memory_gb:g} GB when all that should stay is loaded"
        yield section.ok("memory", found)
    most = max([min(together, node.memory_gb), *(model.memory_gb for model in models)])
    if node.metal_gb is not None and most > node.metal_gb:
        found = f"up to {most:.1f} GB are needed, macOS lets the GPU have {node.metal_gb:.1f}"
        limit = int(node.memory_gb * _GB / _MIB)
        mend = "Unless you have raised it already, on that Mac and after each restart, type:"
        yield section.warn("metal", found, mend, f"sudo sysctl iogpu.wired_limit_mb={limit}")


def judge_loaded(
    section: Section, node: Node, models: Sequence[ModelSpec], loaded: Sequence[Loaded]
) -> Iterator[Finding]:
    """Judge what is in memory now."""
    known = {full_name(model.name): model for model in models}
    listed = [f"{one.name} ({one.size / _GB:.1f} GB)" for one in loaded]
    yield section.ok("loaded", _and(listed) or "nothing now")
    total = sum(one.size for one in loaded) / _GB
    if total > node.memory_gb * _CLOSE:
        found = f"{total:.1f} GB are loaded, the budget is {node.memory_gb:g}"
        yield section.warn("loaded", found, "Unload what is not Baton's, or raise memory_gb.")
    for one in loaded:
        spec = known.get(full_name(one.name))
        yield from _stranger(section, one) if spec is None else _misfits(section, one, spec)


def judge_latency(section: Section, node: Node, samples: Sequence[float]) -> Finding:
    """Judge how long tiny requests took; seconds each."""
    middle = statistics.median(samples) * 1000
    found = f"{middle:.1f} ms for a tiny request"
    if middle <= _SLOW_MS:
        return section.ok("latency", found)
    mend = f"{place(node)} is reached by a slow way: put the address of the cable into its url."
    return section.warn("latency", found, mend)


def full_name(name: str) -> str:
    """Return a model's name with its tag; Ollama's default tag is ``latest``."""
    return name if ":" in name else f"{name}:latest"


def _stranger(section: Section, one: Loaded) -> Iterator[Finding]:
    found = f"{one.name} is loaded, which no table of the profile knows"
    stop = f"ollama stop {shlex.quote(one.name)}"
    yield section.warn("loaded", found, "Its memory is not counted. To unload it there:", stop)


def _misfits(section: Section, one: Loaded, spec: ModelSpec) -> Iterator[Finding]:
    if one.context_length is not None and one.context_length != spec.num_ctx:
        found = (
            f"{one.name} is loaded with a context of {one.context_length}, "
            f"the profile says {spec.num_ctx}"
        )
        mend = (
            "Somebody else uses it with another num_ctx, and each change reloads it: "
            f"let all use {spec.num_ctx}, or set OLLAMA_CONTEXT_LENGTH={spec.num_ctx} there."
        )
        yield section.warn("context", found, mend)
    if one.size / _GB > spec.memory_gb * _CLOSE:
        found = f"{one.name} takes {one.size / _GB:.1f} GB, the profile counts {spec.memory_gb:.1f}"
        yield section.warn("loaded", found, "Raise its size_gb or gb_per_1k_tokens.")
    if 0 < one.size_vram < one.size:
        share = 100 * (one.size - one.size_vram) / one.size
        found = f"{share:.0f} % of {one.name} run on the CPU, many times slower"
        yield section.warn("loaded", found, "Make room: lower its num_ctx or unload others.")


def _and(names: Sequence[str]) -> str:
    return ", ".join(names)
