"""`gym-reason eval`: measure policies and agents on environments."""

import argparse
import math
from pathlib import Path
from typing import Any

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.cli.eval_jobs import Evaluation, choose_temperature, parse_ks, plan_evaluation
from gym_reason.cli.eval_output import print_outcome, warn_of_missing
from gym_reason.cli.eval_tasks import DEFAULT_PROBLEMS
from gym_reason.config import apply_overrides
from gym_reason.errors import UsageError
from gym_reason.records import to_json
from gym_reason.registry import environments

LEAST_FOR_STUDY = 2


def add_parser(subparsers: Any) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "eval",
        help="measure a policy on environments",
        description="Play episodes and report accuracy, its interval, pass@k, lengths, outcomes.",
    )
    parser.add_argument(
        "words",
        nargs="+",
        metavar="ENV_ID|key=value",
        help="environments; then their arguments, such as digits=2",
    )
    parser.add_argument(
        "--policy",
        required=True,
        action="append",
        metavar="PATH|engine:NAME|openai:URL",
        help="a model directory, checkpoint or run; "
        "engine:oracle, engine:random, engine:wrong, engine:empty; or a chat server, "
        "openai:http://HOST:PORT/v1,model=NAME; several are compared",
    )
    parser.add_argument(
        "--agent",
        action="append",
        metavar="NAME[:key=value,...]",
        help="the agent around the policy (default: answer); several are compared on the same "
        "problems: gym-reason agents list",
    )
    _add_sampling_arguments(parser)
    _add_problem_arguments(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep every episode here")
    parser.add_argument(
        "--resume", action="store_true", help="go on with --out: play only what is missing there"
    )
    parser.add_argument(
        "--retry-unscorable",
        action="store_true",
        help="with --resume: play again what our side failed to judge",
    )
    add_common_arguments(parser)


def _add_sampling_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--engine",
        default="local",
        metavar="NAME[:key=value,...]",
        help="what runs a model: local (default), vllm, or server:base_url=http://HOST:PORT",
    )
    parser.add_argument(
        "--budget",
        type=int,
        metavar="N",
        help="most tokens of a loop's turn, for a comparison at equal cost",
    )
    parser.add_argument(
        "--samples", type=int, default=1, metavar="N", help="episodes a problem (default: 1)"
    )
    parser.add_argument(
        "--k", default="", metavar="1,4,8", help="also report pass@k, majority@k and best of k"
    )
    parser.add_argument(
        "--temperature", type=float, help="default: 0 (greedy) for one sample, 1 for more"
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        default=256,
        metavar="N",
        help="most tokens of a turn (default: 256)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of every draw (default: 0)")
    parser.add_argument(
        "--study",
        action="append",
        default=[],
        choices=("length", "thinking"),
        help="length: accuracy and length, rank by rank and by difficulty; "
        "thinking: what budgets of tokens and of latency buy, with thoughts and without",
    )


def _add_problem_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help=f"problems (default: a whole data set, or {DEFAULT_PROBLEMS} of an endless one)",
    )
    parser.add_argument(
        "--tasks", default="", metavar="ID,...", help="only the problems of these names"
    )
    parser.add_argument(
        "--split",
        default="",
        help="the environment's split (default: test, where it makes its own problems)",
    )


def run(args: argparse.Namespace) -> int:
    """Run the sub-command: 0, or 1 where fewer samples were judged than asked for."""
    env_ids = [word for word in args.words if "=" not in word]
    kwargs = apply_overrides({}, [word for word in args.words if "=" in word])
    check_arguments(args, env_ids)
    evaluation = Evaluation(plan_evaluation(args, env_ids, kwargs))
    stopped = False
    with evaluation:
        try:
            evaluation.play()
        except KeyboardInterrupt:
            stopped = True
        outcome = evaluation.conclude()
    if args.json:
        print_json(to_json(outcome))
    else:
        print_outcome(outcome)
    if stopped:
        raise KeyboardInterrupt
    warn_of_missing(outcome, args.out)
    return int(outcome.completed < outcome.asked)


def check_arguments(args: argparse.Namespace, env_ids: list[str]) -> None:
    """Refuse what cannot be run, before a model is loaded.

    Raises UsageError or UnknownNameError.
    """
    from gym_reason.agents.engines.vllm.settings import check_settings, read_engine

    check_settings(*read_engine(args.engine))
    if not env_ids:
        raise UsageError("no environment", "at least one id", "see gym-reason envs list")
    for env_id in env_ids:
        environments.get(env_id)
    for kind, names in (
        ("environment", env_ids),
        ("policy", args.policy),
        ("agent", args.agent or []),
    ):
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"{name} twice", f"each {kind} once")
    for name in ("samples", "max_tokens", "limit", "budget"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} {value}", "1 or more")
    if not 0.0 <= choose_temperature(args) < math.inf:
        raise UsageError(f"--temperature {args.temperature}", "0 or more")
    if args.resume and args.out is None:
        raise UsageError("--resume without --out", "the folder to go on with", "add --out DIR")
    if args.retry_unscorable and not args.resume:
        raise UsageError("--retry-unscorable without --resume", "an evaluation to go on with")
    if args.study and args.samples < LEAST_FOR_STUDY:
        raise UsageError(
            f"--study with --samples {args.samples}", "several samples a problem, such as 10"
        )
    parse_ks(args.k, args.samples)
