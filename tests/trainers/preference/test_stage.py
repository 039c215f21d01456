"""Whole runs of preference training: they go on bit for bit, and reduce to one another."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from gym_reason.errors import ConfigError, DataError, RunError
from gym_reason.records import read_jsonl
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.model.learner import build_learner
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.preference.examples import Dataset, make_dataset, read_dataset
from gym_reason.trainers.preference.records import read_records
from gym_reason.trainers.preference.settings import PreferenceSettings
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.train import train
from tests.trainers.preference.small_runs import rows_of, run, same_weights, small

CPU = torch.device("cpu")


def kept_data(path: Path) -> Dataset:
    """Return the records that a run kept."""
    dataset = read_dataset(path, CPU)
    assert dataset is not None
    return dataset


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("iterative-rpo", ["preference.rounds=2", "preference.tasks_per_round=4"]),
        ("tdpo2", ["preference.rounds=2", "checkpoint.every_steps=3"]),
        ("sdpo", ["preference.tasks_per_round=4"]),
        ("cringe", ["preference.numbers.contrast_candidates=3"]),
        ("nn", []),
    ],
)
def test_a_run_goes_on_bit_for_bit_from_every_checkpoint(
    name: str, overrides: list[str], tmp_path: Path
) -> None:
    whole, recipe = tmp_path / "whole", small(name, *overrides)
    train(recipe, whole, SilentObserver())
    steps = sorted(path.name for path in (whole / "checkpoints").glob("step-*"))
    assert len(steps) >= 3
    for step in steps[:-1]:
        part = tmp_path / step
        shutil.copytree(whole, part, symlinks=True)
        for later in steps[steps.index(step) + 1 :]:
            shutil.rmtree(part / "checkpoints" / later)
        train(recipe, part, SilentObserver(), resume=True)
        assert same_weights(whole, part), step
        assert rows_of(whole) == rows_of(part), step


def test_one_round_of_anything_is_dpo(tmp_path: Path) -> None:
    run(tmp_path / "dpo", "dpo")
    one = ("preference.rounds=1", "preference.tasks_per_round=8")
    for name, overrides in (
        ("iterative-dpo", one),
        ("sdpo", one),
        ("iterative-rpo", (*one, "preference.numbers.sft_weight=0.0")),
        ("token-dpo", one),
        ("r-dpo", ("preference.numbers.length_weight=0.0",)),
    ):
        run(tmp_path / name, name, *overrides)
        if name == "token-dpo":  # adds up in another order
            losses = [[row["loss"] for row in rows_of(tmp_path / n)] for n in ("dpo", name)]
            assert losses[1] == pytest.approx(losses[0], abs=1e-6)
        else:
            assert same_weights(tmp_path / "dpo", tmp_path / name), name
    run(tmp_path / "rpo", "iterative-rpo", *one)
    assert not same_weights(tmp_path / "dpo", tmp_path / "rpo")


def test_a_step_that_is_the_whole_answer_makes_step_dpo_dpo(tmp_path: Path) -> None:
    pairs = [(f"s{n}=", f"{n}12", f"{n}21") for n in range(1, 7)]
    whole, steps = tmp_path / "pairs.jsonl", tmp_path / "steps.jsonl"
    whole.write_text(
        "".join(json.dumps({"prompt": p, "chosen": c, "rejected": r}) + "\n" for p, c, r in pairs)
    )
    steps.write_text(
        "".join(
            json.dumps(
                {"prompt": p, "prefix": "", "chosen_step": c, "rejected_step": r, "last": True}
            )
            + "\n"
            for p, c, r in pairs
        )
    )
    run(tmp_path / "dpo", "dpo", f"preference.path={whole}")
    run(tmp_path / "step-dpo", "step-dpo", f"preference.path={steps}")
    assert same_weights(tmp_path / "dpo", tmp_path / "step-dpo")


def test_the_first_step_of_a_round_is_at_the_reference(tmp_path: Path) -> None:
    run(tmp_path / "run", "iterative-dpo", "preference.rounds=2")
    rows = rows_of(tmp_path / "run")
    assert [row["round"] for row in rows] == [1, 1, 2, 2]
    at_reference = pytest.approx(0.6931472, abs=1e-5)
    assert rows[0]["loss"] == at_reference
    assert rows[2]["loss"] == at_reference
    assert rows[1]["loss"] != at_reference
    assert [("records" in row) for row in rows] == [True, False, True, False]
    first, second = ((tmp_path / f"run/preference/round-00{n}.jsonl").read_text() for n in (1, 2))
    assert first != second


def test_the_records_of_a_round_can_be_read_again(tmp_path: Path) -> None:
    recipe = small("dpo")
    train(recipe, tmp_path / "run", SilentObserver())
    folder = tmp_path / "run/preference"
    learner = build_learner(recipe.model, recipe.seed, None)
    log = DropLog()
    examples = read_records(folder / "round-001.jsonl", "pair", learner, log)
    kept = kept_data(folder / "round-001.pt")
    assert not log.drops
    assert len(examples) == len(kept)
    again = make_dataset(examples, learner.pad_id, CPU)
    assert again.counts == kept.counts
    # Sampled special tokens are text in a record, and come back as the tokens that they are.
    whole = [row for row, length in enumerate(kept.batch.lengths) if length < 6 + 8]
    for row in whole:
        length = kept.batch.lengths[row]
        assert again.batch.ids_NL[row, :length].tolist() == kept.batch.ids_NL[row, :length].tolist()
    assert whole


def test_chunks_share_the_records_out(tmp_path: Path) -> None:
    run(tmp_path / "run", "sdpo", "preference.rounds=2", "preference.tasks_per_round=6")
    folder = tmp_path / "run/preference"
    pool = kept_data(folder / "pool.pt")
    parts = [kept_data(folder / f"round-00{n}.pt") for n in (1, 2)]
    assert len(pool) == sum(map(len, parts))
    streams = sorted(map(tuple, pool.batch.ids_NL.tolist()))
    width = pool.batch.ids_NL.shape[1]
    shared = [
        (*row, *[0] * (width - len(row))) for part in parts for row in part.batch.ids_NL.tolist()
    ]
    assert sorted(shared) == streams
    assert torch.equal(
        pool.scores_N.sort().values, torch.cat([p.scores_N for p in parts]).sort().values
    )


@pytest.mark.parametrize("name", ["dpo", "tdpo2", "cringe", "lipo", "nn", "npo"])
def test_the_split_into_forward_passes_changes_nothing(name: str, tmp_path: Path) -> None:
    losses = []
    for limit in (1, 16384):
        folder = tmp_path / str(limit)
        # A rate of 0 leaves the gradient's norm as what the split could change.
        run(
            folder,
            name,
            *(f"preference.micro_batch_tokens={limit}", "preference.steps=2"),
            *("preference.optimiser={lr=0.0}", "preference.numbers.contrast_candidates=3"),
        )
        losses.append([(row["loss"], row["grad_norm"]) for row in rows_of(folder)])
    for small_one, large_one in zip(*losses, strict=True):
        assert small_one == pytest.approx(large_one, rel=1e-4)


def test_credit_is_kept_for_single_tokens(tmp_path: Path) -> None:
    run(tmp_path / "run", "token-dpo", "preference.log_records=2")
    lines = [row for _, row in read_jsonl(tmp_path / "run/preference/credit-001.jsonl")]
    assert [line["record"] for line in lines] == [0, 0, 1, 1]
    for line in lines:
        assert len(line["tokens"]) == len(line["rewards"]) > 0
    assert lines[0]["score"] > lines[1]["score"]
    assert any(reward != 0.0 for line in lines for reward in line["rewards"])


def test_losses_without_a_reference_keep_none(tmp_path: Path) -> None:
    for name, kept in (("simpo", False), ("rrhf", False), ("pro", False), ("lipo", True)):
        run(tmp_path / name, name, "preference.steps=1")
        found = kept_data(tmp_path / name / "preference/round-001.pt").ref_logps_NT
        assert (found is not None) is kept
        assert not list((tmp_path / name / "preference").glob("reference*"))


@pytest.mark.parametrize("name", ["iterative-dpo", "sdpo"])
def test_a_round_without_a_pair_changes_no_weight_and_ends_no_run(
    name: str, tmp_path: Path
) -> None:
    # One answer to each problem is never a pair.
    summary = run(tmp_path / "run", name, "preference.samples_per_task=1")
    rows = rows_of(tmp_path / "run")
    assert summary.steps == {"preference": 4}
    assert rows[0]["records"] == 0
    assert {row["updates"] for row in rows} == {0}
    assert sum(rows[0]["records_dropped"].values()) > 0  # type: ignore[attr-defined]


def test_a_round_whose_records_are_gone_is_no_silent_new_one(tmp_path: Path) -> None:
    recipe = small("dpo")
    train(recipe, tmp_path / "run", SilentObserver())
    last = sorted((tmp_path / "run/checkpoints").glob("step-*"))[-1]
    shutil.rmtree(last)
    (tmp_path / "run/preference/round-001.pt").unlink()
    with pytest.raises(RunError, match=r"round-001\.pt is not there"):
        train(recipe, tmp_path / "run", SilentObserver(), resume=True)


def test_a_broken_record_is_named_by_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    good = json.dumps({"prompt": "s12=", "chosen": "12", "rejected": "21"})
    file.write_text(f'{good}\n{{"prompt": "s12=", "chosen": "12"}}\n')
    with pytest.raises(DataError, match=r"line 2 of .*pairs\.jsonl: no column 'rejected'"):
        run(tmp_path / "run", "dpo", f"preference.path={file}")


def test_a_file_that_teaches_nothing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps({"prompt": "s12=", "chosen": "12", "rejected": "12"}) + "\n")
    with pytest.raises(DataError, match="holds no record that teaches anything"):
        run(tmp_path / "run", "dpo", f"preference.path={file}")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["preference.loss=npo"], "expected records of negative"),
        (["preference.loss=dp"], "did you mean 'dpo'"),
        (["preference.records=ranked"], "expected records of pair or step_pair"),
        (["preference.rounds=2", "preference.path=x.jsonl"], "expected data = 'chunks'"),
        (["preference.rounds=9", "preference.steps=8"], "expected as many"),
        (["preference.numbers.beta=0.0"], "expected more than 0"),
        (["preference.batch_rows=0"], "expected 1 or more"),
        (["preference.records=pairs"], "no value of preference.records"),
    ],
)
def test_settings_that_cannot_work_are_one_clear_line(overrides: list[str], message: str) -> None:
    with pytest.raises((ConfigError, Exception)) as error:
        load_recipe("dpo", overrides)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("steps", "rounds"), [(10, 3), (7, 2), (4, 4), (1, 1), (100, 7)])
def test_rounds_share_the_steps_out(steps: int, rounds: int) -> None:
    settings = PreferenceSettings(steps=steps, rounds=rounds)
    numbers = [settings.round_of(step) for step in range(steps)]
    assert sorted(set(numbers)) == list(range(rounds))
    for number in range(rounds):
        assert numbers.index(number) == settings.first_step(number)


def test_lists_take_pairs_too() -> None:
    assert PreferenceSettings(loss="lipo", records="pair").records == "pair"
