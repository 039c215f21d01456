"""Verifiers of programs: run in a sandbox, judged from outside of it."""

from gym_reason.verifiers.code.tests import AssertTests, Case, StdioTests, read_tests
from gym_reason.verifiers.code.verifier import CodeVerifier

__all__ = ["AssertTests", "Case", "CodeVerifier", "StdioTests", "read_tests"]
