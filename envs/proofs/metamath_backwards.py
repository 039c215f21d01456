"""Proving a theorem of Metamath backwards: a stack of goals, and statements that reduce them."""

from collections.abc import Sequence
from itertools import accumulate, islice

from gym_reason.text import shorten
from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.derivations import Derivation
from gym_reason.verifiers.proofs.metamath.grammar import (
    Chart,
    TooHardError,
    Values,
    grammar_of,
    variable_types,
)
from gym_reason.verifiers.proofs.metamath.kernel import Machine, show
from gym_reason.verifiers.proofs.metamath.proofs import ProofError
from gym_reason.verifiers.proofs.metamath.statements import (
    Assertion,
    Hypothesis,
    write_expression,
)

MAX_GOALS = 200
"""Most goals at a time."""

MAX_CHARACTERS = 3_000
"""Longest goal."""

MAX_WRITING = 200_000
"""Most characters that an action may write, counted as if each value stood in every place."""

SHOWN_GOALS = 20
"""How many goals are shown."""

SHOWN_CHARACTERS = 10_000
"""Characters of goals or entries after which no further one is shown."""

ASSIGN = ":="
"""Stands between a variable and its value in an action."""


class RefusedError(ValueError):
    """An action that changes nothing; the message says why."""


class Backwards:
    """The goals of a proof that is under way; the first is on top of the stack.

    A goal whose expression has been proved before closes by itself, and so does the type of a value
    wherever the grammar derives it.
    """

    def __init__(self, database: Database, theorem: Assertion) -> None:
        """Start with the theorem as the only goal."""
        self.database = database
        self.theorem = theorem
        self.derivations: dict[str, Derivation] = {}
        """How each expression was proved."""
        # A goal, or, with a derivation, an expression that is proved once all above it is.
        self._agenda: list[tuple[str, Derivation | None]] = [(theorem.expression, None)]
        self._grammar = grammar_of(database)
        self._variables = {
            one.variable: one for one in database.active_hypotheses(theorem) if one.floating
        }
        self._machine = Machine(database, theorem)

    @property
    def finished(self) -> bool:
        """Whether no goal is left."""
        return not self._agenda

    @property
    def goals(self) -> list[str]:
        """The goals, the first one first."""
        return [goal for goal, derivation in reversed(self._agenda) if derivation is None]

    def act(self, action: str) -> str:
        """Apply a statement to the first goal and return what is to be said of it.

        Args:
            action: `label`, or `label x := EXPRESSION , y := EXPRESSION`.

        Raises:
            RefusedError: Where it does not apply.
        """
        words = action.split()
        if not words:
            raise RefusedError("the action is empty")
        goal, label = self._agenda[-1][0], words[0]
        statement = self.database.find(label, self.theorem)
        if statement is None:
            raise RefusedError(f"no statement {shorten(ascii(label), 60)} can be used here")
        if isinstance(statement, Hypothesis):
            if len(words) > 1 or statement.expression != goal:
                raise RefusedError(f"{label} is {show(statement.expression)}, not the goal")
            derivation = Derivation(statement)
        else:
            derivation = self._reduce(statement, goal, self._read_values(statement, words[1:]))
        count = len(self.goals)
        self._agenda[-1] = (goal, derivation)
        for premise in reversed(derivation.premises):
            if premise not in self.derivations:
                self._agenda.append((premise, None))
        self._settle()
        made = len(self.goals) - count + 1
        return "proved" if not made else "1 goal" if made == 1 else f"{made} goals"

    def describe(self) -> str:
        """Return the goals as text."""
        goals = self.goals
        if not goals:
            return "No goal is left."
        shown = [f"{place}. {goal.strip()}" for place, goal in enumerate(goals, 1)]
        count = count_shown(shown, SHOWN_GOALS)
        lines = ["Goals, the first one first:", *shown[:count]]
        if len(goals) > count:
            lines.append(f"and {len(goals) - count} more")
        return "\n".join(lines)

    def _settle(self) -> None:
        """Close what is proved at the top of the stack."""
        while self._agenda:
            expression, derivation = self._agenda[-1]
            if derivation is not None:
                self.derivations.setdefault(expression, derivation)
            elif expression not in self.derivations:
                return
            self._agenda.pop()

    def _reduce(self, assertion: Assertion, goal: str, given: Values) -> Derivation:
        """Return the derivation of a goal by an assertion, its premises not yet proved."""
        values = self._complete(assertion, goal, given)
        frame = assertion.frame
        ordered = [values[variable] for variable in frame.variables]
        size = sum(map(len, ordered))
        if size * frame.uses + frame.length > MAX_WRITING:
            raise RefusedError("the new goals would be too long")
        try:
            self._machine.check_disjoint(assertion, ordered)
        except ProofError as error:
            raise RefusedError(error.reason) from None
        premises: list[str] = []
        essentials = dict(frame.essentials)
        for place, hypothesis in enumerate(assertion.hypotheses):
            if hypothesis.floating:
                premises.append(f"{hypothesis.typecode} {values[hypothesis.variable]}")
            else:
                premises.append(essentials[place].format(*ordered))
        if any(len(premise) > MAX_CHARACTERS for premise in premises):
            raise RefusedError("the new goals would be too long")
        if len(self.goals) - 1 + len(assertion.essentials) > MAX_GOALS:
            raise RefusedError(f"there would be more than {MAX_GOALS} goals")
        for place, hypothesis in enumerate(assertion.hypotheses):
            if hypothesis.floating and premises[place] not in self.derivations:
                self._derive_type(hypothesis, premises[place])
        return Derivation(assertion, tuple(premises))

    def _derive_type(self, hypothesis: Hypothesis, expression: str) -> None:
        """Prove the type of a value by the grammar; leave it to be a goal where that cannot."""
        typecode = hypothesis.typecode
        try:
            chart = self._read(expression.split()[1:])
        except TooHardError as error:
            raise RefusedError(str(error)) from None
        if chart.has_type(typecode):
            for one, derivation in chart.derivations(typecode).items():
                self.derivations.setdefault(one, derivation)
        elif self._grammar.complete:
            value = shorten(expression.partition(" ")[2])
            raise RefusedError(f"{hypothesis.variable} := {value} is no {typecode}")

    def _complete(self, assertion: Assertion, goal: str, given: Values) -> Values:
        """Return the values of all variables: those given and those that the goal fixes."""
        frame = assertion.frame
        missing = [one for one in frame.variables if one not in given]
        if not missing:
            size = sum(map(len, given.values()))
            if size * frame.uses <= MAX_WRITING:
                ordered = [given[variable] for variable in frame.variables]
                if frame.conclusion.format(*ordered) == goal:
                    return given
            raise RefusedError(f"{assertion.label} with these values does not conclude the goal")
        pattern = assertion.expression.split()
        try:
            found = self._read(goal.split()).matches(pattern, variable_types(assertion), given)
            matches = list(islice(found, 2))
        except TooHardError as error:
            wanted = ", ".join(missing)
            raise RefusedError(f"{error}; give the values of {wanted}") from None
        if not matches:
            raise RefusedError(
                f"{assertion.label} concludes {show(assertion.expression)}, which does not fit"
            )
        fixed = matches[0]
        open_ones = missing if len(matches) > 1 else [one for one in missing if one not in fixed]
        if open_ones:
            form = " , ".join(f"{variable} {ASSIGN} ..." for variable in open_ones)
            raise RefusedError(f"the goal leaves open {', '.join(open_ones)}: "
                               f"{assertion.label} {form}")  # fmt: skip
        return fixed

    def _read(self, symbols: Sequence[str]) -> Chart:
        return Chart(self._grammar, self.theorem, self._variables, symbols)

    def _read_values(self, assertion: Assertion, words: Sequence[str]) -> Values:
        """Return the values that an action gives."""
        variables = set(assertion.frame.variables)
        starts = [
            place
            for place in range(len(words) - 1)
            if words[place + 1] == ASSIGN and words[place] in variables
            and (place == 0 or words[place - 1] == ",")
        ]  # fmt: skip
        if words and (not starts or starts[0] != 0):
            known = " ".join(assertion.frame.variables) or "none"
            raise RefusedError(f"{shorten(' '.join(words), 60)} gives no value; the variables of "
                               f"{assertion.label} are {known}")  # fmt: skip
        values: Values = {}
        for number, start in enumerate(starts):
            stop = starts[number + 1] - 1 if number + 1 < len(starts) else len(words)
            variable, symbols = words[start], words[start + 2 : stop]
            if variable in values:
                raise RefusedError(f"{variable} has two values")
            for symbol in symbols:
                if symbol not in self._variables and symbol not in self.database.constants:
                    shown = shorten(ascii(symbol), 60)
                    raise RefusedError(f"{shown} is neither a constant nor a variable here")
            values[variable] = write_expression(symbols)
        return values


def count_shown(lines: Sequence[str], most: int) -> int:
    """Return how many of the lines there is room for; one at least."""
    sums = accumulate(map(len, lines[:most]))
    return max(1, sum(length <= SHOWN_CHARACTERS for length in sums))


def write_action(label: str, values: Values) -> str:
    """Return the action that applies a statement with some values given."""
    form = " , ".join(f"{variable} {ASSIGN} {value.strip()}" for variable, value in values.items())
    return f"{label} {form}".strip()


def play_backwards(
    database: Database, theorem: Assertion, known: dict[str, Derivation]
) -> tuple[str, ...]:
    """Return the actions that prove a theorem as a known proof does.

    Args:
        database: Where it stands.
        theorem: The theorem.
        known: How the known proof proves each of its expressions.

    Raises:
        RefusedError: Where the proof leads over what an episode cannot hold.
    """
    state = Backwards(database, theorem)
    actions: list[str] = []
    while not state.finished:
        derivation = known[state.goals[0]]
        action = derivation.statement.label
        if isinstance(derivation.statement, Assertion):
            values = _values_of(derivation)
            concluded = set(derivation.statement.expression.split())
            left = {name: value for name, value in values.items() if name not in concluded}
            action = write_action(derivation.statement.label, left)
            try:
                state.act(action)
            except RefusedError:
                # The goal can be read in two ways, so that every value has to be given.
                action = write_action(derivation.statement.label, values)
                state.act(action)
        else:
            state.act(action)
        actions.append(action)
    return tuple(actions)


def _values_of(derivation: Derivation) -> Values:
    """Return what each variable stands for where an assertion was applied."""
    assert isinstance(derivation.statement, Assertion)
    return {
        hypothesis.variable: premise.partition(" ")[2]
        for hypothesis, premise in zip(
            derivation.statement.hypotheses, derivation.premises, strict=True
        )
        if hypothesis.floating
    }
