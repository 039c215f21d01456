"""TRL's side of the comparison, one process of an environment of its own."""

import itertools
import tempfile
import time
from typing import Any

import torch
from datasets import Dataset
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
    read_job,
    report,
    reward_of,
    sums,
)


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
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        make_trainer(job, folder, clock).train()
    seconds = [after - before for before, after in itertools.pairwise(clock.stamps)]
    report(seconds=seconds, samples=(PROMPTS if job["part"] == "step" else RUN_PROMPTS) * 8)


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
