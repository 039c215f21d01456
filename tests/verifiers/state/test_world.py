"""Worlds: writes, JSON and back, and what differs."""

import collections
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import DataError
from gym_reason.verifiers.state.difference import compare_worlds
from gym_reason.verifiers.state.world import EMPTY_WORLD, LogEntry, World, read_world
from tests.verifiers.state.desk import FOLDER, MEMO, Folder, Memo, make_desk

make_row_type: Any = collections.namedtuple
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
)
NAMES = st.from_regex(r"[a-z][a-z_]{0,8}[a-z0-9]", fullmatch=True).filter(
    lambda name: name not in ("is", "in", "or", "if", "as", "not", "and", "for", "def", "del")
)
KEYS = st.one_of(st.integers(1, 50), st.text(max_size=6))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a world of a few tables with fields of any plain value."""
    tables = {}
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        fields = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
        try:
            row_type: Any = make_row_type("Row", fields)
        except ValueError:  # another word that Python keeps to itself
            continue
        keys = draw(st.lists(KEYS, min_size=1, max_size=4, unique=True))
        rest = st.lists(VALUES, min_size=len(fields) - 1, max_size=len(fields) - 1)
        tables[name] = {key: row_type(key, *draw(rest)) for key in keys}
    entries = st.builds(
        LogEntry,
        NAMES,
        st.integers(0, 10**10),
        st.dictionaries(NAMES, VALUES, max_size=3).map(lambda one: tuple(one.items())),
    )
    log = tuple(draw(st.lists(entries, max_size=3)))
    next_ids = draw(st.dictionaries(NAMES, st.integers(1, 99), max_size=3))
    return World(tables, log, draw(st.integers(0, 10**10)), next_ids)


@given(worlds())
def test_a_world_goes_through_json_and_back(world: World) -> None:
    again = read_world(json.loads(json.dumps(world.to_json())))
    assert again.to_json() == world.to_json()
    assert not compare_worlds(world, again)
    assert not compare_worlds(again, world)
    assert (again.now, again.log, again.next_ids) == (world.now, world.log, world.next_ids)


@given(worlds(), worlds())
def test_a_difference_is_nothing_just_where_the_worlds_hold_the_same(
    first: World, second: World
) -> None:
    def contents(world: World) -> str:
        rows = [(name, repr(row)) for name, table in world.tables.items() for row in table.values()]
        return repr(sorted(rows))

    difference = compare_worlds(first, second)
    assert not compare_worlds(first, first)
    if contents(first) != contents(second) or first.log != second.log:
        assert difference
    back = compare_worlds(second, first)
    turned = {(one.table, one.key, one.after, one.before) for one in back.changes}
    assert {(one.table, one.key, one.before, one.after) for one in difference.changes} == turned


def test_the_row_types_of_the_tables_are_used() -> None:
    world = make_desk()
    again = read_world(json.loads(json.dumps(world.to_json())), [MEMO, FOLDER])
    assert again == world
    assert type(again.rows(MEMO)[1]) is Memo


def test_a_number_is_never_given_twice() -> None:
    world = make_desk("Tea")
    world = world.delete(MEMO, 1).insert(MEMO, Memo(0, "Tea"))
    assert list(world.rows(MEMO)) == [2]
    assert world.last_id(MEMO) == 2


def test_a_row_that_was_deleted_and_made_anew_is_two_changes() -> None:
    before = make_desk("Tea")
    after = before.delete(MEMO, 1).insert(MEMO, before.rows(MEMO)[1]._replace(id=0))
    assert [(one.key, one.before is None) for one in compare_worlds(before, after).changes] == [
        (1, False),
        (2, True),
    ]


@pytest.mark.parametrize("value", [0, 0.0])
def test_false_is_no_number(value: float) -> None:
    before = make_desk("Tea")
    row = before.rows(MEMO)[1]._replace(done=value)  # type: ignore[arg-type]
    after = before.delete(MEMO, 1)._replace(tables={**before.tables, MEMO.name: {1: row}})
    (change,) = compare_worlds(before, after).changes
    assert list(change.fields()) == [3]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"tables": []},
        {"tables": {"a": []}},
        {"tables": {"a": {"fields": [], "rows": []}}},
        {"tables": {"a": {"fields": ["id"], "rows": [[]]}}},
        {"tables": {"a": {"fields": ["id"], "rows": [[None]]}}},
        {"tables": {"a": {"fields": ["id"], "rows": [[True]]}}},
        {"tables": {"a": {"fields": ["id"], "rows": [[1.0]]}}},
        {"tables": {"a": {"fields": ["id"], "rows": [[1], [1]]}}},
        {"tables": {"a": {"fields": ["id", "b"], "rows": [[1, {}]]}}},
        {"tables": {"a": {"fields": ["id", "b"], "rows": [[1, [2]]]}}},
        {"tables": {"a": {"fields": ["id", "id"], "rows": []}}},
        {"tables": {"a": {"fields": ["_id"], "rows": []}}},
        {"tables": {"a": {"fields": ["class"], "rows": []}}},
        {"tables": {"a": {"fields": ["a b"], "rows": []}}},
        {"tables": {"a": {"fields": ["id", "\ufb01", "fi"], "rows": []}}},
        {"tables": {"a": {"fields": [f"f{n}" for n in range(10_000)], "rows": []}}},
        {"tables": {}, "now": "noon"},
        {"tables": {}, "now": True},
        {"tables": {}, "log": {}},
        {"tables": {}, "log": [["a", 1]]},
        {"tables": {}, "log": [["a", 1, {"b": []}]]},
        {"tables": {}, "next_ids": {"a": "1"}},
    ],
)
def test_what_is_no_world_is_refused(value: object) -> None:
    with pytest.raises(DataError):
        read_world(value)


def test_a_table_of_other_fields_than_declared_is_refused() -> None:
    world = EMPTY_WORLD.insert(FOLDER, Folder("Home"))
    value = json.loads(json.dumps(world.to_json()).replace("colour", "color"))
    with pytest.raises(DataError, match="colour"):
        read_world(value, [FOLDER])


def test_a_log_that_was_rewritten_shows() -> None:
    before = EMPTY_WORLD.record("a.sent", to="Ada").record("a.sent", to="Ben")
    for log in ((), before.log[:1], before.log[::-1]):
        assert compare_worlds(before, before._replace(log=log)).broken_log
    assert not compare_worlds(before, before.record("a.sent", to="Cem")).broken_log
