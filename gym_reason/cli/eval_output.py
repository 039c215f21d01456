"""What `gym-reason eval` prints: short for one agent, a table for several."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gym_reason.cli.columns import clean, print_columns
from gym_reason.evaluate.compare import Comparison
from gym_reason.evaluate.results import Contestant
from gym_reason.evaluate.summary import EvalSummary

if TYPE_CHECKING:
    from gym_reason.cli.eval_jobs import EvalOutcome

PER_K: Mapping[str, Callable[[EvalSummary], Mapping[str, float]]] = {
    "pass": lambda summary: summary.pass_at,
    "majority": lambda summary: summary.majority_at,
    "likeliest": lambda summary: summary.likeliest_of,
    "best reward": lambda summary: summary.best_of,
}
"""Figures that there are for each k."""


def print_outcome(outcome: "EvalOutcome") -> None:
    """Print what was found."""
    if len(outcome.results) == 1:
        print_summary(outcome.results[0])
    else:
        print_table(outcome.results)
    if outcome.comparisons:
        print()
        print_comparisons(outcome.comparisons)
    for study in outcome.studies.get("length", ()):
        print_length(study)
    print_thinking(outcome.studies.get("thinking", ()))


def print_summary(summary: EvalSummary) -> None:
    """Print the figures of one agent in one environment."""
    low, high = summary.interval
    if summary.accuracy is None:
        print(f"{summary.env}: nothing could be judged")
    else:
        right = f"{summary.accuracy:.1%} right (95% interval {low:.1%} to {high:.1%})"
        print(f"{summary.env}: {right}")
    print(
        f"  {summary.tasks} problems x {summary.samples} episodes "
        f"by {clean(name_of(summary))} in {summary.seconds:.1f} s"
    )
    if summary.pass_at:
        rows = [["k", *summary.pass_at]]
        for name, measure in PER_K.items():
            figures = measure(summary)
            if len(figures) == len(summary.pass_at):
                rows.append([name, *(_figure(name, value) for value in figures.values())])
        print_columns(rows, indent="  ")
    outcomes = ", ".join(f"{name} {count}" for name, count in summary.outcomes.items())
    reward = "-" if summary.reward is None else f"{summary.reward:.3f}"
    print(f"  reward {reward}; {outcomes}")
    print(f"  {summary.tokens:.1f} tokens an episode{_cut(summary)}{_latency(summary)}")
    for line in remarks(summary):
        print(f"  {line}")


def print_table(summaries: Sequence[EvalSummary]) -> None:
    """Print one line for each environment, policy and agent, then what is to be said of them."""
    ks = list(dict.fromkeys(k for summary in summaries for k in summary.pass_at))
    several = {name: len({getattr(s, name) for s in summaries}) > 1 for name in ("policy", "agent")}
    named = [name for name in ("policy", "agent") if several[name]]
    head = ["environment", *named, "right", "95% interval", *(f"pass@{k}" for k in ks)]
    rows = [[*head, "reward", "tokens", "median", "p95"]]
    for summary in summaries:
        low, high = summary.interval
        judged = summary.accuracy is not None
        rows.append(
            [
                summary.env,
                *(getattr(summary, name) for name in named),
                f"{summary.accuracy:.1%}" if judged else "-",
                f"{low:.1%} to {high:.1%}" if judged else "-",
                *(f"{summary.pass_at[k]:.1%}" if k in summary.pass_at else "-" for k in ks),
                "-" if summary.reward is None else f"{summary.reward:.3f}",
                f"{summary.tokens:.1f}",
                *map(show_seconds, summary.latency.values()),
                *(["-"] * (2 - len(summary.latency))),
            ]
        )
    print_columns(rows, left=1 + len(named))
    for summary in summaries:
        lines = remarks(summary)
        if lines:
            print(f"{summary.env}, {clean(name_of(summary))}: {'; '.join(lines)}")


def remarks(summary: EvalSummary) -> list[str]:
    """Return what a reader of the figures has to know."""
    lines: list[str] = []
    if summary.oracle:
        lines.append("ORACLE: this agent hears the reference; compare it with no other")
    if len(summary.rounds) > 1:
        by_round = ", ".join(f"{value:.1%}" for value in summary.rounds)
        fixed = f"fixed {summary.fixed:.1%}, broken {summary.broken:.1%}"
        lines.append(f"by round {by_round}; {fixed}")
    if summary.tokens and (summary.thoughts or len(summary.rounds) > 1):
        lengths = [
            f"{value:.0f} where {kind}"
            for kind, value in summary.lengths.items()
            if value is not None
        ]
        lines.append(f"tokens {', '.join(lengths)}")
    counted = {
        "episodes that could not be scored and count neither way": summary.unscorable,
        "episodes counted as wrong, with no room to answer after the prompt": summary.without_room,
        "problems with characters that the tokenizer lacks": summary.unreadable,
        "problems left out as repeated": summary.repeated,
    }
    lines += [f"{remark}: {count}" for remark, count in counted.items() if count]
    if summary.error:
        lines.append(f"first error: {clean(summary.error)}")
    return lines


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """Print one line for each comparison: by how many points the second of two is better."""
    figures = ["points", "95% interval", "p", "gained", "lost", "problems", "would show"]
    rows: list[list[str]] = [["environment", "run", "against", *figures]]
    for comparison in comparisons:
        low, high = comparison.interval
        least = comparison.detectable
        rows.append(
            [
                comparison.env,
                comparison.second,
                comparison.first,
                f"{100 * comparison.difference:+.1f}",
                f"{100 * low:+.1f} to {100 * high:+.1f}",
                f"{comparison.p_value:.2g}",
                str(len(comparison.gained)),
                str(len(comparison.lost)),
                str(comparison.tasks),
                "-" if least is None else f"{100 * least:.1f}",
            ]
        )
    print_columns(rows, left=3)
    for comparison in comparisons:
        if comparison.only_first or comparison.only_second:
            print(
                f"{clean(comparison.env)}: judged on one side only and left out: "
                f"{comparison.only_first} of the first, {comparison.only_second} of the second"
            )


def print_length(study: Mapping[str, Any]) -> None:
    """Print a study of length."""
    print(f"\nLength and accuracy: {study['env']}, {clean(name_of_row(study))}")
    ranks = study["by_rank"]
    head = ["rank by length", *(str(row["rank"]) for row in ranks)]
    tokens = ["tokens", *(f"{row['tokens']:.0f}" for row in ranks)]
    right = ["right", *(f"{row['accuracy']:.1%}" for row in ranks)]
    print_columns([head, tokens, right], indent="  ")
    rows = [["share solved", "problems", "right", "tokens", "cut"]]
    for row in study["by_difficulty"]:
        if row["tasks"]:
            part = f"{row['low']:.0%} to {row['high']:.0%}"
            own = str(row["tasks"]), f"{row['accuracy']:.1%}", _number(row["tokens"])
            rows.append([part, *own, f"{row['truncated']:.1%}"])
    print_columns(rows, indent="  ")
    for name, figures, form in (
        ("mean tokens", study["by_correctness"], "{:.0f}"),
        ("mean rank", study["ranks"], "{:.1f}"),
        ("tokens more where a stratum is harder", study["lengthening"], "{:+.0f}"),
    ):
        known = {kind: value for kind, value in figures.items() if value is not None}
        if known:
            print(f"  {name}: " + ", ".join(f"{k} {form.format(v)}" for k, v in known.items()))
    print(f"  cut by the limit on tokens: {study['truncated']:.1%}")
    budgets = study["accuracy_by_budget"]
    head = ["tokens at most", *(str(budget) for budget, _ in budgets)]
    print_columns([head, ["right", *(f"{value:.1%}" for _, value in budgets)]], indent="  ")


def print_thinking(studies: Sequence[Mapping[str, Any]]) -> None:
    """Print what the same budgets buy each agent of an environment."""
    for env in dict.fromkeys(study["env"] for study in studies):
        own = [study for study in studies if study["env"] == env]
        for share, words in (("tokens", "one after another"), ("latency", "side by side")):
            print(f"\nWhat a budget buys, samples {words}: {env}")
            budgets = [str(row["budget"]) for row in own[0][share]]
            rows = [["tokens", "", *budgets]]
            for study in own:
                names = name_of_row(study), "", ""
                for name, figure in zip(names, ("solved", "elected", "samples"), strict=True):
                    form = "{:.1f}" if figure == "samples" else "{:.1%}"
                    values = [form.format(row[figure]) for row in study[share]]
                    rows.append([name, figure, *values])
            print_columns(rows, left=2, indent="  ")


def name_of_row(row: Mapping[str, Any]) -> str:
    """Return the policy of a study, with the agent around it where that is not the plain one."""
    return Contestant(row["env"], row["policy"], row["agent"]).name


def warn_of_missing(outcome: "EvalOutcome", out: Path | None) -> None:
    """Say on standard error that samples are missing."""
    missing = outcome.asked - outcome.completed
    if not missing:
        return
    again = f"--out {out} --resume --retry-unscorable"
    remedy = f"try those again with {again}" if out else "keep the others with --out DIR"
    found = f"{missing} of {outcome.asked} samples could not be judged"
    print(f"gym-reason: {found}; expected none; {remedy}", file=sys.stderr)


def show_seconds(seconds: float) -> str:
    """Return a time in seconds, or in milliseconds where that is the better unit."""
    return f"{1000 * seconds:.1f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


def name_of(summary: EvalSummary) -> str:
    """Return the policy, with the agent around it where that is not the plain one."""
    return Contestant(summary.env, summary.policy, summary.agent).name


def _figure(name: str, value: float) -> str:
    return f"{value:.3f}" if name == "best reward" else f"{value:.1%}"


def _cut(summary: EvalSummary) -> str:
    return f", {summary.truncated:.1%} cut" if summary.truncated else ""


def _latency(summary: EvalSummary) -> str:
    if not summary.latency:
        return ""
    median, p95 = map(show_seconds, summary.latency.values())
    return f"; median {median}, p95 {p95}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
