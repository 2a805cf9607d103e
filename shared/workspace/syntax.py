"""A look at an edited file's syntax, straight after the edit.

The file is compiled, never run, and in a process of its own: a hostile text can at worst end that.
"""

import asyncio
import sys

_SECONDS = 10.0
_COMPILE = """
import sys, warnings
warnings.simplefilter("ignore")
try:
    compile(sys.stdin.buffer.read(), "file", "exec", dont_inherit=True)
except SyntaxError as error:
    line = (error.text or "").strip()
    print(f"line {error.lineno}: {error.msg}" + (f", in: {line[:200]}" if line else ""))
except (ValueError, RecursionError, MemoryError) as error:
    print(str(error) or type(error).__name__)
"""


async def syntax_error(path: str, text: str) -> str:
    """Return what is wrong with a Python file's syntax, or an empty string; others are not read."""
    if not path.endswith(".py"):
        return ""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", "-X", "utf8", "-c", _COMPILE),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(text.encode()), _SECONDS)
    except TimeoutError:
        return "it could not be compiled within 10 seconds"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        return "the compiler broke down on it; write it more simply"
    return said.decode("utf-8", "replace").strip()
