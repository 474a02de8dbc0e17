"""Color hue: even gradients, clear names, swatches that can be told apart, the picture."""

import collections
import itertools
import json

import numpy as np
import pytest

from synth.draw import Board
from synth.game import LEVELS, state_from_json
from synth.games import color_hue
from synth.registry import find_game
from tests.synth.oracles.color_hue import colour, runs
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("color_hue")


@pytest.mark.parametrize("level", LEVELS)
def test_every_line_changes_evenly(level):
    """No parallel lines touch, and each runs straight in red, green and blue."""
    rng = np.random.default_rng(1)
    for _ in range(60):
        rows = color_hue.new(rng, level).rows
        lines = 0
        for marks in (*rows, *zip(*rows, strict=True)):
            for line in runs(marks):
                if len(line) < 2:
                    continue
                lines += 1
                assert len(line) >= 3
                colours = np.array([colour(mark) for _, mark in line])
                even = np.linspace(colours[0], colours[-1], len(line))
                assert np.abs(colours - even).max() <= 1
        assert 3 <= lines <= 4


def test_clear_colours_are_well_inside_their_names():
    """A little lighter, darker, greyer or more of a neighbour, they are still called that."""
    rng = np.random.default_rng(2)
    for base in color_hue.CLEAR:
        for _ in range(60):
            hue = color_hue.clear_colour(rng, base)
            name = color_hue.name_of(hue)
            assert color_hue.base_of(name) == base
            for change in itertools.product((-2, 0, 2), repeat=3):
                near = tuple(np.clip(np.add(hue, change), 0, 255).tolist())
                assert color_hue.base_of(color_hue.name_of(near)) == base


def test_published_names():
    """The hue of an orange was called red, a brown too; such colours are not asked for."""
    assert color_hue.name_of((246, 138, 54)) == "bright red"
    assert color_hue.name_of((145, 104, 69)) == "red"
    for record in questions("color_hue", "color_description", 60):
        state, params = state_and_params(record)
        row, col = params["cell"]
        hue, saturation, value = color_hue.hsv(color_hue.rgb(state["rows"][row][col]))
        if value > 0.2 and saturation > 0.15:
            assert all(abs(hue - edge) > 0.5 for edge in (30, 60, 90, 150, 200, 240, 270, 330))
            assert not 10 < hue < 34


@pytest.mark.parametrize("task", ["color_description", "gradient_pattern"])
def test_no_two_options_are_near_synonyms(task):
    for record in questions("color_hue", task, 60):
        bases = [
            tuple(color_hue.base_of(name) for name in option.removeprefix("from ").split(" to "))
            for option in record["options"]
        ]
        assert len(set(bases)) == 8


def test_swatches_are_told_apart_and_blanks_lie_between_colours():
    for record in questions("color_hue", "color_matching", 60):
        board = state_from_json(GAME, record["state"])
        swatches = [color_hue.rgb(code) for code in board.palette]
        for one, other in itertools.combinations(swatches, 2):
            assert max(np.abs(np.subtract(one, other))) >= 40
            assert abs(color_hue.lightness(one) - color_hue.lightness(other)) >= 10
        blanks = 0
        for row, marks in enumerate(board.rows):
            for col, mark in enumerate(marks):
                if mark.isalpha() and len(mark) == 1:
                    blanks += 1
                    _, sides = color_hue.between_neighbours(board, (row, col))
                    assert [distance for distance, _ in sides] == [1, 1]
        assert 3 <= blanks <= 6


def test_a_blank_at_the_end_of_a_line_is_refused():
    board = color_hue.Hues((("A", "101010", "202020"), ("-",) * 3, ("-",) * 3), ("000000",) * 6)
    with pytest.raises(ValueError, match="does not lie between"):
        GAME.task("color_matching").solve(board, label="A")


def test_names_and_swatches_are_even():
    for task, count in (("color_description", len(color_hue.CLEAR)), ("color_matching", 6)):
        records = questions("color_hue", task, 150)
        right = collections.Counter(color_hue.base_of(chosen(record)) for record in records)
        assert len(right) == count
        assert max(right.values()) < 1.6 * len(records) / count


@pytest.mark.parametrize("size", [224, 448])
@pytest.mark.parametrize("task", ["color_matching", "gradient_pattern"])
def test_the_picture_shows_the_colours(task, size):
    for record in questions("color_hue", task, 3):
        board = state_from_json(GAME, record["state"])
        image = GAME.draw(board, size)
        side = round(0.82 * size) if board.palette else size
        picture = Board(side, len(board.rows), len(board.rows))
        left = (size - side) // 2 + picture.left
        for row, marks in enumerate(board.rows):
            for col, mark in enumerate(marks):
                x = left + int((col + 0.5) * picture.cell)
                y = picture.top + int((row + 0.5) * picture.cell)
                half = picture.cell // 3
                seen = image.crop((x - half, y - half, x + half, y + half)).getcolors()
                if len(mark) == 6:
                    assert seen == [(4 * half * half, color_hue.rgb(mark))]
                else:
                    assert len(seen) > 1
        for at, code in enumerate(board.palette):
            x = at * (size // 6) + size // 12
            assert image.getpixel((x, size - 10)) == color_hue.rgb(code)
        assert (json.loads(record["state"])["palette"] != []) == (task == "color_matching")
