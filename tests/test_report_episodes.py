"""Episodes in the report: read whatever state their files are in, and packed without loss."""

import base64
import gzip
import json
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gym_reason.records import dump_line, write_jsonl_zst
from gym_reason.report import archive as archive_module
from gym_reason.report.archive import Archive, Packer, pack_episodes
from gym_reason.report.episodes import (
    Episode,
    EpisodeFiles,
    find_episodes,
    is_solved,
    name_outcome,
    read_episodes,
)
from gym_reason.report.films import Camera
from gym_reason.report.page import collect_episodes
from gym_reason.report.pictures import Album
from gym_reason.report.token_rows import count_written, pack_traces
from gym_reason.types import (
    Completion,
    Message,
    Outcome,
    StopReason,
    Task,
    TokenTrace,
    Trajectory,
    Turn,
    Verdict,
)

ATTACK = '</script><script>alert(1)</script><img src=x onerror="alert(2)">\u202e\x00\ud800'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def make_episode(number: int, answer: str = "42", correct: bool = True) -> Trajectory:
    """Return an episode of one turn, with tokens."""
    outcome = Outcome.PASS if correct else Outcome.FAIL
    verdict = Verdict(float(correct), correct, outcome, {"answer": float(correct)}, "", "found it")
    completion = Completion((7, 8, 2), (-0.01, -1.5, -0.001), answer, "stop")
    trace = TokenTrace(
        (1, 5, 6, 7, 8, 2),
        (False, False, False, True, True, True),
        (0.0, 0.0, 0.0, -0.01, -1.5, -0.001),
        (0,) * 6,
    )
    prompt = (Message("user", f"Problem {number}"),)
    turn = Turn(prompt[0].content, answer, completion, float(correct), verdict, True, False)
    stop = StopReason.SOLVED if correct else StopReason.ANSWERED
    task = Task(f"task-{number}", prompt, "42")
    return Trajectory(task, (turn,), (trace,), float(correct), stop, seed=number)


def unpack(block: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(block)))


def collect(folder: Path, most: int = 100) -> Archive:
    found = collect_episodes(folder, "acme/Riddles-v0", {}, most)
    assert found is not None
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "trajectories").mkdir()
    return tmp_path


def write(folder: Path, name: str, *rows: object) -> None:
    write_jsonl_zst(folder / "trajectories" / f"{name}.jsonl.zst", list(rows))


def test_files_are_read_in_the_order_in_which_they_came_to_be(folder: Path) -> None:
    for name in ("rl-000002", "held-out-after", "rl-000001", "held-out-before"):
        write(folder, name, make_episode(1))
    (folder / "trajectories" / "notes.txt").write_text("no episodes")
    archive = collect(folder)
    names = archive.index["names"]["source"]
    assert names == ["held-out-before", "rl-000001", "rl-000002", "held-out-after"]
    assert archive.index["source"] == [0, 1, 2, 3]
    assert len(set(archive.index["key"])) == 4
    assert archive.index["names"]["env"] == ["acme/Riddles-v0"]


def test_an_episode_is_packed_whole(folder: Path) -> None:
    write(folder, "held-out-after", make_episode(3, "a wrong one", correct=False))
    archive = collect(folder)
    index = {name: archive.index[name][0] for name in ("solved", "reward", "tokens", "title")}
    assert index == {"solved": False, "reward": 0.0, "tokens": 3, "title": "Problem 3"}
    assert archive.index["names"]["outcome"] == ["fail"]
    (detail,) = unpack(archive.texts[0])
    assert detail["turns"][0]["action"] == "a wrong one"
    assert detail["turns"][0]["verdict"]["parts"] == [["answer", 0.0]]
    assert detail["turns"][0]["verdict"]["detail"] == "found it"
    assert detail["reference"] == "42"
    (traces,) = unpack(archive.tokens[0])
    assert traces == [
        {"ids": [1, 5, 6, 7, 8, 2], "runs": [3, 3], "turns": [[0, 6]], "logprobs": [-10, -1500, -1]}
    ]


def test_the_envelope_of_an_evaluation_is_read(folder: Path) -> None:
    row = json.loads(dump_line(make_episode(1)))
    envelope = {"env": "acme/A-v0", "policy": "small", "agent": "self-refine:rounds=2", "sample": 3}
    messages = [*row["task"]["prompt"], {"role": "tool", "content": "7 * 6 = 42", "images": []}]
    (folder / "trajectories" / "episodes.jsonl").write_bytes(
        dump_line({**envelope, **row, "messages": messages, "seconds": 1.25})
    )
    archive = collect(folder)
    assert archive.index["names"]["env"] == ["acme/A-v0"]
    assert archive.index["names"]["policy"] == ["small, self-refine:rounds=2"]
    (detail,) = unpack(archive.texts[0])
    assert (detail["sample"], detail["seconds"]) == (3, 1.25)
    assert detail["messages"][1] == {"role": "tool", "text": "7 * 6 = 42"}


def test_what_a_crash_left_is_told_and_the_rest_is_shown(folder: Path) -> None:
    lines = dump_line(make_episode(1)) + dump_line(make_episode(2))
    path = folder / "trajectories" / "episodes.jsonl"
    path.write_bytes(lines[:-20] + b"\n[1]\n" + b"[" * 100_000 + b"\n")
    (folder / "trajectories" / "held-out-after.jsonl.zst").write_bytes(b"nothing")
    archive = collect(folder)
    assert archive.count == 1
    assert any("3 lines of episodes.jsonl hold no episode" in one for one in archive.remarks)
    assert any("held-out-after.jsonl.zst" in one for one in archive.remarks)


def test_a_folder_without_episodes_has_no_archive(folder: Path) -> None:
    assert collect_episodes(folder / "trajectories", "", {}, 10) is None
    (folder / "trajectories" / "rl-000001.jsonl").write_bytes(b"")
    assert collect_episodes(folder, "", {}, 10) is None
    (folder / "trajectories" / "rl-000001.jsonl").write_bytes(b"broken\n")
    assert collect_episodes(folder, "", {}, 10) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
verdicts = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("correct", "outcome", "parts", "feedback"), values)
)
turns = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("observation", "action", "reward", "completion", "info"), values),
        "verdict": verdicts,
    },
)
traces = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("ids", "action_mask", "logprobs", "turn_index"), values)
)
rows = st.fixed_dictionaries(
    {
        "task": st.dictionaries(st.sampled_from(["id", "prompt", "reference", "meta"]), values),
        "turns": st.lists(turns | values, max_size=3),
    },
    optional={
        "traces": st.lists(traces | values, max_size=3),
        **dict.fromkeys(("ret", "stop_reason", "meta", "policy", "messages", "seed"), values),
    },
)


@settings(max_examples=50)
@given(rows)
def test_rows_of_any_form_are_packed_and_never_stop_a_page(row: dict[str, Any]) -> None:
    # What a file gives: JSON as it is written and read back.
    line = json.loads(json.dumps(row))
    packer = Packer("", Camera({}), {})
    packer.add(Episode("key", "file", line))
    archive = packer.finish()
    assert archive.count == 1
    assert len(unpack(archive.texts[0])) == len(unpack(archive.tokens[0])) == 1
    assert isinstance(name_outcome(line), str)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2**53 - 1)), max_size=40))
def test_runs_say_which_tokens_were_written(tokens: list[tuple[bool, int]]) -> None:
    mask = [written for written, _ in tokens]
    ids = [one for _, one in tokens]
    row = {"traces": [{"ids": ids, "action_mask": mask, "logprobs": [-0.5] * len(ids)}]}
    (trace,) = pack_traces(row)
    told: list[bool] = []
    for number, length in enumerate(trace["runs"]):
        told += [number % 2 == 1] * length
    assert told == mask
    assert trace["ids"] == ids
    assert len(trace["logprobs"]) == sum(mask) == count_written(row)


def test_advantages_belong_to_the_tokens_that_were_written() -> None:
    row = json.loads(dump_line(make_episode(1)))
    row["meta"] = {"advantages": [[0.0, 0.0, 0.0, 0.5, -0.25, 1.0]]}
    assert pack_traces(row)[0]["advantages"] == [500, -250, 1000]
    row["meta"] = {"advantages": [[0.5]]}
    assert "advantages" not in pack_traces(row)[0]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(1, 80))
def test_at_most_as_many_are_read_as_asked_for(counts: list[int], most: int) -> None:
    files = EpisodeFiles([Path(str(n)) for n in range(len(counts))], counts, ())
    stride = files.stride(most)
    taken = sum(-(-count // stride) for count in counts)
    # One of each file at least: a file is never left out.
    assert taken <= max(most, len(counts))
    if sum(counts) <= most:
        assert stride == 1


def test_the_same_problems_are_taken_of_each_file(folder: Path) -> None:
    for name in ("held-out-before", "held-out-after"):
        write(folder, name, *(make_episode(number) for number in range(30)))
    archive = collect(folder, most=20)
    titles = archive.index["title"]
    assert archive.count == 20
    assert titles[:10] == titles[10:] == [f"Problem {number}" for number in range(0, 30, 3)]
    assert archive.remarks == ["The page holds 20 of 60 episodes."]


def test_what_does_not_fit_is_left_out_and_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "rl-000001", *(make_episode(number) for number in range(200)))
    files = find_episodes(folder)
    monkeypatch.setattr(archive_module, "TOKEN_BYTES", 500)
    packer = Packer("", Camera({}), {})
    archive = pack_episodes(read_episodes(files, 1000, []), packer, 200)
    assert (len(archive.texts), archive.count) == (4, 200)
    assert 0 < len(archive.tokens) < 4
    shown = 64 * len(archive.tokens)
    assert archive.remarks == [f"Tokens are kept of the first {shown} episodes."]
    monkeypatch.setattr(archive_module, "TEXT_BYTES", 1)
    archive = pack_episodes(read_episodes(files, 1000, []), Packer("", Camera({}), {}), 200)
    assert archive.count == 64
    assert archive.remarks[0] == "The page holds 64 of 200 episodes."


def test_no_text_ends_the_element_that_it_stands_in(folder: Path) -> None:
    write(folder, "rl-000001", make_episode(1, ATTACK + "x" * 1_000_000))
    archive = collect(folder)
    for block in (*archive.texts, *archive.tokens):
        assert set(block) <= {*string.ascii_letters, *string.digits, *"+/="}
    action = unpack(archive.texts[0])[0]["turns"][0]["action"]
    assert action.startswith(ATTACK)
    assert action.endswith("more characters]")
    assert len(action) < 101_000


def test_each_picture_is_kept_once_and_only_if_it_is_one() -> None:
    album = Album()
    assert album.add(PNG) == album.add_named(PNG.hex()) == 0
    assert album.add(b"<svg onload=alert(1)>") is None
    assert album.add_named("no hexadecimal") is None
    assert album.add_named(None) is None
    assert album.add(b"\xff\xd8\xff" + bytes(6_000_000)) is None
    assert (len(album.pictures), album.left_out) == (1, 4)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (True, "pass")),
        ({"stop_reason": "env_error"}, (None, "env_error")),
        ({"stop_reason": "timeout"}, (None, "timeout")),
        ({"turns": [], "stop_reason": "max_turns"}, (False, "max_turns")),
        (
            {"turns": [{"verdict": {"outcome": "unscorable", "correct": False}}]},
            (None, "unscorable"),
        ),
        ({"turns": [{"verdict": {"outcome": "timeout", "correct": False}}]}, (False, "timeout")),
    ],
)
def test_our_own_faults_count_neither_way(changes: dict[str, Any], expected: object) -> None:
    row = json.loads(dump_line(make_episode(1))) | changes
    assert (is_solved(row), name_outcome(row)) == expected
