"""Tasks in the settings about states that may be right already, and about several at once."""

from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.apps.settings import LINES, write_setting
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.settings_steps import (
    SECTION_OF,
    holds,
    is_now,
    open_section,
    say_state,
    turn,
)
from gym_reason.envs.mobile.tasks.system import MISSING_APPS
from gym_reason.envs.mobile.tasks.template import Draft, Drawing, Template, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Goal, Shown
from gym_reason.verifiers.state.world import World


def _ensure(name: str) -> Drawing:
    sentences = (
        "Make sure that {setting} is {state}, and leave the page of the settings with it open.",
        "Look at {setting} in the settings: it must be {state}. Stay on that page.",
        "Check that {setting} is {state}, change it only if it is not, and keep its page open.",
    )

    def draw(values: Values, world: World, twin: bool) -> Draft:
        on, is_right = values.chance(0.5), values.chance(0.5)
        world = write_setting(world, name, on if is_right else not on)
        goal = Goal((holds(name, on), Shown("settings", SECTION_OF[name])))

        def script(hand: Hand) -> None:
            open_section(hand, name)
            if not is_right:
                turn(hand, name)

        params = {"setting": LINES[name].label, "state": say_state(on)}
        return Draft(world, goal, sentences, params, script)

    return draw


def _draw_ensure_brightness(values: Values, world: World, twin: bool) -> Draft:
    most, is_right = values.chance(0.5), values.chance(0.5)
    level = 100 if most else 0
    world = write_setting(world, "brightness", level if is_right else values.integer(20, 80))
    sentences = (
        "Make sure that the brightness is at its {end}, and leave the page with it open.",
        "Look at the brightness in the settings: it must be at the {end}. Stay on that page.",
        "Check that the brightness is at the {end}, change it only if not, and keep its page open.",
    )

    def script(hand: Hand) -> None:
        open_section(hand, "brightness")
        if not is_right:
            hand.set_level("Brightness", level)

    goal = Goal((holds("brightness", level), Shown("settings", "display")))
    params = {"end": "maximum" if most else "minimum"}
    return Draft(world, goal, sentences, params, script)


def _draw_radios(values: Values, world: World, twin: bool) -> Draft:
    wifi = values.chance(0.5)
    world = write_setting(write_setting(world, "wifi", not wifi), "bluetooth", wifi)
    sentences = (
        "Turn Wi-Fi {wifi} and Bluetooth {bluetooth}.",
        "Please switch Wi-Fi {wifi}, and after that Bluetooth {bluetooth}.",
        "I want Bluetooth {bluetooth} and Wi-Fi {wifi}.",
    )

    def script(hand: Hand) -> None:
        open_section(hand, "wifi")
        turn(hand, "wifi")
        turn(hand, "bluetooth")

    goal = Goal((is_now("wifi", wifi), is_now("bluetooth", not wifi)))
    params = {"wifi": say_state(wifi), "bluetooth": say_state(not wifi)}
    return Draft(world, goal, sentences, params, script)


def _draw_wifi_and_open(values: Values, world: World, twin: bool) -> Draft:
    on = values.chance(0.5)
    app = values.pick([name for name in APPS if name != "settings"])
    world = write_setting(world, "wifi", not on)
    sentences = (
        "Turn Wi-Fi {state}, then open the app {app}.",
        "Switch Wi-Fi {state} and go to {app} afterwards.",
        "First set Wi-Fi to {state}. Then open {app} and leave it open.",
    )
    if twin:
        missing = values.pick_from(MISSING_APPS)
        return make_twin(world, sentences, {"state": say_state(on), "app": missing})

    def script(hand: Hand) -> None:
        open_section(hand, "wifi")
        turn(hand, "wifi")
        hand.open(app)

    params = {"state": say_state(on), "app": APPS[app].label}
    return Draft(world, Goal((is_now("wifi", on), Shown(app))), sentences, params, script)


def _draw_airplane_but(values: Values, world: World, twin: bool) -> Draft:
    kept, lost = values.sample(("wifi", "bluetooth"), 2)
    world = write_setting(world, "airplane", False)
    world = write_setting(write_setting(world, kept, True), lost, True)
    sentences = (
        "Turn airplane mode on, but have {kept} on in the end.",
        "I am on a plane with {kept}: switch airplane mode on and use {kept} with it.",
        "Set airplane mode to on. Only {kept} should be on beside it, not {lost}.",
    )

    def script(hand: Hand) -> None:
        open_section(hand, "airplane")
        turn(hand, "airplane")
        turn(hand, kept)

    goal = Goal((is_now("airplane", True), holds(kept, True), holds(lost, False)))
    params = {"kept": LINES[kept].label, "lost": LINES[lost].label}
    return Draft(world, goal, sentences, params, script)


STATE_TEMPLATES: tuple[Template, ...] = (
    Template(
        "settings.ensure",
        ("settings",),
        (
            Variant("wifi", _ensure("wifi"), ("SystemWifiTurnOnVerify", "SystemWifiTurnOffVerify")),
            Variant(
                "bluetooth",
                _ensure("bluetooth"),
                ("SystemBluetoothTurnOnVerify", "SystemBluetoothTurnOffVerify"),
            ),
            Variant(
                "brightness",
                _draw_ensure_brightness,
                ("SystemBrightnessMaxVerify", "SystemBrightnessMinVerify"),
            ),
        ),
    ),
    Template(
        "settings.multi",
        ("settings",),
        (
            Variant("radios", _draw_radios, ("TurnOffWifiAndTurnOnBluetooth",)),
            Variant("wifi_and_open", _draw_wifi_and_open, ("TurnOnWifiAndOpenApp",), has_twin=True),
            Variant("airplane_but", _draw_airplane_but),
        ),
    ),
)
