"""How untrusted text is put in front of a judge.

The text stands between two marker lines that carry a number which the text cannot hold: the number
is a hash of the text, so that to write it one would have to solve for a hash of one's own words.
None of this is a proof. A judge is a language model; it can be talked into things by text that it
was told to treat as data.
"""

import re
import unicodedata
from dataclasses import dataclass

from gym_reason.seeding import content_id
from gym_reason.text import fold_characters

_LABEL = "FENCED TEXT"
# Whatever the number, the letters' case, the spacing or the look-alike characters.
_FORGED = re.compile(
    r"[\[(<{\u3010\u3014]\s*(?:begin|end)[\s_\-]*fenced[\s_\-]*text", re.IGNORECASE
)
# Servers encode such strings as the special tokens that they name.
_TURN_MARKER = re.compile(
    r"<(?=\|)|(?<=\|)>"
    r"|<(?=/?(?:s|bos|eos|pad|unk|start_of_turn|end_of_turn)>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS|TOOL_CALLS)\])"
    r"|<(?=</?SYS>>)"
    r"|<(?=[\uff5c])"
)
_UNSEEN = frozenset("\u200b\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_TAGS = range(0xE0000, 0xE0080)


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
    """Return whether a text writes one of our marker lines, in whatever disguise."""
    shown = "".join(char for char in text if not _is_unseen(char))
    folded = unicodedata.normalize("NFKC", fold_characters(shown))
    return _FORGED.search(folded) is not None


def defuse(text: str) -> str:
    """Return `text` with turn markers of chat templates broken up and unseen characters gone."""
    shown = "".join(char for char in text if not _is_unseen(char))
    shown = shown.encode("utf-8", "replace").decode("utf-8")
    return _TURN_MARKER.sub(lambda match: f" {match[0]} ", shown)


def _is_unseen(char: str) -> bool:
    """Return whether a character has no shape, or a shape that misleads, and carries no meaning."""
    if char in "\n\t":
        return False
    return char in _UNSEEN or ord(char) in _TAGS or unicodedata.category(char) == "Cc"
