"""Against the real package; skipped where it is not installed."""

import json
import random
from typing import Any

import pytest

import gym_reason
from gym_reason.envs.base import ReasoningEnv, sample_tasks, unwrap
from gym_reason.errors import UsageError
from gym_reason.types import Outcome

textarena: Any = pytest.importorskip("textarena", reason="pip install 'gym-reason[textarena]'")
ENV_ID = "gym_reason/TextArena-v0"
GAMES = [
    "Bandit-v0", "Blackjack-v0", "Countdown-v0", "Cryptarithm-v0", "FifteenPuzzle-v0",
    "FrozenLake-v0", "GuessTheNumber-v0", "LightsOut-v0", "Mastermind-v0", "Minesweeper-v0",
    "PegJump-v0", "Secretary-v0", "Set-v0", "Slitherlink-v0", "Sudoku-v0", "ThreeCardMonte-v0",
    "TowerOfHanoi-v0",
]  # fmt: skip
WALK = {"down": (1, 0), "right": (0, 1), "left": (0, -1), "up": (-1, 0)}


def make(game: str = "FrozenLake-v0", **kwargs: Any) -> ReasoningEnv:
    return unwrap(gym_reason.make(ENV_ID, game=game, split="all", **kwargs))


def find_way(board: str) -> list[str]:
    """Return the moves from P to G around the holes."""
    rows = [line.split("|")[1:-1] for line in board.splitlines() if line.startswith("|")]
    grid = [[cell.strip() for cell in row] for row in rows]
    ways: dict[tuple[int, int], list[str]] = {(0, 0): []}
    queue = [(0, 0)]
    for row, column in queue:
        for move, (down, right) in WALK.items():
            place = (row + down, column + right)
            inside = 0 <= place[0] < len(grid) and 0 <= place[1] < len(grid[0])
            if inside and place not in ways and grid[place[0]][place[1]] != "H":
                ways[place] = [*ways[row, column], move]
                queue.append(place)
    return ways[len(grid) - 1, len(grid[0]) - 1]


@pytest.mark.parametrize("game", GAMES)
def test_games_start_alike_for_a_seed_and_survive_nonsense(game: str) -> None:
    first, second = make(game), make(game)
    assert first.reset(seed=4) == second.reset(seed=4)
    for action in ("", "nonsense", "[1]", "\U0001f9ee" * 50, "<think>never closed"):
        seen = [env.step(action) for env in (first, second)]
        assert seen[0] == seen[1]
        if seen[0][2] or seen[0][3]:
            assert seen[0][4]["verdict"] is not None
            break


def test_a_game_that_is_won_pays_what_textarena_pays() -> None:
    env = make()
    task = sample_tasks(env, 1, seed=0)[0]
    moves = find_way(env.reset(options={"task": task})[0])
    steps = [env.step(f"<think>Hm.</think>{move}") for move in moves]
    _, reward, terminated, _, info = steps[-1]
    assert (reward, terminated, info["verdict"].outcome) == (1.0, True, Outcome.PASS)
    assert all(step[1] == 0.0 and step[4]["verdict"] is None for step in steps[:-1])
    game = textarena.make("FrozenLake-v0")
    seed = task.meta["seed"]
    assert isinstance(seed, int)
    random.seed(seed)
    game.reset(num_players=1, seed=seed)
    assert [game.step(move)[0] for move in moves][-1]
    assert game.close()[0][0] == reward
    assert env.verifier.verify(task, json.dumps(moves)).correct
    assert not env.verifier.verify(task, json.dumps(moves[:-1])).correct
    for broken in ("", "[1]", "{}", "[" * 5000, "\ud800"):
        assert env.verifier.verify(task, broken).outcome is Outcome.INVALID


def test_games_side_by_side_do_not_change_each_others_draws_nor_ours() -> None:
    def play(envs: list[ReasoningEnv]) -> list[list[Any]]:
        seen = [[env.reset(seed=7)[0]] for env in envs]
        for _ in range(4):
            for env, own in zip(envs, seen, strict=True):
                own.append(env.step("[red]")[0])
        return seen

    alone = play([make("Bandit-v0")])[0]
    random.seed(1)
    expected = random.random()
    random.seed(1)
    together = play([make("Bandit-v0"), make("Bandit-v0")])
    assert random.random() == expected
    assert together == [alone, alone]


def test_what_cannot_be_played_is_refused() -> None:
    with pytest.raises(UsageError, match="did you mean 'FrozenLake-v0'"):
        make("FrozenLak-v0")
    with pytest.raises(UsageError, match="for one player"):
        make("Chess-v0")
    with pytest.raises(UsageError, match="cannot be made here"):
        make("FrozenLake-v0", wings=2)
