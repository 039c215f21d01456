"""Models: tiny ones from a seed, and folders that hold a model and its tokenizer."""

from pathlib import Path
from typing import Any, cast

import torch
import transformers
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from gym_reason.agents.images import reads_images
from gym_reason.agents.shapes import PRESETS
from gym_reason.agents.virtual_tokens import attach_beside
from gym_reason.errors import ModelError, UsageError

# Loading and saving small models is quick; a bar for each would bury what the command has to say.
cast(Any, transformers.utils.logging).disable_progress_bar()

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def build_qwen3(
    vocab_size: int,
    *,
    layers: int,
    hidden: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    feed_forward: int,
    max_positions: int = 512,
    seed: int = 0,
    pad_token_id: int = 0,
    bos_token_id: int = 1,
    eos_token_id: int = 2,
) -> Qwen3ForCausalLM:
    """Return a Qwen3 decoder in fp32 with tied embeddings and random weights drawn from `seed`.

    The global random state of torch is left as it was. Token ids default to those of
    `gym_reason.agents.tokenizers.build_character_tokenizer`.
    """
    make_config: Any = Qwen3Config  # its signature does not tell of `attn_implementation`
    config = make_config(
        vocab_size=vocab_size,
        hidden_size=hidden,
        intermediate_size=feed_forward,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head_dim,
        max_position_embeddings=max_positions,
        tie_word_embeddings=True,
        pad_token_id=pad_token_id,
        bos_token_id=bos_token_id,
        eos_token_id=eos_token_id,
        attn_implementation="eager",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
    model.train(False)
    return model


def build_preset(
    name: str, vocab_size: int, *, max_positions: int = 512, seed: int = 0
) -> Qwen3ForCausalLM:
    """Return `build_qwen3` with the shape that `PRESETS` holds under `name`.

    Raises:
        UsageError: There is no such preset.
    """
    if name not in PRESETS:
        raise UsageError(f"no preset {name!r}", f"one of {', '.join(PRESETS)}")
    shape = PRESETS[name]
    return build_qwen3(
        vocab_size,
        layers=shape.layers,
        hidden=shape.hidden,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        feed_forward=shape.feed_forward,
        max_positions=max_positions,
        seed=seed,
    )


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called `name`; `auto` is the first CUDA device where there is one.

    Raises:
        UsageError: The name is unknown, or `cuda` was asked for where there is none.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.split(":")[0] not in ("cpu", "cuda"):
        raise UsageError(f"device {name!r}", "auto, cpu or cuda")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError("device 'cuda' on a machine without one", remedy="use device=auto or cpu")
    return torch.device(name)


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype called `name`; `auto` is bf16 on CUDA and fp32 on the CPU.

    Raises:
        UsageError: The name is unknown.
    """
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name not in DTYPES:
        raise UsageError(f"dtype {name!r}", f"auto, {', '.join(DTYPES)}")
    return DTYPES[name]


def resolve_model_folder(path: str | Path) -> Path:
    """Return the model folder that `path` stands for.

    `path` is a model folder, a checkpoint (it has `model/`), or a run (it has `checkpoints/last`).

    Raises:
        ModelError: There is no such folder, or no `config.json` in any of these places.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(f"no folder {folder}", "a model, a checkpoint or a run")
    for inner in ("", "model", "checkpoints/last/model", "checkpoints/last"):
        candidate = folder / inner if inner else folder
        if (candidate / "config.json").is_file():
            return candidate
    raise ModelError(
        f"no config.json in {folder}",
        "it there, in model/ or in checkpoints/last/model/",
        "give a model, a checkpoint or a run folder",
    )


def load_model(
    path: str | Path, *, device: str = "auto", dtype: str = "auto"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the model, in eval mode, and the tokenizer of a folder. Never downloads.

    Virtual tokens that lie beside the model in a checkpoint become a part of it.

    Raises:
        ModelError: The folder holds no usable model, tokenizer or weights.
    """
    folder = resolve_model_folder(path)
    target = choose_device(device)
    names = {entry.name for entry in folder.iterdir()}
    if not names & {"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json"}:
        raise ModelError(f"no tokenizer in {folder}", "tokenizer.json", "save one beside the model")
    if not any(name.endswith((".safetensors", ".bin")) for name in names):
        raise ModelError(f"no weights in {folder}", "model.safetensors", "copy the whole folder")
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=choose_dtype(dtype, target),
            attn_implementation="eager" if target.type == "cpu" else "sdpa",
            local_files_only=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise _explain_loading(folder, error) from error
    model = model.to(target).eval()
    attach_beside(model, folder)
    return model, cast(PreTrainedTokenizerBase, tokenizer)


def _explain_loading(folder: Path, error: Exception) -> ModelError:
    """Return why a folder cannot be loaded, in one line."""
    try:
        config: Any = AutoConfig.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError):
        config = None
    if reads_images(config):
        return ModelError(
            f"{folder} holds a vision-language model ({config.model_type})",
            "a model of texts alone in this process",
            "evaluate it with --engine vllm, or by a server with --policy openai:URL",
        )
    return ModelError(f"cannot load {folder}: {str(error).strip()[:300]}")


def save_model(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: str | Path
) -> None:
    """Write a plain Hugging Face folder that transformers and vLLM load."""
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))


def describe_in_files(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, scratch: Path
) -> dict[str, bytes]:
    """Return the files of a Hugging Face folder but for the weights, by way of an empty folder.

    Raises OSError.
    """
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(str(scratch))
    generation = getattr(model, "generation_config", None)  # a scorer has none
    if generation is not None:
        generation.save_pretrained(str(scratch))
    tokenizer.save_pretrained(str(scratch))
    return {path.name: path.read_bytes() for path in scratch.iterdir()}
