"""Thoughts: skipped, lengthened, cut short; budgets; and that no token is lost or trained twice."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.thinking import NO_THINKING
from gym_reason.stats import pass_at_k
from gym_reason.types import Completion, Trajectory
from tests.agents.search.toys import PRINTABLE, ToyPolicy, emitted, play

CLOSED = "<think>1+1</think>42"


def script(*lines: str) -> ToyPolicy:
    """Return a policy that says one line after another, the last one for ever."""
    return ToyPolicy(lambda _, call: lines[min(call, len(lines) - 1)])


def streams(trajectory: Trajectory, policy: ToyPolicy) -> list[str]:
    return [emitted(trace, policy) for trace in trajectory.traces]


def test_without_settings_it_is_plain_sampling() -> None:
    plain, thinking = script(CLOSED), script(CLOSED)
    expected, found = play("answer", plain), play("thinking", thinking)
    assert (found.turns, found.traces) == (expected.turns, expected.traces)
    assert thinking.params == plain.params


def test_no_thinking_is_a_prefill_that_is_read_and_not_trained_on() -> None:
    assert NO_THINKING == "<think>\nOkay, I think I have finished thinking.\n</think>\n\n"
    policy = script("42")
    trajectory = play("thinking:mode=no-think", policy)
    assert policy.prompts == ["<bos>12+30=" + NO_THINKING]
    assert trajectory.turns[0].action == NO_THINKING + "42"
    assert trajectory.correct
    assert streams(trajectory, policy) == ["42<eos>"]
    assert trajectory.completion_tokens == len("42") + 1


def test_a_thought_that_the_template_opened_is_not_opened_twice() -> None:
    for mode, expected in (("think", ""), ("no-think", NO_THINKING.removeprefix("<think>\n"))):
        policy = script("42")
        template = policy.tokenizer.chat_template
        assert isinstance(template, str)
        policy.tokenizer.chat_template = template + "<think>{{ '\n' }}"
        play(f"thinking:mode={mode}", policy)
        assert policy.prompts == ["<bos>12+30=<think>\n" + expected]


def test_an_end_that_comes_too_early_gives_way_to_a_word() -> None:
    policy = script("1+1</think>41", "=2</think>40", "42")
    trajectory = play("thinking:mode=think,min_tokens=5,wait= Wait", policy)
    assert policy.prompts[1:] == [
        "<bos>12+30=<think>\n1+1Wait",
        "<bos>12+30=<think>\n1+1Wait=2</think>",
    ]
    assert trajectory.turns[0].action == "<think>\n1+1Wait=2</think>42"
    assert trajectory.correct
    # The end that did not happen was a choice of the policy's: it is trained on where it was made.
    assert streams(trajectory, policy) == ["</think>", "1+1=2</think>42<eos>"]
    taken, main = trajectory.traces
    assert policy.encoder.decode(taken.ids) == "<bos>12+30=<think>\n1+1</think>"
    assert policy.encoder.decode(main.ids) == "<bos>12+30=<think>\n1+1Wait=2</think>42<eos>"
    completion = trajectory.turns[0].completion
    assert completion is not None
    assert len(completion.token_ids) == trajectory.completion_tokens


def test_a_policy_that_will_not_think_is_let_go_after_some_waits() -> None:
    policy = script("</think>")
    trajectory = play("thinking:mode=think,min_tokens=50,waits=3", policy)
    assert [prompt.count("Wait") for prompt in policy.prompts] == [0, 1, 2, 3, 3]
    assert trajectory.turns[0].action.startswith("<think>\nWaitWaitWait</think>")


def test_a_thought_that_is_too_long_is_ended_and_the_answer_asked_for() -> None:
    policy = script("hm" * 500, "42")
    trajectory = play("thinking:mode=think,max_tokens=6,ask=It is ", policy)
    assert policy.prompts[1] == "<bos>12+30=<think>\nhmhmhm\n</think>\n\nIt is"
    assert policy.params[0].max_tokens == 6
    assert trajectory.turns[0].action == "<think>\nhmhmhm\n</think>\n\nIt is42"
    assert streams(trajectory, policy) == ["hmhmhm42<eos>"]


def test_a_stop_inside_a_thought_is_no_answer() -> None:
    policy = script("<think>hm", "42")
    trajectory = play("thinking:max_tokens=20", policy)
    assert policy.prompts[1] == "<bos>12+30=<think>hm\n</think>\n\n"
    assert streams(trajectory, policy) == ["<eos>", "<think>hm42<eos>"]
    assert trajectory.correct


def test_an_answer_straight_away_is_left_alone() -> None:
    policy = script("42")
    trajectory = play("thinking:min_tokens=9", policy)
    assert len(policy.prompts) == 1
    assert trajectory.turns[0].action == "42"


def test_room_is_kept_for_the_answer() -> None:
    policy = script("x" * 500)
    trajectory = play("thinking:mode=think,min_tokens=1,answer_tokens=10", policy, max_tokens=40)
    assert [params.max_tokens for params in policy.params] == [30, 10]
    assert trajectory.completion_tokens == 40


@pytest.mark.parametrize(("share", "rooms"), [("tokens", [10] * 4), ("latency", [40] * 4)])
def test_samples_share_a_budget_of_tokens_or_of_time(share: str, rooms: list[int]) -> None:
    policy = script("41", "42", "43", "42")
    trajectory = play(f"thinking:mode=no-think,n=4,budget=40,share={share}", policy)
    assert [params.max_tokens for params in policy.params] == rooms
    assert trajectory.turns[0].action.endswith("42")
    assert trajectory.correct
    assert trajectory.completion_tokens == 4 * len("42.")


def test_a_limit_ends_with_what_was_said() -> None:
    policy = script("hm" * 500, "42")
    trajectory = play("thinking:mode=think,max_tokens=6,calls=1", policy)
    assert trajectory.turns[0].action == "<think>\nhmhmhm\n</think>\n\n"
    assert trajectory.completion_tokens == 6
    assert play("thinking:calls=0", script("42")).turns[0].action == ""


@given(
    lines=st.lists(
        st.lists(
            st.sampled_from(["<think>", "</think>", "Wait", "42", "\n", "</thi", "nk>", "<eos>"]),
            max_size=6,
        ).map("".join)
        | st.text(PRINTABLE, max_size=20),
        min_size=1,
        max_size=5,
    ),
    settings=st.sampled_from(
        ["mode=think,min_tokens=8", "max_tokens=5", "mode=think,min_tokens=3,max_tokens=9,n=3"]
    ),
)
def test_whatever_is_said_every_token_is_trained_on_once(lines: list[str], settings: str) -> None:
    drawn: list[int] = []

    def speak(_: str, call: int) -> str:
        return lines[call % len(lines)]

    policy = ToyPolicy(speak)
    sample = policy.sample

    async def count(prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        completion = await sample(prompt_ids, params)
        drawn.append(len(completion.token_ids))
        return completion

    policy.sample = count  # type: ignore[method-assign]
    trajectory = play(f"thinking:{settings}", policy, max_tokens=24)
    assert trajectory.completion_tokens == sum(drawn)
    for trace in trajectory.traces:
        own = [lp for lp, acted in zip(trace.logprobs, trace.action_mask, strict=True) if acted]
        assert set(own) <= {-0.5}


@given(st.integers(1, 7), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(
    samples: int, data: st.DataObject
) -> None:
    right = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    subsets = list(itertools.combinations(range(samples), k))
    share = sum(min(subset) < right for subset in subsets) / len(subsets)
    assert pass_at_k(samples, right, k) == pytest.approx(share)
