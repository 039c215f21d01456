"""The worker pool against verifiers that hang, die, raise and lie."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gym_reason.errors import RunError, UnknownNameError, UsageError
from gym_reason.types import Json, Message, Outcome, Task, Verdict
from gym_reason.verifiers.math import MathVerifier
from gym_reason.verifiers.pool import VerifierPool
from gym_reason.verifiers.pool.quarantine import Quarantine
from gym_reason.verifiers.pool.rows import Client, Row

HOSTILE = str(Path(__file__).with_name("hostile_verifiers.py"))
TASK = Task("t", (), "42")


@pytest.fixture(scope="module")
def pool() -> Iterator[VerifierPool]:
    with VerifierPool("hostile", workers=1, timeout_s=1.0, modules=[HOSTILE]) as pool:
        yield pool


def outcomes(pool: VerifierPool, *submissions: str) -> list[Outcome]:
    return [v.outcome for v in pool.verify_many((TASK, text) for text in submissions)]


def is_alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return status != "Z"


def wait_until_dead(*pids: int) -> None:
    deadline = time.monotonic() + 10
    while any(map(is_alive, pids)):
        assert time.monotonic() < deadline, f"still alive: {[p for p in pids if is_alive(p)]}"
        time.sleep(0.02)


def wait_for_pids(path: Path) -> list[int]:
    deadline = time.monotonic() + 20
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, "the verifier never started"
        time.sleep(0.02)
    return [int(word) for word in path.read_text().split()]


def test_order_out_is_order_in_with_several_workers() -> None:
    rows = [(Task(str(i), (), str(i)), str(i if i % 3 else i + 1)) for i in range(700)]
    with VerifierPool("math:strict", workers=2) as pool:
        verdicts = list(pool.verify_many(rows))
    assert [v.correct for v in verdicts] == [bool(i % 3) for i in range(700)]


def test_a_ready_verdict_keeps_its_place(pool: VerifierPool) -> None:
    ready = Verdict(0.0, False, Outcome.INVALID, detail="ready")
    verdicts = list(pool.verify_many([ready, (TASK, "one"), ready, (TASK, "two"), ready]))
    assert [v.detail for v in verdicts] == ["ready", "one", "ready", "two", "ready"]


def test_a_hanging_row_times_out_alone_and_its_worker_is_replaced(pool: VerifierPool) -> None:
    rows = ["fine"] * 40 + ["hang"] + ["fine"] * 40
    verdicts = list(pool.verify_many((TASK, text) for text in rows))
    assert [v.outcome for v in verdicts] == [
        Outcome.TIMEOUT if text == "hang" else Outcome.PASS for text in rows
    ]
    assert verdicts[40].seconds >= 1.0
    pids = {v.parts["pid"] for v in verdicts if v.parts}
    assert len(pids) == 2


def test_a_deadline_kills_the_worker_and_what_it_started(
    pool: VerifierPool, tmp_path: Path
) -> None:
    pids_file = tmp_path / "pids"
    assert outcomes(pool, f"hang_with_child {pids_file}") == [Outcome.TIMEOUT]
    wait_until_dead(*wait_for_pids(pids_file))


def test_a_row_that_kills_its_worker_is_tried_twice(pool: VerifierPool) -> None:
    verdicts = list(pool.verify_many((TASK, text) for text in ["a", "exit", "b"]))
    assert [v.outcome for v in verdicts] == [Outcome.PASS, Outcome.UNSCORABLE, Outcome.PASS]
    assert "7" in verdicts[1].detail


def test_a_row_whose_worker_died_once_gets_its_verdict(pool: VerifierPool, tmp_path: Path) -> None:
    rows = ["a", f"exit_once {tmp_path / 'died'}", "b"]
    assert outcomes(pool, *rows) == [Outcome.PASS] * 3


def test_what_a_verifier_raises_is_unscorable_and_named(pool: VerifierPool) -> None:
    raised, left, infinite, fine = pool.verify_many(
        (TASK, text) for text in ["raise", "leave", "infinite", "fine"]
    )
    assert raised.outcome is left.outcome is infinite.outcome is Outcome.UNSCORABLE
    assert "RuntimeError" in raised.detail
    assert "SystemExit" in left.detail
    assert "nan" in infinite.detail
    # None of that cost the worker its life.
    assert fine.outcome is Outcome.PASS


def test_a_verifier_that_returns_no_verdict_is_unscorable() -> None:
    with VerifierPool("returns_none", modules=[HOSTILE]) as pool:
        verdict = pool.verify(TASK, "x")
    assert (verdict.outcome, "NoneType" in verdict.detail) == (Outcome.UNSCORABLE, True)


def test_what_a_verifier_prints_stays_out_of_standard_output(
    pool: VerifierPool, capfd: pytest.CaptureFixture[str]
) -> None:
    assert outcomes(pool, "print") == [Outcome.PASS]
    assert capfd.readouterr().out == ""


def test_an_idle_worker_that_died_costs_no_row_its_attempts(pool: VerifierPool) -> None:
    for _ in range(2):
        (pid,) = (int(v.parts["pid"]) for v in pool.verify_many([(TASK, "fine")]))
        os.kill(pid, signal.SIGKILL)
        wait_until_dead(pid)
    assert outcomes(pool, "fine") == [Outcome.PASS]


def test_input_is_read_a_bounded_number_of_rows_ahead(pool: VerifierPool) -> None:
    read = 0

    def endless() -> Iterator[tuple[Task, str]]:
        nonlocal read
        while True:
            read += 1
            yield TASK, "fine"

    with contextlib.closing(pool.verify_many(endless())) as verdicts:
        for taken, _ in enumerate(verdicts, 1):
            assert read - taken < 1_000
            if taken == 2_000:
                break
    assert outcomes(pool, "fine") == [Outcome.PASS]


def test_a_submission_larger_than_the_pipe_goes_through_with_every_character() -> None:
    text = "x" * 3_000_000 + "\ud800\u202e\x00 the answer is 42"
    with VerifierPool(MathVerifier(), timeout_s=30) as pool:
        assert pool.verify(TASK, text).correct


def test_close_leaves_no_process_and_refuses_rows(tmp_path: Path) -> None:
    pool = VerifierPool("hostile", workers=2, modules=[HOSTILE])
    pid = int(pool.verify(TASK, "fine").parts["pid"])
    pool.close()
    pool.close()
    assert not is_alive(pid)
    with pytest.raises(UsageError, match="closed"):
        pool.verify(TASK, "fine")


def test_one_thread_reads_two_streams_at_once(pool: VerifierPool) -> None:
    verdicts = pool.verify_many([(TASK, "a"), (TASK, "b")])
    assert next(verdicts).detail == "a"
    assert pool.verify(TASK, "c").detail == "c"
    assert next(verdicts).detail == "b"


def test_an_abandoned_stream_frees_the_worker_that_hangs_on_it() -> None:
    with VerifierPool("hostile", timeout_s=600, modules=[HOSTILE]) as pool:
        verdicts = pool.verify_many((TASK, text) for text in ["a", "hang", "b"])
        assert next(verdicts).detail == "a"
        verdicts.close()
        assert pool.verify(TASK, "c").detail == "c"


@pytest.mark.parametrize("order", ["hang_with_daemon", "exit_with_daemon"])
def test_what_a_worker_started_in_a_session_of_its_own_dies_with_it(
    pool: VerifierPool, tmp_path: Path, order: str
) -> None:
    pids_file = tmp_path / "pids"
    outcome = Outcome.TIMEOUT if order == "hang_with_daemon" else Outcome.UNSCORABLE
    assert outcomes(pool, f"{order} {pids_file}") == [outcome]
    wait_until_dead(*wait_for_pids(pids_file))


def test_a_submission_that_did_harm_is_answered_from_memory(
    pool: VerifierPool, tmp_path: Path
) -> None:
    pids_file = tmp_path / "pids"
    for order in ("hang_with_daemon", "exit_with_daemon"):
        text = f"{order} {pids_file}"
        first = pool.verify(TASK, text)
        runs = pids_file.read_text()
        again = pool.verify(TASK, text)
        assert pids_file.read_text() == runs
        assert (again.outcome, again.reward) == (first.outcome, first.reward)
        assert again.detail.startswith(first.detail)
        assert "not tried again" in again.detail
    # Another prompt makes another row: a verifier may read it.
    pool.verify(Task("t", (Message("user", "?"),), "42"), f"exit_with_daemon {pids_file}")
    assert pids_file.read_text() != runs


def test_the_quarantine_forgets_the_oldest() -> None:
    quarantine = Quarantine(most_rows=2)
    rows = [Row(Client(), 0, TASK, text, b"") for text in "abc"]
    for row in rows:
        quarantine.add(row, Verdict(0.0, False, Outcome.TIMEOUT, detail=row.submission))
    assert quarantine.find(rows[0]) is None
    assert [found.detail[0] for row in rows[1:] if (found := quarantine.find(row))] == ["b", "c"]


def test_a_fork_server_that_dies_is_replaced(pool: VerifierPool) -> None:
    assert outcomes(pool, "a", "kill_parent", "b") == [
        Outcome.PASS,
        Outcome.UNSCORABLE,
        Outcome.PASS,
    ]


def test_a_task_that_cannot_be_sent_is_unscorable_alone(pool: VerifierPool) -> None:
    deep: Json = None
    for _ in range(100_000):
        deep = [deep]
    rows = [(TASK, "a"), (Task("t", (), "42", meta={"deep": deep}), "b"), (TASK, "c")]
    verdicts = list(pool.verify_many(rows))
    assert [v.outcome for v in verdicts] == [Outcome.PASS, Outcome.UNSCORABLE, Outcome.PASS]
    assert "RecursionError" in verdicts[1].detail


@pytest.mark.parametrize(("workers", "timeout_s"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_impossible_limits_are_refused(workers: int, timeout_s: float) -> None:
    with pytest.raises(UsageError):
        VerifierPool("math", workers, timeout_s)


def test_an_unknown_name_and_a_local_class_are_refused_at_once() -> None:
    class Local(MathVerifier):
        pass

    with pytest.raises(UnknownNameError, match="'math'"):
        VerifierPool("mth")
    with pytest.raises(UsageError, match="pickled"):
        VerifierPool(Local())


def test_a_worker_that_cannot_make_its_verifier_says_why(tmp_path: Path) -> None:
    module = tmp_path / "fickle.py"
    source = "from gym_reason.registry import register_verifier\n"
    source += "from gym_reason.verifiers import ExactVerifier\n"
    module.write_text(source + "register_verifier('fickle')(ExactVerifier)\n")
    with VerifierPool("fickle", modules=[str(module)]) as pool:
        module.write_text("raise OSError('gone')\n")
        with pytest.raises(RunError, match="OSError: gone"):
            pool.verify(TASK, "x")


STARTING = """
import os, signal, sys, threading
from gym_reason.types import Task
from gym_reason.verifiers.pool import VerifierPool
try:
    threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGINT)).start()
    with VerifierPool("slow_import", modules=[sys.argv[1]]) as pool:
        pool.verify(Task("t", (), "1"), "x")
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("ending", ["", "raise OSError('gone')"])
@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.3])
def test_an_end_while_the_workers_start_is_quiet(
    tmp_path: Path, after_s: float, ending: str
) -> None:
    module = tmp_path / "slow_import.py"
    module.write_text(
        "import os, time\n"
        "from gym_reason.registry import register_verifier\n"
        "from gym_reason.verifiers import ExactVerifier\n"
        "register_verifier('slow_import')(ExactVerifier)\n"
        "if os.getppid() == int(os.environ['POOL']):\n"
        f"    time.sleep(1)\n    {ending or 'pass'}\n"
    )
    source = "import os\nos.environ['POOL'] = str(os.getpid())\n" + STARTING
    done = subprocess.run(
        [sys.executable, "-c", source, str(module), str(after_s)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, b"")


PARENT = """
import sys
from gym_reason.types import Task
from gym_reason.verifiers.pool import VerifierPool
with VerifierPool("hostile", timeout_s=600, modules=[sys.argv[1]]) as pool:
    pool.verify(Task("t", (), "1"), "hang_with_child " + sys.argv[2])
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_parent(tmp_path: Path, number: signal.Signals) -> None:
    pids_file = tmp_path / "pids"
    with (tmp_path / "errors").open("wb") as errors:
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, HOSTILE, str(pids_file)], stderr=errors
        )
    worker, child = wait_for_pids(pids_file)
    parent.send_signal(number)
    parent.wait(timeout=20)
    try:
        wait_until_dead(worker, child)
        if number is signal.SIGINT:
            assert "KeyboardInterrupt" in (tmp_path / "errors").read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
