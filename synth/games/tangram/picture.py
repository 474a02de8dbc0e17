"""The picture of a board, with the pieces that were taken off on its right."""

from functools import cache

import numpy as np
from PIL import Image

from synth.draw import PALE, WHITE
from synth.draw.tiles import framed, lettered, mosaic
from synth.games.tangram.rules import LETTERS, Tangram, across

COLOURS = {
    "A": (142, 190, 242),
    "B": (255, 186, 112),
    "C": (150, 218, 150),
    "D": (250, 152, 148),
    "E": (202, 172, 236),
    "F": (206, 168, 142),
    "H": (255, 184, 224),
    "K": (188, 188, 188),
    "L": (226, 226, 110),
    "P": (126, 220, 226),
    "T": (255, 222, 176),
    "X": (176, 196, 120),
}
MARKS = {mark: at for at, mark in enumerate((" ", "-", *LETTERS, *"0123456789"))}


def draw(tangram: Tangram, size: int):
    n = len(tangram.rows)
    whole = across(n)
    marks = np.full((whole, whole), MARKS[" "])
    top = (whole - n - 1) // 2
    marks[top, 1 : n + 1] = marks[top + 1 : top + n + 1, 0] = [MARKS[str(at)] for at in range(n)]
    high = sum(map(len, tangram.off)) + len(tangram.off) - 1
    stand(marks, tangram.rows, top + 1, 1)
    at = (whole - high) // 2
    for shape in tangram.off:
        stand(marks, [row.replace("-", " ") for row in shape], at, n + 2)
        at += len(shape) + 1
    cell = (size - size // 56) // whole  # leaves room for the outermost lines
    pixels = framed(mosaic(tiles(cell), marks), size)
    pieces = np.where(marks < MARKS["0"], marks, MARKS[" "])
    outline(pixels, pieces, (size - whole * cell) // 2, cell)
    return Image.fromarray(pixels)


@cache
def tiles(cell: int) -> np.ndarray:
    """A tile for each of MARKS."""
    plain = [lettered(cell, cell, WHITE), lettered(cell, cell, WHITE, line=PALE)]
    held = [
        lettered(cell, cell, colour, letter, 0.62 * cell, tuple(round(0.85 * c) for c in colour))
        for letter, colour in COLOURS.items()
    ]
    numbers = [lettered(cell, cell, WHITE, at, 0.62 * cell) for at in range(10)]
    return np.stack([*plain, *held, *numbers])


def stand(marks, rows, top: int, left: int) -> None:
    for row, line in enumerate(rows, top):
        marks[row, left : left + len(line)] = [MARKS[mark] for mark in line]


def outline(pixels, pieces, margin: int, cell: int) -> None:
    """Black lines between cells of different pieces."""
    width = max(2, cell // 9)
    first = margin - cell - width // 2  # where the line above the row -1 begins
    around = np.pad(pieces, 1)
    for row, col in np.argwhere(around[1:] != around[:-1]).tolist():
        y, x = first + (row + 1) * cell, first + col * cell
        pixels[y : y + width, x : x + cell + width] = 0
    for row, col in np.argwhere(around[:, 1:] != around[:, :-1]).tolist():
        y, x = first + row * cell, first + (col + 1) * cell
        pixels[y : y + cell + width, x : x + width] = 0
