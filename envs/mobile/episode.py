"""One task on a device: actions as text go in, rewards, messages and the verdict come out."""

import importlib
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, cast, runtime_checkable

from gym_reason.envs.mobile.actions.dialects import Dialect
from gym_reason.envs.mobile.actions.reading import ActionError, Shown
from gym_reason.envs.mobile.actions.resolve import resolve
from gym_reason.envs.mobile.actions.types import Action, Claim, Say
from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.devices.base import Device
from gym_reason.envs.mobile.layout import Layout
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone
from gym_reason.errors import EnvError, RunError
from gym_reason.text import after_thinking
from gym_reason.types import Task, Verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.state.goals import Goal
from gym_reason.verifiers.state.judge import Ending, measure_progress
from gym_reason.verifiers.state.verifier import StateVerifier, read_reference, write_submission
from gym_reason.verifiers.state.world import World

MALFORMED = -0.05
"""Reward of an action that cannot be read or done; nothing else follows from it."""

DEVICES: Mapping[str, str] = {
    "sim": "gym_reason.envs.mobile.devices.sim:SimDevice",
    "chromium": "gym_reason.envs.mobile.devices.chromium:ChromiumDevice",
    "adb": "gym_reason.envs.mobile.devices.adb.device:AdbDevice",
}
"""The devices that a task can be played on, by name, with the class of each."""


def make_device(name: str) -> Device:
    """Return a new device of one of DEVICES."""
    module, _, kind = DEVICES[name].partition(":")
    return cast("Device", getattr(importlib.import_module(module), kind)())


@runtime_checkable
class PhoneHolder(Protocol):
    """A device that is, or mirrors, a phone as a value."""

    phone: Phone
    """The phone, which may be replaced."""


def find_missing(name: str) -> str:
    """Return what this machine lacks for a device, in one line; empty where nothing."""
    if name == "adb":
        from gym_reason.envs.mobile.devices.adb.connection import find_adb_missing

        return find_adb_missing()
    if name != "chromium":
        return ""
    from gym_reason.envs.mobile.devices.browser import find_chromium  # for those who ask

    try:
        find_chromium()
    except RunError as error:
        return str(error)
    return ""


class Scene(NamedTuple):
    """Where an episode starts."""

    world: World
    """The data."""
    look: Look = Look()
    """The appearance."""
    start: Callable[[Phone], Phone] | None = None
    """What is open; None for the home screen."""

    def phone(self) -> Phone:
        """Return the device at the start, as a value."""
        phone = Phone(self.world)
        return phone if self.start is None else self.start(phone)

    def load(self, device: Device) -> None:
        """Bring a device there. Raises EnvError for one on which nothing can be opened at once."""
        device.load(self.world, self.look)
        if self.start is None:
            return
        # Only devices that hold a phone as a value can be put into the middle of something.
        if not isinstance(device, PhoneHolder):
            raise EnvError(
                f"a task that starts within an app, on {type(device).__name__}", "device='sim'"
            )
        device.phone = self.start(device.phone)


class Step(NamedTuple):
    """What follows an action."""

    reward: float
    """Its reward."""
    over: bool
    """Whether the agent has ended the episode."""
    verdict: Verdict | None = None
    """The verdict, at the end."""
    said: str = ""
    """What the agent is told besides the screen."""


class Episode:
    """A task that is being done. The device is the caller's, and one episode at a time uses it."""

    def __init__(
        self,
        device: Device,
        dialect: Dialect,
        verifier: Verifier,
        shaping: float = 0.0,
        gamma: float = 1.0,
        scale: int = 1,
        apps: Mapping[str, App] = APPS,
    ) -> None:
        """Prepare for episodes.

        Args:
            device: What the tasks are done on.
            dialect: How actions are read.
            verifier: Judges the end.
            shaping: Weight of the potential: the progress since the start. Its differences add up
                to nothing over an episode that ends with a claim.
            gamma: Discount of the potential.
            scale: Pixels of a screenshot to a point.
            apps: The apps of the device.
        """
        self.device = device
        self._holder = device if isinstance(device, PhoneHolder) else None
        self._dialect, self._verifier = dialect, verifier
        self._shaping, self._gamma, self._scale, self._apps = shaping, gamma, scale, apps
        self._task: Task | None = None
        self._scene = Scene(World({}, (), 0, {}))
        self._goal = Goal()
        self._answer: str | None = None
        self._first = self._potential = 0.0
        self.obs_id = 0
        """The number of the latest screen: how many actions there were."""

    def begin(self, task: Task, scene: Scene) -> None:
        """Start the episode of a task. Raises DataError for a reference that cannot be read."""
        scene.load(self.device)
        self._task, self._scene, self._answer, self.obs_id = task, scene, None, 0
        if self._shaping:
            self._goal, _ = read_reference(task.reference)
            self._first = measure_progress(self._goal, self.ending())
            self._potential = 0.0

    def act(self, text: str) -> Step:
        """Do an action, or say why it cannot be done."""
        try:
            step = self._do(text)
        except ActionError as error:
            step = Step(MALFORMED, False, None, f"Not done: {error}.")
        self.obs_id += 1
        if not self._shaping:
            return step
        return step._replace(reward=step.reward + self._shape(step.over))

    def explain(self, text: str) -> str:
        """Return why an action cannot be done on the present screen; nothing where it can."""
        try:
            action = self._parse(text)
            if not isinstance(action, (Say, Claim)):
                resolve(action, self.device.observe(), self._apps)
        except ActionError as error:
            return f"{error}"
        return ""

    def _parse(self, text: str) -> Action:
        words = after_thinking(text)
        if words is None:
            raise ActionError("the thoughts have no end")
        return self._dialect.parse(words.strip(), Shown(self._scale, self.obs_id))

    def _do(self, text: str) -> Step:
        action = self._parse(text)
        match action:
            case Say("answer", answer):
                self._answer = answer
                return Step(0.0, False, None, "The answer is noted.")
            case Say():
                return Step(0.0, False, None, "The user says: all that I know is in the task.")
            case Claim(status, answer):
                if answer is not None:
                    self._answer = answer
                verdict = self._judge(self.ending(status))
                return Step(verdict.reward, True, verdict, verdict.feedback)
        for gesture in resolve(action, self.device.observe(), self._apps):
            self.device.act(gesture)
        return Step(0.0, False)

    def _judge(self, ending: Ending) -> Verdict:
        if isinstance(self._verifier, StateVerifier):
            return self._verifier.verify_ending(self.task, ending)
        return self._verifier.verify(self.task, write_submission(ending))

    def _shape(self, over: bool) -> float:
        """Return the difference of the potential, which is nothing before and after an episode.

        Source: Ng, Harada and Russell (1999), for the ends of episodes Grzes (2017).
        """
        before = self._potential
        if over:
            self._potential = 0.0
        else:
            self._potential = measure_progress(self._goal, self.ending()) - self._first
        return self._shaping * (self._gamma * self._potential - before)

    def ending(self, status: str = "") -> Ending:
        """Return how it would end now with a claim."""
        device = self.device
        return Ending(self._scene.world, device.dump(), device.screen(), status, self._answer)

    def observe(self) -> Layout:
        """Return the screen."""
        return self.device.observe()

    @property
    def task(self) -> Task:
        """The task of the episode. Raises EnvError before the first."""
        if self._task is None:
            raise EnvError("no episode has begun", "begin() first")
        return self._task

    @property
    def look(self) -> Look:
        """The appearance of the device."""
        return self._scene.look

    def app(self) -> str:
        """Return the label of the app in the foreground; empty on the home screen."""
        if self._holder is not None:
            return label_of(self._holder.phone, self.look, self._apps)
        name = self.device.screen().app
        app = self._apps.get(name)
        return self.look.say(app.label) if app else name


def label_of(phone: Phone, look: Look, apps: Mapping[str, App] = APPS) -> str:
    """Return the label of the app that a phone shows; empty where it shows none."""
    if phone.overlay or not phone.stack:
        return ""
    return look.say(apps[phone.stack[-1].app].label)
