"""The verifiers that come with the library, by name."""

import inspect

from gym_reason.errors import UsageError
from gym_reason.registry import register_verifier
from gym_reason.registry import verifiers as registered
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.code import CodeVerifier
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
from gym_reason.verifiers.math import MathVerifier
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


@register_verifier("judge")
def _make_judge(settings: str = "", **overrides: str | int | float | bool) -> Verifier:
    from gym_reason.verifiers.judge import make_judge  # asyncio and HTTP, for those who ask

    return make_judge(settings, **overrides)


@register_verifier("metamath")
def _make_metamath() -> Verifier:
    from gym_reason.verifiers.proofs.metamath.verifier import MetamathVerifier

    return MetamathVerifier()


@register_verifier("natural_deduction")
def _make_natural_deduction(header: bool = False) -> Verifier:
    from gym_reason.verifiers.proofs.natural.verifier import NaturalDeductionVerifier

    return NaturalDeductionVerifier(header)


def make_verifier(spec: str | Verifier) -> Verifier:
    """Return the verifier that `spec` names; a verifier is returned as it is.

    Args:
        spec: A registered name, optionally with arguments: `math`, `math:strict`,
            `math:strict,tolerance=0.01`, `think_tags:require_thought=true`.

    Raises:
        UnknownNameError: Where no verifier has the name.
        UsageError: Where it refuses the arguments, or what it makes is no verifier.
    """
    if not isinstance(spec, str):
        if isinstance(spec, Verifier):
            return spec
        raise UsageError(f"a verifier of type {type(spec).__name__}", "a name or a Verifier")
    name, _, arguments = spec.partition(":")
    factory = registered.get(name)
    positional: list[str | int | float | bool] = []
    keywords: dict[str, str | int | float | bool] = {}
    for argument in filter(None, (part.strip() for part in arguments.split(","))):
        key, equals, value = argument.partition("=")
        if equals:
            keywords[key.strip()] = _read_value(value.strip())
        else:
            positional.append(_read_value(argument))
    try:
        inspect.signature(factory).bind(*positional, **keywords)
    except TypeError as error:
        raise UsageError(
            f"the verifier {spec!r}: {error}", f"arguments of {name}{inspect.signature(factory)}"
        ) from None
    made = factory(*positional, **keywords)
    if not isinstance(made, Verifier):
        raise UsageError(f"the verifier {name!r} made a {type(made).__name__}", "a Verifier")
    return made


def _read_value(text: str) -> str | int | float | bool:
    if text in ("true", "false"):
        return text == "true"
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
