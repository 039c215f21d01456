"""Best of N and votes: which answer wins, what stays in the streams, limits, oracles."""

import asyncio
import logging
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.agents.bounded import BoundedPolicy
from gym_reason.agents.build import make_agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.models import build_preset
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.search.branches import best_index
from gym_reason.agents.search.scorers import find_verifier
from gym_reason.agents.search.vote import find_elected, weigh_ranks, weigh_scores
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import UnknownNameError, UsageError
from gym_reason.registry import register_verifier
from gym_reason.types import Message, Outcome, Task, Verdict
from tests.agents.refine.episodes import play as play_loop
from tests.agents.search.toys import TASK, ToyPolicy, emitted, play


@register_verifier("toy-longest")
class LongestVerifier:
    """Likes long texts, and refuses one word; remembers what tasks it saw."""

    name = "toy-longest"

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def verify(self, task: Task, submission: str) -> Verdict:
        self.tasks.append(task)
        refused = submission == "refused by the scorer"
        return Verdict(
            float(len(submission)), True, Outcome.UNSCORABLE if refused else Outcome.PASS
        )


def say_in_turn(*lines: str | tuple[str, float]) -> ToyPolicy:
    return ToyPolicy(lambda _, call: lines[call % len(lines)])


def test_one_answer_is_plain_sampling() -> None:
    plain, search = say_in_turn("42"), say_in_turn("42")
    expected = play("answer", plain)
    for spec in ("best-of-n:n=1", "vote:n=1", "beam:width=1,branches=1", "thinking", "tree:b=1"):
        found = play(spec, search)
        assert found.traces == expected.traces, spec
        assert found.turns == expected.turns, spec
    assert search.params[0] == plain.params[0]


def test_the_likeliest_answer_wins_and_every_token_is_trained_on_once() -> None:
    policy = say_in_turn(("41", -2.0), ("42", -0.1), ("43", -1.0))
    trajectory = play("best-of-n:n=3", policy)
    assert trajectory.turns[-1].action == "42"
    assert trajectory.correct
    assert trajectory.completion_tokens == 3 * len("42.")
    # The answer that was given stands in the conversation itself, the others aside.
    assert [emitted(trace, policy) for trace in trajectory.traces] == [
        "41<eos>",
        "43<eos>",
        "42<eos>",
    ]


def test_a_scorer_sees_the_conversation_and_never_the_reference() -> None:
    policy = say_in_turn("1", "the longest one", "refused by the scorer", "22")
    canary = Task("sum", TASK.prompt, "31415926", meta={"tests": "27182818"})
    trajectory = play("best-of-n:n=4,by=toy-longest", policy, task=canary)
    assert trajectory.turns[-1].action == "the longest one"
    scorer: Any = find_verifier("toy-longest")
    assert scorer.tasks[-1].prompt == TASK.prompt
    assert all(task.reference == "" and not task.meta for task in scorer.tasks)
    assert not any("31415926" in prompt for prompt in policy.prompts)


def test_asking_the_verifier_is_an_oracle_and_says_so() -> None:
    policy = say_in_turn("41", "43", "42")
    assert play("best-of-n:n=3,by=verifier", policy).correct
    params = SamplingParams()
    honest: Any = make_agent("best-of-n:n=3", policy, params)
    oracle: Any = make_agent("best-of-n:n=3,by=verifier", policy, params)
    assert (honest.loop.oracle, oracle.loop.oracle) == (False, True)


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("best-of-n:n=0", UsageError, "n = 0"),
        ("best-of-n:n=many", UsageError, "whole number"),
        ("best-of-n:by=math", UsageError, "without a reference"),
        ("best-of-n:by=nobody", UnknownNameError, "nobody"),
        ("vote:p=1", UsageError, "a scorer to rank"),
        ("vote:by=likelihood,p=-1", UsageError, "p = -1"),
        ("beam:separator=", UsageError, "empty separator"),
        ("mcts:w=-1", UsageError, "w = -1"),
        ("thinking:min_tokens=9,max_tokens=8", UsageError, "min_tokens = 9"),
        ("thinking:mode=loud", UsageError, "mode"),
    ],
)
def test_settings_that_cannot_be_are_told_when_the_agent_is_made(
    spec: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make_agent(spec, say_in_turn("x"), SamplingParams())


@pytest.mark.parametrize(
    ("limits", "calls"), [("calls=2", 2), ("tokens=6", 2), ("tokens=7", 3), ("calls=1", 1)]
)
def test_a_limit_leaves_the_best_of_what_was_drawn(limits: str, calls: int) -> None:
    policy = say_in_turn(("41", -2.0), ("42", -0.1), ("43", -0.05))
    trajectory = play(f"best-of-n:n=8,{limits}", policy, max_tokens=3)
    assert len(policy.prompts) == calls
    assert trajectory.turns[-1].action == {1: "41", 2: "42", 3: "4"}[calls]
    assert trajectory.completion_tokens <= 9


def test_a_search_asks_as_often_as_its_own_settings_say() -> None:
    policy = say_in_turn("42")
    assert play("best-of-n:n=100", policy).correct
    assert len(policy.prompts) == 100


def test_votes_are_counted_by_answer_and_ties_go_to_the_first() -> None:
    assert find_elected(["1", "so it is \\boxed{2}", "2.0", "1", "2"]) == 1
    assert find_elected(["<think>5</think>3", "4"]) == 0
    assert find_elected(["4", "3", "3", "4"]) == 0
    assert find_elected(["4", "3", "3"], [5.0, 1.0, 1.0]) == 0
    assert find_elected(["<think>never ends 3", "4"]) == 1
    assert find_elected(["<think>", ""]) == 0


@given(scores=st.lists(st.floats(allow_nan=True), min_size=1, max_size=8))
def test_ranks_are_votes_and_power_zero_is_the_majority(scores: list[float]) -> None:
    assert weigh_ranks(scores, 0.0) == [1.0] * len(scores)
    assert sorted(weigh_ranks(scores, 1.0)) == list(range(1, len(scores) + 1))
    best = weigh_ranks(scores, 2.0)
    assert best[best_index(scores)] == len(scores) ** 2


@given(
    answers=st.lists(st.sampled_from("123"), min_size=1, max_size=7),
    scores=st.lists(st.floats(-9, 0), min_size=7, max_size=7),
)
def test_a_borda_vote_of_power_zero_elects_what_most_said(
    answers: list[str], scores: list[float]
) -> None:
    elected = answers[find_elected(answers, weigh_ranks(scores[: len(answers)], 0.0))]
    assert elected == Counter(answers).most_common(1)[0][0]


def test_scores_become_votes() -> None:
    assert weigh_scores([0.5, 0.0, 1.0]) == [0.5, 0.0, 1.0]
    assert weigh_scores([0.0, -float("inf")]) == [1.0, 0.0]
    assert weigh_scores([-float("inf"), float("nan")]) is None
    assert weigh_scores([0.0, 0.0]) is None


def test_a_sure_answer_outvotes_two_unsure_ones() -> None:
    lines = (("41", -3.0), ("41", -3.0), ("42", -0.1))
    assert play("vote:n=3", say_in_turn(*lines)).turns[-1].action == "41"
    assert play("vote:n=3,by=likelihood", say_in_turn(*lines)).turns[-1].action == "42"
    assert play("vote:n=3,by=likelihood,p=0", say_in_turn(*lines)).turns[-1].action == "41"
    assert play("vote:n=3,by=likelihood,p=2", say_in_turn(*lines)).turns[-1].action == "42"


def test_a_stand_in_for_self_certainty_is_declared(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = play("best-of-n:n=2,by=certainty", say_in_turn(("41", -3.0), ("42", -0.1)))
    assert found.turns[-1].action == "42"
    assert "stands in for self-certainty" in caplog.text


@pytest.mark.parametrize(
    "words",
    ["", "\x00" * 50, "{{ task }}", "</think>" * 9, "9" * 5000, "\u202e42", "<answer>" * 99],
)
def test_what_a_policy_wrote_breaks_no_vote(words: str) -> None:
    texts = [words, "42", words, "x" * 100_000]
    assert find_elected(texts) in range(4)
    assert play("vote:n=3", say_in_turn("42", words.encode("ascii", "ignore").decode())).turns


@pytest.fixture(scope="module")
def engine() -> LocalEngine:
    tokenizer = build_character_tokenizer("0123456789+=")
    torch.manual_seed(0)
    return LocalEngine(build_preset("0.1m", len(tokenizer)), tokenizer)


def test_self_certainty_is_the_divergence_of_uniform(engine: LocalEngine) -> None:
    prompt, said = (1, 7, 8), (9, 10)
    found = engine.measure_certainty(prompt, said)
    logits_TV = engine.model(input_ids=torch.tensor([[*prompt, *said]])).logits[0, 2:4].detach()
    vocabulary = logits_TV.shape[1]
    uniform_V = torch.full((vocabulary,), 1.0 / vocabulary)
    expected = [
        float((uniform_V * (uniform_V.log() - row_V.log_softmax(-1))).sum()) for row_V in logits_TV
    ]
    assert found == pytest.approx(sum(expected) / 2, rel=1e-4)
    assert engine.measure_certainty(prompt, ()) == 0.0


def test_an_engine_votes_by_self_certainty(
    engine: LocalEngine, caplog: pytest.LogCaptureFixture
) -> None:
    policy = BoundedPolicy(engine, engine.max_positions)
    encoder = ChatEncoder(build_character_tokenizer("0123456789+="))
    agent = make_agent("best-of-n:n=4,by=certainty", policy, SamplingParams(max_tokens=4))
    from gym_reason.agents.conversation import Conversation

    conversation = Conversation((Message("user", "1+1="),), encoder)
    action = asyncio.run(agent.act(conversation, 3))
    assert action.completion is not None
    prompt = conversation.traces()[-1].ids[: -len(action.completion.token_ids)]
    traces = [trace.ids[len(prompt) :] for trace in conversation.traces()]
    certainties = [engine.measure_certainty(prompt, said) for said in traces]
    assert len(traces) == 4
    assert certainties[-1] == max(certainties)  # type: ignore[type-var]
    assert "stands in" not in caplog.text


def test_an_answer_that_a_tool_finds_no_fault_with_wins_over_a_likelier_one() -> None:
    asked: list[str] = []

    def tests(text: str) -> str:
        asked.append(text)
        return "" if text in ("42", "43") else "1 test fails"

    policy = say_in_turn(("41", -0.1), ("42", -0.9), ("43", -0.3), ("40", -0.2))
    found = play_loop("best-of-n", policy, tools={"tests": tests}, n=4, by="tests")
    assert sorted(asked) == ["40", "41", "42", "43"]
    assert found.turns[-1].action == "43"  # the likeliest of those that pass
    none_passes = say_in_turn(("41", -0.4), ("40", -0.2))
    found = play_loop("best-of-n", none_passes, tools={"tests": tests}, n=2, by="tests")
    assert found.turns[-1].action == "40"
    with pytest.raises(UsageError, match="tests"):
        play_loop("best-of-n", say_in_turn("41"), n=2, by="tests")
