"""Which programs of a phone stand for the apps of the tasks."""

import re
from collections.abc import Mapping

from gym_reason.envs.mobile.actions.reading import ActionError
from gym_reason.envs.mobile.devices.adb.connection import Connection

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "settings": ("com.android.settings",),
    "contacts": (
        "com.google.android.contacts",
        "com.android.contacts",
        "com.google.android.dialer",
        "com.android.dialer",
    ),
    "messages": (
        "com.simplemobiletools.smsmessenger",
        "com.google.android.apps.messaging",
        "com.android.messaging",
        "com.android.mms",
    ),
    "calendar": (
        "com.simplemobiletools.calendar.pro",
        "com.google.android.calendar",
        "com.android.calendar",
        "org.fossify.calendar",
    ),
    "notes": ("net.gsantner.markor", "net.cozic.joplin", "com.google.android.keep"),
    "files": (
        "com.google.android.documentsui",
        "com.android.documentsui",
        "com.google.android.apps.nbu.files",
    ),
    "clock": ("com.google.android.deskclock", "com.android.deskclock"),
    "expenses": ("com.arduia.expense",),
    "recipes": ("com.flauschcode.broccoli",),
    "tasks": ("org.tasks",),
    "media": (
        "com.simplemobiletools.gallery.pro",
        "org.videolan.vlc",
        "code.name.monkey.retromusic",
        "com.dimowner.audiorecorder",
        "com.android.camera2",
    ),
    "places": ("net.osmand", "de.dennisguse.opentracks", "com.google.android.apps.maps"),
    "browser": ("com.android.chrome", "org.mozilla.firefox", "org.chromium.chrome"),
}
"""Programs of each app; the first that is installed is opened, all of them count as the app."""

_COMPONENT = re.compile(r"[A-Za-z0-9_.]+/[A-Za-z0-9_.$]+")


def app_of(package: str) -> str:
    """Return the app that a program stands for; the program itself where it stands for none."""
    return next((app for app, names in PACKAGES.items() if package in names), package)


def list_packages(phone: Connection) -> frozenset[str]:
    """Return the programs that are installed."""
    lines = phone.run("pm", "list", "packages").text.split()
    return frozenset(line.removeprefix("package:") for line in lines)


def open_app(phone: Connection, app: str, installed: frozenset[str]) -> None:
    """Bring an app to the front. Raises ActionError where the phone has no program for it."""
    package = next((name for name in PACKAGES.get(app, ()) if name in installed), None)
    if package is None:
        raise ActionError(f"this phone has no program for the app {app[:40]!r}")
    component = find_activity(phone, package)
    if not component:
        raise ActionError(f"the program {package} cannot be opened")
    phone.run("am", "start", "-n", component)


def find_activity(phone: Connection, package: str) -> str:
    """Return what opens a program, as `am start -n` takes it; empty for nothing."""
    lines = phone.run("cmd", "package", "resolve-activity", "--brief", package).text.split()
    found = lines[-1] if lines else ""
    return found if _COMPONENT.fullmatch(found) else ""


def find_home(phone: Connection) -> str:
    """Return the program of the home screen; empty where it is not told."""
    intent = ("-a", "android.intent.action.MAIN", "-c", "android.intent.category.HOME")
    lines = phone.run("cmd", "package", "resolve-activity", "--brief", *intent).text.split()
    found = lines[-1] if lines else ""
    return found.partition("/")[0] if _COMPONENT.fullmatch(found) else ""
