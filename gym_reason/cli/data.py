"""`gym-reason data`: choose what to train on, and check it."""

import argparse
from pathlib import Path

from gym_reason.cli import add_common_arguments

_FORMATS = "JSON lines (plain or .zst) or Parquet"
_POLICY = "a model directory, checkpoint or run"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `data` and what stands below it."""
    parser = subparsers.add_parser(
        "data",
        help="choose what to train on, and check it",
        description="Each action reads a file of examples, writes those that it keeps, and says "
        f"how many it dropped for what reason. Files are {_FORMATS}, by the ending of their name.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    _add_check(actions)
    _add_ifd(actions)
    _add_mine(actions)
    _add_rejection(actions)
    _add_screen(actions)
    _add_self_instruct(actions)


def run(args: argparse.Namespace) -> int:
    """Run the action that `args` names and return the exit code. Raises GymReasonError."""
    from gym_reason.cli.data_output import check_arguments
    from gym_reason.cli.data_runs import RUNS

    check_arguments(args)
    return RUNS[args.action](args)


def _add(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    """Add an action with what all of them take."""
    first, _, _ = text.partition(".")
    parser = actions.add_parser(name, help=first[0].lower() + first[1:], description=text)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of every draw")
    parser.add_argument(
        "--report", type=Path, metavar="FILE.jsonl", help="list every dropped row with its reason"
    )
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="NAME=COLUMN",
        help="read NAME from COLUMN, as in response=output; may be repeated",
    )
    add_common_arguments(parser)
    return parser


def _add_file(parser: argparse.ArgumentParser, *, out: bool = True) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help=_FORMATS)
    parser.add_argument(
        "--out", type=Path, required=out, metavar="FILE", help="where the rows that are kept go"
    )


def _add_policy(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument("--policy", required=required, metavar="PATH", help=_POLICY)


def _add_test_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--against", type=Path, metavar="FILE", help="test data, which nothing may share words with"
    )
    parser.add_argument(
        "--against-column", default="prompt", metavar="NAME", help="its texts (default: prompt)"
    )
    parser.add_argument(
        "--overlap-words", type=int, default=13, metavar="N",
        help="words in a row that count as shared (default: 13); a shorter text counts as a whole",
    )  # fmt: skip


def _add_training(parser: argparse.ArgumentParser, lr: float) -> None:
    parser.add_argument(
        "--lr", type=float, default=lr, help=f"of the brief trainings (default: {lr:g})"
    )
    parser.add_argument(
        "--epochs", type=int, default=1, metavar="N", help="passes of a brief training (default: 1)"
    )
    parser.add_argument(
        "--batch-rows", type=int, default=16, metavar="N",
        help="rows in an optimiser step of it (default: 16)",
    )  # fmt: skip


def _add_check(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _add(
        actions,
        "check",
        "Check a file before a run. Each record must have the fields of its kind and something to "
        "learn; repeated records, records made for another tokenizer or template and records that "
        "share words with test data are named. The kind is told by the columns unless --kind says.",
    )
    _add_file(parser, out=False)
    _add_policy(parser, required=False)
    _add_test_file(parser)
    parser.add_argument("--kind", metavar="NAME", help="what every record has to be, such as pair")
    parser.add_argument(
        "--require-licence", action="store_true", help="a record that names no licence is dropped"
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit 1 where a record would be dropped"
    )


def _add_ifd(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _add(
        actions,
        "ifd",
        "Keep the examples whose instruction helps least. The score of an example is the mean "
        "negative log-probability of its answer after its prompt, divided by that of the answer "
        "alone (arXiv 2308.12032); examples above 1, whose prompt misleads, are dropped first.",
    )
    _add_file(parser)
    _add_policy(parser)
    parser.add_argument(
        "--keep", type=float, default=0.1, metavar="SHARE",
        help="of the examples that have a score, the highest first (default: 0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--pre-experience",
        action="store_true",
        help="train the model briefly before, on a few examples of each cluster of prompts",
    )
    parser.add_argument(
        "--clusters", type=int, default=100, metavar="N", help="clusters (default: 100)"
    )
    parser.add_argument(
        "--each", type=int, default=10, metavar="N", help="examples of each (default: 10)"
    )
    _add_training(parser, 2e-5)


def _add_mine(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _add(
        actions,
        "mine",
        "Rank examples by a rule that is fitted here. InstructMining (arXiv 2307.06290): the "
        "logarithm of the evaluation loss is fitted, by least squares, to the indicators of sets "
        "that models were trained on. No coefficients come with it: --fit holds the measurements, "
        "and --fit-runs makes them by brief trainings on subsets.",
    )
    _add_file(parser)
    _add_policy(parser)
    parser.add_argument(
        "--fit", type=Path, required=True, metavar="FILE",
        help='rows {"indicators": {...}, "eval_loss": ...}; written where --fit-runs makes them',
    )  # fmt: skip
    parser.add_argument(
        "--fit-runs", type=int, metavar="N", help="train on N subsets and write --fit"
    )
    parser.add_argument(
        "--subset-rows", type=int, default=64, metavar="N", help="rows of a subset (default: 64)"
    )
    parser.add_argument(
        "--eval", type=Path, metavar="FILE", help="evaluation data, for --fit-runs and the search"
    )
    parser.add_argument("--size", type=int, metavar="N", help="keep the best N, without a search")
    parser.add_argument(
        "--sizes", metavar="N,N,...",
        help="sizes to try by brief trainings on the best (default: all, a half, a quarter ...)",
    )  # fmt: skip
    parser.add_argument(
        "--refine", type=int, default=1, metavar="N",
        help="times that sizes beside the best one are tried after those (default: 1)",
    )  # fmt: skip
    parser.add_argument("--reward", metavar="COLUMN", help="a further indicator, from a column")
    _add_training(parser, 2e-5)


def _add_rejection(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _add(
        actions,
        "rejection",
        "Keep responses that a verifier passes. With an environment, a policy answers its tasks "
        "and the environment's verifier judges; with a file and --verifier, the responses of the "
        "file are judged. The rows are demonstrations, with verify_score, source and teacher_id.",
    )
    parser.add_argument(
        "words", nargs="+", metavar="ENV_ID|FILE|key=value",
        help="an environment and its arguments, or a file with columns response and reference",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the verified rows")
    parser.add_argument("--policy", metavar="PATH|engine:oracle", help=f"{_POLICY}; or scripted")
    parser.add_argument("--verifier", metavar="NAME", help="judges the responses of a file")
    parser.add_argument(
        "--samples", type=int, default=8, metavar="K", help="responses to a task (default: 8)"
    )
    parser.add_argument(
        "--tasks", type=int, metavar="N", help="tasks (default: a whole data set, or 256)"
    )
    parser.add_argument("--split", default="train", help="the environment's (default: train)")
    parser.add_argument("--temperature", type=float, default=1.0, help="default: 1")
    parser.add_argument(
        "--max-tokens", type=int, default=256, metavar="N", help="of a turn (default: 256)"
    )
    parser.add_argument(
        "--max-per-task", type=int, default=4, metavar="N", help="kept of a task (default: 4)"
    )
    parser.add_argument(
        "--pick", choices=("first", "shortest", "random"), default="random",
        help="which of them, where there are more (default: random)",
    )  # fmt: skip
    parser.add_argument(
        "--min-score", type=float, metavar="R", help="least reward (default: what is correct)"
    )
    _add_filters(parser)
    parser.add_argument("--workers", type=int, metavar="N", help="processes that judge")
    parser.add_argument("--timeout", type=float, metavar="S", help="seconds for one response")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="drop responses that are: repeated (the same 20 words more than 20 times), odd (odd "
        "characters), paragraph=CHARACTERS, code, language=SCRIPTS; none for no filter; may be "
        "repeated (default: repeated and odd)",
    )


def _add_screen(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _add(
        actions,
        "screen",
        "Keep the examples that pass plain rules. Then split off evaluation data, and sample in "
        "proportion to sources, where that is asked for.",
    )
    _add_file(parser)
    parser.add_argument(
        "--at-least", action="append", default=[], metavar="COLUMN=VALUE",
        help="least value of a column, as in verify_score=0.9; may be repeated",
    )  # fmt: skip
    _add_filters(parser)
    _add_test_file(parser)
    parser.add_argument(
        "--similar", type=float, metavar="F",
        help="drop prompts with a ROUGE-L above this with a text of --against, as in 0.9",
    )  # fmt: skip
    parser.add_argument("--eval-out", type=Path, metavar="FILE", help="evaluation data go here")
    parser.add_argument(
        "--eval-share", type=float, default=0.05, metavar="SHARE",
        help="share of the prompts for it (default: 0.05)",
    )  # fmt: skip
    parser.add_argument("--sample", type=int, metavar="N", help="keep N of the others")
    parser.add_argument(
        "--by", default="", metavar="COLUMN", help="in proportion to the sizes of its values"
    )
    parser.add_argument("--cap", type=int, metavar="N", help="largest size that counts for one")


def _add_self_instruct(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _add(
        actions,
        "self-instruct",
        "Let a model write new instructions and answer them. It sees 6 instructions of people and "
        "2 of its own at a time; one is kept where its ROUGE-L with every other is at most 0.7 "
        "(arXiv 2212.10560).",
    )
    parser.add_argument(
        "file", type=Path, metavar="SEEDS", help="instructions of people, in a column prompt"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the new rows")
    parser.add_argument(
        "--policy", required=True, metavar="PATH|URL#MODEL",
        help=f"{_POLICY}; or http://HOST:PORT/v1#MODEL of an OpenAI-compatible server, with its "
        "key in OPENAI_API_KEY",
    )  # fmt: skip
    parser.add_argument("--count", type=int, required=True, metavar="N", help="how many are wanted")
    parser.add_argument("--temperature", type=float, default=0.7, help="default: 0.7")
    parser.add_argument("--top-p", type=float, default=0.5, help="default: 0.5")
    parser.add_argument(
        "--max-tokens", type=int, default=1024, metavar="N", help="of a text (default: 1024)"
    )
    parser.add_argument(
        "--rouge", type=float, default=0.7, metavar="F", help="highest with another (default: 0.7)"
    )
    parser.add_argument(
        "--min-words", type=int, default=4, metavar="N", help="of an instruction (default: 4)"
    )
    parser.add_argument(
        "--max-words", type=int, default=150, metavar="N", help="of an instruction (default: 150)"
    )
    parser.add_argument(
        "--prompts", type=int, default=8, metavar="N", help="prompts at a time (default: 8)"
    )
    parser.add_argument(
        "--patience", type=int, default=20, metavar="N",
        help="rounds in a row without anything new after which it ends (default: 20)",
    )  # fmt: skip
    parser.add_argument("--no-answers", action="store_true", help="write the instructions alone")
