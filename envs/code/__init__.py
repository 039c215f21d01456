"""Programs as environments: write one, debug one, mend one, edit one, or tell what one prints."""

from gym_reason.envs.code.base import CodeEnv, CodeOptions
from gym_reason.envs.code.debug import CodeDebug
from gym_reason.envs.code.edit import CodeEdit
from gym_reason.envs.code.output import CodeOutput
from gym_reason.envs.code.records import FORMS, RecordFile, load_records
from gym_reason.envs.code.repair import CodeRepair
from gym_reason.envs.code.single import Code

__all__ = [
    "FORMS",
    "Code",
    "CodeDebug",
    "CodeEdit",
    "CodeEnv",
    "CodeOptions",
    "CodeOutput",
    "CodeRepair",
    "RecordFile",
    "load_records",
]
