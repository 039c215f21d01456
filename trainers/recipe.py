"""Recipes: everything that decides a run, as typed settings read from TOML."""

import dataclasses
import importlib.resources
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gym_reason.agents.engines.vllm.settings import VllmSettings
from gym_reason.cluster.settings import RaySettings
from gym_reason.config import apply_overrides, build, read_toml, to_values, write_toml
from gym_reason.errors import ConfigError
from gym_reason.registry import environments, recipes
from gym_reason.trainers.distillation.settings import DistillSettings
from gym_reason.trainers.model.adapter_settings import AdapterSettings
from gym_reason.trainers.preference.settings import PreferenceSettings
from gym_reason.trainers.reward_model.settings import RewardModelSettings
from gym_reason.trainers.rl.settings import RlSettings
from gym_reason.trainers.rollouts.settings import RolloutSettings
from gym_reason.trainers.run.tracker_names import check_names
from gym_reason.trainers.settings import (
    CheckpointSettings,
    ColdStartSettings,
    CurriculumSettings,
    EnvSettings,
    EvaluationSettings,
    ModelSettings,
    SamplingSettings,
)
from gym_reason.trainers.smoke import cut_down
from gym_reason.trainers.supervised.settings import SftSettings, check_held_out
from gym_reason.trainers.teacher.settings import TeacherModelSettings

DEFAULT_RECIPE = "demo"
RECIPE_FOR_ANY_ENV = "dapo"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a run."""

    name: str
    """Also the name of its run folder."""
    env: EnvSettings
    """What is trained on."""
    description: str = ""
    """One line."""
    paper: str = ""
    """Where the method comes from."""
    grade: Literal["", "C", "L", "P", "S", "D", "U"] = ""
    """How well its formulas are known: from official code (C), a well-kept library's (L), the
    paper's text (P), second-hand notes (S), our derivation (D). U is unverified, experimental."""
    smoke: bool = False
    """Whether the run is cut down to under a minute: it shows that all works, and learns little."""
    seed: int = 0
    """Every draw of the run derives from it."""
    model: ModelSettings = field(default_factory=ModelSettings)
    """Which weights."""
    adapter: AdapterSettings = field(default_factory=AdapterSettings)
    """What learns in their place."""
    cold_start: ColdStartSettings = field(default_factory=ColdStartSettings)
    """Supervised stage."""
    sft: SftSettings = field(default_factory=SftSettings)
    """Supervised fine-tuning."""
    reward_model: RewardModelSettings = field(default_factory=RewardModelSettings)
    """A reward model beside the policy."""
    preference: PreferenceSettings = field(default_factory=PreferenceSettings)
    """Preference training."""
    teacher: TeacherModelSettings = field(default_factory=TeacherModelSettings)
    """Whom a student learns from."""
    distill: DistillSettings = field(default_factory=DistillSettings)
    """Distillation."""
    rl: RlSettings = field(default_factory=RlSettings)
    """The RL loop."""
    rollout: RolloutSettings = field(default_factory=RolloutSettings)
    """Where its episodes are played, and how far ahead of its updates."""
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    """How completions are drawn."""
    engine: Literal["local", "vllm", "server", "ray"] = "local"
    """Who samples: our own loop, `vllm` in this process, a vLLM `server`, or our own loop in the
    replicas of `[ray]`."""
    vllm: VllmSettings = field(default_factory=VllmSettings)
    """How vLLM is run, where it samples."""
    ray: RaySettings = field(default_factory=RaySettings)
    """The cluster of `rollout.backend` and `engine` "ray"."""
    agent: str = "answer"
    """The agent around the policy, with its settings: `self-refine:rounds=2,credit=last`."""
    prompts: dict[str, str] = field(default_factory=dict)
    """Templates that stand in for those of the agent, by role: a text, or a `.jinja` file."""
    curriculum: CurriculumSettings = field(default_factory=CurriculumSettings)
    """Difficulty levels."""
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    """How accuracy is measured."""
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    """How often it is saved."""
    tracker: str = ""
    """Who is told each step besides `metrics.jsonl`: `tensorboard`, `wandb` or `mlflow`, several
    with commas between them."""

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
        check_names(self.tracker)
        check_held_out(self.sft.sources, self.env.id, self.evaluation.split)
        sampling = self.sampling
        truncated = sampling.top_k > 0 or sampling.top_p < 1.0 or sampling.min_p > 0.0
        if self.rl.steps > 0 and (truncated or sampling.temperature < 0.01):
            raise ValueError(
                "sampling with top_k, top_p, min_p or no temperature; expected the policy's own "
                "probabilities in RL: they are what the update weighs"
            )
        if self.rollout.ahead > 0 and self.rl.mismatch.correction == "none":
            raise ValueError(
                "rl.mismatch.correction = 'none' with rollout.ahead; expected truncated or masked: "
                "the episodes come from older weights"
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
        values = read_recipe_file(recipes.get(RECIPE_FOR_ANY_ENV))
        name = target.rpartition("/")[2].lower()
        values |= {"name": name, "description": f"DAPO on {target}", "env": {"id": target}}
        # The demo's alphabet and limit fit the demo's sums alone.
        values |= {"model": {"size": "0.4m"}, "sampling": {"max_tokens": 256}}
    else:
        path = Path(target) if target.endswith(".toml") else recipes.get(target)
        values = read_recipe_file(path)
        values.setdefault("name", path.stem)
    recipe = build(Recipe, apply_overrides(values, overrides))
    if recipe.prompts:
        from gym_reason.agents.refine.prompts import read_template  # Jinja takes its time.

        # What a run was trained with is kept in its recipe, whatever becomes of the files.
        texts = {role: read_template(text) for role, text in recipe.prompts.items()}
        recipe = dataclasses.replace(recipe, prompts=texts)
    cut: Recipe = cut_down(recipe) if recipe.smoke else recipe
    return cut


def dump_recipe(recipe: Recipe) -> str:
    """Return a recipe, whole, as TOML."""
    return write_toml(to_values(recipe))


def read_recipe_file(path: Path, depth: int = 0) -> dict[str, Any]:
    """Return the values of a recipe's file and, under them, of the one that its `base` names.

    Where the method comes from is not taken over from a base. Raises ConfigError.
    """
    values = read_toml(path)
    base = values.pop("base", None)
    if base is None:
        return values
    if depth >= 8:
        raise ConfigError(f"the recipe {path} has more than 8 bases", "a chain that ends")
    below = read_recipe_file(recipes.get(base), depth + 1)
    own = {"paper", "grade", "description"}
    return merge({key: item for key, item in below.items() if key not in own}, values)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return one set of values laid over another, table by table."""
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        both_tables = isinstance(inner, Mapping) and isinstance(value, Mapping)
        merged[key] = merge(inner, value) if both_tables else value  # type: ignore[arg-type]
    return merged


def register_builtin_recipes() -> None:
    """Register every recipe that ships with the package."""
    folder = importlib.resources.files("gym_reason.trainers") / "recipes"
    for path in sorted(Path(str(folder)).glob("*.toml")):
        recipes.add(path.stem, path)


register_builtin_recipes()
