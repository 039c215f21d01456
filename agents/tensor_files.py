"""What goes wrong where tensors are written to a file."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError

from gym_reason.agents.memory import is_out_of_memory
from gym_reason.errors import RunError
from gym_reason.records import explain_os_errors


@contextlib.contextmanager
def explain_tensor_errors(path: Path) -> Iterator[None]:
    """Turn what torch and safetensors say of a full disk into a one-line RunError about `path`.

    That memory ran out is left as it was raised.
    """
    try:
        with explain_os_errors(path):
            yield
    except (RuntimeError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        raise RunError(f"cannot write {path}: {error}", "free space on the disk") from error
