"""Images of messages: their kinds, and where they are kept once each."""

import base64
import dataclasses
import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.errors import DataError, UsageError
from gym_reason.evaluate.folder import EPISODES, Episode, EvalFolder, read_results
from gym_reason.evaluate.stored import open_run
from gym_reason.images import FOLDER, ImageStore, find_kind, write_data_uri
from gym_reason.report.page import collect_episodes
from gym_reason.types import Message
from tests.evaluate.figures import make_episode

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(40))
JPEG = b"\xff\xd8\xff\xe0" + bytes(9)


@given(st.binary(max_size=20))
def test_a_kind_is_known_by_its_first_bytes(content: bytes) -> None:
    whole = {"png": PNG, "jpeg": JPEG, "gif": b"GIF89a", "webp": b"RIFF\1\2\3\4WEBPVP8 "}
    for kind, start in whole.items():
        assert find_kind(start + content) == kind
    assert find_kind(b"<svg" + content) is None
    with pytest.raises(UsageError, match="unknown kind"):
        write_data_uri(b"BM" + content)
    head, _, body = write_data_uri(PNG + content).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body) == PNG + content


def test_an_image_is_kept_once_and_given_back_as_it_was(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    names = [store.keep(one) for one in (PNG, JPEG, PNG)]
    assert names[0] == names[2] != names[1]
    assert sorted(path.suffix for path in (tmp_path / "images").iterdir()) == [".jpeg", ".png"]
    other = ImageStore(tmp_path / "images")
    assert [other.read(name) for name in names] == [PNG, JPEG, PNG]
    # What no viewer would open has no file.
    assert store.read(store.keep(b"\0?")) == b"\0?"


def test_what_is_not_as_it_was_is_refused(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    name = store.keep(PNG)
    (tmp_path / name).write_bytes(PNG[:-1])
    # A file that was cut off is written anew by the next process that has the image.
    with pytest.raises(DataError, match="not what it was"):
        store.read(name)
    assert ImageStore(tmp_path).keep(PNG) == name
    assert store.read(name) == PNG
    (tmp_path.parent / "secret.png").write_bytes(PNG)
    for odd in ("../secret.png", "/etc/passwd.png", f"{'0' * 32}.png", f"{'0' * 32}.exe", "a.\0"):
        with pytest.raises(DataError):
            store.read(odd)


def _keep_many(folder: Path) -> None:
    store = ImageStore(folder)
    for number in range(200):
        store.keep(PNG + bytes([number]))


def test_two_processes_may_keep_the_same(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_keep_many, args=(tmp_path,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert [one.exitcode for one in both] == [0, 0]
    assert len(list(tmp_path.iterdir())) == 200


def with_images(episode: Episode, *images: bytes) -> Episode:
    """Return an episode whose first message has images."""
    first, *others = episode.trajectory.messages
    messages = (dataclasses.replace(first, images=images), *others)
    return dataclasses.replace(
        episode, trajectory=dataclasses.replace(episode.trajectory, messages=messages)
    )


def test_episodes_name_their_images_and_get_them_back(tmp_path: Path) -> None:
    first, second = make_episode("a", 0, "42"), make_episode("b", 0, "41")
    episodes = [with_images(first, PNG, JPEG), with_images(second, PNG), make_episode("c", 0, "1")]
    with EvalFolder(tmp_path, {"seed": 0}) as folder:
        folder.open(resume=False, retry_unscorable=False, asked={})
        for episode in episodes:
            folder.append(episode)
    rows = [json.loads(line) for line in (tmp_path / EPISODES).read_bytes().splitlines()]
    names = [row["messages"][0]["images"] for row in rows]
    assert [len(some) for some in names] == [2, 1, 0]
    assert names[0][0] == names[1][0]
    images = (tmp_path / EPISODES).parent / FOLDER
    assert {path.name for path in images.iterdir()} == set(names[0])
    assert list(open_run(tmp_path).episodes()) == episodes
    # The report shows them, and results are read without them.
    archive = collect_episodes(tmp_path, "", {}, 10)
    assert archive is not None
    assert [base64.b64decode(body) for _, body in archive.pictures] == [PNG, JPEG]
    results = list(read_results(tmp_path / EPISODES))
    for path in images.iterdir():
        path.unlink()
    assert list(read_results(tmp_path / EPISODES)) == results
    with pytest.raises(DataError, match="cannot read"):
        list(open_run(tmp_path).episodes())
    missing = collect_episodes(tmp_path, "", {}, 10)
    assert missing is not None
    assert any("left out: 3" in remark for remark in missing.remarks)


def test_a_row_of_a_training_run_holds_its_images() -> None:
    episode = with_images(make_episode("a", 0, "42"), PNG)
    assert episode.to_row()["messages"][0]["images"] == [PNG.hex()]
    assert Message("user", "", (PNG,)) != Message("user", "")
