"""The cold start: supervised training on demonstrations that the environment makes and verifies.

Demonstrations are played through the environment, so they have the token stream that the policy
will meet, for any number of turns, and one that the verifier refuses never enters.
"""

import time

import torch

from gym_reason.agents.demonstration import DemonstrationAgent
from gym_reason.errors import RunError
from gym_reason.rollout import TextEnv
from gym_reason.seeding import derive_rng
from gym_reason.trainers.batch import TokenBatch, make_batch
from gym_reason.trainers.formulas.aggregation import token_mean
from gym_reason.trainers.logprobs import token_logps
from gym_reason.trainers.optimiser import learning_rate, set_learning_rate
from gym_reason.trainers.session import Session, check_finite
from gym_reason.types import Json, Task


def run_cold_start(session: Session) -> None:
    """Train on demonstrations until the stage is done; goes on where a checkpoint left off."""
    settings = session.recipe.cold_start
    progress, learner = session.progress, session.learner
    demonstrations = make_demonstrations(session)
    optimiser = session.start_optimiser(settings.optimiser, progress.cold_start_steps)
    session.observer.on_stage("cold_start", settings.steps, progress.cold_start_steps)
    learner.model.train()
    while progress.cold_start_steps < settings.steps:
        started = time.monotonic()
        step = progress.cold_start_steps
        session.seed_generators("cold_start", step)
        rng = derive_rng(session.recipe.seed, "cold_start", "rows", step)
        rows = rng.integers(len(demonstrations), size=settings.batch_rows).tolist()
        batch = demonstrations.select(rows)
        lr = learning_rate(settings.optimiser, step, settings.steps)
        set_learning_rate(optimiser, lr)
        with learner.mixed_precision():
            logps_NT, _ = token_logps(learner.model, batch.ids_NL, start=batch.start)
        loss = -(logps_NT * token_mean(batch.mask_NT, batch.mask_NT.shape[1])).sum()
        check_finite(loss.item(), "the loss", f"step {step} of the cold start")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(
            learner.model.parameters(), settings.optimiser.clip_norm
        )
        optimiser.step()
        progress.cold_start_steps += 1
        tokens = int(batch.mask_NT.sum())
        progress.tokens += tokens
        seconds = time.monotonic() - started
        row: dict[str, Json] = {
            "stage": "cold_start",
            "step": progress.cold_start_steps,
            "loss": loss.item(),
            "lr": lr,
            "grad_norm": norm.item(),
            "tokens_per_s": tokens / seconds,
            "seconds": seconds,
        }
        session.finish_step(row, optimiser, last=progress.cold_start_steps == settings.steps)
    learner.model.train(False)
    learner.engine.refresh()


def make_demonstrations(session: Session) -> TokenBatch:
    """Return the demonstrations of the recipe as one batch.

    Raises RunError where the environment refuses its own demonstration.
    """
    settings = session.recipe.cold_start
    level = 0 if session.curriculum is not None else None
    tasks = session.draw_tasks(settings.problems, "cold_start", "tasks", level=level)
    draws = derive_rng(session.recipe.seed, "cold_start", "think").random(len(tasks))
    thinks = {task.id: draw < settings.think_share for task, draw in zip(tasks, draws, strict=True)}

    def agent_for(env: TextEnv, task: Task) -> DemonstrationAgent:
        actions = env.unwrapped.demonstrate(task, thinking=bool(thinks[task.id]))  # type: ignore[attr-defined]
        return DemonstrationAgent(actions, session.learner.tokenizer)

    envs = session.envs(level)
    groups = session.play(agent_for, tasks, 1, "cold_start", "play", envs=envs)
    trajectories = [group.trajectories[0] for group in groups]
    refused = [trajectory for trajectory in trajectories if not trajectory.correct]
    if refused:
        raise RunError(
            f"{session.recipe.env.id} refuses {len(refused)} of its own {len(trajectories)} "
            f"demonstrations, first that of task {refused[0].task.id}",
            "demonstrations that solve their tasks",
            "see gym-reason envs check",
        )
    traces = [trace for trajectory in trajectories for trace in trajectory.traces]
    return make_batch(traces, session.learner.pad_id, session.learner.device)
