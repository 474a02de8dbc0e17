"""Tents: one way to complete a board, even answers, and the picture."""

import collections
import json

import numpy as np
import pytest

from synth.draw import Board
from synth.game import LEVELS, state_from_json
from synth.registry import find_game
from tests.synth.oracles.tents import completions, marked
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("tents")
TASKS = [task.name for task in GAME.tasks]


@pytest.mark.parametrize("task", TASKS)
def test_there_is_one_way_to_complete_a_board(task):
    for record in questions("tents", task, 25):
        state = json.loads(record["state"])
        assert len(completions(state)) == 1
        trees = marked(state, "T").sum()
        assert trees == sum(state["row_totals"]) == sum(state["column_totals"])
        assert marked(state, "A").sum() < trees


def test_the_placeable_cell_belongs_to_the_solution():
    for record in questions("tents", "which_placeable", 60):
        state, _ = state_and_params(record)
        (tents,) = completions(state)
        assert chosen(record) in {f"({row}, {col})" for row, col in tents}


@pytest.mark.parametrize(
    ("task", "kinds"),
    [
        ("tents_in_row", (3, 4, 5)),
        ("missing_in_column", (3, 4, 5)),
        ("missing_in_grid", (4, 7, 9)),
        ("placeable_count", (6, 9, 12)),
    ],
)
def test_answers_are_even(task, kinds):
    for level, count in zip(LEVELS, kinds, strict=True):
        answers = collections.Counter(
            chosen(r) for r in questions("tents", task, 150) if r["plot_level"] == level
        )
        assert len(answers) == count
        assert max(answers.values()) / answers.total() < 1 / count + 0.16


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_state(size):
    green, brown = (25, 140, 60), (150, 80, 30)
    for record in questions("tents", "which_is_tree", 3):
        board = state_from_json(GAME, record["state"])
        n, pixels = len(board.rows), np.asarray(GAME.draw(board, size))
        place = Board(round(0.93 * size), n, n)
        right, bottom = place.left + n * place.cell + 1, place.top + n * place.cell + 1
        for row in range(n):
            top = place.top + row * place.cell
            strip = pixels[top : top + place.cell, right:]
            assert (strip != 255).any(), "a total is missing"
            for col in range(n):
                left = place.left + col * place.cell
                cell = pixels[top : top + place.cell, left : left + place.cell]
                has = [bool((cell == colour).all(2).any()) for colour in (green, brown)]
                mark = board.rows[row][col]
                assert has == [mark == "T", mark == "A"]
        for edge in (pixels[:, -1], pixels[-1]):
            assert (edge == 255).all(), "a number is cut off"
        assert (pixels[bottom:] != 255).any()
