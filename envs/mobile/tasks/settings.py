"""Tasks in the settings: switches, levels, choices, permissions."""

from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.apps.settings import (
    LINES,
    PERMISSIONS,
    write_setting,
)
from gym_reason.envs.mobile.system.tables import GRANT, Grant
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.settings_states import STATE_TEMPLATES
from gym_reason.envs.mobile.tasks.settings_steps import (
    holds,
    is_now,
    open_section,
    say_state,
    turn,
)
from gym_reason.envs.mobile.tasks.template import Draft, Drawing, Template, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import (
    Expectation,
    Goal,
    Inserted,
    Logged,
    Updated,
    Want,
)
from gym_reason.verifiers.state.world import Value, World

MISSING_SWITCHES = {
    "train": ("NFC", "Night light", "Hotspot", "Print service"),
    "test": ("Reading mode", "USB sharing", "Nearby share", "Screen saver"),
}
"""Switches that this device does not have."""
MISSING_LANGUAGES = {
    "train": ("Íslenska", "Malti", "Cymraeg"),
    "test": ("Euskara", "Føroyskt", "Latviešu"),
}
"""Languages that cannot be chosen."""
SWITCHES = tuple(
    line.id
    for line in LINES.values()
    if isinstance(line.usual, bool) and line.id not in ("wifi", "bluetooth", "airplane")
)
"""Switches that no other variant is about."""


def _toggle(name: str) -> Drawing:
    sentences = (
        "Turn {setting} {state}.",
        "Please switch {setting} {state} on this phone.",
        "I need {setting} to be {state}. Change it in the settings.",
    )

    def draw(values: Values, world: World, twin: bool) -> Draft:
        on = values.chance(0.5)
        world = write_setting(world, name, not on)
        params = {"setting": LINES[name].label, "state": say_state(on)}

        def script(hand: Hand) -> None:
            open_section(hand, name)
            turn(hand, name)

        return Draft(world, Goal((is_now(name, on),)), sentences, params, script)

    return draw


def _draw_airplane(values: Values, world: World, twin: bool) -> Draft:
    on = values.chance(0.5)
    world = write_setting(world, "airplane", not on)
    wanted: list[Expectation] = [is_now("airplane", on)]
    if on:
        # The radios go off with it, whether they were on or not.
        wanted += [holds("wifi", False), holds("bluetooth", False)]
    sentences = (
        "Turn airplane mode {state}.",
        "Please switch this phone's airplane mode {state}.",
        "I am {where} a plane now, so set airplane mode to {state}.",
    )
    params = {"state": say_state(on), "where": "boarding" if on else "leaving"}

    def script(hand: Hand) -> None:
        open_section(hand, "airplane")
        turn(hand, "airplane")

    return Draft(world, Goal(tuple(wanted)), sentences, params, script)


def _draw_switch(values: Values, world: World, twin: bool) -> Draft:
    name, on = values.pick(SWITCHES), values.chance(0.5)
    sentences = (
        "In the settings, turn {setting} {state}.",
        "Go to the phone's settings and switch {setting} {state}.",
        "I would like {setting} to be {state}. Please change that in the settings.",
    )
    if twin:
        missing = values.pick_from(MISSING_SWITCHES)
        return make_twin(world, sentences, {"setting": missing, "state": say_state(on)})
    world = write_setting(world, name, not on)

    def script(hand: Hand) -> None:
        open_section(hand, name)
        turn(hand, name)

    params = {"setting": LINES[name].label, "state": say_state(on)}
    return Draft(world, Goal((is_now(name, on),)), sentences, params, script)


def _draw_permission(values: Values, world: World, twin: bool) -> Draft:
    names = ("camera", "microphone", "location", "files")
    pairs = [(app, what) for app in APPS for what in PERMISSIONS.get(app, ())]
    others = [(app, what) for app in APPS for what in names if what not in PERMISSIONS.get(app, ())]
    allow = values.chance(0.5)
    app, what = values.pick(others if twin else pairs)
    sentences = (
        "In the settings, {verb} the app {app} the permission {what}.",
        "Open the permissions of {app} and {verb} it {what}.",
        "Please {verb} {app} the use of this: {what}. It is among its permissions.",
    )
    params = {
        "verb": "allow" if allow else "deny",
        "app": APPS[app].label,
        "what": what.capitalize(),
    }
    if twin:
        return make_twin(world, sentences, params)
    key = f"{app}:{what}"
    known = not allow or values.chance(0.5)
    world = world.delete(GRANT, key)
    if known:
        world = world.insert(GRANT, Grant(key, not allow))
    wants = {"granted": Want(allow)}
    changed: Expectation = Updated("system.grant", key, wants)
    if not known:
        changed = Inserted("system.grant", {"id": Want(key), **wants})
    wanted: list[Expectation] = [changed]
    if allow:
        logged = {"app": Want(app), "what": Want(what)}
        wanted.append(Logged("system.permission_granted", logged))

    def script(hand: Hand) -> None:
        hand.open("settings")
        hand.tap("Apps", "item")
        hand.tap(APPS[app].label, "item")
        hand.tap(what.capitalize(), "switch")

    return Draft(world, Goal(tuple(wanted)), sentences, params, script)


def _draw_brightness(values: Values, world: World, twin: bool) -> Draft:
    most = values.chance(0.5)
    world = write_setting(world, "brightness", values.integer(20, 80))
    sentences = (
        "Set the brightness of the screen to its {end}.",
        "In the display settings, have the brightness at the {end}.",
        "Please move the brightness all the way to the {end}.",
    )
    params = {"end": "maximum" if most else "minimum"}

    def script(hand: Hand) -> None:
        open_section(hand, "brightness")
        hand.set_level("Brightness", 100 if most else 0)

    goal = Goal((is_now("brightness", 100 if most else 0),))
    return Draft(world, goal, sentences, params, script)


def _draw_volume(values: Values, world: World, twin: bool) -> Draft:
    name = values.pick(("volume", "ring_volume"))
    level = 10 * values.integer(0, 10)
    old = (level + 10 * values.integer(2, 8)) % 110
    world = write_setting(world, name, old)
    sentences = (
        "Set the {setting} to exactly {level} of 100.",
        "In the settings, move the {setting} to {level}.",
        "The {setting} should be at {level} percent. Please set it.",
    )

    def script(hand: Hand) -> None:
        open_section(hand, name)
        hand.set_level(LINES[name].label, level)

    params: dict[str, Value] = {"setting": LINES[name].label.lower(), "level": level}
    return Draft(world, Goal((is_now(name, level),)), sentences, params, script)


def _draw_language(values: Values, world: World, twin: bool) -> Draft:
    sentences = (
        "Change the language of the phone to {choice}.",
        "In the settings, choose {choice} as the language.",
        "Please set the phone's language to {choice}.",
    )
    if twin:
        return make_twin(world, sentences, {"choice": values.pick_from(MISSING_LANGUAGES)})
    choice, old = values.sample(LINES["language"].choices, 2)
    world = write_setting(world, "language", old)

    def script(hand: Hand) -> None:
        open_section(hand, "language")
        hand.tap("Language", "item")
        hand.tap(choice, "radio")

    goal = Goal((is_now("language", choice),))
    return Draft(world, goal, sentences, {"choice": choice}, script)


def _draw_font(values: Values, world: World, twin: bool) -> Draft:
    choice, old = values.sample(LINES["font_size"].choices, 2)
    world = write_setting(world, "font_size", old)
    sentences = (
        "Set the font size to {choice}.",
        "In the display settings, choose {choice} for the font size.",
        "Letters should be {choice} on this phone: change the font size.",
    )

    def script(hand: Hand) -> None:
        open_section(hand, "font_size")
        hand.tap("Font size", "item")
        hand.tap(choice, "radio")

    goal = Goal((is_now("font_size", choice),))
    return Draft(world, goal, sentences, {"choice": choice}, script)


SETTINGS_TEMPLATES: tuple[Template, ...] = (
    Template(
        "settings.toggle",
        ("settings",),
        (
            Variant("wifi", _toggle("wifi"), ("SystemWifiTurnOn", "SystemWifiTurnOff")),
            Variant(
                "bluetooth",
                _toggle("bluetooth"),
                ("SystemBluetoothTurnOn", "SystemBluetoothTurnOff"),
            ),
            Variant("airplane", _draw_airplane),
            Variant("switch", _draw_switch, has_twin=True),
            Variant("permission", _draw_permission, has_twin=True),
        ),
    ),
    Template(
        "settings.level",
        ("settings",),
        (
            Variant("brightness", _draw_brightness, ("SystemBrightnessMax", "SystemBrightnessMin")),
            Variant("volume", _draw_volume),
            Variant("language", _draw_language, has_twin=True),
            Variant("font", _draw_font),
        ),
    ),
    *STATE_TEMPLATES,
)
