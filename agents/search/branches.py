"""The ways that a search follows: each goes on from its own tokens, never from its text."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gym_reason.agents.conversation import Conversation
from gym_reason.agents.refine.talk import Talk
from gym_reason.types import Completion, FinishReason, say_versions


@dataclass(frozen=True, slots=True)
class Branch:
    """A way to an answer, as far as it has come."""

    way: Conversation = field(repr=False)
    """Where the policy goes on from here."""
    text: str = ""
    """What the policy said on it."""
    token_ids: tuple[int, ...] = ()
    """Its tokens, without those of words that were put into its mouth."""
    logprobs: tuple[float, ...] = ()
    """Their log-probabilities."""
    steps: int = 0
    """How many steps it took."""
    ended: bool = False
    """Whether the policy has nothing more to say, or no room for it."""
    finish_reason: FinishReason = "length"
    """Why it ended; `length` where it has not."""
    versions: tuple[int, ...] = ()
    """Version of the weights behind each token."""

    @property
    def likelihood(self) -> float:
        """Mean log-probability of its tokens; minus infinity without any."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else -float("inf")

    @property
    def completion(self) -> Completion:
        """All that was said, as one completion."""
        return Completion(
            self.token_ids,
            self.logprobs,
            self.text,
            self.finish_reason,
            min(self.versions, default=0),
            say_versions(self.versions),
        )


def begin(talk: Talk) -> Branch:
    """Return a branch on which nothing is said yet."""
    return Branch(talk.fork())


async def sample_branches(talk: Talk, count: int) -> list[Branch]:
    """Return whole answers to the conversation, drawn at once; fewer where a limit is reached.

    Raises LimitReached where there is room for none.
    """
    branches = await extend(talk, [begin(talk) for _ in range(count)], 1, "")
    return [children[0] for children in branches if children]


async def extend(
    talk: Talk, branches: Sequence[Branch], count: int, separator: str
) -> list[list[Branch]]:
    r"""Return the children of each branch, a step further, all drawn at once.

    The branches themselves are used up: the first child of each goes on in its conversation, so
    that a chain without siblings is one stream of tokens. Where a limit is reached, the last ones
    have fewer children or none.

    Args:
        talk: The turn of the episode.
        branches: What to go on from; none of them ended.
        count: Children of each.
        separator: What ends a step, such as `\n`; empty for steps that go on to the end.

    Raises:
        LimitReached: There is room for no child at all.
    """
    parents = [parent for parent in branches for _ in range(count)]
    ways = [
        parent.way if number == 0 else parent.way.fork()
        for parent in branches
        for number in range(count)
    ]
    most = [talk.params.max_tokens - len(parent.token_ids) for parent in parents]
    said = await talk.go_on_in(ways, most, (separator,) if separator else ())
    children: list[list[Branch]] = [[] for _ in branches]
    for number, (way, completion) in enumerate(zip(ways, said, strict=False)):
        grown = _grow(parents[number], way, completion, separator, talk.params.max_tokens)
        children[number // count].append(grown)
    return children


async def finish(talk: Talk, branch: Branch) -> Branch:
    """Return a branch with its answer said to the end. Raises LimitReached where there is no room.

    What a search says last is always an answer, whatever number of steps it was given.
    """
    if branch.ended:
        return branch
    ((grown,),) = await extend(talk, [branch], 1, "")
    return grown


def take(talk: Talk, branch: Branch) -> None:
    """Make what a branch says the answer of the turn."""
    talk.take(branch.way, branch.text, branch.completion)


def best_index(scores: Sequence[float]) -> int:
    """Return where the highest score stands, the first of equals; what is no number is lowest."""
    return max(range(len(scores)), key=lambda index: (rank_value(scores[index]), -index))


def rank_value(score: float) -> float:
    """Return a score to order by: what is no number is lowest."""
    return score if score == score else -float("inf")


def _grow(
    parent: Branch, way: Conversation, completion: Completion, separator: str, most: int
) -> Branch:
    text, goes_on = completion.text, False
    if separator and completion.finish_reason == "stop":
        spoken = way.decode(completion.token_ids)
        # A stop token ends the answer; after the separator the policy would go on.
        if separator in spoken[len(text) :] or (separator in spoken and separator not in text):
            text, goes_on = spoken, True
    token_ids = parent.token_ids + completion.token_ids
    full = len(token_ids) >= most
    return Branch(
        way=way,
        text=parent.text + text,
        token_ids=token_ids,
        logprobs=parent.logprobs + completion.logprobs,
        steps=parent.steps + 1,
        ended=full or not goes_on,
        finish_reason="length" if full and goes_on else completion.finish_reason,
        versions=parent.versions + completion.token_versions,
    )
