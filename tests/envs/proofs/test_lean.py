"""`gym_reason/Lean-v0`: its theorems and prompts, and episodes over recorded conversations."""

import json
import re
from pathlib import Path

import pytest

from gym_reason.envs.check import check
from gym_reason.envs.proofs.lean import Lean
from gym_reason.envs.proofs.theorem_rows import read_theorems
from gym_reason.errors import RunError, UsageError
from gym_reason.types import Outcome
from gym_reason.verifiers.proofs.lean.guard import check_proof
from tests.verifiers.proofs.lean_replay import PYTHON, write_program

STATEMENT = "∀ p q : Prop, p \u2228 q → q \u2228 p"
STEPS = (
    "intro p q h",
    "cases h",
    "exact Or.inr (by assumption)",
    "exact Or.inl (by assumption)",
)


@pytest.fixture
def lean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs_bubblewrap: None) -> Path:
    """A program that answers as Lean's REPL did in the recorded conversations, and a theorem."""
    del needs_bubblewrap
    if not PYTHON.is_file():
        pytest.skip(f"the replayer needs {PYTHON}")
    monkeypatch.setenv("LEAN_SYSROOT", str(tmp_path))
    monkeypatch.setenv("GYM_REASON_LEAN_REPL", str(write_program(tmp_path)))
    row = {"statement": STATEMENT, "name": "or_swap", "script": STEPS}
    path = tmp_path / "theorems.jsonl"
    path.write_text(json.dumps(row) + "\n")
    return path


def test_the_theorems_that_come_with_it_are_well_formed() -> None:
    rows = read_theorems(Lean.builtin)
    assert len(rows) == 40
    assert len({row.theorem.statement for row in rows}) == 40
    assert len({row.theorem.name for row in rows}) == 40
    assert {row.split for row in rows} == {"train", "test"}
    for row in rows:
        assert row.script
        for step in row.script:
            check_proof(step)
        check_proof("\n".join(row.script))
        assert "import" not in row.theorem.preamble


@pytest.mark.parametrize("mode", ["steps", "proof"])
def test_the_prompt_shows_the_theorem_as_lean_would(mode: str) -> None:
    env = Lean(mode=mode, split="all")
    for task in env.tasks():
        prompt = task.prompt[0].content
        assert re.search(r"^theorem \w+ : .* := by$", prompt, re.MULTILINE)
        assert "sorry" in prompt
    [doubled] = [task for task in env.tasks() if task.meta["name"] == "double_is_twice"]
    assert "\n\ndef double (n : Nat) : Nat := n + n\n\ntheorem" in doubled.prompt[0].content


def test_an_episode_of_steps(lean: Path) -> None:
    env = Lean(path=lean, split="all")
    assert env.find_missing() == ""
    [task] = env.tasks()
    observation, _ = env.reset(options={"task": task})
    assert f"theorem or_swap : {STATEMENT} := by" in observation
    observation, reward, terminated, *_ = env.step("sorry")
    assert "refused: line 1: sorry" in observation
    env.step("intro p q h")
    observation, *_ = env.step("exact h")
    assert "type mismatch" in observation
    observation, *_ = env.step("cases h")
    assert "2 goals" in observation
    assert "case inl" in observation
    env.step("```lean\nexact Or.inr (by assumption)\n```")
    _, reward, terminated, _, info = env.step("exact Or.inl (by assumption)")
    assert (reward, terminated) == (1.0, True)
    assert info["verdict"].outcome is Outcome.PASS
    # The same process serves the next episode.
    env.reset(options={"task": task})
    assert [env.step(step)[1] for step in env.demonstrate(task)] == [0.0, 0.0, 0.0, 1.0]
    env.close()


def test_an_episode_of_one_proof(lean: Path) -> None:
    env = Lean(path=lean, mode="proof", split="all")
    [task] = env.tasks()
    for action, outcome in [
        (env.demonstrate(task)[0], Outcome.PASS),
        ("<think>by cases</think>\n```lean4\nby\n  " + "\n  ".join(STEPS) + "\n```", Outcome.PASS),
        ("intro p q h\nexact h", Outcome.FAIL),
        ("native_decide", Outcome.INVALID),
        ("", Outcome.NO_ANSWER),
    ]:
        env.reset(options={"task": task})
        _, reward, terminated, _, info = env.step(action)
        assert terminated
        assert info["verdict"].outcome is outcome, info["verdict"]
        assert reward == (outcome is Outcome.PASS)
    env.close()


def test_a_theorem_that_cannot_be_read_is_refused_at_the_reset(lean: Path) -> None:
    lean.write_text(json.dumps({"statement": "P → P"}) + "\n")
    env = Lean(path=lean, split="all")
    with pytest.raises(UsageError, match="Unknown identifier `P`"):
        env.reset(options={"task": env.tasks()[0]})
    env.close()


def test_without_lean_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GYM_REASON_LEAN_REPL", str(tmp_path / "nothing"))
    env = Lean()
    with pytest.raises(RunError, match="no Lean REPL at"):
        env.reset(seed=1)
    assert "GYM_REASON_LEAN_REPL" in env.find_missing()


@pytest.mark.slow
def test_it_passes_the_checker(lean: Path) -> None:
    report = check("gym_reason/Lean-v0", path=str(lean), split="all")
    assert [item for item in report.checks if not item.ok] == []
    assert report.missing == ""
    assert len(report.checks) > 12


def test_the_checker_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GYM_REASON_LEAN_REPL", str(tmp_path / "nothing"))
    report = check("gym_reason/Lean-v0")
    assert report.ok
    assert "no Lean REPL at" in report.missing


@pytest.mark.usefixtures("needs_lean")
def test_a_real_lean_replays_every_known_proof() -> None:
    env = Lean(split="all")
    for task in env.tasks():
        env.reset(options={"task": task})
        *steps, last = env.demonstrate(task)
        for step in steps:
            env.step(step)
        observation, reward, terminated, *_ = env.step(last)
        assert (reward, terminated) == (1.0, True), f"{task.meta['name']}: {observation}"
    env.close()
