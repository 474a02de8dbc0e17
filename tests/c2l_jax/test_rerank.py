"""Reranking: curves whose right values are known, and the command."""

import json
import shutil

import numpy as np
import pytest

from c2l_jax import rerank
from c2l_jax.data.processor import Processor

OPTIONS = ["red", "green", "blue"]


def question(letters: str, answer: str = "A", options=OPTIONS) -> dict:
    """One response a character; "-" gave no answer, "?" one that could not be read."""
    responses = [
        {"extracted": None if a == "-" else a, "correct": a == answer, "text": a, "ended": True}
        | ({"read": False} if a == "?" else {})
        for a in letters
    ]
    return {"id": letters, "options": options, "answer": answer, "responses": responses}


def accuracies(questions, scores, method, **options):
    settings = {"beta": 1.0, "subsets": 2000, "seed": 0} | options
    found = rerank.curves(questions, [np.asarray(s, float) for s in scores], **settings)
    return {point["n"]: point["accuracy"] for point in found[method]}


def perfect(questions):
    return [[1.0 if r["correct"] else -1.0 for r in q["responses"]] for q in questions]


def test_a_perfect_verifier_is_the_oracle():
    questions = [question("ABBB"), question("BBCC"), question("AAAB")]
    scores = perfect(questions)
    best = accuracies(questions, scores, "best")
    assert best == accuracies(questions, scores, "oracle")
    # By hand: at least one of N drawn from four is right.
    assert best[1] == pytest.approx((1 / 4 + 0 + 3 / 4) / 3, abs=0.02)
    assert best[2] == pytest.approx((1 / 2 + 0 + 1) / 3, abs=0.02)
    assert best[4] == pytest.approx(2 / 3)
    # Votes of a hundred to one decide as the verifier does.
    assert accuracies(questions, scores, "weighted", beta=5.0)[4] == pytest.approx(2 / 3)
    assert accuracies(questions, scores, "majority")[4] == pytest.approx(1 / 3)
    assert accuracies(questions, scores, "single") == {n: pytest.approx(1 / 3) for n in (1, 2, 4)}


def test_a_verifier_that_is_always_wrong():
    questions = [question("ABBB"), question("AAAB")]
    scores = [[-s for s in score] for score in perfect(questions)]
    assert accuracies(questions, scores, "best")[4] == 0


@pytest.mark.parametrize(
    ("letters", "score", "beta", "right"),
    [
        ("AABBB", [0, 0, 0, 0, 0], 1.0, 0),  # equal weights: the majority
        ("AABBB", [0.5, 0.5, 0, 0, 0], 1.0, 1),  # 2 e^0.5 > 3
        ("AABBB", [0.3, 0.3, 0, 0, 0], 1.0, 0),  # 2 e^0.3 < 3
        ("AABBB", [0.3, 0.3, 0, 0, 0], 2.0, 1),
        ("A----", [-9, 0, 0, 0, 0], 1.0, 1),  # no answer, no vote
        ("A----", [-9, 0, 0, 0, 0], 0.0, 1),
        ("A????", [-9, 0, 0, 0, 0], 1.0, 1),  # nor for an answer that can't be read
    ],
)
def test_weighted_votes(letters, score, beta, right):
    assert accuracies([question(letters)], [score], "weighted", beta=beta)[5] == right


def test_answers_are_compared_by_value():
    fill_in = question(["(3, 5)", "row 3, column 5", "(5, 3)", "-"], answer="(3, 5)", options=[])
    same = rerank.same_answers(fill_in)
    assert same[:2, :2].all() and not same[2, :2].any() and not same[3].any() and same[2, 2]
    unread = question("??", options=[])
    assert not rerank.same_answers(unread).any()
    choice = question(["A", "red", "option A: red", "B", "purple"])
    same = rerank.same_answers(choice)
    assert same[:3, :3].all() and not same[3, :3].any() and same[3, 3] and not same[4].any()


def test_intervals_and_determinism():
    questions = [question("AB"), question("AB"), question("BB"), question("AA")]
    scores = perfect(questions)
    first, second = (
        rerank.curves(questions, [np.asarray(s) for s in scores], beta=1.0, subsets=7, seed=3)
        for _ in range(2)
    )
    assert first == second
    point = first["single"][0]
    deviation = np.std([0.5, 0.5, 0, 1], ddof=1)
    assert point["accuracy"] == 0.5
    assert point["high"] - point["low"] == pytest.approx(2 * 1.96 * deviation / 2)
    assert [p["n"] for p in rerank.curves([question("AAAAAA")], [np.zeros(6)], beta=1.0, subsets=2,
            seed=0)["best"]] == [1, 2, 4, 6]  # fmt: skip


def test_the_command(responses, model_dir, finished_run, tmp_path, capsys):
    run, _ = finished_run
    models = ["--policy", str(run), "--reference", str(model_dir)]
    out = tmp_path / "out"
    rerank.main(["--responses", str(responses), *models, "--out", str(out), "--subsets", "16"])
    result = json.loads((out / "rerank.json").read_text())
    assert [p["n"] for p in result["curves"]["best"]] == [1, 2, 4]
    assert result["curves"]["single"][0]["accuracy"] == 0.5
    assert "weighted" in capsys.readouterr().out and any(out.glob("events.out.tfevents.*"))
    asked = [json.loads(line) for line in (responses / "responses.jsonl").read_text().splitlines()]
    texts = [r for question in asked for r in question["responses"]]
    lines = [json.loads(line) for line in (out / "scores.jsonl").read_text().splitlines()]
    assert len(lines) == len(texts)
    for line, response in zip(lines, texts, strict=True):
        assert "".join(line["tokens"]) == response["text"] + "<|im_end|>" * response["ended"]
        assert len(line["tokens"]) == len(line["log_ratios"])
        assert (line["read"], line["correct"]) == (response["read"], response["correct"])
        assert line["score"] == pytest.approx(sum(line["log_ratios"]), abs=1e-2)
    # The policy was taught the records' own chains, which are the right responses here.
    right = [line["score"] for line in lines if line["correct"]]
    wrong = [line["score"] for line in lines if not line["correct"]]
    assert np.mean(right) > np.mean(wrong) and np.mean(right) > 0 and min(map(abs, right)) > 0


def test_models_of_different_tokenisers_are_refused(responses, model_dir, tmp_path, capsys):
    policy = shutil.copytree(model_dir, tmp_path / "policy")
    tokenizer = json.loads((policy / "tokenizer.json").read_text())
    tokenizer["model"]["merges"].pop()
    (policy / "tokenizer.json").write_text(json.dumps(tokenizer))
    models = ["--policy", str(policy), "--reference", str(model_dir)]
    with pytest.raises(SystemExit):
        rerank.main(["--responses", str(responses), *models, "--out", str(tmp_path / "out")])
    assert "different tokenisers" in capsys.readouterr().err


def test_token_texts_give_the_text_back(model_dir):
    processor = Processor(model_dir)
    text = "  Zelle (3, 5) ist rot, naïve 中.\n\n### Answer: C "
    tokens, _ = processor.response_and_starts(text)
    pieces = rerank.token_texts(processor, text, len(tokens))
    assert len(pieces) == len(tokens) and "".join(pieces) == text + "<|im_end|>"
    assert "".join(rerank.token_texts(processor, text, len(tokens) - 1)) == text
