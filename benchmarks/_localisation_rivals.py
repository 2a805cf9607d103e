"""The methods to compare with: plain BM25, and the repository map of aider."""

import json
import math
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import uv

AIDER = "aider-chat==0.86.2"
_K1, _B = 1.2, 0.75
_SECONDS = 1800.0
# Aider's own methods find what a message mentions; a coder without a model is enough for them.
_SCRIPT = r"""
import json, sys, time
from pathlib import Path
from aider.coders.base_coder import Coder
from aider.io import InputOutput
from aider.repomap import RepoMap

class Mentions(Coder):
    def __init__(self, files): self.files, self.abs_read_only_fnames = files, set()
    def get_all_relative_files(self): return self.files
    def get_addable_relative_files(self): return set(self.files)
    def get_inchat_relative_files(self): return []

def rank(asked):
    root, files = Path(asked["root"]), asked["files"]
    coder = Mentions(files)
    idents = coder.get_ident_mentions(asked["text"])
    named = coder.get_file_mentions(asked["text"]) | coder.get_ident_filename_matches(idents)
    repo_map = RepoMap(root=str(root), io=InputOutput(pretty=False, yes=True))
    absolute = [str(root / path) for path in files]
    for _ in range(2):  # the second time its tags are cached
        began = time.perf_counter()
        tags = repo_map.get_ranked_tags([], absolute, named, idents)
        seconds = time.perf_counter() - began
    return {"ranked": list(dict.fromkeys(tag[0] for tag in tags)), "seconds": seconds}

answers = [rank(asked) for asked in json.load(open(sys.argv[1]))]
json.dump(answers, open(sys.argv[2], "w"))
"""


class Ranking(NamedTuple):
    """Paths, the best first, and how long it took."""

    paths: tuple[str, ...]
    seconds: float


def bm25(text: str, files: Mapping[str, str]) -> Ranking:
    """Rank texts by the words of an issue, taken as they are; counting words is not timed."""
    bags = {path: Counter(_words(body)) for path, body in files.items()}
    began, wanted = time.perf_counter(), set(_words(text))
    seen = {word: sum(word in bag for bag in bags.values()) for word in wanted}
    mean = sum(bag.total() for bag in bags.values()) / len(bags)

    def score(bag: Counter[str]) -> float:
        norm = _K1 * (1 - _B + _B * bag.total() / mean)
        return sum(
            math.log(1 + (len(bags) - n + 0.5) / (n + 0.5)) * bag[w] * (_K1 + 1) / (bag[w] + norm)
            for w, n in seen.items()
            if bag[w]
        )

    scores = {path: score(bag) for path, bag in bags.items()}
    ranked = sorted((p for p in scores if scores[p]), key=lambda p: (-scores[p], p))
    return Ranking(tuple(ranked), time.perf_counter() - began)


def aider(texts: Sequence[str], roots: Sequence[Path], folder: Path) -> list[Ranking] | str:
    """Rank the files below each root by aider's repository map, or return why it cannot run."""
    asked = [
        {
            "text": text,
            "root": str(root),
            "files": sorted(str(p.relative_to(root)) for p in root.rglob("*.py")),
        }
        for text, root in zip(texts, roots, strict=True)
    ]
    script, given, answers = (folder / name for name in ("run.py", "asked.json", "answers.json"))
    script.write_text(_SCRIPT, "utf-8")
    given.write_text(json.dumps(asked), "utf-8")
    command = (
        *(uv.find_uv_bin(), "run", "--quiet", "--no-project", "--isolated"),
        *("--python", sys.executable, "--with", AIDER, "python", "-P"),
        *(str(script), str(given), str(answers)),
    )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=folder, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"it took longer than {_SECONDS:.0f} s"
    if done.returncode:
        return "; ".join(done.stderr.strip().splitlines()[-3:]) or f"exit code {done.returncode}"
    rows = json.loads(answers.read_text("utf-8"))
    return [Ranking(tuple(row["ranked"]), row["seconds"]) for row in rows]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
