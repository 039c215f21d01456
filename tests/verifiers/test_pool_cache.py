"""The cache of verdicts: what is kept, for whom, and what a broken file costs."""

import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gym_reason.registry import load_module
from gym_reason.types import Json, Message, Outcome, Task, Verdict
from gym_reason.verifiers.builtin import make_verifier
from gym_reason.verifiers.math import MathVerifier
from gym_reason.verifiers.pool import VerdictCache, VerifierPool
from gym_reason.verifiers.pool.content import judge_id, row_id

HOSTILE = str(Path(__file__).with_name("hostile_verifiers.py"))
TASK = Task("t", (), "42")
VERDICT = Verdict(0.5, False, Outcome.FAIL, {"a": 0.5}, "f\ud800", "d", 0.25)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cache.sqlite"


def keep(file: Path, *contents: bytes, most_rows: int = 1_000_000) -> None:
    cache = VerdictCache(file, most_rows)
    for content in contents:
        cache.put(content, VERDICT)
    cache.close()


def found(file: Path, *contents: bytes) -> list[bool]:
    cache = VerdictCache(file)
    try:
        return [cache.get(content) is not None for content in contents]
    finally:
        cache.close()


def test_a_verdict_comes_back_as_it_was_in_another_run(file: Path) -> None:
    keep(file, b"x")
    cache = VerdictCache(file)
    verdict = cache.get(b"x")
    cache.close()
    assert verdict == VERDICT
    assert verdict is not None
    assert verdict.seconds == 0.25


@pytest.mark.parametrize("outcome", Outcome)
def test_only_what_the_submission_decides_is_kept(file: Path, outcome: Outcome) -> None:
    cache = VerdictCache(file)
    cache.put(b"x", Verdict(0.0, False, outcome))
    cache.close()
    lasting = {Outcome.PASS, Outcome.FAIL, Outcome.NO_ANSWER, Outcome.INVALID}
    assert found(file, b"x") == [outcome in lasting]


def test_a_verdict_that_a_limit_of_time_made_is_not_kept(file: Path) -> None:
    cache = VerdictCache(file)
    cache.put(b"x", Verdict(0.0, False, Outcome.FAIL, detail="undecided: the time was over"))
    cache.put(b"y", Verdict(0.0, False, Outcome.FAIL, detail="decided"))
    cache.close()
    assert found(file, b"x", b"y") == [False, True]


def test_the_oldest_go_beyond_the_limit(file: Path) -> None:
    keep(file, *(b"%d" % n for n in range(50)), most_rows=20)
    keep(file, b"new", most_rows=20)
    assert found(file, b"30", b"31", b"49", b"new") == [False, True, True, True]


def run_counted(file: Path, calls: Path, *texts: str, salt: int = 0) -> list[Verdict]:
    spec = f"counted:calls={calls},salt={salt}"
    with VerifierPool(spec, workers=2, modules=[HOSTILE], cache=file) as pool:
        return list(pool.verify_many((TASK, text) for text in texts))


def test_a_pool_runs_nothing_that_is_known(file: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    texts = [f"{outcome} {number}" for outcome in ("pass", "fail") for number in range(50)]
    first = run_counted(file, calls, *texts)
    again = run_counted(file, calls, *texts, "timeout 1")
    assert again[:-1] == first
    assert [v.seconds for v in again] == [0.25] * 101
    assert sorted(calls.read_text().splitlines()) == sorted([*texts, "timeout 1"])
    run_counted(file, calls, "pass 1", "timeout 1", salt=1)
    assert calls.read_text().splitlines()[-2:] == ["pass 1", "timeout 1"]


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("hostile", "does not say that it is deterministic"),
        ("overlong:9,inner=hostile", "does not say that it is deterministic"),
        ("length:cosine,9,hostile", "does not say that it is deterministic"),
        ("locked", "its state cannot be told: cannot pickle"),
    ],
)
def test_a_verifier_whose_verdicts_may_not_be_kept_is_named_once_in_the_log(
    file: Path, caplog: pytest.LogCaptureFixture, spec: str, reason: str
) -> None:
    with (
        caplog.at_level(logging.WARNING, "gym_reason"),
        VerifierPool(spec, modules=[HOSTILE], cache=file) as pool,
    ):
        assert pool.verify(TASK, "a").outcome is Outcome.PASS
    assert not file.exists()
    assert len(caplog.records) == 1
    assert reason in caplog.text


def test_another_schema_in_the_same_file_is_another_judge(file: Path, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    outcomes = []
    for kind in ("integer", "string"):
        schema.write_text(f'{{"type": "{kind}"}}')
        with VerifierPool(f"overlong:99,inner=json_schema:{schema}", cache=file) as pool:
            outcomes.append(pool.verify(TASK, "5").outcome)
    assert outcomes == [Outcome.PASS, Outcome.FAIL]


def test_workers_judge_by_the_file_that_their_pool_has_read(file: Path, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "integer"}')
    with VerifierPool(f"json_schema:{schema}", cache=file) as pool:
        schema.write_text('{"type": "string"}')
        assert pool.verify(TASK, "5").correct


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        *((name, True) for name in ("math", "exact", "positions", "think_tags", "countdown")),
        ("hostile", False),
    ],
)
def test_verifiers_say_whether_their_verdicts_may_be_kept(spec: str, kept: bool) -> None:
    load_module(HOSTILE)
    assert getattr(make_verifier(spec), "deterministic", False) is kept


def test_a_row_is_named_by_all_that_its_verdict_depends_on() -> None:
    meta: dict[str, Json] = {"b": [1, {"c": None}], "a": 1}
    tasks = [
        TASK,
        Task("other", (), "42"),
        Task("t", (), "42", difficulty=2.0),
        Task("t", (Message("user", "How much?"),), "42"),
        Task("t", (Message("system", "How much?"),), "42"),
        Task("t", (Message("user", "How much?", (b"image",)),), "42"),
        Task("t", (), "43"),
        Task("t", (), "42", meta=meta),
        Task("t", (), "42", meta={**meta, "a": 2}),
    ]
    names = [row_id(task, text) for task in tasks for text in ("x", "y", "\ud800", "")]
    assert len(set(names)) == len(names)
    # Where one part ends and the next begins counts too.
    assert row_id(Task("t", (), "ab"), "c") != row_id(Task("t", (), "a"), "bc")
    turned = dict(reversed(meta.items()))
    assert row_id(Task("t", (), "42", meta=turned), "x") == row_id(
        Task("t", (), "42", meta=meta), "x"
    )


def test_a_judge_is_named_by_its_arguments_and_its_code(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("a = 1\n")
    strict, lenient = MathVerifier("strict"), MathVerifier("lenient")
    names = [
        judge_id("math", lenient, []),
        judge_id("math:strict", strict, []),
        judge_id(strict, strict, []),
        judge_id(lenient, lenient, []),
        judge_id("math", lenient, [str(module)]),
    ]
    module.write_text("a = 2\n")
    names.append(judge_id("math", lenient, [str(module)]))
    assert len(set(names)) == len(names)
    assert judge_id(MathVerifier("strict"), strict, []) == names[2]


def break_file(file: Path, way: str) -> Path:
    if way == "not a database":
        file.write_bytes(b"nothing that SQLite knows" * 1_000)
    elif way == "damaged inside":
        keep(file, *(b"%d" % n for n in range(1_000)))
        content = bytearray(file.read_bytes())
        content[4096:] = b"\xa5" * (len(content) - 4096)
        file.write_bytes(content)
    elif way == "a folder":
        file.mkdir()
    elif way == "in no folder":
        return file / "cache.sqlite"
    return file


@pytest.mark.parametrize("way", ["not a database", "damaged inside", "a folder", "in no folder"])
def test_a_broken_file_costs_one_warning(
    file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    file = break_file(file, way)
    texts = [f"pass {number}" for number in range(100)]
    with caplog.at_level(logging.WARNING, "gym_reason"):
        verdicts = run_counted(file, tmp_path / "calls", *texts)
    assert [v.outcome for v in verdicts] == [Outcome.PASS] * 100
    assert len(caplog.records) == 1
    assert str(file) in caplog.text


def test_a_full_disk_costs_one_warning(
    small_disk: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = small_disk / "cache.sqlite"
    keep(file, b"x")
    ballast = small_disk / "ballast"
    with ballast.open("wb") as full:
        try:
            while True:
                full.write(bytes(65_536))
                full.flush()
        except OSError:
            pass
    with caplog.at_level(logging.WARNING, "gym_reason"):
        verdicts = run_counted(file, tmp_path / "calls", *(f"pass {n}" for n in range(2_000)))
    assert len(verdicts) == 2_000
    assert len(caplog.records) == 1


def test_a_row_of_nonsense_is_no_verdict(file: Path) -> None:
    keep(file, b"x")
    cache = VerdictCache(file)
    connection = cache._connect()
    connection.execute("UPDATE verdicts SET verdict = ?", (b'{"reward": 1}',))
    connection.close()
    assert cache.get(b"x") is None
    cache.close()


WRITER = """
import sys
from pathlib import Path
from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.pool import VerdictCache
cache = VerdictCache(Path(sys.argv[1]))
for number in range(3000):
    cache.put(b"%s %d" % (sys.argv[2].encode(), number), Verdict(0.0, False, Outcome.FAIL))
    cache.get(b"%d" % number)
cache.close()
"""


def test_processes_and_threads_write_at_the_same_time(file: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, file, name], stderr=subprocess.PIPE)
        for name in "ab"
    ]
    threads = [
        threading.Thread(target=keep, args=(file, *(b"%d %d" % (t, n) for n in range(500))))
        for t in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.communicate()[1] for process in processes] == [b"", b""]
    contents = [b"%s %d" % (name, n) for name in (b"a", b"b") for n in range(3_000)]
    contents += [b"%d %d" % (t, n) for t in range(3) for n in range(500)]
    assert all(found(file, *contents))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Of the fork, where threads run.
def test_a_fork_reads_the_cache_afresh(file: Path) -> None:
    keep(file, b"x")
    cache = VerdictCache(file)
    assert cache.get(b"x") is not None
    child = os.fork()
    if child == 0:
        cache.reopen()
        os._exit(0 if cache.get(b"x") is not None else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    cache.close()
