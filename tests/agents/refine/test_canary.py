"""What holds for every loop: no prompt holds the reference, and strict templates take it."""

import dataclasses
from typing import Any

import gymnasium
import numpy as np
import pytest

from gym_reason.agents.refine import LOOPS, external, intrinsic, tuned
from gym_reason.envs.base import ReasoningEnv, Transition, sample_tasks
from gym_reason.types import Message, Task
from tests.agents.refine.episodes import DOUBLE, SUM, WRONG, play, programs
from tests.agents.refine.replay import ReplayPolicy

CANARY = "31415926"
MODULES = {module.__name__ for module in (external, intrinsic, tuned)}
NAMES = sorted(name for name, loop in LOOPS.items() if loop.run.__module__ in MODULES)
LINES = {
    "backtrack": ("2+0+0=3", ",1+3+0=6", ",1+1=3"),
    "cove": ("41", "Is it 41?\nIs it 43?", "no", "yes", "43"),
    "rarr": ("It is 41 here.", "Which?\nWhat?", "no", "It is 43 here.", "no", "It is 44 here."),
    "volcano": ("41", "small", "43", "B", "big", "44", "B", "big", "45", "A"),
}
"""What a policy says so that a loop asks all that it has; else it is wrong again and again."""

# As strict as they come: the user and the assistant in turn, the user first.
STRICT = (
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}[{{ message['role'] }}]"
    "{{ message['content'] }}{% endfor %}"
)


class Talkative(ReasoningEnv):
    """Goes on for three turns, whatever is said; an episode in which a loop is run anew."""

    def sample_task(self, rng: np.random.Generator) -> Task:
        return SUM

    def transition(self, action: str) -> Transition:
        return Transition(0.0, False, feedback="Go on with 12+31=")


def lines_for(name: str) -> tuple[str, ...]:
    wrong = WRONG if "tests" in LOOPS[name].tools else "41"
    return LINES.get(name, (wrong, "That is wrong.", wrong, "Wrong again.", wrong, "Still wrong."))


def fake_tools(names: tuple[str, ...]) -> dict[str, Any]:
    said = {"search": "[doc] 12 and 30 are numbers.", "solver": "error: line 1", "python": "error"}
    said["equations"] = "2+0+0=2"
    return {name: lambda text, words=said[name]: words for name in names if name in said}


def test_there_are_as_many_loops_as_papers() -> None:
    assert len(NAMES) == 20
    assert all(LOOPS[name].paper and LOOPS[name].grade in "CPRSG" for name in NAMES)


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_in_no_prompt(name: str) -> None:
    loop = LOOPS[name]
    policy = ReplayPolicy(*lines_for(name))
    task, env = dataclasses.replace(SUM, reference=CANARY), None
    if "tests" in loop.tools or name in ("self-debug", "reflexion", "self-evolve"):
        task, env = DOUBLE, programs()
        assert CANARY in task.reference
    elif "prover" in loop.tools:
        env = gymnasium.make("gym_reason/NaturalDeduction-v0", unicode=False)
        task = sample_tasks(env, 1, seed=0)[0]
        task = dataclasses.replace(task, meta={**task.meta, "script": [f"intro H{CANARY}"]})
    play(name, policy, env=env, task=task, tools=fake_tools(loop.tools))
    assert len(policy.prompts) > 1  # a loop that asked nothing would show nothing
    for prompt in policy.prompts:
        assert CANARY not in prompt
        assert task.reference not in prompt


@pytest.mark.parametrize("name", NAMES)
def test_a_strict_template_takes_all_turns_of_a_loop(name: str) -> None:
    loop = LOOPS[name]
    policy = ReplayPolicy(*lines_for(name) * 3)
    policy.tokenizer.chat_template = STRICT
    tools = {**fake_tools(loop.tools), "tests": lambda _: "fails", "prover": lambda _: "fails"}
    env = Talkative(split="all", max_turns=3)
    trajectory = play(name, policy, env=env, tools=tools)
    assert sum(turn.info.get("round") is None for turn in trajectory.turns) == 3
    assert trajectory.traces
    assert len(policy.prompts) > 3


def test_a_later_turn_hears_the_environment_and_not_what_the_loop_asked() -> None:
    policy = ReplayPolicy("41", "low", "42", "43", "high", "44")
    play("self-critique", policy, env=Talkative(split="all", max_turns=2))
    critique = policy.prompts[4]
    assert "12+30=\n\nGo on with 12+31=\n\nAnswer:\n43" in critique
    play("rci", policy := ReplayPolicy("41", "low", "42"), env=Talkative(split="all", max_turns=2))
    assert policy.prompts[3].count("Review your answer") == 1


def test_the_answer_of_a_loop_is_what_its_next_turn_remembers() -> None:
    policy = ReplayPolicy("41", "low", "42", "43")
    play("self-critique", policy, env=Talkative(split="all", max_turns=2))
    first, *_, later = policy.prompts[:4]
    assert later.startswith(first + "41")
    assert Message("assistant", "42").content in later
