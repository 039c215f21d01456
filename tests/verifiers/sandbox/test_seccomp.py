"""The system call filter: interpreted for both architectures, and laid over a real process."""

import errno
import json
import platform
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.verifiers.sandbox import seccomp
from gym_reason.verifiers.sandbox.seccomp import build_filter
from tests.verifiers.sandbox.bpf import (
    ALLOWED,
    ARCHITECTURES,
    CLONE,
    CLONE3,
    IOCTL,
    REFUSED,
    REFUSED_WITHIN,
    SOCKET,
    SOCKETPAIR,
    interpret,
)

MACHINES = pytest.mark.parametrize("machine", ARCHITECTURES)
SIDES = pytest.mark.parametrize("inner", [False, True], ids=["outer", "inner"])
NAMESPACE_FLAGS = {
    "time": 0x80, "mount": 0x20000, "cgroup": 0x02000000, "uts": 0x04000000, "ipc": 0x08000000,
    "user": 0x10000000, "pid": 0x20000000, "net": 0x40000000,
}  # fmt: skip
THREAD_FLAGS = 0x3D0F00
TIOCSTI, TIOCLINUX, TIOCGWINSZ = 0x5412, 0x541C, 0x5413
HIGH = 1 << 32


def build(machine: str, *, inner: bool) -> bytes:
    program = build_filter(machine, inner=inner)
    assert program is not None
    return program


def ask(program: bytes, machine: str, number: int, *arguments: int) -> int | str:
    return interpret(program, ARCHITECTURES[machine], number, arguments)


@MACHINES
@SIDES
def test_dangerous_calls_are_refused(machine: str, inner: bool) -> None:
    program = build(machine, inner=inner)
    answers = {name: ask(program, machine, number) for name, number in REFUSED[machine].items()}
    assert answers == dict.fromkeys(REFUSED[machine], errno.EPERM)


@MACHINES
@SIDES
def test_new_namespaces_and_mounts_are_refused_to_submissions_alone(
    machine: str, inner: bool
) -> None:
    program = build(machine, inner=inner)
    calls = REFUSED_WITHIN[machine]
    answers = {name: ask(program, machine, number) for name, number in calls.items()}
    assert answers == dict.fromkeys(calls, errno.EPERM if inner else "allow")
    flags = {name: ask(program, machine, CLONE[machine], bit | 17)
             for name, bit in NAMESPACE_FLAGS.items()}  # fmt: skip
    assert flags == dict.fromkeys(NAMESPACE_FLAGS, errno.EPERM if inner else "allow")
    assert ask(program, machine, CLONE3) == (errno.ENOSYS if inner else "allow")


@MACHINES
@SIDES
def test_what_every_program_needs_is_allowed(machine: str, inner: bool) -> None:
    program = build(machine, inner=inner)
    calls = ALLOWED[machine]
    answers = {name: ask(program, machine, number) for name, number in calls.items()}
    assert answers == dict.fromkeys(calls, "allow")
    for flags in (17, THREAD_FLAGS, 0x4111):  # fork, a thread, vfork
        assert ask(program, machine, CLONE[machine], flags) == "allow"


@MACHINES
@SIDES
def test_no_socket_reaches_past_the_namespace(machine: str, inner: bool) -> None:
    program = build(machine, inner=inner)
    allowed = {1}
    for family in range(64):
        expected = "allow" if family in allowed else errno.EAFNOSUPPORT
        assert ask(program, machine, SOCKET[machine], family, 1) == expected
        # The kernel looks at the low half alone, and so must the filter.
        assert ask(program, machine, SOCKET[machine], family | HIGH, 1) == expected
        expected = "allow" if family == 1 else errno.EAFNOSUPPORT
        assert ask(program, machine, SOCKETPAIR[machine], family, 1) == expected


@MACHINES
@SIDES
def test_nothing_is_typed_into_a_terminal(machine: str, inner: bool) -> None:
    program = build(machine, inner=inner)
    for request in (TIOCSTI, TIOCLINUX, TIOCSTI | HIGH, TIOCLINUX | 5 * HIGH):
        assert ask(program, machine, IOCTL[machine], 0, request) == errno.EPERM
    assert ask(program, machine, IOCTL[machine], TIOCSTI, TIOCGWINSZ) == "allow"


@MACHINES
@SIDES
def test_calls_of_another_architecture_kill(machine: str, inner: bool) -> None:
    program = build(machine, inner=inner)
    others = set(ARCHITECTURES.values()) - {ARCHITECTURES[machine]}
    for architecture in (*others, 0x40000003, 0x40000028, 0):  # i386 and arm are 32-bit entries
        assert interpret(program, architecture, 0) == "kill"


@SIDES
def test_the_second_table_of_x86_64_does_not_exist(inner: bool) -> None:
    program = build("x86_64", inner=inner)
    for number in (0, 1, 101, 520, 521, 0x3FFFFFFF):
        assert ask(program, "x86_64", 0x40000000 | number) == errno.ENOSYS
    assert ask(program, "x86_64", 0xFFFFFFFF) == errno.ENOSYS


@given(
    machine=st.sampled_from(sorted(ARCHITECTURES)),
    inner=st.booleans(),
    number=st.integers(0, 600) | st.integers(0, (1 << 32) - 1),
    arguments=st.lists(st.integers(0, (1 << 64) - 1), max_size=6),
)
def test_every_call_is_decided(
    machine: str, inner: bool, number: int, arguments: list[int]
) -> None:
    program = build(machine, inner=inner)
    decision = ask(program, machine, number, *arguments)
    assert decision in ("allow", errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT)
    if ask(build(machine, inner=False), machine, number, *arguments) != "allow":
        assert decision != "allow"


@MACHINES
def test_the_kernel_takes_programs_of_this_form(machine: str) -> None:
    program = build(machine, inner=True)
    steps = list(struct.iter_unpack("=HBBI", program))
    assert 0 < len(steps) <= 4096
    assert steps[-1][0] == 6
    for place, (_, if_true, if_false, _) in enumerate(steps):
        assert place + 1 + max(if_true, if_false) < len(steps) or steps[place][0] == 6


def test_an_unknown_machine_has_no_filter() -> None:
    assert build_filter("riscv64", inner=True) is None


@pytest.mark.parametrize(
    ("column", "path"),
    [
        (0, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        (1, "/usr/include/asm-generic/unistd.h"),
    ],
    ids=["x86_64", "aarch64"],
)
def test_numbers_are_those_of_the_kernel_headers(column: int, path: str) -> None:
    if not Path(path).is_file():
        pytest.skip(f"no kernel header {path}")
    defined = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(path).read_text())
    numbers = {name: int(number) for name, number in defined}
    tables = seccomp._ALWAYS_REFUSED | seccomp._REFUSED_WITHIN
    ours = {name: both[column] for name, both in tables.items()}
    # Headers may be older than a call; nothing refused may carry another call's number.
    wrong = {name: number for name, number in ours.items() if numbers.get(name, number) != number}
    assert wrong == {}
    missing = {name for name, number in ours.items() if number == -1 and name in numbers}
    assert missing == set()


TRY = """
import ctypes, json, os, sys
from gym_reason.verifiers.sandbox.inside import confine
from gym_reason.verifiers.sandbox.seccomp import build_filter
libc = ctypes.CDLL(None, use_errno=True)
confine.refuse_system_calls(build_filter(inner=True))
def call(number, *arguments):
    ctypes.set_errno(0)
    wide = [ctypes.c_long(one) for one in arguments]
    return 0 if libc.syscall(ctypes.c_long(number), *wide) >= 0 else ctypes.get_errno()
answers = [call(number, *arguments) for number, arguments in json.loads(sys.argv[1])]
print(json.dumps(answers))
"""
HARMFUL = ("vhangup", "acct")
"""Would do something even with nonsense for arguments, were they not refused."""


@pytest.mark.skipif(platform.machine() not in ARCHITECTURES, reason="no filter for this machine")
def test_a_real_process_is_refused() -> None:
    machine = platform.machine()
    column = list(ARCHITECTURES).index(machine)
    tables = seccomp._ALWAYS_REFUSED | seccomp._REFUSED_WITHIN
    refused = {name: both[column] for name, both in tables.items() if both[column] >= 0}
    nonsense = [-1] * 6
    calls = [(number, nonsense) for name, number in refused.items() if name not in HARMFUL]
    expected = [errno.EPERM] * len(calls)
    calls += [(CLONE[machine], [bit | 17]) for bit in NAMESPACE_FLAGS.values()]
    expected += [errno.EPERM] * len(NAMESPACE_FLAGS)
    calls += [(CLONE3, nonsense), (IOCTL[machine], [0, TIOCSTI, 0])]
    expected += [errno.ENOSYS, errno.EPERM]
    calls += [(SOCKET[machine], [family, 1, 0]) for family in (1, 2, 10, 16, 17, 38, 40)]
    expected += [0] + [errno.EAFNOSUPPORT] * 6
    if machine == "x86_64":
        calls.append((0x40000000 | 39, []))
        expected.append(errno.ENOSYS)
    command = [sys.executable, "-c", TRY, json.dumps(calls)]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == expected
