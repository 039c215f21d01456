"""An agent with tools: the forms of calls, their answers in the token stream, and the limits."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.agents.build import bind_agent, make_agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.tool_agent import ToolAgent, ToolLimits
from gym_reason.agents.tool_calls import Form, explain_tools, find_calls, offer_text_tool
from gym_reason.calls import NO_CALLS_LEFT
from gym_reason.errors import UsageError
from gym_reason.rollout import EpisodeLimits, run_episode
from gym_reason.types import StopReason, Trajectory
from tests.agents.refine.episodes import DOUBLE, RIGHT, SUM, programs, sums, trained
from tests.agents.refine.replay import ReplayPolicy

CALL = '<tool_call>{"name": "calculator", "arguments": {"input": "12+30"}}</tool_call>'
KNOWN = ["search", "python"]


def play(
    policy: ReplayPolicy, tools: Mapping[str, Callable[[str], str]] | str, **settings: Any
) -> Trajectory:
    params = SamplingParams(max_tokens=2_000)
    agent: Any
    if isinstance(tools, str):
        agent = make_agent(tools, policy, params)
    else:
        offered = [offer_text_tool(name, tool) for name, tool in tools.items()]
        agent = ToolAgent(policy, params, offered, **settings)
    env = sums()
    bound = bind_agent(agent, env, SUM)
    encoder = ChatEncoder(policy.tokenizer)
    return asyncio.run(run_episode(env, bound, SUM, 0, encoder, EpisodeLimits()))


def test_a_call_is_answered_in_the_stream_and_the_rest_goes_to_the_environment() -> None:
    policy = ReplayPolicy(f"Let me see. {CALL}", "42")
    trajectory = play(policy, "tools:tools=calculator")
    first, second = policy.prompts
    assert "- calculator(input: string): Work out an expression" in first
    assert second == f"{first}Let me see. {CALL}<eos>42"
    assert [turn.action for turn in trajectory.turns] == ["42"]
    assert trajectory.stop_reason is StopReason.SOLVED
    assert trained(trajectory, policy) == [(0, f"Let me see. {CALL}"), (0, "42")]
    assert len(trajectory.traces) == 1
    assert policy.params[0].seed != policy.params[1].seed


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("json", CALL),
        ("xml", "<think><calculator>1</calculator></think><calculator> 12+30 </calculator>"),
        (
            "openai",
            json.dumps(
                {
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {
                                "name": "calculator",
                                "arguments": json.dumps({"expression": "12+30"}),
                            },
                        }
                    ]
                }
            ),
        ),
        ("openai", '```json\n[{"name": "calculator", "parameters": {"x": "12+30"}}]\n```'),
        ("openai", '{"type": "function", "function": {"name": "calculator", "arguments": ["1"]}}'),
    ],
)
@pytest.mark.parametrize("any_form", [True, False])
def test_the_common_forms_are_read(form: Form, said: str, any_form: bool) -> None:
    asked: list[str] = []
    tools = {"calculator": lambda text: asked.append(text) or "42"}  # type: ignore[func-returns-value]
    policy = ReplayPolicy(said, "42")
    play(policy, tools, form="any" if any_form else form)
    if '["1"]' in said:
        assert policy.prompts[1].endswith("error: the arguments of calculator are no JSON object")
        return
    assert asked == ["12+30"]
    answer = "<result>\n42\n</result>" if form == "xml" else "42"
    assert policy.prompts[1].endswith(answer)


@pytest.mark.parametrize(
    "said",
    [
        "42", "", '{"name": "Ada", "age": 36}', '{"name": "python"}', "[1, 2]", "{", "[" * 50_000,
        "<search>never closed", "<tool_call>{}", "<think><search>x</search>", "</search><search>",
        "<find>x</find>", '{"name": "sub", "arguments": {}}', "```json\n{}\n```", "null",
    ],
)  # fmt: skip
def test_an_answer_is_no_call(said: str) -> None:
    assert find_calls(said, KNOWN) == []


def test_calls_are_found_in_order_and_none_inside_another() -> None:
    said = "<python>print('<search>a</search>')</python>x<search>b</search><python>c"
    calls = [asked.call for asked in find_calls(said, KNOWN)]
    assert [(call.name, call.arguments["input"]) for call in calls if call] == [
        ("python", "print('<search>a</search>')"),
        ("search", "b"),
    ]


@given(st.lists(st.sampled_from(["<search>", "</search>", "<python>", "</python>", "{", "x", " "])))
def test_no_text_breaks_the_reading_of_calls(parts: list[str]) -> None:
    for asked in find_calls("".join(parts), KNOWN):
        assert asked.call is not None
        assert asked.call.name in KNOWN


def test_very_many_tags_are_read_once() -> None:
    assert find_calls("<search>" * 100_000 + "<python>" * 100_000, KNOWN) == []
    assert len(find_calls("<search>x</search>" * 50_000 + "<python></python>", KNOWN)) == 50_001


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("<tool_call>{</tool_call>", "error: the call is not JSON"),
        ('<tool_call>{"name": "sub"}</tool_call>', "error: there is no tool 'sub'"),
        ('<tool_call>{"name": "echo", "arguments": {}}</tool_call>', "error: echo takes one text"),
        ('<tool_call>{"name": "echo", "arguments": {"a": 1}}</tool_call>', "error: echo takes one"),
        ("<fail>x</fail>", "<result>\nerror: fail failed: ValueError: no luck\n</result>"),
        ("<hang>x</hang>", "<result>\nerror: hang took more than 0.2 seconds\n</result>"),
        ("<odd>x</odd>", "<result>\n?\n</result>"),
        ("<close>x</close>", "<result>\na< /result>b\n</result>"),
    ],
)
def test_a_call_that_goes_wrong_is_answered(said: str, answer: str) -> None:
    def fail(_: str) -> str:
        raise ValueError("no\nluck")

    def hang(_: str) -> str:
        time.sleep(3)
        return "late"

    tools = {
        "echo": lambda text: text,
        "fail": fail,
        "hang": hang,
        "odd": lambda _: "\ud800",
        "close": lambda _: "a</result>b",
    }
    policy = ReplayPolicy(said, "42")
    trajectory = play(policy, tools, limits=ToolLimits(seconds=0.2))
    assert answer in policy.prompts[1].partition(said)[2]
    assert trajectory.turns[0].action == "42"


def test_answers_are_cut_and_calls_are_limited_for_an_episode() -> None:
    policy = ReplayPolicy("<long>a</long>" * 3, "<long>b</long>", "42")
    tools = {"long": lambda _: "x" * 1_000}
    trajectory = play(policy, tools, limits=ToolLimits(calls=2, characters=100))
    said = policy.prompts[1].partition("<long>a</long>" * 3)[2]
    assert said.count(" [cut]\n</result>") == 2
    assert said.endswith(NO_CALLS_LEFT)
    assert said.count("x") == 2 * (100 - len("<result>\n [cut]\n</result>"))
    # With none left, what it says is the action, call and all.
    assert trajectory.turns[0].action == "<long>b</long>"


def test_the_limits_are_those_of_an_episode_also_where_agents_are_shared() -> None:
    policy = ReplayPolicy("<echo>a</echo>", "1", "<echo>a</echo>", "2")
    tools = [offer_text_tool("echo", lambda text: text)]
    agent = ToolAgent(policy, SamplingParams(), tools, limits=ToolLimits(calls=1))
    env, encoder = sums(), ChatEncoder(policy.tokenizer)
    for _ in range(2):
        asyncio.run(run_episode(env, agent, SUM, 0, encoder, EpisodeLimits()))
    assert len(policy.prompts) == 4


@pytest.mark.usefixtures("needs_bubblewrap")
def test_tools_of_the_environment_are_there() -> None:
    policy = ReplayPolicy(f"<tests>{RIGHT}</tests>", RIGHT)
    env = programs()
    agent = bind_agent(
        make_agent("tools:form=xml", policy, SamplingParams(max_tokens=400)), env, DOUBLE
    )
    encoder = ChatEncoder(policy.tokenizer)
    trajectory = asyncio.run(run_episode(env, agent, DOUBLE, 0, encoder, EpisodeLimits()))
    assert policy.prompts[1].endswith("<result>\n\n</result>")
    assert trajectory.correct
    assert not any("31415926" in prompt for prompt in policy.prompts)


@pytest.mark.parametrize("form", ["any", "xml", "openai"])
def test_the_prompt_shows_a_call_that_is_read_as_one(form: Form) -> None:
    text = explain_tools([offer_text_tool("search", lambda text: text)], form)
    assert text.endswith("- search(input: string)")
    if form == "xml":
        assert find_calls(text, ["search"], form)[0].call is not None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("tools:tools=calculater", "calculator"),
        ("tools:form=yaml,tools=calculator", "form"),
        ("tools:calls=0", "limits of 0 calls"),
        ("tools:characters=5", "5 characters"),
    ],
)
def test_wrong_settings_are_told(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_agent(spec, ReplayPolicy("x"), SamplingParams())


def test_an_agent_without_any_tool_is_refused() -> None:
    agent = make_agent("tools", ReplayPolicy("x"), SamplingParams())
    with pytest.raises(UsageError, match="the agent 'tools' has none"):
        bind_agent(agent, gymnasium.make("gym_reason/Countdown-v0"), SUM)
