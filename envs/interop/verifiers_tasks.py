"""The tasks of a task set of the package `verifiers`, scored by their own rewards."""

import asyncio
import itertools
import json
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from gym_reason.envs.base import ReasoningEnv, check_integer
from gym_reason.envs.interop.packages import require_package
from gym_reason.errors import DataError, UsageError
from gym_reason.text import after_thinking
from gym_reason.types import Message, Outcome, Role, Task, Verdict

_ROLES: Mapping[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}


class VerifiersTasks(ReasoningEnv):
    """Answer the tasks of a task set of verifiers, one turn each.

    The reward is the weighted sum of the task's own rewards; at `solved_at` it counts as solved.
    Task sets that need a container, tools, a user or a model as judge are refused: their episodes
    are more than a text.
    """

    heavy = True
    max_length = 1_000_000

    def __init__(
        self,
        *,
        taskset: str,
        taskset_arguments: Mapping[str, Any] | None = None,
        limit: int = 10_000,
        solved_at: float = 1.0,
        split: str = "train",
        max_turns: int = 1,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            taskset: Id of an installed task set, as in `eval ID` of verifiers.
            taskset_arguments: Its settings.
            limit: Most tasks to read; a task set may have no end.
            solved_at: Reward from which on a task counts as solved.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.

        Raises:
            UsageError: Without the package, for an unknown task set, or one that needs more than a
                text.
        """
        try:
            settings = json.dumps(dict(taskset_arguments or {}), sort_keys=True)
        except (TypeError, ValueError) as error:
            raise UsageError(f"settings of {taskset}: {error}", "values that JSON has") from None
        source = (taskset, settings, check_integer("limit", limit, 1, 10**9))
        self._rows = _read_rows(*source)
        self._everything: tuple[Task, ...] | None = None
        super().__init__(
            verifier=VerifiersRewards(source, float(solved_at)),
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def all_tasks(self) -> Sequence[Task]:
        """Return the tasks in the order of the task set."""
        if self._everything is None:
            self._everything = tuple(itertools.starmap(_make_task, enumerate(self._rows)))
        return self._everything

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the row's `answer`. Raises UsageError where it has none."""
        if not task.reference:
            raise UsageError(f"task {task.id} names no answer", "a field 'answer'")
        return super().demonstrate(task, thinking)


class VerifiersRewards:
    """Scores an answer by the rewards of a task of verifiers."""

    name = "verifiers"

    def __init__(self, source: tuple[str, str, int], solved_at: float) -> None:
        """Keep where the tasks are from, and the reward from which on one is solved."""
        self._source = source
        self._solved_at = solved_at

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on `submission`, the whole reply without its thoughts."""
        reply = after_thinking(submission)
        if reply is None or not reply.strip():
            return Verdict(0.0, False, Outcome.NO_ANSWER, feedback="there is no answer")
        index = task.meta.get("index")
        rows = _read_rows(*self._source)
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(rows):
            detail = f"index = {index!r}, and the task set has {len(rows)} tasks"
            return Verdict(0.0, False, Outcome.UNSCORABLE, detail=detail)
        try:
            parts = _run_alone(rows[index], reply)
        except Exception as error:  # The rewards are anybody's code.
            detail = f"its rewards failed: {type(error).__name__}: {error}"
            return Verdict(0.0, False, Outcome.UNSCORABLE, detail=detail)
        total = sum(parts.values())
        solved = total >= self._solved_at
        return Verdict(total, solved, Outcome.PASS if solved else Outcome.FAIL, parts)


@lru_cache(maxsize=16)
def _read_rows(taskset: str, settings: str, limit: int) -> tuple[Any, ...]:
    require_package("verifiers.v1", "verifiers", "verifiers")
    loaders = require_package("verifiers.v1.utils.loaders", "verifiers", "verifiers")
    try:
        config = loaders.taskset_config_type(taskset)(id=taskset, **json.loads(settings))
        opened = loaders.load_taskset(config)
        rows = tuple(itertools.islice(iter(opened), limit))
    except Exception as error:  # A task set is anybody's code.
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(
            f"cannot open the task set {taskset!r}: {reason:.300}", "an installed one"
        ) from error
    if not rows:
        raise DataError(f"the task set {taskset!r} is empty", "at least one task")
    _refuse_more_than_text(taskset, opened, rows[0])
    return rows


def _refuse_more_than_text(taskset: str, opened: Any, row: Any) -> None:
    """Raise UsageError for task sets whose episodes a text does not decide."""
    needs = {
        "a container": row.NEEDS_CONTAINER or row.data.image is not None,
        "tools": bool(type(opened).toolsets(opened.config) or type(row).toolsets(row.config)),
        "a model as judge": bool(row.config.judges),
        "a user who opens the conversation": row.data.prompt is None,
    }
    needed = ", ".join(what for what, is_needed in needs.items() if is_needed)
    if needed:
        raise UsageError(
            f"the task set {taskset!r} needs {needed}", "one whose rewards read the reply alone"
        )


def _make_task(index: int, row: Any) -> Task:
    data = row.data
    messages = [Message("system", data.system_prompt)] if data.system_prompt else []
    if isinstance(data.prompt, str):
        messages.append(Message("user", data.prompt))
    else:
        messages.extend(map(_read_message, data.prompt))
    answer = getattr(data, "answer", "")
    reference = answer if isinstance(answer, str) else json.dumps(answer, default=str)
    # The index is part of a row's own key, and equal rows must fall into one split.
    key = row.with_data(idx=None).hash[:16]
    return Task(key, tuple(messages), reference, meta={"index": index})


def _read_message(message: Any) -> Message:
    role, content = _ROLES.get(message.role), message.content
    if role is None or not isinstance(content, str):
        raise DataError(f"a prompt with a {message.role} message", "texts of system and user")
    return Message(role, content)


def _run_alone(row: Any, reply: str) -> dict[str, float]:
    """Return the weighted rewards of a reply, computed in a thread with an event loop of its own.

    The caller may be inside a loop.
    """
    found: dict[str, float] = {}
    failed: list[BaseException] = []

    def work() -> None:
        try:
            found.update(asyncio.run(_score(row, reply)))
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=work, name="verifiers-rewards", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found


async def _score(row: Any, reply: str) -> dict[str, float]:
    package = require_package("verifiers.v1", "verifiers", "verifiers")
    trace = package.Trace(
        task=package.TraceTask(type=type(row).__name__, data=row.data, key=row.key, hash=row.hash),
        agent=package.AgentInfo(config=package.AgentConfig()),
    )
    system, prompt = row.data.system_prompt, row.data.prompt
    messages = [package.SystemMessage(content=system)] if system else []
    messages += [package.UserMessage(content=prompt)] if isinstance(prompt, str) else [*prompt]
    for message in messages:
        _append(package, trace, message, sampled=False)
    _append(package, trace, package.AssistantMessage(content=reply), sampled=True)
    await row.score(trace)
    missing = [name for name, reward in trace.rewards.items() if reward is None]
    if missing or not trace.rewards:
        raise UsageError(
            f"no value of the rewards {', '.join(missing) or '(there are none)'}",
            "rewards that need no runtime",
        )
    return {name: float(reward.value) for name, reward in trace.rewards.items()}


def _append(package: Any, trace: Any, message: Any, *, sampled: bool) -> None:
    parent = len(trace.nodes) - 1 if trace.nodes else None
    trace.nodes.append(package.MessageNode(parent=parent, message=message, sampled=sampled))
