"""A step's episodes as tensors, with their advantages: what its optimiser steps work on."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from gym_reason.trainers.formulas.rewards import overlong_penalty
from gym_reason.trainers.formulas.rows import EpisodeRows
from gym_reason.trainers.model.batch import TokenBatch, make_batch
from gym_reason.trainers.rl.collect import Collected, Sample, cut_off
from gym_reason.trainers.rl.step_labels import right_tokens
from gym_reason.trainers.session import Session
from gym_reason.types import Trajectory


@dataclass(frozen=True, slots=True)
class Window:
    """N token streams of E episodes; an episode has more than one only where history was rewritten.

    The rows of an episode stand together, in the order of time.
    """

    batch: TokenBatch
    """Their tokens; the mask is 0 on what must not be trained on."""
    episode_N: torch.Tensor
    """The episode of each row, from 0."""
    group_N: torch.Tensor
    """The group of each row's episode."""
    reward_N: torch.Tensor
    """The reward of each row's episode, before any penalty of length."""
    token_rewards_NT: torch.Tensor
    """Each reward at the last token of the action that earned it."""
    step_NT: torch.Tensor
    """Which action of its episode a token belongs to."""
    expert_N: torch.Tensor
    """True on an expert's rows."""
    truncated_N: torch.Tensor
    """True where a limit outside the MDP ended the episode."""
    right_step_NT: torch.Tensor | None
    """1 on right steps inside wrong responses; None where the recipe does not ask."""

    def to_episodes(self, values_NT: torch.Tensor) -> torch.Tensor:
        """Return a stream of the rows as one of the episodes: the rows of one joined in time."""
        if self._plain:
            return values_NT
        count = int(self.episode_N.max()) + 1
        parts = [values_NT[self.episode_N == e].flatten() for e in range(count)]
        return torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)

    def to_rows(self, values_ET: torch.Tensor) -> torch.Tensor:
        """Return a stream of the episodes as one of the rows; undoes `to_episodes`."""
        if self._plain:
            return values_ET
        width = self.batch.mask_NT.shape[1]
        rows = []
        for episode in range(int(self.episode_N.max()) + 1):
            count = int((self.episode_N == episode).sum())
            rows.append(values_ET[episode, : count * width].view(count, width))
        return torch.cat(rows)

    @property
    def _plain(self) -> bool:
        return len(self.episode_N) == int(self.episode_N.max()) + 1

    def episode_rows(
        self,
        token_rewards_NT: torch.Tensor,
        values_NT: torch.Tensor | None,
        last_values_N: torch.Tensor | None,
    ) -> EpisodeRows:
        """Return what advantages are taken of; `last_values_N` counts where a limit cut."""
        final_E = final_rows(self.episode_N).nonzero().flatten()
        last_E = None
        if last_values_N is not None:
            last_E = torch.where(self.truncated_N, last_values_N, 0.0)[final_E]
        return EpisodeRows(
            mask_NT=self.to_episodes(self.batch.mask_NT),
            token_rewards_NT=self.to_episodes(token_rewards_NT),
            group_N=self.group_N[final_E],
            step_NT=self.to_episodes(self.step_NT),
            values_NT=None if values_NT is None else self.to_episodes(values_NT),
            last_values_N=last_E,
        )


def make_window(session: Session, collected: Collected) -> Window | None:
    """Return the window of a step; None where no token is left to train on."""
    settings = session.recipe.rl
    rows = [(sample, trace) for sample in collected.samples for trace in sample.trajectory.traces]
    if not rows:
        return None
    device = session.learner.device
    batch = make_batch([trace for _, trace in rows], session.learner.pad_id, device)
    width = batch.mask_NT.shape[1]
    step_NT = torch.zeros(len(rows), width, dtype=torch.long)
    for row, (_, trace) in enumerate(rows):
        step_NT[row, : len(trace.ids) - 1] = torch.tensor(trace.turn_index[1:])
    order = {id(sample): index for index, sample in enumerate(collected.samples)}
    episode_N = torch.tensor([order[id(sample)] for sample, _ in rows], device=device)
    samples = [sample for sample, _ in rows]
    step_NT = step_NT.to(device)
    rewards_NT = place_rewards(samples, step_NT, batch.mask_NT, session.gamma)
    penalty_N = _overlong(session, samples, device)
    last_NT = _last_token(batch.mask_NT)
    rewards_NT = rewards_NT + penalty_N[:, None] * last_NT * final_rows(episode_N)[:, None]
    mask_NT = batch.mask_NT
    if settings.rewards.mask_truncated:
        whole = [not cut_off(sample.trajectory) for sample in samples]
        mask_NT = mask_NT * torch.tensor(whole, device=device)[:, None]
        if not mask_NT.any():
            return None
    labels = None
    if settings.tokens.name == "credit_steps":
        labels = right_tokens(rows, session.learner.tokenizer, width).to(device)
    return Window(
        batch=dataclasses.replace(batch, mask_NT=mask_NT),
        episode_N=episode_N,
        group_N=torch.tensor([sample.group for sample in samples], device=device),
        reward_N=torch.tensor([sample.reward for sample in samples], device=device),
        token_rewards_NT=rewards_NT,
        step_NT=step_NT,
        expert_N=torch.tensor([sample.expert for sample in samples], device=device),
        truncated_N=torch.tensor(
            [sample.trajectory.turns[-1].truncated for sample in samples], device=device
        ),
        right_step_NT=labels,
    )


def place_rewards(
    samples: Sequence[Sample], step_NT: torch.Tensor, mask_NT: torch.Tensor, gamma: float
) -> torch.Tensor:
    """Return each turn's reward at the last token of its action, discounted by the MDP's gamma.

    What `Sample.reward` is above the episode's own return goes to its last action. An action that
    has tokens in several rows, as those of a search do, is rewarded once, in the last of them.
    """
    rewards_NT = torch.zeros_like(mask_NT)
    at_T = torch.arange(mask_NT.shape[1], device=mask_NT.device)
    placed: set[tuple[int, int]] = set()
    for row in reversed(range(len(samples))):
        sample = samples[row]
        turns = sample.trajectory.turns
        extra = sample.reward - sample.trajectory.ret
        for index, turn in enumerate(turns):
            reward = gamma**index * turn.reward + (extra if index == len(turns) - 1 else 0.0)
            here_T = (step_NT[row] == index) & (mask_NT[row] > 0)
            action = (id(sample), index)
            if reward != 0.0 and action not in placed and bool(here_T.any()):
                placed.add(action)
                rewards_NT[row, int((at_T * here_T).max())] = reward
    return rewards_NT


def _overlong(session: Session, samples: Sequence[Sample], device: torch.device) -> torch.Tensor:
    settings = session.recipe.rl.rewards
    lengths = [
        0.0 if sample.expert else float(sample.trajectory.completion_tokens) for sample in samples
    ]
    return overlong_penalty(
        torch.tensor(lengths, device=device),
        session.recipe.sampling.max_tokens,
        settings.overlong_cache,
        settings.overlong_factor,
    )


def _last_token(mask_NT: torch.Tensor) -> torch.Tensor:
    """Return 1 at each row's last token of the policy."""
    at_T = torch.arange(mask_NT.shape[1], device=mask_NT.device)
    last_N = ((mask_NT > 0) * at_T).amax(1)
    return (at_T == last_N[:, None]).to(mask_NT.dtype) * mask_NT


def final_rows(episode_N: torch.Tensor) -> torch.Tensor:
    """Return whether each row is the last of its episode, whose rows stand together."""
    ends_N = torch.ones_like(episode_N, dtype=torch.bool)
    ends_N[:-1] = episode_N[1:] != episode_N[:-1]
    return ends_N


def attach_advantages(
    trajectories: Sequence[Trajectory], samples: Sequence[Sample], advantages_NT: torch.Tensor
) -> list[Trajectory]:
    """Return episodes with the advantages of their tokens, one list a trace, in `meta`.

    Episodes that entered no update stay as they are.

    Args:
        trajectories: Episodes to be kept.
        samples: What the window was made of; its rows are their traces, in order.
        advantages_NT: The window's advantages.
    """
    first_row: dict[int, int] = {}
    row = 0
    for sample in samples:
        first_row[id(sample.trajectory)] = row
        row += len(sample.trajectory.traces)
    attached = []
    for trajectory in trajectories:
        first = first_row.get(id(trajectory))
        if first is not None:
            # Entry t is of token t + 1: nothing was decided at the first token of a stream.
            found = [
                [0.0, *(round(one, 5) for one in advantages_NT[at, : len(trace.ids) - 1].tolist())]
                for at, trace in enumerate(trajectory.traces, first)
            ]
            meta = {**trajectory.meta, "advantages": found}
            trajectory = dataclasses.replace(trajectory, meta=meta)
        attached.append(trajectory)
    return attached
