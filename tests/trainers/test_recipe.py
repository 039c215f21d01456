"""Recipes: every shipped one loads, resolves and comes back the same; bad ones are refused."""

from pathlib import Path

import pytest

from gym_reason.errors import ConfigError, UnknownNameError, UsageError
from gym_reason.registry import recipes
from gym_reason.trainers.model.optimiser import learning_rate
from gym_reason.trainers.recipe import dump_recipe, load_recipe
from gym_reason.trainers.settings import OptimiserSettings


@pytest.mark.parametrize("name", list(recipes))
def test_a_resolved_recipe_is_the_same_recipe(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name, ["seed=7", "rl.steps=3"])
    assert (recipe.seed, recipe.rl.steps, recipe.name) == (7, 3, name)
    file = tmp_path / "recipe.toml"
    file.write_text(dump_recipe(recipe), "utf-8")
    assert load_recipe(str(file)) == recipe


def test_a_base_is_overlaid_table_by_table() -> None:
    demo, grpo = load_recipe("demo"), load_recipe("grpo")
    assert grpo.rl.kl.weight == 0.04
    assert grpo.rl.samples_per_task == demo.rl.samples_per_task
    assert grpo.cold_start == demo.cold_start


def test_an_environment_is_a_target() -> None:
    recipe = load_recipe("gym_reason/Countdown-v0", ["env.kwargs.count=3"])
    assert recipe.env.id == "gym_reason/Countdown-v0"
    assert recipe.env.kwargs == {"count": 3}
    assert recipe.model.alphabet == ""


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("rl.step=5", "did you mean 'steps'"),
        ("rl.optimiser.rl=5", "did you mean 'lr'"),
        ("rl.steps=many", "of type str; expected int"),
        ("rl.advantage=zscore", "there is no advantage 'zscore'"),
        ("rl.samples_per_task=0", "expected 1 or more"),
        ("model.device=gpu", "no value of model.device 'gpu'"),
        ("rl.minibatch_rows=0", "expected 1 or more"),
        ("cold_start.batch_rows=0", "expected 1 or more"),
        ("evaluation.problems=0", "expected 1 or more"),
        ("env.kwargs.split=all", "expected it in env.split"),
        ("env.split=test", "expected two splits that share none"),
        ("sampling.top_p=0.9", "expected the policy's own probabilities"),
        ("rl.steps", "expected key=value"),
        ("rl=3", "of type int; expected a table"),
        ("seed.x=3", "expected 'seed' to be a table"),
    ],
)
def test_bad_overrides_are_one_clear_line(override: str, message: str) -> None:
    overrides = ["seed=1", override]
    with pytest.raises(UsageError) as error:
        load_recipe("demo", overrides)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_recipe_is_met_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'demo'"):
        load_recipe("dmeo")


def test_a_chain_of_bases_that_never_ends_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "loop.toml"
    file.write_text('base = "loop-for-test"\n', "utf-8")
    recipes.add("loop-for-test", file)
    try:
        with pytest.raises(ConfigError, match="more than 8 bases"):
            load_recipe("loop-for-test")
    finally:
        del recipes._items["loop-for-test"]


def test_the_learning_rate_warms_up_and_decays() -> None:
    settings = OptimiserSettings(lr=1.0, warmup_steps=4, final_share=0.1)
    rates = [learning_rate(settings, step, 14) for step in range(14)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == 1.0
    assert rates[-1] == pytest.approx(0.1)
    assert rates[4:] == sorted(rates[4:], reverse=True)
