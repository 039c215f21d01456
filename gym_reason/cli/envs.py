"""`gym-reason envs`: which environments there are, what they do, and whether they hold."""

import argparse
import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium.envs.registration import load_env_creator

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.config import apply_overrides
from gym_reason.envs.base import ReasoningEnv, sample_tasks, unwrap
from gym_reason.envs.check import CheckReport, check
from gym_reason.errors import UsageError
from gym_reason.records import to_json, write_atomic
from gym_reason.registry import environments, explain_unknown, make
from gym_reason.types import Verdict

_FILM_FORMS: Mapping[str, str] = {".html": "page", ".gif": "gif"}
"""How an episode is kept as pictures, by how the file's name ends."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `envs` and what stands below it."""
    parser = subparsers.add_parser("envs", help="list, show, check and play environments")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list the environments that are registered")
    showing = actions.add_parser("show", help="describe an environment and one of its tasks")
    _add_id_and_settings(showing)
    checking = actions.add_parser("check", help="try out whether environments keep their contract")
    checking.add_argument("ids", nargs="+", metavar="ID|all", help="environments, or all of them")
    checking.add_argument(
        "--set", dest="settings", nargs="+", default=[], metavar="key=value", help="their arguments"
    )
    playing = actions.add_parser("play", help="answer the tasks of an environment yourself")
    _add_id_and_settings(playing)
    playing.add_argument(
        "--film",
        type=Path,
        metavar="FILE",
        help="keep the episode as pictures, FILE.html or FILE.gif; the next one as FILE-2.html",
    )
    for action in (listing, showing, checking, playing):
        add_common_arguments(action)


def run(args: argparse.Namespace) -> int:
    """Run the action that `args` names and return the exit code."""
    if args.action == "list":
        return _list(args.json)
    if args.action == "check":
        return _check(args.ids, args.settings, args.json)
    kwargs = _read_settings(args.id, args.settings)
    if args.action == "show":
        return _show(args.id, kwargs, args.seed, args.json)
    if args.json:
        raise UsageError("envs play with --json", "a person at the keyboard", "use gym-reason eval")
    return _play(args.id, kwargs, args.seed, args.film)


def _add_id_and_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id", metavar="ID", help="the environment, for example gym_reason/Arithmetic-v0"
    )
    parser.add_argument("settings", nargs="*", metavar="key=value", help="its arguments")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="which tasks (default 0)")


def _read_settings(env_id: str, settings: Sequence[str]) -> dict[str, Any]:
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
    kwargs = {name: _read_settings(name, settings) for name in names}
    reports: list[CheckReport] = []
    for name in names:
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


def _play(env_id: str, kwargs: dict[str, Any], seed: int, film: Path | None = None) -> int:
    env = unwrap(make(env_id, **kwargs))
    if film is not None and film.suffix not in _FILM_FORMS:
        raise UsageError(f"--film {film}", f"a file that ends in {' or '.join(_FILM_FORMS)}")
    if film is not None and type(env).film is ReasoningEnv.film:
        raise UsageError(f"--film with {env_id}", "an environment that has a screen")
    print(f"{env_id}. One line is one action; Ctrl-D or Ctrl-C ends.")
    played = solved = 0
    stem = film.stem if film is not None else ""
    try:
        while True:
            # Each episode after the first is kept beside it: episode.html, episode-2.html.
            if film is not None and played:
                film = film.with_stem(f"{stem}-{played + 1}")
            solved += _play_episode(env, seed + played, film)
            played += 1
    except (EOFError, KeyboardInterrupt):
        print(f"\n{played} {'task' if played == 1 else 'tasks'} played, {solved} solved.")
    except UnicodeDecodeError:
        raise UsageError("a line that is not UTF-8", "text in UTF-8") from None
    finally:
        env.close()
    return 0


def _play_episode(env: ReasoningEnv, seed: int, film: Path | None = None) -> bool:
    """Let a person play one episode and return whether it was solved."""
    observation, _ = env.reset(seed=seed)
    actions: list[str] = []
    _write_film(env, actions, film)
    total, ended = 0.0, False
    verdict: Verdict | None = None
    while not ended:
        print(f"\n{observation}")
        actions.append(input("> "))
        observation, reward, terminated, truncated, info = env.step(actions[-1])
        _write_film(env, actions, film)
        total += reward
        ended = terminated or truncated
        verdict = info["verdict"]
        if not ended:
            print(f"reward {reward:g}")
        elif truncated:
            print(f"the episode is cut after {env.max_turns} actions")
    outcome = "no verdict" if verdict is None else verdict.outcome.value
    feedback = f" {verdict.feedback}" if verdict is not None and verdict.feedback else ""
    print(f"{outcome}, return {total:g}.{feedback}")
    solved = verdict is not None and verdict.correct
    if not solved:
        print(f"The reference was {env.task.reference}")
    return solved


def _write_film(env: ReasoningEnv, actions: Sequence[str], film: Path | None) -> None:
    if film is not None:
        write_atomic(film, env.film(env.task, actions, _FILM_FORMS[film.suffix]))


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines() or [""])
