"""The verifier of the script that a text is written in."""

from collections import Counter

from gym_reason.errors import UsageError
from gym_reason.registry import explain_unknown
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.formats.prose import split_prose
from gym_reason.verifiers.formats.regions import Region, check_region, select_region
from gym_reason.verifiers.formats.scripts import LANGUAGES, SCRIPTS, script_of
from gym_reason.verifiers.formats.verdicts import empty_verdict

_OF_FORMULAS = frozenset({"latin", "greek", "hebrew", None})


class LanguageVerifier:
    """Rewards the share of letters that belong to the wanted script.

    Source: DeepSeek-R1 (arXiv 2501.12948), section 2.3.2, whose reward is the share of words in
    the language; letters need no list of words and no spaces between them.

    The Latin, Greek and Hebrew letters of code and mathematics are not counted, whichever script
    is wanted. Those of other scripts are, so that a text in the wrong script cannot hide in a
    code block. English inside code and formulas is the gap that this leaves.
    Reward and the only part, `language`, are in [0, 1].
    """

    name = "language"
    deterministic = True

    def __init__(
        self,
        scripts: str = "latin",
        *,
        share: float = 0.9,
        min_letters: int = 1,
        region: Region = "whole",
    ) -> None:
        """Make a verifier.

        Args:
            scripts: Scripts, joined by `+` (`latin`, `han+latin`), or a language of several
                (`japanese`).
            share: Share of letters from which a text is correct.
            min_letters: A text with fewer letters gives no answer.
            region: Which part of the text counts.

        Raises:
            UsageError: There is no such script or region, or the share is not in (0, 1].
        """
        self.scripts = _read_scripts(scripts)
        if not 0 < share <= 1:
            raise UsageError(f"share = {share}", "a number above 0 and up to 1")
        if min_letters < 1:
            raise UsageError(f"min_letters = {min_letters}", "1 or more")
        check_region(region)
        self.share = share
        self.min_letters = min_letters
        self.region: Region = region

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on the script of `submission`; the reference is not read."""
        counts = _count_scripts(select_region(submission, self.region))
        letters = counts.total()
        if letters < self.min_letters:
            return empty_verdict("language", f"found {letters} letters")
        share = sum(counts[script] for script in self.scripts) / letters
        correct = share >= self.share
        wanted = " and ".join(sorted(self.scripts))
        return Verdict(
            reward=share,
            correct=correct,
            outcome=Outcome.PASS if correct else Outcome.FAIL,
            parts={"language": share},
            feedback="" if correct else f"Write in {wanted} letters.",
            detail=f"{share:.3f} of {letters} letters are {wanted}",
        )


def script_share(text: str, scripts: str) -> float | None:
    """Return the share of letters of `text` in `scripts`, in [0, 1]; None without letters."""
    wanted = _read_scripts(scripts)
    counts = _count_scripts(text)
    letters = counts.total()
    return sum(counts[script] for script in wanted) / letters if letters else None


def _count_scripts(text: str) -> Counter[str]:
    prose, formulas = split_prose(text)
    counts: Counter[str] = Counter()
    for char, number in Counter(prose).items():
        script = script_of(char)
        if script is not None:
            counts[script] += number
    for char, number in Counter(formulas).items():
        script = script_of(char)
        if script is not None and script not in _OF_FORMULAS:
            counts[script] += number
    return counts


def _read_scripts(spec: str) -> frozenset[str]:
    names: set[str] = set()
    for name in spec.lower().split("+"):
        if name in LANGUAGES:
            names.update(LANGUAGES[name])
        elif name in SCRIPTS:
            names.add(name)
        else:
            raise UsageError(*explain_unknown("script", name, sorted({*SCRIPTS, *LANGUAGES})))
    return frozenset(names)
