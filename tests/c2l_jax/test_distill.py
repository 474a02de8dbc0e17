"""Chains of a scripted model: which are kept, what is told of the others, and what a stop costs."""

import base64
import itertools
import json
import os
import signal
import threading
from collections import Counter

import pytest
from tensorflow_datasets import features as features_of

from c2l_jax.data.processor import Processor, response_text, user_text
from c2l_jax.distill import chain_of, distill, prompt, speaks_of_given_answer
from records import writing
from records.errors import UserError
from records.reading import open_split
from tests.conftest import ROOT, launcher, run_module
from tests.endpoint.scripted import Said, Scripted, completion

LIMIT = 20  # questions
CHAIN = "The board has some cells.\nSo it follows."


def right(record, chain=CHAIN):
    return f"{chain}\n\n### Answer: {record['answer']}"


def wrong(record):
    return right({"answer": "B" if record["answer"] == "A" else "A"})


# What a model may reply, and what the row then says.
REPLIES = {
    "right": (right, ("kept", None)),
    "short": (lambda record: right(record, "Short."), ("kept", None)),
    "wrong": (wrong, ("rejected", "another answer")),
    "told": (
        lambda record: right(record, "According to the given answer it is so."),
        ("rejected", "speaks of the given answer"),
    ),
    "goes on": (
        lambda record: right(record) + "\n\nI hope that helps.",
        ("rejected", "does not end in one answer"),
    ),
    "bare": (lambda record: right(record, ""), ("rejected", "no reasoning")),
    "silent": (lambda record: CHAIN, ("rejected", "no answer")),
    "unclear": (lambda record: f"{CHAIN}\n### Answer: perhaps", ("rejected", "answer unclear")),
    "cut": (
        lambda record: completion(right(record), finish_reason="length"),
        ("failed", "cut"),
    ),
    "refuses": (
        lambda record: completion(None, message={"refusal": "No."}),
        ("failed", "refused"),
    ),
    "no choice": (lambda record: completion("") | {"choices": []}, ("failed", "empty")),
    "too long": (lambda record: Said(400, {}, "too long"), ("failed", "no reply")),
}


class Model:
    """Replies to each record as `plan` says by its id: names of REPLIES, one a sample, over and
    over; those without a plan get a right one. asked: how often each was."""

    def __init__(self, records, plan=None):
        self._records, self._plan, self.asked = records, plan or {}, Counter()
        self._lock = threading.Lock()

    def __call__(self, request):
        (message,) = request["messages"]
        *pictures, text = message["content"]
        url = pictures[0]["image_url"]["url"]
        picture = base64.b64decode(url.removeprefix("data:image/png;base64,"))
        (record,) = (
            record
            for record in self._records
            if record["image"] == picture and text["text"].startswith(user_text(record, "cot"))
        )
        with self._lock:
            number = self.asked[record["id"]]
            self.asked[record["id"]] += 1
        names = self._plan.get(record["id"], ["right"])
        return REPLIES[names[number % len(names)]][0](record)


def rows(out):
    return [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]


def run(dataset, out, server, **options):
    options = {"limit": LIMIT, "concurrency": 1} | options
    return distill(data=dataset, out=out, endpoint=server.url, endpoint_model="m", **options)


@pytest.fixture(scope="module")
def records(dataset):
    return list(itertools.islice(open_split(dataset, "train"), LIMIT))


def test_every_question_has_one_row_and_the_kept_ones_train(dataset, model_dir, records, tmp_path):
    chosen = [record for record in records if len(record["options"]) > 1][: len(REPLIES)]
    plan = {record["id"]: [name] for record, name in zip(chosen, REPLIES, strict=True)}
    expected = {
        record["id"]: REPLIES[plan.get(record["id"], ["right"])[0]][1] for record in records
    }
    out = tmp_path / "chains"
    with Scripted(Model(records, plan)) as server:
        told = run(dataset, out, server, concurrency=4)
        assert len(server.requests) == len(records)
        # Again: it is there.
        assert run(dataset, out, server) == told
        with pytest.raises(UserError, match=r"already holds other chains"):
            run(dataset, out, server, hint=False)
        assert len(server.requests) == len(records)
    found = rows(out)
    assert [(row["id"], row["index"]) for row in found] == [
        (record["id"], index) for index, record in enumerate(records)
    ]
    assert {row["id"]: (row["status"], row["reason"]) for row in found} == expected
    assert told["questions"] == told["kept"] + told["rejected"] + told["failed"] == len(records)
    counts = Counter(expected.values())
    for status in ("rejected", "failed"):
        reasons = {reason: n for (of, reason), n in counts.items() if of == status}
        assert told["reasons"][status] == reasons and told[status] == sum(reasons.values())
    assert told == json.loads((out / "counts.json").read_text())
    for row in found:
        (sample,) = row["samples"]
        assert sample["raw"] == "400: too long" or sample["raw"]["model"] == "served"
    (disagreed,) = map(json.loads, (out / "disagree.jsonl").read_text().splitlines())
    assert plan[disagreed["id"]] == ["wrong"] and disagreed["said"] != [disagreed["answer"]]
    assert disagreed["question"] == records[disagreed["index"]]["question"]
    # The data set: the records of the kept, but for their steps.
    written = {record["id"]: record for record in open_split(out, "train")}
    assert written.keys() == {id for id, (status, _) in expected.items() if status == "kept"}
    processor = Processor(model_dir)
    for source in records:
        if record := written.get(source["id"]):
            assert record | {"steps": source["steps"]} == source
            short = plan.get(record["id"]) == ["short"]
            assert record["steps"][0] == ("Short." if short else CHAIN.split("\n")[0])
            example = processor.example(record, "cot")
            said = processor.tokenizer.decode(example["tokens"])
            assert response_text(record, "cot") in said


def test_the_shortest_right_chain_is_kept_or_all(dataset, records, tmp_path):
    some = [record for record in records if record["options"]][:3]
    plan = {some[0]["id"]: ["right", "short", "wrong"], some[1]["id"]: ["wrong", "wrong", "told"]}
    plan[some[2]["id"]] = ["cut", "wrong", "refuses"]
    kept = {}
    for keep in ("shortest", "all"):
        with Scripted(Model(records, plan)) as server:
            out = tmp_path / keep
            told = run(dataset, out, server, keep=keep, samples=3, seed=5)
            assert len(server.requests) == 3 * len(records)
            assert {request["seed"] for request in server.requests} == {5, 6, 7}
        kept[keep] = [r for r in open_split(out, "train") if r["id"].startswith(some[0]["id"])]
        by_id = {row["id"]: row for row in rows(out)}
        assert by_id[some[1]["id"]]["reason"] == "speaks of the given answer"
        assert by_id[some[2]["id"]]["reason"] == "another answer"
        assert told["kept"] == len(records) - 2
    assert [record["steps"][0] for record in kept["shortest"]] == ["Short."]
    assert sorted(record["id"] for record in kept["all"]) == [some[0]["id"], some[0]["id"] + "#2"]


def test_the_hint_is_told_or_not(dataset, records, tmp_path):
    choice = next(record for record in records if record["options"])
    answer = f"the answer is {choice['answer']}. {choice['options'][ord(choice['answer']) - 65]}."
    assert answer in prompt(choice, hint=True)
    assert prompt(choice, hint=True).startswith(prompt(choice, hint=False))
    assert "the answer is" not in prompt(choice, hint=False).removeprefix(choice["question"])

    def needs_hint(request):
        told = "To check yourself" in request["messages"][0]["content"][-1]["text"]
        return Model(records)(request) if told else "I can't tell."

    with Scripted(needs_hint) as server:
        told = run(dataset, tmp_path / "out", server, check_without_hint=4)
        assert told["check"]["right"] == told["check"]["questions"] > 0
        assert told["check"]["right_without_hint"] == 0
        with pytest.raises(UserError, match="not one chain was kept"):
            run(dataset, tmp_path / "none", server, hint=False)


def test_a_stop_costs_nothing(dataset, records, tmp_path):
    """A budget that ends, a kill, a server that gives out: the same command goes on each time."""
    out, model, held = tmp_path / "out", Model(records), threading.Event()
    options = ["--data", dataset, "--endpoint-model", "m", "--limit", LIMIT, "--out", out]

    def reply(request):
        if held.is_set():
            return Said(delay=None)
        found = model(request)
        if sum(model.asked.values()) == 10:
            held.set()
        return found

    with Scripted(reply) as server:
        command = ["c2l_jax.distill", "--endpoint", server.url, *map(str, options)]
        command += ["--concurrency", "2"]
        ended = run_module(*command, "--max-requests", 6, check=False)
        assert ended.returncode == 1 and "the budget of 6 requests" in ended.stderr
        # The other one of two requests at a time may be answered after the end: kept without a row.
        assert len(server.requests) == 6 and len(rows(out)) in (5, 6)
        assert not (out / "distilled").exists()

        started = launcher().start(command, ROOT, dict(os.environ))
        held.wait(120)
        os.kill(started.pid, signal.SIGKILL)
        assert started.wait().returncode == -signal.SIGKILL
        held.clear()
        told = run_module(*command)
        assert f"{len(records)} chains in" in told.stdout
        assert max(model.asked.values()) <= 2  # but for what was on its way in the kill, once
        assert sum(model.asked.values()) <= len(records) + 2
        assert len(rows(out)) == len(records)
    with Scripted([Said(429, {"Retry-After": "3600"})] * 9) as server:
        command[2], command[-3] = server.url, str(tmp_path / "other")
        gave_out = run_module(*command, check=False)
        assert gave_out.returncode == 3 and "the same command resumes" in gave_out.stderr


def test_chains_end_in_their_one_answer():
    for text, chain in {
        "One.\n Two. \n\n### Answer: 4\n": "One.\n Two.",
        "One.\n**### Answer: 4**": "One.",
        "### Answer: 4": "",
        "One.\nThe answer is 4.": None,
        "### Answer: 3\nNo.\n### Answer: 4": None,
        "One.\n### Answer: 4\nDone.": None,
    }.items():
        assert chain_of(text) == chain


def test_words_of_someone_who_was_told():
    for chain in (
        "According to the given answer, it is B.",
        "This agrees with the provided correct answer.",
        "The answer provided is 4, so the row is 4.",
        "As the answer is known to be A, the path turns left.",
        "The hint says B.",
        "The ground truth is B.",
        "Since you said that it is 4, the row is 4.",
        "I was told that it is 4.",
    ):
        assert speaks_of_given_answer(chain, "Which?"), chain
    for chain in (
        "So the correct answer is B.",
        "Of the given answer options only B has it.",
        "The answer is given by the sum of both.",
        "The player is given two keys; an annex is on the left.",
    ):
        assert not speaks_of_given_answer(chain, "Which?"), chain
    assert not speaks_of_given_answer("The hint is 3.", "What is the hint in row 2?")


def test_settings_that_make_no_sense_are_refused(dataset, tmp_path):
    features = {"id": features_of.Text(), "chosen": features_of.Text()}
    pairs = tmp_path / "pairs"
    one = {"id": "a", "chosen": "b"}
    writing.write(pairs, "pairs", features, {"train": lambda: [one]}, {})
    for options, message in (
        ({"samples": 0}, "--samples 0 must be at least 1"),
        ({"samples": 2, "temperature": 0.0}, "--temperature 0 makes all chains alike"),
        ({"keep": "some"}, "--keep 'some' must be one of"),
        ({"top_p": 0.0}, "--top-p must be in"),
        ({"hint": False, "check_without_hint": 3}, "compares with the hint"),
        ({"split": "none"}, "no records in split 'none'"),
        ({"data": pairs}, "holds pairs, not questions"),
        ({"endpoint": "localhost"}, "looks like http://HOST:PORT/v1"),
    ):
        given = {"data": dataset, "endpoint": "http://localhost:1/v1", "endpoint_model": "m"}
        with pytest.raises(UserError, match=message):
            distill(out=tmp_path / "out", **given | options)
