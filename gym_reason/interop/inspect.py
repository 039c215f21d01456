"""Our environments as tasks of `inspect-ai`.

Source: `Task`, `MemoryDataset`, `@solver` and `@scorer` of the package `inspect-ai` 0.3.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from gym_reason.envs.base import sample_tasks
from gym_reason.envs.interop.packages import require_package
from gym_reason.interop.episodes import Episode, to_chat
from gym_reason.types import Message, Task

_STORE_KEY = "gym_reason"


def make_inspect_task(env_id: str, count: int, seed: int = 0, **arguments: Any) -> Any:
    """Return an `inspect_ai.Task` that plays tasks of an environment, of any number of turns.

    A sample scores `C` or `I` for solved or not; the reward and the outcome are in the score's
    metadata. What cannot be scored is an error of its sample, not a wrong answer.

    Args:
        env_id: A registered id.
        count: How many tasks are drawn.
        seed: Seed of the draws.
        arguments: Arguments of the environment.
    """
    package = require_package("inspect_ai", "inspect-ai", "inspect")
    dataset = require_package("inspect_ai.dataset", "inspect-ai", "inspect")
    first = Episode(env_id, arguments)
    tasks = {task.id: task for task in sample_tasks(first.env, count, seed)}
    samples = [
        dataset.Sample(
            id=task.id,
            input=[_to_message(message) for message in task.prompt],
            target=task.reference,
            metadata={"difficulty": task.difficulty},
        )
        for task in tasks.values()
    ]
    return package.Task(
        name=env_id.replace("/", "_"),
        dataset=dataset.MemoryDataset(samples, name=env_id),
        solver=_make_solver(env_id, arguments, tasks),
        scorer=_make_scorer(),
    )


def _to_message(message: Message) -> Any:
    model = require_package("inspect_ai.model", "inspect-ai", "inspect")
    (chat,) = to_chat((message,))
    kinds = {
        "system": model.ChatMessageSystem,
        "user": model.ChatMessageUser,
        "assistant": model.ChatMessageAssistant,
    }
    return kinds[chat["role"]](content=chat["content"])


def _make_solver(env_id: str, arguments: Mapping[str, Any], tasks: Mapping[str, Task]) -> Any:
    solver = require_package("inspect_ai.solver", "inspect-ai", "inspect").solver
    model = require_package("inspect_ai.model", "inspect-ai", "inspect")
    run_sync = require_package("anyio.to_thread", "anyio", "inspect").run_sync

    @solver  # type: ignore[untyped-decorator, unused-ignore]
    def gym_reason_episode() -> Any:
        async def solve(state: Any, generate: Any) -> Any:
            episode = await run_sync(partial(Episode, env_id, arguments))
            await run_sync(episode.start, tasks[str(state.sample_id)])
            while True:
                state = await generate(state)
                # A verifier may take long, and the other samples go on meanwhile.
                shown = await run_sync(episode.act, state.output.completion)
                if episode.over:
                    break
                state.messages.append(model.ChatMessageUser(content=shown))
            episode.env.close()
            state.store.set(_STORE_KEY, _describe(episode))
            return state

        return solve

    return gym_reason_episode()


def _describe(episode: Episode) -> dict[str, Any]:
    return {
        "correct": episode.correct,
        "unscorable": episode.unscorable,
        "reward": episode.total,
        "outcome": episode.outcome,
        "turns": episode.turns,
    }


def _make_scorer() -> Any:
    package = require_package("inspect_ai.scorer", "inspect-ai", "inspect")

    @package.scorer(metrics=[package.accuracy(), package.stderr()])  # type: ignore[untyped-decorator, unused-ignore]
    def gym_reason_verdict() -> Any:
        async def score(state: Any, target: Any) -> Any:
            del target
            facts = state.store.get(_STORE_KEY)
            if facts["unscorable"]:
                raise RuntimeError("the verifier failed; this is no fault of the model")
            value = package.CORRECT if facts["correct"] else package.INCORRECT
            return package.Score(value=value, answer=state.output.completion, metadata=facts)

        return score

    return gym_reason_verdict()
