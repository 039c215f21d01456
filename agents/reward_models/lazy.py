"""A classifier that is loaded when it is first needed, and travels between processes without it."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from gym_reason.agents.reward_models.folder import FolderFacts, Head, choose_label, inspect_folder
from gym_reason.errors import ModelError, UsageError

if TYPE_CHECKING:
    from gym_reason.agents.reward_models.classifier import Classifier


class LazyClassifier:
    """The folder of a classifier and how to load it; pickled without the weights."""

    def __init__(
        self,
        path: str | Path,
        heads: tuple[Head, ...],
        *,
        label: int | None,
        max_tokens: int,
        batch_tokens: int,
        device: str,
        dtype: str,
    ) -> None:
        """Check everything that needs no torch. Raises ModelError, and UsageError for options."""
        for name, value, least in (
            ("max_tokens", max_tokens, 0),
            ("batch_tokens", batch_tokens, 1),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UsageError(f"{name} = {value!r}", f"a whole number, {least} or more")
        self.facts: FolderFacts = inspect_folder(str(path))
        if self.facts.head not in heads:
            raise ModelError(
                f"{self.facts.folder} holds a head that scores each {self.facts.head}",
                f"one that scores a {' or '.join(heads)}",
                "use process_reward_model",
            )
        self.label = choose_label(self.facts, label)
        self._max_tokens, self._batch_tokens = max_tokens, batch_tokens
        self._device, self._dtype = device, dtype
        self._loaded: Classifier | None = None
        self.lock = threading.Lock()
        """Held while the model works: threads that share a verifier take turns."""

    def get(self) -> "Classifier":
        """Return the loaded classifier; the caller holds `lock`. Raises ModelError."""
        if self._loaded is None:
            from gym_reason.agents.reward_models.classifier import Classifier

            self._loaded = Classifier(
                self.facts,
                label=self.label,
                max_tokens=self._max_tokens,
                batch_tokens=self._batch_tokens,
                device=self._device,
                dtype=self._dtype,
            )
        return self._loaded

    def __getstate__(self) -> dict[str, object]:
        """Leave the weights behind: another process loads its own."""
        return {**self.__dict__, "_loaded": None, "lock": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Come back unloaded."""
        self.__dict__.update(state)
        self.lock = threading.Lock()
