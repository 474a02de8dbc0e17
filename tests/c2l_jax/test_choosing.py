"""One answer of several: curves whose right values are known."""

import itertools
import math

import numpy as np
import pytest

from c2l_jax import choosing

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
    found = choosing.curves(questions, [np.asarray(s, float) for s in scores], **settings)
    return {point["n"]: point["accuracy"] for point in found[method]}


def perfect(questions):
    return [[1.0 if r["correct"] else -1.0 for r in q["responses"]] for q in questions]


def test_a_perfect_verifier_is_the_oracle():
    questions = [question("ABBB"), question("BBCC"), question("AAAB")]
    scores = perfect(questions)
    best = accuracies(questions, scores, "best")
    # By hand: at least one of N drawn from four is right.
    oracle = accuracies(questions, scores, "oracle")
    assert list(oracle.values()) == pytest.approx(
        [(1 / 4 + 0 + 3 / 4) / 3, (1 / 2 + 0 + 1) / 3, 2 / 3]
    )
    assert best == pytest.approx(oracle, abs=0.02) and best[4] == pytest.approx(oracle[4])
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
    same = choosing.same_answers(fill_in)
    assert same[:2, :2].all() and not same[2, :2].any() and not same[3].any() and same[2, 2]
    unread = question("??", options=[])
    assert not choosing.same_answers(unread).any()
    choice = question(["A", "red", "option A: red", "B", "purple"])
    same = choosing.same_answers(choice)
    assert same[:3, :3].all() and not same[3, :3].any() and same[3, 3] and not same[4].any()


def test_intervals_and_determinism():
    questions = [question("AB"), question("AB"), question("BB"), question("AA")]
    scores = perfect(questions)
    first, second = (
        choosing.curves(questions, [np.asarray(s) for s in scores], beta=1.0, subsets=7, seed=3)
        for _ in range(2)
    )
    assert first == second
    point = first["single"][0]
    deviation = np.std([0.5, 0.5, 0, 1], ddof=1)
    assert point["accuracy"] == 0.5
    assert point["high"] - point["low"] == pytest.approx(2 * 1.96 * deviation / 2)
    found = choosing.curves([question("AAAAAA")], subsets=2)
    assert found.keys() == {"single", "majority", "oracle"}
    assert [point["n"] for point in found["majority"]] == [1, 2, 4, 6]


@pytest.mark.parametrize(("n", "right"), [(5, 0), (5, 1), (6, 2), (7, 4), (4, 4)])
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(n, right):
    """And 1 - C(n - c, k) / C(n, k), equation 1 of arXiv 2107.03374."""
    right_n = np.arange(n) < right
    for k in range(1, n + 1):
        found = choosing.pass_at(right_n, k)
        drawn = [any(right_n[list(some)]) for some in itertools.combinations(range(n), k)]
        assert found == pytest.approx(np.mean(drawn))
        assert found == pytest.approx(1 - math.comb(n - right, k) / math.comb(n, k))


def test_scores_between_right_and_wrong_count_as_such():
    asked = question("ABC")
    for response, score in zip(asked["responses"], (0.2, 0.9, 0.4), strict=True):
        response["score"] = score
    found = choosing.curves([asked])
    assert [p["accuracy"] for p in found["oracle"]] == pytest.approx(
        [0.5, (0.9 + 0.4 + 0.9) / 3, 0.9]
    )
    assert [p["accuracy"] for p in found["single"]] == pytest.approx([0.5] * 3)
