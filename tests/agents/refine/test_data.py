"""Rows for fine-tuned loops: which chains are kept, and that the trainers read them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gym_reason.agents.build import bind_agent, make_agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.refine.data import (
    critique_rows,
    decide_pairs,
    improvement_pairs,
    mend_rows,
    selfee_rows,
)
from gym_reason.errors import UsageError
from gym_reason.rollout import EpisodeLimits, run_episode
from gym_reason.trainers.data.kinds import find_kind
from gym_reason.trainers.supervised.demonstrations import read_demonstrations
from gym_reason.types import Task, Trajectory
from tests.agents.refine.episodes import DOUBLE, RIGHT, SUM, WRONG, programs, sums
from tests.agents.refine.replay import ReplayPolicy


def play(spec: str, *lines: str, env: Any = None, task: Task = SUM) -> Trajectory:
    policy, env = ReplayPolicy(*lines), env or sums()
    agent = bind_agent(make_agent(spec, policy, SamplingParams(max_tokens=400)), env, task)
    limits = EpisodeLimits(judge_rounds=True)
    return asyncio.run(run_episode(env, agent, task, 0, ChatEncoder(policy.tokenizer), limits))


def texts(row: dict[str, Any]) -> list[str]:
    return [message["content"] for message in row["messages"]]


def learned(rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """Return what the trainer learns from rows, as it reads them from a file."""
    path = folder / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    tokenizer = ReplayPolicy("x").tokenizer
    traces = read_demonstrations(path, ChatEncoder(tokenizer), tokenizer)
    return [
        str(
            tokenizer.decode(
                [i for i, acted in zip(trace.ids, trace.action_mask, strict=True) if acted]
            )
        )
        for trace in traces
    ]


def test_critiques_of_chains_that_end_right_are_kept(tmp_path: Path) -> None:
    good = play("self-critique:rounds=2", "40", "too small", "41", "still", "42")
    bad = play("self-critique:rounds=2", "40", "too small", "42", "too large", "41")
    assert [turn.verdict is not None for turn in good.turns] == [True] * 3
    rows = list(critique_rows([good, bad], "self-critique"))
    assert [texts(row)[1] for row in rows] == ["too small", "still", "42"]
    assert "Answer:\n40" in texts(rows[0])[0]
    assert "Critique:\nstill" in texts(rows[2])[0]
    assert learned(rows, tmp_path) == ["too small<eos>", "still<eos>", "42<eos>"]


def test_the_critic_of_refiner_learns_where_to_stop() -> None:
    (trajectory,) = [play("refiner", "41", "the carry", "42", "No hint")]
    rows = list(critique_rows([trajectory], "refiner"))
    assert [texts(row)[1] for row in rows] == ["the carry", "42", "No hint"]
    assert "Reasoning:\n42" in texts(rows[-1])[0]
    # Right at once: the only thing to learn is that nothing is wrong.
    rows = list(critique_rows([play("refiner", "42", "No hint")], "refiner"))
    assert [texts(row)[1] for row in rows] == ["No hint"]


def test_selfee_learns_no_wrong_answer(tmp_path: Path) -> None:
    good = play("selfee", "41", "add one", "42", "Revision is not needed")
    (row,) = selfee_rows([good, play("selfee:rounds=1", "42", "hm", "41")])
    assert texts(row)[0] == "12+30="
    assert texts(row)[-1] == "Revision is not needed"
    said = ["add one", "42", "Revision is not needed"]
    assert learned([row], tmp_path) == ["".join(f"{one}<eos>" for one in said)]


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize("loop", ["self-edit", "coderl"])
def test_menders_learn_from_what_failed_to_what_passes(loop: str, tmp_path: Path) -> None:
    mended = play(loop, WRONG, RIGHT, env=programs(), task=DOUBLE)
    failed = play(loop, WRONG, WRONG, env=programs(), task=DOUBLE)
    at_once = play(loop, RIGHT, env=programs(), task=DOUBLE)
    (row,) = mend_rows([mended, failed, at_once], loop)
    prompt, response = texts(row)
    assert WRONG in prompt
    assert "Public tests:" in prompt
    assert "31415926" not in prompt  # nor does what is learned from hold the hidden tests
    assert response == RIGHT
    assert learned([row], tmp_path) == [f"{RIGHT}<eos>"]


def test_volcano_decides_by_what_is_right_in_both_orders() -> None:
    better = play("volcano:rounds=1", "41", "small", "42", "B")
    worse = play("volcano:rounds=1", "42", "large", "41", "B")
    neither = play("volcano:rounds=1", "40", "large", "41", "B")
    pairs = list(decide_pairs([better, worse, neither]))
    assert [(pair["chosen"], pair["rejected"]) for pair in pairs] == [
        ("B", "A"),
        ("A", "B"),
        ("A", "B"),
        ("B", "A"),
    ]
    for pair in pairs:
        assert f"{pair['chosen']}:\n42" in pair["prompt"]
        assert not find_kind("pair").find_fault(pair)


def test_a_later_right_answer_is_preferred_to_each_wrong_one_before() -> None:
    good = play("rci:rounds=3", "40", "c", "41", "c", "40", "c", "42")
    pairs = list(improvement_pairs([good, play("rci", "42", "c", "41")]))
    assert [(pair["chosen"], pair["rejected"]) for pair in pairs] == [("42", "40"), ("42", "41")]
    assert all(not find_kind("pair").find_fault(pair) for pair in pairs)


def test_loops_without_such_rows_are_told() -> None:
    with pytest.raises(UsageError, match="self-critique, refiner, volcano"):
        list(critique_rows([], "self-edit"))
    with pytest.raises(UsageError, match="self-edit, baldur, coderl"):
        list(mend_rows([], "rci"))
