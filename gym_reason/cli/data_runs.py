"""The actions of `gym-reason data`, one function each."""

import argparse
from collections.abc import Callable

from gym_reason.cli.data_inputs import brief_settings, filter_specs, read_file, read_tests
from gym_reason.cli.data_mine import run_mine
from gym_reason.cli.data_output import Bar, Outcome, write_rows
from gym_reason.cli.data_rejection import run_rejection
from gym_reason.cli.rows import read_fields
from gym_reason.errors import UsageError
from gym_reason.trainers.data.drops import DropLog


def run_check(args: argparse.Namespace) -> int:
    """Check a file, and write its sound records where that is asked for."""
    from gym_reason.trainers.data.check import CheckSettings, check_file, hash_tokenizer
    from gym_reason.trainers.data.kinds import find_kind
    from gym_reason.trainers.data.overlap import OverlapIndex

    if args.field:
        raise UsageError("--field with check", "records under the names that trainers read")
    kind = None if args.kind is None else find_kind(args.kind)
    outcome = Outcome(args, DropLog())
    scorer = None
    if args.policy is not None:
        from gym_reason.trainers.data.scoring import Scorer

        scorer = Scorer.load(args.policy)
    tests = read_tests(args, outcome)
    against = None if tests is None else OverlapIndex(tests, args.overlap_words)
    settings = CheckSettings(kind, scorer, against, args.require_licence)
    with Bar("records", quiet=args.json) as bar:
        sound, report = check_file(args.file, settings, outcome.log, bar.show)
    outcome.found |= {"kinds": dict(report.kinds), "licences": dict(report.licences)}
    if against is not None:
        outcome.found["highest_share_of_test_words"] = report.shared
    if scorer is not None:
        hashes = hash_tokenizer(scorer.tokenizer)
        outcome.found |= {"tokens_to_learn": report.trained_tokens, "cut_records": report.cut}
        outcome.found |= {"tokenizer_hash": hashes.tokenizer, "template_hash": hashes.template}
    outcome.write_report()
    if args.out is not None:
        write_rows(args.out, sound)
    outcome.say(len(sound))
    return int(args.strict and bool(outcome.log.drops))


def run_ifd(args: argparse.Namespace) -> int:
    """Keep the examples whose instruction helps least."""
    from gym_reason.trainers.data import ifd
    from gym_reason.trainers.data.scoring import Scorer

    outcome = Outcome(args, DropLog())
    examples = read_file(args.file, args.field, outcome.log)
    scorer = Scorer.load(args.policy, trained=args.pre_experience)
    experience = None
    if args.pre_experience:
        experience = ifd.PreExperience(args.clusters, args.each, brief_settings(args))
    with Bar("answers", quiet=args.json) as bar:
        kept = ifd.select(
            scorer, examples, args.keep, outcome.log,
            pre_experience=experience, seed=args.seed, on_progress=bar.show,
        )  # fmt: skip
    if kept:
        outcome.found["ifd"] = {"highest": kept[0].ifd, "lowest": kept[-1].ifd}
    return outcome.finish(
        [
            item.example.to_row(ifd=item.ifd, nll=item.with_prompt, nll_alone=item.alone)
            for item in kept
        ]
    )


def run_screen(args: argparse.Namespace) -> int:
    """Keep the examples that pass plain rules."""
    from gym_reason.trainers.data import screen
    from gym_reason.trainers.data.overlap import OverlapIndex, SimilarIndex
    from gym_reason.trainers.data.text_filters import make_filters

    outcome = Outcome(args, DropLog())
    tests = read_tests(args, outcome)
    if args.similar is not None and tests is None:
        raise UsageError("--similar without --against", "test data")
    settings = screen.ScreenSettings(
        screen.read_least(args.at_least),
        make_filters(filter_specs(args.filter)),
        None if tests is None else OverlapIndex(tests, args.overlap_words),
        None if tests is None or args.similar is None else SimilarIndex(tests, args.similar),
    )
    examples = read_file(args.file, args.field, outcome.log)
    kept = screen.screen(examples, settings, outcome.log)
    if args.eval_out is not None:
        kept, held_out = screen.split_off(kept, args.eval_share, args.seed)
        outcome.found["evaluation_rows"] = outcome.other_rows = len(held_out)
        write_rows(args.eval_out, [example.to_row() for example in held_out])
    if args.sample is not None:
        kept = screen.sample_in_proportion(
            kept, args.sample, args.by, args.cap, args.seed, outcome.log
        )
    return outcome.finish([example.to_row() for example in kept])


def run_self_instruct(args: argparse.Namespace) -> int:
    """Let a model write new instructions and answer them."""
    from gym_reason.agents.policy import SamplingParams
    from gym_reason.trainers.data import self_instruct
    from gym_reason.trainers.data.instructions import InstructionRules
    from gym_reason.trainers.data.writers import open_writer

    columns = read_fields(args.field, ("prompt",), "prompt=instruction")
    seeds = self_instruct.read_seeds(args.file, columns.get("prompt", "prompt"))
    outcome = Outcome(args, DropLog())
    settings = self_instruct.SelfInstructSettings(
        count=args.count,
        prompts_per_round=args.prompts,
        patience=args.patience,
        answer=not args.no_answers,
        params=SamplingParams(args.max_tokens, args.temperature, top_p=args.top_p),
        rules=InstructionRules(args.rouge, args.min_words, args.max_words),
        seed=args.seed,
    )
    writer = open_writer(args.policy, {"presence_penalty": self_instruct.PRESENCE_PENALTY})
    with Bar("instructions", quiet=args.json) as bar:
        result = self_instruct.write_instructions(seeds, writer, settings, outcome.log, bar.show)
    outcome.found |= {"seeds": len(seeds), "rounds": result.rounds}
    return outcome.finish(result.rows)


RUNS: dict[str, Callable[[argparse.Namespace], int]] = {
    "check": run_check,
    "ifd": run_ifd,
    "mine": run_mine,
    "rejection": run_rejection,
    "screen": run_screen,
    "self-instruct": run_self_instruct,
}
"""What runs each action."""
