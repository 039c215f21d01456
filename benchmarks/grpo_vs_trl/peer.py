"""TRL's side of the comparison, one process of an environment of its own."""

import itertools
import statistics
import tempfile
import time
from importlib.util import find_spec
from typing import Any

import torch
from datasets import Dataset
from jobs import read_job, report, tell
from memory import MemoryWatch
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer
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

STARTED = time.monotonic()
UPDATES = 4
"""Optimiser steps of a run until its task is solved, for each step of generation, as in ours."""
SOLVED, SOLVED_STEPS = 0.95, 10
"""Where such a run ends: the mean share of right samples over so many steps."""


class Clock(TrainerCallback):  # type: ignore[misc]
    """Notes when each step ends."""

    def __init__(self) -> None:
        """Begin with none."""
        self.stamps: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.stamps.append(time.perf_counter())


def main() -> None:
    """Do the job that the command line names."""
    job = read_job()
    torch.set_num_threads(job["threads"])
    if job["part"] == "loss":
        report(losses={name: loss(job, name) for name in ("grpo", "bnpo", "dr_grpo")})
        return
    if job["part"] == "until":
        with MemoryWatch(job["device"]) as memory:
            report(**run_until_solved(job), **memory.figures())
        return
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        make_trainer(job, folder, clock).train()
    seconds = [after - before for before, after in itertools.pairwise(clock.stamps)]
    report(seconds=seconds, samples=(PROMPTS if job["part"] == "step" else RUN_PROMPTS) * 8)


class Finish(TrainerCallback):  # type: ignore[misc]
    """Notes when each step of generation and its updates end, and ends a run that is solved."""

    def __init__(self, stop_at_s: float, generation: str) -> None:
        """Keep when to end, in seconds after the process began, and what generates."""
        self.right: list[float] = []
        """The share of right samples of each step."""
        self.stamps: list[float] = []
        self._stop_at_s = stop_at_s
        self._generation = generation

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.stamps.append(time.perf_counter())

    def on_step_end(self, _: Any, state: Any, control: Any, **__: Any) -> None:
        """Note the time after the last update of a step, and end where it is time."""
        if state.global_step % UPDATES:
            return
        self.stamps.append(time.perf_counter())
        tell(f"step {len(self.stamps) - 1} of TRL, {self.right[-1]:.0%} right", self.figures())
        late = time.monotonic() - STARTED > self._stop_at_s
        control.should_training_stop = late or self.solved

    @property
    def solved(self) -> bool:
        """Whether the latest steps were right often enough."""
        recent = self.right[-SOLVED_STEPS:]
        return len(recent) == SOLVED_STEPS and statistics.fmean(recent) >= SOLVED

    def figures(self) -> dict[str, Any]:
        """Return what is known of the run; nothing before a step has ended."""
        seconds = [after - before for before, after in itertools.pairwise(self.stamps)]
        if not seconds:
            return {}
        return {
            "steps": len(seconds),
            "step_seconds": round(statistics.median(seconds[2:] or seconds), 4),
            "generation": self._generation,
            "accuracy_first": round(self.right[0], 4),
            "accuracy_last": round(self.right[-1], 4),
            "seconds_to_95_percent": round(sum(seconds), 2) if self.solved else None,
        }


def run_until_solved(job: dict[str, Any]) -> dict[str, Any]:
    """Train until 95% are right or the time is over; with vLLM where it is on a GPU."""
    on_gpu = job["device"] != "cpu"
    vllm = on_gpu and find_spec("vllm") is not None
    finish = Finish(job["stop_at_s"], "vllm" if vllm else "transformers")
    torch.set_num_threads(job["threads"])

    def score(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        rewards = [is_right(*pair) for pair in zip(prompts, completions, strict=True)]
        finish.right.append(statistics.fmean(rewards))
        return rewards

    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=RUN_PROMPTS * SAMPLES // UPDATES,
            steps_per_generation=UPDATES,
            num_generations=SAMPLES,
            max_completion_length=RUN_TOKENS,
            max_steps=1000 * UPDATES,
            learning_rate=job["lr"],
            lr_scheduler_type="constant_with_warmup",
            warmup_steps=5,
            adam_beta2=0.95,
            max_grad_norm=1.0,
            beta=0.0,
            epsilon=0.2,
            epsilon_high=0.28,
            loss_type="bnpo",
            use_cpu=not on_gpu,
            bf16=True,
            gradient_checkpointing=False,
            report_to=[],
            logging_steps=1000,
            save_strategy="no",
            disable_tqdm=True,
            shuffle_dataset=False,
            **({"use_vllm": True, "vllm_mode": "colocate", "vllm_gpu_memory_utilization": 0.3}
               if vllm else {}),
        )  # fmt: skip
        rows = [{"prompt": prompt} for step in range(1000) for prompt, _ in sums(step)]
        trainer = GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(
                job["model"], attn_implementation="sdpa" if on_gpu else "eager"
            ),
            reward_funcs=score,
            args=config,
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(job["model"]),
            callbacks=[finish],
        )
        trainer.train()
    return finish.figures()


def make_trainer(
    job: dict[str, Any], folder: str, clock: Clock, loss_type: str = "grpo"
) -> GRPOTrainer:
    """Return TRL's trainer on the work of both sides."""
    fixed = job["part"] != "run"
    count = PROMPTS if fixed else RUN_PROMPTS
    tokens = NEW_TOKENS if fixed else RUN_TOKENS
    rows = [
        {"prompt": text}
        for step in range(job["steps"] + 2)
        for text in (prompts() if fixed else [prompt for prompt, _ in sums(step)])
    ]

    def score(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        if fixed:
            return [reward_of(text) for text in completions]
        return [is_right(*pair) for pair in zip(prompts, completions, strict=True)]

    config = GRPOConfig(
        output_dir=folder,
        per_device_train_batch_size=count * SAMPLES,
        num_generations=SAMPLES,
        max_completion_length=tokens if job["part"] != "loss" else RUN_TOKENS,
        generation_kwargs={"min_new_tokens": NEW_TOKENS} if job["part"] == "step" else None,
        max_steps=job["steps"] + 1,
        learning_rate=3e-4,
        beta=0.0,
        epsilon=0.2,
        epsilon_high=0.28,
        loss_type=loss_type,
        use_cpu=True,
        bf16=job["precision"] == "bf16",
        gradient_checkpointing=False,
        report_to=[],
        logging_steps=1000,
        save_strategy="no",
        disable_tqdm=True,
        shuffle_dataset=False,
    )
    return GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(job["model"], attn_implementation="eager"),
        reward_funcs=score,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(job["model"]),
        callbacks=[clock],
    )


def loss(job: dict[str, Any], loss_type: str) -> float:
    """Return TRL's loss of the fixed batch."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(job, folder, Clock(), loss_type)
        trainer.current_gradient_accumulation_steps = 1
        model = trainer.model.eval()
        batch = fixed_batch(len(trainer.processing_class))
        width = max(map(len, batch["completions"]))
        prompt_ids = torch.tensor(batch["prompts"])
        completion_ids = torch.zeros(len(prompt_ids), width, dtype=torch.long)
        mask = torch.zeros_like(completion_ids)
        shift = torch.zeros(completion_ids.shape)
        for row, said in enumerate(batch["completions"]):
            completion_ids[row, : len(said)] = torch.tensor(said)
            mask[row, : len(said)] = 1
            shift[row, : len(said)] = torch.tensor(batch["old_shift"][row])
        ids = torch.cat([prompt_ids, completion_ids], 1)
        whole = torch.cat([torch.ones_like(prompt_ids), mask], 1)
        autocast = torch.autocast("cpu", torch.bfloat16, enabled=job["precision"] == "bf16")
        with torch.no_grad(), autocast:
            found = trainer._get_per_token_logps_and_entropies(model, ids, whole, width)
            inputs = {
                "prompt_ids": prompt_ids,
                "prompt_mask": torch.ones_like(prompt_ids),
                "completion_ids": completion_ids,
                "completion_mask": mask,
                "advantages": torch.tensor(batch["advantages"]),
                "old_per_token_logps": found[0] + shift,
                "num_items_in_batch": mask.sum(),
            }
            return float(trainer._compute_loss(model, inputs))


if __name__ == "__main__":
    main()
