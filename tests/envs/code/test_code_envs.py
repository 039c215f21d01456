"""Writing, debugging, mending and editing programs, with the real sandbox."""

import inspect
import json
from typing import Any

import pytest

from gym_reason.envs.base import ReasoningEnv, sample_tasks
from gym_reason.envs.code.base import CodeEnv, solution_of
from gym_reason.envs.code.debug import CodeDebug
from gym_reason.envs.code.edit import RUN, SUBMIT, CodeEdit
from gym_reason.envs.code.repair import CodeRepair, buggy_program
from gym_reason.envs.code.single import Code
from gym_reason.errors import EnvError, RunError, UsageError
from gym_reason.types import Message, Outcome, Task

TASK = Task(
    id="double",
    prompt=(Message("user", "Double each number."),),
    reference=json.dumps(
        {
            "type": "assert",
            "entry": "solve",
            "code": "assert solve([1]) == [2]\nassert solve([]) == []\nassert solve([5]) == [10]",
        }
    ),
    meta={
        "language": "python",
        "solution": "def solve(xs):\n    return [2 * x for x in xs]\n",
        "public": json.dumps(
            {
                "type": "assert",
                "entry": "solve",
                "code": "assert solve([2, 3]) == [4, 6]\nassert solve([0]) == [0]",
            }
        ),
    },
)
RIGHT = solution_of(TASK)
CRASHING = "def solve(xs):\n    return [2 * xs[i + 1] for i in range(len(xs))]\n"
HALF_RIGHT = "def solve(xs):\n    return [x for x in xs]\n"
KNOWS_EXAMPLES = "def solve(xs):\n    return [4, 6] if 2 in xs else [0]\n"


def play(env: ReasoningEnv, task: Task, *actions: str) -> list[tuple[Any, ...]]:
    """Return what each step returns."""
    env.reset(options={"task": task})
    return [env.step(action) for action in actions]


@pytest.mark.usefixtures("needs_bubblewrap")
class TestCode:
    def test_hidden_tests_decide(self) -> None:
        env = Code()
        ((_, reward, terminated, truncated, info),) = play(env, TASK, RIGHT)
        assert (reward, terminated, truncated) == (1.0, True, False)
        assert info["verdict"].correct
        ((_, reward, terminated, _, info),) = play(env, TASK, HALF_RIGHT)
        assert (reward, terminated, info["messages"]) == (0.0, True, ())
        assert info["verdict"].outcome is Outcome.FAIL

    def test_partial_credit_is_the_share_of_tests(self) -> None:
        env = Code(partial_credit=0.3)
        assert play(env, TASK, RIGHT)[0][1] == 1.0
        assert play(env, TASK, HALF_RIGHT)[0][1] == pytest.approx(0.1)
        assert play(env, TASK, "")[0][1] == 0.0
        assert play(Code(), TASK, HALF_RIGHT)[0][1] == 0.0

    @pytest.mark.parametrize("topic", ["lists", "strings", "arithmetic", "recursion"])
    def test_generated_problems_are_solved_and_near_misses_fail(self, topic: str) -> None:
        env = Code(topic=topic, depth=3)
        for task in sample_tasks(env, 6, seed=1):
            assert play(env, task, *env.demonstrate(task))[0][1] == 1.0
            assert play(env, task, env.wrong_action(task))[0][1] == 0.0

    def test_a_fence_and_thoughts_are_read(self) -> None:
        said = f"<think>Doubling.</think>Here it is:\n\n```python\n{RIGHT}```\n"
        assert play(Code(), TASK, said)[0][1] == 1.0


@pytest.mark.usefixtures("needs_bubblewrap")
class TestCodeDebug:
    def test_a_bug_is_told_and_mended_on_the_second_turn(self) -> None:
        env = CodeDebug()
        first, second = play(env, TASK, CRASHING, RIGHT)
        observation, reward, terminated, truncated, info = first
        assert (reward, terminated, truncated) == (0.0, False, False)
        (message,) = info["messages"]
        assert "raised IndexError in line 2" in message.content
        assert "solve([2, 3])" in message.content
        assert CRASHING.strip() in observation
        assert second[1:4] == (1.0, True, False)

    def test_the_hidden_tests_are_never_shown(self) -> None:
        env = CodeDebug(max_turns=6)
        for step in play(env, TASK, HALF_RIGHT, CRASHING, KNOWS_EXAMPLES, "", "def"):
            shown = step[0] + "".join(message.content for message in step[4]["messages"])
            assert "[5]" not in shown
            assert "[10]" not in shown
            assert step[4]["messages"]

    def test_a_long_program_does_not_push_the_feedback_out_of_sight(self) -> None:
        env = CodeDebug()
        program = CRASHING + "#" * (env.max_length - len(CRASHING))
        ((observation, _, _, _, info),) = play(env, TASK, program)
        assert observation.endswith(info["messages"][0].content)
        assert observation in env.observation_space

    def test_the_failing_public_test_is_shown(self) -> None:
        ((_, _, _, _, info),) = play(CodeDebug(), TASK, HALF_RIGHT)
        said = info["messages"][0].content
        assert "1 of 2 tests passed" in said
        assert "solve([2, 3]) returned [2, 3]" in said
        assert "assert solve([2, 3]) == [4, 6]" in said

    def test_public_tests_do_not_end_the_episode(self) -> None:
        ((_, reward, terminated, _, info),) = play(CodeDebug(), TASK, KNOWS_EXAMPLES)
        assert (reward, terminated) == (0.0, False)
        assert "hidden tests do not" in info["messages"][0].content

    def test_turns_cost_and_run_out(self) -> None:
        env = CodeDebug(max_turns=3, turn_cost=0.1)
        assert [step[1] for step in play(env, TASK, CRASHING, RIGHT)] == [0.0, 0.9]
        steps = play(env, TASK, CRASHING, CRASHING, CRASHING)
        assert [step[1] for step in steps] == [0.0, -0.1, -0.1]
        assert steps[-1][2:4] == (False, True)
        with pytest.raises(EnvError, match="over"):
            env.step(RIGHT)

    def test_improvement_is_paid_once_and_never_beyond_the_whole(self) -> None:
        env = CodeDebug(improvement=0.4, max_turns=6)
        steps = play(env, TASK, HALF_RIGHT, HALF_RIGHT, CRASHING, KNOWS_EXAMPLES, RIGHT)
        assert [step[1] for step in steps] == pytest.approx([0.2, 0.0, 0.0, 0.2, 0.6])
        assert sum(step[1] for step in steps) == pytest.approx(1.0)
        assert play(env, TASK, RIGHT)[0][1] == pytest.approx(1.0)

    def test_tests_that_cannot_be_run_end_the_episode_unscored(self) -> None:
        broken = Task("broken", TASK.prompt, "{}", meta=TASK.meta)
        ((_, reward, terminated, _, info),) = play(CodeDebug(), broken, RIGHT)
        assert (reward, terminated) == (0.0, True)
        assert info["verdict"].outcome is Outcome.UNSCORABLE

    def test_a_stdio_example_is_shown_whole(self) -> None:
        shown = [{"in": "3 0\n", "out": "3\n"}, {"in": "7 8\n", "out": "15\n"}]
        hidden = {"type": "stdio", "cases": [{"in": "1 1\n", "out": "2\n"}]}
        meta = {"language": "python", "public": json.dumps({"type": "stdio", "cases": shown})}
        task = Task("sum", (Message("user", "Add."),), json.dumps(hidden), meta=meta)
        first, second = play(
            CodeDebug(improvement=0.2), task, "print(3)", "print(sum(map(int, input().split())))"
        )
        said = first[4]["messages"][0].content
        assert "1 of 2 tests passed." in said
        assert said.endswith("The input was:\n7 8\nThe output should be:\n15")
        assert [first[1], second[1]] == pytest.approx([0.1, 0.9])


@pytest.mark.usefixtures("needs_bubblewrap")
class TestCodeRepair:
    @pytest.mark.parametrize("bugs", [1, 2])
    def test_every_bug_fails_and_the_solution_passes(self, bugs: int) -> None:
        env = CodeRepair(bugs=bugs, depth=3)
        for task in sample_tasks(env, 6, seed=bugs):
            buggy = buggy_program(task)
            assert buggy in task.prompt[0].content
            assert solution_of(task) not in task.prompt[0].content
            assert play(env, task, buggy)[0][1] == 0.0
            assert play(env, task, *env.demonstrate(task))[0][1] == 1.0

    def test_a_seed_always_gives_the_same_bug(self) -> None:
        first, second = (sample_tasks(CodeRepair(), 5, seed=3) for _ in range(2))
        assert first == second
        assert len({task.id for task in first}) == 5

    def test_programs_without_a_solution_are_refused(self) -> None:
        with pytest.raises(UsageError, match="no program to mend"):
            CodeRepair().wrong_action(TASK)
        with pytest.raises(UsageError, match="language = 'cpp'"):
            CodeRepair(language="cpp")
        with pytest.raises(UsageError, match="bugs = 4"):
            CodeRepair(bugs=4)


@pytest.mark.usefixtures("needs_bubblewrap")
class TestCodeEdit:
    def edit_task(self) -> Task:
        buggy = "def solve(xs):\n    xs = xs[1:]\n    return [3 * x for x in xs]\n"
        return Task(TASK.id, TASK.prompt, TASK.reference, meta={**TASK.meta, "buggy": buggy})

    def test_edits_mend_a_program(self) -> None:
        env = CodeEdit()
        steps = play(
            env, self.edit_task(), RUN, "3|    return [2 * x for x in xs]", "2-", RUN, SUBMIT
        )
        assert "solve([2, 3]) returned [9]" in steps[0][0]
        assert "3|    return [2 * x for x in xs]" in steps[1][4]["messages"][0].content
        assert "1|def solve(xs):\n2|    return [2 * x for x in xs]" in steps[2][0]
        assert "The public tests pass." in steps[3][0]
        assert [step[1] for step in steps] == [0.0, 0.0, 0.0, 0.0, 1.0]
        assert [step[2] for step in steps] == [False, False, False, False, True]

    @pytest.mark.parametrize(
        ("action", "said"),
        [
            ("", "That is no edit."),
            ("hello", "That is no edit."),
            ("1|a\n2|b", "That is no edit."),
            ("0|a", "There is no line 0."),
            ("4|a", "There is no line 4."),
            ("9-", "There is no line 9."),
            ("4+|a", "There is no line 4."),
            ("1- text", "That is no edit."),
            ("0+|import math", "ok"),
            ("3+|", "ok"),
            ("<think>line 2</think>2-", "ok"),
        ],
    )
    def test_what_is_no_edit_changes_nothing(self, action: str, said: str) -> None:
        env = CodeEdit()
        ((observation, reward, terminated, _, info),) = play(env, self.edit_task(), action)
        assert (reward, terminated) == (0.0, False)
        assert info["messages"][0].content.startswith(f"{said}\n1|")
        assert observation.endswith(said)
        assert (len(env.lines) == 3) == (said != "ok")

    def test_lines_write_a_program(self) -> None:
        env = CodeEdit(granularity="line")
        for task in (TASK, *sample_tasks(env, 3, seed=0)):
            actions = env.demonstrate(task)
            assert actions[-1] == SUBMIT
            assert len(actions) > 2
            steps = play(env, task, *actions)
            assert [step[1] for step in steps] == [*[0.0] * (len(actions) - 1), 1.0]
            assert actions[0] in steps[0][0]
        assert "one line" in play(env, TASK, "a\nb")[0][0]
        assert play(env, TASK, SUBMIT)[0][4]["verdict"].outcome is Outcome.NO_ANSWER

    def test_the_limit_follows_the_task(self) -> None:
        env = CodeEdit()
        env.reset(options={"task": self.edit_task()})
        assert env.max_turns == 2 * len(env.demonstrate(env.task)) + 4
        env = CodeEdit(max_turns=2)
        assert [step[3] for step in play(env, self.edit_task(), "2-", "2-")] == [False, True]

    def test_what_the_verifier_passes_is_the_program(self) -> None:
        env = CodeEdit()
        assert env.submissions(TASK) == (RIGHT,)
        assert env.verifier.verify(TASK, RIGHT).correct


@pytest.mark.parametrize("env_class", [Code, CodeDebug, CodeRepair, CodeEdit])
def test_without_a_sandbox_one_line_says_so(
    env_class: type[CodeEnv], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    # Limits that no other test has, so that no warm sandbox is there.
    env = env_class(sandbox="bubblewrap", memory_mb=77)
    with pytest.raises(RunError, match=r"bubblewrap .* is not installed") as caught:
        play(env, env.sample_task(env.np_random), "def solve(): pass")
    assert "\n" not in str(caught.value)


def test_bad_settings_are_refused() -> None:
    for make, message in (
        (lambda: Code(depth=0), "depth = 0"),
        (lambda: Code(topic="sums"), "no value of topic 'sums'"),
        (lambda: Code(tests=3), "tests = 3"),
        (lambda: Code(partial_credit=0.6), "partial_credit"),
        (lambda: Code(form="mpbb", path="x.jsonl"), "did you mean 'mbpp'"),
        (lambda: CodeDebug(turn_cost=-1), "turn_cost"),
        (lambda: CodeDebug(improvement=0.9), "improvement"),
        (lambda: CodeEdit(granularity="word"), "granularity"),
    ):
        with pytest.raises(UsageError, match=message):
            make()


def test_the_signature_shows_every_argument() -> None:
    for env_class in (Code, CodeDebug, CodeRepair, CodeEdit):
        names = list(inspect.signature(env_class).parameters)
        assert {"topic", "path", "form", "sandbox", "timeout"} <= set(names)
        assert not {"options", "every", "self"} & set(names)
        assert ("max_turns" in names) == (env_class in (CodeDebug, CodeEdit))


def test_bare_prompts_are_short() -> None:
    for task in sample_tasks(Code(prompt_style="bare", depth=1), 10, seed=0):
        text = task.prompt[0].content
        assert text.startswith("def solve(")
        assert len(text) < 250
        assert "Answer" not in text


def test_a_task_without_a_solution_cannot_be_demonstrated() -> None:
    task = Task("t", TASK.prompt, TASK.reference)
    with pytest.raises(UsageError, match="task t holds no solution"):
        Code().demonstrate(task)
