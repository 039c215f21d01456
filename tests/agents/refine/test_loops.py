"""Loops without a tool, turn by turn as their papers say: order, prompts, stops, what is trained.

A prompt is what the policy is shown at a call: in the conversation all that was said before, aside
nothing but the one question.
"""

import pytest

from gym_reason.types import StopReason
from tests.agents.refine.episodes import SUM, answers, heard, play, trained
from tests.agents.refine.replay import ReplayPolicy


def test_self_refine_keeps_all_that_was_said_in_sight() -> None:
    policy = ReplayPolicy("41", "The carry is wrong.", "43", "One too many.", "42", "no mistakes")
    trajectory = play("self-refine", policy, rounds=5)
    draft, feedback, revise, *_, last = policy.prompts
    assert "12+30=" in draft
    assert "NO MISTAKES" not in draft
    assert feedback.startswith(draft + "41")
    assert "NO MISTAKES" in feedback
    assert revise.startswith(feedback + "The carry is wrong.")
    assert all(words in last for words in ("41", "The carry is wrong.", "43", "One too many."))
    assert answers(trajectory) == ["41", "43", "42"]
    assert heard(trajectory) == ["The carry is wrong.", "One too many."]
    assert len(policy.prompts) == 6  # it stops at the word, before its five rounds are over
    assert trajectory.stop_reason is StopReason.SOLVED


def test_self_refine_ends_after_its_rounds() -> None:
    policy = ReplayPolicy("41", "wrong")
    assert len(play("self-refine", policy, rounds=2).turns) == 3
    assert len(policy.prompts) == 5


def test_rci_criticises_and_improves_a_fixed_number_of_times() -> None:
    policy = ReplayPolicy("41", "Nothing is wrong.", "42", "It is fine.", "40")
    trajectory = play("rci", policy, rounds=2)
    assert answers(trajectory) == ["41", "42", "40"]  # no word of the critique ends it
    assert heard(trajectory) == ["Nothing is wrong.", "It is fine."]
    assert "find problems" in policy.prompts[1]
    assert "improve your answer" in policy.prompts[2]
    assert trained(trajectory, policy) == [
        (0, "41"),
        (1, "Nothing is wrong."),
        (1, "42"),
        (2, "It is fine."),
        (2, "40"),
    ]


def test_cai_revises_by_one_principle_after_another() -> None:
    policy = ReplayPolicy("41", "not brief", "42", "not kind", "43")
    trajectory = play("cai", policy, rounds=2, principles="Be brief. | Be kind.")
    assert answers(trajectory) == ["41", "42", "43"]
    for prompt in (policy.prompts[1], policy.prompts[3]):
        assert "Be brief." in prompt or "Be kind." in prompt
    assert "keeps to the principle" in policy.prompts[2]
    again = ReplayPolicy("41", "not brief", "42", "not kind", "43")
    play("cai", again, rounds=2, principles="Be brief. | Be kind.")
    assert again.prompts == policy.prompts  # drawn by the seed alone


def test_cove_answers_its_questions_out_of_sight_of_the_draft() -> None:
    policy = ReplayPolicy(
        "The draft says 41.",
        "1. What is 2+0?\n- What is 1+3?\n\nWhat is left?",
        "two",
        "<think>hm</think>four",
        "42",
    )
    trajectory = play("cove", policy, questions=2)
    draft, plan, first, second, rewrite = policy.prompts
    assert draft in plan
    assert "at most 2" in plan
    for prompt, question in ((first, "What is 2+0?"), (second, "What is 1+3?")):
        assert question in prompt
        assert "12+30=" not in prompt
        assert "draft" not in prompt
    assert "two" not in second
    assert "The draft says 41." in rewrite
    assert "Q: What is 1+3?\nA: four" in rewrite
    assert answers(trajectory) == ["The draft says 41.", "42"]
    assert heard(trajectory)[0] == "What is 2+0? two\nWhat is 1+3? <think>hm</think>four"
    assert [words for _, words in trained(trajectory, policy)].count("two") == 1


def test_cove_without_questions_keeps_its_draft() -> None:
    policy = ReplayPolicy("42", "<think>none</think>")
    assert answers(play("cove", policy)) == ["42"]
    assert len(policy.prompts) == 2


def test_self_critique_refines_by_a_critique_that_saw_nothing_else() -> None:
    policy = ReplayPolicy("<think>secret</think>41", "too small", "42")
    trajectory = play("self-critique", policy)
    _, critique, refine = policy.prompts
    for prompt in (critique, refine):
        assert "12+30=" in prompt
        assert "41" in prompt
        assert "secret" not in prompt
    assert "too small" not in critique
    assert "too small" in refine
    assert answers(trajectory) == ["<think>secret</think>41", "42"]
    # The asides stand before the conversation, each a stream of its own.
    assert trained(trajectory, policy) == [
        (1, "too small"),
        (1, "42"),
        (0, "<think>secret</think>41"),
    ]


def test_selfee_stops_where_its_feedback_asks_for_no_revision() -> None:
    policy = ReplayPolicy("41", "Add the ones.", "42", "Good. Revision is not needed.", "unsaid")
    trajectory = play("selfee", policy)
    assert answers(trajectory) == ["41", "42"]
    assert "Revision is not needed" in policy.prompts[1]
    assert policy.prompts[3].count("Give feedback") == 2
    assert len(policy.prompts) == 4
    # What ended it led to no new answer: it counts to the last one.
    assert trained(trajectory, policy)[-1] == (1, "Good. Revision is not needed.")


def test_selfee_revises_three_times_at_most() -> None:
    policy = ReplayPolicy("41", "wrong")
    assert len(play("selfee", policy).turns) == 4


@pytest.mark.parametrize(
    ("decision", "kept"),
    [("B", True), ("b. It adds the carry.", True), ("A", False), ("Both", False), ("", False)],
)
def test_volcano_keeps_the_old_answer_unless_the_new_one_is_chosen(
    decision: str, kept: bool
) -> None:
    policy = ReplayPolicy("41", "too small", "42", decision)
    trajectory = play("volcano", policy, rounds=1)
    _, critique, revise, decide = policy.prompts
    assert "too small" not in critique
    assert "too small" in revise
    assert "too small" not in decide  # it compares the answers, not what was said of them
    assert "A:\n41" in decide
    assert "B:\n42" in decide
    assert answers(trajectory) == (["41", "42"] if kept else ["41"])


def test_volcano_goes_on_from_the_answer_that_it_chose_and_stops_at_the_first_old_one() -> None:
    policy = ReplayPolicy("40", "small", "41", "B", "small", "42", "B", "fine", "43", "A", "x")
    trajectory = play("volcano", policy, rounds=5)
    assert answers(trajectory) == ["40", "41", "42"]
    assert len(policy.prompts) == 10
    assert "A:\n42" in policy.prompts[-1]
    # The completion behind an answer is the revision, not the decision.
    assert [turn.completion.text for turn in trajectory.turns if turn.completion] == [
        "40",
        "41",
        "42",
    ]


def test_rl4f_trains_the_critic_alone() -> None:
    policy = ReplayPolicy("41", "one too few", "42")
    trajectory = play("rl4f", policy)
    _, critique, edit = policy.prompts
    assert "12+30=" in critique
    assert "41" in critique
    assert "one too few" in edit
    assert answers(trajectory) == ["41", "42"]
    assert trained(trajectory, policy) == [(1, "one too few")]
    assert trajectory.ret == 1.0  # what the mended answer earns


def test_refiner_sees_the_reasoning_and_stops_without_a_hint() -> None:
    policy = ReplayPolicy("<think>2+0=1</think>41", "The first step.", "42", "no hint", "unsaid")
    trajectory = play("refiner", policy)
    _, hint, regenerate, last = policy.prompts
    assert "2+0=1" in hint  # the critic is there for the reasoning
    assert "No hint" in hint
    assert "The first step." in regenerate
    assert "2+0=1" in regenerate
    assert "12+30=" in regenerate
    assert "2+0=1" not in last  # it reads the new answer
    assert answers(trajectory) == ["<think>2+0=1</think>41", "42"]
    assert len(policy.prompts) == 4


@pytest.mark.parametrize(
    "name", ["self-refine", "rci", "cai", "cove", "selfee", "self-critique", "refiner", "volcano"]
)
@pytest.mark.parametrize("words", ["", "<think>never ends", "\x00\ud800", "{{ task }} {% if", "B"])
def test_whatever_a_policy_says_a_loop_comes_to_an_answer(name: str, words: str) -> None:
    said = words.encode("utf-8", "replace").decode()
    trajectory = play(name, ReplayPolicy(said, "x" if said else ""))
    assert trajectory.turns[-1].terminated
    assert trajectory.task == SUM
