"""Snake: its steps, its traps, and how long the shortest way really is."""

import collections
import json
import re
from itertools import pairwise

import numpy as np
import pytest

from synth.draw import BLACK, RED, Board
from synth.game import LEVELS, state_from_json
from synth.games.snake import BAND
from synth.registry import find_game
from tests.synth.oracles.snake import STEPS, body_of, moved
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("snake")
CELL = r"\((\d+), (\d+)\)"


def asked(task: str) -> list[dict]:
    """The same records for every test."""
    return questions("snake", task, 150)


def cells_in(text: str) -> list[tuple]:
    return [(int(row), int(col)) for row, col in re.findall(CELL, text)]


def moves_in(text: str) -> list[str]:
    """The directions of a way that is told in straight parts."""
    told = re.findall(r"(up|down|left|right) (\d+) to", text)
    return [way for way, count in told for _ in range(int(count))]


def fewest_by_brute_force(state, most: int):
    """All bodies that `most` steps lead to, each once; None if none of them is at the food."""
    layer = {tuple(body_of(state))}
    for step in range(1, most + 1):
        ahead = [moved(state, list(body), way) for body in layer for way in STEPS]
        if any(event == "food" for event, _ in ahead):
            return step
        layer = {tuple(body) for event, body in ahead if event is None}
        if not layer:
            return -1
    return None


def test_a_snake_is_one_way_over_free_cells():
    for task in GAME.tasks:
        for record in asked(task.name):
            state = json.loads(record["state"])
            body = np.array(state["body"])
            assert (np.abs(np.diff(body, axis=0)).sum(1) == 1).all()
            cells = {tuple(cell) for cell in (*state["body"], state["food"])}
            assert len(cells) == len(body) + 1
            assert all(0 <= part < state["size"] for cell in cells for part in cell)


def test_the_fewest_steps_are_the_fewest():
    """Against a search over whole bodies, as far as it gets."""
    compared = 0
    for record in asked("shortest_path_to_food"):
        answer = int(chosen(record))
        if answer <= 8:
            assert fewest_by_brute_force(json.loads(record["state"]), 9) == answer
            compared += 1
    assert compared > 150


def test_a_told_way_leads_to_the_food():
    detours = 0
    for record in asked("shortest_path_to_food"):
        state, answer = json.loads(record["state"]), int(chosen(record))
        assert moves_in(record["steps"][0]) == [
            way
            for a, b in pairwise(state["body"])
            for way, step in STEPS.items()
            if step == (b[0] - a[0], b[1] - a[1])
        ]
        if answer == -1:
            continue
        (told,) = (step for step in record["steps"] if step.startswith("A way"))
        body, events = body_of(state), []
        for way in moves_in(told):
            event, body = moved(state, body, way)
            events.append(event)
        assert events == [None] * (answer - 1) + ["food"]
        detours += any(step.startswith("Fewer") for step in record["steps"])
    assert detours > 150


def test_cells_that_stop_shorter_ways_stop_them():
    """With only these cells in the way, as long as they are held, the food is not in reach."""
    for record in asked("shortest_path_to_food"):
        stops = [cells_in(step) for step in record["steps"] if step.startswith("Fewer")]
        if stops:
            state = json.loads(record["state"])
            left = {cell: len(state["body"]) - at for at, cell in enumerate(body_of(state))}
            reached = {tuple(state["body"][0])}
            for step in range(1, int(chosen(record)) - 1):
                ahead = {(r + d, c + e) for r, c in reached for d, e in STEPS.values()}
                reached = {
                    cell
                    for cell in ahead
                    if 0 <= min(cell) <= max(cell) < state["size"]
                    and not (cell in stops[0] and step < left[cell])
                }
                assert tuple(state["food"]) not in reached


def test_traps_are_told_to_their_end():
    depths = collections.Counter()
    for record in asked("shortest_path_to_food"):
        if chosen(record) == "-1":
            told = [step for step in record["steps"] if "rom (" in step]
            heads = [cells_in(step) for step in told]
            assert sum(len(cells) - 1 for cells in heads) == len(heads) - 1  # all are followed up
            assert told[-1].endswith("none.")
            depths[min(len(heads), 3)] += 1
    assert depths[1] > 5 and depths[2] + depths[3] > 5


def test_the_head_may_enter_the_cell_that_the_tail_leaves():
    ring = GAME.state(5, ((1, 1), (1, 2), (2, 2), (2, 1)), (4, 4))
    ask = GAME.task("move_sequence_outcome").solve
    assert ask(ring, moves=("down",)).answer == "nothing"
    longer = GAME.state(5, (*ring.body, (3, 1)), (4, 4))
    assert ask(longer, moves=("down",)).answer == "body"
    assert ask(longer, moves=("up", "up", "up")).answer == "wall"


def test_moves_go_with_every_outcome():
    """They enter no cell twice, fit on the board and never turn back into the neck."""
    outcomes, passed = collections.Counter(), 0
    for record in asked("move_sequence_outcome"):
        state, params = state_and_params(record)
        cells = [(0, 0)]
        for way in params["moves"]:
            cells.append(tuple(np.add(cells[-1], STEPS[way])))
        assert len(set(cells)) == len(cells) and np.ptp(cells, axis=0).max() < state["size"]
        body = body_of(state)
        assert tuple(np.add(body[0], cells[1])) != body[1]
        outcomes[record["plot_level"], chosen(record)] += 1
        heads = [cells_in(step)[0] for step in record["steps"] if ": head at" in step]
        passed += any(cell in body for cell in heads)
    assert len(outcomes) == 12 and min(outcomes.values()) > 20
    assert passed > 45  # where the body was, and is no more


def test_a_chain_follows_the_snake():
    for record in asked("move_sequence_outcome"):
        state, params = state_and_params(record)
        body, said = body_of(state), record["steps"][2:-1]
        for way, line in zip(params["moves"], said, strict=False):
            event, body = moved(state, body, way)
            assert line.startswith(way.capitalize())
            if event is None:
                assert cells_in(line) == [body[0], body[-1]]
        words = {"wall": "off the board", "body": "is body", "food": "is the food", None: "tail"}
        assert words[event] in said[-1]
        assert event or len(said) == len(params["moves"])


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_state(size):
    """The band joins the cells of the snake in their order, and no others."""
    for record in asked("snake_length")[:60]:
        snake = state_from_json(GAME, record["state"])
        if size < 448 and record["plot_level"] == "Hard":
            continue
        pixels, board = np.asarray(GAME.draw(snake, size)), Board(size, snake.size, snake.size)

        def colours(spot, pixels=pixels, board=board):
            """Those around the middle of a cell, or of the edge between two."""
            row, col = spot
            y = round(board.top + (row + 0.5) * board.cell)
            x = round(board.left + (col + 0.5) * board.cell)
            return {
                tuple(colour) for line in pixels[y - 1 : y + 2, x - 1 : x + 2] for colour in line
            }

        at = [(row, col) for row in range(snake.size) for col in range(snake.size)]
        assert {cell for cell in at if BAND in colours(cell)} == set(snake.body[1:])
        assert [cell for cell in at if BLACK in colours(cell)] == [snake.body[0]]
        assert [cell for cell in at if RED in colours(cell)] == [snake.food]
        joined = {((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in pairwise(snake.body)}
        edges = [(row + 0.5, col) for row, col in at] + [(row, col + 0.5) for row, col in at]
        inside = [edge for edge in edges if max(edge) <= snake.size - 1]
        assert {edge for edge in inside if BAND in colours(edge)} == joined


def test_levels_overlap_and_grow():
    for task in ("snake_length", "shortest_path_to_food"):
        answers = collections.defaultdict(list)
        for record in asked(task):
            answers[record["plot_level"]].append(int(chosen(record)))
        easy, medium, hard = (answers[level] for level in LEVELS)
        assert 1.1 * np.mean(easy) < np.mean(medium) and 1.1 * np.mean(medium) < np.mean(hard)
        assert set(easy) & set(medium) and set(medium) & set(hard)
