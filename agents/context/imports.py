"""Which files of a repository import which: names of modules are matched with paths.

Nothing is executed and no configuration is read, so a module is found by the end of its path, as
``a.b`` is by ``src/a/b.py``. What lies outside of the repository matches nothing.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache, lru_cache

from agents.context.index import Index
from shared.sources import parts

_INDEX = {"__init__", "index", "mod", "lib"}  # the file that stands for its folder
_DOTTED = {".py", ".pyi", ".java", ".kt", ".scala"}
_WRITTEN = {".js", ".ts", ".jsx", ".tsx", ".mjs", ".h", ".rb", ".php"}  # suffixes in imports
_WORD = re.compile(r"\w+")
_MOST = 3  # files that one name may mean; beyond that it means none of them


class Modules:
    """The files of a repository by the names under which they are imported."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._files = defaultdict[str, list[str]](list)  # by path without suffix
        self._folders = defaultdict[str, list[str]](list)  # the folders with Go files
        self._by_last = defaultdict[str, set[str]](set)
        self._known = dict[str, list[str]]()  # what a name was found to mean
        for path in paths:
            self._file(path)

    def imported(self, path: str, imports: Collection[str]) -> frozenset[str]:
        """Return the files that a file imports."""
        folder, suffix = posixpath.dirname(path), posixpath.splitext(path)[1]
        found = (target for name in imports for target in self._targets(folder, suffix, name))
        return frozenset(found) - {path}

    def _file(self, path: str) -> None:
        module, last, is_go = _module(path)
        self._files[module].append(path)
        self._by_last[last].add(module)
        if is_go:
            folder = path.rpartition("/")[0]
            self._folders[folder].append(path)
            self._by_last[folder.rpartition("/")[2]].add(folder)

    def _targets(self, folder: str, suffix: str, name: str) -> Iterator[str]:
        if suffix in _DOTTED:
            modules = self._dotted(folder, name)
        elif name.startswith("."):
            modules = [_plain(posixpath.normpath(posixpath.join(folder, name)))]
        elif suffix == ".rs":
            modules = self._rust(folder, name)
        else:
            modules = self._ending(_plain(name))
        for module in modules:
            yield from (self._folders if suffix == ".go" else self._files).get(module, ())

    def _dotted(self, folder: str, name: str) -> list[str]:
        if not name.startswith("."):
            return self._ending(name.replace(".", "/"))
        rest = name.lstrip(".")
        up = "../" * (len(name) - len(rest) - 1)
        return [posixpath.normpath(posixpath.join(folder, up, rest.replace(".", "/")))]

    def _rust(self, folder: str, name: str) -> list[str]:
        parts = [part for part in re.findall(r"\w+", name) if part not in {"crate", "self"}]
        # The last names of a path are those of items: try from the longest.
        for length in range(len(parts), 0, -1):
            tail = "/".join(parts[:length])
            near = posixpath.normpath(posixpath.join(folder, tail))
            if found := [near] if near in self._files else self._ending(f"src/{tail}"):
                return found
        return []

    def _ending(self, module: str) -> list[str]:
        if module not in self._known:
            self._known[module] = self._found(module)
        return self._known[module]

    def _found(self, module: str) -> list[str]:
        """Return the modules whose path ends so; none when the name is too common to tell."""
        last = module.rpartition("/")[2]
        tail = f"/{module}"
        found = [m for m in self._by_last.get(last, ()) if f"/{m}".endswith(tail)]
        if not found and "/" in module:  # a path with the name of the project before it, as in Go
            found = [m for m in self._by_last.get(last, ()) if tail.endswith(f"/{m}")]
        return sorted(found) if len(found) <= _MOST else []


def graph(
    paths: Iterable[str], written: Mapping[str, Collection[str]]
) -> dict[str, frozenset[str]]:
    """Return for some files of a repository which they import, from their imports as written."""
    modules = _modules(tuple(paths))
    return {path: modules.imported(path, names) for path, names in written.items()}


def around(
    files: Mapping[str, str], seeds: Collection[str], index: Index
) -> dict[str, frozenset[str]]:
    """Return what the seeds import, and what those files import that import a seed.

    ``files`` are path to blob id. Some more files may be in it.
    """
    paths = tuple(files)
    listing = "\n".join(("", *paths))
    words = {word for seed in seeds for word in _last_words(seed, listing)}
    written = dict(index.importing(words))
    near = {path: blob for path, blob in files.items() if blob in written or path in seeds}
    written |= index.imports({files[path] for path in seeds})
    is_telling = cache(lambda name: not words.isdisjoint(parts((name,))))
    return graph(
        paths,
        {
            path: [n for n in written.get(blob, ()) if path in seeds or is_telling(n)]
            for path, blob in near.items()
        },
    )


def _last_words(path: str, listing: str) -> set[str]:
    """Return the words of which every name has one that may mean a file (``sources.parts``).

    ``listing`` are all paths, each after a newline.
    """
    folder, name = posixpath.split(path)
    stem, suffix = posixpath.splitext(name)
    inside = f"\n{posixpath.join(folder, stem)}/"
    # A name that only leads up means a folder, or the file beside it that is called so.
    if stem in _INDEX or suffix == ".go" or inside in listing:
        names = (stem, posixpath.basename(folder))
        return {"", *(words[0] for name in names if (words := _WORD.findall(name)))}
    return set(_WORD.findall(stem)[:1])


@lru_cache(maxsize=4)
def _modules(paths: tuple[str, ...]) -> Modules:
    return Modules(paths)


@lru_cache(maxsize=20_000)
def _module(path: str) -> tuple[str, str, bool]:
    """Return the path under which a file is imported, its last part, and whether it is Go."""
    folder, _, name = path.rpartition("/")
    stem, _, suffix = name.rpartition(".")
    if not stem.strip("."):
        stem, suffix = name, ""
    if stem in _INDEX:
        return folder, folder.rpartition("/")[2], suffix == "go"
    return (f"{folder}/{stem}" if folder else stem), stem, suffix == "go"


def _plain(path: str) -> str:
    """Take off the suffix, and the name of a file that stands for its folder."""
    stem, suffix = posixpath.splitext(path)
    whole = stem if suffix in _WRITTEN else path
    folder, _, name = whole.rpartition("/")
    return folder if name in _INDEX else whole
