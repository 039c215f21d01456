"""Teachers: models whose probabilities a student is drawn to, or whose texts it imitates."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.models import load_model
from gym_reason.errors import ModelError
from gym_reason.seeding import content_id, derive_seed
from gym_reason.trainers.model.adapter_settings import AdapterSettings
from gym_reason.trainers.observer import Observer
from gym_reason.trainers.recipe import Recipe
from gym_reason.trainers.rl.settings import TeacherPullSettings
from gym_reason.trainers.session import Session
from gym_reason.types import Json

FOLDER = "teacher"
"""Where the embedded teacher's own run lies in the folder of a run."""


def find_teacher(session: Session) -> Path:
    """Return where the recipe's teacher is; an embedded one is trained first, or further."""
    recipe = session.recipe
    if recipe.teacher.path:
        return Path(recipe.teacher.path)
    folder = session.folder.path / FOLDER
    finished = (folder / "summary.json").exists
    if not session.world.decide(finished, "whether the teacher is ready"):
        # The module of runs imports the stages, and one of them imports this.
        from gym_reason.trainers.train import train

        session.say(f"training an embedded teacher of size {recipe.teacher.size} in {folder}")
        observer = TeacherObserver(session.observer)
        with session.watch.rest():  # that run has a watch of its own
            train(teacher_recipe(recipe), folder, observer, resume=True, world=session.world)
        session.say(f"the teacher is ready: {describe_run(folder)}")
    return folder


def find_reference(session: Session) -> Path:
    """Return where the teacher before its alignment is: for an embedded one, before its RL."""
    settings = session.recipe.teacher
    if settings.reference:
        return Path(settings.reference)
    return find_teacher(session) / "checkpoints" / f"step-{settings.steps:06d}"


def teacher_recipe(recipe: Recipe) -> Recipe:
    """Return the run that makes the embedded teacher of a recipe: a cold start, and RL if asked.

    It draws its own weights and problems, on the student's tokenizer.
    """
    from gym_reason.trainers.stages import STAGES  # imports the stages, and they this

    settings = recipe.teacher
    others = {
        stage.name: dataclasses.replace(getattr(recipe, stage.name), steps=0) for stage in STAGES
    }
    changes = others | {
        "cold_start": dataclasses.replace(
            recipe.cold_start,
            steps=settings.steps,
            problems=settings.problems,
            think_share=settings.think_share,
        ),
        # A teacher has no teacher.
        "rl": dataclasses.replace(
            recipe.rl, steps=settings.rl_steps, teacher=TeacherPullSettings()
        ),
    }
    return dataclasses.replace(
        recipe,
        name=f"{recipe.name}-teacher",
        description=f"The embedded teacher of {recipe.name}",
        seed=derive_seed(recipe.seed, FOLDER),
        model=dataclasses.replace(recipe.model, size=settings.size),
        adapter=AdapterSettings(),
        **changes,
    )


class TeacherObserver:
    """Passes on what happens in the teacher's run, and says whose it is."""

    def __init__(self, observer: Observer) -> None:
        """Tell `observer`."""
        self._observer = observer

    def on_stage(self, name: str, total: int, done: int) -> None:
        """Pass it on."""
        self._observer.on_stage(name, total, done)

    def on_step(self, row: Mapping[str, Json]) -> None:
        """Pass it on."""
        self._observer.on_step(row)

    def on_message(self, text: str) -> None:
        """Pass it on, with the teacher named."""
        self._observer.on_message(f"teacher: {text}")


def describe_run(folder: Path) -> str:
    """Return what a finished run says of itself, in a few words."""
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    return f"{summary['accuracy_after']:.1%} of the held-out problems"


def load_teacher(session: Session, path: Path | str) -> PreTrainedModel:
    """Return the frozen model of a directory, a checkpoint or a run.

    Raises ModelError where it cannot be read, or where its tokenizer is not the student's: then
    its probabilities are those of other tokens.
    """
    learner = session.learner
    model, tokenizer = load_model(path, device=str(learner.device), dtype="fp32")
    check_tokenizer(tokenizer, learner.tokenizer, path)
    model.requires_grad_(False)
    return model


def check_tokenizer(
    theirs: PreTrainedTokenizerBase, ours: PreTrainedTokenizerBase, path: Path | str
) -> None:
    """Raise ModelError where the teacher's tokens are not the student's."""
    known, wanted = theirs.get_vocab(), ours.get_vocab()
    differing = sum(1 for token, number in wanted.items() if known.get(token) != number)
    if differing or len(known) != len(wanted):
        raise ModelError(
            f"the teacher {path} has a vocabulary of {len(known)} tokens, of which it numbers "
            f"{differing} of the student's {len(wanted)} otherwise or not at all",
            "a teacher with the student's tokenizer",
            "or learn from its texts alone: distill.objective=text",
        )


def tokenizer_hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return a name for a tokenizer's tokens and their numbers."""
    return content_id(
        *(f"{number}:{token}" for token, number in sorted(tokenizer.get_vocab().items()))
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Speaker:
    """A teacher that is only listened to: it may have a tokenizer of its own."""

    engine: LocalEngine
    """Samples from it."""
    encoder: ChatEncoder
    """Turns messages into its own tokens."""


def load_speaker(session: Session, path: Path | str) -> Speaker:
    """Return a teacher to sample texts from. Raises ModelError where it cannot be read."""
    learner = session.learner
    model, tokenizer = load_model(path, device=str(learner.device), dtype="fp32")
    limit = session.recipe.model.cache_bytes or None
    engine = LocalEngine(model, tokenizer, dtype=learner.autocast, max_cache_bytes=limit)
    session.speakers.append(engine)
    return Speaker(engine, ChatEncoder(tokenizer))
