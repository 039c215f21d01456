"""Forks of a conversation: what they remember, what is trained on, and going on from one."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.agents.build import make_agent
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.refine.prompts import PromptBook
from gym_reason.agents.refine.talk import Limits, Talk
from gym_reason.agents.search.branches import begin, best_index, extend
from gym_reason.types import Completion, Message
from tests.agents.search.toys import TASK, ToyPolicy, emitted


def complete(policy: ToyPolicy, text: str) -> Completion:
    ids = policy.encoder.encode_words(text)
    return Completion(ids, (-1.0,) * len(ids), text, "stop")


def talk_of(policy: ToyPolicy, max_tokens: int = 32, limits: Limits | None = None) -> Talk:
    conversation = Conversation(TASK.prompt, policy.encoder)
    params = SamplingParams(max_tokens=max_tokens)
    return Talk(conversation, policy, params, 0, PromptBook("beam"), {}, limits or Limits())


def test_a_fork_remembers_and_trains_only_its_own() -> None:
    policy = ToyPolicy(lambda *_: "")
    main = Conversation(TASK.prompt, policy.encoder)
    main.prompt_ids()
    main.add_piece(complete(policy, "one "))
    fork, other = main.fork(), main.fork()
    fork.add_piece(complete(policy, "two"))
    other.add_piece(complete(policy, "three"))
    assert [emitted(trace, policy) for trace in main.traces()] == ["two", "three", "one "]
    assert [policy.encoder.decode(trace.ids) for trace in main.traces()] == [
        "<bos>12+30=one two",
        "<bos>12+30=one three",
        "<bos>12+30=one ",
    ]
    nested = fork.fork()
    nested.add_piece(complete(policy, "!"))
    main.adopt(nested)
    main.end_message("one two!")
    # The words of the fork in between are trained on there alone.
    assert sorted(emitted(trace, policy) for trace in main.traces()) == ["one !", "three", "two"]
    assert main.messages[-1] == Message("assistant", "one two!")


def test_what_is_taken_back_is_trained_on_where_it_was_said() -> None:
    policy = ToyPolicy(lambda *_: "")
    main = Conversation(TASK.prompt, policy.encoder)
    main.prompt_ids()
    main.add_piece(complete(policy, "abcd"))
    main.retract(2)
    main.add_words("...")
    main.add_piece(complete(policy, "ef"))
    main.end_message("ab...ef")
    taken, kept = main.traces()
    assert (emitted(taken, policy), emitted(kept, policy)) == ("cd", "abef")
    assert policy.encoder.decode(kept.ids) == "<bos>12+30=ab...ef"
    main.retract(0)
    assert len(main.traces()) == 2


def test_a_later_turn_goes_on_from_the_very_tokens_of_the_answer_that_was_given() -> None:
    policy = ToyPolicy(lambda _, call: (f"say {call}", -float(3 - call % 3)))
    agent = make_agent("best-of-n:n=3", policy, SamplingParams(max_tokens=9))
    conversation = Conversation(TASK.prompt, policy.encoder)

    async def play() -> None:
        for _ in range(2):
            await agent.act(conversation, 0)
            conversation.end_turn()
            conversation.add_message(Message("user", "more"))

    asyncio.run(play())
    assert policy.prompts[3:] == ["<bos>12+30=say 2<eos>more"] * 3
    *asides, main = conversation.traces()
    assert emitted(main, policy) == "say 2<eos>say 5<eos>"
    assert [emitted(aside, policy) for aside in asides] == [f"say {n}<eos>" for n in (0, 1, 3, 4)]
    acted = [t for t, own in zip(main.turn_index, main.action_mask, strict=True) if own]
    assert acted == [0] * len("say 2.") + [1] * len("say 5.")
    assert {t for aside in asides[2:] for t in aside.turn_index[-3:]} == {1}


@given(
    tokens=st.integers(1, 60),
    calls=st.integers(1, 9),
    lengths=st.lists(st.integers(1, 12), min_size=8, max_size=8),
)
def test_limits_are_never_passed_however_much_is_asked_at_once(
    tokens: int, calls: int, lengths: list[int]
) -> None:
    policy = ToyPolicy(lambda _, call: "x" * lengths[call])
    talk = talk_of(policy, max_tokens=8, limits=Limits(calls=calls, tokens=tokens))
    asyncio.run(extend(talk, [begin(talk) for _ in range(8)], 1, ""))
    assert talk.tokens <= tokens
    assert talk.calls <= calls
    used = [min(length + 1, 8) for length in lengths[: len(policy.params)]]
    # Whoever was not asked could not have been: the calls or the tokens were used up.
    assert len(policy.params) == min(calls, 8) or sum(used) >= tokens


@pytest.mark.parametrize(
    ("text", "stop", "ended", "spoken"),
    [
        ("a\nb", "\n", False, "a\n"),
        ("a", "\n", True, "a"),
        ("\nb", "\n", False, "\n"),
        ("", "\n", True, ""),
        ("a\n\nb", "\n\n", False, "a\n\n"),
        ("abcdefghij", "\n", True, "abcdefgh"),
        ("abcdefg\nx", "\n", True, "abcdefg\n"),
    ],
)
def test_a_step_ends_at_the_separator_and_the_answer_at_a_stop_or_the_limit(
    text: str, stop: str, ended: bool, spoken: str
) -> None:
    policy = ToyPolicy(lambda *_: text)
    talk = talk_of(policy, max_tokens=8)
    ((child,),) = asyncio.run(extend(talk, [begin(talk)], 1, stop))
    assert (child.ended, child.text) == (ended, spoken)
    assert (child.finish_reason == "length") == (len(child.token_ids) == 8)


def test_no_number_is_lowest_and_the_first_of_equals_is_best() -> None:
    assert best_index([float("nan"), -1.0, -1.0]) == 1
    assert best_index([float("nan"), float("nan")]) == 0
