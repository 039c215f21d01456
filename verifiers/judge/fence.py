"""How untrusted text is put in front of a judge.

The text stands between two marker lines that carry a number which the text cannot hold: the number
is a hash of the text, so that to write it one would have to solve for a hash of one's own words.
None of this is a proof. A judge is a language model; it can be talked into things by text that it
was told to treat as data.
"""

import re
from dataclasses import dataclass

from gym_reason.seeding import content_id
from gym_reason.verifiers.judge.shapes import plain_shapes, remove_unseen, squeeze

_LABEL = "FENCED TEXT"
# In a squeezed text: whatever the number, the letters' case and the spacing.
_FORGED = re.compile(r"\[(?:beg[i1l]?n|end)fencedtext")
# Servers encode such strings as the special tokens that they name. Matches one character each.
_TURN_MARKER = re.compile(
    r"<(?=\|)|(?<=\|)>"
    r"|<(?=/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn)>)"
    r"|\[(?=/?(?:inst|system_prompt|available_tools|tool_results|tool_calls)\])"
    r"|<(?=</?sys>>)"
)


@dataclass(frozen=True, slots=True)
class Fence:
    """The markers around the texts of one request."""

    number: str
    """What the markers carry."""

    @property
    def check(self) -> str:
        """Return the code that the judge must repeat: a copied reply cannot hold it."""
        return self.number[:6]

    def wrap(self, name: str, text: str) -> str:
        """Return `text` between its markers, safe to stand there."""
        safe = defuse(text)
        return f"[BEGIN {_LABEL} {name} {self.number}]\n{safe}\n[END {_LABEL} {name} {self.number}]"


def make_fence(seed: int, *texts: str) -> Fence:
    """Return a fence for `texts`, with a number that is a hash of them and stands in none."""
    attempt = 0
    while True:
        number = content_id("fence", str(seed), str(attempt), *texts)
        if not any(number[:6] in text for text in texts):
            return Fence(number)
        attempt += 1


def forges_marker(text: str) -> bool:
    """Return whether a text writes one of our marker lines, common disguises included.

    These are other spacing, punctuation, case, accents and letters that look alike.
    """
    return _FORGED.search(squeeze(remove_unseen(text))) is not None


def defuse(text: str) -> str:
    """Return `text` with turn markers of chat templates broken up and unseen characters gone.

    Markers in common look-alike characters are broken up too.
    """
    shown = remove_unseen(text).encode("utf-8", "replace").decode("utf-8")
    pieces, start = [], 0
    for match in _TURN_MARKER.finditer(plain_shapes(shown)):
        pieces += [shown[start : match.start()], f" {shown[match.start()]} "]
        start = match.end()
    return "".join((*pieces, shown[start:]))
