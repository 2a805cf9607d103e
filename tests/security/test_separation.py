"""The process that runs what a model wrote: nothing of the gateway's can be found from there.

It is started as a run starts it: a worktree of a real mirror that was fetched with a token, an
environment prepared for the target, the workspace's own hands. The gateway's secrets lie where
they lie in earnest: environment, key file, settings, credential helper, sockets.
"""

import asyncio
import json
import os
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.git import Worktree
from shared.sandbox import Sandbox
from shared.target import mounts, prepare, variables
from shared.workspace import (
    Action,
    CreateFile,
    EditFile,
    Observation,
    RunCommand,
    SandboxWorkspace,
    Search,
    ViewFile,
)
from tests.git.remote import Remote, seed

MARK = f"s3cr3t-{secrets.token_hex(12)}"
# Everything that can be read inside, but the system's own programs and the kernel's endless files.
LOOK_EVERYWHERE = """
import json, os
mark, seen, looked = "{mirrored}"[::-1], [], 0
for top in ("/etc", "/home", "/tmp", "/dev/shm", "/workspace", "/repository.git", "/proc", "/run",
            "/root", "/var", "/mnt", "/opt", "/srv", "/media"):
    for folder, folders, files in os.walk(top):
        if folder.startswith("/proc/") and folder.count("/") > 2:
            folders[:] = [name for name in folders if name in ("fd", "task", "net")]
        for name in files:
            path = os.path.join(folder, name)
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                data = os.read(descriptor, 4_000_000)
                os.close(descriptor)
            except OSError:
                continue
            looked += 1
            if mark.encode() in data:
                seen.append(path)
seen += [name for name, value in os.environ.items() if mark in value]
print(json.dumps([seen, looked > 100]))
"""
# Names an address on the host and says what became of the attempt to reach it.
CONNECT = """
import socket
try:
    client = socket.socket(socket.{family})
    client.connect({address})
    print(client.recv(99))
except OSError as error:
    print(type(error).__name__)
"""


@dataclass(frozen=True)
class House:
    """A gateway's surroundings, and the hands of an agent in them."""

    hands: SandboxWorkspace
    tree: Worktree
    port: int
    agent_socket: Path

    async def run(self, command: str) -> Observation:
        """Run a shell command as an agent does."""
        return await self.hands.act(RunCommand(command=command))

    async def python(self, code: str) -> str:
        """Run Python in the sandbox and return what it printed."""
        seen = await self.run(f"python3 - <<'LOOK'\n{code}\nLOOK")
        return seen.text.rpartition("\n(exit code")[0]


@pytest.fixture
async def house(
    tmp_path: Path,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[House]:
    """Lay out a gateway with its secrets, and check a worktree out of its mirror."""
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    for name in (".ssh/id_rsa", "app.private-key.pem", "baton.env", ".netrc", "baton.db"):
        (home / name).write_text(f"{MARK}\n")
    for name in ("BATON_WEBHOOK_SECRET", "BATON_GITHUB_TOKEN", "GH_TOKEN", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, MARK)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("BATON_HOME", str(home))
    agent_socket = tmp_path / "agent"
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent_socket))
    seed(tmp_path / "remote", {"src/a.py": "x = 1\n", "tests/test_a.py": "def test():\n    pass\n"})

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(MARK.encode())
        writer.close()

    async with Remote(tmp_path / "remote", token=MARK).serving() as remote:
        mirror = remote.mirror(home / "mirror.git", token=MARK)
        await mirror.fetch()
        tree = await mirror.add_worktree(home / "runs" / "tree", await mirror.resolve("main"))
        cache = tmp_path_factory.getbasetemp() / "environments"
        target = await prepare(tree.path, cache, sandbox)
        hands = SandboxWorkspace(
            tree.path,
            sandbox,
            git_dir=tree.git_dir,
            env=variables(target, sandbox.inside(tree.path, tree.path)),
            mounts=mounts(target),
        )
        with socket.socket(socket.AF_UNIX) as listener:
            monkeypatch.chdir(tmp_path)
            listener.bind(agent_socket.name)
            listener.listen()
            server = await asyncio.start_server(answer, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                yield House(hands, tree, port, agent_socket)


async def test_no_secret_can_be_found(house: House) -> None:
    """Neither environment, arguments nor any file that can be read there holds a secret."""
    assert os.environ["BATON_GITHUB_TOKEN"] == MARK
    look = LOOK_EVERYWHERE.replace("{mirrored}", MARK[::-1])
    assert json.loads(await house.python(look)) == [[], True]


async def test_the_search_is_real(house: House) -> None:
    """The same search finds a secret that does lie in the worktree."""
    (house.tree.path / "src" / "leak.txt").write_text(MARK)
    look = LOOK_EVERYWHERE.replace("{mirrored}", MARK[::-1])
    assert json.loads(await house.python(look)) == [["/workspace/src/leak.txt"], True]


async def test_no_socket_of_the_host_can_be_reached(house: House) -> None:
    """A server that would hand the secret out is not there, and no agent for keys either."""
    tcp = CONNECT.format(family="AF_INET", address=("127.0.0.1", house.port))
    unix = CONNECT.format(family="AF_UNIX", address=repr(str(house.agent_socket)))
    assert await house.python(tcp) == "ConnectionRefusedError"
    assert await house.python(unix) == "FileNotFoundError"
    assert await house.python("import os; print(os.environ.get('SSH_AUTH_SOCK'))") == "None"


@pytest.mark.parametrize(
    "command",
    [
        "git config user.name evil",
        "git config --global core.hooksPath /tmp && git config --system core.pager sh",
        "echo '[core]' >> .git/config",
        "echo 'gitdir: /tmp/x' > .git",
        "rm -rf .git; git init .",
        "echo x > /repository.git/config",
        "mkdir -p /repository.git/hooks && echo x > /repository.git/hooks/pre-push",
        "git update-ref refs/heads/main HEAD~0 --create-reflog",
        "git push origin HEAD:main",
        "git worktree add /tmp/other HEAD",
        "mount --bind /tmp /repository.git",
    ],
)
async def test_git_stays_as_it_is(house: House, command: str) -> None:
    """No command changes a byte of the repository's configuration, references or hooks."""
    before = _contents(house.tree.git_dir.parents[1])
    await house.run(command)
    assert _contents(house.tree.git_dir.parents[1]) == before
    assert (house.tree.path / ".git").read_text().startswith("gitdir: ")


async def test_git_can_be_read(house: House) -> None:
    """History is there to be read, and names neither token nor place of the host."""
    seen = await house.run("git log --format=%s && git config --list --show-origin")
    assert seen.ok
    assert MARK not in seen.text
    assert str(house.tree.path.parent) not in seen.text


LINKS = {
    "key": "../../.ssh/id_rsa",
    "home": "../..",
    "processes": "/proc/self",
    "environment": "/proc/self/environ",
    "git": "/repository.git",
    "loop": "loop",
}


@pytest.mark.parametrize(
    "action",
    [
        ViewFile(path="key"),
        ViewFile(path="home/.ssh/id_rsa"),
        ViewFile(path="home"),
        ViewFile(path="processes/environ"),
        ViewFile(path="environment"),
        ViewFile(path="loop"),
        ViewFile(path="../../.ssh/id_rsa"),
        ViewFile(path="/proc/self/environ"),
        ViewFile(path="/proc/1/environ"),
        ViewFile(path="~/.ssh/id_rsa"),
        ViewFile(path=".git"),
        ViewFile(path="pipe"),
        Search(pattern="s3cr3t", path="key"),
        Search(pattern="s3cr3t", path="processes"),
        Search(pattern="s3cr3t", path="/proc"),
        Search(pattern="s3cr3t", path=".."),
        EditFile(path="key", search=f"{MARK}\n", replace="x\n"),
        EditFile(path="home/baton.env", search=f"{MARK}\n", replace="x\n"),
        CreateFile(path="home/.ssh/authorized_keys", content="x\n"),
        CreateFile(path="processes/fd/9", content="x\n"),
        CreateFile(path="git/hooks/pre-push", content="x\n"),
        CreateFile(path=".git/hooks/pre-push", content="x\n"),
        CreateFile(path="../../planted", content="x\n"),
    ],
    ids=lambda action: f"{action.kind} {action.path}",
)
async def test_file_tools_keep_to_the_worktree(house: House, action: Action) -> None:
    """What the host does with files for an agent follows no link out, and never hangs."""
    for name, target in LINKS.items():
        (house.tree.path / name).symlink_to(target)
    os.mkfifo(house.tree.path / "pipe")
    home = house.tree.path.parents[1]
    before = _contents(home / ".ssh") | {"env": (home / "baton.env").read_bytes()}
    seen = await house.hands.act(action)
    assert MARK not in seen.text
    assert "BATON_" not in seen.text
    assert not (seen.ok and isinstance(action, ViewFile | EditFile | CreateFile))
    assert _contents(home / ".ssh") | {"env": (home / "baton.env").read_bytes()} == before
    assert not (home / "planted").exists()


def _contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its content."""
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
