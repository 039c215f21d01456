"""`gym-reason envs`: which environments there are, what they do, and whether they hold."""

import argparse
import inspect
import sys
from collections.abc import Sequence
from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.config import apply_overrides
from gym_reason.envs import TAKEN_IN
from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.envs.check import CheckReport, check
from gym_reason.errors import UsageError
from gym_reason.records import to_json
from gym_reason.registry import environments, explain_unknown, make


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `envs` and what stands below it."""
    parser = subparsers.add_parser("envs", help="list, show and check environments")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list the environments that are registered")
    showing = actions.add_parser("show", help="describe an environment and one of its tasks")
    add_id_and_settings(showing)
    checking = actions.add_parser("check", help="try out whether environments keep their contract")
    checking.add_argument("ids", nargs="+", metavar="ID|all", help="environments, or all of them")
    checking.add_argument(
        "--set", dest="settings", nargs="+", default=[], metavar="key=value", help="their arguments"
    )
    for action in (listing, showing, checking):
        add_common_arguments(action)


def run(args: argparse.Namespace) -> int:
    """Run the action that `args` names and return the exit code."""
    if args.action == "list":
        return _list(args.json)
    if args.action == "check":
        return _check(args.ids, args.settings, args.json)
    kwargs = read_settings(args.id, args.settings)
    return _show(args.id, kwargs, args.seed, args.json)


def add_id_and_settings(parser: argparse.ArgumentParser) -> None:
    """Add the environment, its arguments, and the seed that chooses its tasks."""
    parser.add_argument(
        "id", metavar="ID", help="the environment, for example gym_reason/Arithmetic-v0"
    )
    parser.add_argument("settings", nargs="*", metavar="key=value", help="its arguments")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which tasks (default 0)")


def read_settings(env_id: str, settings: Sequence[str]) -> dict[str, Any]:
    """Return the arguments of an environment. Raises UsageError for one that it does not take."""
    kwargs = apply_overrides({}, settings)
    known = list(_arguments_of(env_id))
    parameters = inspect.signature(_creator_of(env_id)).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return kwargs
    for name in kwargs:
        if name not in known:
            raise UsageError(*explain_unknown(f"argument of {env_id}", name, known))
    return kwargs


def _arguments_of(env_id: str) -> dict[str, object]:
    """Return the arguments of an environment and their defaults; `...` stands for none."""
    environments.get(env_id)
    spec = gymnasium.spec(env_id)
    arguments: dict[str, object] = {}
    for name, parameter in inspect.signature(_creator_of(env_id)).parameters.items():
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            default = ... if parameter.default is parameter.empty else parameter.default
            arguments[name] = spec.kwargs.get(name, default)
    return arguments


def _creator_of(env_id: str) -> Any:
    entry_point = gymnasium.spec(env_id).entry_point
    return load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point


def _list(as_json: bool) -> int:
    rows = [(env_id, environments.get(env_id)) for env_id in environments]
    if as_json:
        print_json({"environments": [{"id": row[0], "description": row[1]} for row in rows]})
        return 0
    width = max((len(env_id) for env_id, _ in rows), default=0)
    for env_id, description in rows:
        print(f"{env_id:<{width}}  {description}".rstrip())
    return 0


def _show(env_id: str, kwargs: dict[str, Any], seed: int, as_json: bool) -> int:
    env = unwrap(make(env_id, **kwargs))
    task = sample_tasks(env, 1, seed)[0]
    demonstration = env.demonstrate(task)
    tasks = env.tasks()
    arguments = {**_arguments_of(env_id), **kwargs}
    if as_json:
        shown = {
            "id": env_id,
            "description": environments.get(env_id),
            "doc": inspect.getdoc(_creator_of(env_id)) or "",
            "arguments": arguments,
            "splits": env.splits,
            "tasks": None if tasks is None else len(tasks),
            "observation_space": repr(env.observation_space),
            "action_space": repr(env.action_space),
            "task": task,
            "demonstration": demonstration,
        }
        print_json(to_json(shown))
        return 0
    print(f"{env_id}\n\n{inspect.getdoc(_creator_of(env_id)) or environments.get(env_id)}\n")
    print("Arguments")
    for name, value in arguments.items():
        print(f"  {name} = {value!r}" if value is not ... else f"  {name} (must be given)")
    print(f"\nSplits        {', '.join(env.splits)}")
    print(f"Tasks         {len(tasks) if tasks is not None else 'generated'}")
    print(f"Observations  {env.observation_space!r}\nActions       {env.action_space!r}")
    print(f"\nOne task ({task.id}, difficulty {task.difficulty:g})")
    for message in task.prompt:
        print(_indent(f"{message.role}: {message.content}"))
    print(f"\nIts reference, which no policy sees\n{_indent(task.reference)}")
    print("\nA demonstration, one action a block")
    print("\n".join(_indent(action) for action in demonstration))
    return 0


def _check(ids: Sequence[str], settings: Sequence[str], as_json: bool) -> int:
    names = list(environments) if "all" in ids else list(dict.fromkeys(ids))
    # A misspelt name or argument is told before anything runs.
    kwargs = {name: read_settings(name, settings) for name in names}
    reports: list[CheckReport] = []
    for name in names:
        if "all" in ids and name in TAKEN_IN:
            report = CheckReport(name, (), "another library's; name it alone, with what it takes")
        else:
            report = check(name, **kwargs[name])
        reports.append(report)
        if not as_json:
            _print_report(report)
    good = all(report.ok for report in reports)
    if as_json:
        print_json({"ok": good, "reports": to_json(reports)})
    elif len(reports) > 1:
        tried = [report for report in reports if not report.missing]
        left = len(reports) - len(tried)
        rest = f", {left} not checked" if left else ""
        print(f"{sum(report.ok for report in tried)} of {len(tried)} environments pass{rest}")
    return 0 if good else 1


def _print_report(report: CheckReport) -> None:
    if report.missing:
        print(f"{report.env_id}: not checked: {report.missing}")
        return
    print(f"{report.env_id}: {'passes' if report.ok else 'FAILS'}")
    for item in report.checks:
        detail = f": {item.detail}" if item.detail else ""
        print(f"  {'ok  ' if item.ok else 'FAIL'}  {item.name}{detail}")
    sys.stdout.flush()


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines() or [""])
