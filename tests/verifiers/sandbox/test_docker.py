"""The sandbox by Docker, on a real engine: what a run sees, its limits, what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from gym_reason.errors import RunError
from gym_reason.types import Outcome, Task
from gym_reason.verifiers.code import CodeVerifier
from gym_reason.verifiers.sandbox import (
    MIB,
    BoxSpec,
    Job,
    Limits,
    SandboxLostError,
    Watch,
    borrow,
    run_job,
    watch_until,
)
from gym_reason.verifiers.sandbox.boxes import close_all, open_sandbox
from gym_reason.verifiers.sandbox.docker import (
    DEFAULT_IMAGE,
    LABEL,
    DockerSandbox,
    connect,
    remove_leftovers,
)
from gym_reason.verifiers.sandbox.inside.streams import WINDOW_BYTES
from gym_reason.verifiers.sandbox.seccomp import build_profile
from tests.verifiers.sandbox.scripts import SCRIPT, run_and_read, run_script

if TYPE_CHECKING:
    from docker import APIClient

LIMITS = Limits(
    memory_bytes=96 * MIB, processes=12, output_bytes=10_000, disk_bytes=4 * MIB, files=300,
    open_files=40,
)  # fmt: skip


@pytest.fixture(scope="module")
def image() -> str:
    return os.environ.get("GYM_REASON_DOCKER_IMAGE") or DEFAULT_IMAGE


@pytest.fixture(scope="module")
def engine(image: str) -> Iterator["APIClient"]:
    """A client of the engine that runs here; a test that asks for it is skipped without one."""
    try:
        client = connect()
    except RunError as error:
        pytest.skip(str(error))
    from docker.errors import ImageNotFound

    with closing(client):
        try:
            client.inspect_image(image)
        except ImageNotFound:
            pytest.skip(f"the Docker engine has no image {image}; GYM_REASON_DOCKER_IMAGE names it")
        yield client


@pytest.fixture(scope="module")
def box(engine: "APIClient") -> Iterator[DockerSandbox]:
    with closing(DockerSandbox(LIMITS)) as sandbox:
        yield sandbox


def find_containers(engine: "APIClient", owner: int) -> list[str]:
    """Return the containers, running or not, that belong to a process."""
    found = engine.containers(all=True, filters={"label": LABEL})
    return [one["Id"] for one in found if json.loads(one["Labels"][LABEL])["process"] == owner]


def wait_until_removed(engine: "APIClient", owner: int) -> None:
    deadline = time.monotonic() + 10
    while left := find_containers(engine, owner):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)


def test_a_run_says_how_it_went(box: DockerSandbox) -> None:
    source = "import sys; print(input(), 'ü'); print('aside', file=sys.stderr); sys.exit(3)"
    finished = run_script(box, source, "größe\n".encode())
    assert (finished.limit, finished.exit_code) == (None, 3)
    assert finished.stdout.decode() == "größe ü\n"
    assert finished.stderr == b"aside\n"
    assert run_script(box, "import ctypes; ctypes.string_at(0)").exit_code == 139


def test_long_input_and_output_pass_the_bridge(engine: "APIClient") -> None:
    content = os.urandom(3 * MIB)
    source = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    with closing(DockerSandbox(Limits(output_bytes=4 * MIB))) as sandbox:
        assert run_script(sandbox, source, content).stdout == content


def test_streams_can_be_opened_by_their_names(box: DockerSandbox) -> None:
    source = "open('/dev/stdout', 'w').write(open('/dev/stdin').read())"
    assert run_script(box, source, b"hello").stdout == b"hello"


def test_a_run_is_another_user_without_any_right(box: DockerSandbox) -> None:
    source = "import os; print(*os.getresuid()); print(open('/proc/self/status').read())"
    users, _, status = run_and_read(box, source).partition("\n")
    first, second, third = users.split()
    assert first == second == third != "0"
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(fields[kind], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert fields["Seccomp"] == "2"


def test_the_environment_holds_nothing_of_the_host(
    engine: "APIClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "secret-of-the-host")
    with closing(DockerSandbox(LIMITS)) as sandbox:
        names = run_and_read(sandbox, "import os; print(*os.environ)").split()
    assert set(names) <= {"HOME", "LANG", "LC_CTYPE", "PATH", "PWD", "PYTHONHASHSEED"}


def test_nothing_but_its_own_folders_is_written(box: DockerSandbox) -> None:
    source = """
import os
for folder, names, files in os.walk('/'):
    if folder.startswith('/proc'):
        names.clear()
    for name in ['.', *files]:
        path = os.path.join(folder, name)
        if os.access(path, os.W_OK) and not os.path.islink(path):
            print(os.path.normpath(path))
"""
    harmless = {"null", "zero", "full", "random", "urandom", "tty", "pts/ptmx", "ptmx", "shm"}
    assert set(run_and_read(box, source).split()) <= {"/tmp", *(f"/dev/{one}" for one in harmless)}


def test_the_server_is_out_of_reach(box: DockerSandbox) -> None:
    source = """
import os, signal
for process in [int(name) for name in os.listdir('/proc') if name.isdigit()]:
    if process != os.getpid():
        for what in ('mem', 'environ', 'fd', 'oom_score_adj'):
            try:
                os.close(os.open(f'/proc/{process}/{what}', os.O_WRONLY if 'm' in what else 0))
                print('opened', process, what)
            except OSError: pass
        try:
            os.kill(process, signal.SIGKILL)
            print('killed', process)
        except PermissionError: pass
"""
    assert run_and_read(box, source) == ""


def test_there_is_no_network(box: DockerSandbox) -> None:
    source = """
import socket
print(*[line.split(':')[0] for line in open('/proc/net/dev') if ':' in line])
try: socket.create_connection(('1.1.1.1', 53), 1)
except OSError as error: print(type(error).__name__)
"""
    assert run_and_read(box, source).split() == ["lo", "OSError"]


CALLS = """
import ctypes, json, sys
libc = ctypes.CDLL(None, use_errno=True)
high = 1 << 40
numbers = {'x86_64': dict(socket=41, clone=56, clone3=435, shmget=29, msgget=68, semget=64,
    mq_open=240, unshare=272, mount=165, bpf=321, keyctl=250, io_uring=425, ptrace=101, ioctl=16),
  'aarch64': dict(socket=198, clone=220, clone3=435, shmget=194, msgget=186, semget=190,
    mq_open=180, unshare=97, mount=40, bpf=280, keyctl=219, io_uring=425, ptrace=117, ioctl=29)}
import platform
of = numbers[platform.machine()]
calls = [('netlink', 'socket', 16, 3, 0), ('vsock', 'socket', 40, 1, 0),
  ('alg', 'socket', 38, 5, 0), ('packet', 'socket', 17, 3, 0),
  ('vsock, high bits', 'socket', 40 | high, 1, 0),
  ('user namespace', 'clone', 0x10000000 | 17, 0, 0), ('clone3', 'clone3', 0, 0, 0),
  ('type into terminal', 'ioctl', 0, 0x5412, 0),
  ('the same, high bits', 'ioctl', 0, 0x5412 | high, 0), ('trace', 'ptrace', 0, 0, 0),
  *[(name, name, 0, 0, 0) for name in ('mount', 'bpf', 'keyctl', 'io_uring')],
  ('unshare', 'unshare', 0x10000000, 0, 0), ('shared memory', 'shmget', 0, 4096, 0o1600),
  ('messages', 'msgget', 0, 0o1600, 0), ('semaphores', 'semget', 0, 1, 0o1600),
  ('queue', 'mq_open', 0, 0, 0), ('unix', 'socket', 1, 1, 0), ('inet', 'socket', 2, 1, 0)]
said = {}
for what, name, *arguments in calls:
    ctypes.set_errno(0)
    result = libc.syscall(of[name], *[ctypes.c_long(one) for one in arguments], 0, 0, 0)
    said[what] = ctypes.get_errno() if result < 0 else 0
print(json.dumps(said))
"""
EXPECTED_ERRNO = {
    "netlink": 97, "vsock": 97, "alg": 97, "packet": 97, "vsock, high bits": 97,
    "user namespace": 1, "clone3": 38, "type into terminal": 1, "the same, high bits": 1,
    "mount": 1, "bpf": 1, "keyctl": 1, "io_uring": 1, "trace": 1, "unshare": 1,
    "shared memory": 1, "messages": 1, "semaphores": 1, "queue": 1, "unix": 0, "inet": 97,
}  # fmt: skip


def test_both_filters_refuse_the_same_calls(
    box: DockerSandbox, engine: "APIClient", image: str
) -> None:
    assert json.loads(run_and_read(box, CALLS)) == EXPECTED_ERRNO
    # The profile alone, over a root that has every right that the engine gives.
    options = [f"seccomp={json.dumps(build_profile())}"]
    host = engine.create_host_config(network_mode="none", security_opt=options)
    made = engine.create_container(image, ["python3", "-c", CALLS], host_config=host)
    try:
        engine.start(made["Id"])
        engine.wait(made["Id"])
        assert json.loads(engine.logs(made["Id"], stderr=False)) == EXPECTED_ERRNO
    finally:
        engine.remove_container(made["Id"], force=True)


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("while True: pass", Outcome.TIMEOUT),
        ("import time\nwhile True: time.sleep(9)", Outcome.TIMEOUT),
        ("x = bytearray(400 << 20)", Outcome.MEMORY),
        ("while True: print('x' * 1000)", Outcome.OUTPUT_LIMIT),
        ("import os\nwhile True: os.fork()", Outcome.PIDS),
    ],
)
def test_limits_are_named(box: DockerSandbox, source: str, outcome: Outcome) -> None:
    assert run_script(box, source, seconds=1).limit is outcome
    assert run_and_read(box, "print('fine')") == "fine"


def test_the_disk_is_limited(box: DockerSandbox) -> None:
    source = """
import os
for folder in ('/tmp', '/dev/shm'):
    for write in (lambda: open(folder + '/large', 'wb').write(bytes(5 << 20)),
                  lambda: [open(f'{folder}/{n}', 'w') for n in range(400)]):
        try: write()
        except OSError as error: print(error.errno)
        for name in os.listdir(folder): os.unlink(f'{folder}/{name}')
"""
    limited = [int(word) for word in run_and_read(box, source).split()]
    assert len(limited) == 4
    assert set(limited) <= {24, 27, 28}


def test_memory_runs_out_for_the_run_alone(engine: "APIClient") -> None:
    # Small processes that hold memory that is none of their own, and ask to be spared.
    source = """
import os
for _ in range(4):
    if os.fork() == 0:
        held = os.memfd_create('held', 0)
        shell = 'echo 0 > /proc/self/oom_score_adj; head -c 60000000 /dev/zero >&%d; sleep 99'
        os.execvp('bash', ['bash', '-c', shell % held])
os.execvp('bash', ['bash', '-c', 'echo 0 > /proc/self/oom_score_adj; sleep 99; true'])
"""
    with closing(DockerSandbox(Limits(memory_bytes=96 * MIB))) as sandbox:
        shell = "import os; os.execvp('bash', ['bash', '-c', 'echo x > /proc/self/comm'])"
        if run_script(sandbox, shell).exit_code == 0:
            pytest.skip("the engine's kernel has no Landlock")
        assert run_script(sandbox, source, seconds=5).limit is Outcome.MEMORY
        assert run_and_read(sandbox, "print('fine')") == "fine"


def test_nothing_of_a_run_reaches_the_next(box: DockerSandbox) -> None:
    leave = """
import os, signal
for folder in ('/tmp', '/dev/shm'):
    os.chdir(folder)
    open('file', 'w').close()
    os.symlink('/etc', 'link')
    for _ in range(100):
        os.mkdir('d' * 200)
        os.chdir('d' * 200)
        open('file', 'w').close()
    os.chdir(folder)
    os.chmod('d' * 200, 0)
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        for number in range(1, 32):
            if number not in (9, 19): signal.signal(number, signal.SIG_IGN)
        while True:
            try:
                if os.fork(): os._exit(0)
            except OSError: pass
"""
    look = """
import os
print(sorted(os.listdir('/tmp') + os.listdir('/dev/shm')))
print(sum(name.isdigit() for name in os.listdir('/proc')))
"""
    files, processes = run_and_read(box, look).split("\n")
    assert files == "['program.py']"
    for _ in range(3):
        assert run_script(box, leave).exit_code == 0
        assert run_and_read(box, look).split("\n") == [files, processes]


def test_a_flood_waits_outside_the_host(box: DockerSandbox) -> None:
    source = "import os\nwhile True: os.write(1, bytes(1 << 16))"
    before = box.read_counters()
    watch = Watch(box, box.start(Job(SCRIPT, {"source": source})), before)
    time.sleep(0.5)
    assert box._bridge is not None
    held = sum(len(one.pending) for one in box._bridge._streams.open.values())
    assert held <= WINDOW_BYTES
    assert watch.finish().exit_code is None
    assert run_and_read(box, "print('fine')") == "fine"


def test_a_run_that_is_killed_before_its_input_is_there_ends(engine: "APIClient") -> None:
    with closing(DockerSandbox(Limits())) as sandbox:
        job = Job(SCRIPT, {"source": "print(1)"}, bytes(50 * MIB))
        watch = Watch(sandbox, sandbox.start(job), sandbox.read_counters())
        watch_until([watch], time.monotonic(), lambda: False)
        assert watch.finish().limit is Outcome.TIMEOUT
        assert run_and_read(sandbox, "print('fine')") == "fine"


def test_close_leaves_nothing(engine: "APIClient") -> None:
    others = set(find_containers(engine, os.getpid()))
    warm = DockerSandbox(LIMITS)
    warm.close()
    descriptors = set(os.listdir("/proc/self/fd"))
    sandbox = DockerSandbox(LIMITS)
    run_and_read(sandbox, "print(1)")
    sandbox.start(Job(SCRIPT, {"source": "import time; time.sleep(99)"})).close()
    assert set(find_containers(engine, os.getpid())) > others
    sandbox.close()
    sandbox.close()
    assert set(find_containers(engine, os.getpid())) == others
    assert set(os.listdir("/proc/self/fd")) == descriptors
    with pytest.raises(SandboxLostError, match="closed"):
        run_script(sandbox, "")


OWNER = """
import os, time
from gym_reason.verifiers.sandbox import Job, Limits
from gym_reason.verifiers.sandbox.docker import DockerSandbox
box = DockerSandbox(Limits())
run = box.start(Job("gym_reason.verifiers.sandbox.inside.script:run",
                    {"source": "import time; time.sleep(999)"}))
if os.fork() == 0:
    time.sleep(999)
print("up", flush=True)
time.sleep(999)
"""


def test_no_container_outlives_its_owner(engine: "APIClient") -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, start_new_session=True
    )
    assert owner.stdout is not None
    try:
        assert owner.stdout.readline() == b"up\n"
        assert find_containers(engine, owner.pid)
        # Its child lives on, and holds nothing of the sandbox.
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        wait_until_removed(engine, owner.pid)
    finally:
        os.killpg(owner.pid, signal.SIGKILL)
        owner.wait()
        owner.stdout.close()


def test_what_was_never_started_is_removed_later(engine: "APIClient", image: str) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    with closing(DockerSandbox(LIMITS)) as sandbox:
        labels = engine.inspect_container(sandbox._container)["Config"]["Labels"]
        mine = json.loads(labels[LABEL])
        elsewhere = {**mine, "boot": "another machine", "process": gone.pid}
        made = {}
        for name, owner in (("gone", {**mine, "process": gone.pid}), ("elsewhere", elsewhere)):
            one = engine.create_container(image, ["true"], labels={LABEL: json.dumps(owner)})
            made[name] = one["Id"]
        try:
            remove_leftovers(engine)
            left = {one["Id"] for one in engine.containers(all=True, filters={"label": LABEL})}
            assert made["gone"] not in left
            assert made["elsewhere"] in left
            assert sandbox._container in left
        finally:
            engine.remove_container(made["elsewhere"], force=True)


def test_a_container_that_is_killed_is_lost_and_replaced(engine: "APIClient") -> None:
    spec = BoxSpec("docker", LIMITS, ())
    with borrow(spec) as sandbox:
        assert isinstance(sandbox, DockerSandbox)
        lost = sandbox._container
    engine.kill(lost)
    deadline = time.monotonic() + 5
    while sandbox.alive and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(SandboxLostError):
        run_script(sandbox, "")
    with borrow(spec) as sandbox:
        assert run_and_read(sandbox, "print('fine')") == "fine"
    close_all()
    assert not any(lost in one for one in find_containers(engine, os.getpid()))


def test_asserts_are_judged_across_two_containers(engine: "APIClient") -> None:
    verifier = CodeVerifier(sandbox="docker")
    tests = {"type": "assert", "entry": "add", "code": "assert add(1, 2) == 3"}
    task = Task("add", (), json.dumps(tests))
    assert verifier.verify(task, "def add(a, b): return a + b").outcome is Outcome.PASS
    assert verifier.verify(task, "def add(a, b): return a - b").outcome is Outcome.FAIL
    ended = "import os\ndef add(a, b): os._exit(0)"
    assert verifier.verify(task, ended).outcome is Outcome.FAIL
    close_all()


def test_an_image_is_named_behind_the_backend(engine: "APIClient", image: str) -> None:
    limits = Limits()
    with closing(open_sandbox(BoxSpec(f"docker:{image}", limits, ()))) as sandbox:
        job = Job(SCRIPT, {"source": "print(1)"})
        assert run_job(sandbox, job, time.monotonic() + 10).stdout == b"1\n"
    with pytest.raises(RunError, match=r"has no image gym-reason-none; .*docker build -t"):
        open_sandbox(BoxSpec("docker:gym-reason-none", limits, ()))


def test_a_runtime_that_the_engine_lacks_is_named(engine: "APIClient") -> None:
    before = find_containers(engine, os.getpid())
    with pytest.raises(RunError, match="runtime"):
        DockerSandbox(Limits(), runtime="gym-reason-none")
    assert find_containers(engine, os.getpid()) == before


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("unix:///nonexistent/docker.sock", "No such file or directory"),
        ("tcp://127.0.0.1:9", "Connection refused"),
        ("nonsense://", "nonsense"),
    ],
)
def test_without_an_engine_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, place: str, said: str
) -> None:
    pytest.importorskip("docker", reason="the SDK is not installed: gym-reason[docker]")
    monkeypatch.setenv("DOCKER_HOST", place)
    with pytest.raises(RunError) as caught:
        DockerSandbox(Limits())
    (line,) = str(caught.value).splitlines()
    assert said in line
    assert f"no Docker engine answers at {place}" in line
    assert line.endswith("start it, or name another in DOCKER_HOST")


def test_without_the_sdk_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(RunError, match=r"pip install 'gym-reason\[docker\]'"):
        DockerSandbox(Limits())


def test_known_attacks_fail_as_they_should(
    engine: "APIClient", shared_data: "os.PathLike[str]"
) -> None:
    """Every sixth of them; the slow test has all."""
    _assert_attacks_fail(shared_data, every=6)


@pytest.mark.slow
def test_every_known_attack_fails_as_it_should(
    engine: "APIClient", shared_data: "os.PathLike[str]"
) -> None:
    _assert_attacks_fail(shared_data, every=1)


def _assert_attacks_fail(shared_data: "os.PathLike[str]", every: int) -> None:
    verifier = CodeVerifier(sandbox="docker", timeout=2)
    wrong = []
    with open(os.path.join(shared_data, "code_attacks.jsonl")) as file:
        rows = [json.loads(line) for line in file]
    for row in rows[::every]:
        task = Task(row["id"], (), json.dumps(row["tests"]), meta={"language": row["language"]})
        verdict = verifier.verify(task, row["program"])
        if verdict.outcome.value not in row["accept"]:
            wrong.append((row["id"], verdict.outcome, verdict.detail))
    close_all()
    assert wrong == []
