"""Self-consistency: a group's majority answer as the label where there is no reference.

Source: TTRL, arXiv 2504.16084 (majority label), and self-consistency, arXiv 2203.11171. A label
without a reference can collapse: a policy that always gives the same wrong answer earns
everything. `Vote.entropy` is there to be watched.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from gym_reason.errors import UsageError
from gym_reason.text import shorten
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.math import MathVerifier, Profile, extract

Reward: TypeAlias = Literal["majority", "share"]
"""`majority`: 1.0 for the majority's answer, else 0.0; `share`: the share of the votes for one's
own answer, one's own included, so that 1/G is the least of an answer in a group of G."""
Ties: TypeAlias = Literal["none", "first"]
"""What a tie for the most votes elects: nobody, or the answer that was given first."""


@dataclass(frozen=True, slots=True)
class Vote:
    """The outcome of a vote among answers."""

    answer: str | None
    """The elected answer as it was first written; None where none is."""
    elected: int | None
    """Its number among the different answers."""
    share: float
    """Share of all votes, abstentions included, for the answer with the most, in [0, 1]."""
    tied: bool
    """Whether several answers have the most votes."""
    entropy: float
    """Entropy of the votes cast, in nats; 0.0 where all agree."""
    candidates: tuple[int | None, ...]
    """For each voter the number of their answer among the different ones; None for an abstention
    (no answer)."""
    weights: tuple[float, ...]
    """Share of all votes for each different answer, in the order they were first given."""


def majority(
    answers: Sequence[str | None],
    profile: Profile = "lenient",
    *,
    weights: Sequence[float] | None = None,
    ties: Ties = "none",
) -> Vote:
    """Return the vote of `answers`, those that the math verifier holds equal counted as one.

    Args:
        answers: Answers; None or an empty one abstains, and counts in the whole of the votes.
        profile: Profile of the math verifier.
        weights: Votes of each answer, finite and not negative; one each by default.
        ties: What a tie elects.

    Raises:
        UsageError: The weights are not one finite number of 0 or more for each answer, or there
            is no such rule for ties.
    """
    votes = _check_weights(weights, len(answers))
    if ties not in get_args(Ties):
        raise UsageError(f"ties = {ties!r}", "none or first")
    leaders, candidates = _group_equal(answers, profile)
    total = math.fsum(votes)
    sums = [
        math.fsum(vote for vote, own in zip(votes, candidates, strict=True) if own == number)
        for number in range(len(leaders))
    ]
    shares = tuple(value / total if total else 0.0 for value in sums)
    most = max(shares, default=0.0)
    best = [number for number, share in enumerate(shares) if math.isclose(share, most)]
    elected = best[0] if most > 0 and (len(best) == 1 or ties == "first") else None
    return Vote(
        answer=None if elected is None else leaders[elected],
        elected=elected,
        share=most,
        tied=most > 0 and len(best) > 1,
        entropy=_entropy(shares),
        candidates=candidates,
        weights=shares,
    )


def self_consistency(
    submissions: Sequence[str],
    profile: Profile = "lenient",
    *,
    weights: Sequence[float] | None = None,
    reward: Reward = "majority",
    ties: Ties = "none",
    min_share: float = 0.0,
) -> tuple[Verdict, ...]:
    """Return a verdict for each submission of a group, by its agreement with the majority.

    A submission without an answer is `no_answer` and earns 0.0. Where the group elects no answer
    (a tie, or a majority with too small a share) the others are `unscorable`: there is no label,
    and 0.0 would be one. With `reward="share"` they keep their share and fail.
    Different answers are compared in pairs, so that a group of formulas that the math verifier
    takes long to tell apart takes long too.
    Parts: `answer`, the reward; `agreement`, the share of votes for one's own answer; `majority`,
    the largest share. All are in [0, 1].

    Args:
        submissions: What was sampled for one task.
        profile: Profile of the math verifier, which finds and compares the answers.
        weights: Votes of each submission, such as a confidence; one each by default.
        reward: What agreement earns.
        ties: What a tie elects.
        min_share: Least share of the votes that elects an answer.

    Raises:
        UsageError: An argument is out of its range.
    """
    if reward not in get_args(Reward):
        raise UsageError(f"reward = {reward!r}", "majority or share")
    if not 0 <= min_share <= 1:
        raise UsageError(f"min_share = {min_share}", "a number from 0 to 1")
    answers = find_answers(submissions, profile)
    vote = majority(answers, profile, weights=weights, ties=ties)
    label = None if vote.share < min_share else vote.elected
    return tuple(
        _judge(answer, own, label, vote, reward)
        for answer, own in zip(answers, vote.candidates, strict=True)
    )


@dataclass(frozen=True, slots=True)
class SelfConsistency:
    """Judges groups by their majority; a plain value that keeps the choices of `self_consistency`.

    It is no `Verifier`: a verdict depends on the whole group.
    """

    profile: Profile = "lenient"
    """Profile of the math verifier."""
    reward: Reward = "majority"
    """What agreement earns."""
    ties: Ties = "none"
    """What a tie elects."""
    min_share: float = 0.0
    """Least share of the votes that elects an answer."""

    def judge(
        self, submissions: Sequence[str], weights: Sequence[float] | None = None
    ) -> tuple[Verdict, ...]:
        """Return a verdict for each submission of a group."""
        return self_consistency(
            submissions,
            self.profile,
            weights=weights,
            reward=self.reward,
            ties=self.ties,
            min_share=self.min_share,
        )


def _judge(
    answer: str | None, own: int | None, label: int | None, vote: Vote, reward: Reward
) -> Verdict:
    if own is None:
        parts = {"answer": 0.0, "agreement": 0.0, "majority": vote.share}
        return Verdict(0.0, False, Outcome.NO_ANSWER, parts, feedback="No answer was found.")
    agreement = vote.weights[own]
    agrees = own == label
    earned = agreement if reward == "share" else float(agrees)
    outcome = Outcome.PASS if agrees else Outcome.FAIL
    detail = f"found {shorten(answer or '')}, majority {shorten(vote.answer or 'none')}"
    if label is None:
        detail = f"found {shorten(answer or '')}, no majority"
        if reward == "majority":
            outcome = Outcome.UNSCORABLE
    return Verdict(
        reward=earned,
        correct=agrees,
        outcome=outcome,
        parts={"answer": earned, "agreement": agreement, "majority": vote.share},
        detail=f"{detail}, {vote.share:.3f} of the votes",
    )


def find_answers(submissions: Sequence[str], profile: Profile) -> list[str | None]:
    """Return the answer of each submission: marked ones and numbers, or else words."""
    answers: list[str | None] = []
    for number_expected in (True, False):
        found = [
            extract(submission, profile, number_expected=number_expected)
            for submission in submissions
        ]
        answers = [answer.text.strip() or None if answer else None for answer in found]
        if any(answers):
            break
    return answers


def _group_equal(
    answers: Sequence[str | None], profile: Profile
) -> tuple[list[str], tuple[int | None, ...]]:
    """Return the different answers as first written, and the number of each voter's."""
    verifier = MathVerifier(profile)
    leaders: list[str] = []
    known: dict[str, int] = {}
    numbers: list[int | None] = []
    for answer in answers:
        if answer is None or not answer.strip():
            numbers.append(None)
            continue
        if answer not in known:
            known[answer] = next(
                (n for n, leader in enumerate(leaders) if _are_equal(verifier, leader, answer)),
                len(leaders),
            )
            if known[answer] == len(leaders):
                leaders.append(answer)
        numbers.append(known[answer])
    return leaders, tuple(numbers)


def _are_equal(verifier: MathVerifier, first: str, second: str) -> bool:
    """Whether each is right where the other is the reference."""
    return all(
        verifier.verify(Task("vote", (), reference), f"<answer>{answer}</answer>").correct
        for reference, answer in ((first, second), (second, first))
    )


def _check_weights(weights: Sequence[float] | None, count: int) -> list[float]:
    if weights is None:
        return [1.0] * count
    if len(weights) != count:
        raise UsageError(f"{len(weights)} weights for {count} answers", "one for each")
    for weight in weights:
        if not (math.isfinite(weight) and weight >= 0):
            raise UsageError(f"the weight {weight}", "a finite number, 0 or more")
    return [float(weight) for weight in weights]


def _entropy(shares: Sequence[float]) -> float:
    cast = math.fsum(shares)
    kept = [share / cast for share in shares if share > 0]
    return max(-math.fsum(share * math.log(share) for share in kept), 0.0)
