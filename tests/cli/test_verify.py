"""`gym-reason verify`, run as a command."""

import argparse
import fcntl
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gym_reason.cli import main, verify
from gym_reason.errors import GymReasonError, UsageError

SCRIPT = """
import argparse, sys
from gym_reason.cli import main, verify
from gym_reason.errors import GymReasonError
from gym_reason.registry import load_module
parser = argparse.ArgumentParser()
verify.add_parser(parser.add_subparsers(dest="command"))
args = parser.parse_args()
try:
    for source in args.load:
        load_module(source)
    sys.exit(verify.run(args))
except GymReasonError as error:
    print(f"gym-reason: {error}", file=sys.stderr)
    sys.exit(error.exit_code)
"""
HOSTILE = Path(__file__).resolve().parents[1] / "verifiers" / "hostile_verifiers.py"
ROWS: list[dict[str, Any]] = [
    {"id": "a", "submission": "so \\boxed{12}", "reference": "12", "extra": [1, {"k": None}]},
    {"id": "b", "submission": "13", "reference": "12", "reward": "old"},
    {"id": "c", "submission": "<think>", "reference": 12},
]


def run(*arguments: object, stdin: bytes = b"") -> tuple[int, str, str]:
    """Run the command in this process; return its exit code and what it wrote."""
    written = {"stdout": io.BytesIO(), "stderr": io.BytesIO()}
    streams = {name: io.TextIOWrapper(content) for name, content in written.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        code = main(["verify", *map(str, arguments)])
    for stream in streams.values():
        stream.flush()
    return code, written["stdout"].getvalue().decode(), written["stderr"].getvalue().decode()


def verify_here(*arguments: object) -> int:
    """Run the command in this process and return its exit code."""
    parser = argparse.ArgumentParser()
    verify.add_parser(parser.add_subparsers())
    return verify.run(parser.parse_args(["verify", *map(str, arguments)]))


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read_rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_rows_come_back_in_order_with_their_verdicts(tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", ROWS), tmp_path / "out.jsonl"
    code, stdout, stderr = run("math", source, "--out", out, "--workers", 2)
    assert (code, stderr) == (0, "")
    assert stdout.startswith("3 rows, 1 correct (pass 1, fail 1, no_answer 1)\n")
    first, second, third = read_rows(out.read_text())
    assert first["extra"] == [1, {"k": None}]
    assert [row["id"] for row in (first, second, third)] == ["a", "b", "c"]
    assert [row["outcome"] for row in (first, second, third)] == ["pass", "fail", "no_answer"]
    assert (second["reward"], second["correct"], second["parts"]) == (0.0, False, {"answer": 0.0})
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out.jsonl"]


def test_json_prints_one_object_and_no_rows(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", ROWS)
    code, stdout, _ = run("math", source, "--json")
    summary = json.loads(stdout)
    assert code == 0
    assert summary.pop("seconds") > 0
    assert summary == {
        "rows": 3,
        "correct": 1,
        "unscorable": 0,
        "outcomes": {"pass": 1, "fail": 1, "no_answer": 1},
        "out": None,
    }


def test_without_out_the_rows_go_to_standard_output() -> None:
    line = json.dumps(ROWS[0]).encode()
    code, stdout, stderr = run("math", "-", stdin=line)
    assert code == 0
    assert read_rows(stdout)[0]["correct"] is True
    assert stderr.startswith("1 rows, 1 correct")


def test_broken_lines_are_invalid_rows_with_their_number(tmp_path: Path) -> None:
    good = json.dumps({"submission": "5", "reference": "5"}).encode()
    lines = [b"{broken", good, b"", b"[1]", b"\xff\xfe", b'{"id": 1}', b'{"submission": null}',
             b"[" * 100_000, b'{"submission": ' + b"9" * 5_000 + b"}", good]  # fmt: skip
    code, stdout, _ = run("math", "-", stdin=b"\n".join(lines))
    rows = read_rows(stdout)
    assert code == 0
    assert [row.get("line") for row in rows] == [1, None, 4, 5, 6, 7, 8, 9, None]
    for row in rows:
        assert row["outcome"] == ("invalid" if "line" in row else "pass")
        assert "line" not in row or f"line {row['line']}" in row["detail"]
    assert rows[4]["id"] == 1


def test_fields_name_columns(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"answer": "... #### 5"},
        {"other": "5"},
        {"answer": "... #### 6"},
    ]
    source = write_rows(tmp_path / "in.jsonl", rows)
    mapping = ["--field", "submission=answer", "--field", "reference=answer"]
    code, stdout, _ = run("math", source, *mapping)
    assert code == 0
    assert [row["outcome"] for row in read_rows(stdout)] == ["pass", "invalid", "pass"]


def test_a_row_without_reference_is_the_verifiers_affair() -> None:
    row = b'{"submission": "<think>a</think>b"}'
    assert read_rows(run("think_tags", "-", stdin=row)[1])[0]["outcome"] == "pass"
    code, stdout, stderr = run("math", "-", stdin=row)
    assert read_rows(stdout)[0]["outcome"] == "unscorable"
    # Nothing was judged at all: that is no success.
    assert code == 1
    assert "1 of them unscorable, which count as neither right nor wrong" in stderr


def test_some_unscorable_rows_are_said_aloud_and_no_failure(tmp_path: Path) -> None:
    rows = [{"submission": text} for text in ("fine", "raise", "fine", "leave")]
    source, out = write_rows(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    code, stdout, _ = run("hostile", source, "--load", HOSTILE, "--out", out)
    assert code == 0
    assert stdout.startswith("4 rows, 2 correct (pass 2, unscorable 2)\n2 of them unscorable")
    assert "the first: the verifier raised RuntimeError: out of luck" in stdout
    assert json.loads(run("hostile", source, "--load", HOSTILE, "--json")[1])["unscorable"] == 2


@pytest.mark.parametrize(
    ("field", "cases"),
    [
        (
            None,
            [
                ({"reference": {"a": [1, "\u00e9"]}}, '{"a": [1, "\u00e9"]}|{}'),
                ({"reference": [1, 2.5]}, "[1, 2.5]|{}"),
                ({"reference": True}, "true|{}"),
                ({"reference": 7}, "7|{}"),
                ({"reference": None}, "|{}"),
                ({"tests": {"type": "stdio"}}, '{"type": "stdio"}|{}'),
                ({"reference": None, "tests": "t"}, "t|{}"),
                ({"reference": "r", "tests": "t"}, "r|{'tests': 't'}"),
                ({"reference": "r", "language": "c", "id": 3}, "r|{'language': 'c'}"),
                ({"meta": {"a": 1}, "a": 2, "b": 3}, "|{'a': 1, 'b': 3}"),
                ({"meta": "no object", "m": {"a": 1}}, "|{'m': {'a': 1}}"),
            ],
        ),
        ("reference=r", [({"r": None, "tests": "t"}, "|{'tests': 't'}")]),
        ("meta=m", [({"meta": {"z": 1}, "m": {"a": 1}}, "|{'meta': {'z': 1}, 'a': 1}")]),
    ],
)
def test_what_reaches_the_verifier(
    field: str | None, cases: list[tuple[dict[str, Any], str]], tmp_path: Path
) -> None:
    rows = [{"submission": "x", **row} for row, _ in cases]
    source, out = write_rows(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    fields = ["--field", field] if field else []
    verify_here("echo_task", source, "--out", out, "--load", HOSTILE, *fields)
    judged = read_rows(out.read_text())
    assert [row["detail"] for row in judged] == [shown for _, shown in cases]
    assert [
        {name: found[name] for name in row} for row, found in zip(rows, judged, strict=True)
    ] == rows


def test_half_a_surrogate_pair_makes_the_round_trip_as_valid_text(tmp_path: Path) -> None:
    row = {
        "id": "a\ud800",
        "submission": "\udfff 12 \u00e9",
        "reference": "12",
        "x\ud801": "\ud802",
    }
    source, out = write_rows(tmp_path / "in.jsonl", [row, {**row, "id": 2}]), tmp_path / "out.jsonl"
    verify_here("echo_task", source, "--out", out, "--load", HOSTILE)
    judged = read_rows(out.read_bytes().decode("utf-8", "strict"))
    assert [{name: found[name] for name in row} for found in judged] == [row, {**row, "id": 2}]


def test_rows_nested_to_the_limit_do_not_end_the_run(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    depths = range(800, 1010, 2)
    source.write_text(
        "".join(f'{{"submission": "1", "x": {"[" * depth}{"]" * depth}}}\n' for depth in depths)
    )
    verify_here("echo_task", source, "--out", out, "--load", HOSTILE)
    assert len(out.read_text().splitlines()) == len(depths)


def test_known_verdicts_come_from_the_cache(tmp_path: Path) -> None:
    calls, cache = tmp_path / "calls", tmp_path / "cache.sqlite"
    source = write_rows(tmp_path / "in.jsonl", [{"submission": f"pass {n}"} for n in range(9)])
    outs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for out in outs:
        verify_here(
            f"counted:calls={calls}", source, "--load", HOSTILE, "--cache", cache, "--out", out
        )
    assert len(calls.read_text().splitlines()) == 9
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_a_cache_that_a_verifier_cannot_use_is_named_once(tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    words = ["hostile", "-", "--load", HOSTILE, "--cache", cache]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "verify", *map(str, words)],
        input=b'{"submission": "fine"}\n' * 3,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.stderr.count(b"\n") == 3  # this line and two of the summary
    assert b"is not used for the verifier 'hostile': it does not say" in done.stderr
    assert not cache.exists()


@pytest.mark.slow
def test_programs_have_the_time_that_the_verifier_allows_them(tmp_path: Path) -> None:
    tests = {"type": "assert", "entry": "f", "code": "assert f() == 1"}
    program = "import time\ndef f():\n    time.sleep(5.5)\n    return 1"
    source = write_rows(tmp_path / "in.jsonl", [{"submission": program, "tests": tests}])
    code, stdout, _ = run("code:process,timeout=8", source)
    assert (code, read_rows(stdout)[0]["outcome"]) == (0, "pass")


@pytest.mark.parametrize(("spec", "code"), [("code:docker:x", 1), ("code:nosuch", 2)])
def test_without_a_sandbox_the_run_stops_in_one_line(
    spec: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    source, out = write_rows(tmp_path / "in.jsonl", ROWS), tmp_path / "out.jsonl"
    found, stdout, stderr = run(spec, source, "--out", out)
    assert (found, stdout, stderr.count("\n")) == (code, "", 1)
    assert list(tmp_path.iterdir()) == [source]


def interrupt(source: Path, out: Path, *arguments: object) -> None:
    """Judge a file whose last rows hang, and kill the run once the first are written."""
    words = ["hostile", source, "--out", out, "--load", HOSTILE, "--timeout", 600, *arguments]
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, "verify", *map(str, words)])
    partial = out.with_name(f"{out.name}.partial")
    deadline = time.monotonic() + 20
    while not (partial.exists() and partial.stat().st_size):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()


@pytest.fixture
def interrupted(tmp_path: Path) -> tuple[Path, Path]:
    """A file of rows and the output of a run on it that was killed."""
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    # More rows than a second writes, so that some are sure to have been written out.
    rows = [{"id": n, "submission": f"sleep 0.01 {n}"[:10]} for n in range(300)]
    write_rows(source, [*rows, {"id": 300, "submission": "hang"}])
    interrupt(source, out)
    return source, out


def resume(source: Path, out: Path, *more: object, verifier: str = "hostile") -> int:
    return verify_here(
        verifier, source, "--out", out, "--load", HOSTILE, "--timeout", 0.5, *more, "--resume"
    )


def test_a_killed_run_goes_on_where_it_stopped(interrupted: tuple[Path, Path]) -> None:
    source, out = interrupted
    partial = out.with_name("out.jsonl.partial")
    lines = partial.read_bytes().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(b"\n")]
    assert 0 < len(whole) < 301
    partial.write_bytes(b"".join(whole) + b'{"id": 9, "outc')
    assert not out.exists()
    assert resume(source, out) == 0
    judged = out.read_bytes().splitlines(keepends=True)
    assert judged[: len(whole)] == whole
    rows = [json.loads(line) for line in judged]
    assert [row["id"] for row in rows] == list(range(301))
    assert [row["outcome"] for row in rows] == ["pass"] * 300 + ["timeout"]
    assert sorted(os.listdir(out.parent)) == ["in.jsonl", "out.jsonl"]


def test_the_summary_of_a_resumed_run_is_of_all_rows(
    interrupted: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = interrupted
    assert resume(source, out, "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["rows"], summary["correct"]) == (301, 300)
    assert summary["outcomes"] == {"pass": 300, "timeout": 1}


def test_rows_of_an_interrupted_run_are_neither_lost_nor_taken_for_others(
    interrupted: tuple[Path, Path],
) -> None:
    source, out = interrupted
    partial = out.with_name("out.jsonl.partial")
    kept = partial.read_bytes()
    with pytest.raises(UsageError, match="--resume to go on"):
        verify_here("hostile", source, "--out", out, "--load", HOSTILE)
    with pytest.raises(UsageError, match="another verifier;"):
        resume(source, out, verifier="exact")
    with pytest.raises(UsageError, match="another field;"):
        resume(source, out, "--field", "submission=id")
    with partial.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another run is writing"):
            resume(source, out)
    note = out.with_name("out.jsonl.partial.json")
    content = note.read_bytes()
    note.unlink()
    with pytest.raises(UsageError, match="does not say which run"):
        resume(source, out)
    note.write_bytes(content)
    source.write_text(source.read_text().replace("0.01", "0.02", 1))
    with pytest.raises(UsageError, match="another file;"):
        resume(source, out)
    assert partial.read_bytes() == kept
    source.write_text(source.read_text().replace("0.02", "0.01", 1))
    partial.write_bytes(b'{"no": "verdict"}\n' + kept)
    with pytest.raises(UsageError, match=r"line 1 of .* is damaged"):
        resume(source, out)


def test_a_compressed_output_is_resumed_too(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl.zst"
    rows = [{"id": n, "submission": "sleep 0.01"} for n in range(200)]
    write_rows(source, [*rows, {"id": 200, "submission": "hang"}])
    interrupt(source, out)
    assert resume(source, out) == 0
    stream = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(out.read_bytes()))
    assert [row["id"] for row in read_rows(stream.read().decode())] == list(range(201))
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "out.jsonl.zst"]


def test_resume_begins_where_nothing_was_begun(tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "in.jsonl", [{"submission": "a"}]), tmp_path / "out.jsonl"
    assert resume(source, out) == 0
    assert len(out.read_text().splitlines()) == 1


def test_resume_says_where_there_is_nothing_to_resume(
    interrupted: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = interrupted
    assert resume(source, out) == 0
    assert capsys.readouterr().err == ""
    assert resume(source, out) == 0
    said = f"gym-reason: no rows in {out}.partial: judging all of them\n"
    assert capsys.readouterr().err == said


def test_an_interrupted_run_says_how_to_go_on(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    pids = tmp_path / "pids"
    rows = [{"submission": "a"}] * 5 + [{"submission": f"hang_with_child {pids}"}]
    write_rows(source, rows)
    words = ["hostile", source, "--out", out, "--load", HOSTILE, "--timeout", 600]
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, "verify", *map(str, words)], stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 20
    while not (pids.exists() and pids.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert b"the same command with --resume goes on from there" in stderr
    assert len(out.with_name("out.jsonl.partial").read_text().splitlines()) == 5


def test_zstandard_goes_in_and_out(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl.zst", tmp_path / "out.jsonl.zst"
    content = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    source.write_bytes(zstandard.ZstdCompressor().compress(content))
    assert run("math", source, "--out", out)[0] == 0
    stream = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(out.read_bytes()))
    assert len(read_rows(stream.read().decode())) == 3
    source.write_bytes(b"no such thing")
    code, _, stderr = run("math", source, "--out", out)
    assert code == 2
    assert stderr.count("\n") == 1
    assert "in.jsonl.zst" in stderr


def test_a_file_can_be_its_own_output_and_a_link_stays_one(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", ROWS)
    link = tmp_path / "link.jsonl"
    link.symlink_to(source)
    assert run("math", source, "--out", link)[0] == 0
    assert link.is_symlink()
    assert len(read_rows(source.read_text())) == 3
    assert "outcome" in source.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["math", "/nonexistent/rows.jsonl"], 2, "no file"),
        (["math", "/"], 2, "folder"),
        (["maths", "-"], 2, "did you mean 'math'"),
        (["math:loose", "-"], 2, "strict or lenient"),
        (["math", "-", "--workers", "0"], 2, "workers = 0"),
        (["math", "-", "--timeout", "-1"], 2, "timeout_s = -1"),
        (["math", "-", "--timeout", "nan"], 2, "timeout_s = nan"),
        (["math", "-", "--field", "answer"], 2, "NAME=COLUMN"),
        (["math", "-", "--field", "answr=x"], 2, "no field 'answr'"),
        (["math", "-", "--out", "/"], 2, "folder"),
        (["math", "-", "--resume"], 2, "--resume without --out"),
        (["math", "-", "--resume", "--out", "/dev/null"], 2, "--out with a file"),
        (["math", "-", "--out", "/nonexistent/out.jsonl"], 1, "cannot write"),
        (["math", "-", "--out", "/dev/full"], 1, "cannot write"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    source = write_rows(tmp_path / "in.jsonl", ROWS)
    named = [str(source) if argument == "-" else argument for argument in arguments]
    with pytest.raises(GymReasonError, match=re.escape(message)) as caught:
        verify_here(*named)
    assert caught.value.exit_code == code
    assert "\n" not in str(caught.value)


def test_a_full_standard_output_fails_in_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, "verify", "math", "-"],
            input=json.dumps(ROWS[0]).encode(),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.stderr.startswith(b"gym-reason: cannot write the rows to standard output: No space")
    assert b"Traceback" not in done.stderr


def test_a_device_is_written_to_and_stays_a_device(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        assert run("math", "-", "--out", pipe, stdin=json.dumps(ROWS[0]).encode())[0] == 0
        assert reader.stdout is not None
        assert read_rows(reader.stdout.read().decode())[0]["correct"]
    assert pipe.is_fifo()


def test_a_verifier_from_a_file_is_known_to_the_workers_and_held_to_its_deadline() -> None:
    rows = [{"submission": text} for text in ("fine", "hang", "raise", "exit", "fine")]
    stdin = "\n".join(map(json.dumps, rows)).encode()
    code, stdout, _ = run("hostile", "-", "--load", HOSTILE, "--timeout", "0.5", stdin=stdin)
    assert code == 0
    outcomes = [row["outcome"] for row in read_rows(stdout)]
    assert outcomes == ["pass", "timeout", "unscorable", "unscorable", "pass"]


def test_an_interrupted_run_leaves_neither_output_nor_workers(tmp_path: Path) -> None:
    pids, out = tmp_path / "pids", tmp_path / "out" / "rows.jsonl"
    out.parent.mkdir()
    row = {"submission": f"hang_with_child {pids}"}
    source = write_rows(tmp_path / "in.jsonl", [row])
    command = [sys.executable, "-c", SCRIPT, "verify", "hostile", str(source), "--out", str(out)]
    with (tmp_path / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [*command, "--load", str(HOSTILE), "--timeout", "600"], stderr=errors
        )
    deadline = time.monotonic() + 20
    while not (pids.exists() and pids.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=20)
    assert list(out.parent.iterdir()) == []
    while any(_is_running(int(pid)) for pid in pids.read_text().split()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
