"""Against the real package; skipped where it is not installed."""

from pathlib import Path
from typing import Any

import pytest

import gym_reason
from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.interop.inspect import make_inspect_task
from gym_reason.registry import register_verifier
from gym_reason.types import Outcome, Task, Verdict

inspect_ai: Any = pytest.importorskip("inspect_ai", reason="pip install 'gym-reason[inspect]'")
model: Any = pytest.importorskip("inspect_ai.model")
pytestmark = pytest.mark.filterwarnings("ignore")


@register_verifier("interop_inspect_broken")
class Broken:
    name = "interop_inspect_broken"

    def verify(self, task: Task, submission: str) -> Verdict:
        return Verdict(0.0, False, Outcome.UNSCORABLE)


def evaluate(folder: Path, env_id: str, right: int, **arguments: Any) -> Any:
    """Let a model play that knows the demonstrations of the first `right` of 4 tasks."""
    env = unwrap(gym_reason.make(env_id, **arguments))
    known = {
        task.prompt[-1].content: env.demonstrate(task) for task in sample_tasks(env, 4, 0)[:right]
    }

    def answer(messages: Any, tools: Any, choice: Any, config: Any) -> Any:
        actions = known.get(messages[0].text, ())
        turn = sum(message.role == "assistant" for message in messages)
        text = actions[turn] if turn < len(actions) else "no"
        output = model.ModelOutput.from_content("mockllm/model", text)
        output.usage = model.ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        return output

    (log,) = inspect_ai.eval(
        make_inspect_task(env_id, 4, **arguments),
        model=model.get_model("mockllm/model", custom_outputs=answer, memoize=False),
        log_dir=str(folder),
        display="none",
        fail_on_error=False,
    )
    return log


@pytest.mark.parametrize("env_id", ["gym_reason/Arithmetic-v0", "gym_reason/Steps-v0"])
def test_a_task_is_scored_as_by_us(env_id: str, tmp_path: Path) -> None:
    log = evaluate(tmp_path, env_id, 3, digits=2)
    assert log.status == "success", log.error
    assert log.results.scores[0].metrics["accuracy"].value == 0.75
    facts = [sample.scores["gym_reason_verdict"].metadata for sample in log.samples]
    assert sorted(fact["reward"] for fact in facts) == [0.0, 1.0, 1.0, 1.0]
    assert sum(fact["outcome"] == "pass" for fact in facts) == 3
    if env_id.endswith("Steps-v0"):
        assert max(fact["turns"] for fact in facts) > 1


def test_what_cannot_be_scored_is_an_error_and_not_wrong(tmp_path: Path) -> None:
    log = evaluate(
        tmp_path, "gym_reason/Arithmetic-v0", 4, digits=1, verifier="interop_inspect_broken"
    )
    assert all(sample.error is not None and not sample.scores for sample in log.samples)
