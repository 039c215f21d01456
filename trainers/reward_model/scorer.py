"""A reward model in training: a copy of the policy with a head, as its folder will hold it."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)

from gym_reason.agents.reward_models.folder import Head
from gym_reason.agents.reward_models.rows import RowEncoder
from gym_reason.errors import ModelError
from gym_reason.trainers.formulas.reward_model import RewardRows
from gym_reason.trainers.model.files import ModelWriter
from gym_reason.trainers.model.learner import Learner
from gym_reason.trainers.reward_model.rows import Target, TextExample


@dataclass(frozen=True, slots=True)
class Example:
    """What a loss looks at together, as the model reads it."""

    sequences: tuple[tuple[int, ...], ...]
    """Token ids: one sequence for each answer, or one with all the steps."""
    places: tuple[tuple[int, int], ...]
    """Where it is scored: a sequence and a token of it."""
    targets: tuple[Target, ...]
    """What each place should be scored."""
    margin: float
    """The gap that is asked for between the answers of a pair."""

    @property
    def width(self) -> int:
        """Tokens of its longest sequence."""
        return max(len(sequence) for sequence in self.sequences)


def build_scorer(learner: Learner, head: Head, labels: int) -> PreTrainedModel:
    """Return a copy of the policy with a head in place of its output layer, all scores 0.

    Args:
        learner: Holds the policy, which stays as it is.
        head: `sequence` scores the last token, `token` every one.
        labels: Outputs of the head.

    Raises ModelError where Transformers has no such head for the policy.
    """
    policy = learner.plain
    config: Any = copy.deepcopy(policy.config)
    config.num_labels = labels
    config.classifier_dropout = 0.0
    if config.pad_token_id is None:
        config.pad_token_id = learner.pad_id
    kind: Any = {
        "sequence": AutoModelForSequenceClassification,
        "token": AutoModelForTokenClassification,
    }[head]
    try:
        with torch.random.fork_rng(devices=[]):  # the weights drawn here are overwritten
            scorer: PreTrainedModel = kind.from_config(
                config, attn_implementation=config._attn_implementation
            )
    except ValueError:
        raise ModelError(
            f"Transformers has no head that scores each {head} for {type(policy).__name__}",
            "a decoder that it has one for",
        ) from None
    with torch.no_grad():
        for weight in scorer.parameters():
            weight.zero_()
    scorer.base_model.load_state_dict(policy.base_model.state_dict())
    scorer.to(learner.device)  # type: ignore[arg-type]
    scorer.train(False)
    return scorer


def encode_answers(example: TextExample, encoder: RowEncoder) -> Example:
    """Return an example whose answers are scored whole. Raises UnreadableRowError."""
    sequences = tuple(encoder.encode(example.prompt, text).ids for text in example.texts)
    places = tuple((index, len(ids) - 1) for index, ids in enumerate(sequences))
    targets = tuple(target for target in example.targets if target is not None)
    return Example(sequences, places, targets, example.margin)


def encode_steps(example: TextExample, encoder: RowEncoder, separator: str) -> Example:
    """Return a solution that is scored at the separator behind each judged step.

    Raises UnreadableRowError where the chat template refuses the prompt, and ModelError for a
    separator that the tokenizer has no token for.
    """
    marks = encoder.encode_separator(separator)
    if not marks or encoder.unknown_id in marks:
        raise ModelError(
            f"the separator {separator!r} has no token of its own in this tokenizer",
            "a text that it knows",
            "set reward_model.separator",
        )
    ids = list(encoder.encode_start(example.prompt))
    places: list[tuple[int, int]] = []
    for text, target in zip(example.texts, example.targets, strict=True):
        ids += encoder.encode_piece(text)
        ids += marks
        if target is not None:
            places.append((0, len(ids) - 1))
    targets = tuple(target for target in example.targets if target is not None)
    return Example((tuple(ids),), tuple(places), targets, example.margin)


def plan_examples(examples: Sequence[Example], limit_tokens: int) -> list[list[int]]:
    """Split examples into forward passes of at most `limit_tokens`, or of one example."""
    order = sorted(range(len(examples)), key=lambda index: (-examples[index].width, index))
    plan: list[list[int]] = []
    count = 0
    for index in order:
        added = len(examples[index].sequences)
        if plan and (count + added) * examples[plan[-1][0]].width <= limit_tokens:
            plan[-1].append(index)
            count += added
        else:
            plan.append([index])
            count = added
    return plan


def score(scorer: PreTrainedModel, head: Head, examples: Sequence[Example]) -> RewardRows:
    """Return what a scorer says of some examples, beside what it should say."""
    config: Any = scorer.config
    sequences = [sequence for example in examples for sequence in example.sequences]
    width = max(len(sequence) for sequence in sequences)
    ids_NL = torch.full((len(sequences), width), config.pad_token_id, dtype=torch.long)
    mask_NL = torch.zeros_like(ids_NL)
    for row, sequence in enumerate(sequences):
        ids_NL[row, : len(sequence)] = torch.tensor(sequence)
        mask_NL[row, : len(sequence)] = 1
    device = scorer.device
    logits: torch.Tensor = scorer(
        input_ids=ids_NL.to(device), attention_mask=mask_NL.to(device), use_cache=False
    ).logits.float()
    if head == "token":
        first = 0
        places: list[tuple[int, int]] = []
        for example in examples:
            places += [(first + sequence, token) for sequence, token in example.places]
            first += len(example.sequences)
        rows, tokens = torch.tensor(places, device=device).unbind(1)
        logits = logits[rows, tokens]
    numbers = [number for number, example in enumerate(examples) for _ in example.targets]
    return RewardRows(
        logits,
        torch.tensor([t for example in examples for t in example.targets], device=device),
        torch.tensor(numbers, device=device),
        torch.tensor([examples[number].margin for number in numbers], device=device),
    )


def write_scorer(scorer: PreTrainedModel, learner: Learner, folder: Path, center: float) -> None:
    """Write a folder that `reward_model:` and `process_reward_model:` load, whole or not at all.

    Raises RunError.
    """
    config: Any = scorer.config
    config.reward_center = center
    ModelWriter(scorer, learner.tokenizer, folder.parent).write_whole(folder)
