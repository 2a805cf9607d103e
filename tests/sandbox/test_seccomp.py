import errno
import struct

import pytest

from shared.errors import SandboxUnavailable
from shared.sandbox import seccomp

_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_X86, _ARM = "x86_64", "aarch64"
_AUDIT = {_X86: 0xC000003E, _ARM: 0xC00000B7}


def judge(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """Run the filter as the kernel would, on one system call; return its verdict."""
    data = struct.pack(
        "<IIQ6Q", number, audit or _AUDIT[machine], 0, *arguments, *[0] * (6 - len(arguments))
    )
    program = list(struct.iter_unpack("=HBBI", seccomp.program(machine)))
    at, word = 0, 0
    while True:
        code, if_so, if_not, value = program[at]
        at += 1
        if code == 0x20:
            (word,) = struct.unpack_from("<I", data, value)
        elif code == 0x06:
            return int(value)
        else:
            met = {0x15: word == value, 0x25: word > value, 0x45: bool(word & value)}[code]
            at += if_so if met else if_not


def refused(code: int) -> int:
    """Return the verdict that makes a call fail with an error."""
    return _ERRNO | code


@pytest.mark.parametrize(("machine", "number"), [(_X86, 0), (_X86, 59), (_ARM, 63), (_ARM, 221)])
def test_ordinary_calls_pass(machine: str, number: int) -> None:
    """Read and execve are allowed on both machines."""
    assert judge(machine, number) == _ALLOW


@pytest.mark.parametrize(
    ("machine", "number"),
    [(_X86, 101), (_X86, 272), (_X86, 165), (_ARM, 117), (_ARM, 97), (_ARM, 40), (_ARM, 280)],
)
def test_forbidden_calls_fail(machine: str, number: int) -> None:
    """ptrace, unshare, mount and bpf end with EPERM under each machine's own numbers."""
    assert judge(machine, number) == refused(errno.EPERM)


@pytest.mark.parametrize(("machine", "number"), [(_X86, 319), (_ARM, 279), (_X86, 29), (_ARM, 194)])
def test_calls_with_another_way_are_unknown(machine: str, number: int) -> None:
    """memfd_create and shmget look as if the kernel did not have them."""
    assert judge(machine, number) == refused(errno.ENOSYS)


@pytest.mark.parametrize("machine", [_X86, _ARM])
@pytest.mark.parametrize("number", [425, 435, 463, 0x40000000, 0xFFFFFFFF])
def test_newer_calls_are_unknown(machine: str, number: int) -> None:
    """What the filter has not heard of does not exist, on both machines."""
    assert judge(machine, number) == refused(errno.ENOSYS)


@pytest.mark.parametrize(("machine", "clone"), [(_X86, 56), (_ARM, 220)])
@pytest.mark.parametrize(
    "flag", [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000]
)
def test_processes_and_threads_start_but_no_namespaces(machine: str, clone: int, flag: int) -> None:
    """Clone passes for fork and for threads, and fails with any flag of a namespace."""
    fork, thread = 0x01200011, 0x003D0F00
    assert judge(machine, clone, fork) == judge(machine, clone, thread) == _ALLOW
    assert judge(machine, clone, fork | flag) == refused(errno.EPERM)


@pytest.mark.parametrize(("machine", "ioctl"), [(_X86, 16), (_ARM, 29)])
def test_only_typing_into_terminals_is_refused(machine: str, ioctl: int) -> None:
    """Of all requests to devices, TIOCSTI and TIOCLINUX fail, whatever is in the upper half."""
    assert judge(machine, ioctl, 0, 0x5401) == _ALLOW
    for request in (0x5412, 0x541C, 0x5412 | 1 << 35):
        assert judge(machine, ioctl, 0, request) == refused(errno.EPERM)


@pytest.mark.parametrize(("machine", "sock"), [(_X86, 41), (_ARM, 198)])
def test_families_of_sockets(machine: str, sock: int) -> None:
    """Unix, IPv4, IPv6 and the list of interfaces are allowed, every other family is not."""
    allowed = {(family, 0) for family in range(64) if judge(machine, sock, family, 0, 0) == _ALLOW}
    assert allowed == {(1, 0), (2, 0), (10, 0), (16, 0)}
    assert judge(machine, sock, 1, 1, 7) == _ALLOW
    assert judge(machine, sock, 16, 3, 12) == refused(errno.EAFNOSUPPORT)


@pytest.mark.parametrize("machine", [_X86, _ARM])
def test_another_architecture_is_killed(machine: str) -> None:
    """A call by another architecture's table, where numbers mean something else, ends it."""
    assert judge(machine, 0, audit=0x40000003) == _KILL


def test_an_unknown_machine_has_no_sandbox() -> None:
    """Where the numbers are not known the sandbox fails closed."""
    with pytest.raises(SandboxUnavailable, match="riscv64"):
        seccomp.program("riscv64")
