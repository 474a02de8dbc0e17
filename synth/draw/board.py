"""A numbered grid whose cells are filled and marked; everything lies on whole pixels."""

import functools
import math

from PIL import Image, ImageDraw

from synth.draw.canvas import PALE, WHITE, write
from synth.draw.shapes import mask_of
from synth.grid import Cell


class Board:
    """A size x size RGB picture of a rows x cols grid of white cells.

    Row numbers stand left of the grid and column numbers above it, from 0, unless numbers=False.
    """

    def __init__(self, size: int, rows: int, cols: int, line=PALE, numbers: bool = True):
        self.cell, self.left, self.top, self.line_px, blank = _blank(
            size, rows, cols, line, numbers
        )
        self.image = blank.copy()
        self._pen = ImageDraw.Draw(self.image)

    def fill(self, cell: Cell, colour) -> None:
        """Colours a cell, leaving the lines around it."""
        self._pen.rectangle(self._inside(cell), fill=colour)

    def fill_all(self, rows, mark: str, colour) -> None:
        """Colours every cell that has this mark in `rows`, one text a row."""
        for row, marks in enumerate(rows):
            for col, other in enumerate(marks):
                if other == mark:
                    self.fill((row, col), colour)

    def mark(self, cell: Cell, shape: str, colour, scale: float = 0.7) -> None:
        """Draws a shape of SHAPES centred in a cell, `scale` cells wide."""
        x0, y0, x1, y1 = self._inside(cell)
        px = max(3, round(self.cell * scale))
        px -= (px - (x1 - x0 + 1)) % 2  # same parity as the cell: exactly in its centre
        mask = mask_of(shape, px)
        self.image.paste(colour, (x0 + (x1 - x0 + 1 - px) // 2, y0 + (y1 - y0 + 1 - px) // 2), mask)

    def _inside(self, cell: Cell) -> tuple[int, int, int, int]:
        row, col = cell
        x = self.left + col * self.cell
        y = self.top + row * self.cell
        return x + self.line_px, y + self.line_px, x + self.cell - 1, y + self.cell - 1


@functools.lru_cache(maxsize=32)
def _blank(size, rows, cols, line, numbers):
    """The empty board with its numbers, and where its cells lie: the same for many pictures."""
    longest = max(rows, cols)
    text_px = min(0.09 * size, 0.75 * size / (longest + 0.9))
    margin = math.ceil(1.15 * text_px) if numbers else 0
    line_px = max(1, size // (40 * longest))
    cell = (size - margin - line_px) // longest
    left = margin + (size - margin - cols * cell - line_px) // 2
    top = margin + (size - margin - rows * cell - line_px) // 2
    image = Image.new("RGB", (size, size), WHITE)
    pen = ImageDraw.Draw(image)
    right, bottom = left + cols * cell, top + rows * cell
    for row in range(rows + 1):
        y = top + row * cell
        pen.rectangle((left, y, right + line_px - 1, y + line_px - 1), fill=line)
    for col in range(cols + 1):
        x = left + col * cell
        pen.rectangle((x, top, x + line_px - 1, bottom + line_px - 1), fill=line)
    if numbers:
        half = (cell + line_px) / 2
        for row in range(rows):
            write(image, (left - margin / 2, top + row * cell + half), row, text_px)
        for col in range(cols):
            write(image, (left + col * cell + half, top - margin / 2), col, text_px)
    return cell, left, top, line_px, image
