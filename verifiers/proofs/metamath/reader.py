"""Reading a database: statements, scopes and inclusions.

Every rule of the language that concerns the text of a database is checked here; proofs are checked
by the kernel.

Source: N. Megill and D. Wheeler, Metamath: A Computer Language for Mathematical Proofs (2019),
sections 4.1 and 4.2 and appendix E.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from gym_reason.errors import DataError
from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.source import SourceFile, read_source
from gym_reason.verifiers.proofs.metamath.statements import (
    Assertion,
    Hypothesis,
    Pair,
    write_expression,
)

LABEL = re.compile(r"[A-Za-z0-9._-]+")
"""What a label looks like."""

MAX_INCLUSIONS = 100
"""Deepest nesting of files that include each other."""

_DECLARATIONS = ("$c", "$v", "$d")
_LABELLED = ("$f", "$e", "$a", "$p")
_EXPECTED = "a label, $c, $v, $d, ${, $} or $["


def read_database(path: str | Path, content: str | bytes | None = None) -> Database:
    """Read a database and every file that it includes. Proofs are kept, not checked.

    Args:
        path: The file; what it includes is looked for beside it.
        content: What the file holds, where that is not to be read from the disk.

    Raises:
        DataError: For the first rule of the language that is broken, naming the file and the line.
    """
    return _Reader(Path(path)).read(content)


@dataclass(slots=True)
class _Scope:
    """How much of each list was active where a `${` opened."""

    source: SourceFile
    token: int
    variables: int
    hypotheses: int
    disjoint: int


class _Reader:
    """The state while a database is read: what is active at the moment."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self.folder = path.resolve().parent
        self.included = {path.resolve()}
        self.depth = 0
        self.scopes: list[_Scope] = []
        self.variables: list[str] = []
        self.hypotheses: list[Hypothesis] = []
        self.disjoint: list[Pair] = []
        self.type_of: dict[str, Hypothesis | None] = {}
        """Each active variable, with its active `$f` statement."""
        self.count = 0
        self._all_disjoint: frozenset[Pair] | None = frozenset()

    def read(self, content: str | bytes | None) -> Database:
        self.read_file(read_source(self.database.path, content))
        return self.database

    def read_file(self, source: SourceFile) -> None:
        tokens = source.tokens
        position = 0
        while position < len(tokens):
            token = tokens[position]
            if token == "${":
                self.open_scope(source, position)
                position += 1
            elif token == "$}":
                self.close_scope(source, position)
                position += 1
            elif token == "$[":
                position = self.include(source, position)
            elif token in _DECLARATIONS:
                end = self.find_end(source, position, position + 1)
                self.declare(source, position, end)
                position = end + 1
            elif token[0] == "$":
                source.fail(position, f"{token!r} where a statement begins", _EXPECTED)
            else:
                position = self.read_labelled(source, position)
        if self.scopes and self.scopes[-1].source is source:
            source.fail(self.scopes[-1].token, "'${' is never closed", "'$}'")

    # Scopes and files

    def open_scope(self, source: SourceFile, position: int) -> None:
        counts = len(self.variables), len(self.hypotheses), len(self.disjoint)
        self.scopes.append(_Scope(source, position, *counts))

    def close_scope(self, source: SourceFile, position: int) -> None:
        if not self.scopes or self.scopes[-1].source is not source:
            source.fail(position, "'$}' closes no scope", "'${' before it")
        scope = self.scopes.pop()
        for hypothesis in self.hypotheses[scope.hypotheses :]:
            hypothesis.end = self.count
            if hypothesis.floating:
                self.type_of[hypothesis.variable] = None
        for variable in self.variables[scope.variables :]:
            del self.type_of[variable]
        del self.hypotheses[scope.hypotheses :]
        del self.variables[scope.variables :]
        if len(self.disjoint) > scope.disjoint:
            del self.disjoint[scope.disjoint :]
            self._all_disjoint = None

    def include(self, source: SourceFile, position: int) -> int:
        tokens = source.tokens
        if self.scopes:
            source.fail(position, "'$[' inside '${'", "inclusions in the outermost scope only")
        if tokens[position + 2 : position + 3] != ["$]"]:
            source.fail(position, "'$[' without a file name and '$]'", "'$[ file.mm $]'")
        name = tokens[position + 1]
        if "$" in name:
            source.fail(position + 1, f"the file name {name!r}", "a name without '$'")
        path = (source.path.parent / name).resolve()
        if not path.is_relative_to(self.folder):
            source.fail(position + 1, f"the file {name!r}", f"a file inside {self.folder}")
        if path not in self.included:
            self.included.add(path)
            self.depth += 1
            if self.depth > MAX_INCLUSIONS:
                source.fail(position, f"more than {MAX_INCLUSIONS} files include each other")
            try:
                included = read_source(source.path.parent / name)
            except DataError as error:
                if path.is_file():
                    raise
                source.fail(position + 1, str(error))
            self.read_file(included)
            self.depth -= 1
        return position + 3

    # Declarations

    def find_end(self, source: SourceFile, start: int, position: int, mark: str = "$.") -> int:
        """Return where the `$.` (or `$=`) of a statement stands. `start` is its beginning."""
        for place in range(position, len(source.tokens)):
            token = source.tokens[place]
            if token == mark:
                return place
            if token[0] == "$" or "$" in token:
                source.fail(place, f"{token!r} inside a statement", f"symbols, then {mark!r}")
        source.fail(start, f"the statement {source.tokens[start]!r} has no end", repr(mark))

    def declare(self, source: SourceFile, position: int, end: int) -> None:
        keyword, symbols = source.tokens[position], source.tokens[position + 1 : end]
        if keyword == "$c" and self.scopes:
            source.fail(position, "'$c' inside '${'", "constants in the outermost scope only")
        if not symbols:
            source.fail(position, f"{keyword!r} without a symbol", "at least one")
        for place, symbol in enumerate(symbols, position + 1):
            if keyword == "$d":
                if symbol not in self.type_of:
                    source.fail(place, f"{symbol!r} in '$d'", "active variables")
                if symbol in source.tokens[position + 1 : place]:
                    source.fail(place, f"{symbol!r} twice in '$d'", "distinct variables")
            else:
                self.declare_symbol(source, place, symbol, keyword == "$c")
        if keyword == "$d":
            if len(symbols) < 2:
                source.fail(position, "'$d' with one variable", "at least two")
            ordered = sorted(symbols)
            self.disjoint += [(a, b) for i, a in enumerate(ordered) for b in ordered[i + 1 :]]
            self._all_disjoint = None

    def declare_symbol(
        self, source: SourceFile, place: int, symbol: str, is_constant: bool
    ) -> None:
        database = self.database
        if symbol in database.constants:
            source.fail(place, f"{symbol!r} is a constant already", "a new symbol")
        if symbol in database.statements:
            source.fail(place, f"{symbol!r} is a label already", "a new symbol")
        if is_constant:
            if symbol in database.variables:
                source.fail(place, f"{symbol!r} is a variable already", "a new symbol")
            database.constants.add(symbol)
        else:
            if symbol in self.type_of:
                source.fail(place, f"the variable {symbol!r} is active already", "a new symbol")
            database.variables.add(symbol)
            self.variables.append(symbol)
            self.type_of[symbol] = None

    # Labelled statements

    def read_labelled(self, source: SourceFile, position: int) -> int:
        tokens, label = source.tokens, source.tokens[position]
        keyword = tokens[position + 1] if position + 1 < len(tokens) else ""
        if keyword not in _LABELLED:
            found = repr(keyword) if keyword else "the end of the file"
            source.fail(position, f"{found} after {label!r}", "$f, $e, $a or $p after a label")
        if not LABEL.fullmatch(label):
            source.fail(position, f"the label {label!r}", "letters, digits, '.', '_' and '-'")
        if label in self.database.statements:
            source.fail(position, f"the label {label!r} is taken", "a new label")
        if label in self.database.constants or label in self.database.variables:
            source.fail(position, f"the label {label!r} is a symbol already", "a new label")
        proof: tuple[str, ...] | None = None
        end = self.find_end(source, position, position + 2, "$=" if keyword == "$p" else "$.")
        symbols = tokens[position + 2 : end]
        if keyword == "$p":
            proof_end = self.find_end(source, position, end + 1)
            proof = tuple(tokens[end + 1 : proof_end])
            if not proof:
                source.fail(position, f"the proof of {label!r} is empty", "labels, or '?'")
            end = proof_end
        if not symbols:
            source.fail(position, f"{keyword!r} {label!r} without a type code", "a constant")
        if keyword == "$f":
            self.add_floating(source, position, label, symbols)
        else:
            self.check_symbols(source, position + 2, symbols)
            expression = write_expression(symbols)
            if keyword == "$e":
                self.add_hypothesis(Hypothesis(label, expression, "", self.count))
            else:
                self.add_assertion(source, position, label, expression, proof)
        self.count += 1
        return end + 1

    def add_floating(
        self, source: SourceFile, position: int, label: str, symbols: list[str]
    ) -> None:
        if len(symbols) != 2:
            source.fail(position, f"'$f' {label!r} with {len(symbols)} symbols", "two")
        typecode, variable = symbols
        if typecode not in self.database.constants:
            source.fail(position + 2, f"the type code {typecode!r} of '$f'", "a constant")
        if variable not in self.type_of:
            source.fail(position + 3, f"{variable!r} in '$f'", "an active variable")
        present = self.type_of[variable]
        if present is not None:
            found = f"the variable {variable!r} has the type of {present.label!r} already"
            source.fail(position + 3, found, "one active '$f' for each variable")
        hypothesis = Hypothesis(label, write_expression(symbols), variable, self.count)
        self.type_of[variable] = hypothesis
        self.add_hypothesis(hypothesis)

    def check_symbols(self, source: SourceFile, position: int, symbols: list[str]) -> None:
        constants, type_of = self.database.constants, self.type_of
        if symbols[0] not in constants:
            source.fail(position, f"the type code {symbols[0]!r}", "a constant")
        for place, symbol in enumerate(symbols, position):
            if symbol in constants or type_of.get(symbol):
                continue
            if symbol in type_of:
                source.fail(place, f"the variable {symbol!r} has no type here", "a '$f' before it")
            source.fail(place, f"{symbol!r} is not active here", "constants and active variables")

    def add_hypothesis(self, hypothesis: Hypothesis) -> None:
        self.hypotheses.append(hypothesis)
        self.database.statements[hypothesis.label] = hypothesis

    def add_assertion(
        self,
        source: SourceFile,
        position: int,
        label: str,
        expression: str,
        proof: tuple[str, ...] | None,
    ) -> None:
        symbols = set(expression.split())
        for hypothesis in self.hypotheses:
            if not hypothesis.floating:
                symbols.update(hypothesis.expression.split())
        mandatory = tuple(
            one for one in self.hypotheses if not one.floating or one.variable in symbols
        )
        if self._all_disjoint is None:
            self._all_disjoint = frozenset(self.disjoint)
        self.database.statements[label] = Assertion(
            label,
            expression,
            mandatory,
            tuple(sorted(p for p in self._all_disjoint if p[0] in symbols and p[1] in symbols)),
            self.count,
            source,
            position,
            proof,
            self._all_disjoint,
        )
