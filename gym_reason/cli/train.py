"""`gym-reason train`: run a recipe, or go on with a run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.cli.display import make_observer, say_result
from gym_reason.cli.pipeline import run_target
from gym_reason.errors import UsageError
from gym_reason.records import to_json

if TYPE_CHECKING:
    from gym_reason.trainers.distributed.world import World
    from gym_reason.trainers.recipe import Recipe


def add_parser(subparsers: Any) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "train",
        help="train an agent: with nothing else, the embedded demo",
        description="Run a recipe by name or file, or DAPO on any registered environment.",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="RECIPE|ENV_ID|key=value",
        help="a recipe (default: demo), a .toml file or an environment's id; "
        "then settings such as rl.steps=50",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the newest run of the recipe, or with --out",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of the run (default: runs/NAME)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the resolved recipe and stop")
    parser.add_argument("--list", action="store_true", help="list the recipes and stop")
    parser.add_argument(
        "--markdown", action="store_true", help="with --list: a table of the parts of each method"
    )
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    if args.list and args.markdown:
        from gym_reason.trainers.bench import online_recipes
        from gym_reason.trainers.parts import markdown_table

        print("\n".join(markdown_table(online_recipes())))
        return 0
    if args.list:
        return list_recipes(as_json=args.json)
    from gym_reason.trainers.distributed.launch import open_world
    from gym_reason.trainers.pipeline.spec import is_pipeline

    target, overrides = split_words(args.words)
    with open_world() as world:
        if is_pipeline(target):
            if world.size > 1:
                raise UsageError(
                    f"the pipeline {target} in {world.size} processes",
                    "one process for a pipeline, or one of its recipes",
                )
            return run_target(target, overrides, args.out, dry_run=args.dry_run, as_json=args.json)
        recipe, folder = world.decide(lambda: find_run(target, overrides, args), "what to train")
        if folder is None:
            return 0
        return run_recipe(recipe, folder, world, resume=args.resume, as_json=args.json)


def find_run(
    target: str, overrides: list[str], args: argparse.Namespace
) -> tuple["Recipe", Path | None]:
    """Return the recipe and the folder of a run; no folder where the recipe was only to be shown.

    Raises ConfigError or UsageError.
    """
    from gym_reason.trainers.recipe import load_recipe
    from gym_reason.trainers.run.folder import choose_folder, latest_folder, read_recipe

    if args.resume:
        folder = args.out or latest_folder(load_recipe(target, overrides).name)
        return read_recipe(folder, overrides), folder
    recipe = load_recipe(target, overrides)
    if args.dry_run:
        print_recipe(recipe)
        return recipe, None
    return recipe, choose_folder(args.out, recipe.name)


def run_recipe(
    recipe: "Recipe", folder: Path, world: "World", *, resume: bool, as_json: bool
) -> int:
    """Train, show progress, and say what was learned."""
    from gym_reason.trainers.observer import SilentObserver
    from gym_reason.trainers.run.stop import Stopped
    from gym_reason.trainers.train import train

    if not world.is_main:
        try:
            train(recipe, folder, SilentObserver(), resume=resume, world=world)
        except Stopped as stop:
            return stop.exit_code
        return 0
    observer = make_observer(recipe.name)
    try:
        with observer:
            summary = train(recipe, folder, observer, resume=resume, world=world)
    except Stopped as stop:
        observer.print(f"gym-reason: {stop}; go on with: gym-reason train --resume --out {folder}")
        return stop.exit_code
    if as_json:
        print_json(to_json(summary))
    else:
        say_result(summary)
    return 0


def split_words(words: list[str]) -> tuple[str, list[str]]:
    """Return the target and the overrides.

    The target is the first word, unless that is an override.
    """
    from gym_reason.trainers.recipe import DEFAULT_RECIPE

    target, overrides = (
        (words[0], words[1:]) if words and "=" not in words[0] else (DEFAULT_RECIPE, words)
    )
    for word in overrides:
        if "=" not in word:
            raise UsageError(
                f"the word {word!r} after the recipe", "key=value", "for example rl.steps=50"
            )
    return target, overrides


def print_recipe(recipe: Any) -> None:
    """Print a recipe as TOML, and the formulas that it is made of as comments above it."""
    from gym_reason.trainers.parts import parts_of
    from gym_reason.trainers.recipe import dump_recipe

    for part in parts_of(recipe):
        print(f"# {part.kind}: {part.name}. {part.sentence}")
    print(dump_recipe(recipe), end="")


def list_recipes(*, as_json: bool) -> int:
    """Print each recipe and pipeline: its one line, its paper, how well its formulas are known."""
    from gym_reason.config import read_toml
    from gym_reason.registry import recipes
    from gym_reason.trainers.pipeline.spec import pipelines
    from gym_reason.trainers.recipe import read_recipe_file

    files = {name: read_recipe_file(recipes.get(name)) for name in recipes}
    files |= {name: read_toml(pipelines.get(name)) for name in pipelines}
    rows: dict[str, dict[str, str]] = {}
    for name, values in sorted(files.items()):
        rows[name] = {key: values.get(key, "") for key in ("description", "paper", "grade")}
    if as_json:
        print_json(rows)
        return 0
    width = max(map(len, rows), default=0)
    for name, row in rows.items():
        print(f"{name:<{width}}  {row['grade'] or '-'}  {row['description']}")
        if row["paper"]:
            print(f"{'':<{width}}     {row['paper']}")
    print("\nGrades: how well the formulas are known, from C (official code) to U (unverified).")
    return 0
