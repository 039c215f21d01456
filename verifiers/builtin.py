"""The verifiers that come with the library, by name."""

from collections.abc import Mapping

from gym_reason.errors import UsageError
from gym_reason.registry import register_verifier
from gym_reason.registry import verifiers as registered
from gym_reason.verifiers.arguments import bind_texts, split_spec
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.code import CodeVerifier
from gym_reason.verifiers.compose import weighted
from gym_reason.verifiers.countdown import CountdownVerifier
from gym_reason.verifiers.formats import (
    AnswerTagsVerifier,
    ExactVerifier,
    JsonSchemaVerifier,
    LanguageVerifier,
    NoThinkVerifier,
    OverlongVerifier,
    PositionsVerifier,
    RepetitionVerifier,
    ThinkTagsVerifier,
    make_length_verifier,
)
from gym_reason.verifiers.logic import (
    GraphColouringVerifier,
    KnightsAndKnavesVerifier,
    RewritingVerifier,
    SudokuVerifier,
)
from gym_reason.verifiers.math import MathVerifier
from gym_reason.verifiers.state.verifier import StateVerifier
from gym_reason.verifiers.steps import ArithmeticStepsVerifier

register_verifier("math")(MathVerifier)
register_verifier("code")(CodeVerifier)
register_verifier("countdown")(CountdownVerifier)
register_verifier("exact")(ExactVerifier)
register_verifier("positions")(PositionsVerifier)
register_verifier("think_tags")(ThinkTagsVerifier)
register_verifier("no_think")(NoThinkVerifier)
register_verifier("answer_tags")(AnswerTagsVerifier)
register_verifier("json_schema")(JsonSchemaVerifier)
register_verifier("language")(LanguageVerifier)
register_verifier("length")(make_length_verifier)
register_verifier("overlong")(OverlongVerifier)
register_verifier("repetition")(RepetitionVerifier)
register_verifier("arithmetic_steps")(ArithmeticStepsVerifier)
register_verifier("graph_colouring")(GraphColouringVerifier)
register_verifier("knights_and_knaves")(KnightsAndKnavesVerifier)
register_verifier("rewriting")(RewritingVerifier)
register_verifier("sudoku")(SudokuVerifier)
register_verifier("state")(StateVerifier)


@register_verifier("judge")
def _make_judge(settings: str = "", **overrides: str | int | float | bool) -> Verifier:
    from gym_reason.verifiers.judge import make_judge  # asyncio and HTTP, for those who ask

    return make_judge(settings, **overrides)


@register_verifier("lean")
def _make_lean(repl: str = "", project: str = "", timeout: float = 60.0) -> Verifier:
    from gym_reason.verifiers.proofs.lean.verifier import LeanVerifier

    return LeanVerifier(repl, project, timeout)


@register_verifier("metamath")
def _make_metamath() -> Verifier:
    from gym_reason.verifiers.proofs.metamath.verifier import MetamathVerifier

    return MetamathVerifier()


@register_verifier("natural_deduction")
def _make_natural_deduction(header: bool = False) -> Verifier:
    from gym_reason.verifiers.proofs.natural.verifier import NaturalDeductionVerifier

    return NaturalDeductionVerifier(header)


@register_verifier("rocq")
def _make_rocq(seconds: float = 60.0) -> Verifier:
    from gym_reason.verifiers.proofs.rocq.system import RocqVerifier

    return RocqVerifier(seconds)


def make_verifier(spec: str | Verifier | Mapping[str, object]) -> Verifier:
    """Return the verifier that `spec` names; a verifier is returned as it is.

    Args:
        spec: A registered name, optionally with arguments: `math`, `math:strict`,
            `math:strict,tolerance=0.01`, `think_tags:require_thought=true`. The annotations of
            what makes the verifier say what each argument must be. Or, as in a recipe, a table of
            named parts `[weight, spec]`: their weighted sum, whose first part decides what is
            correct.

    Raises:
        UnknownNameError: Where no verifier has the name.
        UsageError: Where it refuses the arguments, or what it makes is no verifier.
    """
    if isinstance(spec, Mapping):
        return weighted({name: _read_part(name, part) for name, part in spec.items()})
    if not isinstance(spec, str):
        if isinstance(spec, Verifier):
            return spec
        raise UsageError(f"a verifier of type {type(spec).__name__}", "a name or a Verifier")
    name, positional, keywords = split_spec(spec)
    factory = registered.get(name)
    bound = bind_texts(factory, positional, keywords, f"the verifier {spec!r}")
    made = factory(*bound.args, **bound.kwargs)
    if not isinstance(made, Verifier):
        raise UsageError(f"the verifier {name!r} made a {type(made).__name__}", "a Verifier")
    return made


def _read_part(name: str, part: object) -> tuple[float, Verifier]:
    """Return the weight and the verifier of a part of a weighted sum. Raises UsageError."""
    if not isinstance(part, list | tuple) or len(part) != 2:
        raise UsageError(
            f"the part {name!r} is {part!r}", '[weight, verifier], as in [0.1, "math"]'
        )
    weight, inner = part
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise UsageError(f"the weight of {name!r} is {weight!r}", "a number")
    return float(weight), make_verifier(inner)
