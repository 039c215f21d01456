"""Nobody waits for ever: the watch over what vLLM owes."""

import threading
import time
from concurrent.futures import Future

import pytest

from gym_reason.agents.engines.vllm.watch import Watch, settle
from gym_reason.errors import RunError


@pytest.fixture
def futures() -> "list[Future[int]]":
    return [Future() for _ in range(3)]


def test_what_stalls_is_named(futures: "list[Future[int]]") -> None:
    watch = Watch("vLLM")
    for future in futures:
        watch.add(future, "taking over weights", 0.2)
    for future in futures:
        with pytest.raises(
            RunError, match=r"vLLM gave no sign of life for 0\.2 s while it was taking"
        ):
            future.result(30.0)
    late: Future[int] = Future()
    watch.add(late, "generating", 60.0)
    with pytest.raises(RunError, match="taking over weights"):
        late.result(0.0)
    watch.close()


def test_signs_of_life_keep_a_wait_alive(futures: "list[Future[int]]") -> None:
    watch = Watch("vLLM")
    watch.add(futures[0], "generating", 0.5)
    stop = time.monotonic() + 1.0
    while time.monotonic() < stop:
        watch.beat()
        time.sleep(0.01)
    assert not futures[0].done()
    settle(futures[0], 5)
    assert futures[0].result() == 5
    watch.close()


def test_the_other_side_s_end_is_noticed_before_the_limit(futures: "list[Future[int]]") -> None:
    fault: list[str] = []
    watch = Watch("the server", lambda: fault[0] if fault else None)
    watch.add(futures[0], "generating", 600.0)
    fault.append("ended by SIGKILL")
    with pytest.raises(RunError, match="the server ended by SIGKILL"):
        futures[0].result(30.0)
    watch.close()


def test_a_clock_that_jumps_changes_nothing(
    futures: "list[Future[int]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 4e9)
    watch = Watch("vLLM")
    watch.add(futures[0], "generating", 60.0)
    assert watch.find_error() is None
    watch.close()
    with pytest.raises(RunError, match="was closed"):
        futures[0].result(0.0)


def test_done_cancelled_and_doubly_settled_futures_are_left_alone(
    futures: "list[Future[int]]",
) -> None:
    watch = Watch("vLLM")
    futures[0].set_result(1)
    futures[1].cancel()
    for future in futures:
        watch.add(future, "generating", 60.0)
    watch.fail(RunError("gone"))
    settle(futures[2], 3)
    assert futures[0].result() == 1
    assert futures[1].cancelled()
    with pytest.raises(RunError, match="gone"):
        futures[2].result(0.0)
    watch.close()


def test_futures_from_many_threads_all_end() -> None:
    watch = Watch("vLLM")
    made: list[Future[int]] = []

    def add() -> None:
        for _ in range(100):
            future: Future[int] = Future()
            made.append(future)
            watch.add(future, "generating", 60.0)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    watch.fail(RunError("gone"))
    for thread in threads:
        thread.join()
    assert len(made) == 400
    assert all(isinstance(future.exception(0.0), RunError) for future in made)
    watch.close()
