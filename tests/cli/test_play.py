"""`gym-reason play`, run in this process with its real input and output."""

import io
from pathlib import Path

import pytest

from gym_reason.cli import main
from gym_reason.envs.arithmetic import Arithmetic
from gym_reason.envs.base import unwrap
from gym_reason.registry import make


def play(monkeypatch: pytest.MonkeyPatch, said: str, *words: object) -> int:
    """Run the command with lines on its standard input and return its exit code."""
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    return main(["play", *map(str, words)])


def test_a_person_plays_until_the_input_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    env = Arithmetic()
    env.reset(seed=7)
    said = f"{env.task.reference}\nnonsense\n"
    assert play(monkeypatch, said, "gym_reason/Arithmetic-v0", "--seed", 7) == 0
    printed = capsys.readouterr().out
    assert env.task.prompt[0].content in printed
    assert "pass, return 1.\n  answer 1\n" in printed
    assert "The reference was" in printed
    assert printed.endswith("2 tasks played, 1 solved.\n")


def test_a_person_plays_several_turns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert play(monkeypatch, "1=2\n" * 4, "gym_reason/Steps-v0", "digits=1") == 0
    printed = capsys.readouterr().out
    assert "wrong" in printed
    assert "cut after 4 actions" in printed
    assert "no verdict, return 0." in printed


def test_ctrl_c_ends_the_game_politely(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(io.StringIO):
        def readline(self, *size: int) -> str:  # type: ignore[override]
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", Interrupted())
    assert main(["play", "gym_reason/Digits-v0"]) == 0
    assert capsys.readouterr().out.endswith("0 tasks played, 0 solved.\n")


@pytest.mark.parametrize("env_id", ["gym_reason/Mobile-v0", "gym_reason/MobileScreen-v0"])
def test_a_screen_is_shown_as_an_image_file(
    env_id: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs pillow")
    path = tmp_path / "screen.png"
    words = [env_id, "templates=notes.create", "--screen", path]
    assert play(monkeypatch, "", *words) == 0
    with image.open(path) as first:
        assert first.size == (360, 800)
        before = first.tobytes()
    printed = capsys.readouterr().out
    assert f"The screen is {path}" in printed
    assert "array" not in printed
    env = unwrap(make(env_id, templates="notes.create"))
    env.reset(seed=0)
    first_action = env.demonstrate(env.task)[0]
    env.close()
    assert play(monkeypatch, f"{first_action}\n", *words) == 0
    with image.open(path) as second:
        assert second.tobytes() != before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gym_reason/Digit-v0"], "did you mean 'gym_reason/Digits-v0'"),
        (["gym_reason/Digits-v0", "digit=1"], "argument of gym_reason/Digits-v0"),
        (["gym_reason/Digits-v0", "--json"], "a person at the keyboard"),
        (["gym_reason/Digits-v0", "--screen", "x.png"], "an environment that has a screen"),
        (["gym_reason/Mobile-v0", "--screen", "x.jpg"], "ends in .png"),
        (["gym_reason/Digits-v0", "--film", "x.html"], "an environment that has a screen"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert play(monkeypatch, "", *words) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
