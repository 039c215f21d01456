"""Goals, and proofs under construction: a tree of goals that tactics split until none is open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from gym_reason.verifiers.proofs.natural.kernel import AXIOMS, Theorem, implies_elim, implies_intro
from gym_reason.verifiers.proofs.natural.show import ASCII, Symbols, fresh_name, show_formula
from gym_reason.verifiers.proofs.natural.syntax import Formula, LogicError

MAX_OPEN_GOALS = 64
"""Most goals that may be open at once."""
MAX_HYPOTHESES = 100
"""Most hypotheses and variables of one goal."""
MAX_STEPS = 400
"""Most tactics of one proof."""
MAX_WORK = 400_000
"""Most symbols that the tactics of one proof may look at, together."""


class TacticError(LogicError):
    """A tactic cannot be used on a goal. The message is for whoever wrote it."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be shown, and what may be used."""

    target: Formula
    """What is to be shown."""
    hypotheses: tuple[tuple[str, Formula], ...] = ()
    """What may be used, by name, the oldest first."""
    variables: tuple[str, ...] = ()
    """Names of the numbers that are given, the oldest first."""

    @property
    def names(self) -> frozenset[str]:
        """Every name that is in use."""
        return frozenset(self.variables) | {name for name, _ in self.hypotheses}

    def find(self, name: str) -> Formula | None:
        """Return the hypothesis called `name`, if there is one."""
        return next((formula for known, formula in self.hypotheses if known == name), None)

    def aim(self, target: Formula) -> "Goal":
        """Return the goal to show something else with the same means."""
        return Goal(target, self.hypotheses, self.variables)

    def add(self, name: str, formula: Formula) -> "Goal":
        """Return the goal with one more hypothesis. Raises TacticError for a name in use."""
        self._check_new(name)
        return Goal(self.target, (*self.hypotheses, (name, formula)), self.variables)

    def add_variable(self, name: str) -> "Goal":
        """Return the goal with one more variable. Raises TacticError for a name in use."""
        self._check_new(name)
        if not (name[0].islower() or name[0] == "_"):
            raise TacticError(f"a variable begins with a small letter, not as {name}")
        return Goal(self.target, self.hypotheses, (*self.variables, name))

    def drop(self, name: str) -> "Goal":
        """Return the goal without a hypothesis or variable."""
        kept = tuple(pair for pair in self.hypotheses if pair[0] != name)
        return Goal(self.target, kept, tuple(known for known in self.variables if known != name))

    def replace(self, name: str, formula: Formula) -> "Goal":
        """Return the goal with another formula for a hypothesis, in its place."""
        pairs = tuple((known, formula if known == name else old) for known, old in self.hypotheses)
        return Goal(self.target, pairs, self.variables)

    def new_name(self, wanted: str) -> str:
        """Return `wanted`, with a number behind it where that is in use."""
        return fresh_name(wanted, self.names)

    def show(self, symbols: Symbols = ASCII) -> str:
        """Return the goal as text: variables, hypotheses one a line, and the target."""
        lines = [f"{' '.join(self.variables)} : number"] if self.variables else []
        lines += [f"{name} : {show_formula(known, symbols)}" for name, known in self.hypotheses]
        return "\n".join([*lines, f"|- {show_formula(self.target, symbols)}"])

    @property
    def size(self) -> int:
        """Symbols in it."""
        return self.target.measure.size + sum(f.measure.size for _, f in self.hypotheses)

    def _check_new(self, name: str) -> None:
        if name in self.names or name in AXIOMS:
            raise TacticError(f"the name {name} is in use already")
        if len(self.variables) + len(self.hypotheses) >= MAX_HYPOTHESES:
            raise TacticError(f"there are more than {MAX_HYPOTHESES} hypotheses")


Justification: TypeAlias = Callable[[Sequence[Theorem]], Theorem]
"""Given theorems for the goals that a tactic left, returns one for the goal that it was used on."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a tactic makes of a goal."""

    goals: tuple[Goal, ...]
    """What remains to be shown."""
    justify: Justification
    """Makes the theorem."""
    rounds: int = 1
    """How often the tactic went through the goal."""


def done(theorem: Theorem) -> Step:
    """Return the step that leaves nothing to be shown."""
    return Step((), lambda _: theorem)


def cut(lemma: Theorem, theorem: Theorem) -> Theorem:
    """Return `theorem` with the conclusion of `lemma` no longer assumed but proved by it."""
    return implies_elim(implies_intro(lemma.conclusion, theorem), lemma)


@dataclass(slots=True)
class _Node:
    goal: Goal
    step: Step | None = None
    children: tuple[int, ...] = ()


@dataclass(slots=True)
class Proof:
    """A proof of one goal under construction. The first open goal is the one to work on."""

    nodes: list[_Node] = field(default_factory=list)
    """Every goal there was; one that a tactic left comes after the one it was used on."""
    open_nodes: list[int] = field(default_factory=list)
    """Places of the open goals in `nodes`, the first one first."""
    steps: int = 0
    """Tactics used."""
    work: int = 0
    """Symbols that tactics looked at."""

    @classmethod
    def of(cls, statement: Formula) -> "Proof":
        """Start to prove a statement from nothing."""
        return cls([_Node(Goal(statement))], [0])

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The open goals."""
        return tuple(self.nodes[place].goal for place in self.open_nodes)

    def use(self, tactic: Callable[[Goal], Step]) -> None:
        """Use a tactic on the first open goal. Raises LogicError, and then changes nothing else."""
        if not self.open_nodes:
            raise TacticError("there is no goal left: the proof is complete")
        if self.steps >= MAX_STEPS:
            raise TacticError(f"the proof has more than {MAX_STEPS} steps")
        self.steps += 1
        place = self.open_nodes[0]
        goal = self.nodes[place].goal
        self._spend(goal.size)
        step = tactic(goal)
        self._spend(step.rounds * goal.size)
        if len(self.open_nodes) + len(step.goals) - 1 > MAX_OPEN_GOALS:
            raise TacticError(f"more than {MAX_OPEN_GOALS} goals are open")
        children = tuple(range(len(self.nodes), len(self.nodes) + len(step.goals)))
        self.nodes += [_Node(child) for child in step.goals]
        self.nodes[place].step, self.nodes[place].children = step, children
        self.open_nodes[:1] = children

    def theorem(self) -> Theorem:
        """Return the theorem that the kernel makes of the finished proof.

        Raises LogicError where a goal is open or a tactic promised what it cannot keep.
        """
        if self.open_nodes:
            raise TacticError(f"{len(self.open_nodes)} goals are open")
        made: dict[int, Theorem] = {}
        # What a tactic left comes later in the list, so that its theorem is made before.
        for place in reversed(range(len(self.nodes))):
            node = self.nodes[place]
            assert node.step is not None
            theorem = node.step.justify([made[child] for child in node.children])
            if theorem.conclusion != node.goal.target:
                raise LogicError("a tactic has proved something else")
            made[place] = theorem
        return made[0]

    def _spend(self, symbols: int) -> None:
        self.work += symbols
        if self.work > MAX_WORK:
            raise TacticError("the proof takes too much work")
