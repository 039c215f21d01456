"""Recipes: what TOML can say comes back the same, what it may not say is refused in one line."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.config import apply_overrides, build, read_toml, to_values, write_toml
from gym_reason.errors import ConfigError


@dataclass(frozen=True)
class Clip:
    low: float = 0.2
    high: float = 0.28

    def __post_init__(self) -> None:
        if self.low < 0:
            raise ValueError(f"low = {self.low}; expected 0 or more")


@dataclass(frozen=True)
class Settings:
    steps: int
    name: str = "demo"
    shuffle: bool = True
    limit: int | None = None
    kind: Literal["mean", "sum"] = "mean"
    clip: Clip = field(default_factory=Clip)
    betas: tuple[float, ...] = (0.9, 0.95)
    meta: Mapping[str, Any] = field(default_factory=dict)


def test_values_become_typed_settings() -> None:
    values = {"steps": 3, "limit": 5, "kind": "sum", "clip": {"low": 0}, "betas": [1, 0.5]}
    built = build(Settings, values)
    assert built == Settings(3, limit=5, kind="sum", clip=Clip(low=0.0), betas=(1.0, 0.5))
    assert isinstance(built.clip.low, float)
    assert isinstance(built.betas[0], float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stepz": 3}, "there is no key 'stepz'; .*did you mean 'steps'"),
        ({"steps": 3, "clip": {"hi": 1}}, r"there is no key in \[clip\] 'hi'"),
        ({}, "steps is not set; expected a value; add steps=..."),
        ({"steps": "3"}, "steps = '3' is of type str; expected int"),
        ({"steps": True}, "steps = True is of type bool; expected int"),
        ({"steps": 3.0}, "steps = 3.0 is of type float; expected int"),
        ({"steps": 3, "shuffle": 1}, "shuffle = 1 is of type int; expected bool"),
        ({"steps": 3, "clip": 1}, "clip = 1 is of type int; expected a table"),
        ({"steps": 3, "betas": 1}, "betas = 1 is of type int; expected a list"),
        ({"steps": 3, "betas": [0.9, "x"]}, r"betas\[1\] = 'x' is of type str; expected float"),
        ({"steps": 3, "kind": "means"}, "there is no value of kind 'means'; .*'mean'"),
        ({"steps": 3, "limit": "x"}, "limit = 'x' is of type str; expected int"),
        ({"steps": 3, "clip": {"low": -1}}, "clip: low = -1.0; expected 0 or more"),
        ({"steps": 3, "meta": 5}, "meta = 5 is of type int; expected a table"),
    ],
)
def test_wrong_values_are_refused_by_name(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(Settings, values)


def test_a_value_that_cannot_be_hashed_is_no_choice() -> None:
    with pytest.raises(ConfigError, match="value of kind"):
        build(Settings, {"steps": 1, "kind": ["mean"]})


def test_true_is_no_choice_of_a_number() -> None:
    @dataclass(frozen=True)
    class Level:
        level: Literal[1, 2] = 1

    assert build(Level, {"level": 2}).level == 2
    with pytest.raises(ConfigError, match="value of level"):
        build(Level, {"level": True})


def test_overrides_set_nested_values_and_leave_the_source_alone() -> None:
    source: dict[str, Any] = {"clip": {"low": 0.1}}
    changed = apply_overrides(
        source,
        ["clip.low=0.3", "clip.high = 0.4", "new.deep=[1, 2]", "name=plain words", "on=true"],
    )
    assert changed == {
        "clip": {"low": 0.3, "high": 0.4}, "new": {"deep": [1, 2]}, "name": "plain words",
        "on": True,
    }  # fmt: skip
    assert source == {"clip": {"low": 0.1}}


def test_an_override_may_hold_an_equals_sign_and_quotes() -> None:
    assert apply_overrides({}, ["prompt=a=b"]) == {"prompt": "a=b"}
    assert apply_overrides({}, ['prompt="5"']) == {"prompt": "5"}
    assert apply_overrides({}, ["empty="]) == {"empty": ""}


@pytest.mark.parametrize("text", ["1\nextra = 2", "1 # note", "=", "[", '"open', "\x00"])
def test_an_override_sets_its_own_key_alone(text: str) -> None:
    assert list(apply_overrides({}, [f"key={text}"])) == ["key"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps", "the override 'steps'; expected key=value"),
        ("=3", "the override '=3'; expected key=value"),
        ("clip.low.x=3", "'low' to be a table, and it is a value"),
        ("clip..low=3", "expected key=value"),
        (".clip=3", "expected key=value"),
    ],
)
def test_a_broken_override_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        apply_overrides({"clip": {"low": 1}}, [override])


def test_settings_survive_being_written_and_read(tmp_path: Path) -> None:
    settings = Settings(4, name='quo"te\\ \n\x7f é 😀', meta={"a b": {"": [1, "x", {"y": True}]}})
    path = tmp_path / "recipe.toml"
    path.write_text(write_toml(to_values(settings)), "utf-8")
    assert build(Settings, read_toml(path)) == settings


scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
tables = st.recursive(
    st.dictionaries(names, st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=4),
    lambda inner: st.dictionaries(names, st.one_of(scalars, inner, st.lists(inner, max_size=2))),
    max_leaves=8,
)


@given(tables)
def test_any_table_survives_being_written_and_read(values: dict[str, Any]) -> None:
    assert tomllib.loads(write_toml(values)) == values


def test_numbers_that_are_not_finite_survive() -> None:
    read = tomllib.loads(write_toml({"high": math.inf, "low": -math.inf, "none": math.nan}))
    assert read["high"] == math.inf
    assert read["low"] == -math.inf
    assert math.isnan(read["none"])


def test_what_toml_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no form in TOML"):
        write_toml({"key": object()})


def test_a_file_that_is_absent_or_broken_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no file .*absent.toml; expected a recipe"):
        read_toml(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("a = 1\nb = \n")
    with pytest.raises(ConfigError, match=r"broken.toml is not TOML: .*line 2"):
        read_toml(broken)
    broken.write_bytes(b'a = "\xff"')
    with pytest.raises(ConfigError, match=r"broken.toml is not TOML"):
        read_toml(broken)
    with pytest.raises(ConfigError, match="expected a recipe"):
        read_toml(tmp_path)
