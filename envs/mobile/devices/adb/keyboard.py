"""Typing on a phone: keys by their codes, text by `input text` or by the ADB keyboard."""

import base64
from collections.abc import Iterator, Mapping

from gym_reason.envs.mobile.actions.reading import ActionError
from gym_reason.envs.mobile.devices.adb.connection import Connection

KEYS: Mapping[str, int] = {"back": 4, "home": 3, "recents": 187, "enter": 66, "delete": 67}
"""Codes of the keys, by the names that gestures have for them."""
ADB_KEYBOARD = "com.android.adbkeyboard/.AdbIME"
"""The keyboard that types what it is sent: any text, not only what has keys."""
MAX_PIECE = 200
"""Most characters that one command types."""
MAX_CLEARED = 1_000
"""Most characters that are deleted on each side of the cursor."""

_END_OF_LINE, _DELETE, _DELETE_AFTER = 123, 67, 112


def press(phone: Connection, key: str) -> None:
    """Press a key. Raises ActionError for one that there is not."""
    code = KEYS.get(key)
    if code is None:
        raise ActionError(f"there is no key {key[:40]!r}")
    phone.run("input", "keyevent", str(code))


def type_text(phone: Connection, words: str) -> None:
    """Type a text where the cursor is; a new line is the key enter.

    Raises ActionError where it has characters that no key gives and the ADB keyboard is not used.
    """
    if any((ord(one) < 32 and one != "\n") or ord(one) == 127 for one in words):
        raise ActionError("a text with control characters cannot be typed")
    if not words.isascii():
        if not has_adb_keyboard(phone):
            raise ActionError(
                "this phone types ASCII alone; for other text install the ADB keyboard and choose "
                f"it with `ime set {ADB_KEYBOARD}`"
            )
        for start in range(0, len(words), MAX_PIECE):
            encoded = base64.b64encode(words[start : start + MAX_PIECE].encode()).decode()
            phone.run("am", "broadcast", "-a", "ADB_INPUT_B64", "--es", "msg", encoded)
        return
    for number, line in enumerate(words.split("\n")):
        if number:
            press(phone, "enter")
        for piece in split_text(line):
            phone.run("input", "text", piece)


def split_text(line: str) -> Iterator[str]:
    """Yield pieces that `input text` types as they are: it takes `%s` for a space."""
    for part_number, part in enumerate(line.split("%s")):
        whole = part if part_number == 0 else f"s{part}"
        whole += "%" if part_number < line.count("%s") else ""
        for start in range(0, len(whole), MAX_PIECE):
            yield whole[start : start + MAX_PIECE]


def clear_field(phone: Connection, held: str) -> None:
    """Delete what a field holds, wherever the cursor stands in it."""
    if not held:
        return
    count = min(len(held), MAX_CLEARED)
    phone.run("input", "keyevent", str(_END_OF_LINE))
    for code in (_DELETE, _DELETE_AFTER):
        for start in range(0, count, MAX_PIECE):
            codes = [str(code)] * min(MAX_PIECE, count - start)
            phone.run("input", "keyevent", *codes)


def has_adb_keyboard(phone: Connection) -> bool:
    """Return whether the ADB keyboard is the one in use."""
    answer = phone.run("settings", "get", "secure", "default_input_method")
    return answer.text.strip() == ADB_KEYBOARD
