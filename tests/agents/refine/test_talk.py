"""A loop inside an episode: its rounds, tokens, credit, limits, prompts and tools."""

import asyncio
import time
from typing import Any

import gymnasium
import pytest

import gym_reason  # noqa: F401 - registers the environments
from gym_reason.agents.build import bind_agent, make_agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.refine.prompts import PromptBook
from gym_reason.errors import ConfigError, UnknownNameError, UsageError
from gym_reason.rollout import EpisodeLimits, run_episode
from gym_reason.types import Message, StopReason, Task, Trajectory
from tests.agents.refine.replay import ReplayPolicy

TASK = Task("sum", (Message("user", "12+30="),), "42")


def play(
    spec: str, policy: ReplayPolicy, *, task: Task = TASK, limits: EpisodeLimits | None = None
) -> Trajectory:
    env: Any = gymnasium.make("gym_reason/Arithmetic-v0", operation="add", digits=2)
    agent = bind_agent(make_agent(spec, policy, SamplingParams(max_tokens=64)), env, task)
    encoder = ChatEncoder(policy.tokenizer)
    return asyncio.run(run_episode(env, agent, task, 0, encoder, limits or EpisodeLimits()))


def test_every_round_is_a_turn_and_every_token_is_in_a_stream() -> None:
    policy = ReplayPolicy("41", "The carry is wrong.", "42", "NO MISTAKES")
    trajectory = play("self-refine:rounds=3", policy)
    assert [turn.action for turn in trajectory.turns] == ["41", "42"]
    assert trajectory.turns[0].info["heard"] == "The carry is wrong."
    assert trajectory.stop_reason is StopReason.SOLVED
    (trace,) = trajectory.traces
    emitted = "".join(
        chr(0) if not acted else policy.tokenizer.decode([token])  # type: ignore[misc]
        for token, acted in zip(trace.ids, trace.action_mask, strict=True)
    )
    assert [part for part in emitted.split(chr(0)) if part] == [
        "41",
        "The carry is wrong.",
        "42",
        "NO MISTAKES",
    ]
    counted = [
        turn for turn, acted in zip(trace.turn_index, trace.action_mask, strict=True) if acted
    ]
    assert counted == [0] * len("41") + [1] * len("The carry is wrong.42NO MISTAKES")


def test_the_calls_of_a_turn_draw_with_seeds_of_their_own() -> None:
    policy = ReplayPolicy("41", "wrong", "42")
    play("self-refine:rounds=1", policy)
    assert len({params.seed for params in policy.params}) == 3


def test_the_last_answer_alone_may_be_credited() -> None:
    policy = ReplayPolicy("41", "wrong", "42", "NO MISTAKES")
    trajectory = play("self-refine:rounds=2,credit=last", policy)
    credited = [
        policy.tokenizer.decode([token])
        for trace in trajectory.traces
        for token, acted in zip(trace.ids, trace.action_mask, strict=True)
        if acted
    ]
    assert "".join(map(str, credited)) == "wrong42NO MISTAKES"


@pytest.mark.parametrize(
    ("lines", "rewards"),
    [
        (("41", "wrong", "42"), [0.0, 1.0]),
        (("42", "wrong?", "41"), [1.0, -1.0]),
        (("42", "fine?", "42"), [1.0, 0.0]),
    ],
)
def test_improvement_pays_what_each_answer_is_better(
    lines: tuple[str, ...], rewards: list[float]
) -> None:
    trajectory = play("self-refine:rounds=1,credit=improvement", ReplayPolicy(*lines))
    assert [turn.reward for turn in trajectory.turns] == rewards
    assert trajectory.ret == sum(rewards)


def test_rounds_are_judged_for_reports_without_paying() -> None:
    policy = ReplayPolicy("42", "wrong?", "41")
    trajectory = play("self-refine:rounds=1", policy, limits=EpisodeLimits(judge_rounds=True))
    assert [turn.verdict is not None and turn.verdict.correct for turn in trajectory.turns] == [
        True,
        False,
    ]
    assert [turn.reward for turn in trajectory.turns] == [0.0, 0.0]


def test_the_reference_is_in_no_prompt() -> None:
    task = Task("sum", (Message("user", "12+30="),), "31415926")
    policy = ReplayPolicy("41", "wrong", "42", "wrong", "43")
    play("self-refine:rounds=2", policy, task=task)
    assert policy.prompts
    assert not any("31415926" in prompt for prompt in policy.prompts)


@pytest.mark.parametrize(("setting", "calls"), [("calls=2", 2), ("tokens=10", 2)])
def test_a_loop_that_has_used_up_what_it_may_keeps_its_answer(setting: str, calls: int) -> None:
    policy = ReplayPolicy("41", "wrong wrong", "42")
    trajectory = play(f"self-refine:rounds=3,{setting}", policy)
    assert len(policy.prompts) == calls
    assert trajectory.turns[-1].action == "41"
    assert trajectory.completion_tokens <= 13


def test_prompts_may_be_replaced_and_mistakes_in_them_are_told() -> None:
    book = PromptBook("self-refine", {"revise": "Again: {{ task }}"})
    assert book.render("revise", {"task": "1+1="}) == "Again: 1+1="
    with pytest.raises(UsageError, match="undefined"):
        book.render("feedback", {})
    with pytest.raises(ConfigError, match="no prompt of self-refine 'revize'"):
        PromptBook("self-refine", {"revize": "x"})
    with pytest.raises(ConfigError, match="line 1"):
        PromptBook("self-refine", {"revise": "{% if %}"})


def test_what_a_policy_wrote_is_never_read_as_a_template() -> None:
    book = PromptBook("self-debug")
    words = "{{ task.__class__.__mro__ }} {% raise %}"
    assert words in book.render("repair", {"result": words, "explanation": "", "task": ""})


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("self-refine:turns=2", UsageError, "no setting of self-refine 'turns'"),
        ("self-refine:credit=some", UsageError, "credit"),
        ("self-refin", UnknownNameError, "did you mean 'self-refine'"),
    ],
)
def test_unknown_settings_are_told(spec: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make_agent(spec, ReplayPolicy("x"), SamplingParams())


def test_a_hung_tool_holds_up_nobody_else() -> None:
    async def play_all() -> tuple[float, list[str]]:
        from gym_reason.agents.conversation import Conversation
        from gym_reason.agents.refine.talk import Limits, Talk

        policy = ReplayPolicy("x")

        def make(tool: Any) -> Talk:
            conversation = Conversation(TASK.prompt, ChatEncoder(policy.tokenizer))
            limits = Limits(tool_seconds=0.3)
            book = PromptBook("self-debug")
            return Talk(conversation, policy, SamplingParams(), 0, book, {"tests": tool}, limits)

        def hang(_: str) -> str:
            time.sleep(1.0)
            return "late"

        def fail(_: str) -> str:
            raise RuntimeError("broken")

        started = time.monotonic()
        said = await asyncio.gather(
            make(hang).use("tests", ""),
            make(fail).use("tests", ""),
            make(lambda text: text * 5000).use("tests", "long"),
        )
        return time.monotonic() - started, list(said)

    _, (hung, failed, long) = asyncio.run(play_all())
    assert hung == "error: tests took more than 0.3 seconds"
    assert failed == "error: tests failed: RuntimeError: broken"
    assert len(long) == 2000
    assert long.endswith("[cut]")
