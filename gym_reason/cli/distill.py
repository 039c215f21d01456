"""`gym-reason distill`: what comes before distillation: caches of a teacher, reports on several."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gym_reason.cli as cli
from gym_reason.cli.output import open_target
from gym_reason.errors import UsageError
from gym_reason.records import dump_line, explain_os_errors, write_atomic


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "distill",
        help="keep a teacher's probabilities, or report on teachers",
        description="What comes before a student learns from a teacher; to train one, see "
        "gym-reason train gkd and its like.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_cache(actions)
    _add_report(actions)


def _add_cache(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "cache",
        help="keep a teacher's likeliest tokens for every token of a file",
        description="Ask a teacher once about a file of prompt and response, of messages, or of "
        "prompt, chosen and rejected, and keep its K likeliest tokens and the mass of all others. "
        "The same command goes on where it was interrupted.",
    )
    parser.add_argument("--teacher", required=True, metavar="PATH", help="a model, checkpoint, run")
    parser.add_argument("--data", required=True, type=Path, metavar="FILE", help="the rows")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where it goes")
    parser.add_argument("--top-k", type=int, default=32, metavar="K", help="tokens that are kept")
    parser.add_argument(
        "--temperature", type=float, default=1.0, metavar="T", help="of the teacher"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    cli.add_common_arguments(parser)


def _add_report(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "report",
        help="compare teachers by their answers, and filter these",
        description="Report lengths, the student's perplexity, pass rates and diversity of the "
        "answers of teachers, and which of them a student should not imitate. A row has prompt and "
        "response, or messages, and a verdict in score, correct or reward, unless --verifier "
        "judges it by its reference; with difficulty, lengths are told by it.",
    )
    parser.add_argument(
        "--teacher", action="append", required=True, metavar="NAME=FILE", help="may be repeated"
    )
    parser.add_argument("--student", required=True, metavar="PATH", help="a model, checkpoint, run")
    parser.add_argument("--out", type=Path, metavar="FILE.json", help="the whole report")
    parser.add_argument(
        "--kept", type=Path, metavar="DIR", help="write the rows that pass as DIR/NAME.jsonl"
    )
    parser.add_argument("--verifier", metavar="NAME", help="judges every row by its reference")
    parser.add_argument(
        "--min-score", type=float, default=0.9, metavar="X", help="least score kept"
    )
    parser.add_argument(
        "--max-perplexity", type=float, default=0.0, metavar="X", help="largest kept; 0 for any"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    cli.add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sub-command."""
    return run_cache(args) if args.action == "cache" else run_report(args)


def run_cache(args: argparse.Namespace) -> int:
    """Write a cache and say what is in it."""
    from gym_reason.agents.models import load_model
    from gym_reason.trainers.data.drops import DropLog
    from gym_reason.trainers.distillation.rows import Coder, check_fits, read_any
    from gym_reason.trainers.teacher.cache import CacheSettings, write_cache

    if args.top_k < 1 or args.temperature <= 0.0:
        raise UsageError(f"--top-k {args.top_k} --temperature {args.temperature}", "both above 0")
    model, tokenizer = load_model(args.teacher, device=args.device, dtype="fp32")
    log = DropLog()
    rows = read_any(Coder(tokenizer), args.data, log)
    if not rows:
        raise UsageError(f"no row of {args.data} can be read", "prompt and response in each")
    check_fits(model.config.get_text_config().max_position_embeddings, rows)
    settings = CacheSettings(args.top_k, args.temperature)
    manifest = write_cache(args.out, model, tokenizer, rows, settings, teacher=str(args.teacher))
    facts = {key: manifest[key] for key in ("teacher", "records", "top_k", "temperature")}
    facts |= {"out": str(args.out), "dropped": log.counts}
    if args.json:
        cli.print_json(facts)
    else:
        print(f"{args.out}: {facts['records']} records, {facts['top_k']} tokens and a tail each")
        for reason, count in log.counts.items():
            print(f"  {count} rows left out: {reason}")
    return 0


def run_report(args: argparse.Namespace) -> int:
    """Write the report, print its leading figures, and write the rows that pass."""
    from gym_reason.trainers.distillation import source_report
    from gym_reason.trainers.distillation.filters import Limits

    files = _read_teachers(args.teacher)
    limits = Limits(min_score=args.min_score, max_perplexity=args.max_perplexity)
    student = source_report.Student(args.student, args.device)
    teachers = {}
    for name, path in files.items():
        scores = _judge(path, args.verifier, args.load) if args.verifier else None
        teachers[name] = source_report.measure_teacher(path, student, scores)
    report = source_report.report_sources(teachers, student.path, limits)
    if args.kept is not None:
        with explain_os_errors(args.kept):
            args.kept.mkdir(parents=True, exist_ok=True)
        for name, rows in teachers.items():
            with open_target(args.kept / f"{name}.jsonl") as file:
                file.writelines(map(dump_line, source_report.kept_rows(rows, limits)))
    if args.out is not None:
        write_atomic(args.out, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    if args.json:
        cli.print_json(report)
    else:
        print("\n".join(_lines(report)))
    return 0


def _read_teachers(words: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals or not path or not name or "/" in name or name in found:
            raise UsageError(f"--teacher {word}", "NAME=FILE, each name once", "NAME without /")
        found[name] = Path(path)
    return found


def _judge(path: Path, verifier: str, modules: Sequence[str]) -> dict[int, float | None]:
    """Return the verdict on each readable row of a file by its number; None for no verdict."""
    from gym_reason.cli.rows import as_text, reference_column
    from gym_reason.trainers.data.drops import DropLog
    from gym_reason.trainers.data.examples import read_examples
    from gym_reason.types import Outcome, Task
    from gym_reason.verifiers.pool import VerifierPool

    numbers, items = [], []
    for number, example in enumerate(read_examples(path, {}, DropLog())):
        reference = as_text(example.row.get(reference_column(example.row, {})))
        if reference is not None:
            meta = {key: value for key, value in example.row.items() if key != "reference"}
            task = Task(str(number), example.prompt, reference, meta=meta)
            numbers.append(number)
            items.append((task, example.response))
    with VerifierPool(verifier, cli.default_workers(), None, modules=modules) as pool:
        verdicts = list(pool.verify_many(items))
    return {
        number: None if verdict.outcome is Outcome.UNSCORABLE else verdict.reward
        for number, verdict in zip(numbers, verdicts, strict=True)
    }


def _lines(report: Mapping[str, Any]) -> list[str]:
    """Return the leading figures, a line for each teacher and one for each reason under it."""
    lines = []
    for name, facts in report["teachers"].items():
        rate = "no verdicts" if facts["pass_rate"] is None else f"{facts['pass_rate']:.1%} right"
        length, perplexity = facts["length"].get("mean"), facts["perplexity"].get("of_tokens")
        measured = "" if length is None else (
            f", {length:.1f} tokens an answer, perplexity {perplexity:.3g} under the student, "
            f"{facts['diversity']['unique_share']:.1%} distinct"
        )  # fmt: skip
        lines.append(f"{name}: {facts['kept']} of {facts['rows']} rows kept, {rate}{measured}")
        lines += [f"  {count} dropped: {reason}" for reason, count in facts["dropped"].items()]
    return lines
