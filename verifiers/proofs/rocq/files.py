"""The files that Coq is given, and which of them hold something of a submission.

The preamble is compiled on its own, so that what it defines is one and the same thing for the
submission and for the check. What acts on the text that follows it only (a scope, an import, a
setting) is said in each file again.
"""

from collections.abc import Sequence

from gym_reason.errors import UsageError
from gym_reason.verifiers.proofs.interactive.system import Theorem
from gym_reason.verifiers.proofs.rocq.sentences import RefusedError, split_sentences

PREAMBLE = "Pinned_preamble"
"""The module of what the preamble declares."""
SUBMISSION = "Submission"
"""The module of the proof."""
CHECK = "Pinned_check"
"""The module that compares what was proved with the statement."""
AXIOMS = "Pinned_axioms"
"""The module that looks for what a proof assumes in what the preamble loads."""
NAME = "pinned_goal"
"""The name of the theorem in Coq, whatever it is called."""

_CONTEXT_HEADS = (
    "Close", "Delimit", "Export", "From", "Generalizable", "Import", "Local", "Open", "Require",
    "Set", "Unset",
)  # fmt: skip


def read_preamble(theorem: Theorem) -> tuple[list[str], bool]:
    """Return what opens each file, and whether the preamble declares anything.

    Raises:
        UsageError: The preamble is no list of sentences.
    """
    opening: list[str] = []
    declares = False
    for sentence in _split(theorem.preamble, "preamble"):
        if sentence.split(" ", 1)[0].rstrip(".") in _CONTEXT_HEADS:
            opening.append(sentence)
        elif not declares:
            opening.append(f"Require Import {PREAMBLE}.")
            declares = True
    return opening, declares


def write_preamble(theorem: Theorem) -> str:
    """Return the file of what the preamble declares."""
    return _join(_split(theorem.preamble, "preamble"))


def write_statement(theorem: Theorem) -> str:
    """Return the sentence that states the theorem. Raises UsageError where it is not one."""
    sentence = f"Theorem {NAME} : {theorem.statement}\n."
    found = _split(sentence, "statement")
    if len(found) != 1:
        raise UsageError(f"a statement of {len(found)} sentences", "one proposition, without a dot")
    return found[0]


def write_submission(theorem: Theorem, sentences: Sequence[str]) -> tuple[str, int]:
    """Return the file with the proof, one sentence a line, and the lines before its first."""
    before = [*read_preamble(theorem)[0], write_statement(theorem), "Proof."]
    return _join([*before, *sentences, "Qed."]), len(before)


def write_check(theorem: Theorem) -> str:
    """Return the file that states the theorem anew and takes the submission's for its proof."""
    pinned = f"Definition pinned : {theorem.statement}\n := {SUBMISSION}.{NAME}."
    found = _split(pinned, "statement")
    lines = [*read_preamble(theorem)[0], f"Require {SUBMISSION}.", *found]
    return _join([*lines, "Print Assumptions pinned."])


def write_axioms(theorem: Theorem, names: Sequence[str]) -> str:
    """Return a file that Coq reads only where the preamble alone has every one of these names."""
    return _join([*read_preamble(theorem)[0], *(f"Check {name}." for name in names)])


def _split(text: str, what: str) -> list[str]:
    try:
        return split_sentences(text)
    except RefusedError as error:
        raise UsageError(f"the {what} cannot be read: {error}", "sentences of Coq") from None


def _join(sentences: Sequence[str]) -> str:
    return "".join(f"{sentence}\n" for sentence in sentences)
