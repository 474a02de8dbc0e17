"""The maze against a search of its own, its picture and the published cases."""

import collections
import json
import re

import numpy as np
import pytest

from synth.draw import GREEN, RED, SLATE, WHITE
from synth.game import find_game, params_from_json
from synth.games import maze as maze_game
from tests.synth.peers import cases
from tests.synth.sampling import questions

GAME = find_game("maze")
STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def board_of(record):
    state = json.loads(record["state"])
    return np.array([[mark == "." for mark in row] for row in state["rows"]]), state


def ways(is_open, start, end):
    """Every way from start to end that enters no cell twice, by exhaustive search."""
    found, todo = [], collections.deque([(tuple(start), [], {tuple(start)})])
    while todo:
        cell, moves, entered = todo.popleft()
        if cell == tuple(end):
            found.append(moves)
        for move, (d_row, d_col) in STEPS.items():
            beyond = cell[0] + d_row, cell[1] + d_col
            if is_open[beyond] and beyond not in entered:
                todo.append((beyond, [*moves, move], entered | {beyond}))
    return found


def chosen(record) -> str:
    """The text of the right option or the filled-in answer."""
    options = record["options"]
    return options["ABCDEFGH".index(record["answer"])] if options else record["answer"]


def moves_in(text: str) -> list[str]:
    return [
        move
        for move, count in re.findall(r"(up|down|left|right) (\d+)", text)
        for _ in range(int(count))
    ]


def as_text(cell) -> str:
    return f"({cell[0]}, {cell[1]})"


def test_there_is_exactly_one_way_and_it_is_the_answer():
    for record in questions("maze", "path_to_goal", 60):
        is_open, state = board_of(record)
        (way,) = ways(is_open, state["player"], state["goal"])
        assert moves_in(chosen(record)) == way
        for option in record["options"]:
            cell, blocked = np.array(state["player"]), False
            for move in moves_in(option):
                cell = cell + STEPS[move]
                blocked = blocked or not is_open[tuple(cell)]
            arrives = not blocked and cell.tolist() == state["goal"]
            assert arrives == (option == chosen(record))


def test_turns():
    for record in questions("maze", "turn_count", 60):
        is_open, state = board_of(record)
        (way,) = ways(is_open, state["player"], state["goal"])
        assert int(record["answer"]) == sum(a != b for a, b in zip(way[1:], way, strict=False))


def test_positions_and_exits():
    for record in questions("maze", "player_position", 60):
        assert chosen(record) == as_text(board_of(record)[1]["player"])
    for record in questions("maze", "goal_position", 60):
        assert chosen(record) == as_text(board_of(record)[1]["goal"])
    for record in questions("maze", "open_directions", 60):
        is_open, state = board_of(record)
        exits = [m for m, step in STEPS.items() if is_open[tuple(np.add(state["player"], step))]]
        assert chosen(record) == ", ".join(exits)
        assert collections.Counter(option.count(",") for option in record["options"]) == {
            0: 2,
            1: 4,
            2: 2,
        }
    for record in questions("maze", "position_after_step", 60):
        is_open, state = board_of(record)
        step = STEPS[params_from_json(record["params"])["direction"]]
        beyond = np.add(state["player"], step)
        assert is_open[tuple(beyond)] and chosen(record) == as_text(beyond)


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


def test_the_description_rebuilds_the_state():
    for record in questions("maze", "turn_count", 4):
        text, state = record["description"], json.loads(record["state"])
        assert re.findall(r"row \d+: ([#.]+)", text) == state["rows"]
        player, goal = (list(map(int, c)) for c in re.findall(r"\((\d+), (\d+)\)", text))
        assert (player, goal) == (state["player"], state["goal"])


def test_published_cases():
    compared = 0
    for case in cases("maze"):
        given, published = case["state"], case["answer"]
        rows = tuple("".join(".#.."[cell] for cell in row) for row in given["maze"])
        state = maze_game.Maze(rows, tuple(given["playerPosition"]), tuple(given["endPosition"]))
        answer = GAME.task(case["task"]).solve(state, **case["params"]).answer
        if isinstance(published, list):
            published = tuple(published)
        assert answer == published, case["case"]
        compared += 1
    assert compared > 0
