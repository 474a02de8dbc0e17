"""The evaluation command, on a model directory and on a run."""

import json

import pytest

from c2l_jax import evaluate
from records.reading import open_split
from tests.c2l_jax.conftest import STEPS
from tests.conftest import run_module

LIMIT = 7


@pytest.fixture(scope="module")
def of_run(finished_run, dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("eval")
    arguments = ["--model", finished_run[0], "--data", dataset, "--out", out, "--limit", LIMIT]
    options = ["--rows", 4, "--max-tokens", 24, "--split", "test"]
    return out, run_module("c2l_jax.evaluate", *arguments, *options)


def test_every_question_is_asked_and_counted(of_run, dataset):
    out, result = of_run
    evaluation = json.loads((out / "evaluation.json").read_text())
    rows = [json.loads(line) for line in (out / "responses.jsonl").read_text().splitlines()]
    split = open_split(dataset, "test")
    assert [row["id"] for row in rows] == [split[i]["id"] for i in range(LIMIT)]
    assert evaluation["overall"]["count"] == LIMIT and evaluation["step"] == STEPS
    assert sum(cell["count"] for cell in evaluation["by_task"].values()) == LIMIT
    assert evaluation["overall"]["correct"] == sum(row["correct"] for row in rows)
    unanswered = sum(row["extracted"] is None for row in rows)
    assert evaluation["overall"]["unanswered"] == unanswered
    assert "overall" in result.stdout and any(out.glob("events.out.tfevents.*"))


def test_right_wrong_and_unread_answers_are_told_apart(model_that_says_a, dataset, tmp_path):
    """Whatever the judge does: A is right where it is the answer, and no answer to a fill-in."""
    evaluate.main(["--model", str(model_that_says_a), "--data", str(dataset), "--out",
                   str(tmp_path), "--max-tokens", "16", "--rows", "8"])  # fmt: skip
    split = open_split(dataset, "test")
    records = [split[i] for i in range(len(split))]
    rows = [json.loads(line) for line in (tmp_path / "responses.jsonl").read_text().splitlines()]
    assert {row["response"] for row in rows} == {"# Answer: A"}
    assert [row["correct"] for row in rows] == [record["answer"] == "A" for record in records]
    assert [row["read"] for row in rows] == [bool(record["options"]) for record in records]
    right, fill_ins = sum(row["correct"] for row in rows), sum(not row["read"] for row in rows)
    assert 0 < right < len(rows) - fill_ins and fill_ins > 0
    overall = json.loads((tmp_path / "evaluation.json").read_text())["overall"]
    assert (overall["correct"], overall["accuracy"]) == (right, right / len(rows))
    assert (overall["unanswered"], overall["unread"]) == (0, fill_ins / len(rows))


def test_the_exported_model_answers_like_its_run(of_run, finished_run, dataset, tmp_path):
    arguments = ["--model", finished_run[0] / "model", "--data", dataset, "--out", tmp_path / "e"]
    options = ["--limit", LIMIT, "--rows", 7, "--max-tokens", 24]
    run_module("c2l_jax.evaluate", *arguments, *options)
    ours = (tmp_path / "e" / "responses.jsonl").read_text()
    assert ours == (of_run[0] / "responses.jsonl").read_text()


def test_sampled_responses_are_not_overwritten(model_dir, dataset, tmp_path, capsys):
    (tmp_path / "sampling.json").write_text("{}")
    with pytest.raises(SystemExit) as stopped:
        evaluate.main(["--model", str(model_dir), "--data", str(dataset), "--out", str(tmp_path)])
    assert stopped.value.code == 2 and "use another --out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["sampling.json"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--model": "/nonexistent"}, "no model at /nonexistent"),
        ({"--data": "/nonexistent"}, "no data set in /nonexistent"),
        ({"--split": "dev"}, "no records in split 'dev'"),
        ({"--rows": "0"}, "--rows 0"),
        ({"--limit": "0"}, "--limit 0"),
    ],
)
def test_bad_arguments(changed, message, model_dir, dataset, tmp_path, capsys):
    arguments = {"--model": model_dir, "--data": dataset, "--out": tmp_path} | changed
    with pytest.raises(SystemExit) as stopped:
        evaluate.main([str(item) for pair in arguments.items() for item in pair])
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert stopped.value.code == 2 and message in line
