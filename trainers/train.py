"""A run from its recipe to its report: measure, then each stage and a measurement after it."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gym_reason.agents.models import resolve_model_folder
from gym_reason.agents.shapes import PRESETS
from gym_reason.agents.weights import count_positions
from gym_reason.errors import ConfigError, RunError
from gym_reason.records import to_json
from gym_reason.registry import explain_unknown, make
from gym_reason.seeding import derive_seed
from gym_reason.trainers.distributed.checks import check_world
from gym_reason.trainers.distributed.world import ALONE, World
from gym_reason.trainers.model.adapters import check_adapter, make_adapter
from gym_reason.trainers.model.learner import Learner, build_learner, prepare_machine
from gym_reason.trainers.observer import Observer, SilentObserver
from gym_reason.trainers.recipe import Recipe
from gym_reason.trainers.rl.collect import why_unscorable
from gym_reason.trainers.rollouts.engines import check_engine, choose_engine
from gym_reason.trainers.rollouts.remote import check_remote
from gym_reason.trainers.run.checkpoint import ADAPTER, CheckpointStore, Progress
from gym_reason.trainers.run.folder import open_folder
from gym_reason.trainers.run.garbage import leave_alone_what_exists
from gym_reason.trainers.run.stop import StopRequest
from gym_reason.trainers.run.trackers import check_trackers, track
from gym_reason.trainers.session import BASE, Session
from gym_reason.trainers.stages import stages_of
from gym_reason.trainers.teacher.checks import check_teacher
from gym_reason.trainers.texts import read_demonstrations
from gym_reason.types import Trajectory


@dataclass(frozen=True, slots=True)
class Summary:
    """What a finished run achieved."""

    recipe: str
    """Its recipe."""
    env: str
    """What it trained on."""
    seed: int
    """Its seed."""
    accuracy_before: float
    """Share of the held-out problems answered rightly, greedily, before any training."""
    accuracy_cold_start: float | None
    """The same after the cold start; None where nothing follows a cold start."""
    accuracy_after: float
    """The same at the end."""
    length_before: float
    """Mean tokens of those answers before the last stage."""
    length_after: float
    """The same at the end."""
    problems: int
    """How many held-out problems the accuracies are of."""
    steps: Mapping[str, int]
    """Steps that were taken of each stage, by its name."""
    seconds: float
    """Time spent, in every process that worked on the run."""
    tokens: int
    """Tokens that were sampled for training or trained on in the cold start."""
    run: str
    """The run's folder."""


def train(
    recipe: Recipe, path: Path, observer: Observer, *, resume: bool = False, world: World = ALONE
) -> Summary:
    """Run a recipe in a folder, or go on with the run in it.

    Where several processes train, each calls this with one recipe and one folder, which all of them
    see; the main one alone writes there, and tells its observer.

    Raises:
        RunError: The folder is in use, the disk is full, the loss is not finite.
        Stopped: Ctrl-C or SIGTERM; a checkpoint of the last whole step is there.
    """
    world.limit_waits(recipe.model.peer_wait_s)
    check_parts(recipe, world)
    with open_folder(path, world) as folder, StopRequest(world.echo_s) as stop:
        if not resume:
            folder.refuse_run()
        store = CheckpointStore(folder.checkpoints, recipe.checkpoint.keep)
        checkpoint = world.decide(store.recover, "where to go on") if resume else None
        progress = store.load_progress(checkpoint) if checkpoint is not None else Progress()
        folder.cut_metrics(progress.metrics_bytes)
        model, sentence = world.decide(
            lambda: prepare_machine(recipe.model, world.local_size), "what the machine has"
        )
        prepare_machine(model)
        recipe = dataclasses.replace(recipe, model=model)
        folder.write_recipe(recipe)
        learner = restore_learner(recipe, path, checkpoint, world)
        learner.join(world)
        with open_observer(recipe, path, observer, progress.step, world) as told:
            session = Session(recipe, folder, learner, progress, told, stop)
            learner.engine.version = progress.version
            check_context(session)
            parts = (f"{path}: {describe_learner(learner)}", sentence, world.describe())
            session.say("; ".join(filter(None, parts)))
            try:
                with leave_alone_what_exists():
                    run_stages(session)
                    return finish(session)
            finally:
                session.close()


def open_observer(
    recipe: Recipe, path: Path, observer: Observer, steps: int, world: World
) -> AbstractContextManager[Observer]:
    """Lend what is told of the run in this process: trackers too in the main one."""
    if world.is_main:
        return track(recipe, path, observer, steps)
    return nullcontext(SilentObserver())


def restore_learner(
    recipe: Recipe, path: Path, checkpoint: Path | None, world: World = ALONE
) -> Learner:
    """Return the learner of a run, with its adapter where the checkpoint has one."""
    make_engine = choose_engine(recipe, path, world=world)
    if checkpoint is None or not (checkpoint / ADAPTER).is_dir():
        texts = partial(read_demonstrations, recipe)
        return build_learner(recipe.model, recipe.seed, checkpoint, texts, make_engine)
    base = path / BASE
    learner = build_learner(recipe.model, recipe.seed, base, make_engine=make_engine)
    seed = derive_seed(recipe.seed, "adapter")
    adapter = make_adapter(learner.model, recipe.adapter, seed, base)
    adapter.load(checkpoint / ADAPTER)
    learner.adapt(adapter)
    learner.engine.refresh()
    return learner


def check_parts(recipe: Recipe, world: World = ALONE) -> None:
    """Refuse a recipe whose environment or model there is not, before a folder is made for it."""
    check_world(recipe, world)
    env = make(recipe.env.id, **recipe.env.kwargs)
    env.close()
    if getattr(env.unwrapped, "shows_images", False):
        raise ConfigError(
            f"training on {recipe.env.id}, whose messages hold images",
            "messages of texts: log-probabilities are recomputed from tokens alone",
            "a screen can be shown as text: env.kwargs={seen='elements'}",
        )
    check_adapter(
        recipe.adapter,
        [stage.name for stage in stages_of(recipe)],
        checkpointing=recipe.model.gradient_checkpointing,
    )
    check_teacher(recipe)
    check_engine(recipe)
    check_remote(recipe)
    check_trackers(recipe)
    if recipe.model.path:
        resolve_model_folder(recipe.model.path)
    elif recipe.model.size not in PRESETS:
        raise ConfigError(*explain_unknown("value of model.size", recipe.model.size, list(PRESETS)))


def check_context(session: Session) -> None:
    """Refuse completions that cannot fit the model, before anything is spent on them."""
    recipe = session.recipe
    prompts = session.draw_tasks(1, "check")
    ids = session.learner.encoder.encode_prompt(prompts[0].prompt)
    limit = count_positions(session.learner.model)
    if limit is not None and len(ids) + recipe.sampling.max_tokens > limit:
        raise ConfigError(
            f"a prompt of {len(ids)} tokens and sampling.max_tokens = {recipe.sampling.max_tokens}",
            f"at most {limit} positions of the model together",
        )


def run_stages(session: Session) -> None:
    """Run what the checkpoint has not seen: each stage, and the measurement after it."""
    progress, stages = session.progress, stages_of(session.recipe)
    if "before" not in progress.accuracy:
        measure(session, "before")
    for stage in stages:
        when = "after" if stage is stages[-1] else stage.name
        if when in progress.accuracy and stage.is_finished(session):
            continue
        adapter = session.recipe.adapter
        due = adapter.kind != "none" and adapter.from_stage in ("", stage.name)
        if due and session.learner.adapter is None:
            session.adapt()
        with session.watched(f"the stage {stage.name}"):
            stage.run(session)
        measure(session, when)
        session.save(milestone=True)
        session.stop_if_asked()
    if not stages:
        measure(session, "after")


def measure(session: Session, when: str) -> None:
    """Measure greedy accuracy on the held-out problems, and keep the answers.

    Raises RunError; a checkpoint of what was trained so far is there then, unless this process
    alone has failed.
    """
    started = time.monotonic()
    settings = session.recipe.evaluation
    try:
        with session.watched(f"the measurement {when.replace('_', ' ')}"):
            session.learner.engine.refresh()
            played = session.play_held_out()
    except Exception:
        # Where the other processes are at something else, they take no part in a checkpoint.
        if session.progress.step and session.world.fails_together:
            session.keep()
        raise
    scorable = [trajectory for trajectory in played if trajectory.scorable]
    if not scorable:
        if session.progress.step:
            session.keep()
        raise RunError(
            f"none of the {len(played)} held-out episodes could be scored: "
            f"{why_unscorable(played)}",
            remedy="go on from the checkpoint with --resume",
        )
    count = len(scorable)
    session.progress.problems = count
    session.progress.accuracy[when] = sum(t.correct for t in scorable) / count
    session.progress.length[when] = sum(t.completion_tokens for t in scorable) / count
    session.folder.write_trajectories(f"held-out-{when}", played)
    session.folder.write_samples(when, describe_samples(played[: settings.samples_shown]))
    session.say(
        f"{when.replace('_', ' ')}: {session.progress.accuracy[when]:.1%} of {len(scorable)} "
        f"held-out problems, {session.progress.length[when]:.1f} tokens an answer, "
        f"{time.monotonic() - started:.1f} s"
    )


def describe_samples(trajectories: Sequence[Trajectory]) -> list[object]:
    """Return what the report shows of some episodes."""
    return [
        {
            "prompt": trajectory.task.prompt[-1].content,
            "completion": "\n".join(turn.action for turn in trajectory.turns),
            "reference": trajectory.task.reference,
            "correct": trajectory.correct,
            "tokens": trajectory.completion_tokens,
        }
        for trajectory in trajectories
    ]


def describe_learner(learner: Learner) -> str:
    """Return one sentence on the model and where it runs."""
    count = sum(parameter.numel() for parameter in learner.model.parameters())
    kind = type(learner.model).__name__
    size = f"{count / 1e6:.2f} M" if count < 1e9 else f"{count / 1e9:.2f} B"
    return f"{kind} with {size} parameters on {learner.device}"


def finish(session: Session) -> Summary:
    """Write the summary and the report."""
    recipe, progress = session.recipe, session.progress
    stations = ["before", *(stage.name for stage in stages_of(recipe)[:-1])]
    summary = Summary(
        recipe=recipe.name,
        env=recipe.env.id,
        seed=recipe.seed,
        accuracy_before=progress.accuracy["before"],
        accuracy_cold_start=progress.accuracy.get("cold_start"),
        accuracy_after=progress.accuracy["after"],
        length_before=progress.length[stations[-1]],
        length_after=progress.length["after"],
        problems=progress.problems,
        steps=dict(progress.steps),
        seconds=round(progress.seconds, 2),
        tokens=progress.tokens,
        run=str(session.folder.path),
    )
    session.folder.write_json("summary.json", to_json(summary))
    session.folder.write_report()
    session.world.wait("the end of the run")
    return summary
