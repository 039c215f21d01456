"""Demonstrations of a loop that mends: what is shown, and what alone is learned."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import pytest

from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.envs.base import sample_tasks
from gym_reason.errors import UsageError
from gym_reason.rollout import EpisodeLimits, run_episode
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.supervised.demonstrations import check_mending, make_demonstrator
from gym_reason.trainers.train import train
from tests.agents.search.toys import PRINTABLE

TOKENIZER = build_character_tokenizer(PRINTABLE)


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize("agent", ["self-edit", "coderl:rounds=3,credit=improvement"])
def test_only_the_mended_answer_is_learned(agent: str) -> None:
    env: Any = gymnasium.make("gym_reason/Code-v0", topic="formulas", depth=2, prompt_style="bare")
    [task] = sample_tasks(env, 1, seed=1)
    wrong, right = env.unwrapped.wrong_action(task), env.unwrapped.demonstrate(task, False)[0]
    session: Any = SimpleNamespace(
        learner=SimpleNamespace(tokenizer=TOKENIZER),
        recipe=SimpleNamespace(agent=agent, prompts={}),
    )
    demonstrator = make_demonstrator(session, [wrong, right], True, env, task)
    encoder = ChatEncoder(TOKENIZER)
    played = asyncio.run(run_episode(env, demonstrator, task, 0, encoder, EpisodeLimits()))
    assert played.correct
    assert [turn.action for turn in played.turns] == [wrong, right]
    [trace] = played.traces
    learned = [token for token, own in zip(trace.ids, trace.action_mask, strict=True) if own]
    assert TOKENIZER.decode(learned) == f"{right}<eos>"
    shown = str(TOKENIZER.decode(list(trace.ids)))
    assert wrong.strip() in shown
    assert "returned" in shown


def test_a_loop_that_no_tool_speaks_to_cannot_be_shown_mending() -> None:
    check_mending("answer", 0.0)
    check_mending("self-edit:rounds=2", 1.0)
    for agent in ("answer", "self-refine", "volcano"):
        with pytest.raises(UsageError, match="self-edit, baldur, coderl"):
            check_mending(agent, 0.5)


@pytest.mark.usefixtures("needs_bubblewrap")
def test_a_run_begins_with_plain_and_mended_demonstrations(tmp_path: Path) -> None:
    words = [
        *("agent=self-edit", "cold_start.mend_share=0.5", "cold_start.problems=6"),
        *("cold_start.steps=2", "cold_start.batch_rows=4", "rl.steps=0", "evaluation.problems=2"),
        *("model.size=0.1m", "model.threads=1", "sampling.max_tokens=8"),
        *("env.kwargs.topic=formulas", "env.kwargs.depth=2", "env.kwargs.prompt_style=bare"),
    ]
    train(load_recipe("gym_reason/Code-v0", words), tmp_path / "run", SilentObserver())
    assert (tmp_path / "run/summary.json").exists()
