"""Ultra tic-tac-toe: legal positions, even answers, reasoning and picture."""

import collections
import re

import numpy as np
import pytest

from synth.draw import SLATE
from synth.game import LEVELS, state_from_json
from synth.registry import find_game
from tests.synth.oracles.ultra_tictactoe import MARK, points
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("ultra_tictactoe")
TASKS = [task.name for task in GAME.tasks]


def trail_end(grids, without=()):
    """Where a course of play with these marks ends, as (small grid, mark that is next).

    A mark leads from its small grid, at its player's turn, to the one of its place, at the other's.
    All can be written one after the other exactly if they hang together and every small grid is
    left as often as it is reached, but for start and end. None if they cannot.
    """
    edges = [
        ((grid, mark), (place, "XO"[mark == "X"]))
        for grid, marks in enumerate(grids)
        for place, mark in enumerate(marks)
        if mark != "-" and (grid, place) != without
    ]
    surplus, seen, size = collections.Counter([(4, "X")]), {(4, "X")}, 0
    for start, end in edges:
        surplus[end] += 1
        surplus[start] -= 1
    while len(seen) > size:
        size = len(seen)
        seen |= {end for start, end in edges if start in seen}
    ends = [at for at, more in surplus.items() if more]
    legal = len(ends) == 1 and surplus[ends[0]] == 1 and all(start in seen for start, _ in edges)
    return ends[0] if legal else None


@pytest.mark.parametrize("task", TASKS)
def test_positions_come_up_in_a_game_that_goes_on(task):
    for record in questions("ultra_tictactoe", task, 25):
        state, params = state_and_params(record)
        grids, last = state["grids"], state["last"]
        grid, mark = trail_end(grids)
        assert "-" in grids[grid]
        if "player" in params and task == "infer_next_grid":
            assert MARK[params["player"]] == mark and not last
            continue
        i, j, row, col = last
        at, place = 3 * i + j, 3 * row + col
        assert place == grid and grids[at][place] != mark
        assert trail_end(grids, without=(at, place)) == (at, grids[at][place])


@pytest.mark.parametrize(
    ("task", "values"),
    [
        ("free_cells_next_grid", range(1, 10)),
        ("marked_centers", range(9)),
        ("points_in_grid", range(6)),
    ],
)
def test_all_counts_are_equally_likely_at_every_level(task, values):
    for level in LEVELS:
        records = [r for r in questions("ultra_tictactoe", task, 150) if r["plot_level"] == level]
        counts = collections.Counter(int(chosen(record)) for record in records)
        assert sorted(counts) == list(values)
        assert max(counts.values()) < 2 * len(records) / len(values)


def test_the_best_cell_may_be_any_and_often_is_not_the_only_one_with_points():
    rivals, answers = 0, collections.Counter()
    for record in questions("ultra_tictactoe", "best_scoring_cell", 150):
        state, _ = state_and_params(record)
        i, j, row, col = map(int, re.findall(r"\d", record["answer"]))
        marks = state["grids"][3 * i + j]
        _, mark = trail_end(state["grids"])
        gain = {
            at: points(marks[:at] + mark + marks[at + 1 :], mark) - points(marks, mark)
            for at in range(9)
            if marks[at] == "-"
        }
        told = re.search(r"Most points, (\d),", record["steps"][-1])[1]
        assert gain[3 * row + col] == int(told) == max(gain.values()) > 0
        rivals += sum(more > 0 for more in gain.values()) > 1
        answers[record["answer"]] += 1
    assert 0.4 < rivals / answers.total() < 0.6
    assert len(answers) > 75 and max(answers.values()) < 20


def test_steps_on_the_next_small_grid_state_facts():
    for record in questions("ultra_tictactoe", "infer_next_grid", 25):
        state, params = state_and_params(record)
        mine = MARK[params["player"]]
        theirs = "XO"[mine == "X"]
        _, led, answered, _, _ = record["steps"]
        numbers = [
            list(map(int, re.findall(r"\d", step.split(": ")[-1]))) for step in (led, answered)
        ]
        answers = [marks.count(mine) for marks in state["grids"]]
        answers[4] -= mine == "X"
        leads = [sum(marks[at] == theirs for marks in state["grids"]) for at in range(9)]
        assert numbers == [leads, answers]


@pytest.mark.parametrize("size", [112, 224, 448])
@pytest.mark.parametrize("task", ["cell_owner", "infer_next_grid"])
def test_the_picture_shows_the_state(task, size):
    for record in questions("ultra_tictactoe", task, 3):
        board = state_from_json(GAME, record["state"])
        pixels = np.asarray(GAME.draw(board, size))
        lines = (pixels == SLATE).all(2)
        rows, cols = (starts(lines.mean(axis) > 0.6) for axis in (1, 0))
        for grid, marks in enumerate(board.grids):
            for place, mark in enumerate(marks):
                (i, row), (j, col) = zip(divmod(grid, 3), divmod(place, 3), strict=True)
                top, left = rows[4 * i + row], cols[4 * j + col]
                bottom, right = rows[4 * i + row + 1], cols[4 * j + col + 1]
                red, green, blue = pixels[top : bottom + 1, left : right + 1].astype(int).T
                seen = "X" * bool((red - green > 80).any()) + "O" * bool((blue - red > 80).any())
                assert (seen or "-") == mark
                framed = (red + green + blue == 0).sum() > 3 * (bottom - top)
                assert framed == ((i, j, row, col) == board.last)


def starts(is_line):
    """Where the lines begin: four for each of three small grids."""
    at = np.nonzero(is_line & ~np.roll(is_line, 1))[0]
    assert len(at) == 12
    return at
