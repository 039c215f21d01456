"""Self-Instruct with a scripted model: what it is asked, how it is read, what is dropped."""

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import DataError, RunError, UsageError
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.instructions import (
    InstructionRules,
    compose_request,
    find_fault,
    read_instructions,
)
from gym_reason.trainers.data.rouge import RougePool, rouge_l
from gym_reason.trainers.data.scoring import Scorer
from gym_reason.trainers.data.self_instruct import (
    SelfInstructSettings,
    read_seeds,
    write_instructions,
)
from gym_reason.trainers.data.writers import PolicyWriter, ServerWriter, Written, open_writer
from gym_reason.types import Message

SEEDS = [
    f"Seed task number {word} for people"
    for word in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]
]
WORDS = [f"{a}{b}" for a in "bdfgklmn" for b in ("ako", "ilu", "ore", "unta", "este", "iv")]


class Scripted:
    """A model that says what a function makes of its prompt and seed, and remembers both."""

    name = "scripted"

    def __init__(self, say: Any) -> None:
        self.say = say
        self.asked: list[tuple[str, int]] = []
        self.params: list[SamplingParams] = []

    def write(
        self, prompts: Sequence[tuple[Message, ...]], params: SamplingParams, seeds: Sequence[int]
    ) -> list[Written]:
        texts = [prompt[0].content for prompt in prompts]
        self.asked += zip(texts, seeds, strict=True)
        self.params.append(params)
        return [self.say(text, seed) for text, seed in zip(texts, seeds, strict=True)]


def inventive(text: str, seed: int) -> Written:
    """Return a new instruction for each seed, or an answer."""
    if text.endswith("9."):
        words = [WORDS[(seed >> shift) % len(WORDS)] for shift in (0, 6, 12, 18, 24, 30)]
        return Written(f" {' '.join(words)}\n10. {' '.join(reversed(words))}", cut_off=False)
    return Written(f"answer to {text}", cut_off=False)


def settings(**changes: Any) -> SelfInstructSettings:
    return SelfInstructSettings(**{"count": 6, "prompts_per_round": 2, "patience": 3, **changes})


def test_a_prompt_shows_six_of_people_and_two_of_its_own() -> None:
    model = Scripted(inventive)
    write_instructions(SEEDS, model, settings(count=12), DropLog())
    requests = [text for text, _ in model.asked if text.endswith("9.")]
    shares = [sum(seed in text for seed in SEEDS) for text in requests]
    assert shares[:2] == [8, 8]
    assert shares[2:] == [6] * len(shares[2:])
    assert all(text.count("\n") == 10 for text in requests)
    assert model.params[0] == SamplingParams(1024, 0.7, top_p=0.5)
    assert model.params[1].temperature == 0.0


def test_the_rows_are_demonstrations_unlike_each_other_and_the_seeds() -> None:
    log = DropLog()
    result = write_instructions(SEEDS, Scripted(inventive), settings(), log)
    assert len(result.rows) == 6
    assert result.written == 6 + len(log.drops)
    for row in result.rows:
        assert row["response"] == f"answer to {row['prompt']}"
        assert row["messages"][-1] == {"role": "assistant", "content": row["response"]}
        assert (row["source"], row["teacher_id"]) == ("self-instruct", "scripted")
    texts = [*SEEDS, *(row["prompt"] for row in result.rows)]
    for place, text in enumerate(texts[len(SEEDS) :], len(SEEDS)):
        assert max(rouge_l(text, other) for other in texts[:place]) <= 0.7


def test_the_seed_decides_everything() -> None:
    first, again, other = (
        write_instructions(SEEDS, Scripted(inventive), settings(seed=seed), DropLog())
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_the_same_item_twice_is_kept_once_and_it_ends_where_nothing_is_new() -> None:
    same = "1. Write five words about the sea\n2. Write five words about the sea"
    log = DropLog()
    result = write_instructions(
        SEEDS, Scripted(lambda text, seed: Written(same, cut_off=False)), settings(), log
    )
    assert [row["prompt"] for row in result.rows] == ["Write five words about the sea"]
    assert result.rounds == 4  # one that kept it, three without anything new
    assert log.counts == {"like another one": 15}
    assert log.drops[0].detail == "ROUGE-L 1.000"


def test_an_answer_that_is_empty_or_cut_off_takes_its_instruction_along() -> None:
    def say(text: str, seed: int) -> Written:
        if text.endswith("9."):
            return inventive(text, seed)
        return Written("" if seed % 2 else "half an ans", cut_off=not seed % 2)

    log = DropLog()
    result = write_instructions(SEEDS, Scripted(say), settings(), log)
    assert result.rows == ()
    assert log.counts["an empty answer"] > 0
    assert log.counts["an answer that was cut off"] > 0
    alone = write_instructions(SEEDS, Scripted(say), settings(answer=False), DropLog())
    assert len(alone.rows) == 6
    assert "response" not in alone.rows[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Too short, yes", "too short"),
        ("word " * 151, "too long"),
        ("- Write a poem about rain", "begins with punctuation"),
        ("Describe the image that follows here", "a blocked word"),
        ("Describe what an imagery of words does", ""),
        ("seed TASK number a, for people!", "like another one"),
        ("Write a poem about rain", ""),
        ("写一首关于雨的诗歌", ""),
    ],
)
def test_what_drops_an_instruction(text: str, reason: str) -> None:
    assert find_fault(text, InstructionRules(), RougePool(SEEDS))[0] == reason


def test_a_score_of_just_the_limit_is_kept() -> None:
    pool = RougePool(["a b c d e f g x y z"])
    text = "a b c d e f g u v w"
    assert rouge_l(text, "a b c d e f g x y z") == pytest.approx(0.7)
    assert find_fault(text, InstructionRules(), pool) == ("", "")
    assert find_fault("a b c d e f g h v w", InstructionRules(rouge=0.69), pool)[0]


@pytest.mark.parametrize(
    ("text", "cut_off", "found"),
    [
        (" Add two numbers\n10. Name\n  a river", False, ["Add two numbers", "Name a river"]),
        ("9. Add two\n\n10) Name 3. rivers\n11. ", False, ["Add two", "Name 3. rivers"]),
        ("9. Add two\n10. Name a riv", True, ["Add two"]),
        ("Here they are:\n\n9. Add two\n10. Name it", False, ["Add two", "Name it"]),
        ("Sure!\n1. Add two\n2. Name it", False, ["Add two", "Name it"]),
        (" Add two numbers", False, ["Add two numbers"]),
        ("cut in the fir", True, []),
        ("", False, []),
    ],
)
def test_how_a_continuation_is_read(text: str, cut_off: bool, found: list[str]) -> None:
    assert read_instructions(text, 9, cut_off=cut_off) == found


def test_a_request_ends_with_the_next_number() -> None:
    request = compose_request(["one\ntwo", "three"])
    assert request.splitlines()[2:] == ["1. one two", "2. three", "3."]


def test_seeds_come_from_a_column_and_have_to_be_texts(tmp_path: Path) -> None:
    path = tmp_path / "seeds.jsonl"
    path.write_text('{"q": "a"}\n{"q": "b"}\n{"q": "a"}\n')
    assert read_seeds(path, "q") == ["a", "b"]
    path.write_text('{"q": "a"}\n{"q": 3}\n')
    with pytest.raises(DataError, match=r"line 2 .* no text in the column 'q'.*--field"):
        read_seeds(path, "q")
    path.write_text("")
    with pytest.raises(DataError, match="no rows"):
        read_seeds(path, "q")


def test_a_policy_of_this_process_writes(scorer: Scorer) -> None:
    from gym_reason.agents.bounded import BoundedPolicy
    from gym_reason.agents.engines.local import LocalEngine

    engine = LocalEngine(scorer.model, scorer.tokenizer)
    writer = PolicyWriter("tiny", BoundedPolicy(engine, engine.max_positions), scorer.encoder)
    prompts = [(Message("user", "Hello"),), (Message("user", "x" * 500),)]
    params = SamplingParams(max_tokens=5)
    texts = writer.write(prompts, params, [1, 2])
    assert texts == writer.write(prompts, params, [1, 2])
    assert texts[0].text
    assert texts[1] == Written("", cut_off=True)


class Server(BaseHTTPRequestHandler):
    """Answers like an OpenAI-compatible server; a prompt of "cut" gets half a reply."""

    seen: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append(body | {"authorization": self.headers.get("Authorization")})
        text = body["messages"][-1]["content"]
        finish = "length" if text == "cut" else "stop"
        reply = {"choices": [{"message": {"content": text.upper()}, "finish_reason": finish}]}
        content = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a server, and what it was asked."""
    seen: list[dict[str, Any]] = []
    handler = type("Handler", (Server,), {"seen": seen})
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_address[1]}/v1", seen
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_a_server_writes_and_is_told_the_presence_penalty(
    server: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("httpx")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setattr("gym_reason.verifiers.judge.client.ChatClient._backoff", lambda *_: 0.0)
    url, seen = server
    writer = open_writer(f"{url}#tiny", {"presence_penalty": 2.0})
    assert isinstance(writer, ServerWriter)
    assert writer.name == "tiny"
    prompts = [(Message("user", "a"),), (Message("user", "cut"),)]
    texts = writer.write(prompts, SamplingParams(7, 0.7, top_p=0.5), [3, 4])
    assert texts == [Written("A", cut_off=False), Written("", cut_off=True)]
    body = next(body for body in seen if body["messages"][-1]["content"] == "a")
    expected = {"model": "tiny", "temperature": 0.7, "top_p": 0.5, "max_tokens": 7, "seed": 3}
    assert body.items() >= (expected | {"presence_penalty": 2.0}).items()
    assert body["authorization"] == "Bearer secret"
    with pytest.raises(RunError, match="gave no reply"):
        writer.write(prompts[1:], SamplingParams(7), [1])


def test_a_server_needs_the_name_of_a_model() -> None:
    with pytest.raises(UsageError, match="#NAME"):
        open_writer("http://127.0.0.1:1/v1")


def test_the_command_asks_a_server_until_it_has_enough(
    server: tuple[str, list[dict[str, Any]]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("httpx")
    from gym_reason.cli import main

    url, seen = server
    seeds, out = tmp_path / "seeds.jsonl", tmp_path / "out.jsonl"
    seeds.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in SEEDS))
    words = ["data", "self-instruct", str(seeds), "--policy", f"{url}#tiny", "--out", str(out)]
    # The server repeats what it is asked: the list of seeds, whose items are all known.
    assert main([*words, "--count", "2", "--patience", "1", "--prompts", "2", "--json"]) == 1
    assert "like another one: 16" in capsys.readouterr().err
    assert not out.exists()
    assert [body["top_p"] for body in seen] == [0.5, 0.5]
