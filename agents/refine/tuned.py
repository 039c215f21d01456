"""Loops whose parts are trained for it: critics, editors, repair models.

Each runs with one policy in every seat. What is trained on is set by `credit`, and where a paper
trains one seat alone, the others' tokens are read and not trained on.
"""

from typing import Any

from gym_reason.agents.refine.loop import refine_loop
from gym_reason.agents.refine.talk import Talk
from gym_reason.agents.refine.words import first_word, says


@refine_loop("self-critique", paper="Self-critiquing models, arXiv 2206.05802", grade="G")
async def self_critique(talk: Talk, *, rounds: int = 1) -> None:
    """Answer, criticise the answer out of its sight, refine it by the critique.

    Source: Saunders et al. 2022.
    """
    draft = await talk.draft()
    talk.propose(draft)
    for _ in range(rounds):
        critique = await talk.ask_aside("critique", draft=draft)
        talk.hear(critique)
        draft = await talk.ask_aside("refine", draft=draft, critique=critique)
        talk.propose(draft)


@refine_loop("selfee", paper="SelFee, KAIST 2023", grade="R")
async def selfee(talk: Talk, *, rounds: int = 3, done: str = "Revision is not needed") -> None:
    """Answer, give feedback, revise, until the feedback says that no revision is needed.

    Source: the repository kaistAI/SelFee.
    """
    talk.propose(await talk.draft())
    for _ in range(rounds):
        feedback = await talk.ask("feedback", done=done)
        talk.hear(feedback)
        if says(feedback, done):
            return
        talk.propose(await talk.ask("revise"))


@refine_loop("volcano", paper="Volcano, arXiv 2311.07362", grade="R")
async def volcano(talk: Talk, *, rounds: int = 3) -> None:
    """Answer, criticise, revise, and decide between old and new, until the old one is kept.

    Source: Lee et al. 2023. The revision is B; anything but a clear B keeps the old answer.
    """
    draft = await talk.draft()
    talk.propose(draft)
    for _ in range(rounds):
        critique = await talk.ask_aside("critique", draft=draft)
        talk.hear(critique)
        revised = await talk.ask_aside("revise", draft=draft, critique=critique)
        behind = talk.spoken
        decision = await talk.ask_aside("decide", first=draft, second=revised)
        if first_word(decision) != "b":
            return
        draft = revised
        talk.propose(revised, behind)


@refine_loop("rl4f", paper="RL4F, arXiv 2305.08844", grade="C")
async def rl4f(talk: Talk, *, rounds: int = 1) -> None:
    """A critic writes what helps a fixed model to mend its answer; the critic alone is trained.

    Source: Akyurek et al. 2023. The reward is that of the mended answer.
    """
    draft = await talk.draft(trained=False)
    talk.propose(draft)
    for _ in range(rounds):
        critique = await talk.ask_aside("critique", draft=draft)
        talk.hear(critique)
        draft = await talk.ask("edit", trained=False, critique=critique)
        talk.propose(draft)


@refine_loop("refiner", paper="REFINER, arXiv 2304.01904", grade="C")
async def refiner(talk: Talk, *, rounds: int = 3, done: str = "No hint") -> None:
    """A critic names the first mistake in the reasoning; the generator solves anew with the hint.

    Source: Paul et al. 2023, with the critic as trained in place of the oracle.
    """
    draft = await talk.draft()
    talk.propose(draft)
    for _ in range(rounds):
        hint = await talk.ask_aside("hint", draft=draft, done=done)
        talk.hear(hint)
        if says(hint, done):
            return
        draft = await talk.ask_aside("regenerate", draft=draft, hint=hint)
        talk.propose(draft)


@refine_loop("self-edit", paper="Self-Edit, arXiv 2305.04087", grade="S", tools=("tests",))
async def self_edit(talk: Talk, *, rounds: int = 1) -> None:
    """Run a program on the example tests; an editor sees the outcome as a comment, and mends it.

    Source: Zhang et al. 2023.
    """
    await _mend(talk, rounds, "tests", "edit", "result")


@refine_loop("baldur", paper="Baldur, arXiv 2303.04910", grade="S", tools=("prover",))
async def baldur(talk: Talk, *, rounds: int = 1) -> None:
    """Write a whole proof; a repair model sees the theorem, the failed proof and the error.

    Source: First et al. 2023.
    """
    await _mend(talk, rounds, "prover", "repair", "error")


@refine_loop("coderl", paper="CodeRL, arXiv 2207.01780", grade="C", tools=("tests",))
async def code_rl(talk: Talk, *, rounds: int = 2) -> None:
    """Write a program; where the example tests fail, repair it by their outcome.

    Source: Le et al. 2022, the critic's part in sampling; its token weights are not part of a loop.
    """
    await _mend(talk, rounds, "tests", "repair", "result")


async def _mend(talk: Talk, rounds: int, tool: str, role: str, name: str) -> None:
    """Draft; while a tool finds fault, ask a seat that sees the draft and the fault to mend it."""
    draft = await talk.draft()
    talk.propose(draft)
    for _ in range(rounds):
        said = await talk.use(tool, draft)
        talk.hear(said)
        if not said:
            return
        values: dict[str, Any] = {"draft": draft, name: said}
        draft = await talk.ask_aside(role, **values)
        talk.propose(draft)
