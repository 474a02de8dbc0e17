"""Tangram: its boards, its answers, its reasoning and its picture."""

import collections
import re

import numpy as np
import pytest

from synth.game import LEVELS, state_from_json
from synth.games import tangram
from synth.games.tangram.picture import COLOURS
from synth.games.tangram.rules import across, cells_of, is_connected, shape_of, turned
from synth.registry import find_game
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("tangram")
TASKS = [task.name for task in GAME.tasks]


def boards(task: str, per_level: int):
    for record in questions("tangram", task, per_level):
        yield record, state_from_json(GAME, record["state"])


def cells_in_all(off) -> int:
    return sum(len(row.replace("-", "")) for shape in off for row in shape)


@pytest.mark.parametrize("task", TASKS)
def test_every_board_is_a_board(task):
    """Published: 1.2 % of the pieces are not connected, some removals are not those announced."""
    for record, board in boards(task, 150):
        size = len(board.rows)
        assert size in tangram.SIZES[record["plot_level"]]
        assert {len(row) for row in board.rows} == {size}
        cells = cells_of(board.rows)
        on_board = set(cells) - {"-"}
        assert all(is_connected(cells[letter]) for letter in on_board)
        off = [set("".join(shape)) - {"-"} for shape in board.off]
        assert all(len(letters) == 1 for letters in off)
        assert len(on_board | set.union(*off)) == len(on_board) + len(off)
        assert 1 <= len(off) <= 3 and 4 <= len(on_board) + len(off) <= 11
        assert cells_in_all(board.off) == len(cells["-"])
        for shape in board.off:
            (letter,) = set("".join(shape)) - {"-"}
            inside = [(r, c) for r, row in enumerate(shape) for c in range(len(row))]
            own = tuple((r, c) for r, c in inside if shape[r][c] == letter)
            assert is_connected(own) and shape_of(own, letter) == shape


@pytest.mark.parametrize("size", [224, 448])
@pytest.mark.parametrize("task", TASKS)
def test_the_picture_shows_the_state(task, size):
    """Colours read at the same place of every cell give the board and the pieces beside it."""
    letters = {colour: letter for letter, colour in COLOURS.items()} | {(255, 255, 255): "-"}
    for _, board in boards(task, 4):
        pixels = np.asarray(GAME.draw(board, size))
        assert pixels.shape == (size, size, 3)
        n = len(board.rows)
        whole = across(n)
        cell = (size - size // 56) // whole
        edge = (size - whole * cell) // 2
        at = [round(edge + (i + 0.18) * cell) for i in range(whole)]
        marks = ["".join(letters.get(tuple(pixels[y, x]), "?") for x in at) for y in at]
        top = (whole - n - 1) // 2
        assert tuple(row[1 : n + 1] for row in marks[top + 1 : top + n + 1]) == board.rows
        right = "\n".join(row[n + 2 :].rstrip("-") for row in marks)
        seen = [tuple(part.split("\n")) for part in re.split(r"\n\n+", right.strip("\n"))]
        assert seen == [tuple(row.rstrip("-") for row in shape) for shape in board.off]
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert (border == 255).all()


def test_shapes_turn_clockwise():
    assert turned(("A-", "A-", "AA"), 1) == ("AAA", "A--")
    assert turned(("A-", "A-", "AA"), 3) == ("--A", "AAA")
    assert turned(("AAA", "-A-"), 2) == ("-A-", "AAA")


def test_all_rotations_come_up_and_mirrored_pieces_fit_none():
    answers = collections.Counter(chosen(record) for record, _ in boards("piece_rotation", 150))
    assert sorted(answers) == sorted(tangram.FITTING.values())
    assert max(answers.values()) < 0.2 * answers.total()
    for record, board in boards("piece_rotation", 150):
        (drawn,) = board.off
        assert cells_in_all(board.off) > 3
        if chosen(record) == "none":
            hole = shape_of(cells_of(board.rows)["-"], max(drawn[0]))
            assert hole in [turned(drawn[::-1], quarters) for quarters in range(4)]


def test_each_of_the_two_pieces_is_asked_for():
    """Published: always piece 1, and any number of options from 1 to 8."""
    first = []
    for record, board in boards("piece_placement", 150):
        _, params = state_and_params(record)
        first.append(params["piece"] in board.off[0][0])
        corners = [tuple(map(int, re.findall(r"\d+", option))) for option in record["options"]]
        assert len({(bottom - top, right - left) for top, left, bottom, right in corners}) == 1
        assert all(0 <= at < len(board.rows) for corner in corners for at in corner)
    assert 0.4 < np.mean(first) < 0.6


def test_counts_and_areas_are_spread():
    """Published: areas are offered in order, the right one in the middle."""
    for task in ("piece_count", "piece_area", "piece_adjacency"):
        records = questions("tangram", task, 150)
        ranks = [sorted(map(int, r["options"])).index(int(chosen(r))) for r in records]
        assert max(np.bincount(ranks, minlength=8)) < 0.2 * len(ranks)
        assert any(sorted(map(int, r["options"])) != list(map(int, r["options"])) for r in records)
    for at, level in enumerate(LEVELS):
        areas = {int(chosen(record)) for record in questions("tangram", "piece_area", 150)[at::3]}
        low, high = tangram.AREA[level]
        assert (min(areas), max(areas)) == (low, high)


def test_the_steps_name_the_neighbours():
    for record, board in boards("piece_adjacency", 60):
        _, params = state_and_params(record)
        said = {
            letter for step in record["steps"][1:5] for letter in re.findall(r"\b[A-Z]\b", step)
        }
        assert len(said) == int(chosen(record)) and params["piece"] not in said
        assert said < set("".join(board.rows))
