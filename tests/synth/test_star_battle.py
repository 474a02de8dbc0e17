"""Star battle: one solution, whole regions, options that tell nothing, and the picture."""

import json

import numpy as np
import pytest

from synth.draw import Board
from synth.game import LEVELS, state_from_json
from synth.games.star_battle import COLOURS
from synth.registry import find_game
from tests.synth.oracles.star_battle import completions, region
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("star_battle")
TASKS = [task.name for task in GAME.tasks]


@pytest.mark.parametrize("task", TASKS)
def test_there_is_one_solution_and_it_has_the_stars(task):
    for record in questions("star_battle", task, 15):
        state = json.loads(record["state"])
        (full,) = completions(state, [])
        assert {tuple(star) for star in state["stars"]} < full


@pytest.mark.parametrize("task", TASKS)
def test_regions_hang_together(task):
    for record in questions("star_battle", task, 30):
        rows = json.loads(record["state"])["rows"]
        cells = {(r, c): mark for r, row in enumerate(rows) for c, mark in enumerate(row)}
        assert set(cells.values()) == set("ABCDEFGH"[: len(rows)])
        for name in set(cells.values()):
            own = {cell for cell, mark in cells.items() if mark == name}
            found, todo = set(), [min(own)]
            while todo:
                row, col = todo.pop()
                found.add((row, col))
                near = {(row + 1, col), (row - 1, col), (row, col + 1), (row, col - 1)}
                todo += near & own - found
            assert found == own and len(own) > 1


def test_puzzles_are_varied():
    rng = np.random.default_rng(0)
    for level in LEVELS:
        boards = [GAME.new(rng, level) for _ in range(200)]
        shapes = {board.rows for board in boards}
        assert len(shapes) == 200


def test_the_placeable_cell_belongs_to_the_solution():
    for record in questions("star_battle", "placeable_cell", 30):
        state, _ = state_and_params(record)
        (full,) = completions(state)
        assert chosen(record) in {f"({row}, {col})" for row, col in full}


def test_none_is_always_offered_and_seldom_right():
    records = questions("star_battle", "star_in_region", 150)
    assert all("none" in record["options"] for record in records)
    assert 0.14 < np.mean([chosen(record) == "none" for record in records]) < 0.26
    for record in records:
        state, params = state_and_params(record)
        stars = {f"({row}, {col})" for row, col in state["stars"]}
        assert set(record["options"]) - {"none"} <= stars
        has_one = params["region"] in {region(state, star) for star in state["stars"]}
        assert has_one == (chosen(record) != "none")


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_state(size):
    names = {colour: name for name, colour in COLOURS.items()}
    for record in questions("star_battle", "last_star", 4):
        board = state_from_json(GAME, record["state"])
        n, pixels = len(board.rows), np.asarray(GAME.draw(board, size))
        place = Board(size, n, n)
        for row in range(n):
            for col in range(n):
                y, x = (
                    place.top + (row + 0.88) * place.cell,
                    place.left + (col + 0.5) * place.cell,
                )
                assert names[tuple(pixels[round(y), round(x)].tolist())] == board.rows[row][col]
                middle = pixels[round(y - 0.38 * place.cell), round(x)].tolist()
                assert (middle == [0, 0, 0]) == ((row, col) in board.stars)
