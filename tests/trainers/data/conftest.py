"""A tiny model for the tests of this folder."""

import pytest

from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.models import build_preset
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.trainers.data.scoring import Scorer
from gym_reason.trainers.model.learner import PRINTABLE


def make_scorer() -> Scorer:
    """Return a model with random weights, a token for each printable character, 96 positions."""
    tokenizer = build_character_tokenizer(PRINTABLE)
    model = build_preset("0.1m", len(tokenizer), max_positions=96, seed=3)
    return Scorer(model, tokenizer, ChatEncoder(tokenizer))


@pytest.fixture
def scorer() -> Scorer:
    """A model that a test may change."""
    return make_scorer()


@pytest.fixture(scope="session")
def shared_scorer() -> Scorer:
    """A model that no test changes."""
    return make_scorer()
