"""Tasks with messages: new ones, replies, and what one person told passed on to another."""

from gym_reason.envs.mobile.apps.contacts import CONTACT, Contact, full_name
from gym_reason.envs.mobile.apps.messages import MESSAGE, Message
from gym_reason.envs.mobile.system.tables import CLIP, DUE, NOTICE, Due, notify, write_clip
from gym_reason.envs.mobile.tasks.fill_contacts import make_contact
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.messages_steps import (
    allow_reading,
    is_sent,
    reply_to,
    send_new,
)
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Allowed, Goal, Inserted, Want
from gym_reason.verifiers.state.world import World


def _pick_person(values: Values, world: World) -> Contact:
    return values.pick(tuple(world.rows(CONTACT).values()))


def _add_incoming(world: World, number: str, words: str, back_s: int) -> World:
    """Return the world with a message that came some seconds ago and was read."""
    return world.insert(MESSAGE, Message(0, number, words, True, world.now - back_s, True))


def _draw_to_number(values: Values, world: World, twin: bool) -> Draft:
    number, words = values.phone(), values.sentence()
    if values.chance(0.3):
        number = _pick_person(values, world).phone
    sentences = (
        "Send a text message to {number}: {text}",
        "Text the number {number} these words: {text}",
        "Please write a message to {number} that says exactly this: {text}",
    )
    goal = Goal(is_sent(number, words), allow_reading(world, number))
    params = {"number": number, "text": words}
    return Draft(world, goal, sentences, params, lambda hand: send_new(hand, number, words))


def _draw_to_person(values: Values, world: World, twin: bool) -> Draft:
    words = values.sentence()
    sentences = (
        "Send {name} this message: {text}",
        "Look {name} up in the contacts and text them: {text}",
        "Please write to {name}, exactly these words: {text}",
    )
    if twin:
        return make_twin(world, sentences, {"name": " ".join(values.person()), "text": words})
    person = _pick_person(values, world)
    goal = Goal(is_sent(person.phone, words), allow_reading(world, person.phone))
    params = {"name": full_name(person), "text": words}
    return Draft(
        world, goal, sentences, params, lambda hand: send_new(hand, full_name(person), words)
    )


def _draw_reply(values: Values, world: World, twin: bool) -> Draft:
    number, words = values.phone(), values.sentence()
    world = _add_incoming(world, number, values.sentence(), values.integer(4_000, 90_000))
    sentences = (
        "Answer the message from {number} with: {text}",
        "{number} wrote to me. Reply this: {text}",
        "In the conversation with {number}, send: {text}",
    )
    params = {"number": number, "text": words}
    goal = Goal(is_sent(number, words))
    return Draft(world, goal, sentences, params, lambda hand: reply_to(hand, number, words))


def _draw_reply_to_person(values: Values, world: World, twin: bool) -> Draft:
    person, words = make_contact(values), values.sentence()
    sentences = (
        "Answer the message that {name} sent me with: {text}",
        "{name} wrote to me. Reply this: {text}",
        "In the conversation with {name}, send: {text}",
    )
    params = {"name": full_name(person), "text": words}
    if twin:
        return make_twin(world, sentences, params)
    world = world.insert(CONTACT, person)
    world = _add_incoming(world, person.phone, values.sentence(), values.integer(4_000, 90_000))
    goal = Goal(is_sent(person.phone, words))
    return Draft(
        world, goal, sentences, params, lambda hand: reply_to(hand, full_name(person), words)
    )


def _draw_reply_to_newest(values: Values, world: World, twin: bool) -> Draft:
    number, words, last = values.phone(), values.sentence(), values.sentence()
    name = number
    if values.chance(0.5):
        person = make_contact(values)
        number, name = person.phone, full_name(person)
        world = world.insert(CONTACT, person)
    last_s = max(message.at for message in world.rows(MESSAGE).values())
    at = min(world.now - 1, last_s + values.integer(60, 600))
    world = world.insert(MESSAGE, Message(0, number, last, True, at, False))
    world = notify(world, "messages", name, last, "thread", number)
    sentences = (
        "Answer the newest message that I got with: {text}",
        "Reply to the last text message that came in: {text}",
        "Whoever wrote to me last should get this answer: {text}",
    )
    goal = Goal(is_sent(number, words), allow_reading(world, number))
    return Draft(world, goal, sentences, {"text": words}, lambda hand: reply_to(hand, name, words))


def _draw_resend(values: Values, world: World, twin: bool) -> Draft:
    person = make_contact(values)
    sentences = (
        "Send {name} once more the message that I have just sent them.",
        "My last message to {name} got lost. Resend it.",
        "Please repeat my last message to {name}, word for word.",
    )
    params = {"name": full_name(person)}
    if twin:
        return make_twin(world, sentences, params)
    world = world.insert(CONTACT, person)
    words = values.sentence()
    for back_s, text in ((7_000, values.sentence()), (120, words)):
        sent = Message(0, person.phone, text, False, world.now - back_s, True)
        world = world.insert(MESSAGE, sent)
    world = _add_incoming(world, person.phone, values.sentence(), 3_000)

    def script(hand: Hand) -> None:
        hand.open("messages")
        hand.tap(full_name(person), "item")
        hand.hold(words, "text")
        hand.tap("Resend", "item")

    return Draft(world, Goal(is_sent(person.phone, words)), sentences, params, script)


def _draw_address(values: Values, world: World, twin: bool) -> Draft:
    teller, receiver = make_contact(values), _pick_person(values, world)
    world = world.insert(CONTACT, teller)
    address, event = values.address(), values.title().lower()
    told = f"The {event} is at {address}. See you there!" if values.chance(0.5) else address
    if twin:
        told = f"The {event} is next week. See you there!"
    world = _add_incoming(world, teller.phone, values.sentence(), 5_000)
    world = _add_incoming(world, teller.phone, told, 60)
    sentences = (
        "{teller} has just sent me an address. Text it to {receiver}: the address, nothing else.",
        "Send {receiver} the address that {teller} wrote to me, just street and number.",
        "Pass the address from the last message of {teller} on to {receiver}. Write only that.",
    )
    params = {"teller": full_name(teller), "receiver": full_name(receiver)}
    if twin:
        return make_twin(world, sentences, params)

    def script(hand: Hand) -> None:
        hand.open("messages")
        hand.tap(full_name(teller), "item")
        hand.press("back")
        send_new(hand, full_name(receiver), address)

    allowed = allow_reading(world, receiver.phone)
    goal = Goal(is_sent(receiver.phone, address), allowed)
    return Draft(world, goal, sentences, params, script)


def _draw_clipboard(values: Values, world: World, twin: bool) -> Draft:
    number, words = values.phone(), values.sentence()
    sentences = (
        "Send what is on the clipboard to {number} as a message.",
        "I have copied a text. Paste it into a message to {number} and send that.",
        "Text the contents of the clipboard to {number}.",
    )
    if twin:
        return make_twin(world.delete(CLIP, "clip"), sentences, {"number": number})
    world = write_clip(world, words)

    def script(hand: Hand) -> None:
        hand.open("messages")
        hand.tap("New message", "fab")
        hand.type("To", number)
        hand.hold("Text", "field")
        hand.tap("Paste", "item")
        hand.tap("Send", "icon")

    return Draft(world, Goal(is_sent(number, words)), sentences, {"number": number}, script)


def _draw_number(values: Values, world: World, twin: bool) -> Draft:
    people = tuple(world.rows(CONTACT).values())
    receiver, wanted = values.sample(people, 2)
    sentences = (
        "Send {receiver} the phone number of {wanted}, and only that.",
        "{receiver} needs the number of {wanted}. Text just the number.",
        "Look up the number of {wanted} in the contacts and send it to {receiver} as a message.",
    )
    params = {"receiver": full_name(receiver), "wanted": full_name(wanted)}
    if twin:
        params["wanted"] = " ".join(values.person())
        return make_twin(world, sentences, params)

    def script(hand: Hand) -> None:
        hand.open("contacts")
        hand.tap(full_name(wanted), "item")
        send_new(hand, full_name(receiver), wanted.phone)

    allowed = allow_reading(world, receiver.phone)
    goal = Goal(is_sent(receiver.phone, wanted.phone, "phone"), allowed)
    return Draft(world, goal, sentences, params, script)


def _draw_awaited(values: Values, world: World, twin: bool) -> Draft:
    teller, receiver = values.sample(tuple(world.rows(CONTACT).values()), 2)
    words, delay_s = values.sentence(), values.integer(120, 600)
    due = Due(0, world.now + delay_s, "messages.receive", teller.phone, words)
    world = world.insert(DUE, due)
    sentences = (
        "{teller} will write to me within a quarter of an hour. Send the same words to {receiver}.",
        "Wait for the message of {teller} that comes soon, and forward it to {receiver}.",
        "In the next fifteen minutes {teller} sends me a text. Pass it on to {receiver} unchanged.",
    )

    def script(hand: Hand) -> None:
        hand.open("messages")
        hand.wait(delay_s)
        hand.tap(full_name(teller), "item")
        hand.hold(words, "text")
        hand.tap("Forward", "item")
        hand.type("To", full_name(receiver))
        hand.tap("Send", "icon")

    came = {"number": Want(teller.phone), "text": Want(words), "incoming": Want(True)}
    allowed = (
        *allow_reading(world, teller.phone, receiver.phone),
        Allowed("system.due", (), (world.last_id(DUE),)),
        Allowed("system.notice", (), (world.last_id(NOTICE) + 1,)),
    )
    goal = Goal((*is_sent(receiver.phone, words), Inserted("messages.message", came)), allowed)
    params = {"teller": full_name(teller), "receiver": full_name(receiver)}
    return Draft(world, goal, sentences, params, script)


MESSAGES_TEMPLATES: tuple[Template, ...] = (
    Template(
        "messages.send",
        ("messages", "contacts"),
        (
            Variant("number", _draw_to_number, ("SimpleSmsSend",)),
            Variant("person", _draw_to_person, has_twin=True),
        ),
    ),
    Template(
        "messages.reply_or_resend",
        ("messages", "contacts"),
        (
            Variant("reply", _draw_reply, ("SimpleSmsReply",)),
            Variant("reply_to_person", _draw_reply_to_person, has_twin=True),
            Variant("reply_to_newest", _draw_reply_to_newest, ("SimpleSmsReplyMostRecent",)),
            Variant("resend", _draw_resend, ("SimpleSmsResend",), has_twin=True),
        ),
    ),
    Template(
        "messages.relay_info",
        ("messages", "contacts"),
        (
            Variant("address", _draw_address, ("SimpleSmsSendReceivedAddress",), True, level=2),
            Variant("clipboard", _draw_clipboard, ("SimpleSmsSendClipboardContent",), True, 2),
            Variant("number", _draw_number, has_twin=True, level=2),
            Variant("awaited", _draw_awaited, level=2),
        ),
    ),
)
