"""A vision-language model made on the spot: random weights, and a processor of its own."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    PreTrainedTokenizerFast,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

TILE, PATCH = 32, 8
"""Pixels along a tile, which a picture is cut into, and along a patch of it."""
POSITIONS = 1024
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for p in m.content %}"
    "{% if p.type == 'image' %}<image>{% else %}{{ p.text }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def picture(seed: int, height: int = 80, width: int = 36) -> bytes:
    """Return a PNG of coloured noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def vision_processor() -> Idefics3Processor:
    """Return a processor that needs no torchvision: a picture becomes a few tiles and the whole."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(("<unk>", *alphabet))}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    make_tokenizer: Any = PreTrainedTokenizerFast  # its signature has no types
    tokenizer = make_tokenizer(
        tokenizer_object=backend, unk_token="<unk>", eos_token="<|im_end|>", pad_token="<pad>"
    )
    special = ["<|im_start|>", "<image>", "<fake_token_around_image>", "<global-img>"]
    tokenizer.add_special_tokens({"additional_special_tokens": [*special, "<end_of_utterance>"]})
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": 2 * TILE}, max_image_size={"longest_edge": TILE}
    )
    tokens = (TILE // PATCH) ** 2 // 4
    return Idefics3Processor(images, tokenizer, image_seq_len=tokens, chat_template=TEMPLATE)


def vision_config(processor: Idefics3Processor) -> Any:
    """Return the configuration of a model of 0.1 M parameters."""
    tokenizer = processor.tokenizer
    text = {
        **{"model_type": "llama", "vocab_size": len(tokenizer), "hidden_size": 64},
        **{"intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2},
        # Heads of 32: vLLM has no narrower ones on a CPU.
        **{"num_key_value_heads": 1, "head_dim": 32, "max_position_embeddings": POSITIONS},
        **{"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id},
        **{"bos_token_id": None, "tie_word_embeddings": False},
    }
    vision = {
        **{"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2},
        **{"num_attention_heads": 2, "image_size": TILE, "patch_size": PATCH},
    }
    image_id = tokenizer.convert_tokens_to_ids("<image>")
    make_config: Any = Idefics3Config  # its signature does not tell of `pad_token_id`
    return make_config(
        text_config=text, vision_config=vision, scale_factor=2, image_token_id=image_id,
        pad_token_id=tokenizer.pad_token_id, tie_word_embeddings=False,
    )  # fmt: skip


def save_vision_model(folder: Path, seed: int = 0) -> Any:
    """Write a model and its processor, and return the model."""
    processor = vision_processor()
    model: Any = Idefics3ForConditionalGeneration(vision_config(processor))
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.copy_(0.2 * torch.randn(weight.shape, generator=generator))
    model.save_pretrained(str(folder))
    processor.save_pretrained(str(folder))
    return model
