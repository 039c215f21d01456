"""Answers to the same held-out problems, phase beside phase."""

from collections.abc import Sequence

from gym_reason.report.markup import shorten, tag, text
from gym_reason.report.runs import PHASE_LABELS, PHASES, RunRecord, Sample

_MOST_SAMPLES = 12
_LONGEST_PROMPT = 1500
_LONGEST_COMPLETION = 4000


def samples(runs: Sequence[RunRecord]) -> str:
    """Return answers to the same held-out problems, phase beside phase."""
    having = [run for run in runs if run.samples]
    if not having:
        body = tag("p", "No sample answers are on record.", class_="empty")
    elif len(runs) == 1:
        body = tag("div", _sample_table(having[0]), class_="scroll")
    else:
        body = "".join(
            tag(
                "details",
                tag("summary", text(run.name)),
                tag("div", _sample_table(run), class_="scroll"),
            )
            for run in having
        )
    return tag("section", tag("h2", "The same problems, before and after"), body)


def _sample_table(run: RunRecord) -> str:
    phases = [phase for phase in PHASES if phase in run.samples]
    by_problem = {
        phase: {(one.prompt, one.reference): one for one in reversed(run.samples[phase])}
        for phase in phases
    }
    problems_seen = dict.fromkeys(
        (one.prompt, one.reference) for p in phases for one in run.samples[p]
    )
    head = tag("tr", tag("th", "Problem"), *(tag("th", PHASE_LABELS[phase]) for phase in phases))
    rows = [
        tag("tr", _problem_cell(*key), *(_sample_cell(by_problem[p].get(key), p) for p in phases))
        for key in list(problems_seen)[:_MOST_SAMPLES]
    ]
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="samples")


def _problem_cell(prompt: str, reference: str) -> str:
    answer = (
        tag("p", text(f"Reference: {shorten(reference, 300)}"), class_="answer")
        if reference
        else ""
    )
    return tag("td", tag("pre", text(shorten(prompt, _LONGEST_PROMPT))), answer)


def _sample_cell(sample: Sample | None, phase: str) -> str:
    label = PHASE_LABELS[phase]
    if sample is None:
        return tag("td", tag("span", "not sampled", class_="verdict"), data_phase=label)
    words = {True: "✓ right", False: "✗ wrong", None: "not judged"}[sample.correct]
    tokens = ""
    if sample.tokens is not None:
        tokens = tag("small", f" {sample.tokens:,} token{'' if sample.tokens == 1 else 's'}")
    completion = shorten(sample.completion, _LONGEST_COMPLETION) or "(empty)"
    return tag(
        "td",
        tag("span", words, tokens, class_="verdict"),
        tag("pre", text(completion)),
        class_={True: "right", False: "wrong", None: None}[sample.correct],
        data_phase=label,
    )
