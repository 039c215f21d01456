"""What a freshly forked process does to itself before a submission runs in it."""

import ctypes
import os
import resource
import signal
from typing import Any

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x20000, 0x08000000, 0x20000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 1, 2, 4, 8
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 1 << 5, 1 << 12, 1 << 14, 1 << 18
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, _PR_SET_NO_NEW_PRIVS = 22, 2, 38
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """Return `result`, or raise OSError where a C function has failed."""
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name for new ones."""
    check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def join_namespace(descriptor: int, kind: int) -> None:
    """Enter the namespace behind `descriptor`."""
    check(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


def take_private_disk(disk_bytes: int, files: int) -> None:
    """Hide `/tmp`, `/dev/shm` and `/proc` behind new ones that end with this process.

    Call it in a fresh process of a new process namespace.
    """
    unshare(CLONE_NEWNS | CLONE_NEWIPC)
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE, None)
    options = f"size={disk_bytes},nr_inodes={files},mode=700"
    for folder in ("/tmp", "/dev/shm"):
        _mount("tmpfs", folder, "tmpfs", _MS_NOSUID | _MS_NODEV, options)
    # Read-only, or a run would make itself dearer than the server, and where memory runs out the
    # kernel would kill that one instead.
    proc_flags = _MS_RDONLY | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    _mount("proc", "/proc", "proc", proc_flags, None)
    # Terminals can be opened all the same, but what a run did to /dev/pts/ptmx would stay.
    terminal_flags = _MS_REMOUNT | _MS_BIND | _MS_RDONLY | _MS_NOSUID | _MS_NOEXEC
    _mount(None, "/dev/pts", None, terminal_flags, None)


def drop_capabilities() -> None:
    """Give up every capability for good; a program that is started gets none back."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    check(_libc.capset(header, data), "capset")


def become_user(uid: int) -> None:
    """Become another user and group for good."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def set_limits(limits: dict[str, Any], cpu_s: int) -> None:
    """Set hard resource limits.

    Args:
        limits: `open_files`, `disk_bytes`; `address_bytes` and `processes` where no cgroup counts
            them.
        cpu_s: Seconds of processor time of one process.
    """
    values = {
        # Where cores go to a program of the host's, the kernel starts it at 0 too, but not at 1.
        resource.RLIMIT_CORE: 1,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_FSIZE: limits["disk_bytes"],
        resource.RLIMIT_NOFILE: limits["open_files"],
        resource.RLIMIT_MEMLOCK: 0,
    }
    if limits.get("address_bytes"):
        values[resource.RLIMIT_AS] = limits["address_bytes"]
    if limits.get("processes"):
        values[resource.RLIMIT_NPROC] = limits["processes"]
    for kind, value in values.items():
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(kind, (value, value))


def refuse_system_calls(program: bytes) -> None:
    """Lay a seccomp filter over this process and all that it starts."""
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    described = Program(len(program) // 8, ctypes.addressof(buffer))
    check(_prctl(_PR_SET_NO_NEW_PRIVS, 1), "prctl(no_new_privs)")
    check(_prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(described)), "prctl(seccomp)")


def die_first_for_memory() -> None:
    """Have the kernel choose this process and its children where memory runs out."""
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, options: str | None
) -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    data = None if options is None else options.encode()
    check(_libc.mount(*texts, ctypes.c_ulong(flags), data), f"mount {target}")


def _prctl(option: int, first: int, second: Any = 0) -> int:
    zero = ctypes.c_ulong(0)
    second = second or zero
    return int(_libc.prctl(ctypes.c_int(option), ctypes.c_ulong(first), second, zero, zero))


def leave_first_place() -> None:
    """Go on in a child where this is the first process of its namespace, which ends with the child.

    The kernel lets the first process ignore signals that end any other, and expects it to take in
    orphans: a whole program should be neither spared nor asked to. Functions under test are called
    in the first process: a second fork takes two milliseconds.
    """
    if os.getpid() != 1:
        return
    # The interpreter handles this one signal, with which a program that means its whole group would
    # end the first process too.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, handler)
        return
    os.closerange(0, 1 << 16)
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)
