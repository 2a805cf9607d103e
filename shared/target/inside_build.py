"""Run inside the sandbox: let a project's build backend make a wheel, and unpack its metadata.

It stands alone: the only imports are the standard library and the backend. Its one argument
is JSON: ``backend`` and ``path`` as in ``[build-system]``, ``installed`` the requirements
already at hand, ``out`` an empty folder. A ``requires.json`` is left there, and unless it
asks for more than is installed, a folder ``dist-info`` with the files of the metadata and a
folder ``files`` with all else that the wheel has.
"""

import functools
import importlib
import json
import sys
import zipfile
from pathlib import Path

_KEPT = ("METADATA", "entry_points.txt", "top_level.txt")


def main() -> None:
    """Build, unless the backend asks for more requirements first."""
    wanted = json.loads(sys.argv[1])
    out = Path(wanted["out"])
    sys.path[:0] = [str(Path(folder).resolve()) for folder in wanted["path"]]
    module, _, attribute = wanted["backend"].partition(":")
    backend: object = importlib.import_module(module)
    backend = functools.reduce(getattr, filter(None, attribute.split(".")), backend)
    requires = list(getattr(backend, "get_requires_for_build_wheel", lambda _: [])({}))
    (out / "requires.json").write_text(json.dumps(requires), encoding="utf-8")
    if set(requires) <= set(wanted["installed"]):
        unpack(out, out / getattr(backend, "build_wheel")(str(out), {}))  # noqa: B009  the hook of a backend known at run time only


def unpack(out: Path, wheel: Path) -> None:
    """Lay the metadata files of a wheel into ``dist-info``, its modules into ``files``."""
    (out / "dist-info").mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            folder, _, name = member.partition("/")
            if folder.endswith(".dist-info") and name in _KEPT:
                (out / "dist-info" / name).write_bytes(archive.read(member))
            elif not folder.endswith((".dist-info", ".data")):
                archive.extract(member, out / "files")


if __name__ == "__main__":
    main()
