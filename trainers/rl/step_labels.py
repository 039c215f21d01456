"""Which steps of a wrong response are right, as a mask over its tokens."""

import re
from collections.abc import Sequence

import torch

from gym_reason.agents.policy import Tokenizer
from gym_reason.trainers.rl.collect import Sample
from gym_reason.types import TokenTrace
from gym_reason.verifiers.steps import check_steps
from gym_reason.verifiers.steps.checker import TooLongError

_PIECE = re.compile(r"[^,;\n]+")


def right_steps(text: str) -> list[tuple[int, int]]:
    """Return where the right equations of a text stand, as pairs of places in it.

    A step is what stands between commas, semicolons and line breaks. Steps without an equation
    are not judged.
    """
    spans = []
    for piece in _PIECE.finditer(text.replace("<think>", "\n" * 7).replace("</think>", "\n" * 8)):
        try:
            judged = check_steps(piece[0])
        except TooLongError:
            continue
        if any(step.status == "right" for step in judged) and not any(
            step.status == "wrong" for step in judged
        ):
            spans.append(piece.span())
    return spans


def right_tokens(
    rows: Sequence[tuple[Sample, TokenTrace]], tokenizer: Tokenizer, width: int
) -> torch.Tensor:
    """Return 1 on the tokens of right steps in episodes that are wrong, shape `[N, width]`.

    A token belongs to the step in which its text begins.
    """
    labels_NT = torch.zeros(len(rows), width)
    for row, (sample, trace) in enumerate(rows):
        if sample.trajectory.correct:
            continue
        emitted = [at for at, acted in enumerate(trace.action_mask) if acted]
        texts = [str(tokenizer.decode([trace.ids[at]])) for at in emitted]
        spans = right_steps("".join(texts))
        place = 0
        for at, text in zip(emitted, texts, strict=True):
            if at > 0 and any(start <= place < end for start, end in spans):
                labels_NT[row, at - 1] = 1.0
            place += len(text)
    return labels_NT
