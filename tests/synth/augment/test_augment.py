"""`synth augment` against a scripted server: every row accounted for, nothing paid twice."""

import json
import random

import pytest

from benchmarks import rewrites
from endpoint import client
from records.reading import open_splits
from synth import dataset
from synth.__main__ import main
from synth.augment import run
from tests.endpoint.scripted import Scripted, completion

PLAN = dataset.Plan(("tictactoe",), 4, 3, 56)
STATUSES = ("kept", "rejected", "failed")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp("data")
    dataset.generate(out, PLAN, workers=1)
    return out


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(client, "_FIRST_WAIT", 0.01)


class Writer:
    """Words the steps of a request by the rules; every fourth time it errs, in turn differently."""

    def __init__(self):

        self.rng, self.number = random.Random(0), 0

    def __call__(self, request: dict):
        told = request["messages"][0]["content"]
        steps = told.partition("Steps:\n")[2].partition("\n\nAnswer: ")[0].split("\n")
        answer = told.rpartition("Answer: ")[2]
        text = rewrites.rewrite("tictactoe", steps, answer, self.rng) or "I cannot say."
        self.number += 1
        match self.number % 16:
            case 0:
                return completion(text[:30], finish_reason="length")
            case 4:
                return text.replace("row 1", "row 2")
            case 8:
                return completion(None, message={"refusal": "No."})
            case 12:
                return completion("")
        return text


def command(data, out, server, *more) -> list[str]:
    asked = ["augment", str(data), "--llm", server.url, "--model", "m", "--out", str(out)]
    return [*asked, "--concurrency", "1", *more]


def rows_of(out) -> list[dict]:
    return [json.loads(line) for line in (out / run.ROWS).read_text().splitlines()]


def test_a_row_for_each_record_and_steps_where_there_is_nothing_better(data, tmp_path, capsys):
    with Scripted(Writer()) as server:
        assert main(command(data, tmp_path, server)) == 0
        asked = server.requests
    said = capsys.readouterr().out
    before, after = open_splits(data), open_splits(tmp_path)
    rows = rows_of(tmp_path)
    records = [(name, record) for name in before for record in before[name]]
    assert [(row["split"], row["id"]) for row in rows] == [(n, r["id"]) for n, r in records]
    assert {row["status"] for row in rows} == set(STATUSES)
    assert {"cut", "refusal", "empty"} <= {row["filter"] for row in rows}
    worded = [record for name in after for record in after[name]]
    for row, (_, record), other in zip(rows, records, worded, strict=True):
        assert {k: v for k, v in other.items() if k != "steps"} == {
            k: v for k, v in record.items() if k != "steps"
        }
        assert (other["steps"] != record["steps"]) == (row["status"] == "kept")
        assert (row["status"] == "kept") == (row["filter"] is None)
        assert other["steps"][-1] == record["steps"][-1]  # names the letter
        if row["status"] == "kept":
            assert other["steps"][:-1] == row["reply"].split("\n")
        assert row["raw"]["model"] == "served"
    counts = json.loads((tmp_path / run.COUNTS).read_text())
    assert sum(sum(counts[status].values()) for status in STATUSES) == counts["rows"] == len(rows)
    assert counts["spent"]["requests"] == len(rows) == len(asked)
    assert f"rows{len(rows):>32}" in said and str(run.folder(tmp_path)) in said
    page = (tmp_path / run.PAGE).read_text()
    assert page.count("<article>") == run.SHOWN and page.count("<img") == run.SHOWN


def test_the_model_gets_the_steps_and_no_picture_or_letter(data, tmp_path):
    with Scripted(Writer()) as server:
        main(command(data, tmp_path, server, "--seed", "7", "--max-tokens", "99"))
        first = server.requests[0]
    record = next(iter(open_splits(data).values()))[0]
    (message,) = first["messages"]
    assert first["seed"] == 7 and first["max_tokens"] == 99
    assert all(step in message["content"] for step in record["steps"][:-1])
    assert record["question"].split("\n\n")[1] in message["content"]
    assert "option" not in message["content"] and "image" not in json.dumps(first)


def test_a_stopped_command_goes_on_without_paying_twice(data, tmp_path, capsys):
    writer = Writer()
    with Scripted(writer) as server:
        assert main(command(data, tmp_path, server, "--max-requests", "10")) == 1
        assert "budget of 10 requests" in capsys.readouterr().err
        assert not run.folder(tmp_path).exists()
        assert main(command(data, tmp_path, server)) == 0
        asked = len(server.requests)
        assert asked == len(rows_of(tmp_path)) == 36
        assert main(command(data, tmp_path, server)) == 0
        assert "already complete" in capsys.readouterr().out and len(server.requests) == asked
        assert main(command(data, tmp_path, server, "--seed", "1")) == 2
        assert "another data set" in capsys.readouterr().err


def test_records_without_steps_are_told_and_cost_nothing(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"question": "How many?", "answer": "3"}\n' * 2)
    source = ["import", "jsonl", str(tmp_path / "rows.jsonl"), "--out", str(tmp_path / "theirs")]
    assert main(source) == 0
    with Scripted([]) as server:
        assert main(command(tmp_path / "theirs", tmp_path / "out", server)) == 0
        assert server.requests == []
    assert [row["filter"] for row in rows_of(tmp_path / "out")] == [run.NO_STEPS] * 2
