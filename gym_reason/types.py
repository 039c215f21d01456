"""The nouns of the library: frozen, typed, without torch.

Task -> Env -> Observation -> Agent -> Action -> Env ... -> Verdict -> Trajectory -> Group -> Batch
-> update
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    """Who speaks."""
    content: str
    """What is said."""
    images: tuple[bytes, ...] = ()
    """Encoded images (PNG, JPEG, GIF or WebP) that belong to the message."""


@dataclass(frozen=True, slots=True)
class Task:
    """One problem."""

    id: str
    """Stable name; a content hash where the source has none."""
    prompt: tuple[Message, ...]
    """What the policy is shown first."""
    reference: str
    """What the verifier needs and no policy ever sees."""
    difficulty: float = 0.0
    """Position on the environment's own scale; higher is harder."""
    meta: Mapping[str, Json] = field(default_factory=dict)
    """Facts about the task that its environment or verifier reads."""


def prompt_messages(task: Task) -> tuple[Message, ...]:
    """Return the task's prompt, or where it has none, as in rows of files, `meta["prompt"]`."""
    prompt = task.meta.get("prompt")
    if not task.prompt and isinstance(prompt, str) and prompt:
        return (Message("user", prompt),)
    return task.prompt


class Outcome(StrEnum):
    """How a verification ended."""

    PASS = "pass"
    FAIL = "fail"
    NO_ANSWER = "no_answer"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT_LIMIT = "output_limit"
    PIDS = "pids"
    INVALID = "invalid"
    """The submission could not be read."""
    UNSCORABLE = "unscorable"
    """Our fault, not the policy's: kept out of baselines and pass rates, and counted aloud."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier says of one submission."""

    reward: float
    """Scalar reward; 1.0 for a full pass unless a composition says otherwise."""
    correct: bool
    """Whether the submission solves the task."""
    outcome: Outcome
    """How the verification ended."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Named reward components before weighting."""
    feedback: str = ""
    """May be shown to an agent."""
    detail: str = ""
    """For people and logs; never shown to an agent."""
    seconds: float = field(default=0.0, compare=False)
    """Wall-clock time of the verification."""

    def to_json(self) -> dict[str, Json]:
        """Return the fields as JSON values, in the order of the class."""
        return {
            "reward": self.reward,
            "correct": self.correct,
            "outcome": self.outcome.value,
            "parts": dict(self.parts),
            "feedback": self.feedback,
            "detail": self.detail,
            "seconds": round(self.seconds, 6),
        }


class StopReason(StrEnum):
    """Why an episode ended."""

    SOLVED = "solved"
    ANSWERED = "answered"
    MAX_TURNS = "max_turns"
    MAX_TOKENS = "max_tokens"
    INVALID_ACTION = "invalid_action"
    TIMEOUT = "timeout"
    ENV_ERROR = "env_error"


FinishReason: TypeAlias = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Completion:
    """What a policy emitted for one prompt."""

    token_ids: tuple[int, ...]
    """Every sampled token, the stop token included."""
    logprobs: tuple[float, ...]
    """Log-probability of each token under the distribution it was drawn from."""
    text: str
    """The decoded tokens without the stop token or the stop string."""
    finish_reason: FinishReason
    """`stop`: a stop token or string came; `length`: the token limit did."""
    policy_version: int = 0
    """Version of the weights that emitted it; the oldest of them where it saw more than one."""
    versions: tuple[int, ...] = ()
    """Version of the weights behind each token, where they differ; empty where they do not."""

    @property
    def token_versions(self) -> tuple[int, ...]:
        """The version behind each token, whether they differ or not."""
        return self.versions or (self.policy_version,) * len(self.token_ids)


def say_versions(versions: tuple[int, ...]) -> tuple[int, ...]:
    """Return the versions behind some tokens as records hold them: none where all are the same."""
    return versions if len(set(versions)) > 1 else ()


@dataclass(frozen=True, slots=True)
class Turn:
    """One action and what followed it."""

    observation: str
    """What the environment showed before the action."""
    action: str
    """What the agent did."""
    completion: Completion | None
    """The tokens behind the action; None where no policy was asked."""
    reward: float
    """Reward of this transition."""
    verdict: Verdict | None
    """The verifier's word on it; None where none was given."""
    terminated: bool
    """The MDP ended here."""
    truncated: bool
    """A limit outside the MDP cut the episode here."""
    info: Mapping[str, object] = field(default_factory=dict)
    """For logs; steers nothing."""


@dataclass(frozen=True, slots=True)
class TokenTrace:
    """One append-only token stream of an episode. Each field has one entry per token."""

    ids: tuple[int, ...]
    """Token ids, exactly as read and emitted."""
    action_mask: tuple[bool, ...]
    """True only on tokens that the policy emitted."""
    logprobs: tuple[float, ...]
    """The sampler's log-probabilities; 0.0 where the mask is False."""
    turn_index: tuple[int, ...]
    """Which turn a token belongs to."""
    versions: tuple[int, ...] = ()
    """Version of the weights behind each token that the policy emitted, where the episode saw more
    than one; empty where all of it is of the episode's `policy_version`."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One episode, whole."""

    task: Task
    """The problem."""
    turns: tuple[Turn, ...]
    """What happened, in order."""
    traces: tuple[TokenTrace, ...]
    """Every token; more than one stream only where a chat template rewrote history."""
    ret: float
    """Discounted sum of the rewards."""
    stop_reason: StopReason
    """Why the episode ended."""
    seed: int
    """Seed of the episode's random draws."""
    policy_version: int = 0
    """Oldest version of the weights that acted in it."""
    meta: Mapping[str, object] = field(default_factory=dict)
    """For logs; steers nothing."""
    messages: tuple[Message, ...] = ()
    """The conversation as it ended, the prompt first; what was said aside is only in `traces`."""
    seconds: float = field(default=0.0, compare=False)
    """Wall-clock time of the episode, waiting for the policy and the verifier included."""

    @property
    def verdict(self) -> Verdict | None:
        """The last verdict of the episode."""
        return next((turn.verdict for turn in reversed(self.turns) if turn.verdict), None)

    @property
    def scorable(self) -> bool:
        """Whether the episode may enter baselines and pass rates."""
        verdict = self.verdict
        return self.stop_reason not in (StopReason.ENV_ERROR, StopReason.TIMEOUT) and not (
            verdict is not None and verdict.outcome is Outcome.UNSCORABLE
        )

    @property
    def correct(self) -> bool:
        """Whether the episode ended with the task solved."""
        verdict = self.verdict
        return verdict is not None and verdict.correct

    @property
    def completion_tokens(self) -> int:
        """How many tokens the policy emitted."""
        return sum(sum(trace.action_mask) for trace in self.traces)


@dataclass(frozen=True, slots=True)
class Group:
    """Several episodes on one task."""

    task: Task
    """The problem that all of them share."""
    trajectories: tuple[Trajectory, ...]
    """The episodes, in sample order."""

    def __post_init__(self) -> None:
        """Refuse a group that mixes tasks: every group baseline would be wrong."""
        for trajectory in self.trajectories:
            if trajectory.task.id != self.task.id:
                raise ValueError(
                    f"a group of task {self.task.id} holds an episode of {trajectory.task.id}"
                )


def replace_verdict(verdict: Verdict, **changes: object) -> Verdict:
    """Return a copy of a verdict with some fields changed."""
    return dataclasses.replace(verdict, **changes)  # type: ignore[arg-type]
