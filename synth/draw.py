"""The canvas that games draw on: a numbered grid whose cells are filled and marked.

Everything is placed on whole pixels; round marks are drawn four times too large and reduced.
"""

import functools
import math
import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from synth.game import Cell

WHITE, BLACK, GREY, PALE = (255, 255, 255), (0, 0, 0), (150, 150, 150), (215, 215, 215)
SLATE = (62, 74, 92)
RED, GREEN, BLUE = (214, 39, 40), (30, 160, 60), (31, 90, 200)


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

    def mark(self, cell: Cell, shape: str, colour, scale: float = 0.7) -> None:
        """Draws a shape of SHAPES centred in a cell, `scale` cells wide."""
        x0, y0, x1, y1 = self._inside(cell)
        px = max(3, round(self.cell * scale))
        px -= (px - (x1 - x0 + 1)) % 2  # same parity as the cell: exactly in its centre
        mask = _mask(shape, px)
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
        font = ImageFont.load_default(text_px)
        half = (cell + line_px) / 2
        for row in range(rows):
            at = left - margin / 2, top + row * cell + half
            pen.text(at, str(row), BLACK, font, anchor="mm")
        for col in range(cols):
            at = left + col * cell + half, top - margin / 2
            pen.text(at, str(col), BLACK, font, anchor="mm")
    return cell, left, top, line_px, image


def _disc(pen, px):
    pen.ellipse((0, 0, px, px), fill=255)


def _ring(pen, px):
    pen.ellipse((0, 0, px, px), fill=255)
    band = px * 0.2
    pen.ellipse((band, band, px - band, px - band), fill=0)


def _cross(pen, px):
    inset = px * 0.08
    for start, end in ((inset, px - inset), (px - inset, inset)):
        pen.line((start, inset, end, px - inset), fill=255, width=round(px * 0.2))


def _square(pen, px):
    pen.rectangle((0, 0, px, px), fill=255)


SHAPES = {"disc": _disc, "ring": _ring, "cross": _cross, "square": _square}


@functools.lru_cache(maxsize=256)
def _mask(shape: str, px: int) -> Image.Image:
    large = Image.new("L", (4 * px, 4 * px))
    SHAPES[shape](ImageDraw.Draw(large), 4 * px - 1)
    return large.reduce(4)


def png(image: Image.Image) -> bytes:
    """An RGB picture as PNG (ISO/IEC 15948), every row filtered by the one above it ("Up").

    Pillow's encoder tries five filters on every row, which takes most of a record's time; on flat
    pictures this one filter gives files of the same size.
    """
    pixels_hwc = np.asarray(image)
    height, width, _ = pixels_hwc.shape
    rows = pixels_hwc.reshape(height, 3 * width)
    filtered = np.empty((height, 1 + 3 * width), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])  # modulo 256, as the standard says
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(filtered, 1)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
