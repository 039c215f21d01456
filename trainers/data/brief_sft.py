"""A short supervised training of a model in memory, to measure what some examples teach."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from gym_reason.errors import RunError
from gym_reason.seeding import derive_rng, derive_seed
from gym_reason.trainers.data.scoring import OnProgress, Scorer, ignore_progress
from gym_reason.trainers.model.batch import plan_micro_batches
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.model.optimiser import learning_rate, make_optimiser, set_learning_rate
from gym_reason.trainers.settings import OptimiserSettings
from gym_reason.types import TokenTrace


@dataclass(frozen=True, slots=True)
class BriefSettings:
    """How a model is trained for a moment."""

    lr: float = 2e-5
    """Highest learning rate; it falls to 0."""
    epochs: int = 1
    """Passes over the examples."""
    batch_rows: int = 16
    """Examples in an optimiser step."""


def train_briefly(
    scorer: Scorer,
    traces: Sequence[TokenTrace],
    settings: BriefSettings,
    seed: int,
    on_progress: OnProgress = ignore_progress,
) -> None:
    """Train the scorer's model in place on the masked tokens.

    The order of the rows is drawn from `seed` alone. Raises RunError where the loss is not finite.
    """
    model = scorer.model
    steps_of_pass = -(-len(traces) // settings.batch_rows)
    total = steps_of_pass * settings.epochs
    optimiser_settings = OptimiserSettings(lr=settings.lr, final_share=0.0)
    optimiser = make_optimiser(model.parameters(), optimiser_settings)
    torch.manual_seed(derive_seed(seed, "brief", "global") % 2**63)
    model.train()
    step = 0
    for epoch in range(settings.epochs):
        order = derive_rng(seed, "brief", epoch).permutation(len(traces)).tolist()
        for start in range(0, len(order), settings.batch_rows):
            set_learning_rate(optimiser, learning_rate(optimiser_settings, step, total))
            rows = [traces[row] for row in order[start : start + settings.batch_rows]]
            _take_step(scorer, rows, optimiser, optimiser_settings.clip_norm)
            step += 1
            on_progress(step, total)
    model.train(False)


def _take_step(
    scorer: Scorer, rows: Sequence[TokenTrace], optimiser: torch.optim.Optimizer, clip: float
) -> None:
    """Take one step on the mean over the tokens of all rows."""
    tokens = sum(sum(row.action_mask[1:]) for row in rows)
    optimiser.zero_grad(set_to_none=True)
    loss_sum = 0.0
    for part in plan_micro_batches([len(row.ids) for row in rows], scorer.batch_tokens):
        batch = scorer.batch([rows[row] for row in part])
        logps_NT = score_tokens(scorer.model, batch.ids_NL, start=batch.start).logps_NT
        loss = -(logps_NT * batch.mask_NT).sum() / max(tokens, 1)
        loss.backward()  # type: ignore[no-untyped-call]
        loss_sum += loss.item()
    if not math.isfinite(loss_sum):
        raise RunError(
            f"the loss of the brief training is {loss_sum}", "a finite number", "lower --lr"
        )
    torch.nn.utils.clip_grad_norm_(scorer.model.parameters(), clip)
    optimiser.step()


@contextlib.contextmanager
def restored_weights(scorer: Scorer) -> Iterator[None]:
    """Give the model back the weights that it had, whatever the block trained."""
    kept = {name: value.clone() for name, value in scorer.model.state_dict().items()}
    try:
        yield
    finally:
        scorer.model.load_state_dict(kept)
        scorer.model.train(False)
