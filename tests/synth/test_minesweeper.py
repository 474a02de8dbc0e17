"""Minesweeper: real positions, certain answers, and the picture."""

import json

import numpy as np
import pytest

from synth.game import state_from_json
from synth.games.minesweeper.field import GREY, INKS
from synth.registry import find_game
from tests.synth.oracles.minesweeper import beside, flags, grid, layouts, outcomes
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("minesweeper")
TASKS = [task.name for task in GAME.tasks]


@pytest.mark.parametrize("task", TASKS)
def test_positions_are_real(task):
    """A layout of mines fits, blank cells have revealed all around, and the game goes on."""
    for record in questions("minesweeper", task, 60):
        state = json.loads(record["state"])
        marks = grid(state)
        assert any(layouts(state)[0])
        for cell, mark in marks.items():
            if mark == ".":
                assert all(marks[other] not in "#F" for other in beside(marks, cell))
            if mark == "F":
                assert any(marks[other] not in "#F" for other in beside(marks, cell))
        hidden = list(marks.values()).count("#")
        assert hidden > state["mines"] - flags(state) >= 0


def test_the_outcome_is_certain():
    """Not only among the options: nothing else can come up."""
    for record in questions("minesweeper", "reveal_outcome", 60):
        state, params = state_and_params(record)
        assert outcomes(state, params["cell"]) == {chosen(record)}
        assert grid(state)[tuple(params["cell"])] == "#"


def test_a_chain_names_only_what_is_so():
    """Cells that a chain calls mines or safe are that in every layout that fits."""
    for task in ("reveal_outcome", "best_action_at_cell"):
        for record in questions("minesweeper", task, 30):
            state, _ = state_and_params(record)
            board = state_from_json(GAME, record["state"])
            for step in record["steps"]:
                _, _, said = step.rpartition(": ")
                for end, is_mine in ((" mine.", 1), (" mines.", 1), (" safe.", 0)):
                    if said.endswith(end) and said.startswith("("):
                        cells = [tuple(map(int, c.split(", "))) for c in cells_of(said)]
                        assert all(board[cell] == "#" for cell in cells)
                        for cell in cells:
                            assert (outcomes(state, cell) == {"mine"}) == bool(is_mine)
                            assert ("mine" in outcomes(state, cell)) == bool(is_mine)


def cells_of(said: str) -> list[str]:
    return [part.split(")")[0] for part in said.split("(")[1:]]


def test_chains_stay_short():
    for task in ("reveal_outcome", "best_action_at_cell"):
        lengths = [sum(map(len, r["steps"])) for r in questions("minesweeper", task, 60)]
        assert np.median(lengths) < 600


@pytest.mark.parametrize("size", [224, 300])
def test_the_picture_shows_the_state(size):
    """Grey or white tells hidden from revealed cells; the ink tells which number it is."""
    for record in questions("minesweeper", "cell_state", 3):
        field = state_from_json(GAME, record["state"])
        n, pixels = len(field.rows), np.asarray(GAME.draw(field, size))
        rows, cols = np.nonzero((pixels == (120, 125, 135)).all(2))
        top, left, side = rows.min(), cols.min(), (cols.max() - cols.min()) / n
        for row in range(n):
            for col in range(n):
                y, x = top + row * side, left + col * side
                cell = pixels[
                    round(y + 3) : round(y + side - 2), round(x + 3) : round(x + side - 2)
                ]
                inks = {tuple(colour) for colour in cell.reshape(-1, 3).tolist()}
                mark = field.rows[row][col]
                assert (GREY in inks) == (mark in "#F")
                assert ((190, 0, 0) in inks) == (mark == "F")
                shown = [at + 1 for at, ink in enumerate(INKS) if ink in inks]
                assert shown == ([int(mark)] if mark in "123456" else [])
