"""The settings of a run's teacher: where it is, or how the run makes one of its own."""

from dataclasses import dataclass

from gym_reason.agents.shapes import PRESETS
from gym_reason.registry import explain_unknown
from gym_reason.trainers.settings import check_at_least


@dataclass(frozen=True, slots=True)
class TeacherModelSettings:
    """The teacher: a model, its probabilities in files, or an embedded model that is trained first.

    The embedded teacher is a run of its own in the run's folder `teacher/`: the recipe's cold start
    with the numbers below, and then the recipe's RL where `rl_steps` asks for it.
    """

    path: str = ""
    """A model directory, a checkpoint or a run; empty for an embedded teacher."""
    reference: str = ""
    """For ADPA: the teacher before it was aligned; empty where it is the embedded one."""
    cache: str = ""
    """A folder of `gym-reason distill cache` that stands in for the teacher, on fixed data."""
    size: str = "0.4m"
    """Preset of the embedded teacher."""
    steps: int = 600
    """Steps of its cold start."""
    problems: int = 4000
    """How many problems it is shown."""
    think_share: float = 1.0
    """Share of those that show their reasoning."""
    rl_steps: int = 0
    """Steps of RL after it."""

    def __post_init__(self) -> None:
        """Refuse a size that there is not, and counts that no run can have."""
        if self.size not in PRESETS:
            raise ValueError(
                "; expected ".join(explain_unknown("value of size", self.size, list(PRESETS))[:2])
            )
        check_at_least(1, steps=self.steps, problems=self.problems)
        check_at_least(0, rl_steps=self.rl_steps)
        if self.cache and self.path:
            raise ValueError("both path and cache are set; expected one of them")
