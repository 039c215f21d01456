"""Episodes as pictures: in the report of a run, and while a person plays."""

import base64
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from gym_reason.cli import main
from gym_reason.envs.mobile.env import Mobile
from gym_reason.records import write_jsonl_zst
from gym_reason.report import build_report
from gym_reason.report.archive import Archive
from gym_reason.report.page import collect_episodes
from gym_reason.seeding import derive_rng
from gym_reason.types import Task

pytest.importorskip("PIL")


def write_run(path: Path, rows: list[object], env_id: str = "gym_reason/Mobile-v0") -> Path:
    """Make a run folder with episodes, and return it."""
    (path / "trajectories").mkdir(parents=True)
    kwargs = '{templates = "notes.create", dialect = "brief", twins = 0.0}'
    (path / "recipe.toml").write_text(f'[env]\nid = "{env_id}"\nkwargs = {kwargs}\n')
    write_jsonl_zst(path / "trajectories" / "held-out-after.jsonl.zst", rows)
    return path


def write_episode(task: Task, actions: tuple[str, ...], solved: bool) -> object:
    """Return an episode as a run keeps it."""
    turns = [{"action": action, "verdict": None} for action in actions]
    turns[-1]["verdict"] = {"correct": solved}  # type: ignore[assignment]
    return {"task": task, "turns": turns}


def unpack(block: str) -> Any:
    """Return what a block of a page holds."""
    return json.loads(gzip.decompress(base64.b64decode(block)))


@pytest.fixture(scope="module")
def rows() -> list[object]:
    env = Mobile(templates="notes.create", dialect="brief", twins=0.0)
    tasks = [env.draw_task(derive_rng(seed, "report")) for seed in range(3)]
    solved = [write_episode(task, env.demonstrate(task), True) for task in tasks]
    return [write_episode(tasks[0], ("open notes", "done"), False), *solved]


def collect(run: Path, env_id: str = "gym_reason/Mobile-v0") -> Archive | None:
    kwargs = {"templates": "notes.create", "dialect": "brief", "twins": 0.0}
    return collect_episodes(run, env_id, kwargs if "Mobile" in env_id else {}, 100)


def test_a_report_has_pictures_of_episodes_of_both_kinds(
    tmp_path: Path, rows: list[object]
) -> None:
    run = write_run(tmp_path / "run", rows)
    archive = collect(run)
    assert archive is not None
    details = unpack(archive.texts[0])
    # The last one is the third that was solved.
    assert [len(one["film"]) > 0 for one in details] == [True, True, True, False]
    assert details[0]["film"][0][0] == 0
    assert any(words == "open notes" for _, _, words in details[1]["film"])
    for kind, content in archive.pictures:
        assert kind == "image/png"
        assert base64.b64decode(content).startswith(b"\x89PNG")
    assert not archive.remarks
    assert 'id="episodes-picture-0"' in build_report([run], run).read_text("utf-8")


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"task": None, "turns": []},
        {"task": {"id": "x", "prompt": [], "reference": "{}", "meta": {}}, "turns": [3]},
        {"task": {"id": "x", "prompt": [{}], "reference": "{}", "meta": {}}, "turns": []},
        {"task": {"id": 1, "prompt": "x", "reference": "{}", "meta": {}}, "turns": []},
    ],
)
def test_episodes_that_are_none_do_not_stop_a_report(tmp_path: Path, row: object) -> None:
    run = write_run(tmp_path / "run", [row])
    page = build_report([run], run).read_text("utf-8")
    assert "episodes-picture-0" not in page


@pytest.mark.parametrize("env_id", ["gym_reason/Arithmetic-v0", "none/None-v0", ""])
def test_an_environment_without_a_screen_has_no_pictures(
    tmp_path: Path, rows: list[object], env_id: str
) -> None:
    archive = collect(write_run(tmp_path / "run", rows, env_id), env_id)
    assert archive is not None
    assert not archive.pictures
    assert not archive.remarks


def play(monkeypatch: pytest.MonkeyPatch, lines: str, *arguments: str) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    return main(["play", *arguments])


def test_who_plays_can_keep_the_episodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "episode.html"
    settings = ("gym_reason/Mobile-v0", "dialect=brief", "--film")
    assert play(monkeypatch, "open notes\ndone\nopen clock\n", *settings, str(file)) == 0
    first = file.read_text("utf-8")
    assert first.count("<img ") == 2
    assert ">Not solved<" in first or ">Solved<" in first
    assert (tmp_path / "episode-2.html").read_text("utf-8").count("<img ") == 2
    gif = tmp_path / "episode.gif"
    assert play(monkeypatch, "open notes\n", *settings, str(gif)) == 0
    assert gif.read_bytes().startswith(b"GIF89a")


def test_films_that_cannot_be_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "episode.html"
    assert play(monkeypatch, "", "gym_reason/Arithmetic-v0", "--film", str(file)) == 2
    assert "has a screen" in capsys.readouterr().err
    assert play(monkeypatch, "", "gym_reason/Mobile-v0", "--film", str(tmp_path / "x.jpg")) == 2
    assert ".html or .gif" in capsys.readouterr().err
    assert json.dumps([one.name for one in tmp_path.iterdir()]) == "[]"
