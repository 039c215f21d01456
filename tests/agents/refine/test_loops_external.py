"""Loops that use a tool, turn by turn as their papers say: order, prompts, stops, what is heard."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import pytest

from gym_reason.agents.build import bind_agent, make_agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.policy import SamplingParams
from gym_reason.envs.base import sample_tasks
from gym_reason.errors import UsageError
from gym_reason.rollout import EpisodeLimits, run_episode
from gym_reason.types import Completion, Message, Task
from tests.agents.refine.episodes import (
    DOUBLE,
    RIGHT,
    SUM,
    WRONG,
    answers,
    heard,
    play,
    programs,
    sums,
    trained,
)
from tests.agents.refine.replay import ReplayPolicy

CAPITAL = Task("capital", (Message("user", "What is the capital of France?"),), "42")


class Recorder:
    """A tool that says given words in turn, and keeps what it was asked."""

    def __init__(self, *words: str) -> None:
        self._words = list(words)
        self.asked: list[str] = []

    def __call__(self, text: str) -> str:
        self.asked.append(text)
        return self._words.pop(0) if len(self._words) > 1 else self._words[0]


class UnsurePolicy(ReplayPolicy):
    """Is not sure of the lines that hold a question mark."""

    async def sample(self, prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        """Return the next line."""
        said = await super().sample(prompt_ids, params)
        if "?" not in said.text:
            return said
        return replace(said, logprobs=(-0.1, *(-2.0,) * (len(said.token_ids) - 1)))


@pytest.mark.usefixtures("needs_bubblewrap")
class TestPrograms:
    def test_self_debug_explains_what_failed_and_mends_it(self) -> None:
        policy = ReplayPolicy(WRONG, "It returns each number as it is.", RIGHT, "unsaid")
        trajectory = play("self-debug", policy, env=programs(), task=DOUBLE)
        draft, explain, repair = policy.prompts
        assert "line by line" in explain
        assert explain.startswith(draft + WRONG)
        assert "solve([2, 3])" in repair  # the public test that failed
        assert "It returns each number as it is." in repair
        assert answers(trajectory) == [WRONG, RIGHT]
        assert "solve([2, 3])" in str(heard(trajectory)[0])
        assert trajectory.ret == 1.0

    def test_self_debug_without_explanations_has_the_result_alone(self) -> None:
        policy = ReplayPolicy(WRONG, RIGHT)
        trajectory = play("self-debug", policy, env=programs(), task=DOUBLE, explain=False)
        assert len(policy.prompts) == 2
        assert "By your own explanation" not in policy.prompts[1]
        assert answers(trajectory) == [WRONG, RIGHT]

    @pytest.mark.parametrize("name", ["self-debug", "reflexion", "self-edit", "coderl"])
    def test_what_passes_the_public_tests_is_not_touched(self, name: str) -> None:
        policy = ReplayPolicy(RIGHT, "unsaid")
        trajectory = play(name, policy, env=programs(), task=DOUBLE)
        assert answers(trajectory) == [RIGHT]
        assert len(policy.prompts) == 1

    def test_reflexion_tries_anew_with_what_it_learnt_and_nothing_else(self) -> None:
        policy = ReplayPolicy(WRONG, "I must double.", WRONG, "I must multiply by 2.", RIGHT)
        trajectory = play("reflexion", policy, env=programs(), task=DOUBLE, memory=1)
        _, reflect, retry, second, last = policy.prompts
        assert WRONG in reflect
        assert "solve([2, 3])" in reflect
        assert "I must double." in retry
        assert WRONG not in retry
        assert "I must double." not in second  # a reflection is on one attempt
        assert "I must multiply by 2." in last
        assert "I must double." not in last  # memory holds one
        assert answers(trajectory) == [WRONG, WRONG, RIGHT]

    def test_self_edit_shows_the_outcome_as_a_comment(self) -> None:
        policy = ReplayPolicy(f"<think>hm</think>{WRONG}", RIGHT)
        trajectory = play("self-edit", policy, env=programs(), task=DOUBLE)
        edit = policy.prompts[1]
        assert "Double each number" in edit
        assert f"\n\n{WRONG}\n\n# What came of running it:\n# Public tests:" in edit
        assert "hm" not in edit
        assert trajectory.ret == 1.0

    def test_coderl_repairs_until_its_rounds_are_over(self) -> None:
        policy = ReplayPolicy(WRONG)
        trajectory = play("coderl", policy, env=programs(), task=DOUBLE, rounds=2)
        assert answers(trajectory) == [WRONG] * 3
        assert "This program fails:" in policy.prompts[2]
        # Nothing is run on the last answer: the environment judges it.
        assert len(policy.prompts) == 3

    def test_self_evolve_programs_with_what_it_wrote_down(self) -> None:
        policy = ReplayPolicy("<think>x1</think>Use 2 * x.", WRONG, RIGHT)
        trajectory = play("self-evolve", policy, env=programs(), task=DOUBLE)
        knowledge, solve, revise = policy.prompts
        assert "which facts" in knowledge
        assert "Use 2 * x." in solve
        assert "x1" not in solve
        assert solve.count("Double each number") == 1
        assert "Public tests:" in revise
        assert answers(trajectory) == [WRONG, RIGHT]


def test_reflexion_without_public_tests_runs_its_own_which_it_wrote_first() -> None:
    python = Recorder("error: AssertionError", "")
    policy = ReplayPolicy("```python\nassert f() == 2\n```", "f=1", "The one is wrong.", "f=2", "x")
    trajectory = play("reflexion", policy, tools={"python": python})
    tests, draft, reflect, retry = policy.prompts
    assert "tests of your own" in tests
    assert "assert f() == 2" not in draft
    assert python.asked == ["f=1\n\nassert f() == 2\n\n", "f=2\n\nassert f() == 2\n\n"]
    assert "error: AssertionError" in reflect
    assert "The one is wrong." in retry
    assert answers(trajectory) == ["f=1", "f=2"]


def test_reflexion_with_nothing_to_tell_it_answers_once() -> None:
    policy = ReplayPolicy("41")
    assert answers(play("reflexion", policy)) == ["41"]
    assert len(policy.prompts) == 1


def test_self_debug_without_tests_has_its_explanation_alone() -> None:
    policy = ReplayPolicy("f=1", "f is one.", "f=2", "f is two.", "f=3")
    trajectory = play("self-debug", policy, rounds=2)
    assert answers(trajectory) == ["f=1", "f=2", "f=3"]
    assert "Your program was run" not in policy.prompts[2]
    assert "f is one." in policy.prompts[2]


def test_self_evolve_without_tests_hears_what_the_interpreter_says() -> None:
    python = Recorder("error: NameError: y", "6")
    policy = ReplayPolicy("Products.", "```\nprint(y)\n```", "print(6)", "unsaid")
    trajectory = play("self-evolve", policy, tools={"python": python})
    assert [text.strip() for text in python.asked] == ["print(y)", "print(6)"]
    assert "error: NameError: y" in policy.prompts[2]
    assert answers(trajectory) == ["```\nprint(y)\n```", "print(6)"]


def test_critic_corrects_by_what_its_tool_says_until_the_answer_is_stable() -> None:
    search = Recorder("[fr#1] Paris is the capital.", "[fr#2] Paris it is.")
    policy = ReplayPolicy(
        "Lyon", "<think>?</think>capital of France", "It is not Lyon.", "Paris",
        "Paris France", "It holds.", "<think>sure</think> Paris ", "unsaid",
    )  # fmt: skip
    trajectory = play("critic", policy, task=CAPITAL, tools={"search": search}, rounds=5)
    assert search.asked == ["capital of France", "Paris France"]
    _, query, critique, correct, *_ = policy.prompts
    assert "Write the search input alone" in query
    assert "[fr#1] Paris is the capital." in critique
    assert "It is not Lyon." in correct
    assert answers(trajectory) == ["Lyon", "Paris", "<think>sure</think> Paris "]
    assert heard(trajectory) == ["[fr#1] Paris is the capital.", "[fr#2] Paris it is."]
    assert len(policy.prompts) == 7


def test_critic_may_use_another_tool_and_needs_that_one() -> None:
    calculator = Recorder("42")
    policy = ReplayPolicy("41", "12+30", "wrong", "42")
    play("critic", policy, tools={"calculator": calculator}, tool="calculator", rounds=1)
    assert calculator.asked == ["12+30"]
    assert "The calculator says:\n42" in policy.prompts[2]
    with pytest.raises(UsageError, match="critic needs the tool 'calculator'"):
        play("critic", policy, tools={"search": calculator}, tool="calculator")


def test_backtrack_goes_on_from_the_first_false_equation() -> None:
    draft = "<think>2+0+0=3,1+3+0=5</think>53"
    policy = ReplayPolicy(draft, ",1+3+0=6</think>62", "</think>42", "unsaid")
    trajectory = play("backtrack", policy)
    question, *mended = policy.prompts
    assert mended == [f"{question}<think>2+0+0=2", f"{question}<think>2+0+0=2,1+3+0=4"]
    second, third = "<think>2+0+0=2,1+3+0=6</think>62", "<think>2+0+0=2,1+3+0=4</think>42"
    assert answers(trajectory) == [draft, second, third]
    assert heard(trajectory) == ["<think>2+0+0=2", "<think>2+0+0=2,1+3+0=4"]
    # What the tool wrote is read, not learned.
    assert sorted(trained(trajectory, policy)) == [
        (0, draft), (1, ",1+3+0=6</think>62"), (2, "</think>42"),
    ]  # fmt: skip
    assert trajectory.ret == 1.0


def test_backtrack_keeps_what_its_tool_finds_no_fault_with() -> None:
    for tool in ("", "error: broken"):
        policy = ReplayPolicy("41", "unsaid")
        trajectory = play("backtrack", policy, tools={"equations": Recorder(tool)})
        assert answers(trajectory) == ["41"]
    long = "1+1=2," * 900
    policy = ReplayPolicy("41", "42")
    play("backtrack", policy, tools={"equations": Recorder(long, "")})
    assert policy.prompts[1].endswith(long)  # a text to go on from is never cut


def test_flare_looks_up_only_what_it_was_not_sure_of() -> None:
    search = Recorder("[fr#1] Paris is the capital.")
    policy = UnsurePolicy(
        "France is a country.", "Its capital is Lyon?", "It is Paris.", "END", "x"
    )
    trajectory = play("flare", policy, task=CAPITAL, tools={"search": search})
    first, second, again, last = policy.prompts
    assert search.asked == ["Its capital is Lyon?"]  # the sentence itself is the query
    assert "Passages" not in second
    assert "France is a country." in second
    assert "[fr#1] Paris is the capital." in again
    assert "Lyon" not in again  # the sentence is written anew, not corrected
    assert "France is a country. It is Paris." in last
    assert "Passages" not in last
    assert answers(trajectory) == ["France is a country. It is Paris."]
    assert all(params.stop == ("\n",) for params in policy.params)
    assert "Passages" not in first
    assert {turn for turn, _ in trained(trajectory, policy)} == {0}


def test_flare_ends_after_its_sentences() -> None:
    search = Recorder("nothing")
    policy = ReplayPolicy("More.")
    trajectory = play("flare", policy, task=CAPITAL, tools={"search": search}, sentences=3)
    assert answers(trajectory) == ["More. More. More."]
    assert not search.asked


def test_logic_lm_mends_its_program_by_the_errors_of_the_solver() -> None:
    solver = Recorder("error: unknown constant y", "sat\nx = 42")
    policy = ReplayPolicy("41", "```smt2\n(assert y)\n```", "(assert x)", "42")
    trajectory = play("logic-lm", policy, tools={"solver": solver})
    _, translate, fix, conclude = policy.prompts
    assert [text.strip() for text in solver.asked] == ["(assert y)", "(assert x)"]
    assert "12+30=" in translate
    assert "41" not in translate
    assert "(assert y)" in fix
    assert "error: unknown constant y" in fix
    assert "sat\nx = 42" in conclude
    assert answers(trajectory) == ["41", "42"]


def test_logic_lm_falls_back_to_its_answer_without_a_solver() -> None:
    solver = Recorder("error: no")
    policy = ReplayPolicy("42", "(")
    trajectory = play("logic-lm", policy, tools={"solver": solver}, rounds=2)
    assert len(solver.asked) == 3
    assert answers(trajectory) == ["42"]
    assert answers(play("logic-lm", policy, tools={"solver": solver}, backup=False)) == [""]


def test_rarr_edits_only_where_the_evidence_disagrees_and_never_much() -> None:
    search = Recorder("evidence one", "evidence two", "evidence three")
    policy = ReplayPolicy(
        "Lyon is the capital of France.",
        "1. Which capital?\n2. Which country?\n3. Which city?\n4. Which river?",
        "No, it does not.", "Paris is the capital of France.",
        "Yes.",
        "no", "An altogether different text, about rivers and their mouths in the south.",
    )  # fmt: skip
    trajectory = play("rarr", policy, task=CAPITAL, tools={"search": search}, questions=3)
    assert search.asked == ["Which capital?", "Which country?", "Which city?"]
    _, questions, agree, edit, second, third, _ = policy.prompts
    assert "Lyon is the capital" in questions
    assert "evidence one" in agree
    assert "Which capital?" in agree
    assert "Change as few words" in edit
    assert "Paris is the capital" in second  # the claim as it was edited
    assert "evidence three" in third
    assert answers(trajectory) == [
        "Lyon is the capital of France.",
        "Paris is the capital of France.",
    ]
    assert heard(trajectory) == ["evidence one"]


def test_baldur_repairs_a_proof_by_what_the_prover_says() -> None:
    env = gymnasium.make("gym_reason/NaturalDeduction-v0", unicode=False)
    inner: Callable[..., tuple[str, ...]] = env.unwrapped.demonstrate  # type: ignore[attr-defined]
    task = sample_tasks(env, 1, seed=0)[0]
    (proof,) = inner(task, False)
    statement = proof.partition("\n")[0]
    policy = ReplayPolicy(f"<think>try it</think>{statement}\nassumption", proof, "unsaid")
    trajectory = play("baldur", policy, env=env, task=task)
    repair = policy.prompts[1]
    assert task.prompt[0].content in repair  # the theorem
    assert f"This proof failed:\n{statement}\nassumption\n" in repair
    assert f"The prover says:\n{heard(trajectory)[0]}" in repair
    assert heard(trajectory)[0]
    assert "try it" not in repair
    assert trajectory.correct


def test_settings_bring_the_tools_that_a_loop_needs(tmp_path: Path) -> None:
    pytest.importorskip("z3")
    (tmp_path / "fr.md").write_text("Paris is the capital of France.")
    lines = {
        "rarr": ("Lyon", "1. Which capital?", "no", "Paris"),
        "critic": ("41", "12+30", "low", "42"),
        "logic-lm": ("41", "(check-sat)", "42"),
    }
    env = sums()
    for spec, said in (
        (f"rarr:documents={tmp_path}", "[fr.md] fr\nParis is the capital"),
        ("critic:tools=calculator,tool=calculator,rounds=1", "says:\n42"),
        ("logic-lm:tools=solver+calculator", "It says:\nsat"),
    ):
        policy = ReplayPolicy(*lines[spec.partition(":")[0]])
        agent = bind_agent(make_agent(spec, policy, SamplingParams()), env, SUM)
        encoder = ChatEncoder(policy.tokenizer)
        asyncio.run(run_episode(env, agent, SUM, 0, encoder, EpisodeLimits()))
        assert any(said in prompt for prompt in policy.prompts), spec


def test_a_loop_without_its_tool_is_refused() -> None:
    for name, tool in (("rarr", "search"), ("logic-lm", "solver"), ("self-edit", "tests")):
        with pytest.raises(UsageError, match=f"{name} needs the tool '{tool}'"):
            play(name, ReplayPolicy("x"))


def test_rci_says_an_action_anew_until_it_can_be_read() -> None:
    env: Any = gymnasium.make(
        "gym_reason/Mobile-v0", templates="settings.toggle", dialect="brief", max_turns=1
    )
    [task] = sample_tasks(env, 1, seed=3)
    policy = ReplayPolicy("tap it", "No number.", "press", "tap 9999", "open settings", "wait")
    trajectory = play("rci", policy, env=env, task=task)
    assert answers(trajectory) == ["tap it", "press", "tap 9999", "open settings"]
    *_, unread, absent = policy.prompts
    assert "cannot be read as an action" in unread
    assert "'press'" in unread
    assert "9999" in absent.rpartition("cannot be read")[2]
    assert len(policy.prompts) == 5  # what can be read is not asked for again
    given_up = play("rci", ReplayPolicy("tap it"), env=env, task=task, attempts=2)
    assert answers(given_up) == ["tap it"] * 4


def test_what_cannot_be_read_changes_nothing() -> None:
    env: Any = gymnasium.make("gym_reason/Mobile-v0", templates="settings.toggle", dialect="brief")
    [task] = sample_tasks(env, 1, seed=3)
    env.reset(options={"task": task})
    form = env.unwrapped.make_tools(task)["form"]
    before = env.unwrapped.episode.device.dump()
    assert [form(action) for action in ("open settings", "done", "answer 3")] == ["", "", ""]
    assert all(form(words) for words in ("", "\x00", "<think>open settings", "tap 10**9", "{}"))
    assert env.unwrapped.episode.device.dump() == before
    assert env.unwrapped.episode.obs_id == 0
