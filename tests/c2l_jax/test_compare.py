"""Evaluations beside each other: what is compared, how it is told, and what is refused."""

import base64
import json
import re

import pytest

from c2l_jax import compare
from c2l_jax.accuracy import paired_difference
from c2l_jax.data.processor import as_asked, response_text
from c2l_jax.responses import KEPT
from records.reading import open_split
from records.schema import task_name
from tests.c2l_jax import sampled
from tests.conftest import run_module
from tests.pages import Page

ATTACK = '<script>alert("x")</script> </pre>'


@pytest.fixture(scope="module")
def records(dataset):
    return list(open_split(dataset, "test"))


@pytest.fixture(scope="module")
def evaluation(records, dataset, tmp_path_factory):
    """Writes what `evaluate` leaves, of a model that is right where `right` says so."""
    folder = tmp_path_factory.mktemp("runs")

    def write(name, right, limit=None, format="cot", **settings):
        out = folder / name / "eval"
        out.mkdir(parents=True)
        lines = []
        for index, record in enumerate(records[:limit]):
            record = as_asked(record, format)
            texts = (
                response_text(record, format) if sure else ATTACK + sampled.wrong(record)
                for sure in right(index)
            )
            responses = [sampled.response(text, record) | {"tokens": 7} for text in texts]
            kept = {name: record[name] for name in KEPT}
            lines.append(json.dumps({**kept, "index": index, "responses": responses}) + "\n")
        (out / "responses.jsonl").write_text("".join(lines))
        asked = {"model": name, "data": str(dataset), "split": "test", "tasks": None}
        asked |= {"format": format, "n": len(right(0)), "questions": len(lines)} | settings
        (out / "sampling.json").write_text(json.dumps(asked))
        return out

    return write


@pytest.fixture(scope="module")
def three(evaluation):
    rights = {"sft": lambda i: i % 3 > 0, "dpo": lambda i: i % 4 > 0, "grpo": lambda i: i % 7 > 0}
    return [evaluation(name, lambda i, f=f: [f(i)], dtype=name) for name, f in rights.items()]


def test_changes_are_counted_on_the_same_questions(three, records, tmp_path, capsys):
    """With the interval of questions that come in groups, and in all groups of a summary."""
    result = compare.compare(runs=three)
    out = capsys.readouterr().out
    rights = [[i % k > 0 for i in range(len(records))] for k in (3, 4, 7)]
    states = [record["state"] for record in records]
    (row,) = result["rows"]["overall"].values()
    for name, right in zip(("dpo", "grpo"), rights[1:], strict=True):
        assert row["changes"][name] == paired_difference(rights[0], right, states)
        fixed = sum(b and not a for a, b in zip(rights[0], right, strict=True))
        assert f"{name}: {fixed} questions fixed" in out
    task = task_name(records[0])
    places = [i for i, record in enumerate(records) if task_name(record) == task]
    of_task = result["rows"]["by_task"][task]
    assert of_task["cells"]["sft"]["accuracy"] == sum(i % 3 > 0 for i in places) / len(places)
    assert of_task["changes"]["dpo"]["count"] == len(places)
    for section in ("by_game", "by_qa_type", "by_level"):
        counts = [each["cells"]["dpo"]["count"] for each in result["rows"][section].values()]
        assert sum(counts) == len(records)
    (line,) = [line for line in out.splitlines() if line.startswith("overall")]
    shown = re.findall(r"([\d.]+) %", line)
    assert shown == [f"{100 * sum(r) / len(r):.1f}" for r in rights]
    assert "different dtype: sft, dpo, grpo" in out


def test_the_page_has_pictures_and_both_responses_and_nothing_from_outside(
    three, records, tmp_path
):
    arguments = [*three, "--out", tmp_path / "page.html", "--examples", 2]
    run_module("c2l_jax.compare", *arguments)
    source = (tmp_path / "page.html").read_text()
    page = Page(source)
    assert not page.attributes("script") and not page.attributes("link")
    links = [each for _, of_tag in page.tags for name, each in of_tag.items()
             if name in ("src", "href")]  # fmt: skip
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    pictures = {base64.b64decode(link.split(",")[1]) for link in links if link.startswith("data")}
    assert pictures <= {record["image"] for record in records}
    assert len(page.attributes("article")) == 2 * 2 * 2  # two runs, fixed and broken
    assert page.text.count(ATTACK) == 2 * 2 * 2  # one of both is wrong
    assert page.text.count("✗ wrong") == page.text.count("✓ right") == 2 * 2 * 2
    ids = {each["id"] for _, each in page.tags if "id" in each}
    assert {link[1:] for link in links if link.startswith("#")} == ids
    # All games are there, though one has most of the questions.
    assert {"maze", "tictactoe"} <= set(re.findall(r"<article[^>]*><h3>(\w+)", source))


def test_several_responses_count_by_their_share(evaluation, records):
    runs = [
        evaluation("half", lambda i: [i % 2 > 0, False, False, True]),
        evaluation("most", lambda i: [True, True, i % 2 > 0, True]),
    ]
    result = compare.compare(runs=runs)
    (row,) = result["rows"]["overall"].values()
    odd = sum(i % 2 for i in range(len(records))) / len(records)
    assert row["cells"]["half"]["accuracy"] == pytest.approx(0.25 + 0.25 * odd)
    assert row["changes"]["most"]["difference"] == pytest.approx(0.5)
    assert row["changes"]["most"]["fixed"] == len(records)


def test_runs_that_were_asked_something_else_are_refused(evaluation, three, tmp_path, capsys):
    def right(index):
        return [True]

    cut = evaluation("cut", right)
    (cut / "responses.jsonl").write_text((cut / "responses.jsonl").read_text()[:-9])
    for runs, message in (
        (three[:1], "give two folders"),
        ([three[0], three[1], f"{three[0]}/"], "given twice"),
        ([three[0], evaluation("fewer", right, limit=5)], r"and 5 questions 5 are alike"),
        ([three[0], evaluation("open", right, format="open")], "the format cot, .* open"),
        ([three[0], cut], "incomplete"),
        ([three[0], tmp_path], "no sampling.json"),
        ([*three, "--data", tmp_path], "no data set in"),
        ([*three, "--examples", "-1"], "--examples -1"),
    ):
        with pytest.raises(SystemExit) as stopped:
            compare.main([str(argument) for argument in runs])
        assert stopped.value.code == 2 and re.search(message, capsys.readouterr().err), message


def test_short_names_tell_folders_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folders, names in {
        ("runs/sft/eval", "runs/dpo/eval"): ["sft", "dpo"],
        ("runs/sft", "runs/sft/eval"): ["sft", "eval"],
        ("a/b/c", "a/d/c", "e/b/c"): ["a/b", "a/d", "e/b"],
        ("gs://bucket/x/eval", "y/eval"): None,
    }.items():
        found = compare.short_names(folders)
        assert len(set(found)) == len(folders) and all(found)
        assert names in (None, found)
