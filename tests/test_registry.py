"""Names, their nearest neighbours, and parts that come from elsewhere."""

import subprocess
import sys
from pathlib import Path

import gymnasium
import pytest

import gym_reason
from gym_reason.envs.base import ReasoningEnv
from gym_reason.errors import UnknownNameError, UsageError
from gym_reason.registry import Registry, environments, explain_unknown, load_module, register_env


def test_a_name_is_found_again_and_taken_once() -> None:
    registry: Registry[int] = Registry("number", "gym_reason.test_numbers")
    registry.add("one", 1)
    registry.add("one", 1)
    assert registry.get("one") == 1
    assert "one" in registry
    assert list(registry) == ["one"]
    with pytest.raises(UsageError, match="registered already"):
        registry.add("one", 2)


def test_an_unknown_name_offers_the_nearest() -> None:
    registry: Registry[int] = Registry("number", "gym_reason.test_numbers")
    registry.add("seven", 7)
    with pytest.raises(UnknownNameError, match=r"no number 'sevn'.*did you mean 'seven'"):
        registry.get("sevn")


def test_a_message_about_many_names_counts_them() -> None:
    found, expected, remedy = explain_unknown("name", "zz", [f"n{i}" for i in range(30)])
    assert (found, expected, remedy) == ("there is no name 'zz'", "one of 30 names", "")


def test_the_embedded_environments_are_listed_and_made() -> None:
    names = ("Arithmetic", "Countdown", "Digits", "Steps")
    assert {f"gym_reason/{name}-v0" for name in names} <= set(environments)
    for name in names:
        assert environments.get(f"gym_reason/{name}-v0")
        env = gym_reason.make(f"gym_reason/{name}-v0")
        assert type(env.unwrapped).__name__ == name


def test_an_unknown_environment_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'gym_reason/Arithmetic-v0'"):
        gym_reason.make("gym_reason/Arithmetics-v0")


def test_an_argument_that_an_environment_does_not_take_is_refused() -> None:
    with pytest.raises(UsageError, match="refused its arguments"):
        gym_reason.make("gym_reason/Arithmetic-v0", digit=3)


@pytest.mark.parametrize("env_id", ["Riddles", "acme/Riddles", "Riddles-v0"])
def test_a_malformed_id_is_refused(env_id: str) -> None:
    with pytest.raises(UsageError, match="namespace/Name-v0"):
        register_env(env_id, "nowhere:Nothing", "", {})


def test_a_class_is_registered_by_its_decorator() -> None:
    @gym_reason.register("test_registry/Riddles-v0", max_turns=7)
    class Riddles(ReasoningEnv):
        """Riddles of the test."""

    assert environments.get("test_registry/Riddles-v0") == "Riddles of the test."
    env = gym_reason.make("test_registry/Riddles-v0")
    assert type(env.unwrapped) is Riddles
    assert env.unwrapped.max_turns == 7
    assert "test_registry/Riddles-v0" in gymnasium.registry


def test_a_file_is_loaded_for_what_it_registers(tmp_path: Path) -> None:
    path = tmp_path / "loaded_by_test.py"
    path.write_text(
        "import gym_reason\n"
        "from gym_reason.envs.base import ReasoningEnv\n"
        "@gym_reason.register('test_registry/Loaded-v0', description='From a file.')\n"
        "class Loaded(ReasoningEnv):\n    pass\n"
    )
    load_module(str(path))
    assert environments.get("test_registry/Loaded-v0") == "From a file."


@pytest.mark.parametrize("source", ["no_such_module_anywhere", "/no/such/file.py"])
def test_what_cannot_be_loaded_is_refused(source: str) -> None:
    with pytest.raises(UsageError, match=r"cannot load .*(No module|No such file)"):
        load_module(source)


def test_a_file_that_fails_is_one_line_and_may_be_mended(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("import gym_reason\nbroken", encoding="utf-8")
    with pytest.raises(UsageError, match=r"cannot load .*NameError: name 'broken'"):
        load_module(str(path))
    path.write_text("import gym_reason\n", encoding="utf-8")
    load_module(str(path))


def test_importing_and_making_takes_no_heavy_library() -> None:
    program = (
        "import sys, gym_reason\n"
        "for name in ('Arithmetic', 'Countdown', 'Digits', 'Steps'):\n"
        "    gym_reason.make(f'gym_reason/{name}-v0').reset(seed=0)\n"
        "print([name for name in ('torch', 'transformers', 'pyarrow', 'pandas')"
        " if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
