"""What the tests of verifiers may ask for."""

import pytest

from gym_reason.verifiers.math import symbolic
from gym_reason.verifiers.math.budget import Budget


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give sympy half a minute: what it says is asked, and not how busy the machine is."""
    monkeypatch.setattr(symbolic, "LIMIT_S", 30.0)
    monkeypatch.setattr(Budget.__init__, "__defaults__", (30.0,))
