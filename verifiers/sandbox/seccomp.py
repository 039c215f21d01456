"""The system calls that a sandbox refuses, as a seccomp filter in classic BPF.

Two filters are made. The outer one holds for everything in a sandbox; the inner one, laid over it
just before a submission runs, refuses besides what only the sandbox's own setting up needs: new
namespaces and mounts.

What is refused fails with EPERM, so that programs that merely try go on; `clone3`, whose flags a
filter cannot read, is said not to exist, and the C library falls back to `clone`.
"""

import platform
import struct
from collections.abc import Iterable

from gym_reason.types import Json

_LOAD_WORD = 0x20
_JUMP_EQUAL = 0x15
_JUMP_AT_LEAST = 0x35
_JUMP_ANY_BIT = 0x45
_RETURN = 0x06

_ALLOW = 0x7FFF0000
_KILL = 0x80000000
_ERRNO = 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97

# Offsets into struct seccomp_data; the low half of an argument on little-endian machines.
_NUMBER, _ARCHITECTURE, _ARGUMENT_0, _ARGUMENT_1 = 0, 4, 16, 24

_NAMESPACE_FLAGS = 0x7E020080
"""CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
_SOCKET_FAMILY = 1
"""AF_UNIX. A network namespace does not hold AF_VSOCK, and what AF_INET leaves in it, such as a
port that is not free yet, would be there for the next run."""
_TERMINAL_REQUESTS = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX, which type into a terminal."""
_FIRST_UNKNOWN = 470
"""Calls from this number on are newer than the lists below, or the x32 forms of all."""

# name: (x86_64, aarch64); -1 where the architecture has no such call.
_ALWAYS_REFUSED: dict[str, tuple[int, int]] = {
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "bpf": (321, 280), "userfaultfd": (323, 282), "perf_event_open": (298, 241),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "process_madvise": (440, 440), "pidfd_getfd": (438, 438),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "syslog": (103, 116), "vhangup": (153, 58),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "lookup_dcookie": (212, 18), "nfsservctl": (180, 42), "personality": (135, 92),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "sethostname": (170, 161), "setdomainname": (171, 162),
    "iopl": (172, -1), "ioperm": (173, -1), "modify_ldt": (154, -1), "uselib": (134, -1),
    "_sysctl": (156, -1), "ustat": (136, -1), "sysfs": (139, -1),
    "move_pages": (279, 239), "migrate_pages": (256, 238), "mbind": (237, 235),
    "set_mempolicy": (238, 237), "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    "memfd_secret": (447, 447), "set_mempolicy_home_node": (450, 450),
    "sync": (162, 81), "syncfs": (306, 267), "io_setup": (206, 0),
    "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "open_tree_attr": (467, 467),
    "statmount": (457, 457), "listmount": (458, 458),
}  # fmt: skip
_REFUSED_WITHIN: dict[str, tuple[int, int]] = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "unshare": (272, 97), "setns": (308, 268),
}  # fmt: skip
_REFUSED_WITHOUT_OWN_IPC: dict[str, tuple[int, int]] = {
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
}  # fmt: skip
"""What makes things that outlive a run where it has no IPC namespace of its own."""
_CLONE, _CLONE3 = (56, 220), (435, 435)
_SOCKET, _SOCKETPAIR = (41, 198), (53, 199)
_IOCTL = (16, 29)

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def build_filter(machine: str | None = None, *, inner: bool, own_ipc: bool = True) -> bytes | None:
    """Return a filter as an array of `struct sock_filter`, or None for an unknown machine.

    Args:
        machine: As `platform.machine()` names it; this one by default.
        inner: Whether to refuse new namespaces and mounts too.
        own_ipc: Whether each run has an IPC namespace of its own; else it may not use System V IPC.
    """
    known = _ARCHITECTURES.get(machine or platform.machine())
    if known is None:
        return None
    column, audit_name = known
    refused = dict(_ALWAYS_REFUSED)
    if inner:
        refused |= _REFUSED_WITHIN
    if not own_ipc:
        refused |= _REFUSED_WITHOUT_OWN_IPC
    program = [
        _step(_LOAD_WORD, _ARCHITECTURE),
        _step(_JUMP_EQUAL, audit_name, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD_WORD, _NUMBER),
    ]
    program += [_step(_JUMP_AT_LEAST, _FIRST_UNKNOWN, 0, 1), _refuse(_ENOSYS)]
    for numbers in refused.values():
        if numbers[column] >= 0:
            program += [_step(_JUMP_EQUAL, numbers[column], 0, 1), _refuse(_EPERM)]
    if inner:
        program += [_step(_JUMP_EQUAL, _CLONE3[column], 0, 1), _refuse(_ENOSYS)]
        program += _when(
            _CLONE[column],
            [
                _step(_LOAD_WORD, _ARGUMENT_0),
                _step(_JUMP_ANY_BIT, _NAMESPACE_FLAGS, 0, 1),
                _refuse(_EPERM),
            ],
        )
    for socket in (_SOCKET, _SOCKETPAIR):
        program += _when(socket[column], _allow_only(_ARGUMENT_0, _SOCKET_FAMILY))
    requests = [_step(_LOAD_WORD, _ARGUMENT_1)]
    for request in _TERMINAL_REQUESTS:
        requests += [_step(_JUMP_EQUAL, request, 0, 1), _refuse(_EPERM)]
    program += _when(_IOCTL[column], requests)
    program.append(_step(_RETURN, _ALLOW))
    return b"".join(program)


def build_profile() -> dict[str, Json]:
    """Return the inner filter as a profile of Docker's, for a container whose runs share its IPC.

    A kernel reads half of some arguments, but a profile compares them whole: each rule is such that
    other high bits do not pass it.

    Source: the OCI runtime specification, config-linux.md, "Seccomp".
    """
    refused = [*_ALWAYS_REFUSED, *_REFUSED_WITHIN, *_REFUSED_WITHOUT_OWN_IPC]
    rules: list[Json] = [_rule(refused, _EPERM), _rule(["clone3"], _ENOSYS)]
    for bit in range(32):
        if _NAMESPACE_FLAGS >> bit & 1:
            rules.append(_rule(["clone"], _EPERM, 0, "SCMP_CMP_MASKED_EQ", 1 << bit, 1 << bit))
    sockets = ["socket", "socketpair"]
    rules.append(_rule(sockets, _EAFNOSUPPORT, 0, "SCMP_CMP_NE", _SOCKET_FAMILY))
    for request in _TERMINAL_REQUESTS:
        rules.append(_rule(["ioctl"], _EPERM, 1, "SCMP_CMP_MASKED_EQ", 0xFFFFFFFF, request))
    return {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}


def _rule(
    names: Iterable[str], error: int, index: int = -1, compare: str = "", *values: int
) -> dict[str, Json]:
    rule: dict[str, Json] = {
        "names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": error
    }  # fmt: skip
    if compare:
        value, second = (*values, 0)[:2]
        rule["args"] = [{"index": index, "value": value, "valueTwo": second, "op": compare}]
    return rule


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _refuse(error: int) -> bytes:
    return _step(_RETURN, _ERRNO | error)


def _allow_only(argument: int, value: int) -> list[bytes]:
    allow = [_step(_JUMP_EQUAL, value, 0, 1), _step(_RETURN, _ALLOW)]
    return [_step(_LOAD_WORD, argument), *allow, _refuse(_EAFNOSUPPORT)]


def _when(number: int, steps: list[bytes]) -> list[bytes]:
    """Return `steps` for one system call; after them the call's number is loaded again."""
    body = [*steps, _step(_RETURN, _ALLOW)]
    return [_step(_JUMP_EQUAL, number, 0, len(body)), *body]
