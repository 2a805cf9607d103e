"""A look at an edited file's syntax and names, straight after the edit.

The file is compiled, never run, and in a process of its own: a hostile text can at worst end that.
"""

import asyncio
import sys
from pathlib import PurePosixPath

from shared.domain import Value

_SECONDS = 10.0
_READ = (".py", ".json", ".toml")
_SHOWN_NAMES = 5
# It starts for every edit, so it imports little.
_LOOK = r"""
import builtins, sys
KNOWN = set(dir(builtins)) | {"__file__", "__path__", "__module__", "__qualname__", "__class__",
                              "__annotations__", "__dict__", "__version__", "WindowsError"}

def tables(table):
    yield table
    for child in table.get_children():
        yield from tables(child)

def undefined(text):
    import symtable
    top = symtable.symtable(text, "file", "exec")
    bound, used = set(), set()
    for table in tables(top):
        for symbol in table.get_symbols():
            binds = symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
            if binds and (table is top or symbol.is_declared_global()):
                bound.add(symbol.get_name())
            elif symbol.is_referenced() and (table is top or symbol.is_global()):
                used.add(symbol.get_name())
    return used - bound - KNOWN

def fault(text, suffix):
    try:
        if suffix == ".json":
            import json
            json.loads(text)
        elif suffix == ".toml":
            import tomllib
            tomllib.loads(text)
        else:
            compile(text, "file", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = (error.text or "").strip()
        return f"line {error.lineno}: {error.msg}" + (f", in: {line[:200]}" if line else "")
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error) or type(error).__name__
    return ""

suffix, size, is_new = sys.stdin.buffer.readline().decode().split()
both, is_new = sys.stdin.buffer.read(), is_new == "new"
texts = both[:int(size)], both[int(size):]
before, after = (text.decode("utf-8", "surrogatepass").removeprefix("\ufeff") for text in texts)
error, names = fault(after, suffix), set()
if suffix != ".py" and not is_new and fault(before, suffix):
    error = ""
elif suffix == ".py" and not error and "import *" not in after:
    names = undefined(after)
    if names and not is_new and not fault(before, suffix):
        names -= undefined(before)
said = "\0".join((error.replace("\0", ""), *sorted(names)))
sys.stdout.buffer.write(said.encode("utf-8", "replace"))
"""


class Lint(Value):
    """What is wrong with a file: its syntax, or names that nothing in it binds."""

    error: str = ""
    undefined: tuple[str, ...] = ()

    def sentences(self) -> str:
        """Say it, and what to do."""
        if self.error:
            told = f"The file is changed, but it is no longer valid: {self.error}."
            return f"{told} Mend that next."
        if self.undefined:
            names = ", ".join(self.undefined[:_SHOWN_NAMES])
            return f"Nothing in the file defines or imports: {names}. Is an import missing?"
        return ""


async def lint(path: str, before: str | None, after: str) -> Lint:
    """Look at a Python, JSON or TOML file after a change; others are not read.

    ``before`` is None for a new file. What was wrong before is not told again, but for a Python
    file that is still no Python.
    """
    suffix = PurePosixPath(path).suffix
    if suffix not in _READ:
        return Lint()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", "-X", "utf8", "-c", _LOOK),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    old, new = (text.encode("utf-8", "surrogatepass") for text in (before or "", after))
    asked = f"{suffix} {len(old)} {'new' if before is None else 'known'}\n".encode() + old + new
    try:
        said, _ = await asyncio.wait_for(process.communicate(asked), _SECONDS)
    except TimeoutError:
        return Lint(error="it could not be compiled within 10 seconds")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        return Lint(error="the compiler broke down on it; write it more simply")
    error, *names = said.decode().split("\0")
    return Lint(error=error, undefined=tuple(names))
