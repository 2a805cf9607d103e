"""Each way out of the sandbox, tried; each with the one outcome that is right."""

import asyncio
import os
import platform
import secrets
import socket
from pathlib import Path

import pytest

from shared.errors import SandboxError
from shared.sandbox import Command
from tests.sandbox.box import SYSCALL, Box

x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="calls by their x86-64 numbers")


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a secret in the environment of the process that runs the sandbox."""
    value = secrets.token_hex(16)
    monkeypatch.setenv("BATON_PROBE_TOKEN", value)
    return value


async def test_a_server_of_the_host_is_out_of_reach(box: Box) -> None:
    """A TCP connection to the host's own 127.0.0.1 is refused and never arrives."""
    arrived = []
    server = await asyncio.start_server(lambda *peer: arrived.append(peer), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await box.errno(f"socket.create_connection(('127.0.0.1', {port}))", "import socket")
    assert (error, arrived) == ("ECONNREFUSED", [])


@pytest.mark.parametrize("address", ["1.1.1.1", "169.254.169.254", "10.0.0.1", "fe80::1"])
async def test_the_network_does_not_exist(box: Box, address: str) -> None:
    """No address outside is reachable, be it public, private or the cloud's metadata."""
    statement = f"socket.create_connection(('{address}', 80), timeout=5)"
    assert await box.errno(statement, "import socket") in {"ENETUNREACH", "EINVAL"}


async def test_datagrams_go_nowhere(box: Box) -> None:
    """A DNS question cannot be sent by hand either."""
    setup = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
    assert await box.errno("s.sendto(b'?', ('8.8.8.8', 53))", setup) == "ENETUNREACH"


async def test_names_are_not_resolved(box: Box) -> None:
    """There is no DNS."""
    code = (
        "import socket\ntry: answer = socket.getaddrinfo('example.com', 443)\n"
        "except socket.gaierror: answer = 'no such name'"
    )
    assert await box.answer(code) == "no such name"


async def test_loopback_works_inside(box: Box) -> None:
    """Tests that start their own server on 127.0.0.1 can reach it: the network is their own."""
    code = (
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\n"
        "c = socket.create_connection(s.getsockname())\n"
        "s.accept()[0].send(b'hello')\nanswer = c.recv(9).decode()"
    )
    assert await box.answer(code) == "hello"


async def test_abstract_sockets_of_the_host_are_out_of_reach(box: Box) -> None:
    """An abstract unix socket, which is no file, belongs to the host's network alone."""
    name = f"baton-probe-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        setup = "import socket\ns = socket.socket(socket.AF_UNIX)"
        assert await box.errno(rf"s.connect('\0{name}')", setup) == "ECONNREFUSED"


async def test_unix_sockets_of_the_host_are_out_of_reach(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unix socket on the host's disk is not there."""
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path)  # a socket's path may not be long
        listener.bind("s")
        listener.listen()
        setup = "import socket\ns = socket.socket(socket.AF_UNIX)"
        assert await box.errno(f"s.connect('{tmp_path}/s')", setup) == "ENOENT"


@pytest.mark.parametrize(
    ("family", "kind"),
    [("AF_NETLINK", "12"), ("AF_VSOCK", "0"), ("AF_PACKET", "0"), ("AF_ALG", "0")],
)
async def test_other_families_of_sockets_are_refused(box: Box, family: str, kind: str) -> None:
    """Sockets that reach past the network namespace or deep into the kernel do not exist."""
    statement = f"socket.socket(socket.{family}, socket.SOCK_RAW, {kind})"
    assert await box.errno(statement, "import socket") == "EAFNOSUPPORT"


async def test_only_these_directories_exist(box: Box) -> None:
    """The root holds the system's programs and the sandbox's own places, nothing else."""
    linked = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"}
    command = Command(argv=("ls", "/"))
    seen = set((await box.sandbox.run(command, box.workspace)).output.split())
    assert seen - linked == {"dev", "etc", "home", "proc", "tmp", "usr", "workspace"}


@pytest.mark.parametrize(
    "directory",
    ["/", "/usr", "/usr/bin", "/usr/local", "/etc", "/dev", "/home", "/proc", "/proc/sys/kernel"],
)
async def test_nothing_can_be_written_outside(box: Box, directory: str) -> None:
    """Only the workspace and the temporary places can be written."""
    error = await box.errno(f"open('{directory}/planted', 'w')")
    assert error in {"EROFS", "ENOENT", "EACCES"}
    assert "planted" not in os.listdir(directory)  # noqa: PTH208 - names are enough


async def test_what_is_temporary_goes_away(box: Box) -> None:
    """Files in /tmp and in the home directory are those of one command."""
    await box.sh("echo x > /tmp/left; echo x > ~/left; echo x > /dev/shm/left")
    assert (await box.sh("ls -A /tmp ~ /dev/shm")).output.count("left") == 0


async def test_the_home_directory_is_another(box: Box) -> None:
    """The home directory of the person who runs Baton cannot be read."""
    home = Path.home()
    assert any(home.iterdir())
    finished = await box.sh(f"ls -A {home}")
    assert finished.exit_code != 0
    assert "No such file or directory" in finished.output


async def test_the_hosts_accounts_are_unknown(box: Box) -> None:
    """The sandbox has accounts of its own, and no password hashes."""
    finished = await box.sh("cut -d: -f1 /etc/passwd; cat /etc/shadow")
    assert finished.output.startswith("root\nbaton\n")
    assert "/etc/shadow: No such file or directory" in finished.output


_LOOK = (
    "import glob, os\n"
    "seen = repr(dict(os.environ)).encode()\n"
    "for path in glob.glob('/proc/*/environ') + glob.glob('/proc/*/cmdline') + "
    "glob.glob('/proc/*/task/*/environ'):\n"
    "    try: seen += open(path, 'rb').read()\n"
    "    except OSError: pass\n"
)


async def test_a_secret_of_the_caller_is_nowhere(box: Box, secret: str) -> None:
    """No environment and no command line that can be seen inside holds the caller's secret."""
    assert os.environ["BATON_PROBE_TOKEN"] == secret
    seen = await box.answer(f"{_LOOK}answer = seen.decode(errors='replace')")
    assert isinstance(seen, str)
    assert secret not in seen
    assert "BATON_PROBE_TOKEN" not in seen


async def test_the_search_for_secrets_finds_what_is_there(box: Box) -> None:
    """The same search does find a value that the command was given: it looks for real."""
    assert "/bin/python3" in str(await box.answer(f"{_LOOK}answer = seen.decode()"))


async def test_the_first_process_shows_nothing(box: Box) -> None:
    """The environment of process 1 is empty, and its arguments name no path of the host."""
    finished = await box.sh("cat /proc/1/environ; tr '\\0' ' ' < /proc/1/cmdline")
    assert str(box.workspace) not in finished.output
    assert "=" not in finished.output.split("/usr/bin/prlimit")[0]


async def test_processes_of_the_host_are_invisible(box: Box) -> None:
    """Inside there are only the sandbox's own processes, and no other can be signalled."""
    code = "import os\nanswer = sorted(int(p) for p in os.listdir('/proc') if p.isdigit())"
    pids = await box.answer(code)
    assert isinstance(pids, list)
    assert pids[0] == 1
    assert len(pids) == 2
    assert await box.errno(f"os.kill({os.getpid() + 100_000}, 0)", "import os") == "ESRCH"


async def test_git_of_the_workspace_is_read_only(box: Box) -> None:
    """Neither .git nor its configuration nor its hooks can be written, moved or removed."""
    git = box.workspace / ".git"
    (git / "hooks").mkdir(parents=True)
    (git / "config").write_text("[core]\n")
    await box.sh(
        "echo '[core] fsmonitor = evil' >> .git/config; echo x > .git/hooks/post-commit;"
        "echo x > .git/new; mv .git other; rm -rf .git; ln -s /tmp .git; chmod -R 777 .git"
    )
    assert (git / "config").read_text() == "[core]\n"
    assert sorted(p.name for p in git.rglob("*")) == ["config", "hooks"]
    assert [p.name for p in box.workspace.iterdir()] == [".git"]


async def test_the_file_that_points_to_git_is_read_only(box: Box) -> None:
    """The .git file of a worktree cannot be pointed elsewhere."""
    (box.workspace / ".git").write_text("gitdir: /somewhere\n")
    await box.sh("echo 'gitdir: /workspace/evil' > .git; rm -f .git; mv .git x")
    assert (box.workspace / ".git").read_text() == "gitdir: /somewhere\n"


async def test_a_link_in_place_of_git_is_refused(box: Box, tmp_path: Path) -> None:
    """A planted .git link would show a directory of the host; nothing runs with it."""
    (box.workspace / ".git").symlink_to(tmp_path)
    with pytest.raises(SandboxError, match="is a symbolic link"):
        await box.sh("ls .git/")


@pytest.mark.parametrize("target", ["/etc/shadow", "outside", "/proc/1/root/etc/shadow"])
async def test_a_link_shows_nothing_more(box: Box, tmp_path: Path, target: str) -> None:
    """A link in the workspace leads to what the sandbox has, not to what the host has."""
    (tmp_path / "outside").write_text("hidden")
    (box.workspace / "link").symlink_to(tmp_path / target if target == "outside" else target)
    assert await box.errno("open('link').read()") == "ENOENT"


@x86
async def test_user_namespaces_cannot_be_made(box: Box) -> None:
    """No way to a namespace of one's own: neither unshare nor clone nor clone3."""
    new_user = 0x10000000
    assert await box.errno(f"syscall(272, {new_user})", SYSCALL) == "EPERM"
    assert await box.errno(f"syscall(56, {new_user} | 17, 0, 0, 0, 0)", SYSCALL) == "EPERM"
    assert await box.errno("syscall(435, 0, 0)", SYSCALL) == "ENOSYS"


@x86
async def test_nothing_can_be_mounted(box: Box) -> None:
    """Neither the old nor the new calls for mounting work."""
    assert await box.errno("syscall(165, b'none', b'/tmp', b'tmpfs', 0, 0)", SYSCALL) == "EPERM"
    assert await box.errno("syscall(166, b'/proc/sys', 0)", SYSCALL) == "EPERM"
    assert await box.errno("syscall(430, b'tmpfs', 0)", SYSCALL) == "EPERM"


@x86
async def test_nothing_can_be_traced(box: Box) -> None:
    """No process can be traced, or its memory read, not even an own one."""
    assert await box.errno("syscall(101, 16, os.getppid(), 0, 0)", SYSCALL) == "EPERM"
    assert await box.errno("syscall(310, os.getppid(), 0, 0, 0, 0, 0)", SYSCALL) == "EPERM"


@x86
@pytest.mark.parametrize(
    ("name", "number"), [("bpf", 321), ("keyctl", 250), ("perf_event_open", 298), ("reboot", 169)]
)
async def test_deep_calls_of_the_kernel_are_refused(box: Box, name: str, number: int) -> None:
    """Calls that no build or test needs end with EPERM."""
    assert await box.errno(f"syscall({number}, 0, 0, 0, 0, 0)", SYSCALL) == "EPERM", name


@x86
@pytest.mark.parametrize("number", [425, 463, 0x40000000 | 39])
async def test_unfamiliar_calls_do_not_exist(box: Box, number: int) -> None:
    """io_uring, calls newer than the filter, and the x32 table are not there."""
    assert await box.errno(f"syscall({number}, 0, 0)", SYSCALL) == "ENOSYS"


@x86
@pytest.mark.parametrize("noise", [0, 1 << 40])
async def test_a_terminal_cannot_be_typed_into(box: Box, noise: int) -> None:
    """TIOCSTI is refused, with any dirt in the upper half of its number."""
    setup = f"{SYSCALL}\nmaster, slave = os.openpty()"
    statement = f"syscall(16, slave, {0x5412 | noise}, b'x')"
    assert await box.errno(statement, setup) == "EPERM"


@pytest.mark.parametrize(
    "path",
    ["/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory", "/proc/sysrq-trigger"],
)
async def test_the_kernel_cannot_be_tuned(box: Box, path: str) -> None:
    """Settings of the kernel are read-only, for a sandbox of root as well."""
    missing = set() if Path(path).exists() else {"ENOENT"}  # noqa: ASYNC240  one look before anything runs
    assert await box.errno(f"open('{path}', 'w')") in {"EROFS", "EACCES"} | missing


async def test_only_harmless_devices_exist(box: Box) -> None:
    """There are no disks, no memory, no input devices, and none can be made."""
    devices = await box.answer("import os\nanswer = os.listdir('/dev')")
    assert isinstance(devices, list)
    assert set(devices) == {
        *("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm"),
        *("fd", "stdin", "stdout", "stderr", "core"),
    }
    assert await box.errno("os.mknod('disk', 0o60600, os.makedev(8, 0))", "import os") == "EPERM"


async def test_privileges_cannot_be_gained(box: Box) -> None:
    """No capability, no new privileges, a filter in place, and setuid without effect."""
    status = (await box.sh("cat /proc/self/status")).output
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {int(fields[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
    assert (fields["NoNewPrivs"], fields["Seccomp"]) == ("1", "2")
    mounts = (await box.sh("cut -d' ' -f4 /proc/mounts")).output.split()
    assert [options for options in mounts if "nosuid" not in options.split(",")] == []


async def test_identity_is_an_ordinary_users(box: Box) -> None:
    """Inside, the command is nobody special and cannot become anybody else."""
    assert (await box.sh("id -u; id -g")).output.split() == ["1000", "1000"]
    assert await box.errno("os.setuid(0)", "import os") in {"EPERM", "EINVAL"}
