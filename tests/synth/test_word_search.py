"""Word search: words that stand there once, even answers, and the picture."""

import collections

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from synth.draw import Board
from synth.game import LEVELS
from synth.games.word_search import WORDS
from synth.registry import find_game
from tests.synth.oracles.word_search import occurrences
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("word_search")


def test_the_words_have_one_direction():
    """None is read the same backwards, none is there twice, and every length can be asked for."""
    assert len(set(WORDS)) == len(WORDS)
    assert all(word != word[::-1] and word.isupper() for word in WORDS)
    assert set(map(len, WORDS)) == {3, 4, 5, 6, 7}


def test_a_word_stands_in_the_square_once():
    for record in questions("word_search", "word_direction", 150):
        state, params = state_and_params(record)
        assert len(occurrences(state["rows"], params["word"])) == 1


@pytest.mark.parametrize("task", ["letter_count", "word_direction"])
def test_all_answers_come_up_at_every_level(task):
    for level in LEVELS:
        answers = collections.Counter(
            chosen(r) for r in questions("word_search", task, 150) if r["plot_level"] == level
        )
        assert len(answers) == 8 and min(answers.values()) > 6


def test_wrong_beginnings_have_to_be_dismissed():
    """In many squares the first two letters stand somewhere else, too."""
    seconds = [r["steps"][1] for r in questions("word_search", "word_direction", 150)]
    assert np.mean([";" in step for step in seconds]) > 0.5


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_state(size):
    """Every letter is the one of the alphabet that looks most like what is drawn."""
    font = ImageFont.load_default(40)
    shapes = {}
    for mark in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        image = Image.new("L", (80, 80))
        ImageDraw.Draw(image).text((40, 40), mark, 255, font, anchor="mm")
        shapes[mark] = np.asarray(image.crop(image.getbbox()).resize((16, 16)), float)
    for level in LEVELS[: 1 if size == 224 else 3]:
        board = GAME.new(np.random.default_rng(1), level)
        n, image = len(board.rows), GAME.draw(board, size)
        place = Board(size, n, n)
        for row, marks in enumerate(board.rows):
            for col, mark in enumerate(marks):
                x, y = place.left + col * place.cell, place.top + row * place.cell
                cell = image.crop((x + 3, y + 3, x + place.cell - 2, y + place.cell - 2))
                dark = Image.fromarray(255 - np.asarray(cell.convert("L")))
                seen = np.asarray(dark.crop(dark.getbbox()).resize((16, 16)), float)
                off = {other: np.abs(seen - shape).mean() for other, shape in shapes.items()}
                assert min(off, key=off.get) == mark
