"""The maze: one way, its kinds of junctions, its reasoning and its picture."""

import collections
import json
import re

import numpy as np
import pytest

from synth.draw import GREEN, RED, SLATE, WHITE
from synth.games import maze as maze_game
from synth.registry import find_game
from tests.synth.oracles.maze import moves_in, ways
from tests.synth.sampling import chosen, questions

GAME = find_game("maze")


def board_of(record):
    state = json.loads(record["state"])
    return np.array([[mark == "." for mark in row] for row in state["rows"]]), state


def test_there_is_exactly_one_way():
    for record in questions("maze", "path_to_goal", 60):
        (way,) = ways(json.loads(record["state"]))
        assert moves_in(chosen(record)) == way


def test_directions_come_in_all_numbers():
    for record in questions("maze", "open_directions", 60):
        assert collections.Counter(option.count(",") for option in record["options"]) == {
            0: 2,
            1: 4,
            2: 2,
        }


def test_kinds_of_junction_are_equally_frequent():
    records = questions("maze", "open_directions", 600)
    kinds = collections.Counter()
    for record in records:
        ways_out = chosen(record)
        straight = ways_out in ("up, down", "left, right")
        kinds["straight" if straight else ways_out.count(",")] += 1
    assert len(kinds) == 4
    assert all(abs(count / len(records) - 0.25) < 0.04 for count in kinds.values())


def test_steps_agree_with_the_board():
    """Every cell a chain calls open, a wall or on the way is that."""
    for record in questions("maze", "turn_count", 60):
        is_open, state = board_of(record)
        cells = [tuple(map(int, c)) for c in re.findall(r"\((\d+), (\d+)\)", record["steps"][1])]
        assert all(is_open[cell] for cell in cells) and list(cells[-1]) == state["goal"]
    for record in questions("maze", "open_directions", 60):
        is_open, _ = board_of(record)
        for row, col, kind in re.findall(
            r"\((\d+), (\d+)\) is (open|a wall)", str(record["steps"])
        ):
            assert is_open[int(row), int(col)] == (kind == "open")


@pytest.mark.parametrize("size", [112, 224, 448])
def test_the_picture_shows_the_state(size):
    kinds = {SLATE: "#", WHITE: ".", RED: "P", GREEN: "G"}
    for record in questions("maze", "turn_count", 4):
        _, state = board_of(record)
        maze = maze_game.Maze(**{key: tuple(value) for key, value in state.items()})
        pixels = np.asarray(GAME.draw(maze, size))
        assert pixels.shape == (size, size, 3)
        n = len(maze.rows)
        # The walls all around give the extent of the grid; cells are found by even division.
        rows, cols = np.nonzero((pixels == SLATE).all(2))
        top, left, side = rows.min(), cols.min(), (rows.max() - rows.min() + 1) / n
        seen = [
            "".join(
                kinds[tuple(pixels[int(top + (r + 0.5) * side), int(left + (c + 0.5) * side)])]
                for c in range(n)
            )
            for r in range(n)
        ]
        (player,) = [(r, c) for r in range(n) for c in range(n) if seen[r][c] == "P"]
        (goal,) = [(r, c) for r in range(n) for c in range(n) if seen[r][c] == "G"]
        assert (player, goal) == (maze.player, maze.goal)
        assert [row.replace("P", ".").replace("G", ".") for row in seen] == list(maze.rows)
