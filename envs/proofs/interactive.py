"""Proofs with a prover that runs beside: one step an action, or the whole proof at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from gym_reason.envs.base import (
    ReasoningEnv,
    Transition,
    check_choice,
    prompt_text,
)
from gym_reason.envs.proofs.theorem_rows import TheoremRow, read_theorems
from gym_reason.envs.splits import in_split
from gym_reason.errors import RunError, UsageError
from gym_reason.seeding import content_id
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.capabilities import prepare
from gym_reason.verifiers.proofs.interactive.system import (
    ProofSession,
    ProofSystem,
    StepResult,
    Theorem,
    read_reference,
    write_reference,
)
from gym_reason.verifiers.proofs.interactive.verifier import find_proof
from gym_reason.verifiers.sandbox.base import SandboxLostError
from gym_reason.verifiers.sandbox.limits import check_seconds
from gym_reason.verifiers.verdicts import unscorable

MODES = ("steps", "proof")
"""What an action is: one step, or a whole proof."""
UNKNOWN_TURNS = 40
"""Actions of an episode whose theorem comes without a proof."""


class InteractiveProof(ReasoningEnv):
    """Prove a theorem with a prover. A subclass says which one, and brings theorems of its own.

    With the mode `steps`, each action is one step and the observation is what remains to be shown.
    A step that is refused, fails or takes too long changes nothing, costs a turn, and the
    observation says why. With the mode `proof`, the one action is the whole proof. The reward is
    sparse: a fresh process of the prover checks the whole proof again, and only that pays.

    The prover's process starts with the first episode and serves the next ones; `close` ends it.
    """

    heavy = True
    builtin: ClassVar[Path]
    """The file of the theorems that come with the environment."""
    separator: ClassVar[str] = "\n"
    """What stands between the steps of a whole proof."""

    def __init__(
        self,
        *,
        mode: str = "steps",
        path: str | Path | None = None,
        step_seconds: float = 5.0,
        verifier: Verifier | str | None = None,
        split: str = "train",
        max_turns: int | None = None,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment. It needs no prover before the first `reset`.

        Args:
            mode: `steps` or `proof`.
            path: A file of theorems, JSON lines with `statement` and, where there are any,
                `preamble`, `name`, `script` (the steps of a proof) and `split`; None for those that
                come with the environment.
            step_seconds: Longest that one step may take.
            verifier: What judges a whole proof; None for the prover's own.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated; None for one with whole proofs,
                and with steps for twice those of the known proof and two more.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            DataError: For a file that cannot be read.
            UsageError: For a value out of range.
        """
        self.mode = check_choice("mode", mode, MODES)
        self.step_seconds = check_seconds("step_seconds", step_seconds)
        self._path = self.builtin if path is None else Path(path).absolute()
        self._rows = read_theorems(self._path)
        self._turns_by_task = max_turns is None and mode == "steps"
        self.system = self.make_system(self.step_seconds)
        self._session: ProofSession | None = None
        self._steps: list[str] = []
        self._every_task: tuple[Task, ...] | None = None
        super().__init__(
            verifier=verifier or self.make_own_verifier(),
            split=split,
            max_turns=1 if max_turns is None else max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    # What subclasses give

    def make_system(self, step_seconds: float) -> ProofSystem:
        """Return the prover, with a limit on each step; nothing is started."""
        raise NotImplementedError

    def make_own_verifier(self) -> Verifier:
        """Return the prover's verifier."""
        raise NotImplementedError

    def write_prompt(self, theorem: Theorem) -> str:
        """Return what a policy is told: the theorem, and how to write an action."""
        raise NotImplementedError

    # What they share

    def all_tasks(self) -> Sequence[Task]:
        """Return a task for each theorem, in the order of the file."""
        if self._every_task is None:
            self._every_task = tuple(map(self._make_task, self._rows))
        return self._every_task

    def tasks(self) -> Sequence[Task]:
        """Return the tasks of the split, which a theorem's row names or else its content says."""
        if self._split_tasks is None:
            self._split_tasks = tuple(
                task
                for task, row in zip(self.all_tasks(), self._rows, strict=True)
                if self.split in ("all", row.split)
                or (not row.split and in_split(task.id, self.split))
            )
        return self._split_tasks

    def begin(self, task: Task) -> str:
        """Start with the statement as the one goal.

        Raises:
            RunError: With steps, where the prover is not installed or does not start.
            UsageError: Where the task is of another kind, or its theorem cannot be read.
        """
        theorem = _theorem_of(task)
        self._steps = []
        if self.mode == "steps":
            if self._turns_by_task:
                known = _known_script(task)
                self.max_turns = 2 * len(known) + 2 if known else UNKNOWN_TURNS
            self._start(theorem)
        return prompt_text(task)

    def transition(self, action: str) -> Transition:
        """Judge a whole proof, or take a step."""
        if self.mode == "proof":
            return super().transition(action)
        session = self._session
        assert session is not None
        step = find_proof(action).strip()
        try:
            result = session.step(step)
        except SandboxLostError as error:
            self._end_session()
            return Transition(0.0, True, unscorable(str(error), "proof"), "the prover is gone")
        if result.error:
            text = f"error: {result.error}\n{show_goals(result)}"
            return Transition(0.0, False, None, text)
        self._steps.append(step)
        if not result.finished:
            return Transition(0.0, False, None, show_goals(result))
        verdict = self.verifier.verify(self.task, self.separator.join(self._steps))
        return Transition(verdict.reward, True, verdict, verdict.feedback or "done")

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the known proof: as one action, or one step an action."""
        del thinking
        script = _known_script(task)
        if not script:
            raise UsageError(f"no proof of task {task.id} is known", "a script in its meta")
        return script if self.mode == "steps" else (self.separator.join(script),)

    def submissions(self, task: Task) -> tuple[str, ...]:
        """Return the whole proof, whatever an action is."""
        return (self.separator.join(_known_script(task) or self.demonstrate(task)),)

    def find_missing(self) -> str:
        """Return that the prover is not installed, where its verifier says so."""
        try:
            prepare(self.verifier)
        except RunError as error:
            return str(error)
        return ""

    def close(self) -> None:
        """End the prover's process."""
        self._end_session()
        super().close()

    def _make_task(self, row: TheoremRow) -> Task:
        theorem = row.theorem
        return Task(
            id=content_id(self.system.name, theorem.preamble, theorem.statement),
            prompt=(Message("user", self.write_prompt(theorem)),),
            reference=write_reference(theorem),
            difficulty=float(len(row.script)),
            meta={"name": theorem.name, "script": list(row.script)},
        )

    def _start(self, theorem: Theorem) -> None:
        """Pose the theorem to the prover that runs already, or to a new one."""
        if self._session is not None:
            try:
                self._session.start(theorem)
                return
            except SandboxLostError:
                self._end_session()
        self._session = self.system.open(theorem)
        self._session.start()

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


def show_goals(result: StepResult) -> str:
    """Return the open goals as text: the first one whole, and how many there are."""
    count = len(result.goals)
    if not count:
        return "no goals"
    head = "1 goal" if count == 1 else f"{count} goals"
    return "\n\n".join((head, *result.goals))


def _theorem_of(task: Task) -> Theorem:
    try:
        return read_reference(task.reference)
    except ValueError as error:
        found = f"the reference of task {task.id}: {error}"
        raise UsageError(found, '{"statement": ...}') from None


def _known_script(task: Task) -> tuple[str, ...]:
    meta: Mapping[str, object] = task.meta
    script = meta.get("script")
    return tuple(map(str, script)) if isinstance(script, list | tuple) else ()
