"""A record of episodes, as JSON lines."""

import fcntl
import os
from pathlib import Path
from typing import Any

from gym_reason.envs.wrappers.base import Info, StepResult, TextEnv, TextWrapper, step_inner
from gym_reason.records import dump_line, explain_os_errors, to_json
from gym_reason.types import Verdict

_TAIL_BYTES = 65_536


class EpisodeRecorder(TextWrapper):
    """Appends each episode that ends to a file, one line of JSON an episode, whole or not at all.

    Any number of environments and processes may write to one file. A line that a power failure
    cut short is removed when the next one is written. An episode that never ends is not written.

    A line is an object with `task_id`, `seed` (None where `reset` got none), `observation`,
    `messages`, `turns`, `return` (undiscounted) and `correct`; a turn has `action`, `observation`,
    `messages`, `reward`, `verdict`, `terminated`, `truncated`. References are not written.
    """

    def __init__(self, env: TextEnv, path: str | Path) -> None:
        """Wrap `env`; its episodes go to the file, which is made with its folder when needed."""
        super().__init__(env, path=path)
        self.path = Path(path)
        self._episode: dict[str, Any] = {}
        self._turns: list[dict[str, Any]] = []

    def begin(self, observation: str, info: Info, seed: int | None) -> tuple[str, Info]:
        """Start a record."""
        self._turns = []
        self._episode = {
            "task_id": info["task_id"],
            "seed": seed,
            "observation": observation,
            "messages": to_json(info["messages"]),
        }
        return observation, info

    def act(self, action: str) -> StepResult:
        """Take an action and note it; write the episode where it ends. Raises RunError."""
        result = step_inner(self.env, action)
        observation, reward, terminated, truncated, info = result
        verdict: Verdict | None = info["verdict"]
        self._turns.append(
            {
                "action": action,
                "observation": observation,
                "messages": to_json(info["messages"]),
                "reward": reward,
                "verdict": None if verdict is None else verdict.to_json(),
                "terminated": terminated,
                "truncated": truncated,
            }
        )
        if terminated or truncated:
            self._write()
        return result

    def _write(self) -> None:
        verdicts = [turn["verdict"] for turn in self._turns if turn["verdict"] is not None]
        row = {
            **self._episode,
            "turns": self._turns,
            "return": sum(turn["reward"] for turn in self._turns),
            "correct": bool(verdicts and verdicts[-1]["correct"]),
        }
        append_line(self.path, dump_line(row))


def append_line(path: Path, line: bytes) -> None:
    """Append a line to a file that others append to as well. Raises RunError.

    The file ends with a whole line before and after, whatever goes wrong.
    """
    with explain_os_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            end = _end_of_lines(file)
            if end != os.fstat(file).st_size:
                os.ftruncate(file, end)
            try:
                _write_at(file, line, end)
            except BaseException:
                os.ftruncate(file, end)
                raise
        finally:
            os.close(file)


def _end_of_lines(file: int) -> int:
    """Return where the last whole line ends."""
    end = os.fstat(file).st_size
    while end:
        start = max(0, end - _TAIL_BYTES)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _write_at(file: int, content: bytes, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written
