"""Agents: policies (engines), conversations in tokens, and the loops around them."""

if __name__ != "gym_reason.agents":
    raise ImportError("import this package as gym_reason.agents, not as agents")
