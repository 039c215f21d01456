"""What an evaluation is to do, and its way through it; the command around it only shows that."""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gym_reason.cli.eval_tasks import EnvJob, check_names, prepare_job
from gym_reason.cli.output import show_bar
from gym_reason.errors import DataError, UsageError
from gym_reason.evaluate.compare import Comparison, Entry, compare_entries
from gym_reason.evaluate.folder import Episode, EvalFolder, Slot
from gym_reason.evaluate.play import Request, play_episodes
from gym_reason.evaluate.results import Contestant, EpisodeResult
from gym_reason.evaluate.study import choose_budgets, study_length, study_thinking
from gym_reason.evaluate.summary import EvalSummary, summarise
from gym_reason.rollout import EpisodeLimits
from gym_reason.seeding import derive_seed
from gym_reason.types import Json, Trajectory
from gym_reason.verifiers.arguments import with_setting

if TYPE_CHECKING:
    from gym_reason.agents.build import Actor

WITHOUT_FOLDER = ("engine:", "openai:")
"""How policies begin that are no folder on this machine."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an evaluation is to do."""

    args: argparse.Namespace
    """What was asked for."""
    jobs: list[EnvJob]
    """The environments."""
    agents: list[str]
    """The agents, each with the tokens that it may use."""
    ks: list[int]
    """The k of pass@k."""
    settings: dict[str, Json]
    """All that episodes depend on."""

    def contestants(self) -> Iterator[tuple[EnvJob, Contestant]]:
        """Yield who is measured where, in the order of the report."""
        for job in self.jobs:
            for policy in self.args.policy:
                for agent in self.agents:
                    yield job, Contestant(job.env_id, policy, agent)


@dataclass(frozen=True, slots=True)
class EvalOutcome:
    """What an evaluation found."""

    results: list[EvalSummary]
    """One for each environment, policy and agent."""
    comparisons: list[Comparison]
    """Each against the first in its environment."""
    studies: dict[str, list[dict[str, Any]]]
    """What was asked for with `--study`."""
    asked: int
    """Episodes that were asked for."""
    completed: int
    """Episodes that were played and judged."""


def plan_evaluation(args: argparse.Namespace, env_ids: list[str], kwargs: dict[str, Any]) -> Plan:
    """Draw the problems, so that what is wrong is told before any episode. Raises UsageError."""
    agents = [with_budget(agent, args.budget) for agent in args.agent or choose_agents(args.study)]
    weights: dict[str, Json] = {policy: describe_weights(policy) for policy in args.policy}
    settings: dict[str, Json] = {
        "env": env_ids,
        "policy": args.policy,
        "agent": agents,
        "env_arguments": kwargs,
        "split": args.split,
        "max_tokens": args.max_tokens,
        "temperature": choose_temperature(args),
        "seed": args.seed,
        "weights": weights,
    }
    if args.engine != "local":
        settings["engine"] = args.engine
    jobs = [prepare_job(args, env_id, kwargs) for env_id in env_ids]
    if args.tasks:
        check_names(args.tasks, jobs)
    for job in jobs:
        if not job.tasks and not args.tasks:
            raise DataError(f"{job.env_id} has no problem", "at least one", "name another split")
    return Plan(args, jobs, agents, parse_ks(args.k, args.samples), settings)


@dataclass(slots=True)
class Evaluation:
    """The way through a plan, with what was found so far."""

    plan: Plan
    """What is to be done."""
    results: dict[Slot, EpisodeResult] = field(default_factory=dict)
    """What became of each episode."""
    folder: EvalFolder | None = None
    """Where episodes are kept."""
    actors: dict[str, list["Actor"]] = field(default_factory=dict)
    """Who acts, an actor for each agent, by policy: those that are loaded."""
    facts: dict[Contestant, dict[str, Any]] = field(default_factory=dict)
    """What only shows while the policy is there."""
    stack: ExitStack = field(default_factory=ExitStack)
    """What is closed in the end."""

    def __enter__(self) -> Self:
        """Load the first policy, and open the folder: what is wrong is told before any episode."""
        try:
            self._open()
        except BaseException:
            self.stack.close()
            raise
        return self

    def _open(self) -> None:
        args = self.plan.args
        for policy in (
            args.policy[0],
            *(one for one in args.policy if one.startswith(WITHOUT_FOLDER)),
        ):
            self._load(policy)
        if args.out is not None:
            self.folder = self.stack.enter_context(EvalFolder(args.out, self.plan.settings))
            asked: dict[str, Json] = {
                name: getattr(args, name) for name in ("samples", "limit", "k", "tasks")
            }
            resume, again = args.resume, args.retry_unscorable
            self.folder.open(resume=resume, retry_unscorable=again, asked=asked)
            self.folder.keep_tokenizers(find_tokenizers(args.policy))
            self.results.update(self.folder.kept)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the environments and the folder."""
        for job in self.plan.jobs:
            job.envs.close()
        self.stack.close()

    def play(self) -> None:
        """Play every episode that is missing, policy by policy: one model at a time is loaded."""
        for policy in self.plan.args.policy:
            self._load(policy)
            for job in self.plan.jobs:
                for agent, actor in zip(self.plan.agents, self.actors[policy], strict=True):
                    self._play_one(job, Contestant(job.env_id, policy, agent), actor)
            del self.actors[policy]

    def conclude(self) -> EvalOutcome:
        """Sum up what was found, and keep that."""
        args = self.plan.args
        found = [(who, self._results_of(job, who)) for job, who in self.plan.contestants()]
        summaries = [self._sum_up(who, own) for who, own in found]
        contenders = [Entry(who.name, who, own) for who, own in found if own]
        several = len(args.policy) * len(self.plan.agents) > 1
        outcome = EvalOutcome(
            results=summaries,
            comparisons=compare_entries(contenders) if several else [],
            studies={name: study(name, found) for name in dict.fromkeys(args.study)},
            asked=sum(len(job.tasks) * args.samples for job, _ in self.plan.contestants()),
            completed=sum(summary.completed for summary in summaries),
        )
        if self.folder is not None:
            self.folder.finish([one for _, own in found for one in own], outcome)
        return outcome

    def _load(self, policy: str) -> None:
        from gym_reason.agents.build import make_actors
        from gym_reason.agents.policy import SamplingParams

        args = self.plan.args
        if policy not in self.actors:
            params = SamplingParams(args.max_tokens, choose_temperature(args), seed=args.seed)
            self.actors[policy] = make_actors(policy, self.plan.agents, params, args.engine)

    def _play_one(self, job: EnvJob, who: Contestant, actor: "Actor") -> None:
        started = time.monotonic()
        samples = range(self.plan.args.samples)
        keys = {task.id: key for key, task in job.tasks.items()}
        wanted = [
            Request(task, sample)
            for key, task in job.tasks.items()
            for sample in samples
            if (who, key, sample) not in self.results
        ]

        def keep(request: Request, trajectory: Trajectory) -> None:
            episode = Episode(who, keys[request.task.id], request.sample, trajectory)
            if self.folder is not None:
                self.folder.append(episode)
            self.results[who, episode.key, episode.sample] = episode.result
            advance()

        with show_bar(f"{job.env_id} {who.name}", len(wanted)) as advance:
            seed = derive_seed(self.plan.args.seed, job.env_id)
            limits = EpisodeLimits(judge_rounds=True)
            play_episodes(job.envs, actor.agent_for, wanted, seed, actor.encoder, limits, keep)
        self.facts[who] = {
            "unreadable": sum(not actor.reads(task) for task in job.tasks.values()),
            "repeated": job.repeated,
            "oracle": actor.oracle,
            "seconds": round(time.monotonic() - started, 2),
        }

    def _results_of(self, job: EnvJob, who: Contestant) -> list[EpisodeResult]:
        slots = ((who, key, s) for key in job.tasks for s in range(self.plan.args.samples))
        return [self.results[slot] for slot in slots if slot in self.results]

    def _sum_up(self, who: Contestant, results: Sequence[EpisodeResult]) -> EvalSummary:
        summary = summarise(who, results, self.plan.args.samples, self.plan.ks)
        return replace(summary, **self.facts.get(who, {}))


def study(
    name: str, found: Sequence[tuple[Contestant, Sequence[EpisodeResult]]]
) -> list[dict[str, Any]]:
    """Return a study of each agent; budgets are the same for all of one environment."""
    rows: list[dict[str, Any]] = []
    for who, results in found:
        row = {"env": who.env, "policy": who.policy, "agent": who.agent}
        if name == "length":
            rows.append(row | study_length(results))
            continue
        rivals = [one for other, own in found if other.env == who.env for one in own]
        rows.append(row | study_thinking(results, choose_budgets(rivals)))
    return rows


def choose_agents(studies: Sequence[str]) -> list[str]:
    """Return the agents where none is named: a study of thinking compares its two ways."""
    if "thinking" in studies:
        return ["thinking:mode=think", "thinking:mode=no-think"]
    return ["answer"]


def with_budget(agent: str, budget: int | None) -> str:
    """Return an agent's spec with the tokens that its turn may use up."""
    return agent if budget is None else with_setting(agent, "tokens", budget)


def parse_ks(text: str, samples: int) -> list[int]:
    """Return the k of `--k`. Raises UsageError for one that is no number or over the samples."""
    try:
        ks = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise UsageError(f"--k {text}", "whole numbers such as 1,4,8") from None
    for k in ks:
        if not 1 <= k <= samples:
            raise UsageError(
                f"--k {k} with --samples {samples}", "k from 1 to the number of samples"
            )
    return ks


def choose_temperature(args: argparse.Namespace) -> float:
    """Return the temperature asked for, or greedy for one sample and 1 for more."""
    return float(args.samples > 1 if args.temperature is None else args.temperature)


def describe_weights(policy: str) -> str:
    """Return what tells the weights of a policy from others under the same path."""
    if policy.startswith(WITHOUT_FOLDER):
        return ""
    from gym_reason.agents.models import resolve_model_folder

    folder = resolve_model_folder(policy)
    files = sorted((*folder.glob("*.safetensors"), *folder.glob("*.bin")))
    stats = [(file.name, file.stat()) for file in files]
    return " ".join(f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in stats)


def find_tokenizers(policies: Sequence[str]) -> list[tuple[str, Path]]:
    """Return the tokenizer's file of each policy that has one."""
    models = [policy for policy in policies if not policy.startswith(WITHOUT_FOLDER)]
    if not models:
        return []
    from gym_reason.agents.models import resolve_model_folder

    files = [(policy, resolve_model_folder(policy) / "tokenizer.json") for policy in models]
    return [(policy, file) for policy, file in files if file.is_file()]
