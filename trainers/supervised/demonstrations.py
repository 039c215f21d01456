"""Demonstrations as token streams: played through an environment, or read from a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gym_reason.agents.base import Agent
from gym_reason.agents.build import bind_agent, make_agent
from gym_reason.agents.conversation import ChatEncoder, Conversation
from gym_reason.agents.demonstration import DemonstrationPolicy
from gym_reason.agents.policy import SamplingParams, Tokenizer
from gym_reason.agents.refine.data import MENDING
from gym_reason.envs.tables import read_rows
from gym_reason.errors import DataError, ModelError, RunError, UsageError
from gym_reason.rollout import EnvPool, TextEnv
from gym_reason.seeding import derive_rng
from gym_reason.trainers.data.examples import read_messages, read_prompt
from gym_reason.trainers.data.files import is_valid_text
from gym_reason.trainers.session import Session
from gym_reason.types import Completion, Message, Task, TokenTrace
from gym_reason.verifiers.arguments import split_spec, with_setting


def play_demonstrations(
    session: Session,
    tasks: Sequence[Task],
    think_share: float,
    envs: EnvPool,
    *names: int | str,
    mend_share: float = 0.0,
) -> list[TokenTrace]:
    """Return the token streams of the environment's own solutions, as a policy would meet them.

    They are played by the agent of the recipe where it says no more than an answer a turn or is a
    loop that mends by what a tool says, and by the plainest agent otherwise.

    Args:
        session: Of the run.
        tasks: What is demonstrated.
        think_share: Share of the demonstrations that show their reasoning.
        envs: The environments that the tasks belong to.
        names: Name the draws.
        mend_share: Share that shows how the loop mends the environment's wrong answer.

    Raises:
        RunError: The verifier refuses a demonstration.
        ModelError: The tokenizer has no end-of-sequence token.
        UsageError: A share is to mend, and the agent is no such loop.
    """
    check_mending(session.recipe.agent, mend_share)
    thinks = _draw_share(session, tasks, think_share, *names, "think")
    mends = _draw_share(session, tasks, mend_share, *names, "mend")

    def agent_for(env: TextEnv, task: Task) -> Agent:
        inner: Any = env.unwrapped
        actions = list(inner.demonstrate(task, thinking=thinks[task.id]))
        if mends[task.id]:
            actions = [inner.wrong_action(task), *actions]
        return make_demonstrator(session, actions, mends[task.id], env, task)

    groups = session.play(agent_for, tasks, 1, *names, "play", envs=envs)
    trajectories = [group.trajectories[0] for group in groups]
    # A wrong answer that the tool finds no fault with ends the loop: there is nothing to be shown.
    shown = [one for one in trajectories if one.correct or not mends[one.task.id]]
    refused = [one for one in shown if not one.correct]
    if refused or not shown:
        env = envs.take()
        envs.give_back(env)
        env_id = env.spec.id if env.spec is not None else str(env)
        raise RunError(
            f"{env_id} refuses {len(refused)} of its own {len(trajectories)} demonstrations, "
            f"first that of task {(refused or trajectories)[0].task.id}",
            "demonstrations that solve their tasks",
            "see gym-reason envs check",
        )
    return [trace for trajectory in shown for trace in trajectory.traces]


def _draw_share(
    session: Session, tasks: Sequence[Task], share: float, *names: int | str
) -> dict[str, bool]:
    """Return for each task, by its id, whether it belongs to a share of them."""
    draws = derive_rng(session.recipe.seed, *names).random(len(tasks))
    return {task.id: bool(draw < share) for task, draw in zip(tasks, draws, strict=True)}


def check_mending(agent: str, share: float) -> None:
    """Raise UsageError where a share of demonstrations is to mend and the agent cannot."""
    if share > 0.0 and split_spec(agent)[0] not in MENDING:
        raise UsageError(
            f"cold_start.mend_share = {share:g} with the agent {agent!r}",
            f"one of: {', '.join(MENDING)}",
            "leave it 0",
        )


def make_demonstrator(
    session: Session, actions: Sequence[str], mending: bool, env: TextEnv, task: Task
) -> Agent:
    """Return what plays known actions; in a loop that mends, only the mended answer is learned."""
    policy = DemonstrationPolicy(actions, session.learner.tokenizer)
    spec, prompts = session.recipe.agent, session.recipe.prompts
    if split_spec(spec)[0] not in ("answer", *MENDING):
        spec, prompts = "answer", {}
    elif mending:
        spec = with_setting(spec, "credit", "last")
    return bind_agent(make_agent(spec, policy, SamplingParams(), prompts), env, task)


def end_token(tokenizer: Any) -> int:
    """Return the end-of-sequence token. Raises ModelError where the tokenizer has none."""
    end = getattr(tokenizer, "eos_token_id", None)
    if not isinstance(end, int):
        raise ModelError("the tokenizer has no end-of-sequence token", "one, to learn to stop")
    return end


def read_demonstrations(path: Path, encoder: ChatEncoder, tokenizer: Any) -> list[TokenTrace]:
    """Return the token streams of a file's rows, the mask on what is to be learned.

    A row has `messages`, or `prompt` (a text or messages) and `response`. What the assistant says
    is learned, up to its end-of-sequence token; `loss`, one true or false for each message, leaves
    some of it out.

    Raises:
        DataError: With the file and the line, for a row that cannot be read or teaches nothing.
        ModelError: The tokenizer has no end-of-sequence token.
    """
    end = end_token(tokenizer)
    traces: list[TokenTrace] = []
    for where, row in read_rows(path):
        try:
            messages, learned = _read_row(row)
            traces += _encode(messages, learned, encoder, tokenizer, end)
        except ValueError as error:
            raise DataError(
                f"{where} of {path}: {error}",
                "messages, or prompt and response, that teach something",
            ) from None
    if not traces:
        raise DataError(f"{path} has no rows", "at least one demonstration")
    return traces


def _read_row(row: dict[str, Any]) -> tuple[tuple[Message, ...], list[bool]]:
    """Return the messages of a row, and which are learned. Raises ValueError."""
    if row.get("messages") is not None:
        messages = read_messages(row["messages"])
    elif "response" in row and "prompt" in row:
        if not isinstance(row["response"], str):
            raise ValueError(f"the response is of type {type(row['response']).__name__}")
        messages = (*read_prompt(row["prompt"]), Message("assistant", row["response"]))
    else:
        raise ValueError("there are neither messages nor a prompt and a response")
    spoken = [message.role == "assistant" for message in messages]
    learned = _read_mask(row["loss"], spoken) if row.get("loss") is not None else spoken
    if not any(learned):
        raise ValueError("the loss mask is empty: nothing that the assistant says is learned")
    for message, wanted in zip(messages, learned, strict=True):
        if wanted and not message.content.strip():
            raise ValueError("a message to learn is empty")
        if not is_valid_text(message.content):
            raise ValueError("a text is not valid Unicode")
    return messages, learned


def _read_mask(value: object, spoken: Sequence[bool]) -> list[bool]:
    if not isinstance(value, list) or not all(isinstance(item, bool) for item in value):
        raise ValueError("loss is no list of true and false")
    if len(value) != len(spoken):
        raise ValueError(f"loss has {len(value)} entries for {len(spoken)} messages")
    if any(wanted and not said for wanted, said in zip(value, spoken, strict=True)):
        raise ValueError("loss is true on a message that the assistant does not say")
    return value


def _encode(
    messages: Sequence[Message],
    learned: Sequence[bool],
    encoder: ChatEncoder,
    tokenizer: Tokenizer,
    end: int,
) -> list[TokenTrace]:
    """Return the streams of a conversation; several where the template rewrites history."""
    from jinja2 import TemplateError  # Only where there is a template to render.

    conversation = Conversation((), encoder)
    try:
        for message, is_learned in zip(messages, learned, strict=True):
            if message.role != "assistant":
                conversation.add_message(message)
                continue
            conversation.prompt_ids()
            ids = (*tokenizer.encode(message.content, add_special_tokens=False), end)
            completion = Completion(ids, (0.0,) * len(ids), message.content, "stop")
            conversation.add_completion(completion)
            if not is_learned:
                conversation.uncredit(conversation.turn, conversation.turn + 1)
            conversation.end_turn()
    except (TemplateError, TypeError, IndexError, KeyError) as error:
        raise ValueError(f"the chat template refuses the conversation: {error}") from None
    return list(conversation.traces())
