"""Write the seccomp filter that refuses the system calls no build or test needs.

The filter is a program for the kernel's classic BPF machine: it sees the number of a call,
the architecture and the arguments, and returns what to do. It is a list of what is refused;
capabilities and namespaces already stop most of it, this takes the kernel's rarely walked
code out of reach as well. Numbers: the kernel's ``unistd_64.h`` and ``asm-generic/unistd.h``;
instructions and offsets: its ``linux/bpf_common.h`` and ``linux/seccomp.h``.
"""

import errno
import platform
import struct
from typing import NamedTuple

from shared.errors import SandboxUnavailable

# Instructions: load a word of the call's data; jump if equal, greater, any bit set; return.
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
# Offsets in struct seccomp_data; arguments are 64 bits wide, their low half comes first.
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


class _Machine(NamedTuple):
    audit: int
    column: int


_MACHINES = {
    "x86_64": _Machine(0xC000003E, 0),
    "aarch64": _Machine(0xC00000B7, 1),
    "arm64": _Machine(0xC00000B7, 1),
}

# Name: its number on x86-64 and on aarch64.
_FORBIDDEN = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "reboot": (169, 142),
    "syslog": (103, 116),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
}
# Refused as if the kernel did not know them: programs then take another way. The flags of
# clone3 lie in memory, where a filter cannot look; the others make memory or disk space
# that no limit counts.
_UNKNOWN = {
    "clone3": (435, 435),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
}
_FALLOCATE = (285, 47)
_CLONE, _SOCKET, _IOCTL = (56, 220), (41, 198), (16, 29)
# Every call added to the kernel after mseal, and the whole x32 table above bit 30.
_LAST_KNOWN = 462

# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_NEW_NAMESPACES = 0x7E020000
_TTY_INJECTION = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_UNIX, _INET, _INET6, _NETLINK, _NETLINK_ROUTE = 1, 2, 10, 16, 0


def program(machine: str = "") -> bytes:
    """Return the filter for a machine, by default this one, as an array of sock_filter.

    Raises SandboxUnavailable for a machine whose call numbers are not known here.
    """
    name = machine or platform.machine()
    if name not in _MACHINES:
        raise SandboxUnavailable(
            f"There is no sandbox for {name} machines: run Baton on x86-64 or aarch64."
        )
    audit, column = _MACHINES[name]
    refused = {numbers[column]: errno.EPERM for numbers in _FORBIDDEN.values()}
    refused |= {numbers[column]: errno.ENOSYS for numbers in _UNKNOWN.values()}
    refused[_FALLOCATE[column]] = errno.EOPNOTSUPP
    return b"".join(
        [
            _load(_ARCHITECTURE),
            _unless(_EQUAL, audit, _return(_KILL)),
            _load(_NUMBER),
            _when(_GREATER, _LAST_KNOWN, _refuse(errno.ENOSYS)),
            *(_when(_EQUAL, number, _refuse(code)) for number, code in refused.items()),
            _when(_EQUAL, _CLONE[column], _clone()),
            _when(_EQUAL, _IOCTL[column], _ioctl()),
            _when(_EQUAL, _SOCKET[column], _socket()),
            _return(_ALLOW),
        ]
    )


def _clone() -> bytes:
    """Refuse a process in new namespaces."""
    return (
        _load(_ARGUMENTS) + _when(_ANY_BIT, _NEW_NAMESPACES, _refuse(errno.EPERM)) + _return(_ALLOW)
    )


def _ioctl() -> bytes:
    """Refuse to type into a terminal; the kernel too reads the low half alone."""
    refusals = [_when(_EQUAL, request, _refuse(errno.EPERM)) for request in _TTY_INJECTION]
    return _load(_ARGUMENTS + 8) + b"".join(refusals) + _return(_ALLOW)


def _socket() -> bytes:
    """Allow local sockets, the (empty) network, and the list of its interfaces."""
    route = (
        _load(_ARGUMENTS + 16)
        + _when(_EQUAL, _NETLINK_ROUTE, _return(_ALLOW))
        + _refuse(errno.EAFNOSUPPORT)
    )
    allowed = [_when(_EQUAL, f, _return(_ALLOW)) for f in (_UNIX, _INET, _INET6)]
    return (
        _load(_ARGUMENTS)
        + b"".join(allowed)
        + _when(_EQUAL, _NETLINK, route)
        + _refuse(errno.EAFNOSUPPORT)
    )


def _when(test: int, value: int, then: bytes) -> bytes:
    """Run ``then`` when the loaded word passes the test, else skip it."""
    return _instruction(test, value, if_not=len(then) // _SIZE) + then


def _unless(test: int, value: int, then: bytes) -> bytes:
    """Run ``then`` when the loaded word fails the test, else skip it."""
    return _instruction(test, value, if_so=len(then) // _SIZE) + then


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, offset)


def _return(action: int) -> bytes:
    return _instruction(_RETURN, action)


def _refuse(code: int) -> bytes:
    return _return(_ERRNO | code)


_FORMAT = struct.Struct("=HBBI")
_SIZE = _FORMAT.size


def _instruction(code: int, value: int, *, if_so: int = 0, if_not: int = 0) -> bytes:
    return _FORMAT.pack(code, if_so, if_not, value)
