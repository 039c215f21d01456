"""`gym-reason train`: run a recipe, or go on with a run."""

import argparse
from pathlib import Path
from typing import Any

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.cli.display import make_observer, say_result
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
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    from gym_reason.trainers import recipe as recipes_module
    from gym_reason.trainers.run_folder import choose_folder, latest_folder, read_recipe

    if args.list:
        return list_recipes(as_json=args.json)
    target, overrides = split_words(args.words)
    if args.resume:
        name = recipes_module.load_recipe(target, overrides).name
        folder = args.out or latest_folder(name)
        recipe = read_recipe(folder, overrides)
    else:
        recipe = recipes_module.load_recipe(target, overrides)
        if args.dry_run:
            print(recipes_module.dump_recipe(recipe), end="")
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


def list_recipes(*, as_json: bool) -> int:
    """Print each recipe with its one line."""
    from gym_reason.config import read_toml
    from gym_reason.registry import recipes

    rows = {name: read_toml(recipes.get(name)).get("description", "") for name in recipes}
    if as_json:
        print_json(rows)
    else:
        width = max(map(len, rows), default=0)
        for name, line in rows.items():
            print(f"{name:<{width}}  {line}")
    return 0
