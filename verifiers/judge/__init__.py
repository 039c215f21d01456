"""A verifier that asks a language model over an OpenAI-compatible endpoint.

    judge = JudgeVerifier(read_settings("judge.toml"))

The prompts are the `.txt` files of this folder. Needs the extra `judge` (httpx), which is imported
with the first request.
"""

from gym_reason.verifiers.judge.settings import Criterion, JudgeSettings, read_settings
from gym_reason.verifiers.judge.verifier import JudgeVerifier, make_judge

__all__ = ["Criterion", "JudgeSettings", "JudgeVerifier", "make_judge", "read_settings"]
