"""Records: of a file, and of the policy's own answers, as the token streams that are trained on."""

import json
from pathlib import Path
from typing import Any

import pytest

from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import DataError
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.model.learner import Learner, build_learner
from gym_reason.trainers.preference.examples import Example, make_trace
from gym_reason.trainers.preference.records import read_records
from gym_reason.trainers.preference.sampling import (
    Answer,
    distinct_answers,
    make_lists,
    make_negatives,
    make_pairs,
)
from gym_reason.trainers.preference.settings import Records
from gym_reason.trainers.preference.steps import find_wrong_step, right_step, split_tokens
from gym_reason.trainers.settings import ModelSettings
from gym_reason.types import (
    Group,
    Message,
    Outcome,
    StopReason,
    Task,
    TokenTrace,
    Trajectory,
    Turn,
    Verdict,
)

ALPHABET = "0123456789+=,;\n"
TOKENIZER = build_character_tokenizer(ALPHABET)
END = "<eos>"
TASK = Task("t", (Message("user", "12+9="),), "21")


@pytest.fixture(scope="module")
def learner() -> Learner:
    settings = ModelSettings(size="0.1m", alphabet=ALPHABET, device="cpu")
    return build_learner(settings, 0, None)


def read(
    folder: Path, learner: Learner, kind: Records, *rows: dict[str, Any]
) -> tuple[list[Example], DropLog]:
    """Return the records of a file with some rows, and what was dropped."""
    file, log = folder / "records.jsonl", DropLog()
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return read_records(file, kind, learner, log), log


def shown(trace: TokenTrace) -> tuple[str, str]:
    """Return what is not trained of a stream, and what is."""
    parts = [
        [
            token
            for token, acted in zip(trace.ids, trace.action_mask, strict=True)
            if acted is wanted
        ]
        for wanted in (False, True)
    ]
    before, after = (str(TOKENIZER.decode(part)) for part in parts)
    return before, after


def test_a_pair_is_two_answers_to_one_prompt(tmp_path: Path, learner: Learner) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": "12+9=", "chosen": "21", "rejected": "22"},
        {
            "prompt": [{"role": "user", "content": "12+9="}],
            "chosen": [
                {"role": "user", "content": "12+9="},
                {"role": "assistant", "content": "21"},
            ],
            "rejected": [{"role": "assistant", "content": "22"}],
            "margin": 0.25,
        },
    ]
    examples, log = read(tmp_path, learner, "pair", *rows)
    for example in examples:
        found = [shown(trace) for trace in example.traces]
        assert found == [("<bos>12+9=", f"21{END}"), ("<bos>12+9=", f"22{END}")]
    assert [example.scores for example in examples] == [(1.0, 0.0), (0.25, 0.0)]
    assert not log.drops


def test_pairs_that_are_no_pairs_are_dropped_and_counted(tmp_path: Path, learner: Learner) -> None:
    long = "1" * 5000
    examples, log = read(
        tmp_path,
        learner,
        "pair",
        {"prompt": "1+1=", "chosen": "2", "rejected": "2"},
        {"prompt": "1+1=", "chosen": "2", "rejected": long},
        {"prompt": "1+1=", "chosen": "2", "rejected": "3"},
    )
    assert len(examples) == 1
    assert log.counts == {"chosen is rejected": 1, "longer than the model": 1}


def test_a_step_pair_shares_its_steps_so_far_untrained(tmp_path: Path, learner: Learner) -> None:
    row = {"prompt": "12+9=", "prefix": "<think>2+9=11", "chosen_step": ",1+0+1=2"}
    row |= {"rejected_step": ",1+0+1=3"}
    last = row | {"last": True}
    examples, _ = read(tmp_path, learner, "step_pair", row, last)
    before = "<bos>12+9=<think>2+9=11"
    assert [shown(t) for t in examples[0].traces] == [(before, ",1+0+1=2"), (before, ",1+0+1=3")]
    assert shown(examples[1].traces[0]) == (before, f",1+0+1=2{END}")


def test_a_ranked_list_is_best_first_and_without_repeats(tmp_path: Path, learner: Learner) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": "1+1=", "responses": ["3", "2", "4", "3"], "scores": [0.1, 1, 0.5, 0.1]},
        {"prompt": "1+1=", "responses": ["3", "2"], "scores": [1, 1]},
    ]
    examples, log = read(tmp_path, learner, "ranked", *rows)
    assert [shown(trace)[1] for trace in examples[0].traces] == [f"{n}{END}" for n in "243"]
    assert examples[0].scores == (1.0, 0.5, 0.1)
    assert log.counts == {"equal scores": 1}


def test_a_negative_may_say_that_it_is_to_be_kept(tmp_path: Path, learner: Learner) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": "1+1=", "rejected": "3"},
        {"prompt": "1+1=", "rejected": "2", "retain": True},
    ]
    examples, _ = read(tmp_path, learner, "negative", *rows)
    assert [example.scores for example in examples] == [(0.0,), (1.0,)]


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        ("pair", {"prompt": "1", "chosen": 2, "rejected": "3"}, "no text in 'chosen'"),
        ("pair", {"chosen": "2", "rejected": "3"}, "no column 'prompt'"),
        ("step_pair", {"prompt": "1", "chosen": "2", "rejected": "3"}, "no column 'prefix'"),
        ("ranked", {"prompt": "1", "responses": ["2"], "scores": []}, "1 responses and 0 scores"),
        ("negative", {"prompt": "1"}, "no column 'rejected'"),
    ],
)
def test_a_broken_record_is_named(
    kind: Records, row: dict[str, Any], message: str, tmp_path: Path, learner: Learner
) -> None:
    with pytest.raises(DataError, match=f"line 1 of .*records.jsonl: {message}"):
        read(tmp_path, learner, kind, row)


def answer(
    text: str, reward: float, *, end: bool = True, outcome: Outcome | None = None
) -> Trajectory:
    """Return an episode with one answer."""
    ids = TOKENIZER.encode(text + (END if end else ""), add_special_tokens=False)
    context = TOKENIZER.encode("12+9=")
    correct = reward == 1.0
    found = outcome or (Outcome.PASS if correct else Outcome.FAIL)
    turn = Turn("", text, None, reward, Verdict(reward, correct, found), True, False)
    trace = make_trace(context, ids)
    return Trajectory(TASK, (turn,), (trace,), reward, StopReason.ANSWERED, 0)


def answers_of(*trajectories: Trajectory) -> tuple[Group, list[Answer], DropLog]:
    """Return a group, its different answers and what was dropped."""
    group, log = Group(TASK, trajectories), DropLog()
    return group, distinct_answers(group, log), log


def test_answers_are_different_and_the_best_comes_first() -> None:
    unscorable = answer("0", 0.0, outcome=Outcome.UNSCORABLE)
    _, answers, log = answers_of(
        answer("22", 0.0), answer("21", 1.0), answer("22", 0.0), unscorable
    )
    assert [found.text for found in answers] == ["21", "22"]
    assert log.counts == {"said before": 1, "unscorable": 1}


def test_pairs_differ_in_reward_and_never_chosen_is_rejected() -> None:
    group, answers, log = answers_of(
        answer("21", 1.0),
        answer("22", 0.0),
        answer("021", 1.0),
        answer("23", 0.5),
        answer("2", 0.0),
    )
    pairs = make_pairs(group, answers, 8, log)
    found = [(str(p.record["chosen"]), str(p.record["rejected"])) for p in pairs]
    assert found == [("21", "2"), ("021", "22"), ("21", "23")]
    assert [pair.scores for pair in pairs] == [(1.0, 0.0), (1.0, 0.0), (1.0, 0.5)]
    assert len(make_pairs(group, answers, 1, log)) == 1
    assert not log.drops
    for rewards, reason in (((0.0, 0.0), "no right answer"), ((1.0, 1.0), "no wrong answer")):
        group, answers, log = answers_of(*(answer(str(i), r) for i, r in enumerate(rewards)))
        assert make_pairs(group, answers, 8, log) == []
        assert make_lists(group, answers, 8, log) == []
        assert log.counts == {reason: 2}


def test_lists_hold_every_answer_with_its_reward() -> None:
    group, answers, log = answers_of(answer("22", 0.0), answer("21", 1.0), answer("23", 0.5))
    (example,) = make_lists(group, answers, 1, log)
    assert example.scores == (1.0, 0.5, 0.0)
    assert [shown(trace)[1] for trace in example.traces] == [f"{n}{END}" for n in (21, 23, 22)]


def test_negatives_are_wrong_and_as_many_right_ones_are_kept() -> None:
    group, answers, log = answers_of(answer("22", 0.0), answer("21", 1.0), answer("23", 0.5))
    for retain, expected in ((False, [0.0, 0.0]), (True, [0.0, 0.0, 1.0])):
        examples = make_negatives(group, answers, 2, log, retain=retain)
        assert [example.scores[0] for example in examples] == expected


def steps_of(text: str, by: str = "commas") -> list[str]:
    """Return the steps of an answer as texts."""
    ids = TOKENIZER.encode(text, add_special_tokens=False)
    steps = split_tokens(TOKENIZER, ids, by)
    assert [token for step in steps for token in step] == ids
    return [str(TOKENIZER.decode(list(step))) for step in steps]


def test_steps_end_where_their_words_do() -> None:
    thought = f"<think>2+9+0=11,1+0+1=2</think>21{END}"
    assert steps_of(thought) == ["<think>2+9+0=11", ",1+0+1=2", f"</think>21{END}"]
    assert steps_of(f"<think></think>21{END}") == [f"<think></think>21{END}"]
    assert steps_of("2+9=11;\n21", "commas") == ["2+9=11", ";\n21"]
    assert steps_of(f"2+9=11\n\n1+1=2{END}", "auto") == ["2+9=11", f"\n\n1+1=2{END}"]
    assert steps_of("") == [""]


def wrong_step(text: str, *, end: bool = True, outcome: Outcome | None = None) -> Any:
    """Return the first wrong step of a failed answer, as texts."""
    _, (found,), log = answers_of(answer(text, 0.0, end=end, outcome=outcome))
    step = find_wrong_step(found, TOKENIZER, "commas", log)
    if step is None:
        return log.counts
    return tuple(str(TOKENIZER.decode(list(part))) for part in (step.prefix, step.step))


def test_the_first_wrong_step_is_the_checkers_or_else_the_answer() -> None:
    assert wrong_step("<think>2+9+0=12,1+0+1=2</think>22") == ("", "<think>2+9+0=12")
    assert wrong_step("<think>2+9+0=11,1+0+1=3</think>31") == ("<think>2+9+0=11", ",1+0+1=3")
    right_so_far = ("<think>2+9+0=11,1+0+1=2", f"</think>22{END}")
    assert wrong_step("<think>2+9+0=11,1+0+1=2</think>22") == right_so_far
    assert wrong_step("<think></think>22") == ("", f"<think></think>22{END}")
    cut = wrong_step("<think>2+9+0=11,1", end=False, outcome=Outcome.NO_ANSWER)
    assert cut == {"no wrong step": 1}


def test_the_right_step_comes_from_an_answer_that_begins_alike() -> None:
    _, (found,), log = answers_of(answer("<think>2+9+0=11,1+0+1=3</think>31", 0.0))
    wrong = find_wrong_step(found, TOKENIZER, "commas", log)
    assert wrong is not None

    def step_in(text: str) -> str | None:
        ids = TOKENIZER.encode(text + END, add_special_tokens=False)
        step = right_step(wrong, [ids], TOKENIZER, "commas")
        return None if step is None else str(TOKENIZER.decode(list(step)))

    assert step_in("<think>2+9+0=11,1+0+1=2</think>21") == ",1+0+1=2"
    assert step_in("<think>9+2+0=11,1+0+1=2</think>21") is None
    assert step_in("<think>2+9+0=11,1+0+1=3</think>21") is None
    assert step_in("<think></think>21") is None
