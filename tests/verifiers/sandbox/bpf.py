"""A small interpreter of seccomp filters, and the system calls that tests ask about by name."""

import struct
from collections.abc import Sequence

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# The calls that a filter has to refuse, here with the numbers that the kernel's headers give them.
REFUSED = {
    "x86_64": {
        "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "bpf": 321,
        "userfaultfd": 323, "perf_event_open": 298, "add_key": 248, "request_key": 249,
        "keyctl": 250, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311,
        "pidfd_getfd": 438, "kexec_load": 246, "reboot": 169, "init_module": 175,
        "finit_module": 313, "open_by_handle_at": 304, "name_to_handle_at": 303, "iopl": 172,
        "ioperm": 173, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsmount": 432,
        "mount_setattr": 442, "swapon": 167, "sethostname": 170, "clock_settime": 227,
        "fanotify_init": 300, "personality": 135,
    },
    "aarch64": {
        "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "bpf": 280,
        "userfaultfd": 282, "perf_event_open": 241, "add_key": 217, "request_key": 218,
        "keyctl": 219, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271,
        "pidfd_getfd": 438, "kexec_load": 104, "reboot": 142, "init_module": 105,
        "finit_module": 273, "open_by_handle_at": 265, "name_to_handle_at": 264, "open_tree": 428,
        "move_mount": 429, "fsopen": 430, "fsmount": 432, "mount_setattr": 442, "swapon": 224,
        "sethostname": 161, "clock_settime": 112, "fanotify_init": 262, "personality": 92,
    },
}  # fmt: skip
REFUSED_WITHIN = {
    "x86_64": {
        "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272,
        "setns": 308,
    },
    "aarch64": {
        "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "unshare": 97, "setns": 268,
    },
}  # fmt: skip
ALLOWED = {
    "x86_64": {
        "read": 0, "write": 1, "mmap": 9, "rt_sigaction": 13, "getpid": 39, "connect": 42,
        "bind": 49, "execve": 59, "exit": 60, "wait4": 61, "kill": 62, "prctl": 157, "futex": 202,
        "exit_group": 231, "openat": 257, "pipe2": 293, "seccomp": 317, "getrandom": 318,
        "memfd_create": 319, "execveat": 322, "pidfd_open": 434, "landlock_create_ruleset": 444,
    },
    "aarch64": {
        "read": 63, "write": 64, "mmap": 222, "rt_sigaction": 134, "getpid": 172, "connect": 203,
        "bind": 200, "execve": 221, "exit": 93, "wait4": 260, "kill": 129, "prctl": 167,
        "futex": 98, "exit_group": 94, "openat": 56, "pipe2": 59, "seccomp": 277,
        "getrandom": 278, "memfd_create": 279, "execveat": 281, "pidfd_open": 434,
        "landlock_create_ruleset": 444,
    },
}  # fmt: skip
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3 = 435
SOCKET = {"x86_64": 41, "aarch64": 198}
SOCKETPAIR = {"x86_64": 53, "aarch64": 199}
IOCTL = {"x86_64": 16, "aarch64": 29}


def interpret(
    program: bytes, architecture: int, number: int, arguments: Sequence[int] = ()
) -> int | str:
    """Return what a filter decides: `allow`, `kill`, or the number of an error.

    Source: the kernel's include/uapi/linux/{bpf_common,filter,seccomp}.h.
    """
    steps = list(struct.iter_unpack("=HBBI", program))
    padded = [*arguments, *[0] * (6 - len(arguments))]
    call = struct.pack("=iIQ6Q", number - (number >> 31 << 32), architecture, 0, *padded)
    place = accumulator = 0
    while True:
        code, if_true, if_false, value = steps[place]
        place += 1
        if code == 0x20:  # load a word at a fixed place
            (accumulator,) = struct.unpack_from("=I", call, value)
        elif code == 0x15:  # equal
            place += if_true if accumulator == value else if_false
        elif code == 0x35:  # greater or equal
            place += if_true if accumulator >= value else if_false
        elif code == 0x45:  # any of the bits set
            place += if_true if accumulator & value else if_false
        elif code == 0x06:  # return
            return _name_decision(value)
        else:
            raise AssertionError(f"an instruction {code:#x} that no filter of ours has")


def _name_decision(value: int) -> int | str:
    named = {0x7FFF0000: "allow", 0x80000000: "kill"}
    if value in named:
        return named[value]
    assert value >> 16 == 5, f"an unknown decision {value:#x}"
    return value & 0xFFFF
