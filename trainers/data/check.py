"""What every trainer asks of its data: whole records, something to learn, nothing of the test."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gym_reason.seeding import content_id
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import BROKEN, read_messages, read_prompt
from gym_reason.trainers.data.files import Line, is_valid_text, read_table
from gym_reason.trainers.data.kinds import Kind, kind_of
from gym_reason.trainers.data.overlap import OverlapIndex
from gym_reason.types import Message

if TYPE_CHECKING:  # A check without a model takes no torch.
    from transformers import PreTrainedTokenizerBase

    from gym_reason.trainers.data.scoring import Scorer

LICENCE_COLUMNS = ("licence", "license")
EMPTY_MASK = "empty loss mask"


@dataclass(frozen=True, slots=True)
class Hashes:
    """What tells a tokenizer and its chat template from others."""

    tokenizer: str
    """Of the vocabulary, the special tokens and how text is split."""
    template: str
    """Of the chat template; of the empty text where there is none."""


@dataclass(slots=True)
class CheckReport:
    """What was found in a file."""

    rows: int = 0
    """Rows, broken ones too."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Whole records of each kind."""
    sound: int = 0
    """Records that nothing is wrong with."""
    shared: float = 0.0
    """Highest share of n-grams that a record has in common with the test file."""
    cut: int = 0
    """Records that are trained on in part, since they pass the model's positions."""
    licences: Counter[str] = field(default_factory=Counter)
    """Sound records of each licence; "" for those that name none."""
    trained_tokens: int = 0
    """Tokens with a loss, of sound records; 0 without a model."""


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """What is asked of a record."""

    kind: Kind | None = None
    """What every record has to be; None takes each by its columns."""
    scorer: "Scorer | None" = None
    """The model that will be trained; None leaves tokens unread."""
    against: OverlapIndex | None = None
    """The test data; None for none."""
    require_licence: bool = False
    """Whether a record without a licence is dropped."""


def hash_tokenizer(tokenizer: "PreTrainedTokenizerBase") -> Hashes:
    """Return the hashes of a tokenizer and its template, 16 hexadecimal digits each."""
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    vocabulary = sorted(tokenizer.get_vocab().items())
    whole = backend.to_str() if backend is not None else repr(vocabulary)
    named = sorted((name, str(token)) for name, token in tokenizer.special_tokens_map.items())
    template = tokenizer.chat_template or ""
    return Hashes(content_id(whole, repr(named)), content_id(str(template)))


def check_file(
    path: Path,
    settings: CheckSettings,
    log: DropLog,
    on_row: Callable[[int], None] = lambda done: None,
) -> tuple[list[Mapping[str, Any]], CheckReport]:
    """Return the sound records of a file and what was found; the others go into `log`.

    Raises DataError where the file cannot be read at all.
    """
    report = CheckReport()
    sound: list[Mapping[str, Any]] = []
    seen: dict[str, str] = {}
    hashes = hash_tokenizer(settings.scorer.tokenizer) if settings.scorer is not None else None
    for line in read_table(path):
        report.rows += 1
        reason, detail = _find_fault(line, settings, hashes, seen, report)
        if reason:
            log.add(line.where, reason, line.row, detail)
        else:
            sound.append(line.row)
        on_row(report.rows)
    report.sound = len(sound)
    return sound, report


def _find_fault(
    line: Line,
    settings: CheckSettings,
    hashes: Hashes | None,
    seen: dict[str, str],
    report: CheckReport,
) -> tuple[str, str]:
    """Return the reason and the detail why a record is dropped; empty where it is sound."""
    row = line.row
    if line.problem:
        return BROKEN, line.problem
    kind = settings.kind or kind_of(row)
    if kind is None:
        return "no known kind of record", f"columns {', '.join(map(repr, row))}"
    fault = kind.find_fault(row)
    if fault:
        return f"wrong fields of {kind.name}", fault
    report.kinds[kind.name] += 1
    prompt, trained = texts_of(row, kind)
    if not all(map(is_valid_text, (*(m.content for m in prompt), *trained))):
        return BROKEN, "a text that is not valid Unicode"
    if kind.trained and not all(text.strip() for text in trained):
        return EMPTY_MASK, "no text to learn"
    mask = row.get("loss")
    if isinstance(mask, list) and not any(mask):
        return EMPTY_MASK, "the column 'loss' leaves every message out"
    reason, detail = _compare_hashes(row, hashes)
    if not reason and settings.scorer is not None and kind.trained:
        reason, detail = _read_tokens(settings.scorer, prompt, trained, report)
    if reason:
        return reason, detail
    content = content_digest(kind, prompt, (str(row.get("prefix", "")), *trained))
    if content in seen:
        return "the same as another record", seen[content]
    seen[content] = line.where
    if settings.against is not None:
        shared = settings.against.find(*(m.content for m in prompt), *trained)
        if shared is not None:
            report.shared = max(report.shared, shared.share)
            return "shares words with the test file", f"{shared.share:.1%}: {shared.example}"
    licence = next((str(row[name]) for name in LICENCE_COLUMNS if row.get(name)), "")
    if settings.require_licence and not licence:
        return "no licence", ""
    report.licences[licence] += 1
    return "", ""


def texts_of(row: Mapping[str, Any], kind: Kind) -> tuple[tuple[Message, ...], list[str]]:
    """Return the prompt of a record and the texts that are trained on."""
    if kind.name == "demo" and row.get("messages") is not None:
        *before, last = read_messages(row["messages"])
        return tuple(before), [last.content]
    texts: list[str] = []
    for name in kind.trained:
        value = row[name]
        texts.extend(value if isinstance(value, list) else (value,))
    return read_prompt(row["prompt"]), texts


def content_digest(kind: Kind, prompt: Sequence[Message], texts: Sequence[str]) -> str:
    """Return what two records share that say the same, white space aside."""
    parts = [f"{m.role}:{' '.join(m.content.split())}" for m in prompt]
    parts += [" ".join(text.split()) for text in texts]
    return content_id(kind.name, *parts)


def _compare_hashes(row: Mapping[str, Any], hashes: Hashes | None) -> tuple[str, str]:
    """Return a fault where a record was made for another tokenizer or template."""
    if hashes is None:
        return "", ""
    for name, own in (("tokenizer", hashes.tokenizer), ("template", hashes.template)):
        said = row.get(f"{name}_hash")
        if said is not None and said != own:
            return f"made for another {name}", f"{said}, and the policy's is {own}"
    return "", ""


def _read_tokens(
    scorer: "Scorer", prompt: Sequence[Message], trained: Sequence[str], report: CheckReport
) -> tuple[str, str]:
    """Return a fault where the model cannot learn from a record, and count what it can."""
    context = scorer.context_ids(prompt)
    limit = scorer.max_tokens
    tokens = 0
    cut = False
    for text in trained:
        response = scorer.response_ids(text)
        reason, detail = scorer.find_obstacle(context, response)
        if reason and limit is not None and len(context) + len(response) > limit:
            if len(context) >= limit:
                return EMPTY_MASK, f"the prompt's {len(context)} tokens fill {limit} positions"
            cut, reason = True, ""
        if reason:
            return reason, detail
        tokens += len(response) if limit is None else min(len(response), limit - len(context))
    report.trained_tokens += tokens
    report.cut += cut
    return "", ""
