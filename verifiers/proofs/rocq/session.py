"""A proof under way in `coqtop`, which takes back what fails by returning to an earlier state."""

import re
from dataclasses import dataclass

from gym_reason.errors import RunError, UsageError
from gym_reason.verifiers.proofs.interactive.process import OutputLimitError, ProverProcess
from gym_reason.verifiers.proofs.interactive.system import StepResult, Theorem
from gym_reason.verifiers.proofs.rocq.allowed import read_step
from gym_reason.verifiers.proofs.rocq.files import read_preamble, write_statement
from gym_reason.verifiers.proofs.rocq.goals import Goals, is_silent, read_goal, read_goals
from gym_reason.verifiers.proofs.rocq.programs import (
    OPTIONS,
    PREAMBLE_LIMIT_S,
    compile_preamble,
    read_error,
    start_program,
)
from gym_reason.verifiers.proofs.rocq.sentences import RefusedError
from gym_reason.verifiers.sandbox.base import SandboxLostError

MAX_GOALS = 8
"""Goals that are shown with their hypotheses; of the others, the conclusions."""
MAX_SENTENCES = 50_000
"""What one process is told before another takes its place: it keeps what it has heard."""
_START_LIMIT_S = 20.0
_QUICK_S = 5.0
_PROMPT_END = b"</prompt>"
_PROMPT = re.compile(r"<prompt>[^<>]* < (\d+) \|[^<>|]*\| \d+ < </prompt>$")
_UNKNOWN = "pinned_nothing"
"""A name that nothing has: asking for it shows where the prover stands."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What coqtop says to a sentence."""

    text: str
    """The text before its prompt."""
    state: int
    """The number of the state that it is in."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was taken."""

    sentences: list[str]
    """Bullets and braces, and at most one sentence after them."""
    state: int
    """The number of the state after it."""
    result: StepResult
    """What it did."""


class RocqSession:
    """A proof in one process of `coqtop`, which serves one theorem after the other."""

    def __init__(self, theorem: Theorem, step_seconds: float) -> None:
        """Start a process with the theorem's preamble.

        Raises:
            RunError: Coq or bubblewrap is missing, or does not work here.
            UsageError: Coq cannot read the theorem.
        """
        self.theorem = theorem
        self.step_seconds = step_seconds
        self._process: ProverProcess | None = None
        self._told = 0
        self._first_state = 0
        self._base: tuple[str, int] | None = None
        self._start_state = 0
        self._taken: list[Step] = []
        self._opening = StepResult(())
        try:
            self._launch()
        except (TimeoutError, OutputLimitError) as error:
            self.close()
            raise SandboxLostError("a prover that does not start") from error
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The prover's process, as the host numbers it; 0 where there is none."""
        return 0 if self._process is None else self._process.pid

    def start(self, theorem: Theorem | None = None) -> StepResult:
        """Begin again, with the statement as the one goal; or with another theorem's.

        Raises:
            UsageError: Coq cannot read that theorem.
            SandboxLostError: Coq cannot be had any more.
        """
        self._taken.clear()
        if theorem is not None:
            self.theorem = theorem
        try:
            if self._process is None or self._told > MAX_SENTENCES:
                self._launch()
            else:
                self._pose()
        except (SandboxLostError, TimeoutError, OutputLimitError):
            self._relaunch()
        return self._opening

    def step(self, sentence: str) -> StepResult:
        """Take one step; one that is refused, fails or takes too long changes nothing.

        Raises:
            SandboxLostError: Coq cannot be had any more.
        """
        before = self._latest
        try:
            checked = read_step(sentence, self.theorem.statement + self.theorem.preamble)
        except RefusedError as error:
            return StepResult(before.goals, error=str(error))
        if self._process is None:
            self._relaunch()
        try:
            return self._take(checked)
        except TimeoutError:
            self._give_up()
            return StepResult(before.goals, error=f"longer than {self.step_seconds:g} seconds")
        except OutputLimitError:
            self._relaunch()
            return StepResult(before.goals, error="the step says too much")
        except SandboxLostError:
            killed = self._process is not None and self._process.read_counters().killed_for_memory
            self._relaunch()
            if killed:
                return StepResult(before.goals, error="the step takes too much memory")
        try:
            # It may have died of something else: once more in the new process.
            return self._take(checked)
        except (SandboxLostError, TimeoutError, OutputLimitError):
            self._relaunch()
            return StepResult(before.goals, error="the step ends the prover")

    def undo(self, count: int = 1) -> StepResult:
        """Take back the latest `count` steps that were taken, or all where there are fewer.

        Raises:
            SandboxLostError: Coq cannot be had any more.
        """
        del self._taken[max(0, len(self._taken) - count) :]
        try:
            self._go_back_to(self._state)
        except (SandboxLostError, TimeoutError, OutputLimitError):
            self._relaunch()
        return self._latest

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    @property
    def _latest(self) -> StepResult:
        return self._taken[-1].result if self._taken else self._opening

    @property
    def _state(self) -> int:
        return self._taken[-1].state if self._taken else self._start_state

    def _take(self, sentences: list[str]) -> StepResult:
        """Say a step, and take it back where a part of it fails."""
        before, state = self._latest, self._state
        answer = Answer("", state)
        for sentence in sentences:
            answer = self._say(sentence, self.step_seconds)
            if answer.state == state:
                if state != self._state:
                    self._go_back_to(self._state)
                return StepResult(before.goals, error=read_error(answer.text))
            state = answer.state
        goals, shown, state = self._look(answer)
        spoken = [*(one for step in self._taken for one in step.sentences), *sentences]
        braces = sum(one.endswith("{") for one in spoken) - spoken.count("}")
        result = StepResult(shown, finished=goals.finished and not braces)
        self._taken.append(Step(sentences, state, result))
        return result

    def _look(self, answer: Answer) -> tuple[Goals, tuple[str, ...], int]:
        """Return the goals, the first few of them with their hypotheses, and the state then."""
        if is_silent(answer.text):
            # It shows only what has changed since it showed something last.
            answer = self._say("Show.", _QUICK_S)
        goals, state = read_goals(answer.text), answer.state
        shown = list(goals.goals)
        if goals.focused:
            for number in range(2, min(len(shown), MAX_GOALS) + 1):
                answer = self._say(f"Show {number}.", _QUICK_S)
                shown[number - 1] = read_goal(answer.text) or shown[number - 1]
                state = answer.state
        return goals, tuple(shown), state

    def _say(self, sentence: str, limit_s: float) -> Answer:
        """Say a sentence. Raises TimeoutError, OutputLimitError, SandboxLostError."""
        process = self._process
        if process is None:
            raise SandboxLostError("a prover that is gone")
        self._told += 1
        process.send(f"{sentence}\n".encode())
        return self._hear(process, limit_s)

    def _hear(self, process: ProverProcess, limit_s: float) -> Answer:
        text = process.read_until(_PROMPT_END, limit_s).decode(errors="replace")
        prompt = _PROMPT.search(text)
        if prompt is None:
            raise SandboxLostError("a prover whose prompt cannot be read")
        return Answer(text[: prompt.start()], int(prompt[1]))

    def _go_back_to(self, state: int) -> None:
        if self._say(f"BackTo {state}.", _QUICK_S).state != state:
            raise SandboxLostError("a prover that does not go back")

    def _give_up(self) -> None:
        """Interrupt a step that takes too long; start anew where that does not help."""
        process = self._process
        assert process is not None
        process.interrupt()
        try:
            process.send(f"Check {_UNKNOWN}.\n".encode())
            process.read_until(f"{_UNKNOWN} was not found".encode(), _QUICK_S)
            self._hear(process, _QUICK_S)
            self._go_back_to(self._state)
        except (SandboxLostError, TimeoutError, OutputLimitError):
            self._relaunch()

    def _relaunch(self) -> None:
        """Go on in a new process, where all steps so far are taken again.

        Raises:
            SandboxLostError: It cannot be had, or they cannot be taken again.
        """
        taken, self._taken = self._taken, []
        try:
            self._launch()
            for step in taken:
                self._take(step.sentences)
            if [step.result for step in self._taken] != [step.result for step in taken]:
                raise SandboxLostError("a prover that takes the same steps another way")
        except (RunError, TimeoutError, OutputLimitError) as error:
            self.close()
            self._taken = taken
            raise SandboxLostError(f"a prover that cannot be had again: {error}") from error

    def _launch(self) -> None:
        self.close()
        preamble = compile_preamble(Theorem("", self.theorem.preamble))
        self._process = start_program("coqtop", (*OPTIONS, "-emacs"), preamble)
        self._told, self._base = 0, None
        self._first_state = self._hear(self._process, _START_LIMIT_S).state
        self._pose()

    def _pose(self) -> None:
        """State the theorem, after its preamble where another one was said last."""
        opening, declares = read_preamble(self.theorem)
        key = self.theorem.preamble
        if self._base is None or self._base[0] != key:
            if self._base is not None and declares:
                # What a preamble declares is a file that has to be there from the start.
                self._launch()
                return
            self._base = None
            self._go_back_to(self._first_state)
            self._base = (key, self._say_all(opening, self._first_state))
        state = self._base[1]
        self._go_back_to(state)
        answer = self._say(write_statement(self.theorem), _QUICK_S)
        if answer.state == state:
            raise UsageError(
                f"Coq refuses the statement {self.theorem.statement!r}: {read_error(answer.text)}",
                "a proposition that it can read",
            )
        _, shown, self._start_state = self._look(answer)
        self._opening = StepResult(shown)

    def _say_all(self, sentences: list[str], state: int) -> int:
        for sentence in sentences:
            answer = self._say(sentence, PREAMBLE_LIMIT_S)
            if answer.state == state:
                said = read_error(answer.text)
                raise UsageError(f"Coq refuses {sentence!r} of the preamble: {said}")
            state = answer.state
        return state
