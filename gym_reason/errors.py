"""Every exception the package raises on purpose.

The failures of a model are data (`Verdict`, `StopReason`); these classes are for failures of ours
or of the caller. A message is one line: what was found, what was expected, what to do about it.
"""


class GymReasonError(Exception):
    """Base of every deliberate error. `exit_code` is what the command returns for it."""

    exit_code = 1

    def __init__(self, found: str, expected: str = "", remedy: str = "") -> None:
        """Join the three parts of the message into one line; empty parts are left out."""
        parts = [found]
        if expected:
            parts.append(f"expected {expected}")
        if remedy:
            parts.append(remedy)
        super().__init__("; ".join(" ".join(part.split()) for part in parts))


class UsageError(GymReasonError):
    """The caller asked for what cannot be: a wrong option, a wrong type, a wrong folder."""

    exit_code = 2


class ConfigError(UsageError):
    """A recipe or an override holds an unknown key or a value of the wrong type."""


class UnknownNameError(UsageError):
    """A name is in no registry. The message offers the nearest one that is."""


class DataError(UsageError):
    """A file of tasks or submissions cannot be read. The message names the file and the line."""


class EnvError(GymReasonError):
    """An environment broke its contract, or its caller did (a step after the end of an episode)."""


class ModelError(GymReasonError):
    """A model folder cannot be used, or an engine cannot run the model in it."""

    exit_code = 2


class RunError(GymReasonError):
    """A run could not start or go on: its folder is in use, its disk full, its loss not finite."""
