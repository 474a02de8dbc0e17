"""Space invaders: its formations, its answers, its reasoning and its picture."""

import collections
import re

import numpy as np
import pytest

from synth.draw import PALE
from synth.game import LEVELS, state_from_json
from synth.games import space_invaders
from synth.games.space_invaders import LOOKS, ORANGE, Invaders, column_of
from synth.registry import find_game
from tests.synth.oracles.space_invaders import fixed_ship_burst_points, invaders
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("space_invaders")
TASKS = [task.name for task in GAME.tasks]


def solve(task: str, *rows: str, ship: int = 0, **params):
    return GAME.task(task).solve(Invaders(rows, ship), **params).answer


@pytest.mark.parametrize("task", TASKS)
def test_every_board_is_a_formation_shot_at_from_below(task):
    for record in questions("space_invaders", task, 60):
        board, level = state_from_json(GAME, record["state"]), record["plot_level"]
        n_rows, n_cols = len(board.rows), len(board.rows[0])
        high, (narrow, wide) = space_invaders.HIGH[level], space_invaders.WIDE[level]
        assert space_invaders.ROWS[level][0] <= n_rows <= space_invaders.ROWS[level][1]
        assert narrow + 2 <= n_cols <= wide + 6 and 0 <= board.ship < n_cols
        alive = invaders({"rows": board.rows})
        columns = sorted({col for _, col in alive})
        assert len(alive) > 1 and columns[-1] - columns[0] < wide
        (top,) = {min(row for row, c in alive if c == col) for col in columns}
        for col in columns:
            marks = column_of(board, col)
            assert space_invaders.COLOURS[high].startswith(marks.strip("-"))
            assert marks[top] != "-"


def test_the_lowest_invader_is_hit():
    rows = "P-P-", "B-B-", "G---", "----"
    assert [solve("shot_points_here", *rows, ship=ship) for ship in range(4)] == [10, 0, 20, 0]
    assert solve("shot_points_at_column", *rows, column=2) == 20
    assert solve("best_single_shot", *rows) == 20


def test_two_shots_into_one_column_or_two():
    for direction in ("left", "right"):
        assert solve("best_two_shots", "-P-", "-B-", direction=direction) == 50
        assert solve("best_two_shots", "-PP-", "---B", direction=direction) == 60
        assert solve("best_two_shots", "-PP-", "-BB-", "-GG-", direction=direction) == 30
        assert solve("best_two_shots", "-PP-", "-BB-", "--G-", direction=direction) == 50


def test_the_formation_drifts_past_the_ship():
    """k+1 shots, which the published wording leaves to the reader."""
    rows = "-PPP-", "--BB-", "---G-"
    assert solve("fixed_ship_burst_points", *rows, ship=3, direction="right", k=1) == 30
    assert solve("fixed_ship_burst_points", *rows, ship=3, direction="right", k=2) == 60
    assert solve("fixed_ship_burst_points", *rows, ship=1, direction="left", k=1) == 50
    for record in questions("space_invaders", "fixed_ship_burst_points", 60):
        state, params = state_and_params(record)
        k, to = params["k"], {"left": -1, "right": 1}[params["direction"]]
        assert f"that is {k + 1} shots" in record["question"]
        columns = [col + to * k for _, col in invaders(state)]
        assert min(columns) >= 0 and max(columns) < len(state["rows"][0])
        said = [int(step.rstrip(".").rsplit(", ", 1)[1]) for step in record["steps"][1:-1]]
        for shots in range(1, k + 2):
            burst = fixed_ship_burst_points(state, {**params, "k": shots - 1})
            assert sum(said[:shots]) == int(burst)


def test_the_answers_are_spread():
    """Published: small counts at the first options, half of the options not multiples of 10."""
    for task, most in (("best_single_shot", 0.43), ("best_two_shots", 0.34)):
        records = questions("space_invaders", task, 150)
        for at in range(len(LEVELS)):
            answers = collections.Counter(record["answer"] for record in records[at::3])
            assert sorted(map(int, answers)) == list(GAME.task(task).BEST)
            assert max(answers.values()) < most * 150
    for task in ("shot_points_here", "shot_points_at_column"):
        answers = collections.Counter(map(chosen, questions("space_invaders", task, 150)))
        assert max(answers.values()) < 0.33 * 450
    totals = [int(r["answer"]) for r in questions("space_invaders", "enemies_total", 150)]
    for at, level in enumerate(LEVELS):
        low, high = space_invaders.TOTAL[level]
        assert low <= min(totals[at::3]) < low + 3 and high - 3 < max(totals[at::3]) <= high


def test_the_place_that_is_asked_for_does_not_tell():
    """Columns at the edge hold invaders as often as others, rows likewise."""
    for task, name in (("enemies_in_column", "column"), ("enemies_in_row", "row")):
        held = collections.defaultdict(list)
        for record in questions("space_invaders", task, 150):
            state, params = state_and_params(record)
            last = len(state["rows"][0] if name == "column" else state["rows"]) - 1
            held[params[name] in (0, last)].append(record["answer"] != "0")
        assert abs(np.mean(held[True]) - np.mean(held[False])) < 0.15


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_state(size):
    kinds = {colour: mark for mark, (_, colour) in LOOKS.items()} | {ORANGE: "ship"}
    for record in questions("space_invaders", "enemies_total", 3):
        board = state_from_json(GAME, record["state"])
        pixels = np.asarray(GAME.draw(board, size))
        assert pixels.shape == (size, size, 3)
        lines = (pixels == PALE).all(2)
        n_rows, n_cols = len(board.rows) + 1, len(board.rows[0])
        ys, xs = (np.flatnonzero(lines.sum(axis) > size / 4) for axis in (1, 0))
        high, wide = (ys[-1] - ys[0]) / n_rows, (xs[-1] - xs[0]) / n_cols
        seen = []
        for row in range(n_rows):
            for col in range(n_cols):
                y, x = int(ys[0] + row * high), int(xs[0] + col * wide)
                inside = pixels[y : y + int(high), x : x + int(wide)]
                held = [mark for colour, mark in kinds.items() if (inside == colour).all(2).any()]
                seen.append("".join(held) or "-")
        split = [seen[at : at + n_cols] for at in range(0, len(seen), n_cols)]
        assert tuple(map("".join, split[:-1])) == board.rows
        assert split[-1].index("ship") == board.ship and split[-1].count("-") == n_cols - 1


def test_the_steps_begin_with_what_is_read():
    for record in questions("space_invaders", "enemies_of_color", 20):
        state, _ = state_and_params(record)
        assert re.findall(r"row \d+ ([PBG-]+)", record["steps"][0]) == state["rows"]
