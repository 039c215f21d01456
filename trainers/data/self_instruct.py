"""Self-Instruct: a model writes new instructions after a few old ones, and answers them.

Source: Wang et al. 2022, arXiv 2212.10560. A prompt shows 8 instructions, 6 of people and 2 of the
model's own once there are any. The paper's presence penalty of 2 is no setting of a sampler here:
it is sent to a server, and a model in this process goes without.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import DataError
from gym_reason.seeding import derive_rng, derive_seed
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import demo_columns
from gym_reason.trainers.data.files import is_valid_text, read_table
from gym_reason.trainers.data.instructions import (
    InstructionRules,
    compose_request,
    find_fault,
    read_instructions,
)
from gym_reason.trainers.data.rouge import RougePool
from gym_reason.trainers.data.writers import Writer
from gym_reason.types import Message

SOURCE = "self-instruct"
PRESENCE_PENALTY = 2.0
"""What the paper asks a server for."""


@dataclass(frozen=True, slots=True)
class SelfInstructSettings:
    """How instructions are written."""

    count: int
    """How many are wanted."""
    people: int = 6
    """Instructions of people in a prompt; more where the model has written too few."""
    own: int = 2
    """Instructions of the model in a prompt, at most."""
    prompts_per_round: int = 8
    """Prompts at a time; what a round wrote is seen from the next one on."""
    patience: int = 20
    """Rounds in a row without anything new after which it ends."""
    answer: bool = True
    """Whether the model answers what it wrote."""
    params: SamplingParams = field(default_factory=lambda: SamplingParams(1024, 0.7, top_p=0.5))
    """How instructions are drawn; answers are greedy, of as many tokens."""
    rules: InstructionRules = field(default_factory=InstructionRules)
    """What an instruction has to be."""
    seed: int = 0
    """Every draw derives from it."""


@dataclass(frozen=True, slots=True)
class SelfInstructResult:
    """What was written."""

    rows: tuple[dict[str, Any], ...]
    """Demonstrations; of instructions alone where no answers were asked for."""
    rounds: int
    """Rounds that it took."""
    written: int
    """Instructions that the model wrote."""


def read_seeds(path: Path, column: str) -> list[str]:
    """Return the instructions in a column of a file, each once.

    Raises DataError where one is no text, or there is none: they are few and a person's work.
    """
    seeds = []
    for line in read_table(path):
        value = line.row.get(column)
        if line.problem or not isinstance(value, str) or not value.strip():
            raise DataError(
                f"{line.where} of {path} has no text in the column {column!r}",
                "an instruction in each row",
                "name the column: --field prompt=COLUMN",
            )
        if not is_valid_text(value):
            raise DataError(f"{line.where} of {path} is not valid Unicode", "an instruction")
        seeds.append(value)
    if not seeds:
        raise DataError(f"{path} has no rows", "instructions of people")
    return list(dict.fromkeys(seeds))


def write_instructions(
    seeds: Sequence[str],
    writer: Writer,
    settings: SelfInstructSettings,
    log: DropLog,
    on_round: Callable[[int, int], None] = lambda done, total: None,
) -> SelfInstructResult:
    """Return instructions unlike each other and the seeds, with the model's answers.

    Args:
        seeds: Instructions of people; none is in the result.
        writer: The model.
        settings: How.
        log: Takes what is dropped.
        on_round: Told of how many instructions of those wanted there are.
    """
    pool = RougePool(seeds)
    own: list[str] = []
    rows: list[dict[str, Any]] = []
    round_number = written = fruitless = 0
    while len(rows) < settings.count and fruitless < settings.patience:
        before = len(rows)
        for place, text in _ask(seeds, own, writer, settings, round_number):
            written += 1
            where = f"round {round_number + 1}, prompt {place + 1}"
            reason, detail = find_fault(text, settings.rules, pool)
            if reason or len(own) >= settings.count:
                log.add(where, reason or "more than were wanted", {"prompt": text}, detail)
                continue
            own.append(text)
            pool.add(text)
        rows += _answer(own[len(rows) :], writer, settings, log)
        own = [row["prompt"] for row in rows]
        fruitless = 0 if len(rows) > before else fruitless + 1
        round_number += 1
        on_round(len(rows), settings.count)
    return SelfInstructResult(tuple(rows), round_number, written)


def _ask(
    seeds: Sequence[str],
    own: Sequence[str],
    writer: Writer,
    settings: SelfInstructSettings,
    round_number: int,
) -> list[tuple[int, str]]:
    """Return what the model wrote in a round: the number of the prompt, and an instruction."""
    requests, draws, firsts = [], [], []
    for place in range(settings.prompts_per_round):
        rng = derive_rng(settings.seed, SOURCE, "demonstrations", round_number, place)
        few = min(settings.own, len(own))
        many = min(settings.people + settings.own - few, len(seeds))
        shown = [seeds[i] for i in rng.choice(len(seeds), many, replace=False).tolist()]
        shown += [own[i] for i in rng.choice(len(own), few, replace=False).tolist()] if few else []
        order = rng.permutation(len(shown)).tolist()
        request = compose_request([shown[i] for i in order])
        requests.append((Message("user", request),))
        firsts.append(len(shown) + 1)
        draws.append(derive_seed(settings.seed, SOURCE, "instructions", round_number, place))
    texts = writer.write(requests, settings.params, draws)
    return [
        (place, item)
        for place, text in enumerate(texts)
        for item in read_instructions(text.text, firsts[place], cut_off=text.cut_off)
    ]


def _answer(
    instructions: Sequence[str], writer: Writer, settings: SelfInstructSettings, log: DropLog
) -> list[dict[str, Any]]:
    """Return a row for each instruction that the model answers."""
    made = {"source": SOURCE, "teacher_id": writer.name}
    if not settings.answer:
        return [{"prompt": text, **made} for text in instructions]
    prompts = [(Message("user", text),) for text in instructions]
    params = SamplingParams(max_tokens=settings.params.max_tokens, temperature=0.0)
    draws = [derive_seed(settings.seed, SOURCE, "answer", text) for text in instructions]
    rows = []
    for prompt, answer in zip(prompts, writer.write(prompts, params, draws), strict=True):
        text, response = prompt[0].content, answer.text.strip()
        if answer.cut_off or not response:
            reason = "an answer that was cut off" if answer.cut_off else "an empty answer"
            log.add(f"the answer to {text!r:.60}", reason, {"prompt": text, "response": response})
        else:
            rows.append({**demo_columns(prompt, response), **made})
    return rows
