"""Environments made of files."""

import csv
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest
import zstandard

import gym_reason
from gym_reason.envs.base import ReasoningEnv, unwrap
from gym_reason.envs.dataset import DatasetEnv
from gym_reason.errors import DataError, UsageError
from gym_reason.types import Message

ROWS: list[dict[str, Any]] = [
    {"question": f"What is {i} + {i}?", "answer": str(2 * i), "level": i} for i in range(40)
]


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write JSON lines with a blank line at the end."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "\n", "utf-8")


def write_zst(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write compressed JSON lines."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(zstandard.compress(text.encode()))


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write CSV as spreadsheets do, with a byte-order mark."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write Parquet in several row groups."""
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=7)


def write_saved(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write what `save_to_disk` writes: Arrow streams and a list of them."""
    path.mkdir()
    names = []
    for index, part in enumerate((rows[: len(rows) // 2], rows[len(rows) // 2 :])):
        names.append({"filename": f"data-{index:05}-of-00002.arrow"})
        table = pyarrow.Table.from_pylist(part, schema=pyarrow.Table.from_pylist(rows).schema)
        with pyarrow.ipc.new_stream(str(path / names[-1]["filename"]), table.schema) as stream:
            stream.write_table(table)
    (path / "state.json").write_text(json.dumps({"_data_files": names, "_split": None}))


FORMATS: dict[str, Callable[[Path, list[dict[str, Any]]], None]] = {
    "rows.jsonl": write_jsonl,
    "rows.jsonl.zst": write_zst,
    "rows.csv": write_csv,
    "rows.parquet": write_parquet,
    "rows": write_saved,
}


def make(path: Path, **kwargs: Any) -> DatasetEnv:
    """Make an environment of a file with the columns above."""
    return DatasetEnv(**{"path": path, "prompt": "question", "reference": "answer", **kwargs})


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_tasks(tmp_path: Path, name: str) -> None:
    FORMATS[name](tmp_path / name, ROWS)
    tasks = make(tmp_path / name, difficulty="level").tasks()
    assert [task.prompt for task in tasks] == [(Message("user", r["question"]),) for r in ROWS]
    assert [task.reference for task in tasks] == [row["answer"] for row in ROWS]
    assert [task.difficulty for task in tasks] == [float(row["level"]) for row in ROWS]
    write_jsonl(tmp_path / "other.jsonl", ROWS)
    other = make(tmp_path / "other.jsonl").tasks()
    assert [task.id for task in tasks] == [task.id for task in other]


def test_an_episode(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", ROWS)
    env = make(tmp_path / "rows.jsonl")
    assert env.reset(options={"task": 21})[0] == "What is 21 + 21?"
    assert env.step("It is \\boxed{42}.")[1] == 1.0
    env.reset(options={"task": 21})
    assert env.step("It is \\boxed{41}.")[1] == 0.0


def test_the_prompt_can_have_a_template_and_a_system_message(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{"question": "{x} {prompt}", "answer": "1"}])
    env = make(tmp_path / "rows.jsonl", system="Be brief.", template="Q: {prompt} {y}")
    expected = (Message("system", "Be brief."), Message("user", "Q: {x} {prompt} {y}"))
    assert env.tasks()[0].prompt == expected


def test_names_and_limits(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", ROWS)
    env = make(tmp_path / "rows.jsonl", id_column="level", limit=3)
    assert [task.id for task in env.tasks()] == ["0", "1", "2"]
    with pytest.raises(UsageError, match="limit = 0"):
        make(tmp_path / "rows.jsonl", limit=0)


def test_a_dataset_without_splits_shows_every_row_and_can_be_split(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", ROWS)
    everything = make(tmp_path / "rows.jsonl").tasks()
    train = make(tmp_path / "rows.jsonl", split="train").tasks()
    test = make(tmp_path / "rows.jsonl", split="test").tasks()
    assert len(everything) == len(ROWS) == len(train) + len(test)
    assert 0 < len(test) < len(train)
    assert not {task.id for task in train} & {task.id for task in test}


def test_one_problem_with_two_references_stays_in_one_split(tmp_path: Path) -> None:
    rows = [{"question": f"Q{i // 2}", "answer": str(i)} for i in range(200)]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    prompts = [
        {task.prompt for task in make(tmp_path / "rows.jsonl", split=split).tasks()}
        for split in ("train", "test")
    ]
    assert prompts[0]
    assert prompts[1]
    assert not prompts[0] & prompts[1]


def test_a_column_names_the_splits(tmp_path: Path) -> None:
    rows = [{**row, "part": ("train", "dev")[row["level"] % 2]} for row in ROWS]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    env = make(tmp_path / "rows.jsonl", split_column="part")
    assert (env.split, len(env.tasks()), env.splits) == ("train", 20, ("train", "dev", "all"))
    assert len(make(tmp_path / "rows.jsonl", split_column="part", split="all").tasks()) == 40
    with pytest.raises(UsageError, match="did you mean 'dev'"):
        make(tmp_path / "rows.jsonl", split_column="part", split="deb")


def test_a_folder_of_several_datasets(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    folder.mkdir()
    write_saved(folder / "train", ROWS[:30])
    write_saved(folder / "test", ROWS[30:])
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert len(make(folder).tasks()) == 30
    assert len(make(folder, split="test").tasks()) == 10
    assert len(make(folder, split="all").tasks()) == 40


def write_text(name: str, text: str) -> Callable[[Path], Path]:
    """Return what writes a file of the given text."""

    def write(folder: Path) -> Path:
        (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        return folder / name

    return write


GOOD = '{"question": "1+1?", "answer": "2"}\n'


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.jsonl", GOOD + "{", "line 2 of .*a.jsonl is not JSON"),
        ("a.jsonl", GOOD + "\n[1]\n", "line 3 of .*a.jsonl is a list"),
        (
            "a.jsonl",
            GOOD + '{"question": "?", "solution": "2"}',
            "line 2 .*no column 'answer'.*'question', 'solution'",
        ),
        ("a.jsonl", '{"q": 1}', "line 1 .*no column 'question'.*among 'q'"),
        ("a.jsonl", "", "no rows"),
        ("a.jsonl", "\n\n", "no rows"),
        ("a.jsonl", GOOD + '{"question": "?", "answer": " "}', "'answer' in line 2 .*is empty"),
        ("a.jsonl", GOOD + '{"question": "?", "answer": null}', "line 2 .*is a NoneType"),
        ("a.jsonl", GOOD + '{"question": ["?"], "answer": "1"}', "line 2 .*is a list"),
        ("a.jsonl", '{"question": "\\ud800", "answer": "1"}', "line 1 .*lone surrogate"),
        ("a.jsonl.zst", GOOD, "a.jsonl.zst: zstd"),
        ("a.csv", "question,answer\n1+1?,2\n1+2?,3,4\n", "line 3 .*more fields than the header"),
        ("a.csv", "question,answer\n1+1?,2\n1+2?\n", "line 3 .*no column 'answer'"),
        ("a.csv", 'question,answer\n"1+1?,2\n', "not CSV"),
        ("a.csv", "question,answer\n", "no rows"),
        ("a.csv", "", "no rows"),
        ("a.parquet", "PAR1", "not Parquet"),
        ("a.txt", "1", "ends in '.txt'"),
        ("a", "1", "ends in ''"),
    ],
)
def test_a_broken_file_is_one_line_with_its_place(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    path = write_text(name, text)(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        make(path)
    assert "\n" not in str(caught.value)


def test_broken_folders_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        make(tmp_path / "missing.jsonl")
    with pytest.raises(DataError, match=r"no state\.json"):
        make(tmp_path)
    write_saved(tmp_path / "saved", ROWS)
    (tmp_path / "saved" / "data-00001-of-00002.arrow").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"data-00001-of-00002\.arrow is not an Arrow stream"):
        make(tmp_path / "saved")
    (tmp_path / "saved" / "state.json").write_text("{}")
    with pytest.raises(DataError, match="no _data_files"):
        make(tmp_path / "saved")
    (tmp_path / "dataset_dict.json").write_text("[]")
    with pytest.raises(DataError, match=r"dataset_dict\.json holds a list"):
        make(tmp_path)


def test_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("question,answer\nwhat?,na\u00efve\n".encode("latin-1"))
    with pytest.raises(DataError, match="not CSV"):
        make(tmp_path / "a.csv")


def test_a_difficulty_that_is_no_number_is_refused(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{**ROWS[0], "level": "hard"}])
    with pytest.raises(DataError, match=r"'level' in line 1 .* is 'hard'"):
        make(tmp_path / "rows.jsonl", difficulty="level")


def test_a_file_is_read_again_only_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, ROWS[:2])
    tasks = make(path).tasks()
    state = path.stat()
    path.write_bytes(b"#" * state.st_size)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert make(path).tasks() is tasks
    write_jsonl(path, ROWS[:3])
    assert len(make(path).tasks()) == 3


def test_registering_reads_nothing_and_keeps_relative_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    columns: dict[str, Any] = {"prompt": "question", "reference": "answer"}
    gym_reason.register_dataset("test_dataset/Later-v0", "later.jsonl", **columns)
    with pytest.raises(DataError, match="no file"):
        gym_reason.make("test_dataset/Later-v0")
    write_jsonl(tmp_path / "later.jsonl", ROWS)
    monkeypatch.chdir("/")
    env = unwrap(gym_reason.make("test_dataset/Later-v0", limit=5))
    assert len(env.tasks() or ()) == 5
    assert gymnasium.make("test_dataset/Later-v0").reset(seed=0)[0].startswith("What is")


def test_an_id_is_registered_once(tmp_path: Path) -> None:
    columns: dict[str, Any] = {"prompt": "question", "reference": "answer"}
    gym_reason.register_dataset("test_dataset/Once-v0", tmp_path / "a.jsonl", **columns)
    gym_reason.register_dataset("test_dataset/Once-v0", tmp_path / "a.jsonl", **columns)
    with pytest.raises(UsageError, match="registered already"):
        gym_reason.register_dataset("test_dataset/Once-v0", tmp_path / "b.jsonl", **columns)
    with pytest.raises(UsageError, match="registered already"):
        gym_reason.register_dataset("gym_reason/Digits-v0", tmp_path / "b.jsonl", **columns)
    with pytest.raises(UsageError, match=r"\{prompt\}"):
        gym_reason.register_dataset("a/B-v0", "a.jsonl", template="prompt", **columns)


def test_long_prompts_widen_the_space(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", [{"question": "x" * 30_000, "answer": "1"}])
    env = make(tmp_path / "rows.jsonl")
    assert env.reset(seed=0)[0] in env.observation_space


def data_folder() -> Path:
    """Return the folder of the larger data sets."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    return Path(os.environ.get("GYM_REASON_DATA", beside))


def test_the_references_of_gsm8k_score_one() -> None:
    path = data_folder() / "gsm8k_train.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path}; set GYM_REASON_DATA to the folder that has gsm8k_train.jsonl")
    env: ReasoningEnv = make(path)
    tasks = env.tasks()
    assert tasks is not None
    assert len(tasks) == 7473
    failures = []
    for task in tasks:
        env.reset(options={"task": task})
        (action,) = env.demonstrate(task)
        if env.step(action)[1] != 1.0:
            failures.append(task.reference)
    assert failures == []
