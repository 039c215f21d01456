"""`gym-reason verify`, run as a command."""

import argparse
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

from gym_reason.cli import verify
from gym_reason.errors import GymReasonError

SCRIPT = """
import argparse, sys
from gym_reason.cli import verify
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
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "verify", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


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
    assert read_rows(run("math", "-", stdin=row)[1])[0]["outcome"] == "unscorable"


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
        (["math", "-", "--out", "/nonexistent/out.jsonl"], 1, "cannot write"),
        (["math", "-", "--out", "/dev/full"], 1, "cannot write"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    source = write_rows(tmp_path / "in.jsonl", ROWS)
    parser = argparse.ArgumentParser()
    verify.add_parser(parser.add_subparsers())
    named = [str(source) if argument == "-" else argument for argument in arguments]
    with pytest.raises(GymReasonError, match=re.escape(message)) as caught:
        verify.run(parser.parse_args(["verify", *named]))
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
