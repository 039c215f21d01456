"""What the oracle of a task does, played on a device of its own."""

from collections.abc import Sequence

from gym_reason.envs.mobile.actions.dialects import Dialect
from gym_reason.envs.mobile.actions.reading import ActionError, Shown
from gym_reason.envs.mobile.actions.resolve import resolve
from gym_reason.envs.mobile.actions.types import Action, Claim, Say, Touch
from gym_reason.envs.mobile.devices.sim import SimDevice
from gym_reason.envs.mobile.episode import Scene
from gym_reason.envs.mobile.gestures import Drag, Gesture, Press, Tap, Wait
from gym_reason.envs.mobile.observe import has_keyboard
from gym_reason.envs.mobile.tasks.draw import Drawn
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.errors import EnvError
from gym_reason.verifiers.state.judge import Ending


class EnteringHand(Hand):
    """A hand with no more than the actions of AndroidWorld: what it types, it enters."""

    _hid_keyboard = False

    def type(self, label: str, text: str) -> None:
        """Write a text into the field of a label, and press enter."""
        _, index = self.find(label, "field")
        self.do(Touch("input_text", element=index, text=text, clear=True, submit=True))
        self._hid_keyboard = not has_keyboard(self.device.observe())

    def do(self, action: Gesture | Touch) -> None:
        """Do an action and write it down; not to hide a keyboard that enter has hidden already."""
        needless = self._hid_keyboard and isinstance(action, Press) and action.key == "back"
        self._hid_keyboard = False
        if not needless:
            super().do(action)

    def set_level(self, label: str, level: int) -> None:
        """Touch a slider where a level is."""
        _, index = self.find(label, "slider")
        drag = resolve(Touch("set_level", element=index, level=level), self.device.observe())[0]
        assert isinstance(drag, Drag)
        self.do(Tap(drag.x1, drag.y1))

    def wait(self, seconds: int) -> None:
        """Let time pass, a second an action."""
        for _ in range(seconds):
            self.do(Wait(1))


def play_oracle(drawn: Drawn, hand_type: type[Hand] = Hand) -> tuple[tuple[Action, ...], Ending]:
    """Return the actions that solve a task, the claim among them, and how the episode ends.

    Args:
        drawn: The task.
        hand_type: What the hand can do.

    Raises:
        EnvError: Where the script does not find on the screen what it looks for.
    """
    device = SimDevice()
    Scene(drawn.draft.world, drawn.look, drawn.draft.start).load(device)
    hand = hand_type(device, drawn.look)
    drawn.draft.script(hand)
    hand.claim(drawn.draft.goal.feasible)
    answers = [one.text for one in hand.actions if isinstance(one, Say) and one.kind == "answer"]
    claim = hand.actions[-1]
    assert isinstance(claim, Claim)
    ending = Ending(
        drawn.draft.world,
        device.dump(),
        device.screen(),
        claim.status,
        answers[-1] if answers else None,
    )
    return tuple(hand.actions), ending


def write_plan(
    actions: Sequence[Action], dialect: Dialect, name: str, scale: int = 1
) -> tuple[str, ...]:
    """Return actions as the texts of a dialect, the first of them seen on the screen 0.

    Raises EnvError for a dialect that is only read, or that has no words for one of them.
    """
    if dialect.write is None:
        raise EnvError(
            f"the dialect {name!r} is read, not written", "native, brief or androidworld"
        )
    try:
        return tuple(
            dialect.write(action, Shown(scale, number)) for number, action in enumerate(actions)
        )
    except ActionError as error:
        raise EnvError(f"a task that the dialect {name!r} cannot do: {error}", "native") from None
