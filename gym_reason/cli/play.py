"""`gym-reason play`: a person plays an environment in the terminal."""

import argparse
import io
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gym_reason.cli import add_common_arguments
from gym_reason.cli.envs import add_id_and_settings, read_settings
from gym_reason.envs.base import ReasoningEnv, unwrap
from gym_reason.errors import UsageError
from gym_reason.records import write_atomic
from gym_reason.registry import environments, make
from gym_reason.types import Verdict

FILM_FORMS: Mapping[str, str] = {".html": "page", ".gif": "gif"}
"""How an episode is kept as pictures, by how the file's name ends."""
PIXELS = "rgb_array"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    parser = subparsers.add_parser(
        "play",
        help="answer the tasks of an environment yourself",
        description="One line is one action; Ctrl-D ends. An environment that has a screen is "
        "shown as an image file, written anew after each action.",
    )
    add_id_and_settings(parser)
    parser.add_argument(
        "--screen",
        type=Path,
        metavar="FILE.png",
        help="where the screen is shown (default: a temporary file)",
    )
    parser.add_argument(
        "--film",
        type=Path,
        metavar="FILE",
        help="keep the episode as pictures, FILE.html or FILE.gif; the next one as FILE-2.html",
    )
    add_common_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Let a person play until the input ends."""
    environments.get(args.id)
    kwargs = read_settings(args.id, args.settings)
    if args.json:
        raise UsageError("play with --json", "a person at the keyboard", "use gym-reason eval")
    if args.screen is not None and args.screen.suffix != ".png":
        raise UsageError(f"--screen {args.screen}", "a file that ends in .png")
    if args.film is not None and args.film.suffix not in FILM_FORMS:
        raise UsageError(f"--film {args.film}", f"a file that ends in {' or '.join(FILM_FORMS)}")
    env = unwrap(make(args.id, **kwargs))
    screen: Path | None = None
    if has_screen(env):
        env.close()
        env = unwrap(make(args.id, **{"render_mode": PIXELS, **kwargs}))
        screen = choose_screen(args.screen)
    elif args.screen is not None:
        raise UsageError(f"--screen with {args.id}", "an environment that has a screen")
    if args.film is not None and type(env).film is ReasoningEnv.film:
        raise UsageError(f"--film with {args.id}", "an environment that has a screen")
    print(f"{args.id}. One line is one action; Ctrl-D or Ctrl-C ends.")
    if screen is not None:
        print(f"The screen is {screen}, written anew after each action.")
    return play(env, args.seed, screen, args.film)


def has_screen(env: ReasoningEnv) -> bool:
    """Return whether an environment can be seen as pixels."""
    return PIXELS in env.metadata.get("render_modes", ())


def choose_screen(asked: Path | None) -> Path | None:
    """Return where the screen is shown; None where nobody asked and Pillow is missing."""
    if asked is not None:
        return asked
    if find_spec("PIL") is None:
        return None
    return Path(tempfile.mkdtemp(prefix="gym-reason-")) / "screen.png"


def play(env: ReasoningEnv, seed: int, screen: Path | None, film: Path | None) -> int:
    """Let a person play one episode after another, until the input ends."""
    played = solved = 0
    stem = film.stem if film is not None else ""
    try:
        while True:
            # Each episode after the first is kept beside it: episode.html, episode-2.html.
            if film is not None and played:
                film = film.with_stem(f"{stem}-{played + 1}")
            solved += play_episode(env, seed + played, screen, film)
            played += 1
    except (EOFError, KeyboardInterrupt):
        print(f"\n{played} {'task' if played == 1 else 'tasks'} played, {solved} solved.")
    except UnicodeDecodeError:
        raise UsageError("a line that is not UTF-8", "text in UTF-8") from None
    finally:
        env.close()
    return 0


def play_episode(env: ReasoningEnv, seed: int, screen: Path | None, film: Path | None) -> bool:
    """Let a person play one episode and return whether it was solved."""
    observation, _ = env.reset(seed=seed)
    actions: list[str] = []
    _show_pictures(env, actions, screen, film)
    total, ended = 0.0, False
    verdict: Verdict | None = None
    while not ended:
        print(f"\n{describe_observation(observation)}")
        actions.append(input("> "))
        observation, reward, terminated, truncated, info = env.step(actions[-1])
        _show_pictures(env, actions, screen, film)
        total += reward
        ended = terminated or truncated
        verdict = info["verdict"]
        if not ended:
            print(f"reward {reward:g}")
        elif truncated:
            print(f"the episode is cut after {env.max_turns} actions")
    print_verdict(verdict, total)
    solved = verdict is not None and verdict.correct
    if not solved:
        print(f"The reference was {env.task.reference}")
    return solved


def describe_observation(observation: Any) -> str:
    """Return what a person is to read of an observation: its texts, where it holds pixels too."""
    if not isinstance(observation, Mapping):
        return str(observation)
    texts = (value for value in observation.values() if isinstance(value, str))
    return "\n".join(texts)


def print_verdict(verdict: Verdict | None, total: float) -> None:
    """Print how the episode was judged, and the parts of that."""
    outcome = "no verdict" if verdict is None else verdict.outcome.value
    feedback = f" {verdict.feedback}" if verdict is not None and verdict.feedback else ""
    print(f"{outcome}, return {total:g}.{feedback}")
    if verdict is not None and verdict.parts:
        print("  " + ", ".join(f"{name} {value:g}" for name, value in verdict.parts.items()))


def _show_pictures(
    env: ReasoningEnv, actions: Sequence[str], screen: Path | None, film: Path | None
) -> None:
    if screen is not None:
        write_atomic(screen, paint(env))
    if film is not None:
        write_atomic(film, env.film(env.task, actions, FILM_FORMS[film.suffix]))


def paint(env: ReasoningEnv) -> bytes:
    """Return the screen of an environment as a PNG. Raises UsageError without Pillow."""
    pixels: Any = env.render()
    if find_spec("PIL") is None:
        raise UsageError("Pillow is not installed", 'pip install "gym-reason[mobile]"')
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
