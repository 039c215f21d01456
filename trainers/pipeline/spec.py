"""A pipeline as it stands in its file, and what the command line changes in it."""

import importlib.resources
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gym_reason.config import apply_overrides, build, read_toml
from gym_reason.errors import ConfigError
from gym_reason.registry import Registry, explain_unknown

OUT = "out"
"""`{out}` in a command stands for the file that it has to write."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_REFERENCE = re.compile(r"\{([A-Za-z0-9_-]+)\}")

pipelines: Registry[Path] = Registry("pipeline", "gym_reason.pipelines")
"""Files of pipelines."""


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One stage: a run of a recipe, or a command that writes a file."""

    name: str
    """Its folder, and what others call it: `{name}` in their texts is the path of its artefact."""
    recipe: str = ""
    """A recipe's name or file; the artefact is the folder of the run."""
    command: tuple[str, ...] = ()
    """Words behind `gym-reason`; the artefact is the file `{out}`."""
    start: str = ""
    """The stage whose weights the run starts from; empty for the pipeline's base. Where that one is
    switched off, what it would have started from."""
    needs: tuple[str, ...] = ()
    """Further stages that come first."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Tables and values laid over the recipe."""
    output: str = "rows.jsonl"
    """Name of the file that a command writes."""
    enabled: bool = True
    """Whether it is run."""

    def __post_init__(self) -> None:
        """Refuse a stage that is nothing or two things, and a name that is no folder."""
        if not _NAME.fullmatch(self.name) or self.name == OUT:
            raise ValueError(f"name = {self.name!r}; expected letters, digits, - and _, not {OUT}")
        if bool(self.recipe) == bool(self.command):
            raise ValueError(f"{self.name} has a recipe and a command, or neither; expected one")
        if self.command and (self.start or self.overrides):
            raise ValueError(f"the command {self.name} has start or overrides; expected a recipe")
        if self.command and f"{{{OUT}}}" not in self.command:
            raise ValueError(f"the command of {self.name} has no word {{{OUT}}}; expected it")
        if Path(self.output).name != self.output:
            raise ValueError(f"output = {self.output!r}; expected the name of a file")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A graph of stages."""

    name: str
    """Also the name of its folder."""
    stage: tuple[StageSpec, ...]
    """The stages; each comes after those that it needs."""
    description: str = ""
    """One line."""
    paper: str = ""
    """Where it comes from."""
    grade: str = ""
    """How well its formulas are known, as in recipes."""
    model: str = ""
    """Base weights; empty for those of each recipe."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Tables and values laid over every recipe, under the stage's own."""

    def __post_init__(self) -> None:
        """Refuse two stages of one name, and what needs a stage that does not come before."""
        before: list[str] = []
        for spec in self.stage:
            if spec.name in before:
                raise ValueError(f"two stages are called {spec.name!r}; expected each name once")
            for needed in sorted(needed_by(spec)):
                if needed not in before:
                    found, expected, remedy = explain_unknown("stage", needed, before)
                    raise ValueError(f"{found} before {spec.name}; expected {expected} {remedy}")
            before.append(spec.name)
        if not before:
            raise ValueError("no [[stage]]; expected at least one")

    def has(self, name: str) -> bool:
        """Return whether there is a stage of this name."""
        return any(spec.name == name for spec in self.stage)

    def find(self, name: str) -> StageSpec:
        """Return a stage by its name."""
        return next(spec for spec in self.stage if spec.name == name)

    def base_of(self, spec: StageSpec) -> StageSpec | None:
        """Return the stage whose weights a run starts from, past those that are switched off.

        None stands for the pipeline's base.
        """
        while spec.start:
            spec = self.find(spec.start)
            if spec.enabled:
                return spec
        return None


def needed_by(spec: StageSpec) -> set[str]:
    """Return the names of the stages that come before one, switched on or off."""
    names = {*spec.needs, *references_in(spec.overrides), *references_in(spec.command)} - {OUT}
    return names | {spec.start} if spec.start else names


def references_in(value: object) -> Iterator[str]:
    """Yield each name in braces in the texts of a value, however deep."""
    if isinstance(value, str):
        yield from _REFERENCE.findall(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references_in(item)


def put_paths(value: Any, paths: Mapping[str, str]) -> Any:
    """Return a value whose texts have paths for the names in braces, however deep."""
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: paths[match.group(1)], value)
    if isinstance(value, Mapping):
        return {key: put_paths(item, paths) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [put_paths(item, paths) for item in value]
    return value


def is_pipeline(target: str) -> bool:
    """Return whether a target of `gym-reason train` is the name or the file of a pipeline."""
    if target.endswith(".toml"):
        return Path(target).is_file() and "stage" in read_toml(Path(target))
    return target in set(pipelines)


def load_pipeline(target: str, overrides: Sequence[str] = ()) -> Pipeline:
    """Return the pipeline that `target` names, with overrides applied.

    Args:
        target: A pipeline's name, or a TOML file.
        overrides: `stage.NAME.enabled=false` switches a stage off, `stage.NAME.KEY=VALUE` goes to
            its recipe, and any other `KEY=VALUE` to every recipe.

    Raises:
        ConfigError: For an unknown stage, a key of the wrong type or a stage that is out of order.
        UnknownNameError: For an unknown pipeline.
    """
    path = Path(target) if target.endswith(".toml") else pipelines.get(target)
    values = read_toml(path)
    values.setdefault("name", path.stem)
    stages = {
        str(table.get("name")): table
        for table in values.get("stage", [])
        if isinstance(table, dict)
    }
    for override in overrides:
        words = override.split(".", 2)
        if words[0] != "stage":
            for table in stages.values():
                if "recipe" in table:
                    table["overrides"] = apply_overrides(table.get("overrides", {}), [override])
            continue
        if len(words) < 3:
            raise ConfigError(f"the override {override!r}", "stage.NAME.KEY=VALUE")
        if words[1] not in stages:
            raise ConfigError(*explain_unknown("stage", words[1], list(stages)))
        table, rest = stages[words[1]], words[2]
        if rest.partition("=")[0].strip() == "enabled":
            table |= apply_overrides({}, [rest])
        else:
            table["overrides"] = apply_overrides(table.get("overrides", {}), [rest])
    return build(Pipeline, values)


def register_builtin_pipelines() -> None:
    """Register every pipeline that ships with the package."""
    folder = importlib.resources.files("gym_reason.trainers") / "pipeline"
    for path in sorted(Path(str(folder)).glob("*.toml")):
        pipelines.add(path.stem, path)


register_builtin_pipelines()
