"""The evaluation command, on a model directory and on a run."""

import json

import pytest

from c2l_jax import evaluate
from c2l_jax.responses import judged, read_responses
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
    rows = judged(read_responses(out)[1])
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
    rows = judged(read_responses(tmp_path)[1])
    assert {row["text"] for row in rows} == {"# Answer: A"}
    assert [row["correct"] for row in rows] == [record["answer"] == "A" for record in records]
    assert [row["read"] for row in rows] == [bool(record["options"]) for record in records]
    right, fill_ins = sum(row["correct"] for row in rows), sum(not row["read"] for row in rows)
    assert 0 < right < len(rows) - fill_ins and fill_ins > 0
    overall = json.loads((tmp_path / "evaluation.json").read_text())["overall"]
    assert (overall["correct"], overall["accuracy"]) == (right, right / len(rows))
    assert (overall["unanswered"], overall["unread"]) == (0, fill_ins / len(rows))


def test_the_exported_model_answers_like_its_run(of_run, finished_run, dataset, tmp_path):
    """Called from Python, and after a kill amid the fourth line."""
    written = (of_run[0] / "responses.jsonl").read_text()
    marked, *others = written.replace('"responses": [', '"responses": [ ').splitlines(True)
    (tmp_path / "responses.jsonl").write_text("".join([marked, *others[:2], others[2][:99]]))
    model, options = finished_run[0] / "model", {"limit": LIMIT, "rows": 4, "max_tokens": 24}
    ours = evaluate.evaluate(model=model, data=dataset, out=tmp_path, **options)
    again = (tmp_path / "responses.jsonl").read_text()
    assert again.startswith(marked) and again.replace(": [ {", ": [{") == written
    theirs = json.loads((of_run[0] / "evaluation.json").read_text())
    assert ours["overall"] == theirs["overall"] and ours["step"] == 0
    assert json.loads((tmp_path / "evaluation.json").read_text()) == ours


def test_other_responses_are_not_overwritten(responses, finished_run, of_run, dataset, capsys):
    """Those sampled, and those of another step of the run."""
    settings = json.loads((of_run[0] / "sampling.json").read_text())
    assert settings["step"] == STEPS and (settings["n"], settings["temperature"]) == (1, 0)
    changed = {"step": STEPS - 1, "fingerprint": "0" * 64}
    (of_run[0] / "sampling.json").write_text(json.dumps(settings | changed))
    for out, said in ((responses, "n: 4 there, 1 now"), (of_run[0], "step: 11 there, 12 now")):
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        with pytest.raises(SystemExit) as stopped:
            evaluate.main(["--model", str(finished_run[0]), "--data", str(dataset), "--split",
                           settings["split"], "--limit", str(LIMIT), "--rows", "4", "--out",
                           str(out)])  # fmt: skip
        told = capsys.readouterr().err
        assert stopped.value.code == 2 and said in told and "or another --out" in told
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before


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
