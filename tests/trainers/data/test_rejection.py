"""Rejection sampling: nothing that the verifier refuses is kept, from an environment or a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from gym_reason.agents.scripted import ScriptedAgent
from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.errors import UsageError
from gym_reason.registry import make
from gym_reason.trainers.data.candidates import (
    judge_file,
    make_envs,
    play_candidates,
    verifier_of,
)
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.rejection import Candidate, RejectionSettings, keep_verified
from gym_reason.trainers.data.text_filters import find_text_fault, make_filters
from gym_reason.types import Message, Outcome, Verdict
from gym_reason.verifiers.pool import VerifierPool

ARITHMETIC = "gym_reason/Arithmetic-v0"
PASS = Verdict(1.0, True, Outcome.PASS)
FAIL = Verdict(0.25, False, Outcome.FAIL)
LOST = Verdict(0.0, False, Outcome.UNSCORABLE, detail="the sandbox died")


def candidate(response: str, verdict: Verdict | None = PASS, **changes: Any) -> Candidate:
    values: dict[str, Any] = {"where": "line 1", "task_id": "t", "prompt": (Message("user", "q"),)}
    return Candidate(**values | {"response": response, "verdict": verdict, **changes})


def test_only_what_is_verified_whole_and_new_is_kept() -> None:
    log = DropLog()
    rows, counts = keep_verified(
        [
            candidate("good"),
            candidate(" good\n"),
            candidate("bad", FAIL),
            candidate("lost", LOST),
            candidate("broken", None),
            candidate("cut", cut_off=True),
            candidate(" "),
            candidate("\ufffd\ufffd odd"),
            candidate("other", task_id="u", row={"source": "file"}),
            candidate("wrong", FAIL, task_id="v"),
        ],
        RejectionSettings(filters=make_filters(["odd"])),
        log,
    )
    assert [(row["task_id"], row["response"]) for row in rows] == [("t", "good"), ("u", "other")]
    assert rows[1]["source"] == "file"
    assert rows[0]["verify_score"] == 1.0
    assert rows[0]["messages"][0] == {"role": "user", "content": "q"}
    assert log.counts == {
        **{"refused by the verifier": 2, "could not be judged": 2},
        **{"the same response to the same task": 1, "cut off by the limit on tokens": 1},
        **{"empty response": 1, "odd characters": 1},
    }
    assert (counts.tasks, counts.solved, counts.scorable, counts.passed) == (3, 2, 8, 6)
    assert counts.pass_rate == 0.75


def test_a_least_score_takes_the_place_of_correct() -> None:
    settings = RejectionSettings(min_score=0.2)
    rows, counts = keep_verified([candidate("a"), candidate("b", FAIL)], settings, DropLog())
    assert [row["verify_score"] for row in rows] == [1.0, 0.25]
    assert counts.passed == 2
    assert (
        keep_verified([candidate("b", FAIL)], RejectionSettings(min_score=0.3), DropLog())[0] == []
    )


@pytest.mark.parametrize(("pick", "expected"), [("first", ["aaa", "b"]), ("shortest", ["b", "cc"])])
def test_of_many_a_few_are_kept(pick: Any, expected: list[str]) -> None:
    group = [candidate(text) for text in ("aaa", "b", "cc", "dddd")]
    log = DropLog()
    rows, _ = keep_verified(group, RejectionSettings(2, pick), log)
    assert [row["response"] for row in rows] == expected
    assert log.counts == {"more than are kept of a task": 2}


def test_a_random_pick_depends_on_the_seed_and_the_task_alone() -> None:
    group = [candidate(str(n), task_id=task) for task in "tu" for n in range(20)]

    def pick(candidates: list[Candidate], seed: int) -> list[tuple[str, str]]:
        rows, _ = keep_verified(candidates, RejectionSettings(3, "random", seed=seed), DropLog())
        return [(row["task_id"], row["response"]) for row in rows]

    assert pick(group, 0)[3:] == pick(group[20:], 0)
    assert pick(group, 0) != pick(group, 1)


@pytest.mark.parametrize(
    ("spec", "bad", "good"),
    [
        ("repeated", ("a b c d e f g h i j k l m n o p q r s t " * 22), "a b c " * 6),
        ("repeated=1", "a b c d e f g h i j k l m n o p q r s t " * 2, "a b c d e f g h"),
        ("odd", "text\x00", "text\n\t文 é 😀"),
        ("odd=0.5", "\ue000\ue000a", "\ue000aa"),
        ("paragraph=10", "short\n\nlonger than ten", "short\n\nalso\n\nshort"),
        ("code", "```python\n1\n```", "`1`"),
        ("language=latin", "some words и много других слов", "just words 123"),
    ],
)
def test_faults_of_a_text(spec: str, bad: str, good: str) -> None:
    filters = make_filters([spec])
    assert find_text_fault(bad, filters)[0]
    assert find_text_fault(good, filters) == ("", "")


def test_unknown_filters_are_refused() -> None:
    for spec, message in [
        ("repeatd", "did you mean 'repeated'"),
        ("paragraph", "paragraph=NUMBER"),
        ("odd=x", "odd=NUMBER"),
        ("language", "language=SCRIPTS"),
        ("language=klingon", "script"),
    ]:
        with pytest.raises(UsageError, match=message):
            make_filters([spec])


def answers(texts: list[str]) -> Any:
    """Return agents of which the first plays the first text, and so on."""
    remaining = iter(texts)
    return lambda env, task: ScriptedAgent([next(remaining).format(task.reference)])


@pytest.mark.parametrize("workers", [0, 2])
def test_an_environment_judges_in_worker_processes_or_in_this_one(workers: int) -> None:
    kwargs = {"digits": 2}
    tasks = sample_tasks(make(ARITHMETIC, **kwargs), 3, seed=0)
    pool = VerifierPool(verifier_of(ARITHMETIC, kwargs), workers) if workers else None
    envs = make_envs(ARITHMETIC, kwargs, pool)
    found = list(play_candidates(envs, answers(["{}", "no", "{}"] * 3), None, tasks, 3, seed=0))
    envs.close()
    if pool is not None:
        pool.close()
    verdicts = [c.verdict for c in found]
    assert [v is not None and v.correct for v in verdicts] == [True, False, True] * 3
    assert [c.task_id for c in found] == [task.id for task in tasks for _ in range(3)]
    rows, counts = keep_verified(found, RejectionSettings(), DropLog())
    assert [row["response"] for row in rows] == [task.reference for task in tasks]
    assert [row["reference"] for row in rows] == [task.reference for task in tasks]
    assert counts.pass_rate == pytest.approx(2 / 3)


def test_the_earlier_turns_of_an_episode_are_part_of_the_prompt() -> None:
    env_id = "gym_reason/Steps-v0"
    env = make(env_id)
    tasks = sample_tasks(env, 2, seed=0)
    envs = make_envs(env_id, {}, None)
    found = play_candidates(
        envs, lambda env, task: ScriptedAgent(unwrap(env).demonstrate(task)), None, tasks, 1, 0
    )
    for task, each in zip(tasks, found, strict=True):
        actions = unwrap(env).demonstrate(task)
        assert len(actions) > 2
        assert each.prompt[: len(task.prompt)] == task.prompt
        said = [m.content for m in each.prompt if m.role == "assistant"]
        assert (*said, each.response) == actions
        assert each.verdict is not None
        assert each.verdict.correct


def judge(path: Path, log: DropLog, **columns: str) -> list[Candidate]:
    with VerifierPool("math", 1) as pool:
        return list(judge_file(path, columns, pool, log))


def test_a_file_is_judged_and_its_columns_go_along(tmp_path: Path) -> None:
    rows: list[Any] = [
        {"id": 1, "prompt": "1+1", "response": "\\boxed{2}", "reference": "2", "source": "a"},
        {"id": 1, "prompt": "1+1", "response": "3", "reference": 2},
        {"prompt": "2+2", "responses": ["4", "5", "four"], "reference": "4"},
        {"prompt": "2+2", "response": 4, "reference": "4"},
        {"prompt": "2+2", "reference": "4"},
        {"prompt": [3], "response": "4", "reference": "4"},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{\n")
    log = DropLog()
    found = judge(path, log)
    assert [c.verdict is not None and c.verdict.correct for c in found] == [
        *(True, False, True, False, False)
    ]
    assert found[0].task_id == found[1].task_id == "1"
    assert found[0].row["source"] == "a"
    assert len({c.task_id for c in found[2:]}) == 1
    assert [drop.where for drop in log.drops] == ["line 4", "line 5", "line 6", "line 7"]


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"q": "1+1", "out": "2", "gold": "2"}\n{"q": "1+1", "out": "2"}\n')
    log = DropLog()
    (found,) = judge(path, log, prompt="q", response="out", reference="gold")
    assert found.verdict is not None
    assert found.verdict.correct
    assert found.prompt == (Message("user", "1+1"),)
    assert log.drops[0].detail == "no column 'gold'"
