"""Images in prompts: the tokens that stand for them, by a vision-language model's own processor."""

import io
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gym_reason.agents.policy import PromptWithImages
from gym_reason.errors import ModelError, UsageError
from gym_reason.types import Message

FILES = ("processor_config.json", "preprocessor_config.json")
"""One of them lies in the folder of every model that reads images."""
VISION = ("vision_config", "vision_tower_config", "vision_encoder_config")
"""What the configuration of such a model has one of."""


class ImageEncoder:
    """Writes conversations with images as tokens, with the processor of a model."""

    def __init__(self, processor: Any) -> None:
        """Keep a processor of transformers. Raises ModelError for one that cannot be used."""
        from jinja2 import TemplateError  # chat templates are its own

        self._processor: Any = processor
        self._tokenizer: Any = processor.tokenizer
        token = getattr(processor, "image_token", None)
        self.placeholder = str(token) if token is not None else ""
        """Stands for one image in the text of a prompt."""
        self.placeholder_id = self._tokenizer.convert_tokens_to_ids(self.placeholder)
        """Its token."""
        try:
            shown = self.render((Message("user", "", (b"",)),)) if self.placeholder else ""
        except (TemplateError, ValueError, TypeError, KeyError) as error:
            raise ModelError(
                f"the chat template fails on an image: {error}", "one that shows it"
            ) from error
        if shown.count(self.placeholder) != 1 or not isinstance(self.placeholder_id, int):
            raise ModelError(
                f"the chat template of {type(processor).__name__} shows no image",
                f"one {self.placeholder or 'token'} for each",
                "ask a server that runs the model: --policy openai:URL",
            )

    @property
    def unsaid_ids(self) -> tuple[int, ...]:
        """The tokens that stand for images and the like: no model may say one."""
        names = (getattr(self._processor, f"{kind}_token", None) for kind in ("video", "audio"))
        ids = (self._tokenizer.convert_tokens_to_ids(str(name)) for name in names if name)
        unknown = self._tokenizer.unk_token_id
        others = (index for index in ids if isinstance(index, int) and index != unknown)
        return tuple(dict.fromkeys((self.placeholder_id, *others)))

    def render(self, messages: Sequence[Message]) -> str:
        """Return a conversation as one text, with a placeholder for each image.

        The images of a message stand before its words. Words that read like a placeholder get a
        space, so that nobody's text stands for an image.
        """
        text = self._owner.apply_chat_template(
            [{"role": one.role, "content": self._parts(one)} for one in messages],
            tokenize=False,
            add_generation_prompt=True,
        )
        assert isinstance(text, str)
        return text

    def encode(self, text: str, images: Sequence[bytes]) -> tuple[int, ...]:
        """Return the tokens of a text that has a placeholder for each image.

        With images they are a PromptWithImages.

        Raises UsageError for an image that cannot be read, or a text with another number of them.
        """
        unexpanded = self._tokenizer.encode(text, add_special_tokens=False)
        count = unexpanded.count(self.placeholder_id)
        if count != len(images):
            raise UsageError(f"{len(images)} images for {count} {self.placeholder}", "one for each")
        if not images:
            return tuple(unexpanded)
        ids = self._expand(text, [open_image(image) for image in images])
        return PromptWithImages(map(int, ids), images, unexpanded)

    def _expand(self, text: str, pictures: list[Any]) -> Sequence[int]:
        reason = ""
        # Some want a list of images for each text, which others take for something else.
        for given in (pictures, [pictures]):
            try:
                read = self._processor(text=[text], images=given, add_special_tokens=False)
            except (ValueError, TypeError, IndexError) as error:
                reason = reason or " ".join(f"{error}".split())[:200]
                continue
            ids: Sequence[int] = read["input_ids"][0]
            return ids
        raise UsageError(f"images that the model's processor refuses: {reason}", "ones it can read")

    @property
    def _owner(self) -> Any:
        """Whoever has the chat template."""
        has_own = getattr(self._processor, "chat_template", None) is not None
        return self._processor if has_own else self._tokenizer

    def _parts(self, message: Message) -> list[dict[str, str]]:
        shown = f"{self.placeholder[:1]} {self.placeholder[1:]}"
        words = message.content.replace(self.placeholder, shown)
        parts = [{"type": "image"} for _ in message.images]
        return [*parts, {"type": "text", "text": words}] if words or not parts else parts


def reads_images(config: Any) -> bool:
    """Return whether a model's configuration is that of a vision-language model."""
    return any(getattr(config, name, None) is not None for name in VISION)


def load_image_encoder(
    folder: Path, config: Any, settings: Mapping[str, Any] | None = None
) -> ImageEncoder | None:
    """Return what encodes images for the model of a folder; None where it reads none.

    Args:
        folder: A Hugging Face folder.
        config: The model's.
        settings: What the processor is to be made with, in place of the folder's own.

    Raises:
        ModelError: The folder's processor cannot be used.
    """
    if not reads_images(config) or not any((folder / name).is_file() for name in FILES):
        return None
    from transformers import AutoProcessor

    loader: Any = AutoProcessor  # it has no types
    try:
        processor = loader.from_pretrained(str(folder), local_files_only=True, **(settings or {}))
    except (ImportError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        detail = " ".join(f"{error}".split())[:300]
        raise ModelError(
            f"the processor of {folder} cannot be loaded: {detail}", "one that reads images"
        ) from error
    return ImageEncoder(processor)


def open_image(content: bytes) -> Any:
    """Return an encoded image as a picture of Pillow's, in RGB, over white where it is transparent.

    Raises UsageError for what cannot be read, or without Pillow.
    """
    if find_spec("PIL") is None:
        raise UsageError("Pillow is not installed", "it for images", "pip install pillow")
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as opened:
            if not opened.has_transparency_data:
                return opened.convert("RGB")
            picture = opened.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        detail = " ".join(f"{error}".split())[:100]
        raise UsageError(f"an image that cannot be read: {detail}", "a whole PNG or JPEG") from None
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, picture).convert("RGB")
