"""Draws tasks: a world with what is there anyway, a template on it, and the words of the user.

Separate streams draw the values, the world around them, the sentence, the appearance and whether
the task is an infeasible twin: another paraphrase changes nothing but the paraphrase.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.look import Look, draw_look
from gym_reason.envs.mobile.system.tables import SYSTEM_TABLES
from gym_reason.envs.mobile.tasks.catalogue import (
    MOBILE_TEMPLATES,
    Chosen,
    choose_variants,
    make_world,
)
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.seeding import content_id, derive_rng, derive_seed
from gym_reason.types import Json, Message, Task
from gym_reason.verifiers.state.goal_json import write_goal
from gym_reason.verifiers.state.verifier import read_reference
from gym_reason.verifiers.state.world import Key, Row, World, read_world

WORLDS = 48
"""Worlds around the tasks, of each split."""
POOLS = ("train", "test", "all")
"""The pools that values come from."""


class Base(NamedTuple):
    """A world before a task is put into it."""

    world: World
    """What is there anyway."""
    given: frozenset[str]
    """Texts in it, which no value of a task may be."""
    texts: Mapping[str, tuple[Mapping[Key, Row], str]]
    """Its tables, each with its name and content as JSON."""
    next_ids: str
    """Its counters as JSON."""


class Choice(NamedTuple):
    """What tasks are drawn from."""

    split: str = "train"
    """The pools of values: `train`, `test` or `all`."""
    variants: Chosen = ()
    """The templates and their variants; empty for all."""
    twins: float = 0.2
    """The share of infeasible twins, among the variants that have them."""
    look: str = "plain"
    """`plain` or `random`."""


class Drawn(NamedTuple):
    """A task with what it was drawn from."""

    task: Task
    """The task; its prompt is the sentence alone."""
    draft: Draft
    """The draft, with the script of the oracle."""
    look: Look
    """The appearance."""


@lru_cache(maxsize=3 * WORLDS)
def base_world(split: str, number: int) -> Base:
    """Return one of the WORLDS of a split."""
    values = Values(derive_rng(number, "mobile", "world", split), split)
    world = make_world(values)
    texts = {name: (rows, _table_json(name, rows)) for name, rows in world.tables.items()}
    return Base(world, values.given, texts, json.dumps(world.next_ids))


def draw_mobile_task(seed: int, choice: Choice) -> Drawn:
    """Return the task of a seed: the same for the same seed and choice, in every process."""
    variants = choice.variants or _all_variants()
    template, fits = variants[derive_seed(seed, "template") % len(variants)]
    variant = fits[derive_seed(seed, "variant") % len(fits)]
    twin = variant.has_twin and derive_seed(seed, "twin") < choice.twins * 2**63
    look = draw_look(derive_rng(seed, "look")) if choice.look == "random" else Look()
    return make_task(template, variant, seed, choice.split, twin, look)


def redraw_mobile_task(meta: Mapping[str, Json]) -> Drawn | None:
    """Return the task that was drawn with what its meta says; None for a meta that says less."""
    match meta:
        case {
            "template": str(name),
            "variant": str(kind),
            "seed": int(seed),
            "pool": str(split),
            "twin": bool(twin),
            "look": [str(theme), str(density), str(locale), int(order)],
        } if split in POOLS:
            look = Look(theme, density, locale, order)
            for template in MOBILE_TEMPLATES:
                for variant in template.variants:
                    if (template.name, variant.name) == (name, kind):
                        return make_task(template, variant, seed, split, twin, look)
    return None


def make_task(
    template: Template, variant: Variant, seed: int, split: str, twin: bool, look: Look
) -> Drawn:
    """Return a task of a variant."""
    number = derive_seed(seed, "world") % WORLDS
    base = base_world(split, number)
    values = Values(derive_rng(seed, "values"), split, base.given)
    draft = variant.draw(values, base.world, twin)
    sentence = draft.sentences[derive_seed(seed, "sentence") % len(draft.sentences)]
    asked = sentence.format_map(draft.params)
    reference = write_reference_with(draft, base)
    meta: dict[str, Json] = {
        "template": template.name,
        "variant": variant.name,
        "level": variant.level,
        "seed": seed,
        "pool": split,
        "twin": twin,
        "look": list(look),
        "asked": asked,
    }
    task = Task(
        id=content_id(reference, asked, *map(str, look)),
        prompt=(Message("user", asked),),
        reference=reference,
        difficulty=float(variant.level),
        meta=meta,
    )
    return Drawn(task, draft, look)


def read_start(task: Task) -> World:
    """Return the world at the start of a task, as its reference says. Raises DataError."""
    read_reference(task.reference)  # for its messages: it is sure to be JSON then
    tables = [table for app in APPS.values() for table in app.tables]
    return read_world(json.loads(task.reference)["before"], [*SYSTEM_TABLES, *tables])


def write_reference_with(draft: Draft, base: Base) -> str:
    """Return `write_reference` of a draft, with the tables of its base as they were written.

    Writing a world takes longer than all else, and a task changes one or two of its tables.
    """
    world = draft.world
    tables = []
    for name, rows in world.tables.items():
        kept = base.texts.get(name)
        text = kept[1] if kept and kept[0] is rows else _table_json(name, rows)
        if text:
            tables.append(text)
    same = world.next_ids is base.world.next_ids
    parts = (
        '{"goal": ',
        json.dumps(write_goal(draft.goal), ensure_ascii=False),
        f', "before": {{"now": {world.now}, "tables": {{',
        ", ".join(tables),
        '}, "log": ',
        json.dumps(World({}, world.log, 0, {}).to_json()["log"], ensure_ascii=False),
        ', "next_ids": ',
        base.next_ids if same else json.dumps(world.next_ids),
        "}}",
    )
    return "".join(parts)


def _table_json(name: str, rows: Mapping[Key, Row]) -> str:
    if not rows:
        return ""
    table = World({name: rows}, (), 0, {}).to_json()["tables"]
    return json.dumps(table, ensure_ascii=False)[1:-1]


@lru_cache(maxsize=1)
def _all_variants() -> Chosen:
    return choose_variants()
