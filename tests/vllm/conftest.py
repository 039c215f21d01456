"""The tests of this folder need vLLM, in a virtual environment of its own: make test-vllm."""

import importlib.util

import pytest

# Where there is no vLLM the suite does not know of them.
collect_ignore_glob = ["test_*.py"] if importlib.util.find_spec("vllm") is None else []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let vLLM, and what it imports, warn of what they like."""
    for item in items:
        if item.path.parent.name == "vllm":
            item.add_marker(pytest.mark.filterwarnings("ignore"))
