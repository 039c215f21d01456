"""JSON answers against a schema."""

import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import DataError, UsageError
from gym_reason.types import Json, Outcome, Task
from gym_reason.verifiers import make_verifier
from gym_reason.verifiers.formats import (
    JsonLimits,
    JsonSchemaVerifier,
    JsonTextError,
    find_json,
    read_json,
)

POINT = json.dumps(
    {
        "type": "object",
        "properties": {"x": {"type": "integer"}, "colour": {"enum": ["red", "green"]}},
        "required": ["x"],
        "additionalProperties": False,
    }
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # A lone surrogate has no UTF-8, but it has JSON.
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def judge(schema: str, text: str, verifier: JsonSchemaVerifier | None = None) -> tuple[str, str]:
    verdict = (verifier or JsonSchemaVerifier()).verify(Task("t", (), schema), text)
    assert verdict.reward == float(verdict.correct) == verdict.parts["schema"]
    return verdict.outcome.value, verdict.detail


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ('{"x": 1}', "pass"),
        ('<think>{"x": "no"}</think>\n{"x": 1}', "pass"),
        ('```json\n{"x": 1}\n```', "pass"),
        ('Here it is:\n```\n{"x": 1}\n```\nDone.', "pass"),
        ('```python\nx = 1\n```\n```json\n{"x": 1}\n```', "pass"),
        ('```json\n{"x": 1}\n```\nagain\n```json\n{"x": 1}\n```', "pass"),
        ('```json\n{"x": 1}\n```\nor\n```json\n{"x": 2}\n```', "invalid"),
        ('```json\n{"x": 1}', "invalid"),
        ('[Note]\n```json\n{"x": 1}\n```', "pass"),
        ('{"x": 1} {"x": 1}', "invalid"),
        ('{"x": 1, "x": 2}', "invalid"),
        ("{'x': 1}", "invalid"),
        ('{"x": NaN}', "invalid"),
        ('{"x": 1e999}', "invalid"),
        ('{"x": ' + "9" * 5000 + "}", "invalid"),
        ('{"x": 1}\0', "invalid"),
        ('{"x": "\ud800"}', "fail"),
        ('{"x": 1.5}', "fail"),
        ('{"x": true}', "fail"),
        ('{"x": 1, "y": 2}', "fail"),
        ("[]", "fail"),
        ("", "no_answer"),
        ("<think>{}", "no_answer"),
    ],
)
def test_outcomes(text: str, outcome: str) -> None:
    assert judge(POINT, text)[0] == outcome


def test_words_around_a_fence_can_be_refused() -> None:
    verifier = JsonSchemaVerifier(alone=True)
    assert judge(POINT, 'So:\n```json\n{"x": 1}\n```', verifier)[0] == "invalid"
    assert judge(POINT, '\n```json\n{"x": 1}\n```\n', verifier)[0] == "pass"


def test_feedback_names_the_place_and_never_the_schema() -> None:
    verdict = JsonSchemaVerifier().verify(Task("t", (), POINT), '{"x": 1, "colour": "blue"}')
    assert "$.colour" in verdict.feedback
    assert "green" not in verdict.feedback
    assert "green" in verdict.detail
    assert verdict.parts == {"json": 1.0, "schema": 0.0}


@pytest.mark.parametrize(
    "schema",
    ["", "no", "[]", "3", '{"type": "integre"}', '{"$ref": "#/nothing"}', '{"$ref": "http://a.b"}'],
)
def test_a_broken_schema_is_not_the_policys_fault(schema: str) -> None:
    assert judge(schema, "1")[0] == "unscorable"


def test_the_schema_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "point.json"
    path.write_text(POINT)
    verifier = make_verifier(f"json_schema:{path}")
    assert verifier.verify(Task("t", (), ""), '{"x": 1}').correct
    copy = pickle.loads(pickle.dumps(verifier))
    assert copy.verify(Task("t", (), ""), '{"x": "a"}').outcome is Outcome.FAIL
    path.write_text('{"type": 1}')
    with pytest.raises(UsageError, match="JSON schema"):
        JsonSchemaVerifier(str(path))
    absent = tmp_path / "absent.json"
    with pytest.raises(DataError, match="cannot read") as caught:
        JsonSchemaVerifier(str(absent))
    assert str(caught.value).count(str(absent)) == 1


TREE = json.dumps(
    {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "anyOf": [
            {"type": "number"},
            *(
                {
                    "properties": {"op": {"const": op}, "l": {"$ref": "#"}, "r": {"$ref": "#"}},
                    "required": ["op", "l", "r"],
                }
                for op in ("add", "sub", "mul")
            ),
        ],
    }
)


@pytest.mark.parametrize(("leaf", "outcome"), [("1", "pass"), ('{"op": "pow"}', "fail")])
def test_a_deep_tree_of_unions_takes_no_exponential_time(leaf: str, outcome: str) -> None:
    text = '{"op": "mul", "r": 1, "l": ' * 35 + leaf + "}" * 35
    assert judge(TREE, text)[0] == outcome


def test_work_is_bounded() -> None:
    mixed = json.dumps([[number] if number % 2 else number for number in range(9_000)])
    assert judge('{"uniqueItems": true}', mixed)[0] == "pass"
    many = json.dumps({str(number): 1 for number in range(15_000)})
    outcome, detail = judge('{"unevaluatedProperties": false}', many)
    assert (outcome, detail) == ("invalid", "the JSON is too large to check")


@pytest.mark.parametrize(
    ("items", "unique"),
    [
        ("[1, 1.0]", False),
        ("[1, true]", True),
        ('[{"a": 1, "b": 2}, {"b": 2, "a": 1}]', False),
        ('["1", 1]', True),
        ("[[0], [false]]", True),
        ("[]", True),
    ],
)
def test_unique_items_follow_json_and_not_python(items: str, unique: bool) -> None:
    assert (judge('{"uniqueItems": true}', items)[0] == "pass") is unique


@pytest.mark.parametrize(
    "text", ["[" * 10**6, '{"a":' * 10**5, '"' * 10**6, '"\\' * 10**5, "," * 999]
)
def test_hostile_texts_are_refused_before_they_are_parsed(text: str) -> None:
    with pytest.raises(JsonTextError):
        read_json(text, JsonLimits())


@given(VALUES)
def test_every_value_is_read_back_bare_and_fenced(value: Json) -> None:
    written = json.dumps(value)
    fenced = f"Here:\n```json\n{json.dumps(value, indent=1, ensure_ascii=False)}\n```"
    assert read_json(find_json(written), JsonLimits()) == value
    assert read_json(find_json(fenced), JsonLimits()) == value


@given(st.text())
def test_any_text_gets_an_outcome(text: str) -> None:
    assert judge(POINT, text)[0] in ("fail", "invalid", "no_answer")


def test_limits_are_checked() -> None:
    for depth in (0, 201):
        with pytest.raises(UsageError):
            make_verifier(f"json_schema:max_depth={depth}")
    assert judge("{}", "[" * 200 + "]" * 200, JsonSchemaVerifier(max_depth=200))[0] == "pass"
    assert judge("{}", "[[1]]", JsonSchemaVerifier(max_depth=1))[0] == "invalid"
    assert judge("{}", "[1,2,3]", JsonSchemaVerifier(max_values=3))[0] == "invalid"
    assert judge("{}", "[1,2,3]", JsonSchemaVerifier(max_chars=3))[0] == "invalid"
