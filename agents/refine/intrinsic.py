"""Loops in which a policy betters its answer by its own judgement alone."""

from gym_reason.agents.refine.loop import refine_loop
from gym_reason.agents.refine.talk import Talk
from gym_reason.agents.refine.words import says, split_lines

PRINCIPLES = (
    "The answer is true, and says where it is not sure.",
    "The answer helps with what was asked, and does no harm.",
    "Each step of the answer follows from the ones before it.",
)
"""What answers are measured by where a recipe names nothing else."""


@refine_loop("self-refine", paper="Self-Refine, arXiv 2303.17651", grade="C")
async def self_refine(talk: Talk, *, rounds: int = 2, done: str = "NO MISTAKES") -> None:
    """Draft, criticise the draft, revise it, until the critique finds nothing.

    Source: Madaan et al. 2023; the history of drafts and critiques stays in sight.
    """
    talk.propose(await talk.draft())
    for _ in range(rounds):
        feedback = await talk.ask("feedback", done=done)
        talk.hear(feedback)
        if says(feedback, done):
            return
        talk.propose(await talk.ask("revise"))


@refine_loop("rci", paper="RCI, arXiv 2303.17491", grade="C")
async def recursive_criticism(talk: Talk, *, rounds: int = 1, attempts: int = 3) -> None:
    """Plan or answer, find problems with it, improve it, and say it anew until it can be read.

    Source: Kim et al. 2023. The tool `form` of an environment says why an action cannot be read.
    """
    talk.propose(await talk.draft())
    for _ in range(rounds):
        talk.hear(await talk.ask("critique"))
        talk.propose(await talk.ask("improve"))
    for _ in range(attempts if talk.has("form") else 0):
        assert talk.answer is not None
        problem = await talk.use("form", talk.answer.text)
        if not problem:
            return
        talk.hear(problem)
        talk.propose(await talk.ask("again", problem=problem))


@refine_loop("cai", paper="Constitutional AI, arXiv 2212.08073", grade="S")
async def revise_by_principles(talk: Talk, *, rounds: int = 2, principles: str = "") -> None:
    """Draft, then criticise and revise by one principle after another, drawn by the seed.

    Source: Bai et al. 2022, the supervised stage: the last revision is what SFT learns.
    `principles` are texts with a bar between them.
    """
    known = [one.strip() for one in principles.split("|") if one.strip()] or PRINCIPLES
    talk.propose(await talk.draft())
    for number in range(rounds):
        principle = talk.choose(known, f"principle {number}")
        talk.hear(await talk.ask("critique", principle=principle))
        talk.propose(await talk.ask("revise"))


@refine_loop("cove", paper="Chain-of-Verification, arXiv 2309.11495", grade="S")
async def chain_of_verification(talk: Talk, *, questions: int = 4) -> None:
    """Draft, ask what would verify it, answer each question out of its sight, rewrite.

    Source: Dhuliawala et al. 2023, the factored variant: no question sees the draft, so that the
    draft's mistakes are not copied.
    """
    talk.propose(await talk.draft())
    planned = split_lines(await talk.ask("plan", most=questions))[:questions]
    checks = [(one, await talk.ask_aside("verify", question=one)) for one in planned]
    talk.hear("\n".join(f"{question} {found}" for question, found in checks))
    if checks:
        talk.propose(await talk.ask("rewrite", checks=checks))
