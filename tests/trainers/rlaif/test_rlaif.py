"""Labels from a model: orders are averaged, numbers are weighed by hand, and files come back."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.models import build_preset, save_model
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.cli import main
from gym_reason.errors import ModelError, UsageError
from gym_reason.records import read_jsonl
from gym_reason.trainers.model.learner import PRINTABLE
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.reward_model.rows import read_pair, read_scored
from gym_reason.trainers.rlaif import (
    Labeller,
    Pair,
    Preference,
    Prompts,
    Rating,
    describe_preferences,
    read_prompts,
)
from gym_reason.trainers.rlaif.labeller import option_logps, without_longer
from gym_reason.trainers.train import train
from gym_reason.types import Message

TOKENIZER = build_character_tokenizer(PRINTABLE)
ASKED = (Message("user", "How much is 1+1?"),)
PAIRS = [Pair(ASKED, "2", "3"), Pair(ASKED, "It is two.", "2"), Pair(ASKED, "3 <eos>", "<pad>")]


def build_model(scale: float = 8.0) -> Any:
    """Return a small model with opinions: random weights, enlarged."""
    model: Any = build_preset("0.1m", len(TOKENIZER), max_positions=2048, seed=3)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(scale)
    return model


def labeller(model: Any = None, prompts: Prompts | None = None, **settings: int) -> Labeller:
    """Return a labeller on a small model."""
    engine = LocalEngine(model or build_model(), TOKENIZER)
    return Labeller(engine, ChatEncoder(TOKENIZER), prompts or read_prompts(), **settings)


def test_both_orders_are_averaged() -> None:
    asks = labeller()
    said = asks.prefer(PAIRS)
    swapped = asks.prefer([Pair(pair.prompt, pair.second, pair.first) for pair in PAIRS])
    for one, other in zip(said, swapped, strict=True):
        assert one.chance + other.chance == pytest.approx(1.0, abs=1e-6)
        assert one.place_one == pytest.approx(other.place_one, abs=1e-6)
    # Without the mean over orders the place would decide.
    assert any(abs(one.shown_first - one.shown_second) > 0.01 for one in said)
    alone = [asks.prefer([pair])[0].chance for pair in PAIRS]
    assert alone == pytest.approx([one.chance for one in said], abs=1e-5)


def test_a_preference_is_the_softmax_of_the_next_words_log_probabilities() -> None:
    model = build_model()
    prompts = Prompts(
        "{prompt}:{first}|{second}=", "{prompt}{first}{second}", "", "{prompt}{response}"
    )
    found = labeller(model, prompts).prefer(PAIRS[:1])[0]
    shown = []
    for first, second in (("2", "3"), ("3", "2")):
        text = f"<bos>How much is 1+1?:{first}|{second}="
        ids = torch.tensor([TOKENIZER.encode(text, add_special_tokens=False)])
        with torch.no_grad():
            logits = model(ids).logits[0, -1]
        places = logits[TOKENIZER.convert_tokens_to_ids(["1", "2"])]
        shown.append(torch.softmax(places, -1)[0].item())
    assert found.shown_first == pytest.approx(shown[0], abs=1e-5)
    assert found.shown_second == pytest.approx(1.0 - shown[1], abs=1e-5)


def test_a_special_token_in_an_answer_does_not_end_the_question() -> None:
    seen: list[tuple[Message, ...]] = []

    class Watching(ChatEncoder):
        def encode_prompt(self, messages: tuple[Message, ...]) -> tuple[int, ...]:
            seen.append(messages)
            return super().encode_prompt(messages)

    engine = LocalEngine(build_model(), TOKENIZER)
    Labeller(engine, Watching(TOKENIZER), read_prompts()).prefer(PAIRS[2:])
    text = seen[0][0].content
    assert "< eos>" in text
    assert "<pad>" not in text


def test_the_model_may_compare_before_it_prefers() -> None:
    said = labeller(reason_tokens=5).prefer(PAIRS[:2])
    assert all(len(one.reasons) == 2 and one.reasons[0] for one in said)
    assert said[0].chance != labeller().prefer(PAIRS[:1])[0].chance


def test_the_chance_of_one_leaves_out_that_of_ten() -> None:
    endings = [(1,), (2,), (1, 0)]
    logps = torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.float64).log()
    found = without_longer(logps, endings).exp()
    assert found.tolist() == [pytest.approx([0.3, 0.3, 0.2])]
    model = build_model()
    prompts = [TOKENIZER.encode(text) for text in ("1+1=", "How many? ")]
    ids = [tuple(TOKENIZER.encode(n, add_special_tokens=False)) for n in ("1", "2", "10")]
    scored = option_logps(model, prompts, ids, 10_000)
    torch.testing.assert_close(scored, option_logps(model, prompts, ids, 1), atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        logps_V = model(torch.tensor([prompts[0]])).logits[0, -1].log_softmax(-1)
        longer = model(torch.tensor([[*prompts[0], ids[2][0]]])).logits[0, -1].log_softmax(-1)
    assert scored[0, 0].item() == pytest.approx(logps_V[ids[0][0]].item(), abs=1e-5)
    expected = logps_V[ids[2][0]] + longer[ids[2][1]]
    assert scored[0, 2].item() == pytest.approx(expected.item(), abs=1e-5)


def test_a_model_without_an_opinion_rates_the_middle() -> None:
    flat = labeller(build_model(0.0))
    for preference in flat.prefer(PAIRS):
        assert preference.chance == pytest.approx(0.5)
        assert preference.place_one == pytest.approx(0.5)
    # Each digit is as likely as any token; "10" is one token longer, so it hardly counts.
    share = 1.0 / len(TOKENIZER)
    chances = [share - share**2, *[share] * 8, share**2]
    expected = sum(n * c for n, c in enumerate(chances, 1)) / sum(chances)
    assert flat.rate([(ASKED, "2")])[0].expected == pytest.approx(expected, abs=1e-4)
    assert (Rating(1.0).score, Rating(5.5).score, Rating(10.0).score) == (-1.0, 0.0, 1.0)
    assert all(-1.0 <= one.score <= 1.0 for one in labeller().rate([(ASKED, "2"), (ASKED, "3")]))


def test_prompts_can_be_replaced(tmp_path: Path) -> None:
    own = read_prompts()
    assert own.fill("pair", prompt="{first}", first="{second}", second="b").count("{second}") == 1
    (tmp_path / "pair.txt").write_text("{prompt} {first} {second}\n", "utf-8")
    changed = read_prompts(tmp_path)
    assert changed.fill("pair", prompt="a", first="b", second="c") == "a b c"
    assert changed.rating == own.rating
    (tmp_path / "rating.txt").write_text("How good is {answer}?", "utf-8")
    with pytest.raises(UsageError, match=r"does not name \{prompt\}"):
        read_prompts(tmp_path)
    with pytest.raises(UsageError, match="holds no prompt"):
        read_prompts(tmp_path / "nowhere")


def test_a_policy_that_cannot_read_the_question_is_refused() -> None:
    digits = build_character_tokenizer("0123456789+=")
    model: Any = build_preset("0.1m", len(digits), max_positions=2048)
    asks = Labeller(LocalEngine(model, digits), ChatEncoder(digits), read_prompts())
    with pytest.raises(ModelError, match="lacks characters of the question"):
        asks.prefer(PAIRS)
    with pytest.raises(UsageError, match="to a policy of 2048 positions"):
        labeller().prefer([Pair(ASKED, "1" * 3000, "2")])


def test_the_quality_of_labels_by_hand() -> None:
    said = [
        Preference(0.9, 0.8),  # agrees
        Preference(0.9, 0.2),  # prefers place 1 in both orders
        Preference(0.3, 0.1),
        Preference(0.5, 0.5),
    ]
    figures = describe_preferences(said, [1.0, 1.0, None, 1.0])
    assert figures == {
        "pairs": 4,
        "known": 3,
        "alignment": pytest.approx((1 + 1 + 0.5) / 3),
        "alignment_one_order": pytest.approx((1 + 1 + 0.5) / 3),
        "position_bias": 0.25,
        "place_one": pytest.approx((0.55 + 0.85 + 0.6 + 0.5) / 4),
    }
    assert describe_preferences([], [])["alignment"] is None
    assert describe_preferences(said[:1], [0.5])["known"] == 0


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """A saved policy that reads the prompts."""
    save_model(build_model(), TOKENIZER, tmp_path / "policy")
    return str(tmp_path / "policy")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes rows to a file and returns its name."""

    def to_file(*rows: dict[str, Any]) -> str:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return str(path)

    return to_file


def test_the_command_labels_pairs_that_a_reward_model_reads(
    tmp_path: Path,
    policy: str,
    write: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = [{"prompt": f"{n}+1=", "chosen": str(n + 1), "rejected": "0"} for n in range(2, 8)]
    unknown = {"prompt": "1+1=", "responses": ["2", "3"], "id": 7}
    file, out = write(*known, unknown), str(tmp_path / "out.jsonl")
    assert main(["label", file, "--policy", policy, "--out", out, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["rows"], figures["known"], figures["out"]) == (7, 6, out)
    rows = [row for _, row in read_jsonl(Path(out))]
    assert [row["prompt"] for row in rows] == [*(row["prompt"] for row in known), "1+1="]
    assert rows[-1]["id"] == 7
    share = sum(row["preference"] > 0.5 for row in rows[:6]) / 6
    assert figures["alignment"] == pytest.approx(share)
    for row in rows:
        chance = read_pair(row, 2, 0.0).targets[0]
        assert chance == (row["preference"],)
        assert 0.0 < row["preference"] < 1.0
    recipe = load_recipe(
        "reward-model",
        [
            *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "cold_start.steps=0"),
            *("evaluation.problems=4", "sampling.max_tokens=4", "reward_model.steps=1"),
            f"reward_model.path={out}",
        ],
    )
    train(recipe, tmp_path / "run", SilentObserver())
    assert (tmp_path / "run/reward_model/model.safetensors").is_file()


def test_the_command_rates_and_gives_reasons(
    policy: str, write: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = write({"prompt": "1+1=", "response": "2"}, {"prompt": "1+1=", "response": "3"})
    assert main(["label", file, "--policy", policy, "--rate"]) == 0
    done = capsys.readouterr()
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert all(row["score"] == pytest.approx((row["rating"] - 5.5) / 4.5) for row in rows)
    assert read_scored(rows[0], 2, 0.0).targets == ((rows[0]["score"],),)
    assert "2 answers, rated" in done.err
    file = write({"prompt": "1+1=", "chosen": "2", "rejected": "3"})
    assert main(["label", file, "--policy", policy, "--reasons", "4"]) == 0
    done = capsys.readouterr()
    assert len(json.loads(done.out)["reasons"]) == 2
    assert "agrees with what is known of 1 pairs" in done.err


@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        ({"prompt": "1+1=", "chosen": "2"}, [], "line 1 of .*: rejected is no text"),
        ({"prompt": "1+1=", "responses": ["2"]}, [], "holds 1 texts, not 2"),
        ({"prompt": "1+1="}, ["--rate"], "line 1 of .*: response is no text"),
        ({"prompt": "1+1="}, ["--reasons", "-1"], "no negative numbers"),
        ({"prompt": "1+1="}, ["--rate", "--reasons", "1"], "no --reasons with --rate"),
        (None, [], "has no rows"),
    ],
)
def test_the_command_refuses_in_one_line(
    row: dict[str, Any] | None,
    options: list[str],
    message: str,
    write: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = write(row) if row is not None else write()
    assert main(["label", file, "--policy", "nowhere", *options]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert error.count("\n") == 1
