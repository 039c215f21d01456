"""The apps of a device."""

from collections.abc import Mapping

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.apps.browser import BROWSER
from gym_reason.envs.mobile.apps.calendar import CALENDAR
from gym_reason.envs.mobile.apps.clock_timers import CLOCK
from gym_reason.envs.mobile.apps.contacts_calls import CONTACTS
from gym_reason.envs.mobile.apps.expenses import EXPENSES
from gym_reason.envs.mobile.apps.files import FILES
from gym_reason.envs.mobile.apps.media import MEDIA
from gym_reason.envs.mobile.apps.messages import MESSAGES
from gym_reason.envs.mobile.apps.notes import NOTES
from gym_reason.envs.mobile.apps.places import PLACES
from gym_reason.envs.mobile.apps.recipes import RECIPES
from gym_reason.envs.mobile.apps.settings import SETTINGS
from gym_reason.envs.mobile.apps.tasks import TASKS

APPS: Mapping[str, App] = {
    app.name: app
    for app in (
        SETTINGS,
        CONTACTS,
        MESSAGES,
        CALENDAR,
        NOTES,
        FILES,
        CLOCK,
        EXPENSES,
        RECIPES,
        TASKS,
        MEDIA,
        PLACES,
        BROWSER,
    )
}
"""Every app, by name, in the usual order of the home screen."""
