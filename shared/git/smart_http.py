"""Git's smart HTTP protocol: ``git http-backend`` behind a streaming ASGI bridge.

Who may do what is settled before; what git itself is to refuse can be told by ``settings``.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Send

UPLOAD = "git-upload-pack"
"""What a clone or a fetch asks for."""
RECEIVE = "git-receive-pack"
"""What a push asks for."""

_CHUNK = 65_536
_GONE = (BrokenPipeError, ConnectionResetError, ClientDisconnect)


def service(request: Request) -> str | None:
    """Return which of the two services a request asks for; None for anything else.

    The route names the part of the path below the repository ``tail``.
    """
    tail = str(request.path_params["tail"])
    if tail == "info/refs" and request.method == "GET":
        asked = request.query_params.get("service")
    else:
        asked = tail if request.method == "POST" else None
    return asked if asked in {UPLOAD, RECEIVE} else None


@contextlib.asynccontextmanager
async def backend(
    request: Request,
    repository: Path,
    *,
    body: AsyncIterator[bytes] | None = None,
    settings: Sequence[tuple[str, str]] = (),
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[Message, AsyncIterator[bytes]]]:
    """Run git's CGI program on a bare repository; yield the start of the response and its body.

    ``body`` replaces the request's own; ``settings`` are git's, in their order.
    """
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={
            **_clean(repository),
            **_cgi(request, repository),
            **_settings(settings),
            **(environment or {}),
        },
    )
    assert process.stdin
    assert process.stdout
    feeding = asyncio.create_task(_feed(body or request.stream(), process.stdin))
    try:
        yield await _start(process.stdout), _body(process.stdout)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    finally:
        feeding.cancel()
        await process.wait()
        await asyncio.gather(feeding, return_exceptions=True)


async def relay(send: Send, start: Message, output: AsyncIterator[bytes]) -> None:
    """Send an answer of the backend as it comes."""
    await send(start)
    async for chunk in output:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _feed(body: AsyncIterator[bytes], stdin: asyncio.StreamWriter) -> None:
    with contextlib.suppress(*_GONE):
        async for chunk in body:
            stdin.write(chunk)
            await stdin.drain()
    stdin.close()
    with contextlib.suppress(*_GONE):
        await stdin.wait_closed()


async def _start(stdout: asyncio.StreamReader) -> Message:
    """Read the CGI headers."""
    status, headers = 200, []
    while line := (await stdout.readline()).strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"status":
            status = int(value.split()[0])
        else:
            headers.append((name.strip().lower(), value.strip()))
    return {"type": "http.response.start", "status": status, "headers": headers}


async def _body(stdout: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await stdout.read(_CHUNK):
        yield chunk


def _clean(repository: Path) -> dict[str, str]:
    """Return an environment in which no setting of the machine's user reaches git."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(repository),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }


def _settings(settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Hand settings on in the environment, where git takes them for those of a command line."""
    given = {"GIT_CONFIG_COUNT": str(len(settings))}
    for n, (name, value) in enumerate(settings):
        given |= {f"GIT_CONFIG_KEY_{n}": name, f"GIT_CONFIG_VALUE_{n}": value}
    return given


def _cgi(request: Request, repository: Path) -> dict[str, str]:
    headers = {
        "CONTENT_TYPE": "content-type",
        "CONTENT_LENGTH": "content-length",
        "HTTP_CONTENT_ENCODING": "content-encoding",
        "GIT_PROTOCOL": "git-protocol",
    }
    given = {key: request.headers[name] for key, name in headers.items() if name in request.headers}
    return given | {
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.url.query,
        "GIT_PROJECT_ROOT": str(repository.parent),
        "PATH_INFO": f"/{repository.name}/{request.path_params['tail']}",
        "GIT_HTTP_EXPORT_ALL": "1",
        # http-backend lets only named users push; who it is has been settled before.
        "REMOTE_USER": "baton",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
