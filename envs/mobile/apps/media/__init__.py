"""Media: gallery, camera, audio recorder, music and drawings, in one app."""

from gym_reason.envs.mobile.apps.media import camera, drawings, gallery, music, playlists, recorder
from gym_reason.envs.mobile.apps.media.tables import MEDIA

__all__ = ["MEDIA", "camera", "drawings", "gallery", "music", "playlists", "recorder"]
