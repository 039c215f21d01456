"""Preference training: rounds of records, and a loss that tells good responses from bad ones.

A round takes its records from a file or from the policy as it is, and that policy as its reference.
What differs between the methods is the loss, the kind of records and how many rounds there are.
"""

import json
import time
from collections.abc import Sequence

import torch

from gym_reason.seeding import derive_rng
from gym_reason.trainers.distributed.world import ALONE, World
from gym_reason.trainers.formulas import preference_losses
from gym_reason.trainers.formulas.preference import Responses
from gym_reason.trainers.formulas.preference_pairs import token_rewards
from gym_reason.trainers.model.optimiser import (
    learning_rate,
    make_optimiser,
    set_learning_rate,
    take_step,
)
from gym_reason.trainers.preference.examples import Dataset, choose
from gym_reason.trainers.preference.rounds import Round, open_round
from gym_reason.trainers.preference.scores import Scorer, plan_passes
from gym_reason.trainers.preference.settings import STAGE as STAGE
from gym_reason.trainers.session import Session, check_finite
from gym_reason.types import Json


def is_finished(session: Session) -> bool:
    """Return whether preference training has taken all its steps."""
    return session.progress.done(STAGE) >= session.recipe.preference.steps


def run(session: Session) -> None:
    """Train on preferences until the stage is done; goes on where a checkpoint left off."""
    settings, progress, model = session.recipe.preference, session.progress, session.learner.model
    optimiser = make_optimiser(
        [weight for weight in model.parameters() if weight.requires_grad], settings.optimiser
    )
    session.start_stage(STAGE, settings.steps, {"optimiser": optimiser})
    current: Round | None = None
    while not is_finished(session):
        started = time.monotonic()
        step = progress.done(STAGE)
        number = settings.round_of(step)
        first = settings.first_step(number)
        session.seed_generators(STAGE, step)
        if current is None or current.number != number:
            model.train(False)
            current = open_round(session, number, begins=step == first)
        lr = learning_rate(settings.optimiser, step, settings.steps)
        set_learning_rate(optimiser, lr)
        row: dict[str, Json] = {"stage": STAGE, "step": step + 1, "round": number + 1}
        if step == first:
            row |= current.figures
        row |= _update(session, current, optimiser, step, step - first)
        if step + 1 == settings.first_step(number + 1) and settings.loss == "token_dpo":
            write_credit(session, current)
        progress.count_step(STAGE)
        seconds = time.monotonic() - started
        row |= {"lr": lr, "tokens_per_s": float(str(row["tokens"])) / seconds, "seconds": seconds}
        session.finish_step(row, last=is_finished(session))
    model.train(False)
    session.learner.engine.update_weights()


def _update(
    session: Session, current: Round, optimiser: torch.optim.Optimizer, step: int, at: int
) -> dict[str, Json]:
    """Take an optimiser step on the records that are due at a place of the round."""
    settings, learner = session.recipe.preference, session.learner
    dataset = current.dataset
    if dataset is None:
        return {"tokens": 0, "updates": 0}
    examples, epoch = draw_examples(session, len(dataset), current.number, at)
    part = choose(dataset, examples)
    loss = preference_losses.get(settings.loss)
    scorer = Scorer(learner, loss, settings.numbers, current.reference)
    draws_NT = _draws(session, part, step) if "contrast" in loss.needs else None
    learner.model.train()
    optimiser.zero_grad(set_to_none=True)
    figures = Figures()
    for one in plan_passes(session.world, part, settings.micro_batch_tokens):
        rows = choose(part, one.items)
        drawn_NT = None
        if draws_NT is not None:
            width = rows.batch.mask_NT.shape[1]
            drawn_NT = draws_NT[part.streams_of(one.items), :width]
        responses = scorer.responses(rows, drawn_NT)
        loss_E = loss.formula(responses, settings.numbers)
        total = loss_E.sum() / len(part)
        one.weigh(total).backward()  # type: ignore[no-untyped-call]
        if one.counts:
            figures.add(responses, loss_E)
    row = figures.row(session.world, len(part))
    where = f"step {step} of preference training"
    check_finite(float(str(row["loss"])), "the loss", where)
    norm = take_step(session.world, optimiser, settings.optimiser.clip_norm)
    check_finite(norm, "the gradient's norm", where)
    return row | {"grad_norm": norm, "epoch": epoch, "updates": 1}


def draw_examples(session: Session, count: int, number: int, at: int) -> tuple[list[int], float]:
    """Return the records of a round's step, and how many passes over them it ends.

    Each pass has its own order, and follows the one before without a gap.
    """
    size = min(session.recipe.preference.batch_rows, count)
    places = range(at * size, (at + 1) * size)
    orders = {
        epoch: derive_rng(session.recipe.seed, STAGE, "order", number, epoch).permutation(count)
        for epoch in {place // count for place in places}
    }
    chosen = [int(orders[place // count][place % count]) for place in places]
    return chosen, (at + 1) * size / count


def _draws(session: Session, part: Dataset, step: int) -> torch.Tensor:
    """Return a uniform number for each token of the step, whatever its split into passes."""
    rng = derive_rng(session.recipe.seed, STAGE, "contrast", step)
    draws_NT = rng.random(part.batch.mask_NT.shape)
    return torch.tensor(draws_NT, dtype=torch.float32, device=session.learner.device)


class Figures:
    """Sums over the records of a step, for its line of metrics."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._sums: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def add(self, rows: Responses, loss_E: torch.Tensor) -> None:
        """Add the records of a forward pass."""
        valid_EK, scores_EK = rows.valid_EK, rows.scores_EK
        value_EK = rows.mean_logp_EK if rows.ref_logps_EKT is None else rows.delta_EK
        better_EKK = scores_EK[:, :, None] > scores_EK[:, None, :]
        better_EKK = better_EKK & valid_EK[:, :, None] & valid_EK[:, None, :]
        right_EKK = better_EKK & (value_EK[:, :, None] > value_EK[:, None, :])
        best_EK = valid_EK & (scores_EK == scores_EK.amax(-1, keepdim=True)) & (scores_EK > 0)
        sums = {
            "loss": loss_E.sum(),
            "pairs": better_EKK.sum(),
            "in_order": right_EKK.sum(),
            "best": best_EK.sum(),
            "best_logp": (rows.mean_logp_EK * best_EK).sum(),
            "others": (valid_EK & ~best_EK).sum(),
            "others_logp": (rows.mean_logp_EK * (valid_EK & ~best_EK)).sum(),
            "tokens": rows.mask_EKT.sum(),
        }
        for name, value in sums.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value

    def row(self, world: World, examples: int) -> dict[str, Json]:
        """Return the means: of log-probabilities a token, and of pairs that are in order.

        They are over the records of all processes. A mean of nothing is left out.
        """
        own = {name: value.item() for name, value in self._sums.items()}
        totals = world.add_figures(own, "the figures of a step")
        row: dict[str, Json] = {"loss": totals["loss"] / examples, "tokens": int(totals["tokens"])}
        for name, count, key in (
            ("in_order", "pairs", "in_order"),
            ("best_logp", "best", "logp_wanted"),
            ("others_logp", "others", "logp_unwanted"),
        ):
            if totals[count]:
                row[key] = totals[name] / totals[count]
        return row


@torch.no_grad()
def write_credit(session: Session, current: Round) -> None:
    """Keep the rewards that the trained policy gives each token of some records of a round.

    `preference/credit-001.jsonl` holds one response a line: its tokens, their rewards, its score.
    """
    settings, learner = session.recipe.preference, session.learner
    dataset, count = current.dataset, settings.log_records
    if dataset is None or count == 0:
        return
    learner.model.train(False)
    part = choose(dataset, range(min(count, len(dataset))))
    scorer = Scorer(learner, preference_losses.get(settings.loss), settings.numbers)
    lines: list[str] = []
    for one in plan_passes(ALONE, part, settings.micro_batch_tokens):
        rows = choose(part, one.items)
        responses = scorer.responses(rows, None)
        rewards_EKT = token_rewards(responses, settings.numbers)
        lines += _credit_lines(session, rows, rewards_EKT)
    name = f"credit-{current.number + 1:03d}.jsonl"
    session.folder.keep(session.folder.path / STAGE / name, "\n".join(lines) + "\n")


def _credit_lines(session: Session, rows: Dataset, rewards_EKT: torch.Tensor) -> Sequence[str]:
    tokenizer, lines = session.learner.tokenizer, []
    for example, first in enumerate(rows.firsts):
        for k in range(rows.counts[example]):
            at_T = rows.batch.mask_NT[first + k] > 0
            ids = rows.batch.ids_NL[first + k, 1:][at_T].tolist()
            rewards = rewards_EKT[example, k][at_T].tolist()
            line = {
                "record": example,
                "score": rows.scores_N[first + k].item(),
                "tokens": [tokenizer.decode([token]) for token in ids],
                "rewards": [round(reward, 6) for reward in rewards],
            }
            lines.append(json.dumps(line, ensure_ascii=False))
    return lines
