import math

import numpy as np
import pytest

from c2l_jax.accuracy import GROUPS, blind, paired_difference, summarise, table, wilson
from records.errors import UserError

COLORS = ["red", "blue", "white"]


def make_record(number, task="cell_color", options=COLORS, answer="A", **changes):
    return {
        "id": str(number),
        "game": "tictactoe",
        "task": task,
        "qa_type": "Target Perception",
        "qa_level": "Easy",
        "plot_level": "Medium",
        "split_kind": "in_domain",
        "category": "Planning",
        "options": options,
        "answer": answer,
        **changes,
    }


def make_row(number, correct, extracted="A", **changes):
    judged = {"response": "", "extracted": extracted, "correct": correct}
    return {**make_record(number, **changes), **judged}


@pytest.mark.parametrize("count", [1, 2, 7, 50, 1000])
def test_wilson_ends_are_where_the_normal_test_stops_rejecting(count):
    """The interval is by definition {p: |share - p| <= z sqrt(p (1 - p) / n)}."""
    for correct in {0, 1, count // 3, count}:
        low, high = wilson(correct, count)
        assert 0 <= low <= correct / count <= high <= 1
        for end in (low, high):
            if 1e-12 < end < 1 - 1e-12:  # else the proportion itself is at the end
                reach = 1.959963984540054 * math.sqrt(end * (1 - end) / count)
                assert abs(correct / count - end) == pytest.approx(reach, rel=1e-9)


def test_wilson_known_values_and_symmetry():
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, table I
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)  # the same table
    low, high = wilson(3, 10)
    assert wilson(7, 10) == pytest.approx((1 - high, 1 - low))
    with pytest.raises(ValueError, match="at least one"):
        wilson(0, 0)


def test_summarise_counts_every_row_once_in_each_breakdown():
    rows = [
        make_row(0, True),
        make_row(1, False, qa_level="Hard"),
        make_row(2, False, extracted=None, plot_level="Easy", task="best_move"),
        make_row(3, True, game="maze", task="best_move", qa_type="State Prediction"),
        make_row(4, True, game="", qa_level="", split_kind="", category="Planning"),
    ]
    summary = summarise(rows)
    overall = summary["overall"]
    assert (overall["accuracy"], overall["correct"], overall["count"]) == (0.6, 3, 5)
    assert (overall["unanswered"], overall["unread"]) == (1, 1 / 5)
    assert (overall["low"], overall["high"]) == wilson(3, 5)
    assert list(summary["by_task"]) == [
        "tictactoe/cell_color", "tictactoe/best_move", "maze/best_move", "cell_color",
    ]  # fmt: skip
    assert list(summary["by_level"]) == ["Easy x Easy", "Easy x Medium", "Hard x Medium"]
    assert summary["by_task"]["tictactoe/best_move"]["unanswered"] == 1
    assert summary["by_game"]["maze"]["accuracy"] == 1.0
    assert list(summary["by_category"]) == ["in_domain x Planning"]
    assert list(summary["by_qa_type_and_level"]) == [
        "State Prediction x Medium", "Target Perception x Easy", "Target Perception x Medium",
    ]  # fmt: skip
    untold = {name: 1 for name in ("by_game", "by_domain", "by_category", "by_level")}
    for name in GROUPS:
        cells = summary[name].values()
        assert sum(cell["count"] for cell in cells) == 5 - untold.get(name, 0)
        assert sum(cell["correct"] for cell in cells) == 3 - untold.get(name, 0)
        assert sum(cell["unanswered"] for cell in cells) == 1
    with pytest.raises(UserError, match="no judged response"):
        summarise([])


def test_what_could_not_be_read_is_not_right_and_told_apart():
    rows = [make_row(i, i < 2) for i in range(3)]
    rows += [make_row(3, False, read=False), make_row(4, False, extracted=None)]
    cell = summarise(rows)["overall"]
    assert (cell["accuracy"], cell["unanswered"], cell["unread"]) == (2 / 5, 1, 2 / 5)
    overall = next(x for x in table(summarise(rows)).splitlines() if x.startswith("overall"))
    assert overall.split()[-2:] == ["40.0", "%"]


def test_scores_and_several_responses_to_a_question_are_averaged():
    rows = [make_row(0, False, score=0.75), make_row(1, True), make_row(2, False)]
    cell = summarise(rows)["overall"]
    assert (cell["accuracy"], cell["correct"], cell["count"]) == (1.75 / 3, 1, 3)
    assert (cell["low"], cell["high"]) == wilson(1.75, 3)
    twice = [make_row(i // 2, i < 3, extracted=None if i == 5 else "A") for i in range(6)]
    cell = summarise(twice, n=2)["overall"]
    assert (cell["accuracy"], cell["correct"], cell["count"]) == (0.5, 1.5, 3)
    assert (cell["unanswered"], cell["unread"]) == (0.5, 1 / 6)
    assert (cell["low"], cell["high"]) == wilson(1.5, 3)


def test_blind_takes_the_letter_or_the_text_whichever_serves_better():
    shifted = [COLORS[k:] + COLORS[:k] for k in range(3)]
    # The answer is always "red", at every letter equally often: only the text gives it away.
    by_text = [make_record(i, options=shifted[i % 3], answer="ACB"[i % 3]) for i in range(30)]
    assert blind(by_text, by_text)["overall"]["accuracy"] == 1.0
    # The answer is always A, whatever stands there: only the letter gives it away.
    by_letter = [make_record(i, options=shifted[i % 3], answer="A") for i in range(30)]
    assert blind(by_letter, by_letter)["overall"]["accuracy"] == 1.0
    # Neither helps: chance.
    exchangeable = [
        make_record(0, options=options, answer=letter) for options in shifted for letter in "ABC"
    ]
    assert blind(exchangeable, exchangeable)["overall"]["accuracy"] == pytest.approx(1 / 3)


def test_blind_falls_back_on_the_letter_where_the_text_is_not_listed():
    # "red" is right in 5 of 7, the letter B in 4 of 7; the test record does not list "red".
    train = [make_record(0, answer="A")] * 3 + [make_record(1, answer="B")] * 2
    train += [make_record(2, options=["green", "red", "blue"], answer="B")] * 2
    test = [make_record(3, options=["green", "blue", "white"], answer="B")]
    assert blind(train, test)["overall"]["correct"] == 1


def test_blind_learns_from_the_train_records_and_fill_ins_by_value():
    train = [make_record(i, "turn_count", [], "7" if i < 6 else "8") for i in range(10)]
    test = [make_record(i, "turn_count", [], "7.0" if i < 2 else "8") for i in range(10)]
    summary = blind(train, test)
    assert summary["by_task"]["tictactoe/turn_count"]["correct"] == 2
    assert summary["overall"]["unanswered"] == 0


def test_blind_refuses_a_task_it_has_not_seen():
    with pytest.raises(UserError, match="no train record of tictactoe/turn_count"):
        blind([make_record(0)], [make_record(1, "turn_count", [], "7")])


def test_table_is_aligned_and_tells_every_cell():
    rows = [make_row(i, i % 3 == 0, task=f"task_{i % 2}") for i in range(2500)]
    summary = summarise(rows)
    lines = table(summary).splitlines()
    assert len({len(line) for line in lines}) == 1
    low, high = wilson(834, 2500)
    overall = next(line for line in lines if line.startswith("overall"))
    assert overall.split()[1:] == ["33.4", "%", f"{100 * low:.1f}", "–", f"{100 * high:.1f}",
                                   "2500", "0", "0.0", "%"]  # fmt: skip
    for name in ("tictactoe/task_0", "tictactoe/task_1", "Target Perception", "Easy x Medium"):
        assert any(line.startswith(name) for line in lines)


def test_paired_difference_counts_changes_and_has_the_published_interval():
    """Adjusted Wald for matched pairs: b + 1/2 and c + 1/2 of N + 2 (Agresti and Min 2005)."""
    first = [True] * 60 + [False] * 40
    second = [True] * 50 + [False] * 10 + [True] * 25 + [False] * 15
    found = paired_difference(first, second)
    assert (found["fixed"], found["broken"], found["count"]) == (25, 10, 100)
    assert found["difference"] == pytest.approx(0.15)
    middle, half = 15 / 102, 1.959964 * math.sqrt(36 - 15**2 / 102) / 102
    # Ours is wider by a factor that groups need, of less than sqrt(100 / 99).
    assert middle - half * math.sqrt(100 / 99) < found["low"] < middle - half
    assert middle + half < found["high"] < middle + half * math.sqrt(100 / 99)
    opposite = paired_difference(second, first)
    assert opposite["difference"] == -found["difference"]
    assert (opposite["low"], opposite["high"]) == (-found["high"], -found["low"])


def test_paired_difference_covers_the_truth_also_where_questions_come_in_groups():
    rng = np.random.default_rng(0)
    covered = {"grouped": 0, "alone": 0}
    for _ in range(400):
        groups = np.repeat(np.arange(80), 5)
        rate = rng.choice([0.2, 0.9], size=80)[groups]  # the second model knows a position or not
        first, second = rng.random(400) < 0.4, rng.random(400) < rate
        for name, of in (("grouped", list(groups)), ("alone", None)):
            found = paired_difference(first, second, of)
            covered[name] += found["low"] <= 0.55 - 0.4 <= found["high"]
    assert 0.92 < covered["grouped"] / 400 < 0.98
    assert covered["alone"] / 400 < 0.9


def test_paired_difference_stays_a_difference_of_shares():
    """And a few questions make nothing certain."""
    one = paired_difference([False], [True])
    assert one["difference"] == one["high"] == 1.0 and one["low"] < 0
    same = paired_difference([True, False], [True, False])
    assert same["difference"] == 0 and same["low"] == -same["high"] < -0.4
    better, worse = (paired_difference(*each)["difference"] for each in (([0.5], [0.75]),
                     ([0.75], [0.5])))  # fmt: skip
    assert (better, worse) == (0.25, -0.25)
    with pytest.raises(ValueError, match="question"):
        paired_difference([], [])
