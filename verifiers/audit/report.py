"""What an audit has found."""

from collections import Counter
from dataclasses import dataclass, field

from gym_reason.stats import wilson_interval
from gym_reason.types import Json, Outcome, Task, Verdict
from gym_reason.verifiers.audit.probes import Probe

MAX_EXAMPLES = 5
"""Offenders of one probe that a report keeps; the others are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One submission and what the verifier said of it."""

    probe: Probe
    """The probe that it belongs to."""
    task: Task
    """The task that it pretends to solve."""
    submission: str
    """The text."""
    verdict: Verdict
    """The verifier's word."""

    @property
    def unscorable(self) -> bool:
        """Whether the verifier gave no judgement."""
        return self.verdict.outcome is Outcome.UNSCORABLE

    @property
    def wrong(self) -> bool:
        """Whether the judgement is the wrong one."""
        return not self.unscorable and self.verdict.correct != self.probe.should_pass

    def to_json(self) -> dict[str, Json]:
        """Return the finding as a row that `gym-reason verify` can read again."""
        return {
            "id": self.task.id,
            "kind": self.probe.kind,
            "probe": self.probe.name,
            "should_pass": self.probe.should_pass,
            "wrong": self.wrong,
            "submission": self.submission,
            "reference": self.task.reference,
            **self.verdict.to_json(),
        }


@dataclass(slots=True)
class Tally:
    """Counts of one row of the report."""

    judged: int = 0
    """Submissions with a judgement."""
    wrong: int = 0
    """Those whose judgement is wrong."""
    unscorable: int = 0
    """Submissions without one."""
    refused_reward: float = 0.0
    """Largest reward that was paid for a submission that did not pass."""

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        if finding.unscorable:
            self.unscorable += 1
            return
        self.judged += 1
        self.wrong += finding.wrong
        if not finding.verdict.correct:
            self.refused_reward = max(self.refused_reward, finding.verdict.reward)

    @property
    def rate(self) -> float | None:
        """Share of wrong judgements; None without any judgement."""
        return self.wrong / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 percent Wilson interval of the rate; (0.0, 1.0) without any judgement."""
        return wilson_interval(self.wrong, self.judged)

    def to_json(self) -> dict[str, Json]:
        """Return the counts, the rate and its interval."""
        low, high = self.interval
        return {
            "judged": self.judged,
            "wrong": self.wrong,
            "rate": self.rate,
            "low": low,
            "high": high,
            "unscorable": self.unscorable,
            "refused_reward": self.refused_reward,
        }


@dataclass(slots=True)
class AuditReport:
    """The result of an audit: rates of wrong judgements, and who was judged wrongly."""

    verifier: str
    """Name of the verifier."""
    families: tuple[str, ...]
    """Families whose probes were tried."""
    cases: int
    """How many tasks they were tried on."""
    kinds: dict[tuple[bool, str], Tally] = field(default_factory=dict)
    """The counts of each kind of probe, under `(should_pass, kind)`."""
    offenders: dict[str, list[Finding]] = field(default_factory=dict)
    """Under the name of a probe, the first few wrong judgements."""
    offences: Counter[str] = field(default_factory=Counter)
    """Under the name of a probe, how many judgements were wrong."""
    unscorable: list[Finding] = field(default_factory=list)
    """The first few submissions without a judgement."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """How often the verifier gave each outcome."""
    slowest: Finding | None = None
    """The submission that took the longest; None before the first."""

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it where it is one of the first offenders of its probe."""
        probe = finding.probe
        self.kinds.setdefault((probe.should_pass, probe.kind), Tally()).add(finding)
        self.outcomes[finding.verdict.outcome.value] += 1
        if self.slowest is None or finding.verdict.seconds > self.slowest.verdict.seconds:
            self.slowest = finding
        if finding.wrong:
            self.offences[probe.name] += 1
            kept = self.offenders.setdefault(probe.name, [])
            if len(kept) < MAX_EXAMPLES:
                kept.append(finding)
        elif finding.unscorable and len(self.unscorable) < MAX_EXAMPLES:
            self.unscorable.append(finding)

    @property
    def false_positives(self) -> Tally:
        """What should not pass, all kinds together."""
        return self._sum(False)

    @property
    def false_negatives(self) -> Tally:
        """What should pass, all kinds together."""
        return self._sum(True)

    @property
    def worst_rate(self) -> float:
        """The larger one of the two rates of wrong judgements; 0.0 without any judgement."""
        return max(self.false_positives.rate or 0.0, self.false_negatives.rate or 0.0)

    def to_json(self) -> dict[str, Json]:
        """Return the whole report as JSON values."""
        return {
            "verifier": self.verifier,
            "families": list(self.families),
            "cases": self.cases,
            "false_positives": self.false_positives.to_json(),
            "false_negatives": self.false_negatives.to_json(),
            "outcomes": dict(self.outcomes),
            "kinds": [
                {"kind": kind, "should_pass": should_pass, **tally.to_json()}
                for (should_pass, kind), tally in self.sorted_kinds()
            ],
            "offenders": [
                {"probe": name, "wrong": self.offences[name],
                 "examples": [finding.to_json() for finding in found]}
                for name, found in self.offenders.items()
            ],
            "unscorable": [finding.to_json() for finding in self.unscorable],
            "slowest": self.slowest.to_json() if self.slowest else None,
        }  # fmt: skip

    def sorted_kinds(self) -> list[tuple[tuple[bool, str], Tally]]:
        """Return the rows of the report: first what should not pass, each part by name."""
        return sorted(self.kinds.items())

    def _sum(self, should_pass: bool) -> Tally:
        tallies = [tally for (passes, _), tally in self.kinds.items() if passes is should_pass]
        return Tally(
            judged=sum(tally.judged for tally in tallies),
            wrong=sum(tally.wrong for tally in tallies),
            unscorable=sum(tally.unscorable for tally in tallies),
            refused_reward=max((tally.refused_reward for tally in tallies), default=0.0),
        )
