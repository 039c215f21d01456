"""Natural deduction: prove a theorem with tactics, all at once or one at a time."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gym_reason.envs.base import (
    ReasoningEnv,
    Transition,
    check_choice,
    check_integer,
    prompt_text,
)
from gym_reason.envs.proofs.theorems import KINDS, MAX_LEVEL, MIXED, TheoremDraft, draw_theorem
from gym_reason.envs.splits import in_split
from gym_reason.errors import UsageError
from gym_reason.seeding import content_id
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.proofs.natural.goals import Goal
from gym_reason.verifiers.proofs.natural.kernel import AXIOMS, CLASSICAL
from gym_reason.verifiers.proofs.natural.prover import find_proof, find_script_for
from gym_reason.verifiers.proofs.natural.script import COMMENT, HEADER, Session, show_goals
from gym_reason.verifiers.proofs.natural.show import ASCII, UNICODE, Symbols, show_formula
from gym_reason.verifiers.proofs.natural.syntax import Formula, LogicError
from gym_reason.verifiers.proofs.natural.tactics import TACTICS
from gym_reason.verifiers.proofs.natural.verifier import (
    NaturalDeductionVerifier,
    Statement,
    read_statement,
    write_reference,
)

MODES = ("proof", "steps")
"""What an action is: a whole script, or one tactic."""
REWARDS = ("sparse", "dense")
"""When the reward is paid."""
PROMPT_STYLES = ("question", "bare")
"""Whether the prompt tells the task and the tactics, or is the statement alone."""

PROGRESS_SHARE = 0.5
"""Share of the whole reward that progress earns, with the dense reward."""
MAX_DISTANCE_NODES = 150
"""Most goals that the prover looks at to tell how far an open goal is from its proof."""
UNKNOWN_TURNS = 40
"""Actions of an episode whose task comes without a proof."""


class NaturalDeduction(ReasoningEnv):
    """Prove a theorem of logic, of equality or about the natural numbers.

    With the mode `proof`, the one action is a script: tactics, one a line. With the mode `steps`,
    each action is one tactic and the observation is what remains to be shown, with the hypotheses.
    A tactic that does not apply changes nothing, costs a turn, and the observation says why. The
    episode ends when nothing remains to be shown; then the kernel checks the whole proof again.

    The dense reward of the steps is a potential: progress is how much nearer the goals are to
    their proofs, by the length of the scripts that the reference prover finds for them. Going back
    and forth earns nothing, and progress earns half of the whole.
    """

    def __init__(
        self,
        *,
        mode: str = "proof",
        kind: str = MIXED,
        level: int = 2,
        classical: bool = False,
        header: bool = True,
        prompt_style: str = "question",
        unicode: bool = False,
        reward: str = "sparse",
        verifier: Verifier | str | None = None,
        split: str = "train",
        max_turns: int | None = None,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            mode: `proof` or `steps`.
            kind: `propositional`, `quantifiers`, `equality`, `induction` or `mixed`.
            level: How hard the theorems are, from 1 to 8.
            classical: Whether proofs may be classical, and theorems may need it.
            header: Whether a script begins with `theorem` and the statement.
            prompt_style: `question` or `bare`.
            unicode: Whether formulas are shown with the symbols of mathematics; both are read.
            reward: `sparse`, or `dense` for the steps.
            verifier: What scores a script; None for `natural_deduction` with the setting above.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated; None for one with whole proofs,
                and with steps for twice those of the reference proof and two more.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For a value out of range.
        """
        self.mode = check_choice("mode", mode, MODES)
        self.kind = check_choice("kind", kind, (*KINDS, MIXED))
        self.level = check_integer("level", level, 1, MAX_LEVEL)
        self.prompt_style = check_choice("prompt_style", prompt_style, PROMPT_STYLES)
        self.reward = check_choice("reward", reward, REWARDS)
        if reward == "dense" and mode == "proof":
            raise UsageError("reward = 'dense' with whole proofs", "mode='steps'")
        self.classical, self.header = bool(classical), bool(header)
        self._symbols = UNICODE if unicode else ASCII
        self._turns_by_task = max_turns is None and mode == "steps"
        self._session: Session | None = None
        self._lines: list[str] = []
        self._start_distance: int | None = None
        self._progress = 0.0
        super().__init__(
            verifier=verifier or NaturalDeductionVerifier(self.header),
            split=split,
            max_turns=1 if max_turns is None else max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a theorem drawn with `rng`, with a script that proves it in its meta."""
        return self.make_task(draw_theorem(rng, self.kind, self.level, self.classical))

    def draw_task(self, rng: np.random.Generator) -> Task:
        """Return a theorem of `self.split` drawn with `rng`. Raises EnvError for none."""

        def accept(statement: str, axioms: frozenset[str]) -> bool:
            return in_split(_task_id(statement, axioms), self.split)

        return self.make_task(draw_theorem(rng, self.kind, self.level, self.classical, accept))

    def make_task(self, draft: TheoremDraft) -> Task:
        """Return the task to prove a theorem."""
        reference = write_reference(draft.statement, draft.axioms)
        shown = show_formula(read_statement(reference).formula, self._symbols)
        return Task(
            id=_task_id(draft.statement, draft.axioms),
            prompt=(Message("user", self._prompt(shown, draft.axioms)),),
            reference=reference,
            difficulty=float(len(draft.script)),
            meta={"kind": draft.kind, "statement": shown, "script": list(draft.script)},
        )

    def begin(self, task: Task) -> str:
        """Start with the statement as the one goal. Raises UsageError for another kind of task."""
        statement = _read(task)
        self._session = Session(statement.formula, statement.axioms)
        self._lines = []
        if self._turns_by_task:
            known = _known_script(task)
            self.max_turns = 2 * len(known) + 2 if known else UNKNOWN_TURNS
        if self.reward == "dense":
            self._start_distance, self._progress = self._distance(), 0.0
        return prompt_text(task)

    def transition(self, action: str) -> Transition:
        """Judge a script, or use a tactic."""
        if self.mode == "proof":
            return super().transition(action)
        session = self._session
        assert session is not None
        line = action.partition(COMMENT)[0].strip()
        try:
            if len(action.strip().splitlines()) > 1:
                raise LogicError("an action is one tactic on one line")
            session.use(line)
        except LogicError as error:
            text = f"error: {error}\n{show_goals(session.goals, self._symbols)}"
            return Transition(0.0, False, None, text)
        self._lines.append(line)
        if session.goals:
            text = show_goals(session.goals, self._symbols)
            return Transition(self._pay_progress(), False, None, text)
        verdict = self.verifier.verify(self.task, self._script())
        share = 1.0 - PROGRESS_SHARE if self.reward == "dense" else 1.0
        earned = self._pay_progress(finished=verdict.correct)
        return Transition(
            share * verdict.reward + earned, True, verdict, verdict.feedback or "done"
        )

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the script of the reference prover: as one action, or one tactic an action.

        With thinking, a whole script says after each tactic what it leaves.
        """
        statement = _read(task)
        script = _known_script(task) or find_proof(statement.formula, statement.axioms)
        if not script:
            raise UsageError(f"no proof of task {task.id} is known", "a script in its meta")
        if self.mode == "steps":
            return script
        first = (f"{HEADER} {show_formula(statement.formula, self._symbols)}",)
        script = join_intros(script)
        if thinking:
            script = add_goals(script, statement, self._symbols)
        return ("\n".join((*first, *script) if self.header else script),)

    def make_tools(self, task: Task) -> Mapping[str, Callable[[str], str]]:
        """Return `prover`, which says what is wrong with a script; nothing where it is a proof."""

        def check(script: str) -> str:
            verdict = self.verifier.verify(task, script)
            return "" if verdict.correct else verdict.feedback or "This is no proof."

        return {"prover": check}

    def submissions(self, task: Task) -> tuple[str, ...]:
        """Return the whole script, whatever an action is."""
        script = "\n".join(self.demonstrate(task))
        if not script.startswith(HEADER):
            statement = show_formula(_read(task).formula, self._symbols)
            script = f"{HEADER} {statement}\n{script}"
        return (script,)

    def wrong_action(self, task: Task) -> str:
        """Return a tactic that applies to no statement."""
        return "assumption"

    def _prompt(self, shown: str, axioms: frozenset[str]) -> str:
        if self.prompt_style == "bare":
            return f"{HEADER} {shown}"
        logic = "classical" if CLASSICAL in axioms else "intuitionistic"
        usages = [
            entry.usage
            for entry in TACTICS.values()
            if CLASSICAL in axioms or not entry.effect.startswith(CLASSICAL)
        ]
        first = f" Begin with the line '{HEADER}' and the statement." if self.header else ""
        how = {
            "proof": f"Write tactics, one on each line, and comments after {COMMENT}.{first}",
            "steps": "Write one tactic; then the goals that remain are shown.",
        }[self.mode]
        return (
            f"Prove in {logic} natural deduction:\n{HEADER} {shown}\n\n{how}\n"
            f"The tactics: {'; '.join(usages)}.\n"
            f"The axioms of arithmetic: {'; '.join(_axioms(self._symbols))}."
        )

    def _script(self) -> str:
        assert self._session is not None
        first = [f"{HEADER} {show_formula(self._session.statement)}"] if self.header else []
        return "\n".join([*first, *self._lines])

    def _distance(self) -> int | None:
        """Return how many tactics the prover needs for the open goals; None where it fails."""
        session = self._session
        assert session is not None
        total = 0
        for goal in session.goals:
            try:
                script = find_script_for(
                    goal, session.signature, session.axioms, MAX_DISTANCE_NODES
                )
            except LogicError:
                return None
            if script is None:
                return None
            total += len(script)
        return total

    def _pay_progress(self, finished: bool = False) -> float:
        """Return the reward for the progress since the last tactic, which may be negative."""
        if self.reward == "sparse":
            return 0.0
        before, start = self._progress, self._start_distance
        distance = self._distance()
        if finished:
            self._progress = PROGRESS_SHARE
        elif start and distance is not None:
            self._progress = PROGRESS_SHARE * max(0.0, 1.0 - distance / start)
        else:
            self._progress = 0.0
        return self._progress - before


class NaturalDeductionSteps(NaturalDeduction):
    """Prove a theorem one tactic at a time."""

    def __init__(
        self,
        *,
        kind: str = MIXED,
        level: int = 2,
        classical: bool = False,
        prompt_style: str = "question",
        unicode: bool = False,
        reward: str = "sparse",
        verifier: Verifier | str | None = None,
        split: str = "train",
        max_turns: int | None = None,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment; see `NaturalDeduction`, whose mode `steps` this is.

        Args:
            kind: `propositional`, `quantifiers`, `equality`, `induction` or `mixed`.
            level: How hard the theorems are, from 1 to 8.
            classical: Whether proofs may be classical, and theorems may need it.
            prompt_style: `question` or `bare`.
            unicode: Whether formulas are shown with the symbols of mathematics.
            reward: `sparse` or `dense`.
            verifier: What scores the finished script.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: For a value out of range.
        """
        super().__init__(
            mode="steps",
            kind=kind,
            level=level,
            classical=classical,
            prompt_style=prompt_style,
            unicode=unicode,
            reward=reward,
            verifier=verifier,
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )


def join_intros(script: Sequence[str]) -> tuple[str, ...]:
    """Return a script in which tactics `intro` in a row are one."""
    lines: list[str] = []
    for tactic in script:
        word, _, names = tactic.partition(" ")
        if word == "intro" and names and lines and _is_intro(lines[-1]):
            lines[-1] += f" {names}"
        else:
            lines.append(tactic)
    return tuple(lines)


def add_goals(script: Sequence[str], statement: Statement, symbols: Symbols) -> tuple[str, ...]:
    """Return a script with what each tactic leaves as a comment: new hypotheses, and the goal."""
    session = Session(statement.formula, statement.axioms)
    lines = []
    for tactic in script:
        known = session.goals[0].hypotheses
        session.use(tactic)
        comment = f" {COMMENT} {_tell(session.goals[0], known, symbols)}" if session.goals else ""
        lines.append(f"{tactic}{comment}")
    return tuple(lines)


def _tell(goal: Goal, known: Sequence[tuple[str, Formula]], symbols: Symbols) -> str:
    new = [
        f"{name} : {show_formula(formula, symbols)}"
        for name, formula in goal.hypotheses
        if (name, formula) not in known
    ]
    return " ".join([*([", ".join(new)] if new else []), "|-", show_formula(goal.target, symbols)])


def _is_intro(tactic: str) -> bool:
    return tactic.split()[:1] == ["intro"]


def _task_id(statement: str, axioms: frozenset[str]) -> str:
    return content_id("natural_deduction", statement, *sorted(axioms))


def _axioms(symbols: Symbols) -> list[str]:
    return [f"{name} : {show_formula(formula, symbols)}" for name, formula in AXIOMS.items()]


def _read(task: Task) -> Statement:
    try:
        return read_statement(task.reference)
    except LogicError as error:
        raise UsageError(
            f"the reference of task {task.id}: {error}", "a statement such as P -> P"
        ) from None


def _known_script(task: Task) -> tuple[str, ...]:
    script = task.meta.get("script")
    return tuple(map(str, script)) if isinstance(script, list | tuple) else ()
