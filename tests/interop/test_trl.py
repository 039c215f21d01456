"""Against the real package; skipped where it is not installed."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from gym_reason.agents.models import build_preset, save_model
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.interop.trl import make_environment_factory, make_seed_rows, make_trl_tasks

trl: Any = pytest.importorskip("trl", reason="pip install trl datasets")
datasets: Any = pytest.importorskip("datasets", reason="pip install trl datasets")
pytestmark = pytest.mark.filterwarnings("ignore")


def make_model(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    tokenizer = build_character_tokenizer("\n" + "".join(map(chr, range(32, 127))))
    save_model(build_preset("0.1m", len(tokenizer), max_positions=4096), tokenizer, folder)
    loaded = PreTrainedTokenizerFast.from_pretrained(folder)
    loaded.chat_template = importlib.import_module("trl.chat_template_utils").qwen3_chat_template
    return AutoModelForCausalLM.from_pretrained(folder), loaded


def settings_of(folder: Path) -> Any:
    return trl.GRPOConfig(
        output_dir=str(folder / "out"),
        per_device_train_batch_size=4,
        num_generations=4,
        max_completion_length=4,
        max_steps=1,
        report_to=[],
        use_cpu=True,
        save_strategy="no",
        logging_steps=1,
        gradient_checkpointing=False,
        bf16=False,
        disable_tqdm=True,
    )


def test_the_trainer_learns_from_our_rewards(tmp_path: Path) -> None:
    tasks = make_trl_tasks("gym_reason/Arithmetic-v0", 8, digits=1)
    seen: list[Any] = []

    def reward(**columns: Any) -> Any:
        seen.extend(tasks.reward(**columns))
        return seen[-len(columns["completions"]) :]

    model, tokenizer = make_model(tmp_path)
    trainer = trl.GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=reward,
        args=settings_of(tmp_path),
        train_dataset=datasets.Dataset.from_list(tasks.rows),
    )
    trainer.train()
    assert len(seen) == 4
    assert set(seen) <= {0.0, 1.0}


def test_the_trainer_finds_the_tool_and_the_reward_of_an_environment(tmp_path: Path) -> None:
    model, tokenizer = make_model(tmp_path)
    try:
        trainer = trl.GRPOTrainer(
            model=model,
            processing_class=tokenizer,
            environment_factory=make_environment_factory("gym_reason/Steps-v0", digits=2),
            args=settings_of(tmp_path),
            train_dataset=datasets.Dataset.from_list(make_seed_rows(8)),
        )
    except ImportError as error:
        pytest.skip(f"TRL asks for more: {error}")
    trainer.train()
    assert [tool.__name__ for tool in trainer.tools] == ["act"]
    assert trainer.reward_func_names == ["TrlEnvironment"]
