"""`gym-reason pipeline`: run stages that build on each other, and only those that have changed."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.errors import UsageError
from gym_reason.records import to_json

if TYPE_CHECKING:
    from gym_reason.trainers.pipeline.run import StageResult

_WORDS = {
    "finished": "is finished",
    "unfinished": "goes on",
    "changed": "runs again: what it depends on has changed",
    "new": "runs",
    "off": "is off",
}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "pipeline",
        help="run stages that build on each other",
        description="Run the stages of a pipeline in order. A stage whose recipe, files and "
        "earlier stages are as they were is not run again; one that was cut short goes on.",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="PIPELINE|FILE.toml|key=value",
        help="a pipeline; then settings: stage.NAME.enabled=false, stage.NAME.KEY=VALUE for one "
        "recipe, KEY=VALUE for all",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="its folder (default: runs/PIPELINE)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say how each stage stands, and stop"
    )
    parser.add_argument("--list", action="store_true", help="list the pipelines and stop")
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    if args.list:
        return list_pipelines(as_json=args.json)
    if not args.words or "=" in args.words[0]:
        raise UsageError("no pipeline", "its name or a TOML file", "see gym-reason pipeline --list")
    return run_target(
        args.words[0], args.words[1:], args.out, dry_run=args.dry_run, as_json=args.json
    )


def run_target(
    target: str, overrides: list[str], out: Path | None, *, dry_run: bool, as_json: bool
) -> int:
    """Run a pipeline and say what became of each stage, or only how each stands."""
    from gym_reason.cli.display import make_observer
    from gym_reason.trainers.pipeline.run import describe_pipeline, run_pipeline
    from gym_reason.trainers.pipeline.spec import load_pipeline
    from gym_reason.trainers.run.stop import Stopped

    pipeline = load_pipeline(target, overrides)
    folder = out or Path("runs") / pipeline.name
    if dry_run:
        results = describe_pipeline(pipeline, folder)
        if as_json:
            print_json({"pipeline": pipeline.name, "folder": str(folder), "stages": rows(results)})
        else:
            for result in results:
                print(f"{result.name}: {_WORDS[result.status]}")
        return 0
    observer = make_observer(pipeline.name)

    def say(result: "StageResult") -> None:
        observer.print(f"stage {result.name} {_WORDS[result.status]}")

    try:
        with observer:
            results = run_pipeline(pipeline, folder, observer, say)
    except Stopped as stop:
        observer.print(f"gym-reason: {stop}; the same command goes on from there")
        return stop.exit_code
    if as_json:
        print_json({"pipeline": pipeline.name, "folder": str(folder), "stages": rows(results)})
    else:
        for result in results:
            if result.status != "off":
                print(f"{result.name}: {result.path} ({result.seconds:.1f} s)")
    return 0


def rows(results: "list[StageResult]") -> list[Any]:
    """Return results as JSON values."""
    return [to_json(result) for result in results]


def list_pipelines(*, as_json: bool) -> int:
    """Print each pipeline with its one line."""
    from gym_reason.trainers.pipeline.spec import load_pipeline, pipelines

    lines = {name: load_pipeline(name).description for name in pipelines}
    if as_json:
        print_json(lines)
    else:
        width = max(map(len, lines), default=0)
        for name, line in lines.items():
            print(f"{name:<{width}}  {line}")
    return 0
