"""How a board of ultra tic-tac-toe looks."""

import functools
from itertools import product

from PIL import Image, ImageDraw

from synth.draw import BLACK, BLUE, RED, SLATE, WHITE, write
from synth.draw.shapes import mask_of
from synth.games.ultra_tictactoe.rules import AT, Ultra

YELLOW = (255, 226, 120)
LOOKS = {"X": ("cross", RED), "O": ("ring", BLUE)}


def draw(board: Ultra, size: int):
    cell, starts, blank = _blank(size)
    image = blank.copy()
    pen = ImageDraw.Draw(image)
    line = max(1, cell // 20)
    px = round(0.68 * cell)
    px -= (px - cell - line) % 2  # the same parity as the cell: exactly in its middle
    for (i, j), marks in zip(AT, board.grids, strict=True):
        for (row, col), mark in zip(AT, marks, strict=True):
            x, y = starts[j] + col * cell, starts[i] + row * cell
            if (i, j, row, col) == board.last:
                frame = (x, y, x + cell + line - 1, y + cell + line - 1)
                pen.rectangle(frame, YELLOW, BLACK, 3 * line)
            if mark != "-":
                inset = (cell + line - px) // 2
                shape, colour = LOOKS[mark]
                image.paste(colour, (x + inset, y + inset), mask_of(shape, px))
    return image


@functools.lru_cache(maxsize=8)
def _blank(size: int) -> tuple[int, list[int], Image.Image]:
    """The side of a cell, where the small grids begin, and the empty grids with their numbers."""
    cell = int(size / 11.8)
    line = max(1, cell // 20)
    first = size - 10 * cell - line - cell // 5
    starts = [first + at * (3 * cell + cell // 2) for at in range(3)]
    image = Image.new("RGB", (size, size), WHITE)
    pen = ImageDraw.Draw(image)
    for x, y in product(starts, starts):
        for at in range(4):
            to, end = at * cell, 3 * cell + line - 1
            pen.rectangle((x + to, y, x + to + line - 1, y + end), SLATE)
            pen.rectangle((x, y + to, x + end, y + to + line - 1), SLATE)
    small, large = first - 0.38 * cell, first - 1.25 * cell
    for number, start in enumerate(starts):
        middle = start + 1.5 * cell
        write(image, (large, middle), number, cell)
        write(image, (middle, large), number, cell)
        for at in range(3):
            middle = start + (at + 0.5) * cell
            write(image, (small, middle), at, 0.68 * cell, SLATE)
            write(image, (middle, small), at, 0.68 * cell, SLATE)
    return cell, starts, image
