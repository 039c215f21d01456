"""Pipelines: what runs again and what does not, what a stage starts from, and kill -9."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from gym_reason.cli import main
from gym_reason.envs.tables import read_rows
from gym_reason.errors import ConfigError, DataError, RunError, UnknownNameError, UsageError
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.pipeline.hashes import hash_inputs, hash_path
from gym_reason.trainers.pipeline.plan import make_plans
from gym_reason.trainers.pipeline.run import StageResult, describe_pipeline, run_pipeline
from gym_reason.trainers.pipeline.spec import Pipeline, is_pipeline, load_pipeline, pipelines
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.train import train
from gym_reason.types import Task
from gym_reason.verifiers.builtin import make_verifier
from tests.cli.commands import CommandServer

SMALL = """
[settings]
model = {size = "0.1m", threads = 1, matmul = "highest"}
env = {kwargs = {operation = "add", digits = 1}}
evaluation = {problems = 8}
sampling = {max_tokens = 12}
cold_start = {steps = 0, problems = 20, batch_rows = 8}
rl = {steps = 0, tasks_per_step = 4, samples_per_task = 4, minibatch_rows = 4, filter = "keep_all"}
"""
GRAPH = """
[[stage]]
name = "cold"
recipe = "demo"
overrides = {cold_start = {steps = 4}}

[[stage]]
name = "reason"
recipe = "dapo"
start = "cold"
overrides = {rl = {steps = 2, entropy = {bonus = 0.01}}}

[[stage]]
name = "samples"
needs = ["reason"]
output = "samples.jsonl"
command = [
    "data", "rejection", "FILE", "--verifier", "math:strict,plain=true", "--workers", "1",
    "--out", "{out}",
]

[[stage]]
name = "tune"
recipe = "demo"
overrides = {sft = {steps = 2, batch_rows = 4, sources = [{path = "{samples}"}]}}
"""
ANSWERS = [("1+1=", "2", "2"), ("1+2=", "4", "3"), ("2+2=", "4", "4"), ("3+3=", "5", "6")]


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """The file of a small pipeline that judges the responses of `answers.jsonl`."""
    answers = tmp_path / "answers.jsonl"
    rows = [{"prompt": q, "response": a, "reference": r} for q, a, r in ANSWERS]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    path = tmp_path / "graph.toml"
    path.write_text(SMALL + GRAPH.replace("FILE", str(answers)))
    return path


def run(path: Path, folder: Path, *overrides: str) -> dict[str, StageResult]:
    """Run a pipeline and return what became of each stage."""
    pipeline = load_pipeline(str(path), overrides)
    return {result.name: result for result in run_pipeline(pipeline, folder, SilentObserver())}


def statuses(results: dict[str, StageResult]) -> list[str]:
    return [result.status for result in results.values()]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a run."""
    return safetensors.torch.load_file(folder / "checkpoints/last/model/model.safetensors")


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


def test_a_finished_stage_is_not_run_again_and_a_changed_input_reruns_what_depends_on_it(
    graph: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    first = run(graph, folder)
    assert statuses(first) == ["new"] * 4
    stamp = (folder / "state.json").stat().st_mtime_ns
    again = run(graph, folder)
    assert statuses(again) == ["finished"] * 4
    assert (folder / "state.json").stat().st_mtime_ns == stamp
    # The set for the supervised stage holds what the verifier passed, and nothing else.
    rows = [row for _, row in read_rows(folder / "samples" / "samples.jsonl")]
    assert [row["prompt"] for row in rows] == ["1+1=", "2+2="]
    judge = make_verifier("math:strict,plain=true")
    assert all(judge.verify(Task("t", (), r["reference"]), r["response"]).correct for r in rows)
    # Stage 3 started from base weights: those that a new model of this recipe has.
    base = load_recipe(str(folder / "tune" / "recipe.toml"), ["sft.steps=0"])
    assert base.model.path == ""
    reason = load_recipe(str(folder / "reason" / "recipe.toml"))
    assert reason.model.path == str(folder / "cold")

    answers = tmp_path / "answers.jsonl"
    answers.write_text(answers.read_text().replace('"response": "5"', '"response": "6"'))
    changed = run(graph, folder)
    assert statuses(changed) == ["finished", "finished", "changed", "changed"]
    assert len(list(read_rows(folder / "samples" / "samples.jsonl"))) == 3
    assert statuses(run(graph, folder, "stage.reason.rl.steps=3")) == [
        *("finished", "changed", "changed", "finished")
    ]  # the samples came out the same, so what is trained on them stands
    damaged = folder / "samples" / "samples.jsonl"
    damaged.write_text(damaged.read_text().splitlines()[0] + "\n")
    repaired = run(graph, folder, "stage.reason.rl.steps=3")
    assert statuses(repaired) == ["finished", "finished", "changed", "finished"]


def test_without_the_cold_start_it_is_r1_zero(graph: Path, tmp_path: Path) -> None:
    off = [f"stage.{name}.enabled=false" for name in ("cold", "samples", "tune")]
    results = run(graph, tmp_path / "zero", *off)
    assert statuses(results) == ["off", "new", "off", "off"]
    recipe = load_recipe(str(tmp_path / "zero" / "reason" / "recipe.toml"))
    assert recipe.model.path == ""
    assert recipe.cold_start.steps == 0
    alone = tmp_path / "alone"
    train(recipe, alone, SilentObserver())
    assert same(weights(tmp_path / "zero" / "reason"), weights(alone))
    shutil.rmtree(tmp_path / "zero" / "reason" / "checkpoints")
    assert statuses(run(graph, tmp_path / "zero", *off))[1] == "changed"


def test_the_shipped_r1_without_its_first_stage_is_r1_zero_and_tunes_base_weights() -> None:
    whole = {p.spec.name: p for p in make_plans(load_pipeline("r1"), Path("run"))}
    assert whole["reason"].values["model"]["path"] == "{cold}"
    assert whole["align"].values["model"]["path"] == "{tune}"
    assert whole["samples"].inputs == ("reason",)
    assert whole["tune"].inputs == ("samples",)
    assert whole["tune"].values["model"]["path"] == ""
    zero = make_plans(load_pipeline("r1", ["stage.cold.enabled=false"]), Path("run"))
    recipe = zero[0].recipe({})
    assert (recipe.model.path, recipe.cold_start.steps, recipe.sft.steps) == ("", 0, 0)
    assert recipe.rl.steps > 0
    assert list(recipe.env.kwargs["verifier"]) == ["answer", "format", "language"]


@pytest.mark.parametrize("name", list(pipelines))
def test_every_shipped_pipeline_can_be_planned(name: str) -> None:
    assert is_pipeline(name)
    plans = make_plans(load_pipeline(name), Path("run"))
    paths = {plan.spec.name: str(plan.artefact) for plan in plans}
    for plan in plans:
        if plan.spec.recipe:
            assert plan.recipe(paths).name == f"{name}-{plan.spec.name}"
        else:
            assert plan.words(paths)[-1] == str(plan.artefact)


def test_a_stage_that_is_off_passes_on_what_it_would_have_started_from(tmp_path: Path) -> None:
    text = """
    model = "MODEL"
    [[stage]]
    name = "a"
    recipe = "demo"
    [[stage]]
    name = "b"
    recipe = "demo"
    start = "a"
    [[stage]]
    name = "c"
    recipe = "demo"
    start = "b"
    [[stage]]
    name = "d"
    command = ["eval", "--policy", "{b}", "{out}"]
    """
    path = tmp_path / "chain.toml"
    path.write_text(text)

    def starts(*off: str) -> list[Any]:
        pipeline = load_pipeline(str(path), [f"stage.{name}.enabled=false" for name in off])
        return [
            p.values["command"][2] if p.spec.command else p.values["model"]["path"]
            for p in make_plans(pipeline, tmp_path)
        ]

    assert starts() == ["MODEL", "{a}", "{b}", "{b}"]
    assert starts("b") == ["MODEL", "{a}", "{a}"]
    assert starts("a", "b") == ["MODEL", "MODEL"]
    path.write_text(text.replace('model = "MODEL"', ""))
    with pytest.raises(ConfigError, match=r"d reads what b trains.*stage\.d\.enabled=false"):
        starts("a", "b")


def test_overrides_go_to_one_stage_or_to_all(graph: Path) -> None:
    pipeline = load_pipeline(str(graph), ["seed=7", "stage.tune.sft.steps=9", "stage.cold.seed=8"])
    seeds = {p.spec.name: p.values.get("seed") for p in make_plans(pipeline, Path("run"))}
    assert seeds == {"cold": 8, "reason": 7, "samples": None, "tune": 7}
    tune = make_plans(pipeline, Path("run"))[3]
    assert tune.values["sft"]["steps"] == 9
    assert tune.values["sft"]["batch_rows"] == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stage"),
        ('[[stage]]\nname = "a b"\nrecipe = "demo"', "name = 'a b'"),
        ('[[stage]]\nname = "out"\nrecipe = "demo"', "not out"),
        ('[[stage]]\nname = "a"', "a has a recipe and a command, or neither"),
        ('[[stage]]\nname = "a"\ncommand = ["data"]', "no word {out}"),
        ('[[stage]]\nname = "a"\ncommand = ["{out}"]\nstart = "b"', "start or overrides"),
        ('[[stage]]\nname = "a"\nrecipe = "demo"\nstart = "b"', "no stage 'b' before a"),
        ('[[stage]]\nname = "a"\nrecipe = "demo"\nsteps = 3', "no key in"),
        ('[[stage]]\nname = "a"\ncommand = ["{out}", "{b}"]', "no stage 'b' before a"),
        ('[[stage]]\nname = "a"\nrecipe = "demo"\noutput = "../x"', "name of a file"),
        ('[[stage]]\nname = "a"\nrecipe = "demo"\n' * 2, "two stages"),
    ],
)
def test_a_file_that_is_no_pipeline_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message.replace("{", r"\{")):
        load_pipeline(str(path))


def test_unknown_names_are_refused(graph: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'r1'"):
        load_pipeline("r11")
    with pytest.raises(ConfigError, match="did you mean 'cold'"):
        load_pipeline(str(graph), ["stage.colt.enabled=false"])
    with pytest.raises(ConfigError, match="VALUE"):
        load_pipeline(str(graph), ["stage.cold"])
    with pytest.raises(ConfigError, match="did you mean 'steps'"):
        make_plans(load_pipeline(str(graph), ["stage.cold.rl.step=3"]), tmp_path)
    with pytest.raises(ConfigError, match="tune reads what samples writes"):
        make_plans(load_pipeline(str(graph), ["stage.samples.enabled=false"]), tmp_path)
    assert not is_pipeline("demo")
    assert not is_pipeline(str(tmp_path / "absent.toml"))


def only_command(tmp_path: Path, *words: str) -> Pipeline:
    text = f'[[stage]]\nname = "a"\ncommand = {json.dumps([*words, "{out}"])}\n'
    (tmp_path / "p.toml").write_text(text)
    return load_pipeline(str(tmp_path / "p.toml"))


def test_a_command_that_fails_says_why_and_is_tried_again(tmp_path: Path) -> None:
    pipeline = only_command(tmp_path, "data", "check", "absent.jsonl", "--out")
    for status in ("new", "unfinished"):
        assert [r.status for r in describe_pipeline(pipeline, tmp_path / "run")] == [status]
        with pytest.raises(RunError, match=r"stage a failed: gym-reason: no file absent\.jsonl"):
            run_pipeline(pipeline, tmp_path / "run", SilentObserver())
    assert "no file absent" in (tmp_path / "run/a/log.txt").read_text()
    with pytest.raises(RunError, match=r"wrote no .*rows\.jsonl"):
        run_pipeline(only_command(tmp_path, "pipeline", "--list"), tmp_path / "b", SilentObserver())


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    pipeline = only_command(tmp_path, "doctor")
    folder = tmp_path / "run"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="has not made"):
        run_pipeline(pipeline, folder, SilentObserver())
    (folder / "recipe.toml").write_text("")
    with pytest.raises(UsageError, match="holds a run"):
        run_pipeline(pipeline, folder, SilentObserver())
    (folder / "recipe.toml").unlink()
    (folder / "state.json").write_text("[]")
    with pytest.raises(DataError, match="no state of a pipeline"):
        run_pipeline(pipeline, folder, SilentObserver())
    assert (folder / "a" / "thesis.txt").read_text() == "mine"


def test_hashes_tell_contents_apart(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("a")
    two.write_text("a")
    assert hash_path(one) == hash_path(two) != ""
    two.write_text("b")
    assert hash_path(one) != hash_path(two)
    assert hash_path(tmp_path) == hash_path(tmp_path / "absent") == ""
    values = {"a": [{"path": str(one)}, "x" * 10_000, "a\0b", 3], "b": ""}
    assert hash_inputs(values) == {str(one): hash_path(one)}


def test_kill_9_in_the_middle_of_a_stage_costs_nothing_that_was_finished(
    graph: Path, tmp_path: Path, commands: CommandServer
) -> None:
    whole, part = tmp_path / "whole", tmp_path / "part"
    run(graph, whole, "stage.reason.rl.steps=6")
    words = ["train", str(graph), "stage.reason.rl.steps=6", "--out", str(part)]
    command = commands.start(*words, cwd=tmp_path)
    checkpoints = part / "reason" / "checkpoints"
    while not command.is_over() and not list(checkpoints.glob("step-*")):
        time.sleep(0.02)
    command.kill()
    assert list(json.loads((part / "state.json").read_text())["finished"]) == ["cold"]
    results = run(graph, part, "stage.reason.rl.steps=6")
    assert statuses(results) == ["finished", "unfinished", "new", "new"]
    for name in ("cold", "reason", "tune"):
        assert same(weights(whole / name), weights(part / name)), name


def test_the_command_runs_a_pipeline_and_says_how_it_stands(
    graph: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    off = ["stage.reason.enabled=false", "stage.tune.enabled=false"]
    words = [str(graph), *off, "--out", str(tmp_path / "run")]
    assert main(["pipeline", *words, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        *("cold: runs", "reason: is off", "samples: runs", "tune: is off")
    ]
    assert main(["pipeline", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [stage["status"] for stage in found["stages"]] == ["new", "off", "new", "off"]
    assert found["stages"][0]["artefact"] == hash_path(tmp_path / "run" / "cold")
    assert main(["train", *words]) == 0
    assert "cold: " in capsys.readouterr().out
    assert main(["pipeline", *words, "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [stage["status"] for stage in found["stages"]] == ["finished", "off", "finished", "off"]
    assert main(["pipeline", "--list", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) >= {"r1", "r1-distill"}
    assert main(["pipeline"]) == 2
    assert "no pipeline" in capsys.readouterr().err
