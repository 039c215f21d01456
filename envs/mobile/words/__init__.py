"""Labels in Chinese, by their English words."""

from collections.abc import Mapping

from gym_reason.envs.mobile.words.content import ZH_CONTENT
from gym_reason.envs.mobile.words.device import ZH_DEVICE
from gym_reason.envs.mobile.words.people import ZH_PEOPLE
from gym_reason.envs.mobile.words.planning import ZH_PLANNING

ZH: Mapping[str, str] = {**ZH_DEVICE, **ZH_PEOPLE, **ZH_PLANNING, **ZH_CONTENT}
"""Every label of the device and its apps."""
