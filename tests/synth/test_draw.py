"""The canvas: own PNG writing, whole-pixel placing."""

import io

import numpy as np
import pytest
from PIL import Image

from synth.draw import RED, SHAPES, WHITE, Board, png


def test_png_is_read_back_exactly():
    rng = np.random.default_rng(0)
    for shape in ((1, 1, 3), (7, 5, 3), (64, 64, 3)):
        pixels = rng.integers(0, 256, shape, dtype=np.uint8)
        with Image.open(io.BytesIO(png(Image.fromarray(pixels)))) as image:
            assert image.mode == "RGB" and np.array_equal(np.asarray(image), pixels)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [112, 224, 448])
def test_marks_stand_in_the_middle_of_their_cell(shape, size):
    blank, marked = Board(size, 5, 5), Board(size, 5, 5)
    marked.mark((3, 1), shape, RED)
    rows, cols = np.nonzero((np.asarray(blank.image) != np.asarray(marked.image)).any(2))
    filled = Board(size, 5, 5)
    filled.fill((3, 1), RED)
    cell_rows, cell_cols = np.nonzero((np.asarray(filled.image) == RED).all(2))
    assert rows.min() + rows.max() == cell_rows.min() + cell_rows.max()
    assert cols.min() + cols.max() == cell_cols.min() + cell_cols.max()
    assert cell_rows.min() <= rows.min() and cell_cols.max() >= cols.max()


def test_drawing_leaves_the_shared_blank_board_alone():
    Board(112, 3, 3).fill((0, 0), RED)
    assert (np.asarray(Board(112, 3, 3).image) == RED).all(2).sum() == 0
    assert tuple(np.asarray(Board(112, 3, 3).image)[-10, -10]) == WHITE
