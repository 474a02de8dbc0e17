"""Measures: against published values, by what they are chosen, and in the command."""

import json
import sys

import pytest

from c2l_jax import evaluate, evaluators
from c2l_jax.answers import stated
from c2l_jax.evaluators import anls, circular, exact, relaxed, vqa
from c2l_jax.responses import KEPT, read_responses
from records.errors import UserError
from records.reading import open_split
from tests.records.exchanged import picture, take, write_lines


def record(answer: str, *others: str, options=()) -> dict:
    params = json.dumps({"answers": [answer, *others]} if others else {})
    return {"answer": answer, "options": list(options), "params": params}


# ------------------------------------------------------------------------------- values of measures


@pytest.mark.parametrize(
    ("answer", "accepted", "score"),
    [  # what relaxed_correctness of pix2struct and lmms-eval gives
        ("100", "105", 1),  # off by 4.8 %
        ("95", "100", 1),
        ("94.9", "100", 0),
        ("-95", "-100", 1),
        ("95", "-95", 0),
        ("12%", "12", 0),
        ("12%", "0.12", 1),
        ("12.5%", "12%", 1),
        ("0", "0", 1),
        ("0.0", "0", 0),  # nothing is within 5 % of 0: as texts
        ("0.01", "0", 0),
        ("2020", "1999", 1),
        ("1,200", "1200", 0),
        ("1,200", "1,200", 1),
        ("Yes", "yes", 1),
        ("light blue", "blue", 0),
        ("7 dollars", "7", 0),
        ("nan", "nan", 1),
    ],
)
def test_relaxed_accuracy(answer, accepted, score):
    assert relaxed.relaxed_accuracy(answer, [accepted]) == score


@pytest.mark.parametrize(
    ("answer", "accepted", "score"),
    [
        # "Hello Wrld" for "Hello World", of the README of anls_star.
        ("Hello Wrld", ["Hello World"], 1 - 1 / 11),
        ("kitten", ["sitting"], 1 - 3 / 7),  # Wikipedia's example of the distance
        ("saturday", ["Sunday"], 1 - 3 / 8),
        ("ab", ["ax"], 0.5),  # the official script keeps what is not below the threshold
        ("abc", ["axy"], 0),
        ("  New   YORK\n", ["new york"], 1),
        ("ann", ["Bob", "Anna"], 0.75),
        ("", ["x"], 0),
        ("", [""], 1),
    ],
)
def test_anls(answer, accepted, score):
    assert anls.anls(answer, accepted) == pytest.approx(score)


@pytest.mark.parametrize(("agree", "score"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (9, 1)])
def test_vqa_accuracy_by_those_who_agree_of_ten(agree, score):
    """0, 0.3, 0.6, 0.9, 1: as published for VQA (visualqa.org/evaluation)."""
    people = ["nokia"] * agree + [f"other {i}" for i in range(10 - agree)]
    assert vqa.vqa_accuracy("Nokia", people) == pytest.approx(score)


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [  # by the answer processing of TextVQA's evaluation code
        ("The two dogs", "2 dogs", True),
        ("none", "0", True),
        ("eleven", "11", False),
        ("dont walk", "Don't walk.", True),
        ("whats", "what's", False),
        ("1,000", "1000", True),
        ("3.5", "35", False),
        ("U.S.", "us", True),
        ("(red)", "red", True),
        ("coca-cola", "coca cola", True),
        ("x - y", "x y", True),
        ("x/y", "xy", False),
        ("stop!", "STOP", True),
        ("a\nb", "b", True),
    ],
)
def test_vqa_answers_that_are_alike(first, second, alike):
    assert (vqa.vqa_accuracy(first, [second] * 10) == 1) == alike
    assert vqa.vqa_accuracy(first, [second]) == alike


def test_exact_match():
    assert exact.exact_match(" New  york", ["x", "New York"]) == 1
    assert exact.exact_match("New York.", ["New York"]) == 0


def test_formulas_are_compared_as_formulas():
    """Equal and unequal ones, of the README of math-verify and of MathVision's kinds."""
    from c2l_jax.evaluators import mathematics

    cases = [
        (r"\frac{1}{2}", "0.5", True),
        (r"2\sqrt{2}", r"\sqrt{8}", True),
        (r"\{1,3\} \cup \{2,4\}", r"\{1,2,3,4\}", True),
        (r"\frac{1}{3}", "0.5", False),
        ("x^2+2x+1", "(x+1)^2", True),
        (r"x^2", r"2x", False),
        ("7", "seven", True),  # by the rules
    ]
    for answer, said, equal in cases:
        (found,) = mathematics.judge([record(answer)], [f"So it is.\n\n### Answer: {said}"])
        assert found.correct == equal, (answer, said)
    (choice,) = mathematics.judge([record("B", options=["1", "2"])], ["### Answer: B"])
    assert choice.correct and choice.score is None


def test_a_missing_package_is_told(monkeypatch):
    monkeypatch.delitem(sys.modules, "c2l_jax.evaluators.mathematics", raising=False)
    monkeypatch.setitem(sys.modules, "math_verify", None)
    with pytest.raises(UserError, match=r"pip install 'c2l-jax\[math\]'"):
        evaluators.named("mathematics")


# ------------------------------------------------------------------------------------------ judges


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("Johnson & Co., Inc.", "Johnson & Co., Inc."),  # directly, word for word
        ("$1,234.50", "$1,234.50"),
        ("It is small.\nSo.\n\n### Answer: the U.S.", "the U.S."),
        ("### Answer: 3\nWait.\n### Answer: 12%\n", "12%"),
        ("One line of reasoning. The answer is 42.", "42"),
        ("<think>No: 3</think>Paris<|im_end|>", "Paris"),
        ("First, there are two.\nThen, one more leaves without", None),
        ("Reason.\n\n### Answer:", None),
        ("", None),
    ],
)
def test_answers_are_read_as_both_prompts_have_them_written(response, answer):
    assert stated(response) == answer


def test_judges_score_every_accepted_answer_in_parts():
    records = [record("Anna", "Bob"), record("7"), record("B", options=["x", "y"])]
    responses = ["### Answer: Ann", "Seven, or eight\nor", "So.\n\n### Answer: B"]
    found = anls.judge(records, responses)
    assert [verdict.extracted for verdict in found] == ["Ann", None, "B"]
    assert [verdict.correct for verdict in found] == [False, False, True]
    assert found[0].fields()["score"] == 0.75 and found[0].read
    assert "score" not in found[1].fields() | found[2].fields()
    (whole,) = anls.judge(records[:1], ["Bob’s"[:3]])
    assert whole.correct and whole.score is None


def test_the_benchmark_chooses_its_measure(dataset, tmp_path):
    rows = [{"question": "Who?", "answer": "Ann", "image": "a.png"}]
    (tmp_path / "a.png").write_bytes(picture())
    lines = write_lines(tmp_path / "test.jsonl", rows)
    take("jsonl", lines, tmp_path / "own", name="docvqa")
    assert evaluators.name_for(tmp_path / "own") == evaluators.name_for(dataset) == "games"
    told = tmp_path / "own" / "imported" / "1.0.0" / "metadata.json"
    for format, preset, name, measure in (
        ("hf", "textvqa", "mine", "vqa"),
        ("hf", "mathvista", "mathvista", "games"),
        ("hf", None, "chartqa", "games"),
        ("vlmevalkit", None, "DocVQA_VAL", "anls"),
        ("vlmevalkit", None, "MMBench_DEV_EN", "circular"),
    ):
        options = {"preset": preset, "name": name}
        told.write_text(json.dumps({"format": format, "options": options}))
        assert evaluators.name_for(tmp_path / "own") == measure
    for name in evaluators.EVALUATORS.keys() - {"mathematics"}:
        assert callable(evaluators.named(name).judge)
    with pytest.raises(UserError, match="--evaluator 'anl' must be one of games, circular"):
        evaluators.named("anl")


# ------------------------------------------------------------------------------------- the command


def test_all_rotations_must_be_right(model_that_says_a, dataset, tmp_path, capsys):
    """A model that likes one letter is right in one rotation of n, and so never in all."""
    asked = {"model": model_that_says_a, "data": dataset, "max_tokens": 16, "rows": 8}
    asked |= {"tasks": "position", "limit": 4}
    found = evaluate.evaluate(**asked, out=tmp_path, evaluator="circular")
    records = [r for r in open_split(dataset, "test") if "position" in r["task"]][:4]
    lines = read_responses(tmp_path)[1]
    assert len(lines) == sum(len(record["options"]) for record in records)
    assert found["overall"]["count"] == len(records) and found["overall"]["correct"] == 0
    plain = len(records) / len(lines)
    assert found["figures"] == {"each rotation by itself": pytest.approx(plain)}
    assert f"each rotation by itself: {100 * plain:.1f} %" in capsys.readouterr().out
    first = lines[: len(records[0]["options"])]
    assert [line["id"] for line in first[1:]] == [
        f"{records[0]['id']}, rotated by {by}" for by in range(1, len(first))
    ]
    right = {line["options"][ord(line["answer"]) - ord("A")] for line in first}
    assert len(right) == 1 and len({line["answer"] for line in first}) == len(first)


def line(letters: str, **told) -> dict:
    """Of responses.jsonl; "A" is right."""
    responses = [{"extracted": a, "correct": a == "A", "read": True} for a in letters]
    kept = dict.fromkeys(KEPT, "") | {"options": ["x", "y"]}
    return kept | {"responses": responses} | told


def test_worst_rotation_counts():
    lines = [
        *(line("AB", id="1"), line("AA", id="1, rotated by 1")),
        *(line("AA", id="2"), line("BB", id="2, rotated by 1")),
        line("A?", id="3", options=[]),
    ]
    found = circular.summarise(lines)
    assert (found["overall"]["accuracy"], found["overall"]["count"]) == ((1 + 0 + 1) / 6, 3)
    assert found["figures"] == {"each rotation by itself": 0.6}


def test_several_responses_have_mean_majority_and_pass_at_k(
    model_that_says_a, dataset, tmp_path, capsys
):
    arguments = ["--model", model_that_says_a, "--data", dataset, "--out", tmp_path, "--n", 4]
    arguments += ["--temperature", 9, "--tasks", "position|move", "--limit", 8, "--rows", 8]
    evaluate.main([str(each) for each in (*arguments, "--max-tokens", 8)])
    found = json.loads((tmp_path / "evaluation.json").read_text())
    settings, lines = read_responses(tmp_path)
    right = [[response["correct"] for response in line["responses"]] for line in lines]
    assert settings["temperature"] == found["temperature"] == 9
    assert {len(line["responses"]) for line in lines} == {found["n"]} == {4}
    assert len({r["text"] for line in lines for r in line["responses"]}) > 1
    assert found["overall"]["count"] == 8
    assert found["overall"]["accuracy"] == pytest.approx(sum(map(sum, right)) / 32)
    curves = {name: [p["accuracy"] for p in points] for name, points in found["curves"].items()}
    assert curves["mean"] == pytest.approx([found["overall"]["accuracy"]] * 3)
    assert curves["pass"][0] == pytest.approx(curves["mean"][0])
    assert curves["pass"][-1] == pytest.approx(sum(map(any, right)) / 8)
    assert 0 < curves["mean"][-1] < curves["pass"][-1] < 1
    assert curves.keys() == {"mean", "majority", "pass"}
    heading, *points = capsys.readouterr().out.splitlines()[-4:]
    assert heading.split() == ["N", "mean", "majority", "pass"]
    assert [point.split()[0] for point in points] == ["1", "2", "4"]


def test_figures_of_games_are_means_of_categories():
    """As in table 5 of Game-RL: 0.5 of two, and 1 of one, are 0.75 on average."""
    lines = [
        line("A", category="Strategic Planning", split_kind="in_domain"),
        line("B", category="Strategic Planning", split_kind="in_domain"),
        line("A", category="Multi-step Reasoning", split_kind="in_domain"),
        line("B", category="Multi-step Reasoning", split_kind="out_of_domain"),
        line("A"),
    ]
    found = evaluators.named("games").summarise(lines)
    assert found["figures"] == {
        "mean of categories, in_domain": 0.75,
        "mean of categories, out_of_domain": 0,
    }
    assert found["by_domain"]["in_domain"]["accuracy"] == pytest.approx(2 / 3)
    assert found["overall"]["accuracy"] == 3 / 5
