"""Supervised fine-tuning as a stage: sources, packing, resuming, and that it learns."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import safetensors.torch
import torch

from gym_reason import make
from gym_reason.envs.base import sample_tasks
from gym_reason.errors import ConfigError, DataError, UnknownNameError
from gym_reason.records import read_jsonl
from gym_reason.trainers.model.learner import build_learner
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe, load_recipe
from gym_reason.trainers.session import Session
from gym_reason.trainers.supervised.packing import Row
from gym_reason.trainers.supervised.stage import add_gradient
from gym_reason.trainers.train import train

SMALL = [
    *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "checkpoint.keep=100"),
    *("evaluation.problems=4", "sampling.max_tokens=4", "cold_start.steps=0", "rl.steps=0"),
    *("sft.steps=4", "sft.batch_rows=8", "sft.max_tokens=96"),
]
SECONDS = {"seconds", "tokens_per_s"}


class Listener(SilentObserver):
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def on_message(self, text: str) -> None:
        self.said.append(text)


def small(*overrides: str, target: str = "sft") -> Recipe:
    """Return a recipe that runs in a second or two."""
    problems = ["sft.sources=[{problems=12}]"]
    return load_recipe(target, [*SMALL, *problems, *overrides])


def end_of(folder: Path) -> tuple[dict[str, torch.Tensor], list[dict[str, object]]]:
    """Return a run's last weights, and its metrics without what a clock decides."""
    weights = safetensors.torch.load_file(folder / "checkpoints/last/model/model.safetensors")
    rows = [row for _, row in read_jsonl(folder / "metrics.jsonl")]
    return weights, [{key: row[key] for key in row if key not in SECONDS} for row in rows]


def resumed(recipe: Recipe, whole: Path, step: int) -> Path:
    """Run a copy of a run to its end, from what it was at a step."""
    part = whole.with_name(f"{whole.name}-from-{step}")
    shutil.copytree(whole, part, symlinks=True)
    for checkpoint in (part / "checkpoints").glob("step-*"):
        if int(checkpoint.name.removeprefix("step-")) > step:
            shutil.rmtree(checkpoint)
    train(recipe, part, SilentObserver(), resume=True)
    return part


@pytest.mark.parametrize("packing", ["false", "true"])
def test_a_run_resumes_bit_for_bit(tmp_path: Path, packing: str) -> None:
    sources = "sft.sources=[{problems=9}, {problems=5, kwargs={digits=2}, think_share=0.5}]"
    recipe = small(f"sft.packing={packing}", sources)
    listener = Listener()
    train(recipe, tmp_path / "run", listener)
    assert sum("of the demonstrations come from" in line for line in listener.said) == 2
    expected, rows = end_of(tmp_path / "run")
    found, again = end_of(resumed(recipe, tmp_path / "run", 2))
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert rows == again
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert all(row["stage"] == "sft" for row in rows)


def test_packing_changes_the_work_and_not_the_result(tmp_path: Path) -> None:
    for name in ("true", "false"):
        train(small(f"sft.packing={name}"), tmp_path / name, SilentObserver())
    (packed, rows), (lone, others) = end_of(tmp_path / "true"), end_of(tmp_path / "false")
    for name in packed:
        torch.testing.assert_close(packed[name], lone[name], atol=1e-5, rtol=1e-3)
    for row, other in zip(rows, others, strict=True):
        assert row["loss"] == pytest.approx(other["loss"], abs=1e-5)


@pytest.mark.parametrize("packing", ["false", "true"])
def test_the_split_into_passes_changes_neither_loss_nor_gradient(packing: str) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for length in (5, 19, 8, 13, 30):
        learned = rng.random(length) < 0.5
        learned[0], learned[-1] = False, True
        rows.append(Row(rng.integers(6, 18, length).astype(np.int32), learned))
    found = []
    for limit in (8, 60, 10_000):
        recipe = small(
            f"sft.packing={packing}", f"sft.micro_batch_tokens={limit}", "sft.max_tokens=40"
        )
        learner = build_learner(recipe.model, 0, None)
        session = cast(Session, SimpleNamespace(recipe=recipe, learner=learner))
        loss = add_gradient(session, rows)
        gradients = [w.grad.flatten() for w in learner.model.parameters() if w.grad is not None]
        found.append((loss, torch.cat(gradients)))
    for loss, gradient in found[1:]:
        assert loss == pytest.approx(found[0][0], abs=1e-6)
        torch.testing.assert_close(gradient, found[0][1], atol=1e-6, rtol=1e-5)


def write(path: Path, rows: list[Any]) -> Path:
    """Write rows as JSON lines and return the path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_rows_that_cannot_be_learned_are_dropped_and_counted(tmp_path: Path) -> None:
    good = [{"prompt": f"{n}+1=", "response": str(n + 1)} for n in range(10)]
    bad = [{"prompt": "1+1=", "response": "2" * 200}] * 3 + [{"prompt": "?", "response": "2"}]
    path = write(tmp_path / "rows.jsonl", good + bad)
    listener = Listener()
    source = f"sft.sources=[{{path={str(path)!r}}}]"
    train(small(source, "sft.steps=1", "sft.train_on=all"), tmp_path / "run", listener)
    assert any(
        "dropped 3 over 96 tokens and 1 with characters that the tokenizer lacks, of 14" in line
        for line in listener.said
    )
    write(path, bad)
    with pytest.raises(DataError, match="has no row to learn: 3 over 96 tokens and 1 with"):
        train(small(source), tmp_path / "none", SilentObserver())


def test_all_tokens_may_be_learned(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", [{"prompt": "12+1=", "response": "13"}])
    source = f"sft.sources=[{{path={str(path)!r}}}]"
    tokens = []
    for train_on in ("completion", "all"):
        recipe = small(source, "sft.steps=1", f"sft.train_on={train_on}", "sft.batch_rows=1")
        tokens.append(train(recipe, tmp_path / train_on, SilentObserver()).tokens)
    assert tokens == [3, 8]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("sft.sources=[]", "expected one source or more"),
        ("sft.sources=[{path='a', env='gym_reason/Digits-v0'}]", "expected one or the other"),
        ("sft.sources=[{weight=0.0}]", "expected more than 0"),
        ("sft.sources=[{kwargs={split='test'}}]", "expected it in split"),
        ("sft.sources=[{paths='a'}]", "did you mean 'path'"),
        ("sft.temperature=0.5", "expected 1 or more"),
        ("sft.sources=[{split='test'}]", "holds the problems of evaluation.split"),
        ("sft.sources=[{split='all'}]", "holds the problems of evaluation.split"),
    ],
)
def test_bad_settings_are_one_clear_line(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        small(override)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_environment_is_refused_with_the_recipe() -> None:
    with pytest.raises(UnknownNameError, match="no environment 'gym_reason/Digit-v0'"):
        small("sft.sources=[{env='gym_reason/Digit-v0'}]")


def test_it_learns_and_from_shuffled_answers_it_does_not(tmp_path: Path) -> None:
    env = make("gym_reason/Digits-v0", operation="max", count=2)
    tasks = sample_tasks(env, 80, 0)
    env.close()
    answers = [task.reference for task in tasks]
    shuffled = np.random.default_rng(0).permutation(answers).tolist()
    accuracy = []
    for name, responses in (("right", answers), ("shuffled", shuffled)):
        rows = [
            {"prompt": task.prompt[0].content, "response": response}
            for task, response in zip(tasks, responses, strict=True)
        ]
        path = write(tmp_path / f"{name}.jsonl", rows)
        recipe = small(
            *("env.id=gym_reason/Digits-v0", "env.kwargs={operation='max', count=2}"),
            *("model.alphabet=0123456789m=", "evaluation.problems=64", "sft.steps=120"),
            *("sft.batch_rows=32", "sft.optimiser.lr=3e-3", "checkpoint.every_steps=1000"),
            f"sft.sources=[{{path={str(path)!r}}}]",
            target="demo",
        )
        accuracy.append(train(recipe, tmp_path / name, SilentObserver()).accuracy_after)
    assert accuracy[0] > 0.7
    assert accuracy[1] < 0.45
