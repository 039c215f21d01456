"""Notes and tools: what the agent is shown, what the environment sees, and the bounds."""

import asyncio
import re
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gym_reason
from gym_reason.agents.scripted import ScriptedAgent
from gym_reason.calls import NO_CALLS_LEFT, split_tagged
from gym_reason.envs.base import ReasoningEnv, Transition, sample_tasks
from gym_reason.envs.wrappers import Notes, Tools
from gym_reason.envs.wrappers.tools import Tool
from gym_reason.errors import UsageError
from gym_reason.rollout import EpisodeLimits, run_episode
from gym_reason.types import Message, StopReason, Task


class Echo(ReasoningEnv):
    """Says what it heard and goes on."""

    def sample_task(self, rng: np.random.Generator) -> Task:
        return Task("echo", (Message("user", "Speak."),), "")

    def transition(self, action: str) -> Transition:
        return Transition(1.0, action == "end", feedback=f"heard {action!r}")


def echo() -> Echo:
    return Echo(split="all", max_turns=100)


def call(name: str, arguments: str = "{}") -> str:
    return f'<tool_call>{{"name": "{name}", "arguments": {arguments}}}</tool_call>'


def double(number: int) -> int:
    """Return twice a number.

    Not said to the policy.
    """
    return 2 * number


def fail() -> str:
    raise ValueError("no\nluck")


def make_tools(**arguments: Any) -> Tools:
    tools: dict[str, Tool] = {
        "double": double,
        "fail": fail,
        "long": lambda: "x" * 99,
        "odd": lambda: "\ud800",
    }
    env = Tools(echo(), tools, **arguments)
    env.reset(seed=0)
    return env


def test_notes_are_shown_and_not_handed_on() -> None:
    env = Notes(echo(), instructions="Take notes.")
    observation, info = env.reset(seed=0)
    assert observation == "Speak.\n\nTake notes."
    assert info["messages"] == (Message("user", "Speak.\n\nTake notes."),)
    observation, reward, _, _, info = env.step("hi<note> one </note>!")
    assert (observation, reward) == ("heard 'hi!'\n\nNotes:\n1. one", 1.0)
    assert info["messages"] == (Message("user", observation),)
    observation = env.step("<note>two</note>and<note></note>")[0]
    assert observation == "heard 'and'\n\nNotes:\n1. one\n2. two"
    assert env.notes == ("one", "two")
    env.reset(seed=0)
    assert not env.notes


def test_an_action_of_notes_alone_is_no_turn_while_there_are_some_left() -> None:
    env = Notes(echo(), note_turns=1, instructions="")
    env.reset(seed=0)
    observation, reward, *_, info = env.step("<note>a</note> \n")
    assert (observation, reward) == ("Speak.\n\nNotes:\n1. a", 0.0)
    assert info["messages"] == (Message("user", "Notes:\n1. a"),)
    assert env.step("<note>b</note>")[:2] == ("heard ''\n\nNotes:\n1. a\n2. b", 1.0)


def test_after_the_end_messages_are_the_environments() -> None:
    env = Notes(echo())
    env.reset(seed=0)
    info = env.step("<note>a</note>end")[4]
    assert info["messages"] == (Message("user", "heard 'end'"),)


@given(st.lists(st.text(max_size=40), max_size=20), st.integers(1, 5), st.integers(1, 60))
def test_notes_stay_within_their_bounds(
    notes: list[str], max_notes: int, max_characters: int
) -> None:
    env = Notes(echo(), max_notes=max_notes, max_characters=max_characters)
    env.reset(seed=0)
    for note in notes:
        observation = env.step(f"<note>{note}</note>x")[0]
        assert observation in env.observation_space
        assert len(env.notes) <= max_notes
        assert sum(map(len, env.notes)) <= max_characters
    kept = [note.strip()[:max_characters] for note in notes if note.strip()]
    assert list(env.notes) == kept[len(kept) - len(env.notes) :]


def test_a_tool_is_answered_before_the_environment_sees_anything() -> None:
    env = make_tools()
    action = "Let me see. " + call("double", '{"number": 21}')
    observation, reward, terminated, truncated, info = env.step(action)
    assert (observation, reward, terminated, truncated) == ("42", 0.0, False, False)
    assert info == {"task_id": "echo", "verdict": None, "messages": (Message("tool", "42"),)}
    assert env.step("42")[:2] == ("heard '42'", 1.0)
    assert env.calls_left == env.max_calls - 1


def test_the_prompt_tells_of_the_tools() -> None:
    env = make_tools()
    observation, info = env.reset(seed=0)
    assert "\n- double(number): Return twice a number.\n- fail()\n" in observation
    assert info["messages"] == (Message("user", observation),)
    assert "Not said" not in observation
    assert make_tools(explain=False).reset(seed=0)[0] == "Speak."


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        ("<tool_call>{</tool_call>", "error: the call is not JSON"),
        ("<tool_call>" + "[" * 9_000 + "</tool_call>", "error: the call is not JSON"),
        ("<tool_call>[1]</tool_call>", "error: there is no tool None; there are double, fail"),
        (call("treble"), "error: there is no tool 'treble'"),
        (call("double"), "error: double refused its arguments: missing a required argument"),
        (call("double", '{"number": 1, "x": 2}'), "error: double refused its arguments"),
        (call("double", "[1]"), "error: the arguments of double are no JSON object"),
        (call("fail"), "error: fail failed: ValueError: no luck"),
        (call("odd"), "?"),
    ],
)
def test_a_call_that_goes_wrong_is_answered_and_counts(action: str, answer: str) -> None:
    env = make_tools()
    observation, _, terminated, _, _ = env.step(action)
    assert observation.startswith(answer)
    assert observation in env.observation_space
    assert not terminated
    assert env.calls_left == env.max_calls - 1


def test_a_call_that_never_ends_is_none() -> None:
    env = make_tools()
    assert env.step("<tool_call>{}")[0] == "heard '<tool_call>{}'"


def test_calls_and_characters_are_limited_for_an_episode() -> None:
    env = make_tools(max_calls=2, max_characters=40)
    observation, *_, info = env.step(call("long") * 5)
    assert [message.content for message in info["messages"]] == [
        "x" * 34 + " [cut]",
        "x" * 34 + " [cut]",
        NO_CALLS_LEFT,
    ]
    assert observation in env.observation_space
    action = call("double", '{"number": 1}')
    assert env.step(action)[0] == f"heard {action!r}"
    env.reset(seed=0)
    assert env.step(action)[0] == "2"


@pytest.mark.parametrize(
    ("wrap", "message"),
    [
        (lambda: Tools(echo(), {}), "no tool"),
        (lambda: Tools(echo(), {"double": double}, max_calls=0), "max_calls = 0"),
        (lambda: Notes(echo(), max_notes=0), "max_notes = 0"),
        (lambda: Notes(echo(), max_characters=0), "max_characters = 0"),
        (lambda: Notes(echo(), note_turns=-1), "note_turns = -1"),
    ],
)
def test_wrong_arguments_are_refused(wrap: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        wrap()


def test_an_environment_without_texts_is_refused() -> None:
    env: Any = gymnasium.make("CartPole-v1")
    with pytest.raises(UsageError, match="Utf8Text"):
        Notes(env)


def test_a_system_message_is_left_alone() -> None:
    task = Task("two", (Message("system", "Be brief."),), "2")
    env = Notes(gym_reason.make("gym_reason/Arithmetic-v0"), instructions="Take notes.")
    _, info = env.reset(options={"task": task})
    assert info["messages"] == (*task.prompt, Message("user", "Take notes."))


@given(st.lists(st.sampled_from(["<a>", "</a>", "x", "y "])))
def test_tagged_parts_are_split_as_a_regular_expression_would(parts: list[str]) -> None:
    text = "".join(parts)
    pattern = re.compile("<a>(.*?)</a>", re.DOTALL)
    assert split_tagged(text, "<a>", "</a>") == (pattern.findall(text), pattern.sub("", text))


def test_an_agent_plays_through_both() -> None:
    arithmetic = gym_reason.make("gym_reason/Arithmetic-v0")
    env = Tools(Notes(arithmetic), {"double": double})
    task = sample_tasks(env, 1, seed=0)[0]
    agent = ScriptedAgent([call("double", '{"number": 4}'), "<note>8</note>", task.reference])
    trajectory = asyncio.run(run_episode(env, agent, task, 0, None, EpisodeLimits()))
    assert [turn.reward for turn in trajectory.turns] == [0.0, 0.0, 1.0]
    assert trajectory.stop_reason is StopReason.SOLVED
