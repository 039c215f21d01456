"""A memory: notes that the agent keeps and is shown at every turn."""

from gym_reason.calls import split_tagged
from gym_reason.envs.base import check_integer
from gym_reason.envs.wrappers.base import (
    Info,
    StepResult,
    TextEnv,
    TextWrapper,
    add_to_messages,
    join_texts,
    step_inner,
    text_length,
)
from gym_reason.spaces import Utf8Text

INSTRUCTIONS = "What you write as <note>...</note> is kept and shown to you at every turn."

_HEADING = "Notes:"


class Notes(TextWrapper):
    """Keeps what an action holds between `<note>` and `</note>`, for the episode.

    Notes stand at the end of every later observation and of its messages. The environment sees the
    action without them. An action that is nothing but notes is no turn of the environment, as long
    as there are such turns left. Where the notes outgrow their bounds, the oldest go.
    """

    def __init__(
        self,
        env: TextEnv,
        *,
        max_notes: int = 16,
        max_characters: int = 2_000,
        note_turns: int = 8,
        instructions: str = INSTRUCTIONS,
    ) -> None:
        """Wrap `env`.

        Args:
            env: The environment.
            max_notes: Most notes at a time.
            max_characters: Most characters of all notes together; a longer one is cut.
            note_turns: Actions of notes alone in one episode, beyond which the environment sees
                them, as empty actions.
            instructions: What is said of notes at the end of the prompt; empty for nothing.

        Raises:
            UsageError: For a number out of range.
        """
        super().__init__(
            env,
            max_notes=max_notes,
            max_characters=max_characters,
            note_turns=note_turns,
            instructions=instructions,
        )
        self.max_notes = check_integer("max_notes", max_notes, 1, 1_000)
        self.max_characters = check_integer("max_characters", max_characters, 1, 1_000_000)
        self.note_turns = check_integer("note_turns", note_turns, 0, 1_000_000)
        self.instructions = instructions
        longest = len(_HEADING) + len("\n9999. ") * max_notes + max_characters
        added = max(len(instructions), longest) + len("\n\n")
        self.observation_space = Utf8Text(text_length(env.observation_space) + added)
        self._notes: list[str] = []
        self._shown = ""
        self._turns_left = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes of the episode, the oldest first."""
        return tuple(self._notes)

    def begin(self, observation: str, info: Info, seed: int | None) -> tuple[str, Info]:
        """Start without notes."""
        self._notes, self._shown, self._turns_left = [], observation, self.note_turns
        messages = add_to_messages(info["messages"], self.instructions)
        return join_texts(observation, self.instructions), {**info, "messages": messages}

    def act(self, action: str) -> StepResult:
        """Keep the notes of an action, and hand on the rest."""
        found, rest = split_tagged(action, "<note>", "</note>")
        if not found or action not in self.env.action_space:
            return self._show(step_inner(self.env, action))
        self._keep(found)
        if rest.strip() or self._turns_left == 0:
            return self._show(step_inner(self.env, rest))
        self._turns_left -= 1
        return self._show((self._shown, 0.0, False, False, self.no_verdict()))

    def _show(self, result: StepResult) -> StepResult:
        self._shown, reward, terminated, truncated, info = result
        block = self._block()
        # After the end nobody reads them.
        messages = info["messages"]
        if not (terminated or truncated):
            messages = add_to_messages(messages, block)
        shown = join_texts(self._shown, block)
        return shown, reward, terminated, truncated, {**info, "messages": messages}

    def _keep(self, found: list[str]) -> None:
        self._notes += [note.strip()[: self.max_characters] for note in found if note.strip()]
        while len(self._notes) > self.max_notes or (
            sum(map(len, self._notes)) > self.max_characters
        ):
            del self._notes[0]

    def _block(self) -> str:
        lines = [f"{number}. {note}" for number, note in enumerate(self._notes, 1)]
        return "\n".join((_HEADING, *lines)) if lines else ""
