"""Which formulas a recipe is made of, in words."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gym_reason.trainers.formulas import (
    advantages,
    aggregations,
    entropy_controls,
    filters,
    kl_estimators,
    mismatch_weights,
    policy_losses,
    preference_losses,
    token_weights,
)
from gym_reason.trainers.recipe import Recipe, load_recipe


@dataclass(frozen=True, slots=True)
class Part:
    """One formula of a recipe."""

    kind: str
    """What it decides."""
    name: str
    """Its name in the registry of its kind."""
    sentence: str
    """What it does: the first sentence of its documentation."""


def parts_of(recipe: Recipe) -> tuple[Part, ...]:
    """Return the formulas of a recipe: its preference loss, and RL's in the order of their use."""
    preference = recipe.preference
    loss = preference_losses.get(preference.loss).formula
    told = [_part("preference loss", preference.loss, loss)] if preference.steps > 0 else []
    return (*told, *(_parts(recipe) if recipe.rl.steps > 0 else ()))


def _parts(recipe: Recipe) -> Iterator[Part]:
    rl = recipe.rl
    yield _part("filter", rl.filter, filters.get(rl.filter))
    yield _part("advantage", rl.advantage, advantages.get(rl.advantage))
    if rl.critic.kind != "none":
        yield Part("critic", rl.critic.kind, "The value of the state before each token.")
    yield _part("token weight", rl.tokens.name, token_weights.get(rl.tokens.name))
    if rl.tokens.split_below > 0.0:
        sentence = (
            f"Tokens of a probability below {rl.tokens.split_below:g} first, then the others."
        )
        yield Part("passes", "split_passes", sentence)
    yield _part("policy loss", rl.policy_loss, policy_losses.get(rl.policy_loss))
    yield _part("aggregation", rl.aggregation, aggregations.get(rl.aggregation))
    if rl.kl.weight > 0.0:
        found = _part(
            f"KL in the {rl.kl.place}", rl.kl.estimator, kl_estimators.get(rl.kl.estimator)
        )
        yield found
    if rl.entropy.active:
        yield _part("entropy", rl.entropy.control, entropy_controls.get(rl.entropy.control))
    correction = rl.mismatch.correction
    yield _part("mismatch", correction, mismatch_weights.get(correction))


def markdown_table(names: Sequence[str]) -> list[str]:
    """Return a table of recipes and the parts of their RL stage, line by line."""
    lines = [
        "| recipe | grade | advantage | policy loss | aggregation | filter | KL | besides |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        recipe = load_recipe(name)
        rl = recipe.rl
        clip = f"{rl.clip.low:g}/{rl.clip.high:g}" + (
            f", dual {rl.clip.dual:g}" if rl.clip.dual else ""
        )
        clipped = rl.policy_loss in ("clipped_ratio", "sequence_ratio", "clipped_weight")
        kl = f"{rl.kl.weight:g} {rl.kl.estimator} in the {rl.kl.place}" if rl.kl.weight else "-"
        whitened = ", whitened" if rl.returns.whiten else ""
        cells = [
            f"`{name}`",
            recipe.grade or "-",
            f"`{rl.advantage}`{whitened}",
            f"`{rl.policy_loss}`" + (f" {clip}" if clipped else ""),
            f"`{rl.aggregation}`",
            f"`{rl.filter}`",
            kl,
            "; ".join(_besides(recipe)) or "-",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _besides(recipe: Recipe) -> Iterator[str]:
    rl = recipe.rl
    if rl.critic.kind != "none":
        yield f"{rl.critic.kind} critic"
    if rl.expert_samples:
        yield f"{rl.expert_samples} expert row a group"
    if rl.refill_batches:
        yield "refilled"
    if rl.rewards.overlong_cache:
        yield "overlong penalty"
    if rl.rewards.answered:
        yield f"{rl.rewards.answered:g} for a wrong answer"
    if rl.tokens.name != "uniform":
        yield f"`{rl.tokens.name}`"
    if rl.tokens.split_below:
        yield f"passes split at {rl.tokens.split_below:g}"
    if rl.teacher.weight:
        yield f"teacher {rl.teacher.weight:g}, {rl.teacher.mask}"
    if rl.entropy.active:
        yield f"entropy {rl.entropy.bonus:g}"
    if rl.epochs > 1:
        yield f"{rl.epochs} passes"


def _part(kind: str, name: str, formula: object) -> Part:
    text = inspect.getdoc(formula) or ""
    return Part(kind, name, " ".join(text.split("\n\n")[0].split()))
