"""What each stage of a pipeline will do: its recipe or command, and what it depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gym_reason.config import build, to_values
from gym_reason.errors import ConfigError
from gym_reason.registry import recipes
from gym_reason.trainers.pipeline.hashes import hash_inputs, hash_values
from gym_reason.trainers.pipeline.spec import (
    OUT,
    Pipeline,
    StageSpec,
    put_paths,
    references_in,
)
from gym_reason.trainers.recipe import Recipe, merge, read_recipe_file
from gym_reason.trainers.smoke import cut_down

_WORDS_ALONE = ("name", "description", "paper", "grade")
"""Values of a recipe that change nothing in its run."""


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage that is switched on."""

    spec: StageSpec
    """The stage."""
    inputs: tuple[str, ...]
    """Stages whose artefacts it reads."""
    values: Mapping[str, Any]
    """The recipe's values, or the command; other stages stand in it by `{name}`."""
    folder: Path
    """Its folder."""

    @property
    def artefact(self) -> Path:
        """The run, or the file that the command writes."""
        return self.folder / self.spec.output if self.spec.command else self.folder

    def fingerprint(self, artefacts: Mapping[str, str]) -> str:
        """Return what changes when anything that it depends on does.

        That is its recipe or command, the artefacts of the stages that it reads, and every file and
        model that its texts name.
        """
        values = {key: item for key, item in self.values.items() if key not in _WORDS_ALONE}
        return hash_values(
            {
                "values": values,
                "stages": {name: artefacts[name] for name in self.inputs},
                "files": hash_inputs(values),
            }
        )

    def recipe(self, paths: Mapping[str, str]) -> Recipe:
        """Return the recipe of its run, with the paths of other stages' artefacts."""
        recipe = build(Recipe, put_paths(self.values, paths))
        cut: Recipe = cut_down(recipe) if recipe.smoke else recipe
        return cut

    def words(self, paths: Mapping[str, str]) -> list[str]:
        """Return the words of its command, with the paths of other stages' artefacts."""
        words: list[str] = put_paths(self.values["command"], {**paths, OUT: str(self.artefact)})
        return words


def make_plans(pipeline: Pipeline, folder: Path) -> list[StagePlan]:
    """Return the plan of each stage that is switched on, in order.

    Raises:
        ConfigError: A stage reads what is switched off, or its recipe has an unknown key.
        UnknownNameError: There is no such recipe.
    """
    return [
        _make_plan(pipeline, spec, folder / spec.name) for spec in pipeline.stage if spec.enabled
    ]


def _make_plan(pipeline: Pipeline, spec: StageSpec, folder: Path) -> StagePlan:
    base = pipeline.base_of(spec)
    read = {*references_in(spec.overrides), *references_in(spec.command)} - {OUT}
    stand_ins = {name: _stand_in(pipeline, spec, name) for name in read}
    inputs = {other for other in stand_ins.values() if pipeline.has(other)}
    inputs |= {name for name in spec.needs if pipeline.find(name).enabled}
    if base is not None:
        inputs.add(base.name)
    values: dict[str, Any] = {"command": list(spec.command)}
    if spec.recipe:
        values = _recipe_values(pipeline, spec, "" if base is None else f"{{{base.name}}}")
    texts = {n: f"{{{o}}}" if pipeline.has(o) else o for n, o in stand_ins.items()}
    known = {OUT: f"{{{OUT}}}"} | ({} if base is None else {base.name: f"{{{base.name}}}"})
    values = put_paths(values, known | texts)
    if spec.recipe:
        values = to_values(build(Recipe, values))
    return StagePlan(spec, tuple(sorted(inputs)), values, folder)


def _stand_in(pipeline: Pipeline, spec: StageSpec, name: str) -> str:
    """Return the stage that is read where `spec` reads `name`, or the path of the base weights.

    A run that is switched off leaves the weights that it would have started from.
    """
    read = pipeline.find(name)
    if read.enabled:
        return name
    base = pipeline.base_of(read)
    if read.command or (base is None and not pipeline.model):
        what = "writes" if read.command else "trains"
        raise ConfigError(
            f"the stage {spec.name} reads what {name} {what}, which is switched off",
            "both or neither",
            f"add stage.{spec.name}.enabled=false",
        )
    return pipeline.model if base is None else base.name


def _recipe_values(pipeline: Pipeline, spec: StageSpec, start: str) -> dict[str, Any]:
    """Return the values of a run's recipe: its file, the pipeline's settings, its own overrides."""
    path = Path(spec.recipe) if spec.recipe.endswith(".toml") else recipes.get(spec.recipe)
    values = merge(merge(read_recipe_file(path), pipeline.settings), spec.overrides)
    model = start or pipeline.model
    named = {"name": f"{pipeline.name}-{spec.name}"}
    return merge(values, named | ({"model": {"path": model}} if model else {}))
