"""Running a pipeline: stages that are finished are left alone, one that was cut short goes on."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gym_reason.errors import RunError, UsageError
from gym_reason.records import explain_os_errors
from gym_reason.text import shorten
from gym_reason.trainers.observer import Observer
from gym_reason.trainers.pipeline.hashes import hash_path
from gym_reason.trainers.pipeline.plan import StagePlan, make_plans
from gym_reason.trainers.pipeline.spec import Pipeline
from gym_reason.trainers.pipeline.state import Finished, PipelineState, read_state
from gym_reason.trainers.run.folder import read_recipe
from gym_reason.trainers.train import train

Status = Literal["finished", "unfinished", "changed", "new", "off"]
"""How a stage stands: `changed` where something that it depends on, or its artefact, did."""

STATE = "state.json"


@dataclass(frozen=True, slots=True)
class StageResult:
    """How a stage stands, or what became of it."""

    name: str
    """The stage."""
    status: Status
    """How it stood before."""
    path: str
    """Its artefact; empty where it is off."""
    artefact: str = ""
    """Hash of the artefact; empty where there is none yet."""
    seconds: float = 0.0
    """Time that it took, when it ran."""


def run_pipeline(
    pipeline: Pipeline,
    folder: Path,
    observer: Observer,
    on_stage: Callable[[StageResult], None] = lambda result: None,
) -> list[StageResult]:
    """Run what is not finished, in order, and return what became of each stage.

    Args:
        pipeline: The stages.
        folder: Holds a folder for each stage, and `state.json`.
        observer: Is told what happens in the runs.
        on_stage: Is told of each stage before it runs, or that it is left alone.

    Raises:
        RunError: The folder is in use, a run or a command failed; finished stages stay so.
        Stopped: Ctrl-C or SIGTERM in a run; the same call goes on from there.
    """
    plans = {plan.spec.name: plan for plan in make_plans(pipeline, folder)}
    with _locked(folder):
        state = read_state(folder / STATE)
        artefacts: dict[str, str] = {}
        results = []
        for spec in pipeline.stage:
            plan = plans.get(spec.name)
            if plan is None:
                results.append(StageResult(spec.name, "off", ""))
                on_stage(results[-1])
                continue
            fingerprint = plan.fingerprint(artefacts)
            status = _status(plan, fingerprint, state)
            on_stage(StageResult(spec.name, status, str(plan.artefact)))
            if status != "finished":
                _run_stage(plan, fingerprint, status, state, plans, observer)
            done = state.finished[spec.name]
            artefacts[spec.name] = done.artefact
            path = str(plan.artefact)
            results.append(StageResult(spec.name, status, path, done.artefact, done.seconds))
        return results


def describe_pipeline(pipeline: Pipeline, folder: Path) -> list[StageResult]:
    """Return how each stage stands, without running any.

    What depends on a stage that would run again counts as `changed` or `new`.
    """
    plans = {plan.spec.name: plan for plan in make_plans(pipeline, folder)}
    state = read_state(folder / STATE)
    artefacts: dict[str, str] = {}
    results = []
    for spec in pipeline.stage:
        plan = plans.get(spec.name)
        if plan is None:
            results.append(StageResult(spec.name, "off", ""))
            continue
        status = _status(plan, plan.fingerprint(artefacts), state)
        known = state.finished.get(spec.name)
        artefacts[spec.name] = known.artefact if known and status == "finished" else ""
        results.append(StageResult(spec.name, status, str(plan.artefact), artefacts[spec.name]))
    return results


def _status(plan: StagePlan, fingerprint: str, state: PipelineState) -> Status:
    name = plan.spec.name
    done = state.finished.get(name)
    if done is not None and done.fingerprint == fingerprint:
        return "finished" if hash_path(plan.artefact) == done.artefact else "changed"
    if state.begun.get(name) == fingerprint and plan.folder.exists():
        return "unfinished"
    return "changed" if name in state.begun else "new"


def _run_stage(
    plan: StagePlan,
    fingerprint: str,
    status: Status,
    state: PipelineState,
    plans: Mapping[str, StagePlan],
    observer: Observer,
) -> None:
    name = plan.spec.name
    if status == "new" and plan.folder.exists() and any(plan.folder.iterdir()):
        raise UsageError(
            f"{plan.folder} holds what this pipeline has not made",
            "an empty folder or none",
            "choose another folder with --out DIR",
        )
    if status == "changed":
        # What is there was made by this pipeline, of something else.
        state.finished.pop(name, None)
        state.begun[name] = ""
        state.save()
        with explain_os_errors(plan.folder):
            shutil.rmtree(plan.folder, ignore_errors=True)
    with explain_os_errors(plan.folder):
        plan.folder.mkdir(exist_ok=True)
    state.begun[name] = fingerprint
    state.save()
    paths = {name: str(plans[name].artefact) for name in plan.inputs}
    started = time.monotonic()
    if plan.spec.command:
        _run_command(plan, plan.words(paths))
        seconds = time.monotonic() - started
    else:
        seconds = _run_recipe(plan, paths, observer)
    state.finished[name] = Finished(fingerprint, hash_path(plan.artefact), round(seconds, 2))
    state.save()


def _run_recipe(plan: StagePlan, paths: Mapping[str, str], observer: Observer) -> float:
    """Train, or go on with the run in the folder, and return the seconds of all its processes."""
    resume = (plan.folder / "recipe.toml").exists()
    # A run keeps what it chose for its machine when it began.
    recipe = read_recipe(plan.folder) if resume else plan.recipe(paths)
    return train(recipe, plan.folder, observer, resume=resume).seconds


def _run_command(plan: StagePlan, words: list[str]) -> None:
    """Run `gym-reason` with some words in a process of its own. Raises RunError where it fails."""
    command = [sys.executable, "-m", "gym_reason", *words]
    log = plan.folder / "log.txt"
    with explain_os_errors(log), log.open("ab") as out:
        process = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, check=False)
        out.write(process.stderr)
    if process.returncode != 0:
        lines = process.stderr.decode("utf-8", "replace").strip().splitlines()
        said = shorten(lines[-1] if lines else f"exit code {process.returncode}", 300)
        raise RunError(
            f"the command of the stage {plan.spec.name} failed: {said}", "", f"see {log}"
        )
    if not plan.artefact.is_file():
        raise RunError(f"the command of the stage {plan.spec.name} wrote no {plan.artefact}")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder of a pipeline. Raises RunError where another process does."""
    if (folder / "recipe.toml").exists():
        raise UsageError(f"{folder} holds a run", "the folder of a pipeline", "name another --out")
    with explain_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise RunError(
            f"the pipeline in {folder} is being run by another process",
            "one process for one folder",
            "wait for it, or choose another with --out DIR",
        ) from None
    else:
        yield
    finally:
        os.close(lock)
