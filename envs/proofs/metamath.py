"""Proofs in the language Metamath: backwards by goals, forwards on a stack, or in one turn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias, overload

from gym_reason.envs.base import ReasoningEnv, Transition, check_choice, prompt_text
from gym_reason.envs.proofs.metamath_backwards import Backwards, RefusedError, play_backwards
from gym_reason.envs.proofs.metamath_forwards import Forwards, play_forwards
from gym_reason.envs.proofs.metamath_text import write_prompt
from gym_reason.envs.splits import in_split
from gym_reason.errors import DataError, EnvError, UsageError
from gym_reason.registry import register_env
from gym_reason.seeding import content_id
from gym_reason.text import after_thinking
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.proofs.metamath.database import Database
from gym_reason.verifiers.proofs.metamath.derivations import (
    Derivation,
    assemble,
    derive,
    expand,
    needed,
)
from gym_reason.verifiers.proofs.metamath.grammar import grammar_of
from gym_reason.verifiers.proofs.metamath.library import PACKAGED, load_database
from gym_reason.verifiers.proofs.metamath.proofs import (
    SAVE,
    ProofError,
    read_proof,
    write_compressed,
)
from gym_reason.verifiers.proofs.metamath.statements import Assertion, Hypothesis
from gym_reason.verifiers.proofs.metamath.verifier import (
    MetamathVerifier,
    read_reference,
    write_reference,
)

ENTRY_POINT = "gym_reason.envs.proofs.metamath:Metamath"
MODES = ("steps", "proof")
"""How much an action is."""
DIRECTIONS = ("backwards", "forwards")
"""Where a proof begins."""
REWARDS = ("sparse", "dense")
"""When the reward is paid."""
PREMISES = ("all", "used", "none")
"""Which statements a prompt lists."""

STEP_SHARE = 0.5
"""Share of the whole reward that the steps earn together, with the dense reward."""

LONGEST_NORMAL_PROOF = 150
"""A longer proof is demonstrated in the compressed form."""

MORE_TURNS = 8
"""Turns beyond twice those of the known proof."""

State: TypeAlias = Backwards | Forwards


@dataclass(frozen=True, slots=True)
class Known:
    """The known proof of a theorem."""

    derivations: dict[str, Derivation]
    """How each expression is proved."""
    lemmas: frozenset[str]
    """What it proves on the way that is not about types."""
    goals: int
    """How many goals it closes when it is played backwards."""
    steps: int
    """How many steps it has when it is played forwards."""


class Metamath(ReasoningEnv):
    """Prove a theorem of a Metamath database from what comes before it.

    Backwards, the state is a stack of goals, and an action names the statement that reduces the
    first one, with the values of the variables that the goal leaves open. Forwards, it is the stack
    of the language's own machine, and an action is one label. An action that does not apply changes
    nothing. The finished proof is put together and judged by the kernel. With `mode="proof"` the
    whole proof is one action.

    The dense reward pays half of the total for what the known proof proves on its way, each
    expression once, and a finished proof pays the rest. The sparse reward pays for the proof alone.
    """

    max_length = 32_768

    def __init__(
        self,
        *,
        database: str | Path = "propositional",
        mode: str = "steps",
        direction: str = "backwards",
        reward: str = "sparse",
        premises: str = "all",
        verifier: Verifier | str | None = None,
        split: str = "train",
        max_turns: int | None = None,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Read the database, unless this process has read it already.

        Args:
            database: `propositional`, or the path of a `.mm` file.
            mode: `steps` or `proof`.
            direction: `backwards` or `forwards`.
            reward: `sparse` or `dense`.
            premises: Which statements before the theorem the prompt lists: `all` that there is room
                for, those that the known proof has `used`, or `none`.
            verifier: What judges a proof; None for the verifier `metamath`.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated; None for a little more than
                twice those of the known proof.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            DataError: For a database that cannot be read or has no theorem.
            UsageError: For a value out of range.
        """
        self.mode = check_choice("mode", mode, MODES)
        self.direction = check_choice("direction", direction, DIRECTIONS)
        self.reward = check_choice("reward", reward, REWARDS)
        self.premises = check_choice("premises", premises, PREMISES)
        self._turns_by_task = max_turns is None and mode == "steps"
        name = str(database)
        self._name_of_database = name if name in PACKAGED else str(Path(name).absolute())
        self._database = load_database(self._name_of_database)
        if not self._proved_theorems():
            raise DataError(f"{self._database.path} has no theorem with a proof", "at least one")
        super().__init__(
            verifier=MetamathVerifier() if verifier is None else verifier,
            split=split,
            max_turns=1 if max_turns is None else max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )
        self._tasks_of_split: TheoremTasks | None = None
        self._state: State | None = None
        self._known: Known | None = None
        self._established: set[str] = set()
        self._paid = 0.0

    def all_tasks(self) -> Sequence[Task]:
        """Return a task for each theorem that has a proof, in the order of the database."""
        return TheoremTasks(self._make_task, self._proved_theorems())

    def tasks(self) -> Sequence[Task]:
        """Return the tasks of the split, in the order of the database; each is made when asked."""
        if self._tasks_of_split is None:
            theorems = self._proved_theorems()
            chosen = [one for one in theorems if in_split(self._name_task(one), self.split)]
            self._tasks_of_split = TheoremTasks(self._make_task, chosen)
        return self._tasks_of_split

    def begin(self, task: Task) -> str:
        """Start with nothing proved."""
        database, theorem = self._goal_of(task)
        self._state = None
        if self.mode == "proof":
            return super().begin(task)
        known = known_proof(database, theorem)
        if self._turns_by_task:
            turns = known.goals if self.direction == "backwards" else known.steps
            self.max_turns = 2 * turns + MORE_TURNS
        self._state = _start(database, theorem, self.direction)
        self._known, self._established, self._paid = known, set(), 0.0
        return self._describe(self._state, "")

    def transition(self, action: str) -> Transition:
        """Take one step of the proof, or judge a whole one."""
        state = self._state
        if state is None:
            return super().transition(action)
        said, reward = "", 0.0
        try:
            said = state.act(after_thinking(action) or "")
        except RefusedError as error:
            said = f"refused: {error}"
        if state.finished:
            steps = assemble(state.derivations, state.theorem.expression)
            proof = " ".join(write_compressed(state.theorem, steps))
            verdict = self.verifier.verify(self.task, proof)
            share = verdict.reward * (1.0 - self._paid)
            said = verdict.feedback or "The theorem is proved."
            return Transition(share, True, verdict, said, self._describe(state, said))
        if self.reward == "dense":
            reward = self._pay(state)
        feedback = f"{said}\n{state.describe()}"
        return Transition(reward, False, None, feedback, self._describe(state, said))

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the known proof as actions, with `thinking` or without."""
        del thinking  # Every action is a step of the reasoning.
        database, theorem = self._goal_of(task)
        known = known_proof(database, theorem)
        if self.mode == "steps":
            return self._play(database, theorem, known)
        return (write_proof(theorem, known),)

    def submissions(self, task: Task) -> tuple[str, ...]:
        """Return whole proofs that the verifier has to pass, whatever an action is."""
        database, theorem = self._goal_of(task)
        known = known_proof(database, theorem)
        steps = assemble(known.derivations, theorem.expression)
        compressed = " ".join(write_compressed(theorem, steps))
        return tuple(dict.fromkeys((write_proof(theorem, known), compressed)))

    def wrong_action(self, task: Task) -> str:
        """Return the sign of a step that is left out, which no proof may have."""
        del task
        return "?"

    def _goal_of(self, task: Task) -> tuple[Database, Assertion]:
        try:
            goal = read_reference(task.reference)
        except ValueError as error:
            found = f"the reference of task {task.id}: {error}"
            raise UsageError(found, '{"database": ..., "theorem": ...}') from None
        return goal.database, goal.theorem

    def _play(self, database: Database, theorem: Assertion, known: Known) -> tuple[str, ...]:
        try:
            if self.direction == "backwards":
                return play_backwards(database, theorem, known.derivations)
            return play_forwards(database, theorem, known.derivations)
        except RefusedError as error:
            raise EnvError(f"the known proof of {theorem.label!r} cannot be played: {error}") from (
                error
            )

    def _pay(self, state: State) -> float:
        """Return what was earned by proving more of what the known proof proves."""
        assert self._known is not None
        lemmas = self._known.lemmas
        self._established |= lemmas & state.derivations.keys()
        due = STEP_SHARE * len(self._established) / max(len(lemmas), 1)
        reward, self._paid = due - self._paid, due
        return reward

    def _describe(self, state: State, said: str) -> str:
        parts = [prompt_text(self.task) if self._task is not None else "", state.describe(), said]
        return "\n\n".join(filter(None, parts))

    def _proved_theorems(self) -> list[Assertion]:
        return [one for one in self._database.theorems if is_proved(one)]

    def _name_task(self, theorem: Assertion) -> str:
        statement = [*(one.expression for one in theorem.essentials), theorem.expression]
        return content_id("metamath", self._database.path.name, theorem.label, *statement)

    def _make_task(self, theorem: Assertion) -> Task:
        database = self._database
        way = "proof" if self.mode == "proof" else self.direction
        listed: frozenset[str] | None = None
        if self.premises != "all":
            listed = used_labels(theorem) if self.premises == "used" else frozenset()
        assert theorem.proof is not None
        return Task(
            id=self._name_task(theorem),
            prompt=(Message("user", write_prompt(database, theorem, way, listed)),),
            reference=write_reference(self._name_of_database, theorem.label),
            difficulty=float(len("".join(theorem.proof))),
            meta={"theorem": theorem.label},
        )


class TheoremTasks(Sequence[Task]):
    """The tasks of theorems, each made when it is first asked for: there may be thousands."""

    def __init__(self, make_task: Callable[[Assertion], Task], theorems: list[Assertion]) -> None:
        """Keep how to make them."""
        self._make_task = make_task
        self._theorems = theorems
        self._made: dict[int, Task] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._theorems)

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Task, ...]: ...
    def __getitem__(self, index: int | slice) -> Task | tuple[Task, ...]:
        """Return one task, or several as a tuple."""
        places = range(len(self._theorems))[index]
        if isinstance(places, range):
            return tuple(self[place] for place in places)
        if places not in self._made:
            self._made[places] = self._make_task(self._theorems[places])
        return self._made[places]


def register_metamath(
    env_id: str, path: str | Path, *, description: str = "", **settings: object
) -> None:
    """Register an environment whose tasks are the theorems of a database.

    Args:
        env_id: `namespace/Name-v0`.
        path: A `.mm` file; a relative path starts at the current folder of this call.
        description: One line for `gym-reason envs list`.
        settings: Further arguments of `Metamath`.
    """
    kwargs = {"database": str(Path(path).absolute()), **settings}
    register_env(env_id, ENTRY_POINT, description or f"The theorems of {Path(path).name}.", kwargs)


def is_proved(theorem: Assertion) -> bool:
    """Return whether a theorem has a proof without gaps; the kernel is not asked."""
    return theorem.proof is not None and not any("?" in token for token in theorem.proof)


@lru_cache(maxsize=64)
def known_proof(database: Database, theorem: Assertion) -> Known:
    """Return the proof of a theorem that stands in its database.

    Raises:
        DataError: Where it does not prove the theorem.
    """
    assert theorem.proof is not None
    try:
        found = derive(database, theorem, read_proof(database, theorem, theorem.proof))
    except ProofError as error:
        theorem.source.fail(theorem.token, f"the proof of {theorem.label!r} fails: {error}")
    grammar = grammar_of(database)
    used = needed(found, theorem.expression)
    about_things = [one for one in used if one.partition(" ")[0] not in grammar.types]
    lemmas = [one for one in about_things if not isinstance(found[one].statement, Hypothesis)]
    types_are_goals = not grammar.complete or theorem.typecode in grammar.types
    return Known(
        found,
        frozenset(lemmas),
        len(used) if types_are_goals else len(about_things),
        sum(step is not SAVE for step in assemble(found, theorem.expression)),
    )


def write_proof(theorem: Assertion, known: Known) -> str:
    """Return a known proof as labels, or in the compressed form where that takes too many."""
    steps = assemble(known.derivations, theorem.expression)
    statements = expand(steps, LONGEST_NORMAL_PROOF)
    if statements is None:
        return " ".join(write_compressed(theorem, steps))
    return " ".join(one.label for one in statements)


def used_labels(theorem: Assertion) -> frozenset[str]:
    """Return the labels that stand in the proof of a theorem."""
    assert theorem.proof is not None
    return frozenset(theorem.proof)


def _start(database: Database, theorem: Assertion, direction: str) -> State:
    if direction == "backwards":
        return Backwards(database, theorem)
    return Forwards(database, theorem)
