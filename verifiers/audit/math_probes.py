"""Probes of verifiers that compare mathematics."""

from fractions import Fraction

from gym_reason.verifiers.audit import mutations, texts
from gym_reason.verifiers.audit.cases import Case
from gym_reason.verifiers.audit.probes import (
    LONG_THOUGHT,
    lines,
    register_accepted,
    register_refused,
    wrong_for,
)
from gym_reason.verifiers.audit.values import read_value

_TEXT_IN_FRONT = "First I read the task, then I work it out.\n"


def _marked(case: Case, other: Case | None) -> list[str]:
    answer = case.answer
    found = [f"\\boxed{{{answer}}}", f"$\\boxed{{{answer}}}$", f"\\boxed{{ {answer} }}."]
    found += [f"<answer>{answer}</answer>", f"<answer>\n{answer}\n</answer>", f"#### {answer}"]
    found += [f"{_TEXT_IN_FRONT}\\boxed{{{answer}}}", f"{_TEXT_IN_FRONT}#### {answer}"]
    found += [f"{_TEXT_IN_FRONT}The answer is {answer}.", f"{_TEXT_IN_FRONT}Answer: {answer}"]
    found += [f"The answer is ${answer}$."] if "$" not in answer else []
    return found


def _far_marked(case: Case, other: Case | None) -> list[str]:
    return [f"{LONG_THOUGHT}\n\\boxed{{{case.answer}}}", f"{LONG_THOUGHT}\n#### {case.answer}"]


def _written_again(case: Case, other: Case | None) -> list[str]:
    found = [*case.equal, *mutations.equal_answers(case.answer)]
    return [*found, *(f"\\boxed{{{text}}}" for text in found)]


def _formatted(case: Case, other: Case | None) -> list[str]:
    found = [*mutations.format_mutations(case.answer)]
    return [*found, *(f"\\boxed{{{text}}}" for text in found if not text.endswith("\n"))]


def _grouped(case: Case, other: Case | None) -> list[str]:
    value = read_value(case.answer)
    return [*mutations.digit_groups(value)] if isinstance(value, Fraction) else []


def _unmarked(case: Case, other: Case | None) -> list[str]:
    if not case.answer.lstrip("-").isdigit():
        return []
    return [f"So we get {case.answer}", f"{_TEXT_IN_FRONT}That makes {case.answer}."]


def _near(case: Case, other: Case | None) -> list[str]:
    found = [*case.different, *mutations.wrong_answers(case.answer, case.tolerance)]
    return [*found, *(f"\\boxed{{{text}}}" for text in found)]


def _confused(case: Case, other: Case | None) -> list[str]:
    wrong = [text for text in wrong_for(case, other) if any(map(str.isdigit, text))]
    found = [text for one in wrong for text in mutations.confusables(one)]
    found += mutations.lookalikes(case.answer)
    return [*found, *(f"\\boxed{{{text}}}" for text in found)]


def _boxed_hedges(case: Case, other: Case | None) -> list[str]:
    return [*mutations.boxed_hedges(case.answer, wrong_for(case, other)[0])]


def _far_boxes(case: Case, other: Case | None) -> list[str]:
    wrong = wrong_for(case, other)[0]
    boxes = [f"\\boxed{{{text}}}" for text in (case.answer, wrong)]
    return [f"\n{_TEXT_IN_FRONT}\n".join(order) for order in (boxes, boxes[::-1])]


def _weaker_marker(case: Case, other: Case | None) -> list[str]:
    answer, wrong = case.answer, wrong_for(case, other)[0]
    found = [
        f"#### {answer}\nNo.\n\\boxed{{{wrong}}}",
        f"The answer is {answer}. \\boxed{{{wrong}}}",
    ]
    found += [f"\\boxed{{{wrong}}} {answer}", f"{answer}\n#### {wrong}"]
    found += [f"<answer>{wrong}</answer>{answer}", f"{answer} <answer>{wrong}</answer>"]
    found += [f"\\text{{{answer}}} \\boxed{{{wrong}}}", f"\\boxed{{{wrong}}} % {answer}"]
    found += [f"\\boxed{{{wrong}}}\n\\boxed{{", f"\\boxed{{{wrong} \\phantom{{{answer}}}}}"]
    return found


def _without_marker(case: Case, other: Case | None) -> list[str]:
    if not case.answer.lstrip("-").isdigit():
        return []
    return [f"So we get {case.answer}", f"{_TEXT_IN_FRONT}That makes {case.answer} in all"]


def _unevaluated(case: Case, other: Case | None) -> list[str]:
    if not case.answer.isdigit() or len(case.answer) > 12:
        return []
    number = int(case.answer)
    found = [f"{number - 1} + 1", f"{2 * number}/2", f"{number}*1", f"{number}/1", f"{number}^1"]
    return [*found, f"{number}e0", f"{number} + 0", f"\\frac{{{2 * number}}}{{2}}"]


def _whole_from_five(case: Case) -> bool:
    return case.answer.isdecimal() and len(case.answer) < 12 and int(case.answer) >= 5


def _denied(case: Case, other: Case | None) -> list[str]:
    return [*mutations.denials(case.answer)] if _whole_from_five(case) else []


def _magnified(case: Case, other: Case | None) -> list[str]:
    if not _whole_from_five(case):
        return []
    found = mutations.magnitudes(case.answer)
    return [*found, *(f"\\boxed{{{text}}}" for text in found), *(f"So it is {t}" for t in found)]


def _near_unions(case: Case, other: Case | None) -> list[str]:
    return [f"\\boxed{{{text}}}" for text in mutations.near_unions(case.answer)]


def _register() -> None:
    register_accepted("marked", "marked answer", "math", _marked)
    register_accepted("far behind", "text in front", "math", _far_marked, 3)
    register_accepted("written again", "equal forms", "math.forms", _written_again)
    register_accepted("delimiters and spaces", "spacing", "math", _formatted)
    register_accepted("thousands", "equal forms", "math", _grouped)
    register_accepted("last number", "text in front", "math.unmarked", _unmarked)
    register_accepted(
        "NFC and NFD of mathematics",
        "normal forms",
        "math",
        lambda case, other: mutations.normal_forms(case.answer),
    )
    register_refused("a near miss", "near miss", "math", _near)
    register_refused("denied or computed with", "hedging", "math", _denied)
    register_refused("another magnitude", "near miss", "math", _magnified)
    register_refused("ends that nearly touch", "near miss", "math.forms", _near_unions)
    register_refused("confusable digits", "confusables", "math", _confused)
    register_refused("several lines of numbers", "hedging", "math", lines)
    register_refused("several boxes", "hedging", "math", _boxed_hedges)
    register_refused("boxes far apart", "hedging", "math.marked", _far_boxes)
    register_refused("no marker", "marker forgery", "math.marked", _without_marker)
    register_refused("the answer beside the marker", "marker forgery", "math", _weaker_marker)
    register_refused("not worked out", "near miss", "math.digits", _unevaluated)
    register_refused("too much work", "injection", "math", lambda case, other: texts.TOWERS, 10)
    register_refused("no value", "injection", "math", lambda case, other: texts.UNDEFINED)


_register()
