"""The report: whatever a run folder holds, the page shows it and runs nothing of it."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.cli import main
from gym_reason.errors import UsageError
from gym_reason.report import RunRecord, build_report, read_run
from gym_reason.report.charts import Chart, Series, draw
from gym_reason.report.markup import shorten, tag, text
from gym_reason.report.story import outline, sentences, spread

VOID = {"meta", "input"}


class Page(HTMLParser):
    """Collects what a browser would see, and refuses markup that is not nested."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def shown(self) -> str:
        return " ".join(self.words).replace("\u00a0", " ")

    def count(self, name: str) -> int:
        return sum(1 for tag, _ in self.tags if tag == name)


def parse(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text("utf-8"))
    assert page.open == []
    return page


def rl_row(step: int, **values: Any) -> dict[str, Any]:
    row = {"stage": "rl", "step": step, "accuracy": 0.25 + step / 40, "reward": step / 20}
    row |= {"length": 10.0 + step, "loss": -0.01, "entropy": 0.5, "clip_fraction": 0.02}
    row |= {"gap": 1e-4, "tokens_per_s": 9000.0, "groups_used": 3, "groups": 4, "seconds": 0.5}
    return row | values


ANSWER = {
    "prompt": "2+2=", "completion": "five", "reference": "4", "correct": False, "tokens": 1
}  # fmt: skip
SUMMARY = {
    "run": "runs/first", "recipe": "demo", "env": "gym_reason/Addition-v0", "seconds": 61.6,
    "accuracy_before": 0.0, "accuracy_cold_start": 0.34, "accuracy_after": 0.975, "tokens": 123456,
}  # fmt: skip


def make_run(
    folder: Path,
    rows: Sequence[Mapping[str, Any]] | None = None,
    summary: Mapping[str, Any] | None = None,
    samples: Mapping[str, Any] | None = None,
) -> Path:
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text('name = "demo"\nseed = 7\n[env]\nid = "acme/Riddles-v0"\n')
    if rows is not None:
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if summary is not None:
        (folder / "summary.json").write_text(json.dumps(summary))
    if samples is not None:
        (folder / "samples.json").write_text(json.dumps(samples))
    return folder


@pytest.fixture
def whole_run(tmp_path: Path) -> Path:
    cold = [{"stage": "cold_start", "step": s, "loss": 3.0 - s / 10} for s in range(1, 21)]
    right = ANSWER | {"completion": "4", "correct": True}
    samples = {"before": [ANSWER], "cold_start": [ANSWER], "after": [right]}
    rl = [rl_row(step) for step in range(1, 21)]
    return make_run(tmp_path / "first", [*cold, *rl], SUMMARY, samples)


def test_a_whole_run_is_told_in_three_sentences(whole_run: Path) -> None:
    assert sentences(read_run(whole_run)) == [
        "On held-out problems of gym_reason/Addition-v0 the share of right answers went from 0 % "
        "to 97.5 %, with 34 % after the cold start.",
        "Over 20 steps of reinforcement learning the mean answer grew from 13.0 to 28.0 tokens.",
        "It took 1 min 2 s and 123,456 tokens.",
    ]


def test_lengths_measured_on_held_out_problems_come_first(tmp_path: Path) -> None:
    summary = SUMMARY | {"length_before": 18.25, "length_after": 31.5}
    numbers = outline(read_run(make_run(tmp_path / "run", [rl_row(1)], summary)))
    assert (numbers.length_first, numbers.length_last) == (18.25, 31.5)


def test_a_whole_run_gives_a_page_with_curves_answers_and_recipe(whole_run: Path) -> None:
    page = parse(build_report([whole_run], whole_run / "report.html"))
    assert "first" in page.shown
    assert "97.5 %" in page.shown
    assert page.count("svg") == page.count("figure") - page.shown.count("No values on record")
    labels = [attributes.get("aria-label") or "" for name, attributes in page.tags if name == "svg"]
    assert any(label.startswith("Accuracy. 27.5 % at step 1 to 75 % at") for label in labels)
    assert any(label.startswith("Loss, cold start. 2.90 at step 1") for label in labels)
    assert "step 20: 75 %" in page.words
    assert page.shown.count("✗ wrong") == 2
    assert page.shown.count("✓ right") == 1
    assert page.count("details") == 1
    assert 'id = "acme/Riddles-v0"' in page.shown
    assert not [attributes for _, attributes in page.tags if attributes.get("class") == "problems"]


def test_the_page_asks_nothing_of_the_network(whole_run: Path) -> None:
    path = build_report([whole_run], whole_run)
    assert path == whole_run / "report.html"
    page = parse(path)
    assert not {"link", "img", "iframe", "object", "base", "form"} & {name for name, _ in page.tags}
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "href"}]
    (policy,) = [a["content"] or "" for _, a in page.tags if a.get("http-equiv")]
    assert policy.startswith(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'; script-src 'sha256-"
    )
    style = path.read_text("utf-8").split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_only_script_of_a_page_is_its_own(whole_run: Path) -> None:
    (whole_run / "trajectories").mkdir()
    episode = {"task": {"id": "</script>", "prompt": []}, "turns": [{"action": "</script>"}]}
    (whole_run / "trajectories" / "rl-000001.jsonl").write_text(json.dumps(episode) + "\n")
    path = build_report([whole_run], whole_run)
    page = parse(path)
    scripts = [a.get("type") for name, a in page.tags if name == "script"]
    assert scripts.count(None) == 1
    assert set(scripts) == {None, "application/octet-stream"}
    script = path.read_text("utf-8").split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [a["content"] or "" for _, a in page.tags if a.get("http-equiv")]
    assert policy.endswith(f"script-src 'sha256-{digest}'")
    for word in ("innerHTML", "eval(", "fetch(", "XMLHttpRequest", "import(", "http:", "https:"):
        assert word not in script
    build_report([whole_run], path, episodes=0)
    assert "octet-stream" not in path.read_text("utf-8")


def test_several_runs_have_parts_and_outcomes_each(tmp_path: Path) -> None:
    rows = [
        rl_row(step, parts={"answer": 0.5, "format": 1.0}, outcomes={"fail": 3, "pass": step})
        for step in range(1, 6)
    ]
    runs = [make_run(tmp_path / name, rows, SUMMARY | {"run": name}) for name in ("a", "b")]
    page = parse(build_report(runs, tmp_path / "report.html"))
    assert "Part: answer" in page.shown
    labels = [a.get("aria-label") or "" for name, a in page.tags if name == "svg"]
    mixes = [one for one in labels if one.startswith("Outcomes from the first step")]
    ends = "pass 38.3 % to 56.5 %, fail 61.7 % to 43.5 %"
    assert mixes == [f"Outcomes from the first step to the last: {ends}."] * 2


def test_what_a_model_wrote_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    attack = '</pre><script>alert(1)</script><img src=x onerror="alert(2)">&amp;\u202e\x00\ud800'
    row = {"prompt": attack, "completion": attack, "reference": attack, "correct": True}
    summary = SUMMARY | {"run": attack, "env": attack, "recipe": attack}
    run = make_run(tmp_path / "<b>", [rl_row(1)], summary, {"after": [row]})
    (run / "recipe.toml").write_text('name = "</pre><script>"\n')
    page = parse(
        build_report([run, make_run(tmp_path / "other", [rl_row(1)])], tmp_path / "o.html")
    )
    assert not {"img", "b"} & {name for name, _ in page.tags}
    assert page.count("script") == 1
    assert '</pre><script>alert(1)</script><img src=x onerror="alert(2)">&amp;' in page.shown
    assert "\\u202e\\u0000\\ud800" in page.shown


def test_several_runs_are_overlaid_and_their_spread_is_given(tmp_path: Path) -> None:
    runs = [
        make_run(
            tmp_path / name,
            [rl_row(step) for step in range(1, 6)],
            SUMMARY | {"run": name, "accuracy_after": after},
        )
        for name, after in (("a", 0.9), ("b", 0.5), ("c", 0.8))
    ]
    page = parse(build_report(runs, tmp_path / "report.html"))
    assert "3 runs compared" in page.shown
    assert "the runs ended at 50 % to 90 %" in page.shown
    table = page.words[page.words.index("Median") :]
    assert table[:4] == ["Median", "0 %", "34 %", "80 %"]
    assert table[table.index("Smallest") + 3] == "50 %"
    assert table[table.index("Largest") + 3] == "90 %"
    legend = page.words[page.words.index("c", page.words.index("Largest")) - 2 :][:3]
    assert legend == ["a", "b", "c"]
    lines = {a["class"] for name, a in page.tags if name == "path"}
    assert lines == {"line series-0", "line series-1", "line series-2"}


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / f"{n}" / "demo", [rl_row(1)], SUMMARY) for n in ("x", "y")]
    shown = parse(build_report(runs, tmp_path / "report.html")).shown
    assert "x/demo" in shown
    assert "y/demo" in shown


def test_a_run_that_stopped_early_is_shown_as_far_as_it_got(tmp_path: Path) -> None:
    run = make_run(tmp_path / "cut", [rl_row(1), rl_row(2)])
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "rl", "st')
    record = read_run(run)
    assert record.steps("rl") == 2
    assert record.name == "cut"
    assert list(record.problems) == [
        "metrics.jsonl is broken in line 3, which the page leaves out.",
        "The run has no summary: it stopped before its end, or it still goes on.",
        "There is no samples.json.",
    ]
    page = parse(build_report([run], run / "report.html"))
    for problem in record.problems:
        assert problem in page.shown
    assert "sampled in training on acme/Riddles-v0" in page.shown
    assert "No sample answers are on record." in page.shown


@pytest.mark.parametrize("name", ["recipe.toml", "metrics.jsonl", "summary.json", "samples.json"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"[1, 2", b"[1]", b"[[[" * 50_000])
def test_a_broken_file_is_named_and_the_page_still_comes(
    whole_run: Path, name: str, content: bytes
) -> None:
    (whole_run / name).write_bytes(content)
    record = read_run(whole_run)
    page = parse(build_report([whole_run], whole_run / "report.html"))
    assert "How it went" in page.shown
    # An empty recipe, summary or list of samples is no file that broke; empty metrics are.
    assert any(name in problem for problem in record.problems) or content in (b"", b"[1]")


def test_empty_metrics_are_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "new", [])
    assert "metrics.jsonl holds no step yet." in read_run(run).problems
    shown = parse(build_report([run], run / "report.html")).shown
    assert "No step of reinforcement learning is on record." in shown
    assert "No values on record." in shown


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no run; expected one of recipe.toml"):
        build_report([tmp_path], tmp_path / "report.html")
    with pytest.raises(UsageError, match="is not a folder"):
        build_report([tmp_path / "absent"], tmp_path / "report.html")
    with pytest.raises(UsageError, match="no run to report on"):
        build_report([], tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_values_that_are_no_finite_numbers_stay_out_of_the_curves(tmp_path: Path) -> None:
    values: list[Any] = [1.0, math.nan, math.inf, None, "2", True, 10**400, 3]
    rows = [{"stage": "rl", "step": step, "loss": value} for step, value in enumerate(values)]
    record = read_run(make_run(tmp_path / "run", rows))
    assert record.series("rl", "loss") == [(0.0, 1.0), (7.0, 3.0)]
    build_report([record.path], tmp_path / "report.html")


def test_a_step_written_twice_counts_as_it_was_written_last() -> None:
    rows = [rl_row(1, loss=1.0), rl_row(2, loss=2.0), rl_row(2, loss=5.0)]
    record = RunRecord("run", Path("run"), rows=rows)
    assert record.series("rl", "loss") == [(1.0, 1.0), (2.0, 5.0)]
    assert record.steps("rl") == 2


def test_samples_are_matched_by_their_problem(tmp_path: Path) -> None:
    other = ANSWER | {"prompt": "3+3=", "reference": "6"}
    samples = {"before": [ANSWER, other], "after": [other | {"completion": "6", "correct": True}]}
    run = make_run(tmp_path / "run", [rl_row(1)], SUMMARY, samples)
    shown = parse(build_report([run], run / "report.html")).shown
    assert shown.index("2+2=") < shown.index("not sampled") < shown.index("3+3=")
    assert "After cold start Before" not in shown


def test_a_long_run_gives_a_page_of_bounded_size(tmp_path: Path) -> None:
    run = make_run(tmp_path / "long", [rl_row(step) for step in range(1, 20_001)], SUMMARY)
    path = build_report([run], run / "report.html")
    assert path.stat().st_size < 1_000_000
    assert "step 20000: " in path.read_text("utf-8")


def test_levels_that_would_overlap_share_a_label(tmp_path: Path) -> None:
    summary = SUMMARY | {"accuracy_before": 0.0, "accuracy_cold_start": 0.01}
    run = make_run(tmp_path / "run", [rl_row(1)], summary)
    shown = parse(build_report([run], run / "report.html")).words
    assert shown.count("held-out, before and after cold start") == 1
    assert shown.count("held-out, after") == 1


def test_an_axis_that_starts_at_zero_starts_there_for_zeros() -> None:
    chart = Chart("Clipped", [Series("", [(0, 0.0), (1, 0.0)])], kind="percent", bounds=(0.0, None))
    assert "-" not in "".join(part.split("<")[0] for part in draw(chart).split(">"))


def test_a_share_that_did_not_change_stayed(tmp_path: Path) -> None:
    summary = SUMMARY | {"accuracy_after": 0.0}
    assert "stayed at 0 %" in sentences(read_run(make_run(tmp_path / "run", [], summary)))[0]


def test_a_chart_of_one_point_can_be_drawn() -> None:
    svg = draw(Chart("Loss", [Series("", [(3.0, 0.5)])]))
    assert svg.count("<circle") == 1
    assert "nan" not in svg


@given(st.text())
def test_any_text_survives_as_text(value: str) -> None:
    page = Page()
    page.feed(tag("p", text(value), title=value))
    assert [name for name, _ in page.tags] == ["p"]
    text(value).encode("utf-8")


def test_a_long_text_says_what_is_left_out() -> None:
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdef", 2) == "ab [... 4 more characters]"


def test_the_spread_leaves_out_what_is_not_known() -> None:
    assert spread([1.0, None, 3.0, 10.0]) == (3.0, 1.0, 10.0)
    assert spread([None]) is None


def test_the_command_writes_the_page_beside_the_run(
    whole_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(whole_run)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(whole_run / "report.html")]
    parse(whole_run / "report.html")


def test_the_command_gives_the_numbers_as_json(
    whole_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    early = make_run(tmp_path / "early", [rl_row(1)])
    out = tmp_path / "new" / "page.html"
    assert main(["report", str(whole_run), str(early), "--out", str(out), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["report"] == str(out)
    first, second = printed["runs"]
    assert (first["after"], first["steps"], first["problems"]) == (0.975, 20, [])
    assert second["after"] is None
    assert len(second["problems"]) == 2
    parse(out)


def test_the_command_refuses_what_is_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path / "absent")]) == 2
    assert "is not a folder; expected a run folder" in capsys.readouterr().err
