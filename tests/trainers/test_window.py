"""Rewards in a window: once for each action, however many streams of tokens it has."""

import torch

from gym_reason.trainers.model.batch import make_batch
from gym_reason.trainers.rl.collect import Sample
from gym_reason.trainers.rl.window import place_rewards
from tests.agents.search.toys import ToyPolicy, play


def place(spec: str, *lines: str) -> tuple[torch.Tensor, Sample]:
    """Return the rewards of an agent's episode as the trainer places them."""
    trajectory = play(spec, ToyPolicy(lambda _, call: lines[call % len(lines)]))
    sample = Sample(trajectory, 0, trajectory.ret + 0.25)
    batch = make_batch(trajectory.traces, 0, torch.device("cpu"))
    step_NT = torch.zeros_like(batch.mask_NT, dtype=torch.long)
    for row, trace in enumerate(trajectory.traces):
        step_NT[row, : len(trace.ids) - 1] = torch.tensor(trace.turn_index[1:])
    rows = [sample] * len(trajectory.traces)
    return place_rewards(rows, step_NT, batch.mask_NT, 1.0), sample


def test_an_answer_with_several_streams_is_rewarded_once_at_its_very_end() -> None:
    rewards_NT, sample = place("best-of-n:n=3,by=verifier", "41", "42", "43")
    assert sample.reward == 1.25
    assert rewards_NT.shape[0] == 3
    assert rewards_NT.sum().item() == 1.25
    assert rewards_NT[-1].max().item() == 1.25


def test_each_round_of_a_loop_is_rewarded_where_its_last_tokens_stand() -> None:
    rewards_NT, sample = place("self-refine:rounds=1,credit=improvement", "41", "no", "42")
    assert rewards_NT.sum().item() == sample.reward == 1.25
    rewards_NT, sample = place("self-critique:rounds=1,credit=improvement", "42", "no", "41")
    # The draft earned 1, what it was made into -1; the extra goes to the last action.
    assert sorted(value for value in rewards_NT.flatten().tolist() if value) == [-0.75, 1.0]
