"""What the tests of evaluations are made of: results and episodes of known figures."""

from collections.abc import Sequence

from gym_reason.evaluate.folder import Episode
from gym_reason.evaluate.results import Contestant, EpisodeResult
from gym_reason.types import (
    Completion,
    Message,
    Outcome,
    StopReason,
    Task,
    TokenTrace,
    Trajectory,
    Turn,
    Verdict,
)

WHO = Contestant("env", "policy")
PASS = Verdict(1.0, True, Outcome.PASS, {"answer": 1.0})
FAIL = Verdict(0.0, False, Outcome.FAIL)
UNSCORABLE = Verdict(0.0, False, Outcome.UNSCORABLE)


def make_result(
    key: str,
    sample: int,
    correct: bool | None,
    *,
    who: Contestant = WHO,
    reward: float | None = None,
    tokens: int = 1,
    answer: str = "",
    likelihood: float | None = None,
    truncated: bool = False,
    rounds: tuple[bool, ...] | None = None,
) -> EpisodeResult:
    """Return a result."""
    return EpisodeResult(
        who=who,
        key=key,
        task_id=f"task-{key}",
        sample=sample,
        correct=correct,
        reward=float(bool(correct)) if reward is None else reward,
        tokens=tokens,
        outcome={True: "pass", False: "fail", None: "unscorable"}[correct],
        truncated=truncated,
        seconds=0.5,
        rounds=(bool(correct),) if rounds is None else rounds,
        answer=answer,
        likelihood=likelihood,
        thought=False,
        error="",
        prompt="?",
    )


def make_results(
    key: str, correct: Sequence[bool | None], who: Contestant = WHO
) -> list[EpisodeResult]:
    """Return the results of one task, whose episodes took 1, 2, 3 ... tokens."""
    return [
        make_result(key, sample, right, who=who, tokens=sample + 1)
        for sample, right in enumerate(correct)
    ]


def make_trajectory(
    task: Task,
    said: str = "42",
    verdict: Verdict | None = PASS,
    stop_reason: StopReason = StopReason.ANSWERED,
    completion: Completion | None = None,
) -> Trajectory:
    """Return an episode of one turn, with a token for each character where a policy spoke."""
    reward = verdict.reward if verdict is not None else 0.0
    turn = Turn("?", said, completion, reward, verdict, terminated=True, truncated=False)
    count = len(completion.token_ids) if completion else 0
    trace = TokenTrace(
        (0, *range(count)),
        (False, *(True,) * count),
        (0.0, *(-0.5,) * count),
        (0,) * (count + 1),
    )
    messages = (*task.prompt, Message("assistant", said))
    traces = (trace,) if count else ()
    return Trajectory(task, (turn,), traces, reward, stop_reason, 7, messages=messages, seconds=0.5)


def make_task(name: str = "t") -> Task:
    """Return a task."""
    prompt = Message("system", "be brief"), Message("user", f"{name}: 6*7=")
    return Task(name, prompt, "42", 1.0, {"kind": "product"})


def make_episode(name: str, sample: int, said: str, verdict: Verdict | None = PASS) -> Episode:
    """Return an episode of a policy that emitted a token for each character."""
    ids = tuple(range(len(said)))
    completion = Completion(ids, (-0.5,) * len(ids), said, "stop")
    trajectory = make_trajectory(make_task(name), said, verdict, completion=completion)
    return Episode(WHO, f"key-{name}", sample, trajectory)
