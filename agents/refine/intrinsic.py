"""Loops in which a policy betters its answer by its own judgement alone."""

from gym_reason.agents.refine.loop import refine_loop
from gym_reason.agents.refine.talk import Talk

DONE = "NO MISTAKES"
"""What a critique says that finds nothing."""


@refine_loop("self-refine", paper="Self-Refine, arXiv 2303.17651", grade="C")
async def self_refine(talk: Talk, *, rounds: int = 2, done: str = DONE) -> None:
    """Draft, criticise the draft, revise it, until the critique finds nothing.

    Source: Madaan et al. 2023; the history of drafts and critiques stays in sight.
    """
    talk.propose(await talk.draft())
    for _ in range(rounds):
        feedback = await talk.ask("feedback", done=done)
        talk.hear(feedback)
        if done.casefold() in feedback.casefold():
            return
        talk.propose(await talk.ask("revise"))
