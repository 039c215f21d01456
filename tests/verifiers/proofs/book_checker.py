"""A slow checker of Metamath, written from the book alone: the one that the kernel is judged by.

It shares no code with the library. Every expression is a tuple of symbols, a substitution replaces
symbol by symbol, and a compressed proof is written out in full before it is checked.
"""

import re
from dataclasses import dataclass, field
from itertools import combinations, product


class Refused(Exception):
    """A proof is not accepted."""


@dataclass
class Frame:
    """A hypothesis or an assertion, with all that the book calls its extended frame."""

    kind: str
    symbols: tuple[str, ...]
    hypotheses: list[str] = field(default_factory=list)
    """Labels of the mandatory hypotheses."""
    mandatory_pairs: set[frozenset[str]] = field(default_factory=set)
    pairs: set[frozenset[str]] = field(default_factory=set)
    usable: set[str] = field(default_factory=set)
    """Labels that a proof may name."""
    proof: list[str] = field(default_factory=list)


class Book:
    """A database of one file that is known to be well formed."""

    def __init__(self, text: str) -> None:
        self.frames: dict[str, Frame] = {}
        self.variables: set[str] = set()
        tokens = re.sub(r"\$\(\s.*?\s\$\)", " ", text, flags=re.DOTALL).split()
        scopes: list[tuple[list[str], set[frozenset[str]]]] = [([], set())]
        assertions: set[str] = set()
        label = ""
        tokens.reverse()
        while tokens:
            token = tokens.pop()
            if token == "${":
                hypotheses, pairs = scopes[-1]
                scopes.append((list(hypotheses), set(pairs)))
            elif token == "$}":
                scopes.pop()
            elif token in ("$c", "$v", "$d", "$f", "$e", "$a", "$p"):
                body: list[str] = []
                while (symbol := tokens.pop()) != "$.":
                    body.append(symbol)
                if token == "$v":
                    self.variables.update(body)
                elif token == "$d":
                    scopes[-1][1].update(frozenset(pair) for pair in combinations(body, 2))
                elif token in ("$f", "$e"):
                    self.frames[label] = Frame(token, tuple(body))
                    scopes[-1][0].append(label)
                elif token in ("$a", "$p"):
                    proof: list[str] = []
                    if token == "$p":
                        middle = body.index("$=")
                        body, proof = body[:middle], body[middle + 1 :]
                    self._assert(label, token, tuple(body), proof, scopes[-1], assertions)
            else:
                label = token

    def _assert(
        self,
        label: str,
        kind: str,
        symbols: tuple[str, ...],
        proof: list[str],
        scope: tuple[list[str], set[frozenset[str]]],
        assertions: set[str],
    ) -> None:
        active, pairs = scope
        inside = set(symbols)
        for one in active:
            if self.frames[one].kind == "$e":
                inside.update(self.frames[one].symbols)
        inside &= self.variables
        mandatory = [
            one
            for one in active
            if self.frames[one].kind == "$e" or self.frames[one].symbols[1] in inside
        ]
        self.frames[label] = Frame(
            kind,
            symbols,
            mandatory,
            {pair for pair in pairs if pair <= inside},
            set(pairs),
            set(active) | set(assertions),
            proof,
        )
        assertions.add(label)

    def accepts(
        self, label: str, proof: list[str], pairs: set[frozenset[str]] | None = None
    ) -> bool:
        """Return whether a proof proves a theorem.

        Args:
            label: The theorem.
            proof: The tokens of the proof, in either form.
            pairs: The disjoint pairs of the theorem where they are not those of the database.
        """
        frame = self.frames[label]
        try:
            labels = self.expand(frame, proof) if proof[:1] == ["("] else proof
            return self.prove(frame, labels, frame.pairs if pairs is None else pairs)
        except Refused:
            return False

    def expand(self, frame: Frame, proof: list[str]) -> list[str]:
        """Return a compressed proof as a normal one."""
        if ")" not in proof:
            raise Refused
        close = proof.index(")")
        listed = proof[1:close]
        if set(listed) & set(frame.hypotheses) or not set(listed) <= frame.usable:
            raise Refused
        names = [*frame.hypotheses, *listed]
        letters = "".join(proof[close + 1 :])
        if not re.fullmatch(r"(?:[U-Y]*[A-T]Z?)+", letters):
            raise Refused
        stack: list[list[str]] = []
        saved: list[list[str]] = []
        for word, tag in re.findall(r"([U-Y]*[A-T])(Z?)", letters):
            number = 0
            for letter in word[:-1]:
                number = number * 5 + (ord(letter) - ord("U") + 1)
            number = number * 20 + (ord(word[-1]) - ord("A") + 1)
            if number <= len(names):
                name = names[number - 1]
                needed = len(self.frames[name].hypotheses)
                if needed > len(stack):
                    raise Refused
                taken = stack[len(stack) - needed :]
                del stack[len(stack) - needed :]
                stack.append([one for part in taken for one in part] + [name])
                if tag:
                    if self.frames[name].kind in ("$f", "$e"):
                        raise Refused
                    saved.append(stack[-1])
            else:
                if tag or number - len(names) > len(saved):
                    raise Refused
                stack.append(saved[number - len(names) - 1])
        return [one for part in stack for one in part]

    def prove(self, frame: Frame, labels: list[str], pairs: set[frozenset[str]]) -> bool:
        """Return whether a normal proof ends with the theorem alone."""
        stack: list[tuple[str, ...]] = []
        for label in labels:
            if label not in frame.usable:
                raise Refused
            used = self.frames[label]
            if used.kind in ("$f", "$e"):
                stack.append(used.symbols)
                continue
            count = len(used.hypotheses)
            if count > len(stack):
                raise Refused
            taken = stack[len(stack) - count :]
            del stack[len(stack) - count :]
            values: dict[str, tuple[str, ...]] = {}
            for one, entry in zip(used.hypotheses, taken, strict=True):
                hypothesis = self.frames[one]
                if hypothesis.kind == "$f":
                    if entry[:1] != hypothesis.symbols[:1]:
                        raise Refused
                    values[hypothesis.symbols[1]] = entry[1:]
            for one, entry in zip(used.hypotheses, taken, strict=True):
                hypothesis = self.frames[one]
                if hypothesis.kind == "$e" and substitute(hypothesis.symbols, values) != entry:
                    raise Refused
            for pair in used.mandatory_pairs:
                first, second = pair
                for one, other in product(values[first], values[second]):
                    if {one, other} <= self.variables and frozenset((one, other)) not in pairs:
                        raise Refused
            stack.append(substitute(used.symbols, values))
        return stack == [frame.symbols]


def substitute(symbols: tuple[str, ...], values: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Replace every variable at once."""
    result: list[str] = []
    for symbol in symbols:
        result.extend(values.get(symbol, (symbol,)))
    return tuple(result)
