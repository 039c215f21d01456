"""Places: favourites, markers and tracks on a map; and a log of activities."""

from gym_reason.envs.mobile.apps.places import log, map, tracks
from gym_reason.envs.mobile.apps.places.tables import PLACES

__all__ = ["PLACES", "log", "map", "tracks"]
