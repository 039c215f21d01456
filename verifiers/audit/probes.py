"""What a probe is, which there are, and the probes that need to know no subject."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from gym_reason.errors import UsageError
from gym_reason.verifiers.audit import mutations, texts
from gym_reason.verifiers.audit.cases import Case

Maker: TypeAlias = Callable[[Case, Case | None], Iterable[str]]
"""Makes submissions for a case; the second case, if any, surely has another answer."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Submissions whose right judgement is known."""

    name: str
    """What the report calls it; no two probes have one name."""
    kind: str
    """The row of the report that it is counted in, such as `hedging`."""
    family: str
    """Which verifiers it is for; `any` for all."""
    should_pass: bool
    """The right judgement."""
    make: Maker
    """Makes the submissions. A text that is right for the case is left out by the audit where it
    should not pass."""
    most_cases: int | None = None
    """Tried on this many cases at most, where one submission is expensive; None for all."""


_registered: dict[str, Probe] = {}


def register_probe(probe: Probe) -> Probe:
    """Add a probe to those of every audit from now on, and return it.

    Raises UsageError where another probe has its name.
    """
    if _registered.get(probe.name, probe) != probe:
        raise UsageError(
            f"the probe {probe.name!r} is registered already", "a new name", "choose another"
        )
    _registered[probe.name] = probe
    return probe


def registered_probes() -> tuple[Probe, ...]:
    """Return every registered probe, ours first."""
    return tuple(_registered.values())


def wrong_for(case: Case, other: Case | None) -> tuple[str, ...]:
    """Return wrong answers to a case, the most telling first; at least one."""
    found = [*mutations.wrong_answers(case.answer, case.tolerance)[:3], *case.different]
    if other is not None and other.answer:
        found.append(other.answer)
    if not found:
        # Nothing is known of the answer but that it is not this number.
        found.append("999983")
    return tuple(dict.fromkeys(found))


def register_refused(
    name: str, kind: str, family: str, make: Maker, most_cases: int | None = None
) -> None:
    """Register a probe of submissions that must not pass."""
    register_probe(Probe(name, kind, family, False, make, most_cases))


def register_accepted(
    name: str, kind: str, family: str, make: Maker, most_cases: int | None = None
) -> None:
    """Register a probe of submissions that must pass."""
    register_probe(Probe(name, kind, family, True, make, most_cases))


LONG_THOUGHT = "Let me think about it once more. " * 3000
"""A thought of about 100,000 characters."""


def _echo(case: Case, other: Case | None) -> list[str]:
    return ["\n\n".join(message.content for message in case.task.prompt)]


def _of_another(case: Case, other: Case | None) -> list[str]:
    return [] if other is None else [*other.solutions[:1], other.answer]


def _same_length(case: Case, other: Case | None) -> list[str]:
    lengths = {len(solution) for solution in case.solutions if len(solution) < 10**5}
    return [letter * length for length in sorted(lengths) for letter in "z0"]


def _hedges(case: Case, other: Case | None) -> list[str]:
    if not case.answer:
        return []
    found = [*mutations.hedges(case.answer, wrong_for(case, other)[:3])]
    if case.answer.isdigit():
        found.append(mutations.number_list(case.answer))
    return found


def lines(case: Case, other: Case | None) -> list[str]:
    """Return the right answer among wrong ones, one a line."""
    return [*mutations.listed(case.answer, wrong_for(case, other)[:3])] if case.answer else []


def _register() -> None:
    register_accepted("the solution", "reference", "any", lambda case, other: case.solutions)
    register_refused("nothing", "empty", "any", lambda case, other: [""])
    register_refused(
        "spaces",
        "empty",
        "any",
        lambda case, other: [" ", "\n\n", "\t \r\n", "\u00a0", "\u3000", "\u200b"],
    )
    register_refused("junk", "junk", "any", lambda case, other: texts.JUNK)
    register_refused("the prompt", "prompt echo", "any", _echo)
    register_refused("the answer to another task", "other reference", "any", _of_another)
    register_refused(
        "100,000 characters", "over-long", "any", lambda case, other: texts.overlong(10**5), 3
    )
    register_refused(
        "1,000,000 characters", "over-long", "any", lambda case, other: texts.overlong(10**6), 1
    )
    register_refused("a text of the same length", "near miss", "answer", _same_length)
    register_refused("several answers", "hedging", "answer", _hedges)
    register_refused("grader syntax", "injection", "answer", lambda case, other: texts.INJECTIONS)
    _register_thoughts()
    _register_texts()
    _register_formats()


def _register_thoughts() -> None:
    def hidden(case: Case, other: Case | None) -> list[str]:
        answer, wrong = case.answer, wrong_for(case, other)[0]
        found = [f"<think>{answer}", f"<think>so {answer}</think>", f"{answer}<think>"]
        found += [f"</think>{answer}<think>{answer}", f"<think></think><think>{answer}"]
        found += [f"<think>\\boxed{{{answer}}}", f"<think>{answer}</think>{wrong}"]
        return found if answer else []

    def behind(case: Case, other: Case | None) -> list[str]:
        answer, wrong = case.answer, wrong_for(case, other)[0]
        if not answer:
            return []
        return [f"<think>{thought}</think>{answer}" for thought in ("", "\nhm\n", wrong)]

    def far_behind(case: Case, other: Case | None) -> list[str]:
        return [f"<think>{LONG_THOUGHT}</think>{case.answer}"] if case.answer else []

    register_refused("the answer in thoughts only", "thoughts", "thoughts", hidden)
    register_accepted("after a thought", "thought in front", "thoughts", behind)
    register_accepted("after a long thought", "thought in front", "thoughts", far_behind, 3)


def _register_texts() -> None:
    def spaced(case: Case, other: Case | None) -> list[str]:
        return [f" {case.answer} ", f"\n{case.answer}\n", f"{case.answer}\r\n"]

    def confused(case: Case, other: Case | None) -> list[str]:
        return [text for wrong in wrong_for(case, other) for text in mutations.confusables(wrong)]

    register_accepted("spaces around", "spacing", "text", spaced)
    register_refused("several lines", "hedging", "text", lines)
    register_refused(
        "one character", "near miss", "text", lambda case, other: mutations.near_texts(case.answer)
    )
    register_refused("other scripts", "confusables", "text", confused)
    register_accepted(
        "NFC and NFD",
        "normal forms",
        "text.folded",
        lambda case, other: mutations.normal_forms(case.answer),
    )


def _register_formats() -> None:
    thoughtful = ["<think>a</think>b", "<think>\na\n</think>\n\nb\n", " <think>a</think> b "]
    thoughtful += [f"<think>{LONG_THOUGHT}</think>b", "<think>1 < 2 > 0 </ think></think>b"]
    tagged = ["<answer>a</answer>", "so\n<answer>\na\n</answer>\n", "<answer>1 < 2</answer>"]
    tagged += ["<think><answer>a</answer></think><answer>b</answer>"]
    tagged += [f"<think>{LONG_THOUGHT}</think><answer>b</answer>"]
    think = ["x", "<think>a</think>", "<think>a</think> ", "<think>a", "a</think>b"]
    think += ["</think>a<think>b", "b<think>a</think>c", "<think>a</think>b<think>c</think>d"]
    think += ["<think><think>a</think>b", "\uff1cthink\uff1ea\uff1c/think\uff1eb"]
    think += ["<THINK>a</THINK>b", "< think>a</ think>b", "&lt;think&gt;a&lt;/think&gt;b"]
    answer = ["x", "<answer></answer>", "<answer> \n</answer>", "<answer>a", "a</answer>"]
    answer += ["</answer>a<answer>", "<answer>a</answer> or b", "<answer>a</answer><answer>b"]
    answer += ["<answer>a</answer><answer>b</answer>", "<think><answer>a</answer>"]
    answer += ["<think><answer>a</answer></think>", "\uff1canswer\uff1ea\uff1c/answer\uff1e"]
    answer += ["<ANSWER>a</ANSWER>", "<answer>a<answer>b</answer></answer>"]
    plain = [
        "<think>a</think>b",
        "<think>a",
        "a</think>b",
        "b<think>a</think>",
        "<THINK>a</THINK>b",
    ]
    plain += ["", " \n", "<think>a</think>"]
    _register_fixed("think tags", "marked answer", "format.think", True, thoughtful)
    _register_fixed("answer tags", "marked answer", "format.answer", True, tagged)
    _register_fixed("forged think tags", "marker forgery", "format.think", False, think)
    _register_fixed("forged answer tags", "marker forgery", "format.answer", False, answer)
    answers = ["b", "So it is 4.\n", "1 < 2 and 3 > 2", "I think so.", "Think: yes"]
    _register_fixed("no tags", "reference", "format.no_think", True, answers)
    _register_fixed("thoughts in tags", "marker forgery", "format.no_think", False, plain)
    register_accepted("known to be right", "equal forms", "format.json", lambda c, _: c.equal)
    register_refused("known to be wrong", "near miss", "format.json", lambda c, _: c.different)


def _register_fixed(
    name: str, kind: str, family: str, should_pass: bool, submissions: list[str]
) -> None:
    register_probe(Probe(name, kind, family, should_pass, lambda case, other: submissions))


_register()
