"""Tiny models from a seed, and model folders."""

from pathlib import Path

import pytest
import torch

from gym_reason.agents.models import (
    build_preset,
    choose_device,
    choose_dtype,
    load_model,
    resolve_model_folder,
    save_model,
)
from gym_reason.agents.shapes import PRESETS
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import ModelError, UsageError

TOKENIZER = build_character_tokenizer("0123456789+=")


@pytest.mark.parametrize(
    ("name", "millions"), [("0.1m", (0.09, 0.11)), ("0.4m", (0.38, 0.41)), ("3m", (2.9, 3.4))]
)
def test_preset_sizes(name: str, millions: tuple[float, float]) -> None:
    model = build_preset(name, 18)
    assert millions[0] * 1e6 < model.num_parameters() < millions[1] * 1e6
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert model.dtype == torch.float32


def test_weights_depend_on_the_seed_alone_and_leave_torch_as_it_was() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = build_preset("0.1m", 18, seed=1)
    assert torch.equal(torch.rand(3), expected)
    second, third = build_preset("0.1m", 18, seed=1), build_preset("0.1m", 18, seed=2)
    left, right, other = (
        m.state_dict()["model.layers.0.mlp.up_proj.weight"] for m in (first, second, third)
    )
    assert torch.equal(left, right)
    assert not torch.equal(left, other)


def test_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=next(iter(PRESETS))):
        build_preset("7b", 18)


def test_save_and_load(tmp_path: Path) -> None:
    model = build_preset("0.1m", len(TOKENIZER))
    save_model(model, TOKENIZER, tmp_path)
    loaded, tokenizer = load_model(tmp_path, device="cpu")
    ids = torch.tensor([TOKENIZER.encode("12+3=")])
    with torch.no_grad():
        assert torch.equal(loaded(ids).logits, model(ids).logits)
    assert tokenizer.encode("12+3=") == TOKENIZER.encode("12+3=")
    assert loaded.config._attn_implementation == "eager"
    assert not loaded.training


@pytest.mark.parametrize("inner", ["", "model", "checkpoints/last/model", "checkpoints/last"])
def test_folders_that_stand_for_a_model(tmp_path: Path, inner: str) -> None:
    folder = tmp_path / inner
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    assert resolve_model_folder(tmp_path) == folder


def test_a_folder_that_misses_something_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no folder"):
        load_model(tmp_path / "nothing")
    with pytest.raises(ModelError, match="no config"):
        load_model(tmp_path)
    model = build_preset("0.1m", len(TOKENIZER))
    model.save_pretrained(str(tmp_path))
    with pytest.raises(ModelError, match="no tokenizer"):
        load_model(tmp_path)
    TOKENIZER.save_pretrained(str(tmp_path))
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        load_model(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelError, match="cannot load") as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)


def test_devices_and_dtypes() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_dtype("auto", torch.device("cpu")) == torch.float32
    assert choose_dtype("auto", torch.device("cuda")) == torch.bfloat16
    with pytest.raises(UsageError, match="device 'tpu'"):
        choose_device("tpu")
    with pytest.raises(UsageError, match="int8"):
        choose_dtype("int8", torch.device("cpu"))
