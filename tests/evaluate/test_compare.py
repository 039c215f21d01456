"""Two evaluations on the same tasks: joined by content, differences worked by hand."""

import json
from pathlib import Path

import pytest

from gym_reason.errors import DataError
from gym_reason.evaluate.compare import Entry, compare, compare_entries, read_entries
from gym_reason.evaluate.results import Contestant, EpisodeResult, result_row
from gym_reason.records import dump_line
from tests.evaluate.figures import make_results

OTHER = Contestant("env", "policy", "other")
ELSEWHERE = Contestant("elsewhere", "policy")


def entry(*results: list[EpisodeResult]) -> Entry:
    """Return an entry of some tasks' results."""
    every = [one for own in results for one in own]
    return Entry("run", every[0].who, every)


FIRST = entry(
    make_results("a", [True, True]),
    make_results("b", [True, True, False]),
    make_results("c", [False, False]),
    make_results("d", [True, False]),
    make_results("alone", [True]),
    make_results("lost", [None]),
)
SECOND = entry(
    make_results("a", [True], OTHER),
    make_results("b", [False, False, None], OTHER),
    make_results("c", [True, None], OTHER),
    make_results("d", [True, True], OTHER),
    make_results("lost", [True], OTHER),
    make_results("new", [True], OTHER),
)


def test_a_comparison_holds_figures_worked_by_hand() -> None:
    found = compare(FIRST, SECOND)
    # Shares on a, b, c, d: 1, 2/3, 0, 1/2 against 1, 0, 1, 1.
    assert found.tasks == 4
    assert found.accuracy == pytest.approx((13 / 24, 3 / 4))
    assert found.difference == pytest.approx(5 / 24)
    assert found.interval[0] < 0 < found.difference < found.interval[1] <= 1
    assert [flip.task_id for flip in found.gained] == ["task-c", "task-d"]
    assert [flip.task_id for flip in found.lost] == ["task-b"]
    assert (found.lost[0].before, found.lost[0].after) == pytest.approx((2 / 3, 0.0))
    assert found.p_value == 1.0
    # Judged by one alone: "alone" and "lost" differ in that only the other side could be judged.
    assert (found.only_first, found.only_second) == (1, 2)
    assert (found.first, found.second) == ("policy", "policy, other")


def test_the_other_way_round_all_is_turned() -> None:
    found, turned = compare(FIRST, SECOND), compare(SECOND, FIRST)
    assert turned.difference == pytest.approx(-found.difference)
    assert turned.interval == pytest.approx((-found.interval[1], -found.interval[0]), abs=0.05)
    assert turned.p_value == found.p_value
    assert turned.detectable == pytest.approx(found.detectable)
    assert [f.task_id for f in turned.gained] == [f.task_id for f in found.lost]


def test_one_task_or_none_says_nothing() -> None:
    one = compare(entry(make_results("a", [True])), entry(make_results("a", [False], OTHER)))
    assert (one.interval, one.detectable, one.p_value) == ((-1.0, 1.0), None, 1.0)
    none = compare(entry(make_results("a", [True])), entry(make_results("b", [True], OTHER)))
    assert (none.tasks, none.difference, none.interval) == (0, 0.0, (-1.0, 1.0))


def test_each_is_compared_with_the_first_in_its_environment() -> None:
    third = entry(make_results("a", [True], Contestant("env", "third")))
    apart = entry(make_results("a", [True], ELSEWHERE))
    found = compare_entries([apart, FIRST, SECOND, third])
    assert [(one.first, one.second) for one in found] == [
        ("policy", "policy, other"),
        ("policy", "third"),
    ]
    assert compare_entries([FIRST, apart]) == []


def test_runs_of_one_policy_are_told_apart_by_where_they_are(tmp_path: Path) -> None:
    for name in "ab":
        lines = map(dump_line, map(result_row, make_results("t", [True])))
        (tmp_path / name).write_bytes(b"".join(lines))
    entries = [one for name in "ab" for one in read_entries(tmp_path / name)]
    (found,) = compare_entries(entries)
    assert (found.first, found.second) == (str(tmp_path / "a"), str(tmp_path / "b"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("results.jsonl", "", "holds no result"),
        ("results.jsonl", '{"id": 1}\n', "a row is no result"),
        ("results.jsonl", "{\n", "is not JSON"),
        ("folder/other", "", "holds no evaluation"),
        ("folder/config.json", json.dumps({"architectures": []}), "says nothing of settings"),
    ],
)
def test_what_is_no_evaluation_is_refused(
    name: str, content: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        read_entries(path if path.parent == tmp_path else path.parent)
