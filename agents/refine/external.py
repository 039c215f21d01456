"""Loops that listen to something besides the policy: tests, a tool, a prover, a memory."""

from gym_reason.agents.refine.loop import refine_loop
from gym_reason.agents.refine.talk import Talk


@refine_loop("self-debug", paper="Self-Debug, arXiv 2304.05128", grade="S")
async def self_debug(talk: Talk, *, rounds: int = 2, explain: bool = True) -> None:
    """Write a program, run the public tests, explain it line by line, mend it.

    Source: Chen et al. 2023. Where the task has no public tests the explanation is all there is.
    """
    talk.propose(await talk.draft())
    for _ in range(rounds):
        assert talk.answer is not None
        result = await talk.use("tests", talk.answer.text) if talk.has("tests") else ""
        talk.hear(result)
        if talk.has("tests") and not result:
            return
        explanation = await talk.ask("explain") if explain else ""
        talk.propose(await talk.ask("repair", result=result, explanation=explanation))
