"""Recipes: everything that decides a run, as typed settings read from TOML."""

import importlib.resources
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gym_reason.config import apply_overrides, build, read_toml, to_values, write_toml
from gym_reason.errors import ConfigError
from gym_reason.registry import environments, recipes
from gym_reason.trainers.formulas import (
    ADVANTAGES,
    AGGREGATIONS,
    FILTERS,
    KL_ESTIMATORS,
    POLICY_LOSSES,
)

DEFAULT_RECIPE = "demo"
RECIPE_FOR_ANY_ENV = "dapo"


def check_at_least(low: int, **values: int) -> None:
    """Raise ValueError for a value below `low`."""
    for name, value in values.items():
        if value < low:
            raise ValueError(f"{name} = {value}; expected {low} or more")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which weights are trained, and how they are held."""

    path: str = ""
    """A Hugging Face directory, a checkpoint or a run; empty for a new embedded model."""
    size: str = "0.4m"
    """Preset of the embedded model."""
    alphabet: str = ""
    """Characters of the embedded tokenizer; empty for printable ASCII and the newline."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it runs; `auto` takes a GPU where there is one."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of matrix products; weights stay fp32. `auto` is bf16 on a GPU and fp32 on a CPU."""
    threads: int = 0
    """CPU threads; 0 chooses from the cores that are free. A run keeps what it began with."""
    cache_bytes: int = 0
    """Memory for keys and values while sampling; 0 takes a share of what is free. Kept likewise."""
    matmul: Literal["auto", "highest", "medium"] = "auto"
    """Kernels of fp32 products on a CPU; `auto` measures them. A run keeps what it began with."""


@dataclass(frozen=True, slots=True)
class EnvSettings:
    """What is trained on."""

    id: str
    """A registered environment."""
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Its arguments."""
    split: str = "train"
    """The split that is trained on."""
    step_seconds: float = 600.0
    """Most seconds of one step of an environment that runs beside the others."""


@dataclass(frozen=True, slots=True)
class OptimiserSettings:
    """AdamW and its schedule: linear warm-up, then linear decay."""

    lr: float
    """Highest learning rate."""
    warmup_steps: int = 0
    """Optimiser steps of warm-up."""
    final_share: float = 1.0
    """Learning rate at the end, as a share of the highest."""
    beta1: float = 0.9
    """Decay of the mean of the gradient."""
    beta2: float = 0.95
    """Decay of the mean of its square."""
    weight_decay: float = 0.0
    """Decoupled weight decay."""
    clip_norm: float = 1.0
    """Largest norm of the gradient."""


@dataclass(frozen=True, slots=True)
class ColdStartSettings:
    """Supervised training on demonstrations that the environment makes, before RL."""

    steps: int = 0
    """Optimiser steps; 0 leaves the stage out."""
    problems: int = 1000
    """How many problems are demonstrated."""
    think_share: float = 1.0
    """Share of the demonstrations that show their reasoning; the others answer at once."""
    batch_rows: int = 64
    """Demonstrations in an optimiser step."""
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(lr=1e-3))
    """Its own AdamW."""

    def __post_init__(self) -> None:
        """Refuse sizes that no step can have."""
        check_at_least(0, steps=self.steps)
        check_at_least(1, problems=self.problems, batch_rows=self.batch_rows)


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """How completions are drawn."""

    max_tokens: int = 256
    """Most tokens of a turn."""
    temperature: float = 1.0
    """Of rollouts. The trainer's log-probabilities are taken at the same temperature."""
    top_k: int = 0
    """0 keeps every token."""
    top_p: float = 1.0
    """1 keeps every token."""
    min_p: float = 0.0
    """0 keeps every token."""


@dataclass(frozen=True, slots=True)
class RlSettings:
    """The RL loop: which formulas, how many episodes, how they are split into updates."""

    steps: int
    """Most steps, each a set of rollouts and the updates on them; 0 leaves the stage out."""
    solved_at: float = 0.0
    """Ends early at this sampled accuracy, on average over 10 steps; 0 never does."""
    tasks_per_step: int = 64
    """Groups of a step."""
    samples_per_task: int = 8
    """Episodes of a group."""
    advantage: str = "group_zscore"
    """Name in `formulas.ADVANTAGES`."""
    filter: str = "drop_zero_variance"
    """Name in `formulas.FILTERS`."""
    policy_loss: str = "clipped_ratio"
    """Name in `formulas.POLICY_LOSSES`."""
    clip_low: float = 0.2
    """Lower clip range."""
    clip_high: float = 0.2
    """Upper clip range."""
    clip_dual: float = 0.0
    """Dual clip; 0 is off."""
    aggregation: str = "token_mean"
    """Name in `formulas.AGGREGATIONS`."""
    kl: str = "k3"
    """Name in `formulas.KL_ESTIMATORS`."""
    kl_weight: float = 0.0
    """Weight of the divergence from the weights at the start of RL; 0 keeps no reference model."""
    entropy_bonus: float = 0.0
    """Weight of the policy's entropy."""
    minibatches: int = 4
    """Most optimiser steps a pass."""
    minibatch_rows: int = 64
    """Fewest episodes of an optimiser step; a step with fewer has one optimiser step."""
    epochs: int = 1
    """Passes over the episodes of a step."""
    micro_batch_tokens: int = 16384
    """Most tokens, padding included, in one forward pass."""
    mismatch_cap: float = 2.0
    """Cap of the importance weight between sampler and trainer; 0 leaves it out."""
    gap_limit: float = 0.1
    """Alarm: the run stops where sampler and trainer differ by more nats a token, on average."""
    log_groups: int = 2
    """Groups of a step whose episodes are kept in `trajectories/`."""
    optimiser: OptimiserSettings = field(default_factory=lambda: OptimiserSettings(lr=3e-4))
    """Its own AdamW."""

    def __post_init__(self) -> None:
        """Refuse names that no registry holds, and sizes that no step can have."""
        for key, registry in (
            ("advantage", ADVANTAGES),
            ("filter", FILTERS),
            ("policy_loss", POLICY_LOSSES),
            ("aggregation", AGGREGATIONS),
            ("kl", KL_ESTIMATORS),
        ):
            name = getattr(self, key)
            if name not in registry:
                raise ValueError(f"{key} = {name!r}; expected one of {', '.join(registry)}")
        check_at_least(0, steps=self.steps, log_groups=self.log_groups)
        for key in ("tasks_per_step", "samples_per_task", "minibatches", "minibatch_rows"):
            check_at_least(1, **{key: getattr(self, key)})
        check_at_least(1, epochs=self.epochs, micro_batch_tokens=self.micro_batch_tokens)


@dataclass(frozen=True, slots=True)
class CurriculumSettings:
    """Difficulty levels, moved by the measured pass rate."""

    levels: tuple[Mapping[str, Any], ...] = ()
    """Arguments of the environment, easiest first; empty for none."""
    raise_at: float = 0.8
    """Pass rate at which the level goes up."""
    lower_at: float = 0.2
    """Pass rate at which it goes down."""
    window: int = 512
    """Episodes that the rate is measured over."""
    rehearse: float = 0.1
    """Share of tasks drawn from lower levels."""


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What accuracy is measured on: greedy answers to problems that are never trained on."""

    problems: int = 512
    """How many."""
    split: str = "test"
    """The environment's split that they come from."""
    samples_shown: int = 8
    """How many of them are kept, before and after, for the report."""

    def __post_init__(self) -> None:
        """Refuse an evaluation of nothing."""
        check_at_least(1, problems=self.problems)
        check_at_least(0, samples_shown=self.samples_shown)


@dataclass(frozen=True, slots=True)
class CheckpointSettings:
    """How often a run is saved."""

    every_steps: int = 1
    """Steps between checkpoints, in both stages; a crash costs at most these."""
    keep: int = 2
    """Newest checkpoints that are kept, besides the last one of each stage."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a run."""

    name: str
    """Also the name of its run folder."""
    env: EnvSettings
    """What is trained on."""
    rl: RlSettings
    """The RL loop."""
    description: str = ""
    """One line."""
    seed: int = 0
    """Every draw of the run derives from it."""
    model: ModelSettings = field(default_factory=ModelSettings)
    """Which weights."""
    cold_start: ColdStartSettings = field(default_factory=ColdStartSettings)
    """Supervised stage."""
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    """How completions are drawn."""
    curriculum: CurriculumSettings = field(default_factory=CurriculumSettings)
    """Difficulty levels."""
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    """How accuracy is measured."""
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    """How often it is saved."""

    def __post_init__(self) -> None:
        """Refuse what would train on held-out problems, or on other odds than were sampled."""
        tables = (self.env.kwargs, *self.curriculum.levels)
        if any("split" in table for table in tables):
            raise ValueError("env.kwargs has a split; expected it in env.split")
        if self.env.split in ("all", self.evaluation.split):
            raise ValueError(
                f"env.split = {self.env.split!r} holds the problems of evaluation.split = "
                f"{self.evaluation.split!r}; expected two splits that share none"
            )
        sampling = self.sampling
        truncated = sampling.top_k > 0 or sampling.top_p < 1.0 or sampling.min_p > 0.0
        if self.rl.steps > 0 and (truncated or sampling.temperature < 0.01):
            raise ValueError(
                "sampling with top_k, top_p, min_p or no temperature; expected the policy's own "
                "probabilities in RL: they are what the update weighs"
            )


def load_recipe(target: str, overrides: Sequence[str] = ()) -> Recipe:
    """Return the recipe that `target` names, with overrides applied.

    Args:
        target: A recipe's name, a TOML file, or the id of an environment (the `dapo` recipe on it).
        overrides: `key=value`, with dots into tables.

    Raises:
        ConfigError: For an unknown key or a value of the wrong type.
        UnknownNameError: For an unknown recipe.
    """
    if "/" in target and not target.endswith(".toml"):
        environments.get(target)
        values = _read_with_base(recipes.get(RECIPE_FOR_ANY_ENV))
        name = target.rpartition("/")[2].lower()
        values |= {"name": name, "description": f"DAPO on {target}", "env": {"id": target}}
        # The demo's alphabet and limit fit the demo's sums alone.
        values |= {"model": {"size": "0.4m"}, "sampling": {"max_tokens": 256}}
    else:
        path = Path(target) if target.endswith(".toml") else recipes.get(target)
        values = _read_with_base(path)
        values.setdefault("name", path.stem)
    return build(Recipe, apply_overrides(values, overrides))


def dump_recipe(recipe: Recipe) -> str:
    """Return a recipe, whole, as TOML."""
    return write_toml(to_values(recipe))


def _read_with_base(path: Path, depth: int = 0) -> dict[str, Any]:
    """Read a recipe and, under it, the one that its `base` names."""
    values = read_toml(path)
    base = values.pop("base", None)
    if base is None:
        return values
    if depth >= 8:
        raise ConfigError(f"the recipe {path} has more than 8 bases", "a chain that ends")
    return _merge(_read_with_base(recipes.get(base), depth + 1), values)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        both_tables = isinstance(inner, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(inner, value) if both_tables else value  # type: ignore[arg-type]
    return merged


def register_builtin_recipes() -> None:
    """Register every recipe that ships with the package."""
    folder = importlib.resources.files("gym_reason.trainers") / "recipes"
    for path in sorted(Path(str(folder)).glob("*.toml")):
        recipes.add(path.stem, path)


register_builtin_recipes()
