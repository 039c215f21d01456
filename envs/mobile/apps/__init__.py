"""The apps of a device."""

from collections.abc import Mapping

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.apps.notes import NOTES

APPS: Mapping[str, App] = {app.name: app for app in (NOTES,)}
"""Every app, by name, in the usual order of the home screen."""
