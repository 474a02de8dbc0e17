"""Rhythm game: its boards, its rules, its reasoning and its picture."""

import collections
import re

import numpy as np
import pytest

from synth.draw import BLUE, GREEN, GREY
from synth.game import LEVELS, state_from_json
from synth.games import rhythm_game
from synth.games.rhythm_game import PINK, YELLOW, Rhythm, column_of, score
from synth.registry import find_game
from tests.synth.oracles.rhythm_game import points
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("rhythm_game")
TASKS = [task.name for task in GAME.tasks]


def column(marks: str) -> Rhythm:
    """A board of two columns, the right one empty."""
    return Rhythm(tuple(f"{mark}-" for mark in marks))


@pytest.mark.parametrize("task", TASKS)
def test_every_board_is_whole_snakes_and_blocks(task):
    """Published: no snake begins in the four highest rows."""
    heads = collections.Counter()
    for record in questions("rhythm_game", task, 60):
        board = state_from_json(GAME, record["state"])
        n_rows, n_cols = rhythm_game.SIZE[record["plot_level"]]
        assert len(board.rows) == n_rows and {len(row) for row in board.rows} == {n_cols}
        for col in range(1, n_cols + 1):
            marks = column_of(board, col)
            assert re.fullmatch("(-|C|R|HB{0,3}T)*", marks)
            heads.update(n_rows - at for at, mark in enumerate(marks) if mark == "H")
        share = 1 - "".join(board.rows).count("-") / (n_rows * n_cols)
        assert 0.449 < share < 0.851
    assert min(heads[height] for height in (2, 3, 4, 5)) > 0


def test_the_lower_half_and_the_upper_half_are_equally_full():
    rng = np.random.default_rng(0)
    halves = np.zeros(2)
    for _ in range(300):
        rows = GAME.new(rng, "Hard").rows
        halves += [sum(10 - row.count("-") for row in part) for part in (rows[:10], rows[10:])]
    assert abs(halves[0] / halves[1] - 1) < 0.02


def test_points():
    cases = {
        "C-C": (20, 20),
        "HT": (22, 22),
        "HBT": (39, 39),
        "HBBT": (60, 60),
        "HBBBT": (85, 85),
        "HTHT": (44, 44),
        "CR-": (25, 25),
        "CRC": (25, 25),
        "R": (15, 15),
    }
    for marks, (at_once, delayed) in cases.items():
        assert score(column(marks), 1, False) == at_once
        assert score(column(marks), 1, True) == delayed


def test_a_snake_entered_in_the_middle_or_at_a_row_not_hit_gives_nothing():
    entered = Rhythm(("RH", "-B", "-T", "-C"))
    assert [score(entered, col, False) for col in (1, 2)] == [25, 49]
    head_above = Rhythm(("R-", "-H", "-T", "-C"))
    assert score(head_above, 1, False) == 47 and score(head_above, 1, True) == 25
    twice = Rhythm(("R-", "-R", "C-"))
    assert score(twice, 1, False) == 40 and score(twice, 1, True) == 15


def test_two_simulations_agree_on_every_column():
    rng = np.random.default_rng(0)
    for level in LEVELS:
        for _ in range(20):
            board = GAME.new(rng, level)
            for col in range(1, len(board.rows[0]) + 1):
                for delay in (False, True):
                    other = points({"rows": board.rows}, col, delay)
                    assert score(board, col, delay) == other


@pytest.mark.parametrize("task", ["column_score", "column_score_delay"])
def test_the_steps_follow_the_finger(task):
    """Rows follow each other (one is left out after a delay), and every part is in the picture."""
    for record in questions("rhythm_game", task, 60):
        board = state_from_json(GAME, record["state"])
        _, params = state_and_params(record)
        row, col, total = 1, params["column"], 0
        for step in record["steps"][1:-2]:
            said = re.match(r"Column (\d) from row (\d+): ([A-Z-]+): (?:.* )?(\d+)\.$", step)
            assert (int(said[1]), int(said[2])) == (col, row)
            assert column_of(board, col).startswith(said[3], row - 1)
            total += int(said[4])
            row += len(said[3]) + (task == "column_score_delay")
            col = len(board.rows[0]) + 1 - col
        assert total == int(chosen(record))


def test_scores_are_offered_by_their_own_law():
    """Published: any number within 15 of the answer, most of them out of reach."""
    for task in ("column_score", "column_score_delay"):
        records = questions("rhythm_game", task, 150)
        ranks = [sorted(map(int, r["options"])).index(int(chosen(r))) for r in records]
        assert max(np.bincount(ranks, minlength=8)) < 0.2 * len(ranks)
        for record in records[:60]:
            state, _ = state_and_params(record)
            n_cols = len(state["rows"][0])
            scores = {str(points(state, col + 1, "delay" in task)) for col in range(n_cols)}
            assert len(scores.intersection(record["options"])) >= 4


def test_columns_are_best_equally_often_and_never_tie():
    """Published: several columns are best in 1 to 2 % of questions that ask for one."""
    for task in ("best_column", "best_column_delay"):
        records = questions("rhythm_game", task, 150)
        for at, level in enumerate(LEVELS):
            best = collections.Counter(chosen(record) for record in records[at::3])
            assert len(best) == rhythm_game.SIZE[level][1]
            assert max(best.values()) < 1.6 * 150 / len(best)
    tie = Rhythm(("CC", "--"))
    with pytest.raises(ValueError, match="several columns are best"):
        GAME.task("best_column").solve(tie)


def test_the_share_is_rounded():
    thirds = Rhythm(("C-C",))
    assert GAME.task("occupied_share").solve(thirds).answer == "0.667"
    assert GAME.task("occupied_share").solve(Rhythm(("C", "R"))).answer == "1.000"


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_state(size):
    kinds = {YELLOW: "C", GREEN: "R", PINK: "H", BLUE: "B", GREY: "T"}
    for record in questions("rhythm_game", "column_score", 6):
        board = state_from_json(GAME, record["state"])
        pixels = np.asarray(GAME.draw(board, size))
        assert pixels.shape == (size, size, 3)
        n_rows, n_cols = len(board.rows), len(board.rows[0])
        high = (size - size // 56) // (n_rows + 1)
        wide = min(2 * high, size // (n_cols + 1))
        top, left = (size - high * (n_rows + 1)) // 2, (size - wide * (n_cols + 1)) // 2
        seen = []
        for row in range(n_rows):
            y, marks = top + (n_rows - 1 - row) * high, ""
            for col in range(1, n_cols + 1):
                inside = pixels[y : y + high, left + col * wide : left + (col + 1) * wide]
                marks += next(
                    (
                        mark
                        for colour, mark in kinds.items()
                        if (inside == colour).all(2).sum() > 0.04 * high * wide
                    ),
                    "-",
                )
            seen.append(marks)
        assert tuple(seen) == board.rows
