"""The checker of environments: what every registered one must do, tried out on the real thing."""

import contextlib
import math
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import PathFinder
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import gymnasium
from gymnasium.envs.registration import load_env_creator
from gymnasium.utils.env_checker import check_env

from gym_reason.envs.base import ReasoningEnv, sample_tasks, unwrap
from gym_reason.envs.observations import is_same, split_batch
from gym_reason.errors import EnvError, UsageError
from gym_reason.records import to_json
from gym_reason.registry import make
from gym_reason.text import shorten
from gym_reason.types import Task

TASKS = 20
"""Tasks that each check of the rewards is tried on."""

JUNK = (
    "",
    " ",
    "\n\t\r\n",
    "\0",
    "0",
    "-" * 4000,
    "(" * 4000,
    "9" * 4000,
    "<think>" * 300,
    "</think>" * 300,
    "\\boxed{" * 300,
    "1e999999999",
    "9**9**9**9",
    "nan=inf=",
    "=",
    "\u202e\u0661\u0662\u0663",
    "\U0001f9ee" * 500,
    "\ud800",
    "x" * 2_000_000,
    "__import__('os').abort()",
)
"""Actions that no environment may break on."""

_CHILD = """
import pickle, sys
creator, kwargs, draw = pickle.load(sys.stdin.buffer)
sys.stdout.write(draw(creator(**kwargs)))
"""
_CHILD_LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    name: str
    """What was checked."""
    ok: bool
    """Whether it holds."""
    detail: str = ""
    """Why it does not, or what was left out."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The results of all checks of one environment."""

    env_id: str
    """The environment."""
    checks: tuple[Check, ...]
    """In the order in which they ran."""
    missing: str = ""
    """Why the environment was not tried, in one line: what the machine lacks, for example."""

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return all(check.ok for check in self.checks)


class CheckError(Exception):
    """A check does not hold. Stays inside this module."""


def check(env_id: str, **kwargs: object) -> CheckReport:
    """Return what holds of an environment and what does not; whatever it does, raise nothing.

    Args:
        env_id: A registered id.
        kwargs: Arguments of the environment.
    """
    subject = _Subject(env_id, kwargs)
    first = _run("it can be made", lambda: subject.make().close())
    if not first.ok:
        return CheckReport(env_id, (first,))
    missing = subject.make().find_missing()
    if missing:
        return CheckReport(env_id, (first,), missing)
    checks: list[tuple[str, Callable[[], str | None]]] = [
        ("gymnasium's check_env passes without warnings", subject.passes_check_env),
        ("a demonstration with reasoning returns 1.0", lambda: subject.returns_one(True)),
        ("a demonstration without reasoning returns 1.0", lambda: subject.returns_one(False)),
        ("a wrong action scores less", subject.scores_wrong_less),
        ("an empty action never scores more than a wrong one", subject.scores_empty_least),
        ("no action raises an error", subject.survives_junk),
        ("the same seed gives the same task in another process", subject.repeats_elsewhere),
        ("environments stepped in turns do not leak", subject.keeps_apart),
        ("a task can be given by value", subject.takes_a_task),
        ("a step after the end is refused", subject.refuses_late_steps),
        ("info always has task_id, verdict and messages", subject.informs),
        ("observations are in the observation space", subject.observes_in_space),
        ("train and test share no task", subject.splits_apart),
        ("make_vec works with sync", lambda: subject.vectorizes("sync")),
        ("make_vec works with async", lambda: subject.vectorizes("async")),
    ]
    return CheckReport(env_id, (first, *(_run(name, function) for name, function in checks)))


def _run(name: str, function: Callable[[], str | None]) -> Check:
    """Run one check. Catches broadly, since an environment is anybody's code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # A thread that the host program runs is no fault of the environment under check.
            warnings.filterwarnings("ignore", message=".*multi-threaded.*fork.*")
            detail = function()
    except CheckError as error:
        return Check(name, False, str(error))
    except Exception as error:
        return Check(name, False, shorten(f"{type(error).__name__}: {error}", 300))
    return Check(name, True, detail or "")


class _Subject:
    """An environment under check. Each method is one check and returns a remark or None."""

    def __init__(self, env_id: str, kwargs: dict[str, object]) -> None:
        self.env_id = env_id
        self.kwargs = kwargs
        self._drawn: tuple[Task, ...] | None = None

    def make(self, **changes: object) -> ReasoningEnv:
        return unwrap(make(self.env_id, **{**self.kwargs, **changes}))

    def tasks(self) -> tuple[Task, ...]:
        """Return the tasks that the checks play, drawn once: to draw them may take long."""
        if self._drawn is None:
            self._drawn = sample_tasks(self.make(), TASKS, seed=0)
        return self._drawn

    def passes_check_env(self) -> None:
        check_env(self.make())

    def returns_one(self, thinking: bool) -> None:
        env = self.make()
        for task in self.tasks():
            actions = env.demonstrate(task, thinking)
            total, ended = _play(env, task, actions)
            if not math.isclose(total, 1.0, abs_tol=1e-9) or not ended:
                state = "" if ended else " and the episode goes on"
                raise CheckError(f"task {task.id} returns {total:g}{state} for {_quote(actions)}")

    def scores_wrong_less(self) -> None:
        env = self.make()
        for task in self.tasks():
            best = _play(env, task, env.demonstrate(task))[0]
            action = env.wrong_action(task)
            total = _play(env, task, (action,))[0]
            if total >= best:
                raise CheckError(f"task {task.id} returns {total:g} for {_quote((action,))}")

    def scores_empty_least(self) -> None:
        env = self.make()
        for task in self.tasks():
            wrong = _play(env, task, (env.wrong_action(task),))[0]
            empty = _play(env, task, ("",))[0]
            if empty > wrong:
                raise CheckError(
                    f"task {task.id} returns {empty:g} for '' and {wrong:g} for a wrong action"
                )

    def survives_junk(self) -> None:
        env = self.make()
        task = self.tasks()[0]
        for action in JUNK:
            try:
                _play(env, task, (action,))
            except Exception as error:
                raise CheckError(
                    f"{_quote((action,))} raises {type(error).__name__}: {error}"
                ) from error

    def repeats_elsewhere(self) -> None:
        env = self.make()
        spec = gymnasium.spec(self.env_id)
        entry_point = spec.entry_point
        assert entry_point is not None
        creator = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
        content = _pickle_by_value(creator, (creator, {**spec.kwargs, **self.kwargs}, draw_tasks))
        # Another hash seed, so that the order of a set shows.
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONHASHSEED": "12345",
        }
        done = subprocess.run(
            [sys.executable, "-c", _CHILD],
            input=content,
            capture_output=True,
            env=environment,
            timeout=_CHILD_LIMIT_S,
            check=False,
        )
        if done.returncode:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise CheckError(
                shorten(f"the other process failed: {lines[-1] if lines else ''}", 300)
            )
        if done.stdout.decode("utf-8") != draw_tasks(env):
            raise CheckError("the tasks of seeds 0 to 9 differ")

    def keeps_apart(self) -> None:
        first, second = self.make(), self.make()
        tasks = self.tasks()[:2]
        plays = [first.demonstrate(tasks[0]), second.demonstrate(tasks[-1])]
        apart = [
            _trace(env, task, actions)
            for env, task, actions in zip((first, second), tasks, plays, strict=False)
        ]
        together = _trace_in_turns([first, second], tasks, plays)
        if not is_same(together[: len(apart)], apart):
            raise CheckError("the transitions differ from those of each environment alone")

    def takes_a_task(self) -> None:
        first, second = self.make(), self.make()
        task = self.tasks()[0]
        seen = [
            env.reset(seed=seed, options={"task": task}) for seed, env in enumerate((first, second))
        ]
        if first.task != task or second.task != task or not is_same(*seen):
            raise CheckError("two environments given one task do not show the same")

    def refuses_late_steps(self) -> None:
        env = self.make()
        env.reset(options={"task": self.tasks()[0]})
        for _ in range(env.max_turns):
            if any(env.step("")[2:4]):
                break
        else:
            raise CheckError(f"the episode goes on after max_turns={env.max_turns} actions")
        try:
            env.step("")
        except EnvError:
            return
        raise CheckError("step() went on after the end of the episode")

    def informs(self) -> None:
        for _, info in self._states():
            missing = {"task_id", "verdict", "messages"} - info.keys()
            if missing:
                raise CheckError(f"info has no {', '.join(sorted(missing))}")

    def observes_in_space(self) -> None:
        for observation, _ in self._states():
            if observation not in env_space(self.make()):
                raise CheckError(f"{shorten(repr(observation))} is not in the observation space")

    def splits_apart(self) -> str | None:
        drawn: list[set[str]] = []
        for split in ("train", "test"):
            try:
                env = self.make(split=split)
                drawn.append({task.id for task in sample_tasks(env, TASKS, seed=0)})
            except (EnvError, UsageError) as error:
                return shorten(f"not tried: {error}", 200)
        shared = drawn[0] & drawn[1]
        if shared:
            raise CheckError(f"{len(shared)} of {TASKS} tasks are in both, such as {min(shared)}")
        return None

    def vectorizes(self, mode: str) -> None:
        kwargs: dict[str, Any] = dict(self.kwargs)
        envs = gymnasium.make_vec(self.env_id, num_envs=2, vectorization_mode=mode, **kwargs)
        try:
            observations, _ = envs.reset(seed=3)
            # A vector environment gives its second part the next seed.
            expected = [self.make().reset(seed=seed)[0] for seed in (3, 4)]
            if not is_same(split_batch(observations), expected):
                raise CheckError("its observations differ from those of single environments")
            for _ in range(3):
                observations = envs.step(("0", "\u00e9\n"))[0]
                if observations not in envs.observation_space:
                    raise CheckError("its observations are not in its space")
        except Exception:
            _abandon(envs)
            raise
        envs.close()

    def _states(self) -> list[tuple[str, dict[str, Any]]]:
        env = self.make()
        states: list[tuple[str, dict[str, Any]]] = []
        for task in self.tasks()[:5]:
            for actions in (env.demonstrate(task), (env.wrong_action(task),), ("",)):
                states.append(env.reset(options={"task": task}))
                for action in actions:
                    observation, _, terminated, truncated, info = env.step(action)
                    states.append((observation, info))
                    if terminated or truncated:
                        break
        return states


def env_space(env: ReasoningEnv) -> gymnasium.Space[str]:
    """Return the observation space of an environment."""
    return env.observation_space


def draw_tasks(env: gymnasium.Env[str, str]) -> str:
    """Return the tasks of seeds 0 to 9 as one text that is equal where the tasks are."""
    drawn = []
    for seed in range(10):
        env.reset(seed=seed)
        drawn.append(repr(to_json(unwrap(env).task)))
    return "\n".join(drawn)


def _play(env: ReasoningEnv, task: Task, actions: tuple[str, ...]) -> tuple[float, bool]:
    """Return the sum of the rewards and whether the episode terminated."""
    env.reset(seed=0, options={"task": task})
    total = 0.0
    for action in actions:
        _, reward, terminated, truncated, _ = env.step(action)
        total += reward
        if terminated or truncated:
            return total, terminated
    return total, False


def _trace(env: ReasoningEnv, task: Task, actions: tuple[str, ...]) -> list[object]:
    return _trace_in_turns([env], (task,), [actions])[0]


def _trace_in_turns(
    envs: list[ReasoningEnv], tasks: tuple[Task, ...], plays: list[tuple[str, ...]]
) -> list[list[object]]:
    traces: list[list[object]] = [
        [env.reset(seed=0, options={"task": task})] for env, task in zip(envs, tasks, strict=False)
    ]
    for turn in range(max(map(len, plays))):
        for trace, env, play in zip(traces, envs, plays, strict=False):
            if turn < len(play):
                trace.append(env.step(play[turn]))
    return traces


def _abandon(envs: gymnasium.vector.VectorEnv[Any, Any, Any]) -> None:
    """Close environments one of which has failed, so that a process may be gone or not answer."""
    for process in getattr(envs, "processes", ()):
        process.terminate()
    with warnings.catch_warnings(), contextlib.suppress(Exception):
        warnings.simplefilter("ignore")
        envs.close()
    envs.closed = True


def _pickle_by_value(creator: Callable[..., object], content: object) -> bytes:
    """Pickle for a child process, with the code of `creator` where that has no import name."""
    package = creator.__module__.partition(".")[0]
    own = package == "gym_reason" or PathFinder.find_spec(package) is not None
    foreign = [] if own else [sys.modules[creator.__module__]]
    for module in foreign:
        cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL))
    finally:
        for module in foreign:
            cloudpickle.unregister_pickle_by_value(module)


def _quote(actions: tuple[str, ...]) -> str:
    return shorten(" | ".join(map(repr, actions)), 120)
