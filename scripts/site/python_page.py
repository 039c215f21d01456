"""The reference of Python: which names of which modules are meant to be used from outside."""

LEAD = """# Python

The names that programs of your own are meant to use, from the strings in the source. Whatever
stands on no page may change without a word.
"""
MODULES = {
    "gym_reason": ("make", "register", "register_dataset", "register_verifier", "register_agent"),
    "gym_reason.types": (
        "Task", "Message", "Verdict", "Outcome", "Completion", "Turn", "TokenTrace", "Trajectory",
        "StopReason", "Group",
    ),
    "gym_reason.envs.base": ("ReasoningEnv", "Transition", "sample_tasks"),
    "gym_reason.envs.check": ("check",),
    "gym_reason.envs.vector": ("make_pooled_vec",),
    "gym_reason.verifiers.base": ("Verifier",),
    "gym_reason.verifiers.builtin": ("make_verifier",),
    "gym_reason.verifiers.compose": ("weighted", "all_of", "gate", "first_that_applies"),
    "gym_reason.verifiers.pool": ("VerifierPool",),
    "gym_reason.verifiers.audit": ("audit", "make_case", "contract_of"),
    "gym_reason.agents.base": ("Agent", "Action"),
    "gym_reason.agents.policy": ("Policy", "SamplingParams"),
    "gym_reason.agents.conversation": ("ChatEncoder", "Conversation"),
    "gym_reason.agents.models": ("build_preset", "load_model"),
    "gym_reason.agents.engines.local": ("LocalEngine",),
    "gym_reason.rollout": ("run_groups", "run_episode", "EnvPool", "EpisodeLimits"),
    "gym_reason.evaluate.stored": ("open_run",),
    "gym_reason.trainers.recipe": ("load_recipe",),
    "gym_reason.trainers.train": ("train",),
    "gym_reason.errors": (
        "GymReasonError", "UsageError", "UnknownNameError", "ConfigError", "DataError",
        "ModelError", "EnvError", "RunError",
    ),
}  # fmt: skip
"""What is shown of each module."""


def write_python_page() -> str:
    """Return the page in Markdown: a section for each module, which mkdocstrings fills."""
    lines = [LEAD]
    for module, names in MODULES.items():
        lines += [f"## {module}", ""]
        for name in names:
            lines += [f"::: {module}.{name}", ""]
    return "\n".join(lines)
