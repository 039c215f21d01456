"""The distillation stage as a whole: it resumes bit for bit, it learns, it refuses what it must."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch

from gym_reason.errors import ConfigError, ModelError, RunError, UsageError
from gym_reason.trainers.distillation import logits as logits_module
from gym_reason.trainers.distillation.data import FILE
from gym_reason.trainers.distillation.rows import Row, kept_data
from gym_reason.trainers.distillation.teachers import Comparison, ModelTeacher
from gym_reason.trainers.model.batch import TokenBatch
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.train import train
from gym_reason.types import Json
from tests.trainers.distillation.small_runs import VOCABULARY, rows_of, small, write_rows
from tests.trainers.test_train import assert_same

OBJECTIVES = {
    "text": (),
    "soft_targets": ("distill.top_k=3",),
    "gkd": ("distill.data.samples_per_task=2",),
    "gkd from the student alone": ("distill.objective=gkd", "distill.student_share=1.0"),
    "dckd": ("distill.data.samples_per_task=2",),
    "adpa": ("distill.top_k=4",),
    "uft": ("distill.data.source=environment",),
    "una": ("distill.scores.loss=bce",),
    "una on pairs": ("distill.objective=una", "distill.scores.loss=pairwise"),
}


def settings_of(name: str, teacher: Path) -> tuple[str, ...]:
    """Return the overrides of one of `OBJECTIVES`; a cold start is its own teacher's reference."""
    return (
        f"distill.objective={name}",
        f"teacher.path={teacher}",
        f"teacher.reference={teacher}/checkpoints/last",
        *OBJECTIVES[name],
    )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_run_resumes_bit_for_bit(name: str, teacher: Path, tmp_path: Path) -> None:
    recipe = small(*settings_of(name, teacher))
    whole = tmp_path / "whole"
    train(recipe, whole, SilentObserver())
    steps = sorted(path.name for path in (whole / "checkpoints").glob("step-*"))
    assert len(steps) == 7
    assert all(row["grad_norm"] > 0.0 for row in rows_of(whole))
    for step in (steps[2], steps[4]):  # the end of the cold start, and in the middle
        part = tmp_path / step
        shutil.copytree(whole, part, symlinks=True)
        for later in steps[steps.index(step) + 1 :]:
            shutil.rmtree(part / "checkpoints" / later)
        if step == steps[2]:
            (part / FILE).unlink()  # killed before the data were whole
        train(recipe, part, SilentObserver(), resume=True)
        assert_same(whole, part)


def test_data_that_went_away_end_the_run_in_one_line(teacher: Path, tmp_path: Path) -> None:
    train(small(f"teacher.path={teacher}", "distill.steps=2"), tmp_path, SilentObserver())
    (tmp_path / FILE).unlink()
    with pytest.raises(RunError, match="is not there; expected what the stage began with"):
        train(small(f"teacher.path={teacher}"), tmp_path, SilentObserver(), resume=True)


class Crash(Exception):
    """Stands for a process that died."""


class CrashingObserver(SilentObserver):
    """Dies at some step of some stage."""

    def __init__(self, stage: str, step: int) -> None:
        self._place = (stage, step)

    def on_step(self, row: Mapping[str, Json]) -> None:
        if (row["stage"], row["step"]) == self._place:
            raise Crash


def test_an_embedded_teacher_is_made_once_and_resumes_too(tmp_path: Path) -> None:
    recipe = small(
        *("teacher.size=0.1m", "teacher.steps=6", "teacher.rl_steps=2", "teacher.problems=50"),
        *("rl.tasks_per_step=2", "rl.samples_per_task=2", "rl.minibatch_rows=2"),
        *("rl.filter=keep_all", "rl.entropy.bonus=0.01", "rl.solved_at=0.0"),
        *("distill.objective=adpa", "distill.data.source=environment"),
    )
    train(recipe, tmp_path / "whole", SilentObserver())
    made = tmp_path / "whole/teacher"
    summary = json.loads((made / "summary.json").read_text("utf-8"))
    assert summary["steps"] == {"cold_start": 6, "rl": 2}
    assert (made / "checkpoints/step-000006/model/config.json").exists()
    for name, crash in (("early", ("cold_start", 5)), ("late", ("rl", 2))):
        observer = CrashingObserver(*crash)
        with pytest.raises(Crash):  # only the teacher's cold start has a fifth step
            train(recipe, tmp_path / name, observer)
        train(recipe, tmp_path / name, SilentObserver(), resume=True)
        assert_same(tmp_path / "whole", tmp_path / name)
        assert_same(made, tmp_path / name / "teacher")


def test_a_student_that_is_its_teacher_is_left_alone(teacher: Path, tmp_path: Path) -> None:
    recipe = small(
        *(f"model.path={teacher}", f"teacher.path={teacher}", "distill.steps=1"),
        *("distill.student_share=1.0", "cold_start.steps=0"),
    )
    train(recipe, tmp_path, SilentObserver())
    (row,) = rows_of(tmp_path)
    assert row["loss"] == pytest.approx(0.0, abs=1e-7)
    assert row["grad_norm"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("name", ["gkd", "dckd", "adpa", "uft", "una on pairs"])
def test_forward_passes_and_chunks_change_nothing(
    name: str, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overrides = (*settings_of(name, teacher), "distill.steps=1")
    train(small(*overrides), tmp_path / "whole", SilentObserver())
    train(small(*overrides, "distill.micro_batch_tokens=90"), tmp_path / "a", SilentObserver())
    monkeypatch.setattr(logits_module, "CHUNK_NUMBERS", 200)
    train(small(*overrides), tmp_path / "b", SilentObserver())
    (whole,), others = rows_of(tmp_path / "whole"), [rows_of(tmp_path / x)[0] for x in "ab"]
    for row in others:
        assert row["loss"] == pytest.approx(whole["loss"], rel=1e-5)
        assert row["grad_norm"] == pytest.approx(whole["grad_norm"], rel=1e-4)


def test_all_tokens_of_the_teacher_are_the_dense_loss(teacher: Path, tmp_path: Path) -> None:
    rows = []
    for top_k in (0, VOCABULARY, 3):
        folder = tmp_path / str(top_k)
        chosen = (f"teacher.path={teacher}", f"distill.top_k={top_k}", "distill.steps=1")
        train(small(*chosen), folder, SilentObserver())
        rows += rows_of(folder)
    dense, all_tokens, three = rows
    assert all_tokens["loss"] == pytest.approx(dense["loss"], rel=1e-6)
    assert all_tokens["grad_norm"] == pytest.approx(dense["grad_norm"], rel=1e-5)
    assert three["loss"] < dense["loss"] * 0.999


def test_only_what_the_verifier_passes_is_imitated(teacher: Path, tmp_path: Path) -> None:
    messages: list[str] = []

    class Listener(SilentObserver):
        def on_message(self, text: str) -> None:
            messages.append(text)

    hot = ("distill.data.temperature=3.0", "distill.steps=1")  # then the teacher errs
    recipe = small("distill.objective=text", f"teacher.path={teacher}", *hot)
    train(recipe, tmp_path, Listener())
    data = kept_data(tmp_path / FILE)
    assert 0 < len(data) < 40
    assert all(row.score == 1.0 for row in data.rows)
    (said,) = [text for text in messages if text.startswith("distillation:")]
    assert "for the verifier refuses it" in said


def test_a_teacher_of_another_tokenizer_is_heard_but_not_compared_with(
    teacher: Path, tmp_path: Path
) -> None:
    other = ('model.alphabet="m=9876543210"', f"teacher.path={teacher}", "distill.steps=1")
    with pytest.raises(ModelError, match="otherwise or not at all; expected a teacher") as error:
        train(small(*other), tmp_path / "gkd", SilentObserver())
    assert "\n" not in str(error.value)
    train(small(*other, "distill.objective=text"), tmp_path / "text", SilentObserver())
    assert len(kept_data(tmp_path / "text" / FILE)) > 0


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("teacher.path=nowhere",), "no folder nowhere"),
        (
            ("distill.objective=adpa", "teacher.path={teacher}"),
            "the teacher of adpa has no reference",
        ),
        (("teacher.cache=x",), "without distill.data.path"),
        (("teacher.cache=x", "distill.objective=adpa"), "expected models"),
        (("teacher.cache=x", "distill.data.path=y"), "with distill.student_share = 0.5"),
        (("model.path={teacher}",), "with an empty teacher.path"),
    ],
)
def test_what_a_teacher_cannot_give_is_refused_in_one_line(
    overrides: tuple[str, ...], message: str, teacher: Path, tmp_path: Path
) -> None:
    recipe = small(*(word.format(teacher=teacher) for word in overrides), "cold_start.steps=0")
    with pytest.raises((ConfigError, ModelError), match=message) as error:
        train(recipe, tmp_path / "run", SilentObserver())
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "name", ["gkd", "soft-targets", "distill-text", "dckd", "adpa", "uft", "una"]
)
def test_every_recipe_runs_as_it_is_but_for_its_size(name: str, tmp_path: Path) -> None:
    sizes = ("model.size=0.1m", "teacher.size=0.1m", "evaluation.problems=8")
    steps = ("cold_start.steps=2", "distill.steps=2", "teacher.steps=2", "model.threads=1")
    recipe = load_recipe(name, ["smoke=true", *sizes, *steps])
    summary = train(recipe, tmp_path, SilentObserver())
    assert summary.steps == {"cold_start": 2, "distill": 2}
    assert recipe.paper
    assert recipe.grade not in ("", "U")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("distill.objective=gdk", "no value of distill.objective 'gdk'"),
        ("distill.divergence.name=kl", "there is no divergence 'kl'"),
        ("distill.alpha=2.0", "expected 0 to 1"),
        ("distill.scores.loss=huber", "there is no loss of scores 'huber'"),
        ("distill.data.tasks=0", "expected 1 or more"),
        ("teacher.size=9m", "value of size"),
    ],
)
def test_bad_settings_are_one_clear_line(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as error:
        small(override)
    assert "\n" not in str(error.value)


FILE_ROWS: list[dict[str, object]] = [
    {"prompt": f"m{digits}=", "response": f"<think></think>{max(digits)}", "score": score}
    for digits, score in (("112", 1.0), ("345", 0.0), ("677", 1.0))
]


def test_a_file_of_rows_is_imitated_without_what_was_refused(tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows.jsonl", [*FILE_ROWS, {"prompt": "m111="}])
    recipe = small("distill.objective=text", f"distill.data.path={file}", "distill.steps=1")
    train(recipe, tmp_path / "run", SilentObserver())
    data = kept_data(tmp_path / "run" / FILE)
    assert [row.score for row in data.rows] == [1.0, 1.0]
    assert data.from_file


def test_a_file_gives_the_prompts_that_the_student_answers(teacher: Path, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "rows.jsonl", FILE_ROWS)
    recipe = small(
        f"distill.data.path={file}", f"teacher.path={teacher}", "distill.student_share=1.0"
    )
    train(recipe, tmp_path / "run", SilentObserver())
    assert all(row["fresh"] for row in rows_of(tmp_path / "run"))


def test_scores_out_of_range_and_pairs_without_a_difference_are_refused(tmp_path: Path) -> None:
    scored = write_rows(tmp_path / "scored.jsonl", [{**FILE_ROWS[0], "score": 7}])
    with pytest.raises(Exception, match=r"has the score 7; expected a number from 0 to 1"):
        train(
            small("distill.objective=una", f"distill.data.path={scored}"),
            tmp_path / "a",
            SilentObserver(),
        )
    pairs = [{"prompt": "m112=", "chosen": "2", "rejected": answer} for answer in ("2", " ")]
    file = write_rows(tmp_path / "pairs.jsonl", pairs)
    una = ("distill.objective=una", "distill.scores.loss=pairwise", f"distill.data.path={file}")
    with pytest.raises(
        RunError, match="nothing to distil from; expected at least one of the pairs"
    ):
        train(small(*una), tmp_path / "b", SilentObserver())


LEARNS = (
    *("distill.steps=90", "distill.batch_rows=64", "distill.data.tasks=500"),
    *("cold_start.steps=3", "evaluation.problems=64"),
    *("checkpoint.every_steps=1000", "distill.optimiser.lr=4e-3"),
)


@pytest.mark.parametrize("objective", ["gkd", "soft_targets"])
def test_it_learns(objective: str, teacher: Path, tmp_path: Path) -> None:
    recipe = small(*LEARNS, f"distill.objective={objective}", f"teacher.path={teacher}")
    summary = train(recipe, tmp_path, SilentObserver())
    assert summary.accuracy_cold_start is not None
    # Always saying 9 is right on 27% of the problems.
    assert summary.accuracy_cold_start < 0.35
    assert summary.accuracy_after > 0.65


@pytest.mark.slow
def test_from_a_teacher_that_speaks_of_other_tokens_nothing_is_learned(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ModelTeacher.at

    def shuffled(
        self: ModelTeacher, rows: Sequence[Row], batch: TokenBatch, index_M: torch.Tensor
    ) -> Comparison:
        found = at(self, rows, batch, index_M)
        order = torch.randperm(len(index_M), generator=torch.Generator().manual_seed(0))
        return Comparison(tuple(tensor[order] for tensor in found.tensors), found.compare)

    monkeypatch.setattr(ModelTeacher, "at", shuffled)
    summary = train(small(*LEARNS, f"teacher.path={teacher}"), tmp_path, SilentObserver())
    assert summary.accuracy_after < 0.35
