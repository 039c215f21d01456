"""Adapters: what is sampled is what is trained, and runs with them go on bit for bit."""

import ast
import importlib.util
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.models import load_model
from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import ConfigError, ModelError, UsageError
from gym_reason.records import read_jsonl
from gym_reason.trainers.model.adapter_settings import AdapterSettings
from gym_reason.trainers.model.adapters import Adapter, make_adapter
from gym_reason.trainers.model.learner import Learner, build_learner
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe, load_recipe
from gym_reason.trainers.rollouts.snapshot import Snapshot, capture
from gym_reason.trainers.train import train

pytest.importorskip("peft")

SMALL = [
    *(
        "model.threads=1",
        "model.matmul=highest",
        "model.size=0.1m",
        "model.alphabet='0123456789+=,'",
    ),
    *("evaluation.problems=4", "checkpoint.keep=100", "sampling.max_tokens=12"),
    *("cold_start.steps=2", "cold_start.problems=8", "cold_start.batch_rows=4"),
    *("rl.steps=3", "rl.tasks_per_step=4", "rl.samples_per_task=4", "rl.minibatch_rows=4"),
    *("rl.filter=keep_all", "rl.entropy={bonus=0.01}"),
]
LAYER_KINDS = ("lora", "dora", "ia3")
KINDS = (*LAYER_KINDS, "prefix", "prompt")
PROMPTS = [[1, 5, 6, 7], [1, 4]]


def small(*overrides: str) -> Recipe:
    """Return a recipe that runs in a second or two."""
    return load_recipe("demo", [*SMALL, *overrides])


def learner_with(kind: str) -> tuple[Learner, Adapter]:
    """Return a learner of random weights, and the adapter that it has."""
    recipe = small(f"adapter.kind={kind}")
    learner = build_learner(recipe.model, 0, None)
    adapter = make_adapter(learner.model, recipe.adapter, 1, Path("base"))
    learner.adapt(adapter)
    return learner, adapter


def disturb(model: torch.nn.Module) -> None:
    """Move every weight that learns, as training would."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(0.1 * torch.randn(weight.shape, generator=generator))


def largest_gap(learner: Learner) -> float:
    """Return how far the sampler's log-probabilities are from the trainer's, at most."""
    params = SamplingParams(max_tokens=30, temperature=1.0, seed=3)
    gaps = []
    for prompt, found in zip(PROMPTS, learner.engine.generate(PROMPTS, params), strict=True):
        ids_NL = torch.tensor([[*prompt, *found.token_ids]])
        with torch.no_grad():
            scores = score_tokens(learner.model, ids_NL, start=len(prompt) - 1)
        logps_T = scores.logps_NT[0, len(prompt) - 1 :]
        gaps.append((logps_T - torch.tensor(found.logprobs)).abs().max().item())
    return max(gaps)


def metrics(folder: Path) -> list[dict[str, object]]:
    """Return the metrics of a run without what a clock decides."""
    clock = {"seconds", "rollout_seconds", "tokens_per_s"}
    rows = [row for _, row in read_jsonl(folder / "metrics.jsonl")]
    return [{key: row[key] for key in row if key not in clock} for row in rows]


def files_of(folder: Path) -> dict[str, torch.Tensor]:
    """Return all tensors of a run's last checkpoint."""
    last = folder / "checkpoints/last"
    return {
        f"{path.name} {name}": tensor
        for path in sorted(last.glob("*/*.safetensors"))
        for name, tensor in safetensors.torch.load_file(path).items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_sampler_has_the_weights_of_the_trainer(kind: str) -> None:
    learner, _ = learner_with(kind)
    assert largest_gap(learner) < 1e-5
    disturb(learner.model)
    if kind in LAYER_KINDS:
        assert largest_gap(learner) > 1e-2  # nobody has merged yet
    learner.engine.refresh()
    assert largest_gap(learner) < 1e-4


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_an_adapter_of_layers_changes_nothing_at_its_start(kind: str) -> None:
    learner, adapter = learner_with(kind)
    ids_NT = torch.randint(0, 15, (2, 9))
    with torch.no_grad():
        before, after = (m(input_ids=ids_NT).logits for m in (adapter.plain, learner.model))
    assert torch.allclose(before, after, atol=1e-6)


def test_a_merge_leaves_the_base_as_it_was() -> None:
    learner, adapter = learner_with("lora")
    disturb(learner.model)
    before = {name: weight.clone() for name, weight in learner.model.state_dict().items()}
    adapter.merge()
    adapter.merge()
    for name, weight in learner.model.state_dict().items():
        assert torch.equal(weight, before[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_peft_reads_what_is_written(kind: str, tmp_path: Path) -> None:
    from peft import PeftModel

    learner, adapter = learner_with(kind)
    disturb(learner.model)
    adapter.write(tmp_path / "adapter")
    ids_NT = torch.randint(0, 15, (2, 9))
    fresh = build_learner(small().model, 0, None).model
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peft and Transformers on each other
        theirs = PeftModel.from_pretrained(fresh, str(tmp_path / "adapter"))(input_ids=ids_NT)
        ours = learner.model(input_ids=ids_NT, use_cache=False)
    assert torch.allclose(theirs.logits[:, -9:], ours.logits, atol=1e-5)


@pytest.mark.parametrize("kind", ["lora", "prefix"])
def test_gpt2_can_be_adapted_too(kind: str) -> None:
    make_config: Any = GPT2Config
    config = make_config(
        vocab_size=15, n_positions=64, n_embd=32, n_layer=2, n_head=4, attn_implementation="eager"
    )
    torch.manual_seed(0)
    learner = build_learner(small().model, 0, None)
    learner.model = GPT2LMHeadModel(config)
    learner.model.train(False)
    learner.engine = LocalEngine(learner.model, learner.tokenizer)
    settings = AdapterSettings(kind=kind, target_modules=("c_attn",) * (kind == "lora"))  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft says that the layer is transposed, and sees to it
        learner.adapt(make_adapter(learner.model, settings, 0, None))
    disturb(learner.model)
    learner.engine.refresh()
    assert largest_gap(learner) < 1e-4


def test_what_an_engine_can_apply_itself_is_what_a_merge_writes() -> None:
    learner, adapter = learner_with("lora")
    disturb(learner.model)
    learner.engine.refresh()
    found = adapter.low_rank
    assert found is not None
    base, state = found.base_weights(), found.state()
    merged = adapter.plain.state_dict()
    assert base.keys() == merged.keys()
    changed = 0
    for name, weight in base.items():
        part = f"base_model.model.{name.removesuffix('.weight')}.lora_"
        if f"{part}A.weight" in state:
            added = state[f"{part}B.weight"] @ state[f"{part}A.weight"]
            weight = weight + found.alpha / found.rank * added
            changed += 1
        assert torch.allclose(weight, merged[name], atol=1e-6), name
    assert 2 * changed == len(state) > 0


def test_a_snapshot_holds_an_adapter_of_its_own_version() -> None:
    learner, adapter = learner_with("lora")
    snapshot = Snapshot(learner.sampled, learner.low_rank)
    assert snapshot.adapter is not None
    began = dict(snapshot.adapter.state())
    disturb(learner.model)
    adapter.merge()
    weights = capture(learner.sampled, learner.low_rank)
    expected = {name: matrix.detach().clone() for name, matrix in adapter.state().items()}
    disturb(learner.model)
    assert all(torch.equal(began[name], w) for name, w in snapshot.adapter.state().items())
    snapshot.load(weights)
    found = snapshot.adapter.state()
    assert found.keys() == expected.keys()
    assert all(torch.equal(expected[name], matrix) for name, matrix in found.items())
    merged = adapter.plain.state_dict()
    assert all(torch.equal(merged[n], w) for n, w in snapshot.model.state_dict().items())


def test_a_snapshot_keeps_the_base_while_the_adapter_merges() -> None:
    learner, adapter = learner_with("lora")
    disturb(learner.model)
    held = Snapshot(learner.sampled, learner.low_rank).adapter
    assert held is not None
    before = {name: weight.clone() for name, weight in held.base_weights().items()}
    layers = [m for m in adapter.model.modules() if hasattr(m, "get_base_layer")]
    for layer in layers:
        layer.merge(safe_merge=True)  # type: ignore[operator]
    between = held.base_weights()  # as another thread may ask for them in the middle of a merge
    assert layers
    assert before.keys() == between.keys()
    assert all(torch.equal(before[name], between[name]) for name in before)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "lora"])
def test_no_engine_applies_any_other_kind_itself(kind: str) -> None:
    assert learner_with(kind)[1].low_rank is None


def test_only_the_adapter_learns_from_its_stage_on(tmp_path: Path) -> None:
    recipe = small(
        "adapter.kind=lora", "adapter.target_modules=['q_proj']", "adapter.from_stage=rl"
    )
    train(recipe, tmp_path / "run", SilentObserver())
    folder = tmp_path / "run"
    assert not (folder / "checkpoints/step-000002/adapter").exists()
    cold, base, last = (
        load_model(path, device="cpu", dtype="fp32")[0].state_dict()
        for path in (folder / "checkpoints/step-000002", folder / "base", folder)
    )
    for name, weight in cold.items():
        assert torch.equal(base[name], weight)
        assert torch.equal(last[name], weight) == ("q_proj" not in name), name
    gaps = [row["gap"] for row in metrics(folder) if row["stage"] == "rl"]
    assert len(gaps) == 3
    assert all(0.0 <= gap < 1e-5 for gap in gaps)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("overrides", "steps"),
    [
        (("adapter.kind=lora", "adapter.dropout=0.1"), (1, 2)),
        (("adapter.kind=lora", "adapter.from_stage=rl", "rl.kl={weight=0.1}"), (2, 4)),
        (("adapter.kind=prompt",), (4,)),
    ],
    ids=["from the start", "from RL on, with a reference", "virtual tokens"],
)
def test_a_run_resumes_bit_for_bit(
    overrides: tuple[str, ...], steps: tuple[int, ...], tmp_path: Path
) -> None:
    recipe, whole = small(*overrides), tmp_path / "whole"
    train(recipe, whole, SilentObserver())
    for step in steps:
        part = tmp_path / f"from-{step}"
        shutil.copytree(whole, part, symlinks=True)
        for later in range(step + 1, 6):
            shutil.rmtree(part / f"checkpoints/step-{later:06d}")
        train(recipe, part, SilentObserver(), resume=True)
        expected, found = files_of(whole), files_of(part)
        assert expected.keys() == found.keys()
        assert all(torch.equal(expected[name], found[name]) for name in expected)
        assert metrics(whole) == metrics(part)


def test_a_run_with_virtual_tokens_is_read_with_them_and_not_trained_further(
    tmp_path: Path,
) -> None:
    learner, adapter = learner_with("prompt")
    disturb(learner.model)
    folder = tmp_path / "step"
    folder.mkdir()
    adapter.write(folder / "adapter")
    adapter.plain.save_pretrained(str(folder / "model"))
    learner.tokenizer.save_pretrained(str(folder / "model"))
    model, _ = load_model(folder, device="cpu", dtype="fp32")
    ids_NT = torch.randint(0, 15, (2, 9))
    with torch.no_grad():
        expected, found = (m(input_ids=ids_NT).logits for m in (learner.model, model))
    assert torch.equal(expected, found)
    with pytest.raises(ModelError, match="virtual tokens"):
        build_learner(small(f"model.path='{folder}'").model, 0, None)


def test_a_reward_model_learns_through_an_adapter(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    rows = [{"prompt": f"{n}+1=", "chosen": f"{n + 1}", "rejected": "0"} for n in range(8)]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    recipe = small(
        *("cold_start.steps=0", "rl.steps=0", "adapter.kind=lora", "reward_model.steps=2"),
        *(f"reward_model.path='{pairs}'", "reward_model.batch_rows=4"),
    )
    train(recipe, tmp_path / "run", SilentObserver())
    found = safetensors.torch.load_file(tmp_path / "run/reward_model/model.safetensors")
    base = safetensors.torch.load_file(tmp_path / "run/base/model.safetensors")
    assert not any("lora" in name for name in found)
    name = "model.layers.0.self_attn.q_proj.weight"
    assert not torch.equal(found[name], base[name])
    assert torch.equal(found["model.norm.weight"], base["model.norm.weight"])
    assert found["score.weight"].abs().max() > 0


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("adapter.kind=lora", "adapter.from_stage=sft"), "a stage of the recipe: cold_start, rl"),
        (("adapter.kind=prefix", "model.gradient_checkpointing=true"), "one of the two"),
        (("adapter.kind=prompt", "reward_model.steps=1"), "lora, dora or ia3"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    overrides: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=words) as error:
        train(small(*overrides), tmp_path / "run", SilentObserver())
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_layers_that_are_not_there_are_said_in_one_line() -> None:
    model = build_learner(small().model, 0, None).model
    settings = AdapterSettings(kind="lora", target_modules=("nowhere",))
    with pytest.raises(ConfigError, match=r"set adapter\.target_modules") as error:
        make_adapter(model, settings, 0, None)
    assert "\n" not in str(error.value)


def test_packing_and_virtual_tokens_exclude_each_other() -> None:
    learner, _ = learner_with("prefix")
    ids_NT = torch.randint(0, 15, (1, 5))
    with pytest.raises(ModelError, match="called with position_ids"):
        learner.model(input_ids=ids_NT, position_ids=torch.arange(5)[None])


def test_without_peft_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "peft" else find(name)
    )
    with pytest.raises(UsageError, match=r"pip install 'gym-reason\[peft\]'"):
        train(small("adapter.kind=lora"), tmp_path / "run", SilentObserver())


def test_trainers_import_peft_only_where_an_adapter_is_made(root: Path) -> None:
    for path in [*root.glob("trainers/**/*.py"), *root.glob("agents/**/*.py")]:
        for node in ast.parse(path.read_text("utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "peft" for name in names), path
