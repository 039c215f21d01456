"""Loops that listen to something besides the policy: tests, a search, a solver, a memory."""

from gym_reason.agents.refine.loop import refine_loop
from gym_reason.agents.refine.talk import Talk
from gym_reason.agents.refine.words import (
    edit_share,
    first_word,
    says,
    split_lines,
    strip_fence,
    without_thoughts,
)


@refine_loop("self-debug", paper="Self-Debug, arXiv 2304.05128", grade="S")
async def self_debug(talk: Talk, *, rounds: int = 2, explain: bool = True) -> None:
    """Write a program, run the public tests, explain it line by line, mend it.

    Source: Chen et al. 2023. Where the task has no public tests the explanation is all there is.
    """
    talk.propose(await talk.draft())
    for _ in range(rounds):
        result = await _run_tests(talk)
        if talk.has("tests") and not result:
            return
        explanation = await talk.ask("explain") if explain else ""
        talk.propose(await talk.ask("repair", result=result, explanation=explanation))


@refine_loop("reflexion", paper="Reflexion, arXiv 2303.11366", grade="C")
async def reflexion(talk: Talk, *, rounds: int = 3, memory: int = 3) -> None:
    """Attempt, test, put into words what went wrong, try anew with that in memory.

    Source: Shinn et al. 2023. Tests are public ones, or those that the policy wrote for itself and
    runs with the tool `python`; the hidden ones decide at the end alone, and are never heard.
    """
    own = ""
    if talk.has("python") and not talk.has("tests"):
        own = strip_fence(await talk.ask_aside("write_tests"))
    talk.propose(await talk.draft())
    learnt: list[str] = []
    for _ in range(rounds):
        result = await _run_tests(talk, own)
        if not result:
            return
        assert talk.answer is not None
        attempt = talk.answer.text
        learnt.append(await talk.ask_aside("reflect", attempt=attempt, result=result))
        talk.propose(await talk.ask_aside("retry", memory=learnt[-memory:]))


@refine_loop("critic", paper="CRITIC, arXiv 2305.11738", grade="R", tools=("search",))
async def critic(talk: Talk, *, rounds: int = 2, tool: str = "search") -> None:
    """Draft, ask a tool what bears on it, criticise by what it says, correct, until stable.

    Source: Gou et al. 2023; that it stops once the answer does not change is general knowledge.
    """
    talk.propose(await talk.draft())
    for _ in range(rounds):
        query = without_thoughts(await talk.ask("query", tool=tool)).strip()
        result = await talk.use(tool, query)
        talk.hear(result)
        await talk.ask("critique", tool=tool, result=result)
        assert talk.answer is not None
        before = without_thoughts(talk.answer.text).strip()
        corrected = await talk.ask("correct")
        talk.propose(corrected)
        if without_thoughts(corrected).strip() == before:
            return


@refine_loop(
    "backtrack", paper="GSM8K's calculator, arXiv 2110.14168", grade="G", tools=("equations",)
)
async def backtrack(talk: Talk, *, rounds: int = 3, tool: str = "equations") -> None:
    """Draft; where a tool finds a false step, go on from there with the step mended.

    Source: Cobbe et al. 2021, whose calculator overrides what the policy computes while it writes;
    here it reads a draft, and mends one step a round.
    """
    draft = await talk.draft()
    talk.propose(draft)
    for _ in range(rounds):
        mended = await talk.use(tool, draft, whole=True)
        if not mended or mended.startswith("error"):
            return
        talk.hear(mended)
        draft = await talk.go_on_from(mended)
        talk.propose(draft)


@refine_loop("flare", paper="FLARE, arXiv 2305.06983", grade="R", tools=("search",))
async def flare(
    talk: Talk, *, sentences: int = 12, threshold: float = 0.4, done: str = "END"
) -> None:
    """Write sentence by sentence; look up what was unsure, and write that sentence anew.

    Source: Jiang et al. 2023, the direct variant: a sentence with a token less likely than the
    threshold is itself the query.
    """
    said: list[str] = []
    for _ in range(sentences):
        so_far = " ".join(said)
        sentence = await _next_sentence(talk, so_far, "", done)
        if talk.lowest_probability < threshold and not says(sentence, done):
            evidence = await talk.use("search", sentence)
            talk.hear(evidence)
            sentence = await _next_sentence(talk, so_far, evidence, done)
        if says(sentence, done) or not sentence:
            break
        said.append(sentence)
    talk.propose(" ".join(said))


@refine_loop("logic-lm", paper="Logic-LM, arXiv 2305.12295", grade="C", tools=("solver",))
async def logic_lm(talk: Talk, *, rounds: int = 2, backup: bool = True) -> None:
    """Translate the problem into a logic program, let a solver run it, mend it by its errors.

    Source: Pan et al. 2023. Where no program runs, the answer without a solver stands.
    """
    if backup:
        talk.propose(await talk.draft())
    program = strip_fence(await talk.ask_aside("translate"))
    result = await talk.use("solver", program)
    for _ in range(rounds):
        if not result.startswith("error"):
            break
        talk.hear(result)
        program = strip_fence(await talk.ask_aside("fix", program=program, error=result))
        result = await talk.use("solver", program)
    if not result.startswith("error"):
        talk.hear(result)
        talk.propose(await talk.ask("conclude", result=result))


@refine_loop("rarr", paper="RARR, arXiv 2210.08726", grade="C", tools=("search",))
async def rarr(talk: Talk, *, questions: int = 4, most_edited: float = 0.5) -> None:
    """Ask what a text claims, look it up, and edit only where the evidence disagrees.

    Source: Gao et al. 2022. An edit that changes more than `most_edited` of the text is refused.
    """
    claim = await talk.draft()
    talk.propose(claim)
    claim = without_thoughts(claim).strip()
    asked = await talk.ask_aside("questions", claim=claim, most=questions)
    for question in split_lines(asked)[:questions]:
        evidence = await talk.use("search", question)
        agreed = await talk.ask_aside("agree", claim=claim, question=question, evidence=evidence)
        if first_word(agreed) != "no":
            continue
        talk.hear(evidence)
        said = await talk.ask_aside("edit", claim=claim, question=question, evidence=evidence)
        edited = without_thoughts(said).strip()
        if edited and 0.0 < edit_share(claim, edited) <= most_edited:
            claim = edited
            talk.propose(claim)


@refine_loop("self-evolve", paper="SelfEvolve, arXiv 2306.02907", grade="G")
async def self_evolve(talk: Talk, *, rounds: int = 2) -> None:
    """Write down what one needs to know, program with it, mend what the interpreter refuses.

    Source: Jiang et al. 2023. Where the task has no public tests, the tool `python` runs the
    program as it is.
    """
    knowledge = await talk.ask_aside("knowledge")
    talk.propose(await talk.ask("solve", knowledge=without_thoughts(knowledge)))
    for _ in range(rounds):
        result = await _run_tests(talk, "", bare=True)
        if not result:
            return
        talk.propose(await talk.ask("revise", result=result))


async def _run_tests(talk: Talk, own_tests: str = "", *, bare: bool = False) -> str:
    """Return what the tests say of the present answer; nothing where they pass or are none.

    With `bare`, a program without any test is run too, for the errors that it ends with.
    """
    assert talk.answer is not None
    result = ""
    if talk.has("tests"):
        result = await talk.use("tests", talk.answer.text)
    elif (own_tests or bare) and talk.has("python"):
        program = strip_fence(talk.answer.text)
        result = await talk.use("python", f"{program}\n\n{own_tests}\n")
        result = result if result.startswith("error") else ""
    talk.hear(result)
    return result


async def _next_sentence(talk: Talk, so_far: str, evidence: str, done: str) -> str:
    said = await talk.ask_aside(
        "sentence", stop=("\n",), so_far=so_far, evidence=evidence, done=done
    )
    return without_thoughts(said).strip()
