"""Packages that only an environment of theirs needs."""

import importlib
import importlib.util
from types import ModuleType

from gym_reason.errors import UsageError


def require_package(module: str, package: str, extra: str) -> ModuleType:
    """Return an optional module. Raises UsageError that says how to get it.

    Args:
        module: The name it is imported by.
        package: The name it is installed by.
        extra: The extra of gym-reason that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        found = f"no package {package}"
        if importlib.util.find_spec(module.partition(".")[0]) is not None:
            found = f"{package} cannot be imported: {error}"
        raise UsageError(found, "it", f"pip install 'gym-reason[{extra}]'") from error
