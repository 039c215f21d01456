"""The choice of an engine in a recipe: what is refused, and how early."""

import importlib.util
from pathlib import Path

import pytest

from gym_reason.agents.engines.vllm.settings import VllmSettings
from gym_reason.cli import main
from gym_reason.errors import ConfigError, UsageError
from gym_reason.trainers.recipe import dump_recipe, load_recipe
from gym_reason.trainers.rollouts.engines import check_engine

WITHOUT_VLLM = pytest.mark.skipif(
    importlib.util.find_spec("vllm") is not None, reason="vLLM is installed here"
)


@WITHOUT_VLLM
@pytest.mark.parametrize("kind", ["vllm", "server"])
def test_without_vllm_a_run_is_refused_in_one_line_and_leaves_nothing(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    assert main(["train", "demo", f"engine={kind}", "--out", str(folder)]) == 2
    said = capsys.readouterr().err
    assert "no package vllm" in said
    assert "pip install 'gym-reason[vllm]'" in said
    assert len(said.strip().splitlines()) == 1
    assert not folder.exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("engine=vlm", "vllm"),
        ("vllm.max_rows=0", "max_rows = 0"),
        ("vllm.max_rows='many'", "max_rows"),
        ("vllm.timeout_s=0", "timeout_s"),
        ("vllm.timeout_s=nan", "timeout_s"),
        ("vllm.start_timeout_s=inf", "start_timeout_s"),
        ("vllm.canary_limit=-1", "canary_limit"),
        ("vllm.canary_limit=nan", "canary_limit"),
        ("vllm.memory_share=1.5", "memory_share"),
        ("vllm.max_positions=-1", "max_positions"),
        ("vllm.base_url='example.org'", "base_url"),
        ("vllm.base_url='ftp://example.org'", "base_url"),
        ("vllm.base_url='http://'", "base_url"),
        ("vllm.base_url='http://[::1'", "base_url"),
        ("vllm.base_url='http://a:99999'", "base_url"),
        ("vllm.base_url='http://a/?key=1'", "base_url"),
        ("vllm.sync='carrier pigeon'", "vllm.sync"),
        ("vllm.speed=9", "speed"),
        ("vllm.arguments='x'", "arguments"),
    ],
)
def test_a_setting_that_no_engine_can_have_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe("demo", [override])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["engine=vllm", "vllm.sync=nccl"], "memory or folder"),
        (["engine=server", "vllm.sync=memory"], "shared"),
        (["engine=vllm", "vllm.base_url='http://a:1'"], "engine = 'server'"),
        (["engine=vllm", "vllm.arguments={tensor_parallel_size=2}"], "engine = 'server'"),
        (["engine=vllm", "adapter.kind=prefix"], "virtual"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_engine(load_recipe("demo", overrides))


def test_the_local_engine_is_the_default_and_asks_for_nothing() -> None:
    recipe = load_recipe("demo")
    assert (recipe.engine, recipe.vllm) == ("local", VllmSettings())
    check_engine(recipe)


def test_a_server_that_runs_already_needs_no_vllm_here() -> None:
    check_engine(load_recipe("demo", ["engine=server", "vllm.base_url='http://127.0.0.1:8000'"]))


@WITHOUT_VLLM
@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("vllm", "no package vllm"),
        ("server:max_rows=9", "no package vllm"),
        ("vlm", "did you mean 'vllm'"),
        ("local:max_rows=9", "settings of the local engine"),
        ("vllm:max_rows=0", "max_rows = 0"),
        ("vllm:timeout_s=nan", "a number"),
        ("server:base_url=nowhere", "base_url"),
        ("vllm:speed=9", "speed"),
    ],
)
def test_an_evaluation_refuses_an_engine_before_it_draws_a_problem(
    engine: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["gym_reason/Arithmetic-v0", "--policy", str(tmp_path / "none"), "--engine", engine]
    assert main(["eval", *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert len(said.strip().splitlines()) == 1


@WITHOUT_VLLM
def test_an_engine_that_is_missing_is_no_configuration_error() -> None:
    with pytest.raises(UsageError, match="no package vllm"):
        check_engine(load_recipe("demo", ["engine=vllm"]))


def test_the_settings_survive_the_recipe_of_a_run(tmp_path: Path) -> None:
    words = ["engine=server", "vllm.base_url='http://a:1'", "vllm.arguments={max_logprobs=3}"]
    recipe = load_recipe("demo", words)
    (tmp_path / "recipe.toml").write_text(dump_recipe(recipe), "utf-8")
    assert load_recipe(str(tmp_path / "recipe.toml")) == recipe
