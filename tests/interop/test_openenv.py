"""A real server and the package's own client; skipped where it is not installed."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gym_reason.errors import UnknownNameError
from gym_reason.interop.openenv import make_openenv_app

client: Any = pytest.importorskip(
    "openenv.core.generic_client", reason="pip install 'gym-reason[openenv]'"
)
uvicorn: Any = pytest.importorskip("uvicorn", reason="pip install 'gym-reason[openenv]'")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    app = make_openenv_app("gym_reason/Arithmetic-v0", digits=1)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def test_sessions_play_apart(address: str) -> None:
    with (
        client.GenericEnvClient(base_url=address).sync() as first,
        client.GenericEnvClient(base_url=address).sync() as second,
    ):
        shown = [one.reset(seed=seed) for one, seed in ((first, 1), (second, 2))]
        left, right = (int(part) for part in shown[0].observation["text"][:-1].split("+"))
        assert shown[0].observation["text"] != shown[1].observation["text"]
        wrong = second.step({"text": "none"})
        step = first.step({"text": str(left + right)})
        assert (step.reward, step.done, step.observation["outcome"]) == (1.0, True, "pass")
        assert (wrong.reward, wrong.done) == (0.0, True)
        assert first.state()["step_count"] == 1
        again = first.reset(seed=1)
        assert again.observation == shown[0].observation


def test_what_is_wrong_is_told_before_the_first_client() -> None:
    with pytest.raises(UnknownNameError):
        make_openenv_app("gym_reason/Nothing-v0")
