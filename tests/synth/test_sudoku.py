"""Sudoku: one solution, three real steps, even answers, and the picture."""

import collections
import json

import numpy as np
import pytest

from synth.game import LEVELS, state_from_json
from synth.games.sudoku import COLOURS
from synth.registry import find_game
from tests.synth.oracles.sudoku import around, solutions
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("sudoku")
TASKS = [task.name for task in GAME.tasks]


@pytest.mark.parametrize("task", TASKS)
def test_there_is_one_solution(task):
    for record in questions("sudoku", task, 25):
        assert len(solutions(json.loads(record["state"])["rows"])) == 1


def test_full_boards_are_varied():
    """Boards made from one pattern by exchanging lines would repeat triples of colours."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        (full,) = solutions(GAME.new(rng, "Medium").rows)
        assert len({frozenset(row[at : at + 3]) for row in full for at in (0, 3, 6)}) > 12


def test_both_cells_are_needed():
    """The target is open with either cell filled in alone, and closed with both."""
    for record in questions("sudoku", "deduce_after_two", 100):
        state, params = state_and_params(record)
        (first, second), target = params["first"], params["target"]
        full = solutions(state["rows"])[0]

        def left(cell, *filled, rows=state["rows"], full=full):
            board = [list(row) for row in rows]
            for row, col in filled:
                board[row][col] = full[row][col]
            return len(board) - len(around(["".join(row) for row in board], *cell))

        assert left(first) == left(second, first) == left(target, first, second) == 1
        assert left(target, first) > 1
        if left(second) == 1:
            assert left(target, second) > 1


@pytest.mark.parametrize(
    ("task", "at_most"),
    [("color_count", (0.3, 0.2, 0.2)), ("candidate_count", (0.45, 0.37, 0.3))],
)
def test_answers_are_even(task, at_most):
    for level, most in zip(LEVELS, at_most, strict=True):
        answers = [chosen(r) for r in questions("sudoku", task, 150) if r["plot_level"] == level]
        ((_, count),) = collections.Counter(answers).most_common(1)
        assert count < most * len(answers)


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_state(size):
    marks = {colour: mark for mark, (_, colour) in COLOURS.items()} | {(255, 255, 255): "-"}
    for record in questions("sudoku", "color_count", 3):
        board = state_from_json(GAME, record["state"])
        pixels, n = np.asarray(GAME.draw(board, size)), len(board.rows)
        rows, cols = np.nonzero((pixels != 255).any(2))
        bottom, right = rows.max(), cols.max()  # the thick frame
        cell = (size - 1.15 * min(0.09 * size, 0.75 * size / (n + 0.9))) // n
        for row in range(n):
            for col in range(n):
                y, x = bottom - (n - row - 0.14) * cell, right - (n - col - 0.14) * cell
                assert marks[tuple(pixels[round(y), round(x)].tolist())] == board.rows[row][col]
