"""The verifier of JSON answers against a schema."""

import functools
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gym_reason.errors import DataError, GymReasonError, UsageError
from gym_reason.text import after_thinking, shorten
from gym_reason.types import Json, Outcome, Task, Verdict
from gym_reason.verifiers.formats.json_text import (
    DEEPEST,
    MAX_CHARS,
    MAX_DEPTH,
    MAX_VALUES,
    JsonLimits,
    JsonTextError,
    find_json,
    read_json,
)
from gym_reason.verifiers.formats.verdicts import empty_verdict
from gym_reason.verifiers.verdicts import unscorable

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MAX_WORK = 1_000_000
"""Most work on one submission: each keyword that is applied costs the size of what it judges."""
_CHARS_PER_UNIT = 16

_Check = Callable[["Validator", Any, Any, Any], Iterator[Any] | None]


class JsonSchemaVerifier:
    """Passes a JSON text that its schema allows.

    The JSON may stand in a code fence. The schema is a file's or, by default, the reference of the
    task; its `$schema` picks the draft (2020-12 by default). `$ref` reaches inside the schema and
    to the drafts themselves, never to a network or a file. `format` is an annotation, as the
    specification has it. Parts: `json` (it could be read) and `schema` (the schema allows it).

    Work is bounded, whatever the submission. The regular expressions of a schema alone are its
    author's matter: one that backtracks for ever hangs here too, and a pool's deadline ends it.
    """

    name = "json_schema"
    deterministic = True

    def __init__(
        self,
        schema: str = "",
        *,
        alone: bool = False,
        max_chars: int = MAX_CHARS,
        max_depth: int = MAX_DEPTH,
        max_values: int = MAX_VALUES,
    ) -> None:
        """Make a verifier.

        Args:
            schema: Path of a file that holds the schema; empty where it is the task's reference.
            alone: Whether words around a code fence are refused.
            max_chars: Longest JSON text that is read.
            max_depth: Deepest nesting that is read.
            max_values: Most values that are read.

        Raises:
            DataError: The file cannot be read.
            UsageError: It holds no schema, or a limit is not positive.
            GymReasonError: The package `jsonschema` is not installed.
        """
        if min(max_chars, max_depth, max_values) < 1:
            raise UsageError("a limit below 1", "max_chars, max_depth and max_values of 1 or more")
        if max_depth > DEEPEST:
            raise UsageError(f"max_depth = {max_depth}", f"{DEEPEST} at most")
        _require_library()
        self.alone = alone
        self.limits = JsonLimits(max_chars, max_depth, max_values)
        self.schema_text = _read_schema_file(Path(schema)) if schema else ""
        if schema:
            try:
                _compile(self.schema_text)
            except ValueError as error:
                raise UsageError(f"{schema}: {error}", "a JSON schema") from None

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on `submission`; a task without a valid schema is unscorable."""
        try:
            schema = _compile(self.schema_text or task.reference)
        except ValueError as error:
            return unscorable(f"the reference is no JSON schema: {error}", "schema")
        answer = after_thinking(submission)
        if not (answer or "").strip():
            return empty_verdict("schema", "found no answer, expected JSON")
        try:
            value = read_json(find_json(answer or "", alone=self.alone), self.limits)
        except JsonTextError as error:
            return _verdict(Outcome.INVALID, readable=False, reason=str(error))
        return _judge(schema, value)


class _OverBudgetError(Exception):
    """A check costs more than `MAX_WORK`."""


class _Schema:
    """A schema ready for use, in any thread."""

    def __init__(self, validator: "Validator", budget: threading.local) -> None:
        self.validator = validator
        self.budget = budget

    def find_error(self, value: Json) -> tuple[str, str] | None:
        """Return the place of the first fault in `value` and a message; None where there is none.

        Raises:
            _OverBudgetError: The check costs too much.
        """
        self.budget.sizes = {}
        self.budget.faults = {}
        self.budget.left = MAX_WORK
        _measure(value, self.budget.sizes)
        try:
            error = next(iter(self.validator.iter_errors(value)), None)
        finally:
            self.budget.sizes = {}
            self.budget.faults = {}
        return None if error is None else (error.json_path, error.message)


def _judge(schema: _Schema, value: Json) -> Verdict:
    from jsonschema.exceptions import UndefinedTypeCheck, UnknownType
    from referencing.exceptions import Unresolvable

    try:
        fault = schema.find_error(value)
    except (Unresolvable, UndefinedTypeCheck, UnknownType) as error:
        reason = shorten(f"{type(error).__name__}: {error}")
        return unscorable(f"the schema cannot be used: {reason}", "schema")
    except (_OverBudgetError, RecursionError):
        return _verdict(Outcome.INVALID, readable=True, reason="the JSON is too large to check")
    if fault is None:
        return _verdict(Outcome.PASS, readable=True, reason="")
    place, message = fault
    return _verdict(
        Outcome.FAIL, readable=True, reason=f"{place}: {shorten(message, 200)}", place=place
    )


def _verdict(outcome: Outcome, *, readable: bool, reason: str, place: str = "") -> Verdict:
    """Return a verdict. What the schema says stays out of the feedback: it may be hidden."""
    reward = 1.0 if outcome is Outcome.PASS else 0.0
    feedback = ""
    if place:
        feedback = f"The JSON breaks the schema at {shorten(place)}."
    elif reason:
        feedback = f"The JSON could not be used: {shorten(reason)}."
    return Verdict(
        reward=reward,
        correct=outcome is Outcome.PASS,
        outcome=outcome,
        parts={"json": float(readable), "schema": reward},
        feedback=feedback,
        detail=reason,
    )


@functools.lru_cache(maxsize=256)  # the samples of a group share a reference
def _compile(text: str) -> _Schema:
    """Return the schema that `text` is. Raises ValueError."""
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import Draft202012Validator, extend, validator_for
    from referencing.jsonschema import EMPTY_REGISTRY

    if not text.strip():
        raise ValueError("it is empty")
    try:
        schema: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(shorten(str(error))) from None
    if not isinstance(schema, dict):
        raise ValueError(f"found a JSON {type(schema).__name__}, expected an object")
    draft = validator_for(schema, default=Draft202012Validator)
    try:
        draft.check_schema(schema)
    except SchemaError as error:
        raise ValueError(shorten(error.message)) from None
    # A reference to the root would otherwise leave the class made below for the draft's own.
    schema.pop("$schema", None)
    budget = threading.local()
    checks: dict[str, Any] = {
        keyword: _charge(keyword, check, budget) for keyword, check in draft.VALIDATORS.items()
    }
    bounded: Any = extend(draft, checks)  # type: ignore[no-untyped-call]
    return _Schema(bounded(schema, registry=EMPTY_REGISTRY), budget)


def _charge(keyword: str, check: Any, budget: threading.local) -> _Check:
    """Return `check`, paid for out of `budget`."""
    quadratic = keyword.startswith("unevaluated")
    replaced = _check_unique if keyword == "uniqueItems" else check
    if keyword in ("$ref", "$dynamicRef"):
        replaced = _remember(check, budget)

    def charged(
        validator: "Validator", expected: Any, instance: Any, schema: Any
    ) -> Iterator[Any] | None:
        cost = _size(instance, budget.sizes)
        if quadratic and isinstance(instance, dict | list):
            cost += len(instance) ** 2 // 64
        budget.left -= cost
        if budget.left < 0:
            raise _OverBudgetError
        found: Iterator[Any] | None = replaced(validator, expected, instance, schema)
        return found

    return charged


def _remember(check: Any, budget: threading.local) -> _Check:
    """Return `check` of a reference, made once for each reference and container.

    A union of types that refer to each other would otherwise take time exponential in the depth
    of the submission, since jsonschema tries every branch to its end.
    """
    from jsonschema.exceptions import ValidationError

    def remembered(
        validator: "Validator", expected: Any, instance: Any, schema: Any
    ) -> Iterator[Any]:
        key = (id(schema), id(instance), expected)
        if key in budget.faults:
            if budget.faults[key]:
                yield ValidationError(budget.faults[key])
            return
        error = next(iter(check(validator, expected, instance, schema)), None)
        if id(instance) in budget.sizes:  # Its id stays its own for as long as the check lasts.
            budget.faults[key] = error.message if error else ""
        if error:
            yield error

    return remembered


def _check_unique(
    validator: "Validator", expected: Any, instance: Any, schema: Any
) -> Iterator[Any]:
    """Check `uniqueItems` in linear time, where jsonschema may compare all pairs."""
    from jsonschema.exceptions import ValidationError

    if expected and isinstance(instance, list):
        seen = {json.dumps(_canonical(item), sort_keys=True) for item in instance}
        if len(seen) < len(instance):
            yield ValidationError("two items are equal")


def _canonical(value: Any) -> Any:
    """Return `value` with whole floats as integers: 1 and 1.0 are equal in JSON."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    return value


def _measure(value: Json, sizes: dict[int, int]) -> int:
    """Return the size of `value`, and note that of each container in it."""
    if isinstance(value, dict):
        size = 1 + sum(_size(key, sizes) + _measure(item, sizes) for key, item in value.items())
    elif isinstance(value, list):
        size = 1 + sum(_measure(item, sizes) for item in value)
    else:
        return _size(value, sizes)
    sizes[id(value)] = size
    return size


def _size(value: Any, sizes: dict[int, int]) -> int:
    if isinstance(value, str):
        return 1 + len(value) // _CHARS_PER_UNIT
    return sizes.get(id(value), 1)


def _read_schema_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        # An OSError's own text names the path once more.
        found = f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        raise DataError(found, "a file that holds a JSON schema") from None


def _require_library() -> None:
    try:
        import jsonschema  # noqa: F401
    except ImportError:
        raise GymReasonError(
            "the package jsonschema is not installed",
            "it for the verifier json_schema",
            "pip install 'gym-reason[json]'",
        ) from None
