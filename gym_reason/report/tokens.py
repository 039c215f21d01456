"""What the tokens of a run's episodes read as."""

import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path

from gym_reason.errors import DataError


def find_tokenizers(folder: Path) -> dict[str, Path]:
    """Return the tokenizer of each policy of an evaluation, or under "" that of a run's models."""
    checkpoints = sorted(folder.glob("checkpoints/step-*/model/tokenizer.json"))
    if checkpoints:
        return {"": checkpoints[-1]}
    try:
        named = json.loads((folder / "config.json").read_bytes()).get("tokenizers")
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
    if not isinstance(named, dict):
        return {}
    return {
        policy: folder / name
        for policy, name in named.items()
        if isinstance(name, str) and ".." not in Path(name).parts and (folder / name).is_file()
    }


def read_tokens(path: Path, ids: Iterable[int]) -> dict[int, str]:
    """Return the text of each token id that the tokenizer has.

    A token that is no text alone, as a part of a character is, has the tokenizer's name for it.
    Raises DataError where the file is no tokenizer.
    """
    if importlib.util.find_spec("tokenizers") is None:
        return {}
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises nothing narrower
        raise DataError(f"{path.name} cannot be read: {error}", "a tokenizer") from None
    texts: dict[int, str] = {}
    for token_id in sorted(set(ids)):
        name = tokenizer.id_to_token(token_id) if 0 <= token_id < 1 << 31 else None
        if name is None:
            continue
        text = tokenizer.decode([token_id], skip_special_tokens=False)
        texts[token_id] = name if not text or "\ufffd" in text else text
    return texts
