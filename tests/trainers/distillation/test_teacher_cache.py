"""Caches of a teacher: what is read is what the model says, and nothing broken passes for one."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gym_reason.agents.models import load_model
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.cli import main
from gym_reason.errors import DataError, ModelError, UsageError
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.distillation.rows import Coder, Row, read_any, read_rows
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.teacher import cache as teacher_cache
from gym_reason.trainers.teacher.cache import MANIFEST, CacheSettings, TeacherCache, write_cache
from gym_reason.trainers.teacher.model import check_tokenizer
from gym_reason.trainers.train import train
from tests.trainers.distillation.small_runs import VOCABULARY, rows_of, small, write_rows

ROWS: list[dict[str, object]] = [
    {"prompt": f"m{digits}=", "response": f"<think></think>{max(digits)}", "id": digits}
    for digits in ("112", "345", "770", "909", "123")
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data") / "rows.jsonl", ROWS)


@pytest.fixture
def cache(teacher: Path, data: Path, tmp_path: Path) -> Path:
    """Return a cache of three tokens and the tail."""
    folder = tmp_path / "cache"
    words = ["--teacher", str(teacher), "--data", str(data), "--out", str(folder), "--top-k", "3"]
    assert main(["distill", "cache", *words]) == 0
    return folder


def read(teacher: Path, data: Path) -> tuple[Any, Any, list[Row]]:
    """Return a teacher, its tokenizer and the rows of a file."""
    model, tokenizer = load_model(teacher, device="cpu", dtype="fp32")
    return model, tokenizer, read_any(Coder(tokenizer), data, DropLog())


def test_an_entry_is_what_the_model_says_with_its_tail(
    teacher: Path, data: Path, cache: Path
) -> None:
    model, _, rows = read(teacher, data)
    found = TeacherCache(cache)
    assert len(found) == len(rows) == 5
    for row in rows:
        entry = found.entry(row.id, row.ids, row.mask)
        with torch.no_grad():
            logps_TV = model(torch.tensor([row.ids])).logits[0, :-1].log_softmax(-1)
        logps_MV = logps_TV[torch.tensor(row.mask[1:])]
        expected = logps_MV.topk(3, dim=-1)
        torch.testing.assert_close(entry.logps_MK, expected.values, rtol=1e-4, atol=1e-4)
        assert torch.equal(entry.ids_MK.long(), expected.indices)
        mass = entry.logps_MK.exp().sum(-1) + entry.tail_M.exp()
        torch.testing.assert_close(mass, torch.ones(len(mass)))


@pytest.mark.parametrize("k", [3, VOCABULARY])
def test_training_from_a_cache_is_training_from_its_model(
    k: int, teacher: Path, data: Path, tmp_path: Path
) -> None:
    model, tokenizer, rows = read(teacher, data)
    settings = CacheSettings(top_k=k, temperature=2.0)
    write_cache(tmp_path / "cache", model, tokenizer, rows, settings)
    base = (
        *("distill.objective=soft_targets", f"distill.data.path={data}", "distill.steps=2"),
        "distill.divergence.temperature=2.0",
    )
    live = (f"teacher.path={teacher}", f"distill.top_k={k if k < VOCABULARY else 0}")
    train(small(*base, *live), tmp_path / "live", SilentObserver())
    cached = f"teacher.cache={tmp_path / 'cache'}"
    train(small(*base, cached), tmp_path / "cached", SilentObserver())
    for one, other in zip(rows_of(tmp_path / "live"), rows_of(tmp_path / "cached"), strict=True):
        assert one["divergence"] == pytest.approx(other["divergence"], rel=1e-5)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-4)


def test_pairs_have_an_entry_for_each_side(teacher: Path, tmp_path: Path) -> None:
    pairs: list[dict[str, object]] = [{"prompt": "m12=", "chosen": "2", "rejected": "1", "id": 7}]
    file = write_rows(tmp_path / "pairs.jsonl", pairs)
    model, tokenizer, rows = read(teacher, file)
    assert [row.id for row in rows] == ["7/chosen", "7/rejected"]
    write_cache(tmp_path / "cache", model, tokenizer, rows, CacheSettings(2))
    recipe = small(
        *("distill.objective=dckd", f"distill.data.path={file}", "distill.steps=1"),
        f"teacher.cache={tmp_path / 'cache'}",
    )
    train(recipe, tmp_path / "run", SilentObserver())
    assert rows_of(tmp_path / "run")[0]["divergence"] > 0.0


def test_an_interrupted_cache_goes_on(
    teacher: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher_cache, "SHARD_RECORDS", 2)
    model, tokenizer, rows = read(teacher, data)

    class Crash(Exception):
        pass

    def crash(count: int) -> None:
        if count == 4:
            raise Crash

    with pytest.raises(Crash):
        write_cache(tmp_path / "a", model, tokenizer, rows, CacheSettings(3), on_rows=crash)
    with pytest.raises(DataError, match=r"manifest.json; expected a finished teacher cache"):
        TeacherCache(tmp_path / "a")
    made: list[int] = []
    original = teacher_cache._make_shard

    def count(*args: Any) -> bytes:
        made.append(1)
        return original(*args)

    monkeypatch.setattr(teacher_cache, "_make_shard", count)
    manifest = write_cache(tmp_path / "a", model, tokenizer, rows, CacheSettings(3))
    assert len(made) == 1
    assert write_cache(tmp_path / "b", model, tokenizer, rows, CacheSettings(3)) == manifest
    changed = [dataclasses.replace(rows[0], id="other"), *rows[1:]]
    (tmp_path / "a" / MANIFEST).unlink()
    made.clear()
    write_cache(tmp_path / "a", model, tokenizer, changed, CacheSettings(3))
    assert len(made) == 1  # only the shard whose records are others


def test_a_folder_with_a_cache_and_rows_of_one_name_are_refused(
    teacher: Path, data: Path, cache: Path, tmp_path: Path
) -> None:
    model, tokenizer, rows = read(teacher, data)
    with pytest.raises(UsageError, match="holds a cache already"):
        write_cache(cache, model, tokenizer, rows, CacheSettings(3))
    with pytest.raises(UsageError, match="two rows have the name '112'"):
        write_cache(tmp_path / "new", model, tokenizer, [rows[0], rows[0]], CacheSettings(3))


def spoil_manifest(folder: Path, **changes: object) -> None:
    path = folder / MANIFEST
    manifest = json.loads(path.read_text("utf-8")) | changes
    path.write_text(json.dumps({k: v for k, v in manifest.items() if v is not None}), "utf-8")


def cut_shard(folder: Path) -> None:
    path = folder / "shard-00000.safetensors"
    path.write_bytes(path.read_bytes()[:-7])


def flip_bit(folder: Path) -> None:
    path = folder / "shard-00000.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


BREAKS = {
    "no manifest": lambda folder: (folder / MANIFEST).unlink(),
    "no JSON": lambda folder: (folder / MANIFEST).write_text("{", "utf-8"),
    "a list": lambda folder: (folder / MANIFEST).write_text("[]", "utf-8"),
    "another kind": lambda folder: spoil_manifest(folder, kind="a recipe"),
    "a later format": lambda folder: spoil_manifest(folder, format=2),
    "no tokenizer": lambda folder: spoil_manifest(folder, tokenizer=None),
    "shards of nothing": lambda folder: spoil_manifest(folder, shards=[{}]),
    "a lost shard": lambda folder: (folder / "shard-00000.safetensors").unlink(),
    "a cut shard": cut_shard,
    "a flipped bit": flip_bit,
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_cache_is_one_clear_line(name: str, cache: Path) -> None:
    BREAKS[name](cache)
    with pytest.raises(DataError, match="cache") as error:
        TeacherCache(cache)
    assert "\n" not in str(error.value)


def test_another_tokenizer_temperature_or_text_is_refused(
    teacher: Path, data: Path, cache: Path
) -> None:
    found = TeacherCache(cache)
    _, tokenizer, rows = read(teacher, data)
    found.check(tokenizer, 1.0)
    other = build_character_tokenizer("9876543210m=")
    with pytest.raises(DataError, match="of another tokenizer than the student's"):
        found.check(other, 1.0)
    with pytest.raises(ModelError, match="otherwise or not at all"):
        check_tokenizer(tokenizer, other, teacher)
    with pytest.raises(DataError, match=r"at the temperature 1\.0; expected .* 2\.0"):
        found.check(tokenizer, 2.0)
    with pytest.raises(DataError, match="no record 'x'"):
        found.entry("x", rows[0].ids, rows[0].mask)
    with pytest.raises(DataError, match=r"'112' of the cache .* has other tokens"):
        found.entry("112", rows[1].ids, rows[1].mask)
    file = write_rows(cache / "x.jsonl", [{**ROWS[0], "response": "<think></think>1"}])
    (changed,) = read_rows(Coder(tokenizer), file, DropLog(), scored=False)
    with pytest.raises(DataError, match="has other tokens"):
        found.entry("112", changed.ids, changed.mask)
