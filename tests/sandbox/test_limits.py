import asyncio
import os
import tracemalloc
from pathlib import Path

import pytest

from shared.sandbox import Ended, pids
from shared.sandbox.output import Output
from shared.sandbox.watch import DiskWatch, disk_usage
from tests.sandbox.box import Box, running

_MIB = 1024**2


# The watch alone is slower than a bomb: where nothing else holds root, none is set off.
bounded = pytest.mark.skipif(
    os.geteuid() == 0 and pids.controller() is None,
    reason="root is not held by RLIMIT_NPROC, and the pids controller cannot be written to",
)


@bounded
async def test_a_fork_bomb_is_bounded(box: Box) -> None:
    """A fork bomb gets no further than its limit, and nothing of it is left."""
    bomb = (
        f"import os, time\nwhile True:\n  try: os.fork()\n  except OSError: time.sleep({box.mark})"
    )
    finished = await box.python(bomb, processes=64, seconds=1)
    assert finished.ended in {Ended.KILLED, Ended.TIMED_OUT}
    assert running(bomb) == []


@bounded
async def test_processes_stop_at_the_limit(box: Box) -> None:
    """A process that forks without end gets an error at the limit, or the end."""
    code = (
        "import os, time\nanswer = 0\n"
        "try:\n  while answer < 5000:\n    if os.fork() == 0: time.sleep(60)\n    answer += 1\n"
        "except OSError: pass\nprint(answer)"
    )
    finished = await box.python(code, processes=64, seconds=20)
    assert finished.ended is Ended.KILLED or int(finished.output) < 64


async def test_many_threads_are_bounded(box: Box) -> None:
    """Threads count as processes do."""
    code = (
        "import threading, time\n"
        "while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    )
    finished = await box.python(code, processes=64, seconds=20)
    assert finished.ended is Ended.KILLED or "can't start new thread" in finished.output


async def test_one_process_cannot_take_more_memory(box: Box) -> None:
    """Memory beyond the limit is refused to a process that asks for it."""
    finished = await box.python(f"bytearray({600 * _MIB})", memory_bytes=256 * _MIB)
    assert "MemoryError" in finished.output


async def test_a_tree_cannot_take_more_memory(box: Box) -> None:
    """Many processes are killed together when their memory is too much in sum."""
    code = (
        "import os, time\n"
        "for _ in range(6):\n  if os.fork() == 0: break\n"
        f"held = b'x' * {60 * _MIB}\n"
        "time.sleep(60)"
    )
    finished = await box.python(code, memory_bytes=200 * _MIB, seconds=30)
    assert (finished.ended, finished.exit_code) == (Ended.KILLED, 137)


@pytest.mark.parametrize("call", ["os.memfd_create('x')", "libc.shmget(1, 4096, 0o1600)"])
async def test_memory_that_no_limit_counts_is_refused(box: Box, call: str) -> None:
    """Memory without a size limit of its own cannot be had."""
    code = (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"try: answer = {call}\nexcept OSError: answer = -1"
    )
    assert await box.answer(code) == -1


async def test_processor_time_is_bounded(box: Box) -> None:
    """A process that computes for too long gets the signal for it."""
    finished = await box.python("while True: pass", cpu_seconds=1, seconds=30)
    assert (finished.exit_code, finished.ended) == (128 + 24, Ended.EXITED)


async def test_open_files_are_bounded(box: Box) -> None:
    """A process cannot hold more files open than its limit."""
    code = "held = []\nwhile True: held.append(open('/dev/null'))"
    assert "Too many open files" in (await box.python(code, files=32)).output


async def test_one_file_is_bounded(box: Box) -> None:
    """A file stops growing at its limit."""
    await box.sh("head -c 50000000 /dev/zero > f", file_bytes=_MIB)
    assert (box.workspace / "f").stat().st_size == _MIB


async def test_a_flood_of_output_ends_the_command(box: Box) -> None:
    """Endless output ends the command, and only the ends of it are kept."""
    finished = await box.sh("yes", output_bytes=1000, seconds=30)
    assert finished.ended is Ended.OUTPUT_LIMIT
    assert len(finished.output) < 1100


async def test_a_flood_of_bytes_in_files_ends_the_command(box: Box) -> None:
    """Files that together pass the limit end the command while it writes."""
    script = "i=0; while :; do i=$((i+1)); head -c 1000000 /dev/zero > f$i; done"
    finished = await box.sh(script, disk_bytes=20 * _MIB, seconds=30)
    assert finished.ended is Ended.DISK_LIMIT


async def test_a_flood_of_empty_files_ends_the_command(box: Box) -> None:
    """Empty files take inodes, and count."""
    code = "import itertools\nfor i in itertools.count(): open(f'f{i}', 'w').close()"
    finished = await box.python(code, disk_bytes=4 * _MIB, seconds=30)
    assert finished.ended is Ended.DISK_LIMIT


async def test_a_quick_flood_is_noticed_afterwards(box: Box) -> None:
    """A command that is over before anybody looked has still passed its limit."""
    finished = await box.sh("head -c 3000000 /dev/zero > f", disk_bytes=_MIB)
    assert finished.ended is Ended.DISK_LIMIT


async def test_space_cannot_be_taken_without_writing(box: Box) -> None:
    """Reserving disk space, which takes no time at all, is refused."""
    code = (
        "import ctypes, os\nf = os.open('f', os.O_CREAT | os.O_RDWR)\n"
        f"answer = ctypes.CDLL(None).fallocate(f, 0, 0, {_MIB})"
    )
    assert await box.answer(code) == -1
    assert (box.workspace / "f").stat().st_blocks == 0


async def test_deleting_is_no_growth(box: Box) -> None:
    """Only what is added counts, not what was there before."""
    (box.workspace / "big").write_bytes(b"x" * 3 * _MIB)
    finished = await box.sh("cp big other; rm big", disk_bytes=_MIB)
    assert finished.ok


async def test_temporary_places_are_bounded(box: Box) -> None:
    """Every writable file system that lies in memory has a size."""
    code = (
        "import os\nplaces = ('/tmp', '/dev/shm', os.environ['HOME'])\n"
        "answer = [(s := os.statvfs(p)).f_blocks * s.f_frsize for p in places]"
    )
    assert await box.answer(code) == [512 * _MIB, 128 * _MIB, 256 * _MIB]


async def test_shared_memory_is_full_at_its_size(box: Box) -> None:
    """Beyond the size of such a file system there is no space."""
    finished = await box.sh("head -c 200000000 /dev/zero > /dev/shm/f")
    assert "No space left on device" in finished.output


def test_long_output_takes_little_memory() -> None:
    """However much is added, no more than the limit is held."""
    output = Output(1000)
    chunk = b"x" * 65536
    tracemalloc.start()
    for _ in range(500):
        output.add(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert output.total == 500 * 65536
    assert peak < 4 * len(chunk)


@pytest.mark.parametrize("sizes", [(1000,), (1, 999), (999, 1), (500, 500), (10,) * 100])
def test_output_up_to_the_limit_is_whole(sizes: tuple[int, ...]) -> None:
    """Output that fits is kept unchanged, however it comes in pieces."""
    output = Output(1000)
    whole = bytes(i % 26 + 97 for i in range(1000))
    at = 0
    for size in sizes:
        output.add(whole[at : at + size])
        at += size
    assert output.text() == whole.decode()


def test_a_character_across_the_seam_is_whole() -> None:
    """Text that fits is not broken where the two halves meet."""
    output = Output(9)
    output.add("한국어".encode())
    assert output.text() == "한국어"


def test_links_are_not_followed_when_space_is_counted(tmp_path: Path) -> None:
    """A link out of the tree, or into a circle, counts as itself."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "big").write_bytes(b"x" * _MIB)
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "big")
    (tmp_path / "tree" / "circle").symlink_to(tmp_path / "tree")
    assert disk_usage(tmp_path / "tree") == 2 * 4096


async def test_the_watch_tells_growth(tmp_path: Path) -> None:
    """The disk watch counts from when it began."""
    (tmp_path / "before").write_bytes(os.urandom(2 * _MIB))
    watch = await asyncio.to_thread(DiskWatch, [tmp_path], _MIB)
    assert not watch.is_over()
    (tmp_path / "after").write_bytes(os.urandom(2 * _MIB))
    assert watch.is_over()
