"""Checkpoints and run folders: whole or absent, one writer, nothing lost."""

import json
import os
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from gym_reason.agents.models import build_preset
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import RunError, UsageError
from gym_reason.trainers.model.files import ModelWriter
from gym_reason.trainers.run.checkpoint import BEFORE, CheckpointStore, Progress
from gym_reason.trainers.run.folder import RunFolder, choose_folder, latest_folder
from tests.cli.commands import CommandServer


@pytest.fixture
def writer(tmp_path: Path) -> ModelWriter:
    """Return the writer of a tiny model."""
    tokenizer = build_character_tokenizer("01")
    return ModelWriter(build_preset("0.1m", len(tokenizer)), tokenizer, tmp_path)


def test_a_checkpoint_is_a_plain_model_directory(tmp_path: Path, writer: ModelWriter) -> None:
    checkpoint = CheckpointStore(tmp_path, keep=2).save(Progress(steps={"rl": 3}), writer, {})
    model = AutoModelForCausalLM.from_pretrained(checkpoint / "model")
    for name, value in writer._model.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])
    assert model.config.architectures == ["Qwen3ForCausalLM"]
    tokenizer = AutoTokenizer.from_pretrained(checkpoint / "model")
    assert tokenizer.encode("01") == [1, 6, 7]
    assert (tmp_path / "last").resolve() == checkpoint.resolve()


def test_a_crash_while_a_step_is_saved_again_loses_neither(
    tmp_path: Path, writer: ModelWriter
) -> None:
    store = CheckpointStore(tmp_path, keep=2)
    saved = store.save(Progress(steps={"rl": 3}), writer, {})
    # As it stands between the two renames.
    saved.rename(tmp_path / f"{BEFORE}{saved.name}")
    assert not (tmp_path / "last").exists()
    store = CheckpointStore(tmp_path, keep=2)
    assert store.recover() == saved
    assert (tmp_path / "last/model/model.safetensors").exists()
    # And as after the second one.
    shutil.copytree(saved, tmp_path / f"{BEFORE}{saved.name}")
    assert store.save(Progress(steps={"rl": 3}), writer, {}) == saved
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_equal_models_are_files_of_equal_bytes(tmp_path: Path, writer: ModelWriter) -> None:
    written = set()
    for name in map(str, range(8)):  # two entries of metadata would be turned round by one of them
        writer.write(tmp_path / name)
        written.add((tmp_path / name / "model.safetensors").read_bytes())
    assert len(written) == 1
    names = set(safetensors.torch.load_file(tmp_path / "0/model.safetensors"))
    assert "model.embed_tokens.weight" in names
    assert "lm_head.weight" not in names  # tied: a reader makes it of the embedding


def test_old_checkpoints_go_and_milestones_stay(tmp_path: Path, writer: ModelWriter) -> None:
    store = CheckpointStore(tmp_path, keep=2)
    for step in range(1, 7):
        store.save(Progress(steps={"rl": step}), writer, {}, milestone=step == 2)
    names = sorted(path.name for path in tmp_path.glob("step-*"))
    assert names == ["step-000002", "step-000005", "step-000006"]
    last = store.last()
    assert last is not None
    assert store.load_progress(last) == Progress(steps={"rl": 6})


def test_what_a_crash_left_half_written_is_never_taken(tmp_path: Path, writer: ModelWriter) -> None:
    store = CheckpointStore(tmp_path, keep=2)
    store.save(Progress(steps={"rl": 1}), writer, {})
    half = tmp_path / ".partial-step-000002"
    half.mkdir()
    (half / "state.json").write_text("{")
    last = store.last()
    assert last is not None
    assert last.name == "step-000001"
    store.save(Progress(steps={"rl": 2}), writer, {})
    assert not list(tmp_path.glob(".partial-*"))


def test_a_full_disk_is_one_line_and_keeps_the_last_checkpoint(
    small_disk: Path, writer: ModelWriter
) -> None:
    store = CheckpointStore(small_disk, keep=2)
    store.save(Progress(steps={"rl": 1}), writer, {})
    (small_disk / "filler").write_bytes(b"x" * (os.statvfs(small_disk).f_bavail * 4096 - 200_000))
    with pytest.raises(RunError, match=r"cannot write .*step-000002.*free space"):
        store.save(Progress(steps={"rl": 2}), writer, {})
    last = store.last()
    assert last is not None
    assert last.name == "step-000001"
    assert not list(small_disk.glob(".partial-*"))
    AutoModelForCausalLM.from_pretrained(last / "model")


def test_a_second_process_is_refused(tmp_path: Path, commands: CommandServer) -> None:
    program = tmp_path / "second.py"
    program.write_text(
        "import sys; from pathlib import Path\n"
        "from gym_reason.trainers.run.folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])): pass"
    )
    with RunFolder(tmp_path / "run"):
        second = commands.run(str(program), str(tmp_path / "run"), cwd=tmp_path)
    assert second.returncode != 0
    assert f"is in use by process {os.getpid()}" in second.stderr
    with RunFolder(tmp_path / "run"):
        pass


def test_metrics_are_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    with RunFolder(tmp_path) as folder:
        folder.append_metrics({"step": 1})
        size = folder.append_metrics({"step": 2})
        folder.append_metrics({"step": 3})
        folder.cut_metrics(size)
        folder.append_metrics({"step": 3, "again": True})
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows == [{"step": 1}, {"step": 2}, {"step": 3, "again": True}]


def test_a_metrics_file_that_lost_its_end_is_not_padded(tmp_path: Path) -> None:
    with RunFolder(tmp_path) as folder:
        size = folder.append_metrics({"step": 1})
        folder.cut_metrics(size + 100)
    assert (tmp_path / "metrics.jsonl").stat().st_size == size


def test_new_runs_take_the_next_free_name(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        folder = choose_folder(None, "demo", tmp_path)
        folder.mkdir()
        (folder / "recipe.toml").touch()
        names.append(folder.name)
    assert names == ["demo", "demo-2", "demo-3"]
    assert latest_folder("demo", tmp_path).name == "demo-3"
    with pytest.raises(UsageError, match="holds a run already"):
        choose_folder(tmp_path / "demo", "demo")
    with pytest.raises(UsageError, match=r"'other' in .*; there are demo, demo-2, demo-3"):
        latest_folder("other", tmp_path)
