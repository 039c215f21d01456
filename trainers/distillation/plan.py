"""What a step trains on: which rows, and what each of them is for."""

from collections.abc import Sequence
from dataclasses import dataclass

from gym_reason.seeding import derive_rng
from gym_reason.trainers.distillation.rows import Data, Row
from gym_reason.trainers.distillation.sampling import STAGE, fresh_rows
from gym_reason.trainers.session import Session


@dataclass(frozen=True, slots=True)
class Use:
    """A term of the loss: the mean over the tokens of some rows, times its weight."""

    weight: float
    """Its weight."""
    rows: Sequence[bool]
    """Which rows of the step it takes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The rows of a step."""

    rows: Sequence[Row]
    """Token streams; of pairs, each chosen one before its rejected one."""
    imitate: Use
    """The cross-entropy."""
    match: Use
    """The divergence from the teacher."""
    prefer: Use
    """The teacher's advantage."""
    fresh: bool = False
    """Whether the student has just sampled some of them."""


def plan_step(session: Session, data: Data, step: int) -> Plan:
    """Return what a step trains on, drawn from the run's seed and the step."""
    settings = session.recipe.distill
    objective = settings.objective
    if objective == "gkd" and turns_to_student(session, step):
        fresh = fresh_rows(session, data, step, settings.batch_rows)
        return _plan(fresh, match=_all(fresh), fresh=True)
    rows = draw_rows(session, data, step)
    if objective == "gkd":
        return _plan(rows, match=_all(rows))
    if objective == "soft_targets":
        return _plan(
            rows, imitate=_all(rows, settings.alpha), match=_all(rows, 1.0 - settings.alpha)
        )
    if objective == "dckd":
        chosen = [place % 2 == 0 for place in range(len(rows))]
        return _plan(rows, imitate=Use(1.0, chosen), match=_all(rows, settings.alpha))
    if objective == "adpa":
        chosen_rows = rows[::2]
        fresh = fresh_rows(session, data, step, len(chosen_rows))
        old, new = [True] * len(chosen_rows), [True] * len(fresh)
        return _plan(
            [*chosen_rows, *fresh],
            imitate=Use(1.0, [*old, *(False for _ in new)]),
            prefer=Use(settings.advantage.gamma, [*(False for _ in old), *new]),
            fresh=True,
        )
    return _plan(rows, imitate=_all(rows))


def turns_to_student(session: Session, step: int) -> bool:
    """Return whether a step of `gkd` trains on the student's own responses."""
    share = session.recipe.distill.student_share
    return bool(derive_rng(session.recipe.seed, STAGE, "whose", step).random() < share)


def draw_rows(session: Session, data: Data, step: int) -> list[Row]:
    """Return the rows of a step, or both rows of each of its pairs."""
    rng = derive_rng(session.recipe.seed, STAGE, "rows", step)
    places = rng.integers(len(data), size=session.recipe.distill.batch_rows).tolist()
    if not data.paired:
        return [data.rows[place] for place in places]
    return [data.rows[2 * place + side] for place in places for side in (0, 1)]


def _all(rows: Sequence[Row], weight: float = 1.0) -> Use:
    return Use(weight, [True] * len(rows))


def _plan(
    rows: Sequence[Row],
    *,
    imitate: Use | None = None,
    match: Use | None = None,
    prefer: Use | None = None,
    fresh: bool = False,
) -> Plan:
    nothing = Use(0.0, [False] * len(rows))
    return Plan(rows, imitate or nothing, match or nothing, prefer or nothing, fresh)
