"""`gym-reason reverify`: score stored episodes anew, without asking any policy."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gym_reason.cli import add_common_arguments, print_json
from gym_reason.cli.columns import clean, print_columns
from gym_reason.cli.output import show_bar
from gym_reason.errors import RunError
from gym_reason.evaluate.folder import EvalFolder
from gym_reason.evaluate.results import Contestant, EpisodeResult
from gym_reason.evaluate.reverify import Rescored, reverify
from gym_reason.evaluate.stored import StoredRun, open_run
from gym_reason.evaluate.summary import summarise
from gym_reason.records import to_json
from gym_reason.text import shorten

MOST_SHOWN = 10


def add_parser(subparsers: Any) -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "reverify",
        help="score stored episodes anew",
        description="Play the stored actions of a run again, asking no policy, and say what is "
        "judged otherwise now: with another verifier, or with the environment's own as it is now.",
    )
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="a folder of gym-reason eval or train"
    )
    parser.add_argument(
        "--verifier",
        metavar="NAME[:key=value,...]",
        help="judges in place of the environment's own (default: that one)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="keep the episodes as an evaluation with these"
    )
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command: 0, or 1 where an episode that could be judged cannot be any more."""
    stored = open_run(args.run)
    found: list[Rescored] = []
    total = sum(1 for _ in stored.episodes())
    with show_bar("judging", total) as advance:
        for one in reverify(stored.episodes(), stored.env_arguments, args.verifier):
            found.append(one)
            advance()
    if args.out is not None:
        keep(args.out, stored, args.verifier, found)
    changed = [one for one in found if one.changed]
    if args.json:
        rows = [describe(one) for one in changed]
        print_json({"episodes": len(found), "changed": rows, "agents": to_json(totals(found))})
    else:
        print_changes(found, changed)
    lost = sum(
        one.before.result.correct is not None and one.after.result.correct is None for one in found
    )
    if lost:
        raise RunError(
            f"{lost} episodes that were judged could not be judged now", "a verdict on each"
        )
    return 0


def describe(one: Rescored) -> dict[str, Any]:
    """Return how one episode is judged otherwise now."""
    before, after = one.before.result, one.after.result
    return {
        "env": before.who.env,
        "policy": before.who.policy,
        "agent": before.who.agent,
        "task_id": before.task_id,
        "sample": before.sample,
        "outcome": [before.outcome, after.outcome],
        "correct": [before.correct, after.correct],
        "reward": [before.reward, after.reward],
        "answer": before.answer,
    }


def totals(found: Sequence[Rescored]) -> list[dict[str, Any]]:
    """Return the accuracy of each agent before and after."""
    agents: dict[Contestant, tuple[list[EpisodeResult], list[EpisodeResult]]] = {}
    for one in found:
        before, after = agents.setdefault(one.before.who, ([], []))
        before.append(one.before.result)
        after.append(one.after.result)
    return [
        {
            "env": who.env,
            "policy": who.policy,
            "agent": who.agent,
            "accuracy": [summarise(who, results, 1, []).accuracy for results in both],
        }
        for who, both in agents.items()
    ]


def print_changes(found: Sequence[Rescored], changed: Sequence[Rescored]) -> None:
    """Print how many episodes are judged otherwise, and the first of them."""
    print(f"{len(changed)} of {len(found)} episodes are judged otherwise")
    for row in totals(found):
        before, after = ("-" if value is None else f"{value:.1%}" for value in row["accuracy"])
        named = ", ".join(filter(None, (row["env"], row["policy"], row["agent"])))
        print(f"  {clean(named)}: {before} right before, {after} now")
    rows = []
    for one in changed[:MOST_SHOWN]:
        row = describe(one)
        rewards = "{:g} to {:g}".format(*row["reward"])
        outcomes = " to ".join(row["outcome"])
        rows.append([row["task_id"], outcomes, rewards, shorten(row["answer"], 40)])
    if rows:
        print()
        print_columns([["problem", "outcome", "reward", "answer"], *rows], left=4, indent="  ")
    if len(changed) > MOST_SHOWN:
        print(f"  and {len(changed) - MOST_SHOWN} more: --json")


def keep(out: Path, stored: StoredRun, verifier: str | None, found: Sequence[Rescored]) -> None:
    """Keep the episodes with their verdicts of now as an evaluation. Raises UsageError."""
    settings = {**stored.settings, "reverified": str(stored.path), "verifier": verifier or ""}
    with EvalFolder(out, settings) as folder:
        folder.open(resume=False, retry_unscorable=False, asked={})
        results = []
        for one in found:
            folder.append(one.after)
            results.append(one.after.result)
        own = {result.who: [r for r in results if r.who == result.who] for result in results}
        samples = max((result.sample + 1 for result in results), default=1)
        rows = [summarise(who, results, samples, []) for who, results in own.items()]
        completed = sum(row.completed for row in rows)
        folder.finish(results, {"results": rows, "asked": len(results), "completed": completed})
