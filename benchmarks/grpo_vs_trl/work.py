"""The work that both sides do. Imports nothing of either."""

import random
from typing import Any

PROMPTS, SAMPLES, NEW_TOKENS = 16, 8, 32
RUN_PROMPTS, RUN_TOKENS = 64, 48


def reward_of(text: str) -> float:
    """Return a reward that any text has and that differs between samples."""
    return sum(map(ord, text)) % 7 / 6


def prompts() -> list[str]:
    """Return the prompts of a step, all of one width."""
    return [f"{100 + 37 * i}+{999 - 41 * i}=" for i in range(PROMPTS)]


def sums(step: int) -> list[tuple[str, str]]:
    """Return the prompts and answers of a step of the run."""
    draw = random.Random(step)
    pairs = [(draw.randint(100, 999), draw.randint(100, 999)) for _ in range(RUN_PROMPTS)]
    return [(f"{left}+{right}=", str(left + right)) for left, right in pairs]


def is_right(prompt: str, completion: str) -> float:
    """Return 1 where what follows `</think>` is the sum of the prompt."""
    left, _, right = prompt.rstrip("=").partition("+")
    said = completion.rpartition("</think>")[2].replace("<eos>", "").replace("<pad>", "").strip()
    return float(said == str(int(left) + int(right)))


def fixed_batch(vocabulary: int) -> dict[str, Any]:
    """Return one batch of tokens, advantages and old log-probabilities, the same on both sides."""
    draw = random.Random(0)
    lengths = [draw.randint(4, 16) for _ in range(12)]
    return {
        "prompts": [[draw.randrange(6, vocabulary) for _ in range(8)] for _ in lengths],
        "completions": [[draw.randrange(6, vocabulary) for _ in range(n)] for n in lengths],
        "advantages": [draw.uniform(-1.5, 1.5) for _ in lengths],
        "old_shift": [[draw.uniform(-0.5, 0.5) for _ in range(n)] for n in lengths],
    }
