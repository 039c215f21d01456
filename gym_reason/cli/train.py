"""`gym-reason train`: run a recipe, or go on with a run."""

import argparse
from pathlib import Path
from typing import Any

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.cli.display import make_observer, say_result
from gym_reason.cli.pipeline import run_target
from gym_reason.errors import UsageError
from gym_reason.records import to_json


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
    from gym_reason.trainers import recipe as recipes_module
    from gym_reason.trainers.pipeline.spec import is_pipeline
    from gym_reason.trainers.run_folder import choose_folder, latest_folder, read_recipe

    if args.list and args.markdown:
        from gym_reason.trainers.bench import online_recipes
        from gym_reason.trainers.parts import markdown_table

        print("\n".join(markdown_table(online_recipes())))
        return 0
    if args.list:
        return list_recipes(as_json=args.json)
    target, overrides = split_words(args.words)
    if is_pipeline(target):
        return run_target(target, overrides, args.out, dry_run=args.dry_run, as_json=args.json)
    if args.resume:
        name = recipes_module.load_recipe(target, overrides).name
        folder = args.out or latest_folder(name)
        recipe = read_recipe(folder, overrides)
    else:
        recipe = recipes_module.load_recipe(target, overrides)
        if args.dry_run:
            print_recipe(recipe)
            return 0
        folder = choose_folder(args.out, recipe.name)
    return run_recipe(recipe, folder, resume=args.resume, as_json=args.json)


def run_recipe(recipe: Any, folder: Path, *, resume: bool, as_json: bool) -> int:
    """Train, show progress, and say what was learned."""
    from gym_reason.trainers.stop import Stopped
    from gym_reason.trainers.train import train

    observer = make_observer(recipe.name)
    try:
        with observer:
            summary = train(recipe, folder, observer, resume=resume)
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
