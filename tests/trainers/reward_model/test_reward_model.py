"""Reward models as a stage: what they learn, that the policy stays, and that their folder works."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from gym_reason import make
from gym_reason.agents.reward_models import ProcessRewardModelVerifier, RewardModelVerifier
from gym_reason.agents.reward_models.rows import RowEncoder
from gym_reason.cli import main
from gym_reason.envs.base import sample_tasks
from gym_reason.errors import ConfigError, DataError, ModelError, RunError, UnknownNameError
from gym_reason.records import read_jsonl
from gym_reason.trainers.model.learner import Learner, build_learner
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe, load_recipe
from gym_reason.trainers.reward_model.rows import TextExample
from gym_reason.trainers.reward_model.scorer import (
    build_scorer,
    encode_answers,
    encode_steps,
    plan_examples,
    score,
)
from gym_reason.trainers.train import train
from gym_reason.types import Message, Task

SMALL = [
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "checkpoint.keep=100"),
    *("evaluation.problems=4", "sampling.max_tokens=8", "cold_start.steps=0", "rl.steps=0"),
    *("reward_model.steps=4", "reward_model.batch_rows=8", "reward_model.problems=12"),
    *("reward_model.samples_per_problem=2", "reward_model.evaluate_every=2"),
]
PROMPT = (Message("user", "12+1="),)
SOLUTION = ("<think>2+1+0=3,1+0+0=1</think>13", "<think>2+1+0=4</think>14", "13")


def small(*overrides: str, target: str = "reward-model") -> Recipe:
    """Return a recipe that runs in a second or two."""
    return load_recipe(target, [*SMALL, *overrides])


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    """Write rows as JSON lines and return the override that names them."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return f"reward_model.path={path}"


def metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the metrics of a run without what a clock decides."""
    rows = [row for _, row in read_jsonl(folder / "metrics.jsonl")]
    return [{key: row[key] for key in row if key != "seconds"} for row in rows]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a model's folder."""
    return safetensors.torch.load_file(folder / "model.safetensors")


def random_learner(head: str, labels: int = 1) -> tuple[Learner, Any]:
    """Return a policy, and a scorer of it whose head says something."""
    learner = build_learner(small().model, 0, None)
    scorer: Any = build_scorer(learner, head, labels)  # type: ignore[arg-type]
    with torch.no_grad():
        scorer.score.weight.normal_(generator=torch.Generator().manual_seed(1))
    return learner, scorer


def file_rows(loss: str) -> list[dict[str, Any]]:
    """Return twelve rows of the kind that a loss reads."""
    kinds: dict[str, dict[str, Any]] = {
        "bradley_terry": {"chosen": "13", "rejected": "14"},
        "ranked": {"responses": ["13", "14", "1"], "scores": [2, 1, 0]},
        "regression": {"response": "13", "score": 0.5},
        "outcome": {"response": "13", "label": 1},
        "classification": {"response": "13", "label": [0.2, 0.8]},
        "process": {"steps": ["2+1+0=3,", "13"], "labels": [1, 0]},
    }
    return [{"prompt": f"{number}+1=", **kinds[loss]} for number in range(12, 24)]


@pytest.mark.parametrize(
    "loss", ["bradley_terry", "ranked", "regression", "outcome", "classification", "process"]
)
def test_every_loss_trains_a_folder_that_its_verifier_loads(tmp_path: Path, loss: str) -> None:
    data = write(tmp_path / "rows.jsonl", file_rows(loss))
    recipe = small(
        data, f"reward_model.loss={loss}", "reward_model.steps=2", "reward_model.separator=<eos>"
    )
    train(recipe, tmp_path / "run", SilentObserver())
    rows = metrics(tmp_path / "run")
    assert [row["step"] for row in rows] == [1, 2]
    assert "held_out_loss" not in rows[0]
    assert rows[1]["held_out_loss"] > 0.0
    assert rows[1]["loss"] < rows[0]["loss"]
    folder = tmp_path / "run/reward_model"
    task = Task("t", PROMPT, "13")
    if loss == "process":
        verifier = ProcessRewardModelVerifier(folder, boundary="clauses", separator="<eos>")
        assert len(verifier.score_many([(task, SOLUTION[0])])[0].values) == 3
    else:
        centred = RewardModelVerifier(folder, "centred", device="cpu")
        score_of = centred.score_many([(task, "13")])[0].value
        assert centred.verify(task, "13").reward == pytest.approx(score_of - centred.center)


def test_training_reads_what_the_verifier_reads() -> None:
    learner, scorer = random_learner("sequence")
    encoder = RowEncoder(learner.tokenizer, 1 << 20)
    targets = ((0.0,),) * 3
    example = encode_answers(TextExample(PROMPT, SOLUTION, targets), encoder)
    single = [encode_answers(TextExample(PROMPT, (text,), ((0.0,),)), encoder) for text in SOLUTION]
    together = score(scorer, "sequence", [example]).scores_R
    alone = torch.cat([score(scorer, "sequence", [one]).scores_R for one in single])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    assert len(set(together.tolist())) == 3


@pytest.mark.parametrize("head", ["sequence", "token"])
def test_the_folder_scores_as_the_scorer_does(tmp_path: Path, head: str) -> None:
    from gym_reason.trainers.reward_model.scorer import write_scorer

    learner, scorer = random_learner(head)
    write_scorer(scorer, learner, tmp_path / "rm", 0.5)
    write_scorer(scorer, learner, tmp_path / "rm", 0.25)
    assert [path.name for path in tmp_path.iterdir()] == ["rm"]
    encoder, task = RowEncoder(learner.tokenizer, 1 << 20), Task("t", PROMPT, "13")
    if head == "sequence":
        example = encode_answers(TextExample(PROMPT, SOLUTION, ((0.0,),) * 3), encoder)
        expected = score(scorer, "sequence", [example]).scores_R.tolist()
        verifier = RewardModelVerifier(tmp_path / "rm", device="cpu")
        found = [one.value for one in verifier.score_many([(task, text) for text in SOLUTION])]
        assert RewardModelVerifier(tmp_path / "rm", "centred", device="cpu").center == 0.25
    else:
        pieces = ("2+1+0=3,", "1+0+0=1", "13")
        steps = TextExample(PROMPT, pieces, ((0.0,), None, (0.0,)))
        example = encode_steps(steps, encoder, "<eos>")
        logits = score(scorer, "token", [example]).scores_R
        expected = torch.sigmoid(logits).tolist()
        process = ProcessRewardModelVerifier(
            tmp_path / "rm", boundary="clauses", separator="<eos>", device="cpu"
        )
        first, _, last = process.score_many([(task, SOLUTION[0])])[0].values
        found = [first, last]
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_process_model_of_one_step_is_an_outcome_model() -> None:
    """With the end of sequence as its separator it reads the same tokens, and scores the same."""
    learner, whole = random_learner("sequence")
    _, steps = random_learner("token")
    encoder = RowEncoder(learner.tokenizer, 1 << 20)
    text = TextExample(PROMPT, ("13",), ((1.0,),))
    by_answer, by_step = encode_answers(text, encoder), encode_steps(text, encoder, "<eos>")
    assert by_answer == by_step
    torch.testing.assert_close(
        score(whole, "sequence", [by_answer]).scores_R, score(steps, "token", [by_step]).scores_R
    )


def test_a_new_scorer_says_zero_and_draws_nothing_from_the_global_generator() -> None:
    learner = build_learner(small().model, 0, None)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    scorer = build_scorer(learner, "sequence", 2)
    assert torch.equal(torch.get_rng_state(), before)
    example = encode_answers(
        TextExample(PROMPT, ("13",), ((1.0, 0.0),)), RowEncoder(learner.tokenizer, 100)
    )
    assert score(scorer, "sequence", [example]).logits_RC.tolist() == [[0.0, 0.0]]
    shared = {weight.data_ptr() for weight in learner.model.parameters()}
    assert not shared & {weight.data_ptr() for weight in scorer.parameters()}


def test_a_separator_without_a_token_is_refused() -> None:
    learner = build_learner(small().model, 0, None)
    encoder = RowEncoder(learner.tokenizer, 100)
    with pytest.raises(ModelError, match=r"set reward_model\.separator"):
        encode_steps(TextExample(PROMPT, ("13",), ((1.0,),)), encoder, "\n")


def test_the_policy_stays_and_a_resumed_run_ends_in_the_same_bits(tmp_path: Path) -> None:
    recipe = small("reward_model.demonstrated=true", "cold_start.steps=1")
    whole = tmp_path / "whole"
    train(recipe, whole, SilentObserver())
    policies = [weights(whole / f"checkpoints/step-{n:06d}/model") for n in (1, 5)]
    assert all(torch.equal(policies[0][name], policies[1][name]) for name in policies[0])
    assert len(list(read_jsonl(whole / "reward_model.jsonl"))) == 12
    for step in (1, 3):
        part = tmp_path / f"from-{step}"
        shutil.copytree(whole, part, symlinks=True)
        shutil.rmtree(part / "reward_model")
        for later in range(step + 1, 6):
            shutil.rmtree(part / f"checkpoints/step-{later:06d}")
        if step == 1:  # the data are sampled again, from the same weights
            (part / "reward_model.jsonl").unlink()
        train(recipe, part, SilentObserver(), resume=True)
        assert metrics(whole) == metrics(part)
        expected, found = weights(whole / "reward_model"), weights(part / "reward_model")
        assert all(torch.equal(expected[name], found[name]) for name in expected)
        centers = [
            json.loads((run / "reward_model/config.json").read_text())["reward_center"]
            for run in (whole, part)
        ]
        assert centers[0] == centers[1]


def test_the_split_into_passes_changes_nothing(tmp_path: Path) -> None:
    data = write(tmp_path / "rows.jsonl", file_rows("ranked"))
    ends = []
    for limit in (16, 4096):
        run = tmp_path / str(limit)
        recipe = small(data, "reward_model.loss=ranked", f"reward_model.micro_batch_tokens={limit}")
        train(recipe, run, SilentObserver())
        ends.append((metrics(run), weights(run / "reward_model")))
    for row, other in zip(ends[0][0], ends[1][0], strict=True):
        assert row["loss"] == pytest.approx(other["loss"], abs=1e-5)
    for name in ends[0][1]:
        torch.testing.assert_close(ends[0][1][name], ends[1][1][name], atol=1e-5, rtol=1e-3)


def test_passes_hold_whole_examples_within_the_limit() -> None:
    learner = build_learner(small().model, 0, None)
    encoder = RowEncoder(learner.tokenizer, 100)
    examples = [
        encode_answers(TextExample(PROMPT, ("1" * n, "2" * n), ((1.0,), (0.0,))), encoder)
        for n in (3, 9, 5, 7)
    ]
    plan = plan_examples(examples, 2 * 2 * 16)
    assert sorted(index for part in plan for index in part) == [0, 1, 2, 3]
    assert all(2 * len(p) * max(examples[i].width for i in p) <= 64 for p in plan if len(p) > 1)
    assert len(plan_examples(examples, 1)) == 4


def digits_rows(shuffled: bool) -> list[dict[str, Any]]:
    """Return pairs about the larger of two digits; with `shuffled`, either may be preferred."""
    env = make("gym_reason/Digits-v0", operation="max", count=2)
    tasks = sample_tasks(env, 80, 0)
    env.close()
    rng = np.random.default_rng(0)
    rows = []
    for task in tasks:
        digits = str(task.meta["digits"])
        if digits[0] == digits[1]:
            continue
        chosen, rejected = sorted(digits, reverse=True)
        if shuffled and rng.random() < 0.5:
            chosen, rejected = rejected, chosen
        rows.append({"prompt": f"m{digits}=", "chosen": chosen, "rejected": rejected})
    return rows


def test_it_learns_and_from_shuffled_labels_it_does_not(tmp_path: Path) -> None:
    accuracy = []
    for shuffled in (False, True):
        name = "shuffled" if shuffled else "right"
        data = write(tmp_path / f"{name}.jsonl", digits_rows(shuffled))
        recipe = small(
            *(data, "model.alphabet=0123456789m=", "reward_model.steps=60"),
            *("reward_model.batch_rows=32", "reward_model.optimiser.lr=2e-3"),
            *("checkpoint.every_steps=1000", "reward_model.held_out_share=0.4"),
            *("env.id=gym_reason/Digits-v0", "env.kwargs={operation='max', count=2}"),
        )
        train(recipe, tmp_path / name, SilentObserver())
        accuracy.append(metrics(tmp_path / name)[-1]["held_out_accuracy"])
    assert accuracy[0] > 0.85
    assert accuracy[1] < 0.7


def test_the_command_verifies_with_the_trained_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write(tmp_path / "rows.jsonl", file_rows("bradley_terry"))
    train(small(data), tmp_path / "run", SilentObserver())
    answers = write(tmp_path / "answers.jsonl", [{"prompt": "12+1=", "submission": "13"}])
    name = f"reward_model:{tmp_path}/run/reward_model,reward=sigmoid,center=stored"
    file = answers.removeprefix("reward_model.path=")
    assert main(["verify", name, file, "--workers", "1", "--timeout", "120"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert 0.0 < verdict["reward"] < 1.0
    assert verdict["parts"]["score"] > 0.0


def test_what_cannot_be_trained_on_is_refused_in_one_line(tmp_path: Path) -> None:
    good = file_rows("bradley_terry")
    cases = [
        ([*good, {"prompt": "1", "chosen": "2", "rejected": "2"}], "line 13 of .*are the same"),
        ([], "has no row to train on"),
    ]
    for number, (rows, message) in enumerate(cases):
        data = write(tmp_path / f"{number}.jsonl", rows)
        with pytest.raises(DataError, match=message):
            train(small(data), tmp_path / f"run-{number}", SilentObserver())
    with pytest.raises(RunError, match="has answers to tell apart"):
        train(small("reward_model.demonstrated=false"), tmp_path / "none", SilentObserver())
    with pytest.raises(ConfigError, match="has several turns"):
        train(
            small("env.id=gym_reason/Steps-v0", "env.kwargs={digits=2}"),
            tmp_path / "turns",
            SilentObserver(),
        )
    with pytest.raises(UnknownNameError, match="did you mean 'ranked'"):
        small("reward_model.loss=rank")


def test_long_rows_are_dropped_and_counted(tmp_path: Path) -> None:
    said: list[str] = []

    class Listener(SilentObserver):
        def on_message(self, text: str) -> None:
            said.append(text)

    rows = [*file_rows("bradley_terry"), {"prompt": "1", "chosen": "2" * 99, "rejected": "1"}]
    data = write(tmp_path / "rows.jsonl", rows)
    train(small(data, "reward_model.max_tokens=50"), tmp_path / "run", Listener())
    assert any("dropped 1 rows over 50 tokens" in line for line in said)
