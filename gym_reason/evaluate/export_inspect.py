"""Stored episodes as logs of Inspect, one for each environment, policy and agent.

Source: the log format of the package `inspect-ai` (version 2 of it), read back by its own reader.
"""

import json
import statistics
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gym_reason.evaluate.folder import Episode
from gym_reason.evaluate.results import Contestant
from gym_reason.evaluate.summary import group_by_task, share_right
from gym_reason.records import explain_os_errors, to_json, write_atomic
from gym_reason.seeding import content_id
from gym_reason.stats import clustered_error
from gym_reason.types import Message, Trajectory

VERSION = 2
SCORER = "verifier"


def write_inspect(episodes: Iterable[Episode], out: Path) -> int:
    """Write a folder of logs and return how many episodes they hold. Raises RunError."""
    found: dict[Contestant, list[Episode]] = {}
    for episode in episodes:
        found.setdefault(episode.who, []).append(episode)
    with explain_os_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    for who, own in found.items():
        log = make_log(who, own)
        # Its viewer lists files whose names begin so.
        time, task = log["eval"]["created"].replace(":", "-"), who.env.rpartition("/")[2]
        name = f"{time}_{task}_{log['eval']['task_id']}.json"
        text = json.dumps(log, ensure_ascii=False, indent=1)
        # Its reader takes no lone surrogate.
        write_atomic(out / name, text.encode("utf-8", "replace"))
    return sum(map(len, found.values()))


def make_log(who: Contestant, episodes: Sequence[Episode]) -> dict[str, Any]:
    """Return the log of one agent in one environment."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    names = list(dict.fromkeys(episode.trajectory.task.id for episode in episodes))
    scored = [e.result for e in episodes if e.result.correct is not None]
    epochs = max((episode.sample + 1 for episode in episodes), default=1)
    results = {
        "total_samples": len(episodes),
        "completed_samples": len(scored),
        "scores": [
            {
                "name": SCORER,
                "scorer": SCORER,
                "scored_samples": len(scored),
                "unscored_samples": len(episodes) - len(scored),
                "metrics": _metrics(list(group_by_task(scored).values())),
            }
        ],
    }
    return {
        "version": VERSION,
        "status": "success",
        "eval": {
            "run_id": uuid.uuid4().hex,
            "eval_id": uuid.uuid4().hex,
            "created": created,
            "task": who.env,
            "task_id": content_id(who.env, who.policy, who.agent),
            "solver": who.agent,
            "model": who.policy,
            "dataset": {"name": who.env, "samples": len(names), "sample_ids": names},
            "config": {"epochs": epochs},
        },
        "results": results,
        "stats": {"started_at": created, "completed_at": created},
        "samples": [_sample(episode) for episode in episodes],
    }


def _metrics(tasks: Sequence[Sequence[Any]]) -> dict[str, Any]:
    if not tasks:
        return {}
    shares = [share_right(own) for own in tasks]
    values = {"accuracy": statistics.fmean(shares)}
    if len(tasks) > 1:
        values["stderr"] = clustered_error([[share] for share in shares])
    return {name: {"name": name, "value": value} for name, value in values.items()}


def _sample(episode: Episode) -> dict[str, Any]:
    trajectory, result = episode.trajectory, episode.result
    sample: dict[str, Any] = {
        "id": trajectory.task.id,
        "epoch": episode.sample + 1,
        "input": list(map(_message, trajectory.task.prompt)),
        "target": trajectory.task.reference,
        "messages": list(map(_message, trajectory.messages)),
        "output": _output(episode.who.policy, trajectory),
        "metadata": {
            "key": episode.key,
            "outcome": result.outcome,
            "reward": result.reward,
            "stop_reason": trajectory.stop_reason.value,
            "seed": trajectory.seed,
            "difficulty": trajectory.task.difficulty,
            "task": to_json(trajectory.task.meta),
        },
        "total_time": trajectory.seconds,
    }
    if result.correct is None:
        message = result.error or result.outcome
        sample["error"] = {"message": message, "traceback": "", "traceback_ansi": ""}
    else:
        verdict = trajectory.verdict
        sample["scores"] = {
            SCORER: {
                "value": "C" if result.correct else "I",
                "answer": result.answer or None,
                "explanation": (verdict.feedback if verdict else "") or None,
                "metadata": dict(verdict.parts) if verdict else {},
            }
        }
    return sample


def _output(policy: str, trajectory: Trajectory) -> dict[str, Any]:
    action = trajectory.turns[-1].action if trajectory.turns else ""
    said = trajectory.turns[-1].completion if trajectory.turns else None
    cut = said is not None and said.finish_reason == "length"
    message = {"role": "assistant", "content": action, "source": "generate"}
    used = trajectory.completion_tokens
    read = sum(len(trace.ids) for trace in trajectory.traces) - used
    return {
        "model": policy,
        "choices": [{"message": message, "stop_reason": "max_tokens" if cut else "stop"}],
        "usage": {"input_tokens": read, "output_tokens": used, "total_tokens": read + used},
    }


def _message(message: Message) -> dict[str, Any]:
    return {"role": message.role, "content": message.content}
