"""The default sandbox: what a run sees, what limits it meets, what it leaves behind."""

import errno
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gym_reason.types import Outcome
from gym_reason.verifiers.sandbox import MIB, Job, Limits, Sandbox
from gym_reason.verifiers.sandbox.bubblewrap import BubblewrapSandbox
from tests.verifiers.sandbox.scripts import (
    SCRIPT,
    find_processes,
    run_and_read,
    run_script,
)

pytestmark = pytest.mark.usefixtures("needs_bubblewrap")

LIMITS = Limits(
    memory_bytes=96 * MIB, processes=12, output_bytes=10_000, disk_bytes=4 * MIB, files=50,
    open_files=40,
)  # fmt: skip


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    sandbox = BubblewrapSandbox(LIMITS)
    yield sandbox
    sandbox.close()


def require_cgroups(sandbox: Sandbox) -> None:
    if "cgroups" not in sandbox.isolation:
        pytest.skip(f"no writable cgroup here: {sandbox.isolation}")


def test_a_run_says_how_it_went(box: Sandbox) -> None:
    source = "import sys; print(input(), 'ü'); print('aside', file=sys.stderr); sys.exit(3)"
    finished = run_script(box, source, "größe\n".encode())
    assert (finished.limit, finished.exit_code) == (None, 3)
    assert finished.stdout.decode() == "größe ü\n"
    assert finished.stderr == b"aside\n"
    assert finished.report == b""
    assert finished.seconds > 0


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("", 0),
        ("raise SystemExit", 0),
        ("import sys; sys.exit('reason')", 1),
        ("1 / 0", 1),
        ("(", 1),
        ("import os; os._exit(77)", 77),
        ("import ctypes; ctypes.string_at(0)", 139),
        ("import threading; threading.Thread(target=print, args=['late']).start()", 0),
    ],
)
def test_exit_codes_are_those_of_a_shell(box: Sandbox, source: str, code: int) -> None:
    assert run_script(box, source).exit_code == code


def test_the_environment_holds_nothing_of_the_host(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "secret-of-the-host")
    with_key = BubblewrapSandbox(LIMITS)
    try:
        assert "secret" not in run_and_read(with_key, "print(open('/proc/self/environ').read())")
        # The first process is another one, and shows its own to nobody.
        source = "try: open('/proc/1/environ').read()\nexcept PermissionError: print('refused')"
        assert run_and_read(with_key, source) == "refused"
        names = json.loads(
            run_and_read(with_key, "import json, os; print(json.dumps([*os.environ]))")
        )
        assert set(names) <= {"HOME", "LANG", "LC_CTYPE", "PATH", "PWD", "PYTHONHASHSEED"}
    finally:
        with_key.close()


STATUS = """
import json, os
fields = dict(line.rstrip('\\n').split(':\\t', 1) for line in open('/proc/self/status'))
print(json.dumps([os.getresuid(), os.getresgid(), os.getgroups(), fields]))
"""


def test_a_run_is_nobody(box: Sandbox) -> None:
    users, groups, _, fields = json.loads(run_and_read(box, STATUS))
    assert users == [1000] * 3
    assert groups == [1000] * 3
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(fields[kind], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"


def test_on_the_host_it_is_a_user_that_nobody_else_is(box: Sandbox) -> None:
    if os.geteuid():
        pytest.skip("only root gives a sandbox a user of its own")
    second = BubblewrapSandbox(LIMITS)
    try:
        read = "print(open('/proc/self/uid_map').read())"
        first_map, second_map = run_and_read(box, read).split(), run_and_read(second, read).split()
        assert first_map[0] == second_map[0] == "1000"
        assert first_map[2] == second_map[2] == "1"
    finally:
        second.close()


def test_no_capability_comes_back_from_a_program_with_privileges(box: Sandbox) -> None:
    source = "import subprocess; print(subprocess.run(['cat', '/proc/self/status'], "
    source += "capture_output=True, text=True).stdout)"
    lines = run_and_read(box, source).split("\n")
    assert "CapEff:\t0000000000000000" in lines


def test_no_other_process_is_seen(box: Sandbox) -> None:
    source = "import os; print([name for name in os.listdir('/proc') if name.isdigit()])"
    # Its own first process, which only waits for it, and itself.
    assert run_and_read(box, source) == "['1', '2']"


def test_signals_reach_nobody(box: Sandbox) -> None:
    source = """
import os, signal
def reach(process):
    try: os.kill(process, signal.SIGKILL)
    except OSError as error: return type(error).__name__
print(reach(1), reach(-1), reach(3), reach(300))
"""
    # The kernel shields the first process of a namespace from those within.
    assert run_and_read(box, source) == " ".join(["None", *["ProcessLookupError"] * 3])


def test_each_run_has_its_own_disk(box: Sandbox) -> None:
    source = """
import os
folders = ['/tmp', '/dev/shm']
print([sorted(os.listdir(folder)) for folder in folders], os.getcwd())
for folder in folders: open(folder + '/trace', 'w').write('here')
"""
    for _ in range(2):
        assert run_and_read(box, source) == "[['program.py'], []] /tmp"


def test_what_the_host_has_in_tmp_is_not_there(box: Sandbox, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("host")
    assert run_and_read(box, f"import os; print(os.path.exists({str(tmp_path)!r}))") == "False"
    finished = run_script(box, f"open({str(canary)!r}, 'w').write('changed')")
    assert finished.exit_code == 1
    assert canary.read_text() == "host"


WRITE = """
import json, os, sys
def attempt(path):
    try:
        with open(path, 'a'): pass
    except OSError as error: return error.errno
    return 0
places = json.loads(sys.stdin.read())
print(json.dumps({place: attempt(place) for place in places}))
"""


def test_nothing_of_the_host_is_written(box: Sandbox) -> None:
    places = [
        *("/x", "/usr/x", "/usr/bin/env", "/lib/x", "/dev/x", "/dev/pts/x", "/proc/x"),
        *("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger"),
        *(f"{sys.prefix}/x", f"{sys.base_prefix}/x"),
    ]
    finished = run_script(box, WRITE, json.dumps(places).encode())
    answers = json.loads(finished.stdout)
    refused = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT}
    assert {place: error for place, error in answers.items() if error not in refused} == {}


def test_what_no_program_needs_is_not_there(box: Sandbox) -> None:
    paths = [
        "/etc/passwd",
        "/etc/shadow",
        "/root",
        "/home",
        "/sys",
        "/run",
        "/var",
        "/boot",
        "/mnt",
        "/srv",
        "/opt",
        "/media",
    ]
    # The interpreter and its packages keep their paths, and the folders above them are empty.
    kept = (os.path.realpath(sys.base_prefix), os.path.realpath(sys.prefix))
    paths = [path for path in paths if not any(one.startswith(f"{path}/") for one in kept)]
    source = f"import os; print([path for path in {paths!r} if os.path.exists(path)])"
    assert run_and_read(box, source) == "[]"


def test_the_repository_is_not_readable(box: Sandbox, root: Path) -> None:
    finished = run_script(box, f"open({str(root / 'pyproject.toml')!r})")
    assert finished.exit_code == 1
    assert b"FileNotFoundError" in finished.stderr


def test_devices_are_the_harmless_ones(box: Sandbox) -> None:
    known = {"console", "core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr",
             "stdin", "stdout", "tty", "urandom", "zero"}  # fmt: skip
    assert (
        set(json.loads(run_and_read(box, "import json, os; print(json.dumps(os.listdir('/dev')))")))
        <= known
    )


def test_only_the_standard_descriptors_are_open(box: Sandbox) -> None:
    source = """
import os
found = {}
for number in range(4096):
    try: found[number] = os.readlink(f'/proc/self/fd/{number}').split(':')[0]
    except OSError: pass
print(found)
"""
    assert run_and_read(box, source) == "{0: '/memfd', 1: 'pipe', 2: 'pipe'}"


def test_there_is_no_network(box: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        source = f"""
import socket
def attempt(family, address):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as one: one.connect(address)
    except OSError as error: return type(error).__name__
print(attempt(socket.AF_INET, ('127.0.0.1', {port})), attempt(socket.AF_INET, ('192.0.2.1', 80)))
try: print(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
except OSError as error: print(error.errno)
print(open('/proc/net/dev').read().count(':'))
"""
        lines = run_and_read(box, source).split("\n")
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert lines[0].split()[0] in ("ConnectionRefusedError", "OSError")
    assert lines[0].split()[1] == "OSError"
    assert lines[1:] == [str(errno.EAFNOSUPPORT), "1"]


def test_abstract_sockets_of_the_host_are_out_of_reach(box: Sandbox) -> None:
    name = f"\0gym-reason-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        source = f"import socket; socket.socket(socket.AF_UNIX).connect({name!r})"
        finished = run_script(box, source)
    assert b"ConnectionRefusedError" in finished.stderr


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("while True: pass", Outcome.TIMEOUT),
        ("import time; time.sleep(99)", Outcome.TIMEOUT),
        ("import os\nwhile True: os.write(1, b'x' * 5000)", Outcome.OUTPUT_LIMIT),
        ("import os\nwhile True: os.write(2, b'x' * 5000)", Outcome.OUTPUT_LIMIT),
        ("blocks = []\nwhile True: blocks.append(bytearray(1 << 20))", Outcome.MEMORY),
        ("import os\nwhile True: os.fork()", Outcome.PIDS),
    ],
)
def test_limits_are_named(box: Sandbox, source: str, outcome: Outcome) -> None:
    if outcome in (Outcome.MEMORY, Outcome.PIDS):
        require_cgroups(box)
    finished = run_script(box, source, seconds=1.0 if outcome is Outcome.TIMEOUT else 20.0)
    assert finished.limit is outcome
    assert len(finished.stdout) <= LIMITS.output_bytes
    # The next run notices nothing.
    assert run_and_read(box, "print('fine')") == "fine"


def test_memory_of_the_disk_counts(box: Sandbox) -> None:
    require_cgroups(box)
    wide = BubblewrapSandbox(Limits(memory_bytes=64 * MIB, disk_bytes=512 * MIB))
    try:
        source = (
            "with open('big', 'wb') as file:\n    for _ in range(300): file.write(bytes(1 << 20))"
        )
        assert run_script(wide, source).limit is Outcome.MEMORY
    finally:
        wide.close()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("open('big', 'wb').write(bytes(5 << 20))", "OSError"),
        ("for n in range(99): open(f'{n}', 'w')", "No space left"),
        ("kept = [open('/dev/null') for _ in range(99)]", "Too many open files"),
        ("import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (999, 999))", "ValueError"),
        ("import os; os.nice(-5)", "PermissionError"),
    ],
)
def test_other_limits_are_errors_in_the_program(box: Sandbox, source: str, name: str) -> None:
    finished = run_script(box, source)
    assert (finished.limit, finished.exit_code) == (None, 1)
    assert name in finished.stderr.decode()


def test_processor_time_is_limited_too(box: Sandbox) -> None:
    finished = run_script(box, "while True: pass", cpu_s=1)
    # The kernel kills whoever goes on at the hard limit.
    assert finished.limit is None
    assert finished.exit_code in (128 + signal.SIGXCPU, 128 + signal.SIGKILL)


def test_daemons_end_with_their_run(box: Sandbox) -> None:
    before = find_processes(os.getpid())
    source = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(999)
    os._exit(0)
os.wait()
print('left')
"""
    assert run_and_read(box, source) == "left"
    assert find_processes(os.getpid()) <= before


def test_a_run_does_not_wait_for_those_who_hold_its_output(box: Sandbox) -> None:
    source = "import os, time\nprint('first', flush=True)\nif os.fork() == 0: time.sleep(999)"
    finished = run_script(box, source)
    assert (finished.exit_code, finished.stdout) == (0, b"first\n")


def test_a_run_may_have_its_own_children(box: Sandbox) -> None:
    source = (
        "import subprocess; print(subprocess.run(['echo', 'child'], capture_output=True).stdout)"
    )
    assert run_and_read(box, source) == "b'child\\n'"


def test_two_runs_at_once_in_one_sandbox_are_apart(box: Sandbox) -> None:
    first = box.start(Job(SCRIPT, {"source": "import time; open('/tmp/x', 'w'); time.sleep(99)"}))
    try:
        source = (
            "import os; print(os.listdir('/tmp'), sum(n.isdigit() for n in os.listdir('/proc')))"
        )
        second = box.start(Job(SCRIPT, {"source": source}))
        while not second.ended:
            box.receive(second)
        reading = next(pipe for pipe, name in second.pipes.items() if name == "stdout")
        assert os.read(reading, 100) == b"['program.py'] 2\n"
        second.close()
        assert not first.ended
    finally:
        box.kill(first)
        while not first.ended:
            box.receive(first)
        first.close()
    assert first.status == signal.SIGKILL
