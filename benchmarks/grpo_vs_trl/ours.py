"""Our side of the comparison, one process."""

import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from jobs import read_job, report
from work import (
    NEW_TOKENS,
    PROMPTS,
    RUN_PROMPTS,
    RUN_TOKENS,
    SAMPLES,
    fixed_batch,
    is_right,
    prompts,
    reward_of,
    sums,
)

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.models import load_model
from gym_reason.trainers.formulas import aggregations, policy_losses
from gym_reason.trainers.formulas.policy_loss import ClipSettings, PolicyRows
from gym_reason.trainers.model.learner import build_learner, prepare_machine
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.rl import stage as rl
from gym_reason.trainers.rl import update
from gym_reason.trainers.rl.collect import Collected, Sample
from gym_reason.trainers.rl.window import make_window
from gym_reason.trainers.run.checkpoint import Progress
from gym_reason.trainers.run.folder import RunFolder
from gym_reason.trainers.run.stop import StopRequest
from gym_reason.trainers.session import Session
from gym_reason.types import Message, Outcome, Task, Verdict

AGGREGATIONS = {
    "grpo": "seq_mean_token_mean",
    "bnpo": "token_mean",
    "dr_grpo": "seq_mean_token_sum_norm",
}
"""TRL's name of a loss, and ours of its aggregation."""


class Score:
    """Scores a text as both sides do."""

    name = "score"

    def __init__(self, part: str) -> None:
        """Keep which part of the comparison it is."""
        self._part = part

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the reward of the text."""
        if self._part == "step":
            return Verdict(reward_of(submission), False, Outcome.FAIL)
        right = is_right(task.prompt[0].content, submission)
        return Verdict(right, right == 1.0, Outcome.PASS if right else Outcome.FAIL)


def main() -> None:
    """Do the job that the command line names."""
    job = read_job()
    if job["part"] == "loss":
        report(losses=losses(job))
    else:
        report(seconds=steps(job), samples=(PROMPTS if job["part"] == "step" else RUN_PROMPTS) * 8)


def losses(job: dict[str, Any]) -> dict[str, float]:
    """Return the loss of the fixed batch under each aggregation."""
    torch.set_num_threads(job["threads"])
    model, tokenizer = load_model(job["model"], device="cpu", dtype="fp32")
    batch = fixed_batch(len(tokenizer))
    width = 8 + max(map(len, batch["completions"]))
    ids_NL = torch.zeros(len(batch["prompts"]), width, dtype=torch.long)
    mask_NT = torch.zeros(len(ids_NL), width - 1)
    shift_NT = torch.zeros_like(mask_NT)
    for row, (prompt, said) in enumerate(zip(batch["prompts"], batch["completions"], strict=True)):
        ids_NL[row, : 8 + len(said)] = torch.tensor(prompt + said)
        mask_NT[row, 7 : 7 + len(said)] = 1.0
        shift_NT[row, 7 : 7 + len(said)] = torch.tensor(batch["old_shift"][row])
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=job["precision"] == "bf16")
    with torch.no_grad(), autocast:
        logps_NT = score_tokens(model, ids_NL).logps_NT
    rows = PolicyRows(
        logps_NT,
        logps_NT + shift_NT,
        torch.tensor(batch["advantages"])[:, None].expand_as(logps_NT),
        mask_NT,
    )
    loss_NT = policy_losses.get("clipped_ratio")(rows, ClipSettings(0.2, 0.28)).loss_NT
    return {
        name: (loss_NT * aggregations.get(mode)(mask_NT, RUN_TOKENS)).sum().item()
        for name, mode in AGGREGATIONS.items()
    }


def steps(job: dict[str, Any]) -> list[float]:
    """Return the seconds of each step of our RL loop, from the environment to the update."""
    fixed = job["part"] == "step"
    recipe = load_recipe("demo", [
        *(f"model.path={job['model']}", f"model.threads={job['threads']}", "model.device=cpu"),
        *(f"model.precision={job['precision']}", "rl.filter=keep_all"),
        f"sampling.max_tokens={NEW_TOKENS if fixed else RUN_TOKENS}",
        *("rl.minibatches=1", f"rl.entropy.bonus={0.0 if job['skip'] else 1e-12}"),
    ])  # fmt: skip
    prepare_machine(recipe.model)
    learner = build_learner(recipe.model, 0, None)
    if fixed:
        learner.engine = LocalEngine(learner.model, learner.tokenizer, stop_token_ids=())
    seconds = []
    with tempfile.TemporaryDirectory() as folder, RunFolder(Path(folder)) as run:
        with StopRequest() as stop:
            session = Session(recipe, run, learner, Progress(), SilentObserver(), stop)
        pool = session.envs()
        make = pool._make_env

        def make_scored() -> Any:
            env = make()
            env.unwrapped.verifier = Score(job["part"])  # type: ignore[attr-defined]
            return env

        pool._make_env = make_scored
        players = rl.make_players(session)
        for step in range(job["steps"]):
            started = time.perf_counter()
            texts = prompts() if fixed else [prompt for prompt, _ in sums(step)]
            tasks = tuple(Task(text, (Message("user", text),), "0") for text in texts)
            groups = session.play(session.policy_agent(1.0), tasks, SAMPLES, "bench", step)
            samples = tuple(
                Sample(trajectory, index, trajectory.ret)
                for index, group in enumerate(groups)
                for trajectory in group.trajectories
            )
            window = make_window(session, Collected(tuple(groups), samples))
            assert window is not None
            update.update(session, players, window, step)
            learner.engine.update_weights()
            seconds.append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    main()
