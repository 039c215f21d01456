"""The settings of a phone, as `system.setting` holds them.

Not given: the volumes, whose highest level a phone does not tell; the lock of the screen and the
automatic updates, which are in no table that can be read.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from gym_reason.envs.mobile.devices.adb.source import Adapter, NotGiven, Reading, Source, by_key
from gym_reason.envs.mobile.system.tables import SETTING, Setting

MaybeLevel: TypeAlias = "str | int | bool | None"
"""What a setting holds; None where the phone's value is none of those that the table has."""

_END = "///\\n"
_FONTS = {"0.85": "Small", "1.0": "Medium", "1.15": "Large", "1.3": "Largest"}
_LANGUAGES = {
    "en": "English",
    "zh": "中文",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "pt": "Português",
}


def _flag(value: str) -> MaybeLevel:
    return value != "0" if value.isascii() and value.isdigit() else None


def _wifi(value: str) -> MaybeLevel:
    # 2 is on in spite of airplane mode, 3 is off because of it.
    return value in ("1", "2") if value in ("0", "1", "2", "3") else None


def _brightness(value: str) -> MaybeLevel:
    level = int(value) if value.isascii() and value.isdigit() else -1
    return (level * 100 + 127) // 255 if 0 <= level <= 255 else None


def _night(value: str) -> MaybeLevel:
    return {"1": False, "2": True}.get(value)


def _font(value: str) -> MaybeLevel:
    return _FONTS.get(value)


def _language(value: str) -> MaybeLevel:
    return _LANGUAGES.get(value.partition(",")[0].partition("-")[0])


SOURCES: Mapping[str, tuple[str, str, Callable[[str], MaybeLevel]]] = {
    "wifi": ("global", "wifi_on", _wifi),
    "bluetooth": ("global", "bluetooth_on", _flag),
    "airplane": ("global", "airplane_mode_on", _flag),
    "mobile_data": ("global", "mobile_data", _flag),
    "brightness": ("system", "screen_brightness", _brightness),
    "dark_theme": ("secure", "ui_night_mode", _night),
    "auto_rotate": ("system", "accelerometer_rotation", _flag),
    "font_size": ("system", "font_scale", _font),
    "vibrate": ("system", "vibrate_when_ringing", _flag),
    "do_not_disturb": ("global", "zen_mode", _flag),
    "location": ("secure", "location_mode", _flag),
    "language": ("system", "system_locales", _language),
    "battery_saver": ("global", "low_power", _flag),
}
"""Where a phone keeps each setting: the namespace, the name, and how its value is read."""


def read_settings(source: Source) -> Reading:
    """Return the settings that a phone tells. Raises NotGiven."""
    # One script, since each command takes a while; a value cannot run into the next one.
    asked = (f"settings get {space} {key}; printf '{_END}'" for space, key, _ in SOURCES.values())
    answer = source.phone.run_script("\n".join(asked))
    values = answer.text.replace("\r\n", "\n").split("\n///\n")[:-1]
    if len(values) != len(SOURCES):
        raise NotGiven(f"settings answers {answer.text.strip()[:120]!r}")
    rows: list[tuple[object, ...]] = []
    for (name, (_, _, read)), value in zip(SOURCES.items(), values, strict=True):
        level = read(value)
        if level is not None:
            rows.append(Setting(name, level))
    if not rows:
        raise NotGiven(f"settings answers {values[0][:120]!r}")
    return Reading({SETTING.name: by_key(rows)})


ADAPTER = Adapter((SETTING.name,), read_settings)
