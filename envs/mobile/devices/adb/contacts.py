"""The contacts and calls of a phone, as `contacts.contact` and `contacts.call` hold them."""

from gym_reason.envs.mobile.apps.contacts import CALL, CONTACT, Call, Contact, tidy_number
from gym_reason.envs.mobile.devices.adb.provider import Fields, read_rows
from gym_reason.envs.mobile.devices.adb.source import Adapter, Reading, Source, by_key
from gym_reason.verifiers.state.world import LogEntry

DATA = "content://com.android.contacts/data"
CALLS = "content://call_log/calls"
_KIND = "vnd.android.cursor.item/"
_LABELS = {1: "home", 2: "mobile", 3: "work"}
_DIRECTIONS = {1: "incoming", 2: "outgoing"}


def read_contacts(source: Source) -> Reading:
    """Return the people with their first number and address. Raises NotGiven."""
    people: dict[int, Contact] = {}
    for row in _read_data(source, "name", ("data2", "data3")):
        _find(people, row, first=str(row["data2"]), last=str(row["data3"]))
    # What is numbered lower was entered first.
    for row in _read_data(source, "phone_v2", ("data1", "data2")):
        kind = str(row["data2"])
        label = _LABELS.get(int(kind), "other") if kind.isdecimal() else "other"
        person = _find(people, row)
        if not person.phone:
            people[person.id] = person._replace(phone=read_number(row["data1"]), label=label)
    for row in _read_data(source, "email_v2", ("data1",)):
        person = _find(people, row)
        if not person.email:
            people[person.id] = person._replace(email=str(row["data1"]))
    return Reading({CONTACT.name: by_key(list(people.values()))})


def _read_data(source: Source, kind: str, texts: tuple[str, ...]) -> list[Fields]:
    where = f"mimetype='{_KIND}{kind}'"
    return read_rows(source, DATA, ("contact_id", "starred"), texts, where)


def _find(people: dict[int, Contact], row: Fields, first: str = "", last: str = "") -> Contact:
    """Return the person of a row, who is new where nothing was read of them before."""
    key = int(row["contact_id"])
    new = Contact(key, first, last, "", "mobile", "", row["starred"] != 0)
    return people.setdefault(key, new)


def read_calls(source: Source) -> Reading:
    """Return the calls; each that was made is in the log. Raises NotGiven."""
    calls: list[Call] = []
    for row in read_rows(source, CALLS, ("date", "duration", "type"), ("number",)):
        direction = _DIRECTIONS.get(int(row["type"]), "missed")
        at = source.localise(int(row["date"]) // 1000)
        number = read_number(row["number"])
        calls.append(Call(int(row["_id"]), number, direction, at, int(row["duration"])))
    log = tuple(
        LogEntry("contacts.called", one.at, (("number", one.number),))
        for one in calls
        if one.direction == "outgoing"
    )
    return Reading({CALL.name: by_key(list(calls))}, log)


def read_number(value: int | str) -> str:
    """Return a telephone number as the tables hold it; what is none, such as a name, as it is."""
    return tidy_number(str(value)) or str(value)


CONTACTS_ADAPTER = Adapter((CONTACT.name,), read_contacts)
CALLS_ADAPTER = Adapter((CALL.name,), read_calls)
