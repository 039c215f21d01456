"""Mobile: a phone to be used by its elements, as text in and text out."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gym_reason.envs.base import ReasoningEnv, Transition, check_choice, check_integer, prompt_text
from gym_reason.envs.mobile.actions.dialects import DIALECTS
from gym_reason.envs.mobile.actions.types import Action
from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.episode import (
    DEVICES,
    MALFORMED,
    Episode,
    PhoneHolder,
    Scene,
    find_missing,
    label_of,
    make_device,
)
from gym_reason.envs.mobile.layout import Layout
from gym_reason.envs.mobile.observe import FORMS, Observer
from gym_reason.envs.mobile.plans import EnteringHand, play_oracle, write_plan
from gym_reason.envs.mobile.screen import Screens
from gym_reason.envs.mobile.tasks.catalogue import choose_variants
from gym_reason.envs.mobile.tasks.draw import (
    Choice,
    Drawn,
    draw_mobile_task,
    read_start,
    redraw_mobile_task,
)
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.errors import EnvError, UsageError
from gym_reason.types import Message, Task
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.state.judge import Ending
from gym_reason.verifiers.state.verifier import StateVerifier, write_submission

Plan: TypeAlias = tuple[tuple[Action, ...], Ending]
"""What the oracle of a task does, and how its episode ends."""

LOOKS = ("plain", "random")
"""The usual appearance, or one drawn with each task."""
PROMPT_STYLES = ("bare", "question")
"""How a task is put: the sentence and the screen alone, or with the rules of the dialect."""
LEVELS = (1, 2, 3)
SURE_TURNS = 6
"""Fewest turns of a budget: until then it need not be known."""
UNKNOWN_BUDGET = 60
"""Turns where no oracle is known."""
MAX_KEPT = 256
"""Tasks whose drafts and plans are kept."""


class Mobile(ReasoningEnv):
    """Use a phone: find, write, send, change and delete what a sentence asks for.

    An action is one touch, text, key or claim, in one of several dialects. The screen is shown as a
    list of its elements. `status` ends the episode: 1 where the phone's data differ from before in
    just what was asked for, -0.5 otherwise; an action that cannot be read costs 0.05.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["ansi", "rgb_array"],
        "render_fps": 1,
    }
    scale = 1

    def __init__(
        self,
        *,
        templates: str | Sequence[str] = "all",
        levels: str | int | Sequence[int] = "all",
        device: str = "sim",
        observation: str = "elements",
        dialect: str = "native",
        look: str = "plain",
        twins: float = 0.2,
        template_split: bool = False,
        shaping: float = 0.0,
        prompt_style: str = "question",
        verifier: Verifier | str | None = None,
        split: str = "train",
        max_turns: int | None = None,
        gamma: float = 1.0,
        render_mode: str | None = None,
    ) -> None:
        """Make the environment.

        Args:
            templates: Which tasks: `all`, or names and beginnings of names of templates, such as
                `notes` or `notes.create,clock`.
            levels: How hard they are: 1 for up to five actions, 2 for up to twelve, 3 for more;
                one, several (`1,2`), or `all`.
            device: `sim`, in pure Python; `chromium`, the same in a browser; or `adb`, a real
                phone, for tasks that were made on its own data.
            observation: `elements`, a list; `tree`, with bounds; or `brief`, in few characters.
            dialect: How actions are written: `native`, `brief`, `androidworld`, or one of those
                that other models write: `ui_tars`, `android_control`, `aitw`, `mobilegym`.
            look: `plain`, or `random` for a theme, density, language and order with each task.
            twins: Share of infeasible tasks among those that have such a twin.
            template_split: Whether the splits differ by templates too, not by values alone.
            shaping: Weight of the progress as a potential; its differences are added to the
                rewards and leave the return of a whole episode as it is.
            prompt_style: `bare`: the sentence and the screen; `question`: with the rules.
            verifier: What scores the end; None for the verifier `state`.
            split: `train`, `test` or `all`: the pools that values come from.
            max_turns: Actions after which an episode is truncated; None for two and a half times
                those of the oracle and three more.
            gamma: Discount of the MDP.
            render_mode: `ansi`: the episode as text; `rgb_array`: the screen, with Pillow.

        Raises:
            UsageError: For a value out of range.
        """
        check_choice("device", device, tuple(DEVICES))
        if not 0.0 <= twins <= 1.0:
            raise UsageError(f"twins = {twins}", "a share from 0 to 1")
        if not math.isfinite(shaping) or shaping < 0:
            raise UsageError(f"shaping = {shaping}", "a weight of at least 0")
        self._observer = Observer(check_choice("observation", observation, tuple(FORMS)))
        self.dialect = check_choice("dialect", dialect, tuple(DIALECTS))
        self.prompt_style = check_choice("prompt_style", prompt_style, PROMPT_STYLES)
        self._ready = False
        self._limit: int | None = None
        super().__init__(
            verifier=StateVerifier() if verifier is None else verifier,
            split=split,
            max_turns=UNKNOWN_BUDGET,
            gamma=gamma,
            render_mode=render_mode,
        )
        self._ready = True
        if max_turns is not None:
            self.max_turns = check_integer("max_turns", max_turns, 1, 1_000_000)
        pools = self.split if template_split else "all"
        self._choice = Choice(
            self.split,
            choose_variants(templates, _read_levels(levels), pools),
            float(twins),
            check_choice("look", look, LOOKS),
        )
        self._device, self._shaping = device, float(shaping)
        self._screens = Screens(APPS)
        self._drawn: OrderedDict[tuple[str, str], Drawn | None] = OrderedDict()
        self._plans: OrderedDict[tuple[str, str], Plan] = OrderedDict()

    @cached_property
    def episode(self) -> Episode:
        """The episode, on a device that is made when it is first asked for.

        Raises RunError where there is no browser, for the device `chromium`.
        """
        device = make_device(self._device)
        if isinstance(device, SimDevice):
            device.screens = self._screens
        dialect = DIALECTS[self.dialect]
        return Episode(device, dialect, self.verifier, self._shaping, self.gamma, self.scale)

    @property
    def max_turns(self) -> int:
        """Actions after which an episode is truncated."""
        if self._limit is not None:
            return self._limit
        return UNKNOWN_BUDGET if self._task is None else self._budget(self._task)

    @max_turns.setter
    def max_turns(self, turns: int) -> None:
        self._limit = turns if self._ready else None

    # Tasks

    def draw_task(self, rng: np.random.Generator) -> Task:
        """Return a task whose values come from the pools of the split."""
        return self.sample_task(rng)

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return a task with the rules and the first screen in its prompt."""
        drawn = draw_mobile_task(int(rng.integers(1 << 62)), self._choice)
        scene = _scene_of(drawn)
        phone = scene.phone()
        layout = self._screens.show(phone, scene.look)
        shown = self._write(layout, label_of(phone, scene.look), 0)
        asked = prompt_text(drawn.task)
        parts = [asked, shown]
        if self.prompt_style == "question":
            rules = DIALECTS[self.dialect].rules
            parts = [f"You use a phone. {rules}", f"Task: {asked}", shown]
        plain, message = drawn.task, Message("user", "\n\n".join(filter(None, parts)))
        task = Task(plain.id, (message,), plain.reference, plain.difficulty, plain.meta)
        self._remember(task, drawn)
        return task

    def begin(self, task: Task) -> str:
        """Load the device as the task says, and return the prompt."""
        drawn = self._find_drawn(task)
        self.episode.begin(task, Scene(read_start(task)) if drawn is None else _scene_of(drawn))
        first: str = self._start(task)
        return first

    def transition(self, action: str) -> Transition:
        """Do the action on the device."""
        step = self.episode.act(action)
        if step.over:
            last = self._show(self._tell(""))
            return Transition(step.reward, True, step.verdict, step.said, last)
        told = self._tell(step.said)
        return Transition(step.reward, False, None, told, self._show(told))

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the actions of the oracle, in the environment's dialect.

        Raises EnvError for a task that was not drawn here, or that the dialect has no words for.
        """
        del thinking  # The oracle has no thoughts.
        return write_plan(self._plan(task)[0], DIALECTS[self.dialect], self.dialect, self.scale)

    def make_tools(self, task: Task) -> Mapping[str, Callable[[str], str]]:
        """Return `form`, which says why an action cannot be done on the present screen."""
        del task
        return {"form": self.episode.explain}

    def submissions(self, task: Task) -> tuple[str, ...]:
        """Return the end of the oracle's episode, as the verifier reads it."""
        return (write_submission(self._plan(task)[1]),)

    def find_missing(self) -> str:
        """Return what this machine lacks for the device, in one line; empty where nothing."""
        return find_missing(self._device)

    def render(self) -> Any:
        """Return the transcript, the screen as an array (800, 360, 3), or None."""
        if self.render_mode != "rgb_array":
            return super().render()
        return self.photograph()

    def photograph(self) -> NDArray[np.uint8]:
        """Return the screen as an array of pixels. Raises UsageError without Pillow."""
        if find_spec("PIL") is None:
            raise UsageError("Pillow is not installed", 'pip install "gym-reason[mobile]"')
        from gym_reason.envs.mobile.render.paint import paint_array, read_png  # Pillow

        episode = self.episode
        if not isinstance(episode.device, PhoneHolder):
            return read_png(episode.device.photograph(self.scale))
        return np.asarray(paint_array(episode.observe(), episode.look, self.scale))

    def film(self, task: Task, actions: Sequence[str], form: str = "page") -> bytes:
        """Return an episode as pictures, played again on the embedded device.

        A task of one's own, for a real phone, is shown as the embedded device would have gone on.
        """
        if find_spec("PIL") is None:
            raise UsageError("Pillow is not installed", 'pip install "gym-reason[mobile]"')
        from gym_reason.envs.mobile.render import film, filmstrip  # Pillow, for those who look

        drawn = self._find_drawn(task)
        scene = Scene(read_start(task)) if drawn is None else _scene_of(drawn)
        dialect = DIALECTS[self.dialect]
        made = film.make_film(task, scene, actions, dialect, self.verifier, self.scale)
        if form == "gif":
            return film.write_gif(made)
        if form == "frames":
            return filmstrip.write_frames(made).encode()
        return filmstrip.write_page(made).encode()

    def close(self) -> None:
        """Close the device."""
        if "episode" in self.__dict__:
            self.episode.device.close()
        super().close()

    # What the screen environment shows in its own way

    def _start(self, task: Task) -> Any:
        return prompt_text(task)

    def _show(self, told: str) -> Any:
        """Return the observation: what is told and the task, for those who remember nothing."""
        asked = self.task.meta.get("asked")
        return f"Task: {asked}\n{told}" if isinstance(asked, str) else told

    def _tell(self, said: str) -> str:
        """Return what the agent is told: a remark, and the screen."""
        return "\n".join(filter(None, (said, self._describe())))

    def _describe(self) -> str:
        episode = self.episode
        return self._write(episode.observe(), episode.app(), episode.obs_id)

    def _write(self, layout: Layout, app: str, obs_id: int) -> str:
        text = self._observer.describe(layout, app)
        # Its indices count in one screen alone, so that each must have its number.
        return f"screen {obs_id}, {text}" if self.dialect == "native" else text

    def _refuse(self, action: str) -> Transition:
        reason = "it is no text of Unicode"
        if len(action) > self.max_length:
            reason = f"it is longer than {self.max_length} characters"
        told = self._tell(f"Not done: {reason}.")
        return Transition(MALFORMED, False, None, told, self._show(told))

    # Drafts and plans

    def _is_spent(self) -> bool:
        if self._limit is not None:
            return self._turns >= self._limit
        # Looking up the budget takes an oracle's episode, which most first turns need not wait for.
        return self._turns >= SURE_TURNS and self._turns >= self.max_turns

    def _budget(self, task: Task) -> int:
        if self._find_drawn(task) is None:
            return UNKNOWN_BUDGET
        return math.ceil(2.5 * len(self._plan(task)[0])) + 3

    def _plan(self, task: Task) -> Plan:
        key = task.id, task.reference
        plan = self._plans.get(key)
        if plan is None:
            drawn = self._find_drawn(task)
            if drawn is None:
                raise EnvError(f"task {task.id} has no oracle", "a task drawn by this environment")
            hand_type = EnteringHand if self.dialect == "androidworld" else Hand
            plan = self._plans[key] = play_oracle(drawn, hand_type)
            if len(self._plans) > MAX_KEPT:
                self._plans.popitem(last=False)
        return plan

    def _find_drawn(self, task: Task) -> Drawn | None:
        """Return what a task was drawn from; None where that cannot be found out."""
        key = task.id, task.reference
        if key in self._drawn:
            return self._drawn[key]
        drawn = redraw_mobile_task(task.meta)
        if drawn is not None and drawn.task.reference != task.reference:
            drawn = None
        self._remember(task, drawn)
        return drawn

    def _remember(self, task: Task, drawn: Drawn | None) -> None:
        self._drawn[task.id, task.reference] = drawn
        if len(self._drawn) > MAX_KEPT:
            self._drawn.popitem(last=False)


def _scene_of(drawn: Drawn) -> Scene:
    return Scene(drawn.draft.world, drawn.look, drawn.draft.start)


def _read_levels(levels: str | int | Sequence[int]) -> tuple[int, ...]:
    if levels == "all":
        return LEVELS
    found = [levels] if isinstance(levels, int) else levels
    words = found.replace(",", " ").split() if isinstance(found, str) else list(map(str, found))
    chosen = tuple(level for level in LEVELS if str(level) in words)
    if not chosen or set(words) - set(map(str, LEVELS)):
        raise UsageError(f"levels = {levels!r}", "all, or some of 1, 2 and 3")
    return chosen
