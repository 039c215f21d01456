"""What tasks with messages have in common: what is expected, what is tolerated, how it is done."""

from gym_reason.envs.mobile.apps.messages import read_conversation
from gym_reason.envs.mobile.system.tables import NOTICE
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.verifiers.state.goals import Allowed, Expectation, Inserted, Logged, Want
from gym_reason.verifiers.state.world import World


def is_sent(number: str, words: str, reading: str = "text") -> tuple[Expectation, ...]:
    """Return the expectations that one message was sent, and to whom."""
    to, text = Want(number, "phone"), Want(words, reading)
    row = {"number": to, "text": text, "incoming": Want(False)}
    return (Logged("messages.sent", {"to": to, "text": text}), Inserted("messages.message", row))


def allow_reading(world: World, *numbers: str) -> tuple[Allowed, ...]:
    """Return what opening some conversations may change: what is unread, and its notifications.

    Nothing where nothing is unread, so that nothing at all is tolerated then.
    """
    unread = tuple(
        message.id
        for number in numbers
        for message in read_conversation(world, number)
        if not message.read
    )
    notices = tuple(
        notice.id
        for notice in world.rows(NOTICE).values()
        if notice.app == "messages" and notice.key in numbers
    )
    allowed = []
    if unread:
        allowed.append(Allowed("messages.message", ("read",), unread))
    if notices:
        allowed.append(Allowed("system.notice", (), notices))
    return tuple(allowed)


def send_new(hand: Hand, to: str, words: str) -> None:
    """Write a message on a page of its own."""
    hand.open("messages")
    hand.tap("New message", "fab")
    hand.type("To", to)
    hand.type("Text", words)
    hand.tap("Send", "icon")


def reply_to(hand: Hand, name: str, words: str) -> None:
    """Write a message under a conversation."""
    hand.open("messages")
    hand.tap(name, "item")
    hand.type("Message", words)
    hand.tap("Send", "icon")
