"""The picture of a position: a mosaic of equal tiles."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from synth.draw import BLACK, PALE, RED, SLATE, WHITE, write
from synth.draw.tiles import framed, lettered, mosaic
from synth.games.pacman.board import GHOSTS, Position
from synth.grid import DIRECTIONS

BEAN, YELLOW, PINK = (190, 120, 0), (255, 205, 0), (255, 105, 180)
TURNED = {"right": 0, "down": 90, "left": 180, "up": 270}  # degrees, clockwise
MARKS = ("#", ".", "*", *DIRECTIONS, *GHOSTS)


def draw(position: Position, size: int):
    n = len(position.rows)
    tiles = tiles_of(size // (n + 1), n)
    at = np.empty((n + 1, n + 1), int)
    at[1:, 1:] = [[MARKS.index(mark) for mark in marks] for marks in position.rows]
    at[0, 1:] = at[1:, 0] = len(MARKS) + np.arange(n)
    at[0, 0] = len(MARKS) + n
    for mark in GHOSTS:
        row, col = getattr(position, mark)
        at[row + 1, col + 1] = MARKS.index(mark)
    row, col = position.pacman
    at[row + 1, col + 1] = MARKS.index(position.facing)
    return Image.fromarray(framed(mosaic(tiles, at), size))


@lru_cache(maxsize=8)
def tiles_of(cell: int, n: int) -> np.ndarray:
    """The tiles of MARKS, the numbers from 0, and the empty corner."""
    tiles = [lettered(cell, cell, SLATE, line=PALE), lettered(cell, cell, WHITE, line=PALE)]
    tiles.append(marked(cell, bean))
    tiles += [marked(cell, pacman, TURNED[way]) for way in DIRECTIONS]
    tiles += [marked(cell, ghost, PINK, BLACK, "P"), marked(cell, ghost, RED, WHITE, "B")]
    tiles += [lettered(cell, cell, WHITE, number, 0.7 * cell) for number in range(n)]
    return np.stack([*tiles, lettered(cell, cell, WHITE)])


def marked(cell: int, paint, *how) -> np.ndarray:
    """A white tile with a figure, which is drawn four times too large and reduced."""
    large = Image.new("RGB", (4 * cell, 4 * cell), WHITE)
    paint(large, ImageDraw.Draw(large), 4 * cell, *how)
    tile = large.reduce(4)
    tile.paste(PALE, (0, 0, cell, 1))
    tile.paste(PALE, (0, 0, 1, cell))
    return np.asarray(tile)


def bean(image, pen, px: int) -> None:
    low, high = px * 0.36, px * 0.68
    pen.ellipse((low, low, high, high), BEAN)


def pacman(image, pen, px: int, turned: int) -> None:
    """A disc without the slice that is its mouth."""
    low, high = px * 0.09, px * 0.97
    pen.pieslice((low, low, high, high), turned + 55, turned + 305, YELLOW, BLACK, px // 12)


def ghost(image, pen, px: int, colour, ink, letter: str) -> None:
    """A dome above a skirt, with the ghost's letter."""
    low, high = px * 0.1, px * 0.97
    pen.pieslice((low, low, high, px * 1.0), 180, 360, colour)
    pen.rectangle((low, px * 0.52, high, px * 0.86), colour)
    third = (high - low) / 3
    for i in range(3):
        left = low + i * third
        pen.polygon(
            [(left, px * 0.84), (left + third, px * 0.84), (left + third / 2, high)], colour
        )
    write(image, (px * 0.535, px * 0.52), letter, px * 0.72, ink)
