"""The folder of an evaluation: whole lines only, one writer, one configuration."""

import dataclasses
import itertools
import json
from pathlib import Path

import pytest

from gym_reason.errors import DataError, RunError, UsageError
from gym_reason.evaluate.folder import EPISODES, EvalFolder, read_episode, slot_of
from gym_reason.records import read_jsonl
from gym_reason.trajectories import read_rows
from gym_reason.types import Json
from tests.evaluate.figures import FAIL, PASS, UNSCORABLE, make_episode

SETTINGS: dict[str, Json] = {"policy": ["a"], "seed": 0}
FIRST, SECOND = make_episode("é\n\ud800", 0, "42"), make_episode("b", 1, "41", FAIL)
LOST = make_episode("c", 0, "?", UNSCORABLE)


def keep(path: Path, *episodes: object, resume: bool = False, retry: bool = False) -> EvalFolder:
    """Add episodes to a folder and return it, closed."""
    with EvalFolder(path, SETTINGS) as folder:
        folder.open(resume=resume, retry_unscorable=retry, asked={})
        for episode in (FIRST, SECOND, LOST):
            if episode in episodes:
                folder.append(episode)
    return folder


def test_episodes_are_given_back_token_by_token(tmp_path: Path) -> None:
    keep(tmp_path, FIRST, SECOND)
    rows = [row for _, row in read_jsonl(tmp_path / EPISODES)]
    assert list(map(read_episode, rows)) == [FIRST, SECOND]
    assert [*rows[0]][:5] == ["env", "policy", "agent", "sample", "key"]
    again = keep(tmp_path, resume=True)
    assert again.kept == {slot_of(one.result): one.result for one in (FIRST, SECOND)}


def test_a_half_written_last_line_is_dropped_wherever_it_was_cut(tmp_path: Path) -> None:
    keep(tmp_path, FIRST)
    file = tmp_path / EPISODES
    start = file.stat().st_size
    keep(tmp_path, SECOND, resume=True)
    whole = file.read_bytes()
    for cut in itertools.chain(range(start, len(whole), 97), [len(whole) - 1]):
        file.write_bytes(whole[:cut])
        assert [read_episode(row) for row in read_rows(file)] == [FIRST]
        found = keep(tmp_path, SECOND, resume=True)
        assert list(found.kept.values()) == [FIRST.result]
        assert file.read_bytes() == whole


def test_a_torn_line_longer_than_a_block_is_dropped(tmp_path: Path) -> None:
    keep(tmp_path, FIRST)
    file = tmp_path / EPISODES
    whole = file.read_bytes()
    for torn in (b"x" * 200_000, b"{" * 65_536, b"x" * (65_536 - len(whole))):
        file.write_bytes(whole + torn)
        assert keep(tmp_path, resume=True).kept.keys() == {slot_of(FIRST.result)}
        assert file.read_bytes() == whole
    file.write_bytes(b"torn alone")
    assert keep(tmp_path, resume=True).kept == {}
    assert file.read_bytes() == b""


def test_another_configuration_is_refused_by_the_name_of_the_field(tmp_path: Path) -> None:
    keep(tmp_path, FIRST)
    before = (tmp_path / EPISODES).read_bytes()
    changes: list[tuple[dict[str, Json], str]] = [
        ({"policy": ["a"], "seed": 1}, r"seed = 0; expected seed = 1"),
        ({"policy": ["b"], "seed": 0}, r'policy = \["a"\]; expected policy = \["b"\]'),
        ({"policy": ["a"]}, r"seed = 0; expected seed = nothing"),
        ({**SETTINGS, "top_p": 1.0}, r"top_p = nothing; expected top_p = 1.0"),
    ]
    for changed, message in changes:
        with (
            EvalFolder(tmp_path, changed) as folder,
            pytest.raises(UsageError, match=message),
        ):
            folder.open(resume=True, retry_unscorable=False, asked={})
    with pytest.raises(UsageError, match="go on with --resume"):
        keep(tmp_path)
    assert (tmp_path / EPISODES).read_bytes() == before


def test_two_processes_do_not_write_in_one_folder(tmp_path: Path) -> None:
    with EvalFolder(tmp_path, SETTINGS), pytest.raises(RunError, match="in use by process"):
        EvalFolder(tmp_path, SETTINGS).__enter__()
    keep(tmp_path, FIRST)


def test_what_our_side_failed_to_judge_is_forgotten_where_asked(tmp_path: Path) -> None:
    keep(tmp_path, FIRST, SECOND, LOST)
    assert len(keep(tmp_path, resume=True).kept) == 3
    assert len(keep(tmp_path, resume=True, retry=True).kept) == 2
    rows = [read_episode(row) for row in read_rows(tmp_path / EPISODES)]
    assert rows == [FIRST, SECOND]


def test_figures_of_before_do_not_outlive_a_new_beginning(tmp_path: Path) -> None:
    with EvalFolder(tmp_path, SETTINGS) as folder:
        folder.open(resume=False, retry_unscorable=False, asked={"samples": 1})
        folder.finish([FIRST.result], {"results": []})
    assert json.loads((tmp_path / "summary.json").read_text()) == {"results": []}
    assert json.loads((tmp_path / "config.json").read_text())["asked"] == {"samples": 1}
    keep(tmp_path, resume=True)
    assert not (tmp_path / "summary.json").exists()
    assert not (tmp_path / "results.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", b"{", "is not JSON"),
        ("config.json", b"[]", "says nothing of settings"),
        ("config.json", b'{"settings": {}, "form": 99}', "is of form 99"),
        (EPISODES, b"[1, 2]\n", "one JSON object a line"),
        (EPISODES, b'{"question": "1+1"}\n', "no episode of an evaluation"),
        (EPISODES, b'{"env":"e","policy":"p","agent":"a","key":"k","sample":0}\n', "no trajectory"),
    ],
)
def test_a_folder_of_something_else_is_refused(
    name: str, content: bytes, message: str, tmp_path: Path
) -> None:
    keep(tmp_path, FIRST)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        keep(tmp_path, resume=True)
    assert (tmp_path / name).read_bytes() == content


def test_a_full_disk_is_one_line_and_the_rest_stays_readable(small_disk: Path) -> None:
    short = make_episode("long", 0, "42", PASS)
    trajectory = dataclasses.replace(short.trajectory, meta={"note": "x" * 1_000_000})
    episode = dataclasses.replace(short, trajectory=trajectory)

    def fill(folder: EvalFolder) -> None:
        for _ in range(20):
            folder.append(episode)

    with EvalFolder(small_disk / "out", SETTINGS) as folder:
        folder.open(resume=False, retry_unscorable=False, asked={})
        with pytest.raises(RunError, match=r"episodes\.jsonl: No space left"):
            fill(folder)
    rows = list(read_rows(small_disk / "out" / EPISODES))
    assert 0 < len(rows) < 20
    assert all(read_episode(row) == episode for row in rows)
