"""Tasks as they are drawn: streams, splits, templates, references."""

import json
import re
from dataclasses import replace

import pytest

from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.tasks.catalogue import (
    MOBILE_TEMPLATES,
    choose_variants,
    is_held_out,
    make_world,
)
from gym_reason.envs.mobile.tasks.draw import (
    Choice,
    base_world,
    draw_mobile_task,
    make_task,
    read_start,
    redraw_mobile_task,
)
from gym_reason.envs.mobile.tasks.values import WORDS, Values
from gym_reason.errors import DataError, UsageError
from gym_reason.seeding import derive_rng
from gym_reason.types import Task
from gym_reason.verifiers.state.verifier import read_reference, write_reference

VARIANTS = [(template, variant) for template in MOBILE_TEMPLATES for variant in template.variants]
NAMES = [f"{template.name}/{variant.name}" for template, variant in VARIANTS]


def test_every_variant_has_a_name_of_its_own_and_apps_that_there_are() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len({template.name for template in MOBILE_TEMPLATES}) == len(MOBILE_TEMPLATES) == 42
    for template in MOBILE_TEMPLATES:
        assert template.variants
        assert set(template.apps) <= set(APPS)


def test_each_task_of_androidworld_is_covered() -> None:
    covered = {name for _, variant in VARIANTS for name in variant.covers}
    assert len(covered) == 116


@pytest.mark.parametrize("place", range(0, len(VARIANTS), 7))
def test_a_reference_is_that_of_the_draft(place: int) -> None:
    template, variant = VARIANTS[place]
    for twin in {False, variant.has_twin}:
        drawn = make_task(template, variant, 5, "train", twin, Look())
        draft, reference = drawn.draft, drawn.task.reference
        assert json.loads(reference) == json.loads(write_reference(draft.goal, draft.world))
        goal, before = read_reference(reference)
        assert goal == draft.goal
        assert before.to_json() == draft.world.to_json()
        assert read_start(drawn.task) == draft.world


def test_every_variant_gives_a_reference_that_can_be_judged_by() -> None:
    for template, variant in VARIANTS:
        for seed in range(4):
            for twin in {False, variant.has_twin}:
                drawn = make_task(template, variant, seed, "test", twin, Look())
                assert read_reference(drawn.task.reference)[0] == drawn.draft.goal


def test_a_task_is_drawn_anew_from_its_meta() -> None:
    choice = Choice("test", look="random", twins=0.5)
    for seed in range(30):
        drawn = draw_mobile_task(seed, choice)
        meta = json.loads(json.dumps(drawn.task.meta))
        again = redraw_mobile_task(meta)
        assert again is not None
        assert again.task == drawn.task
        assert again.look == drawn.look


@pytest.mark.parametrize(
    "change", [{"template": "notes.sing"}, {"seed": "5"}, {"pool": "dev"}, {"look": []}]
)
def test_a_meta_that_says_too_little_gives_no_task(change: dict[str, object]) -> None:
    meta = {**draw_mobile_task(1, Choice()).task.meta, **change}
    assert redraw_mobile_task(meta) is None  # type: ignore[arg-type]
    assert redraw_mobile_task({}) is None


def test_the_streams_are_separate() -> None:
    for seed in range(20):
        plain = draw_mobile_task(seed, Choice(twins=0.0))
        other = draw_mobile_task(seed, Choice(twins=0.0, look="random"))
        assert plain.task.prompt == other.task.prompt
        assert plain.task.reference == other.task.reference
        assert plain.task.id != other.task.id
        twin = draw_mobile_task(seed, Choice(twins=1.0))
        assert twin.task.meta["variant"] == plain.task.meta["variant"]


def test_twins_come_as_often_as_asked_for() -> None:
    for share, low, high in ((0.0, 0, 0), (0.2, 10, 55), (1.0, 100, 250)):
        drawn = [draw_mobile_task(seed, Choice(twins=share)) for seed in range(250)]
        count = sum(one.task.meta["twin"] is True for one in drawn)
        assert low <= count <= high
        for one in drawn:
            assert one.draft.goal.feasible != one.task.meta["twin"]


def test_the_train_pools_give_no_name_of_the_test_pools() -> None:
    for kind, pools in WORDS.items():
        assert not set(pools["train"]) & set(pools["test"]), kind
    names = "|".join(name for kind in ("name", "surname") for name in WORDS[kind]["test"])
    pattern = re.compile(rf"\b({names})\b")
    for seed in range(60):
        assert not pattern.search(draw_mobile_task(seed, Choice("train")).task.reference)
    found = [draw_mobile_task(seed, Choice("test")).task.reference for seed in range(5)]
    assert all(map(pattern.search, found))


def test_worlds_are_of_october_2023_and_those_of_the_splits_differ() -> None:
    worlds = [base_world(split, number).world for split in ("train", "test") for number in (0, 1)]
    assert len({json.dumps(world.to_json()) for world in worlds}) == 4
    for world in worlds:
        assert 1_697_068_800 <= world.now < 1_697_673_600  # the 12th to the 18th
        assert {name.partition(".")[0] for name in world.tables} >= set(APPS) - {"settings"}
    again = make_world(Values(derive_rng(0, "mobile", "world", "train"), "train"))
    assert again == worlds[0]


def test_templates_are_chosen_by_names_and_beginnings() -> None:
    def names(templates: str) -> list[str]:
        return [template.name for template, _ in choose_variants(templates)]

    assert names("notes.create") == ["notes.create"]
    assert names("notes.create, clock") == [
        name for name in names("all") if name == "notes.create" or name.startswith("clock.")
    ]
    template = MOBILE_TEMPLATES[0]
    ((_, variants),) = choose_variants(f"{template.name}/{template.variants[0].name}")
    assert variants == template.variants[:1]
    with pytest.raises(UsageError, match=r"notes\.create"):
        choose_variants("notes.creat")
    with pytest.raises(UsageError, match="at least one"):
        choose_variants("notes.create", levels=())


def test_a_fifth_of_the_templates_is_held_out() -> None:
    train, test = (
        {template.name for template, _ in choose_variants(template_set=one)}
        for one in ("train", "test")
    )
    assert not train & test
    assert len(train | test) == 42
    assert 6 <= len(test) <= 10
    assert all(map(is_held_out, test))


def test_a_start_that_is_no_world_is_refused() -> None:
    task = draw_mobile_task(0, Choice()).task
    with pytest.raises(DataError):
        read_start(replace(task, reference="{}"))
    strange = task.reference.replace('"fields": ["id", "text"]', '"fields": ["id", "words"]')
    if strange != task.reference:
        with pytest.raises(DataError):
            read_start(Task("strange", (), strange))
