"""The text messages of a phone, as `messages.message` holds them."""

from gym_reason.envs.mobile.apps.messages import MESSAGE, Message
from gym_reason.envs.mobile.devices.adb.contacts import read_number
from gym_reason.envs.mobile.devices.adb.provider import read_rows
from gym_reason.envs.mobile.devices.adb.source import Adapter, Reading, Source, by_key
from gym_reason.verifiers.state.world import LogEntry

SMS = "content://sms"
_CAME, _DRAFT = 1, 3


def read_messages(source: Source) -> Reading:
    """Return the messages but drafts; each that was sent is in the log. Raises NotGiven."""
    messages: list[Message] = []
    for row in read_rows(source, SMS, ("type", "date", "read"), ("address", "body")):
        if row["type"] == _DRAFT:
            continue
        came = row["type"] == _CAME
        at = source.localise(int(row["date"]) // 1000)
        number, words = read_number(row["address"]), str(row["body"])
        seen = not came or row["read"] != 0
        messages.append(Message(int(row["_id"]), number, words, came, at, seen))
    log = tuple(
        LogEntry("messages.sent", one.at, (("to", one.number), ("text", one.text)))
        for one in messages
        if not one.incoming
    )
    return Reading({MESSAGE.name: by_key(list(messages))}, log)


ADAPTER = Adapter((MESSAGE.name,), read_messages)
