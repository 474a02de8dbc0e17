"""The canvas that games draw on: a numbered grid whose cells are filled and marked.

Everything is placed on whole pixels; round marks are drawn four times too large and reduced.
"""

import dataclasses
import functools
import math
import struct
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from synth.game import DIRECTIONS, Cell

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
        half = (cell + line_px) / 2
        for row in range(rows):
            write(image, (left - margin / 2, top + row * cell + half), row, text_px)
        for col in range(cols):
            write(image, (left + col * cell + half, top - margin / 2), col, text_px)
    return cell, left, top, line_px, image


def write(image: Image.Image, at: tuple[float, float], words, px: float, colour=BLACK) -> None:
    """Words of px pixels height, centred at (x, y)."""
    font = ImageFont.load_default(px)
    ImageDraw.Draw(image).text(at, str(words), colour, font, anchor="mm")


@dataclasses.dataclass(frozen=True)
class Panel:
    """A small grid with its lower left cell at (1, 1): the first number runs right, the other up.

    corner: the pixel of its upper left corner. cell: pixels from one line to the next.
    """

    corner: tuple[int, int]
    cell: int
    rows: int
    cols: int

    def draw(self, image: Image.Image, title: str, along, upwards) -> None:
        """The empty grid with a title, and with numbers in these two colours."""
        pen, (left, top) = ImageDraw.Draw(image), self.corner
        right, bottom = left + self.cols * self.cell, top + self.rows * self.cell
        text_px, line_px = 0.66 * self.cell, self._line_px(image)
        for y in range(top, bottom + 1, self.cell):
            pen.line((left, y, right, y), PALE, line_px)
        for x in range(left, right + 1, self.cell):
            pen.line((x, top, x, bottom), PALE, line_px)
        write(image, ((left + right) / 2, top - 0.54 * self.cell), title, text_px)
        for col in range(1, self.cols + 1):
            x = left + (col - 0.5) * self.cell
            write(image, (x, bottom + 0.43 * self.cell), col, text_px, along)
        for row in range(1, self.rows + 1):
            y = bottom - (row - 0.5) * self.cell
            write(image, (left - 0.42 * self.cell, y), row, text_px, upwards)

    def fill(self, image: Image.Image, col: int, row: int, colour) -> None:
        line_px = self._line_px(image)
        x = self.corner[0] + (col - 1) * self.cell
        y = self.corner[1] + (self.rows - row) * self.cell
        inside = x + line_px, y + line_px, x + self.cell - 1, y + self.cell - 1
        ImageDraw.Draw(image).rectangle(inside, colour)

    def _line_px(self, image: Image.Image) -> int:
        return max(1, image.width // 220)


@dataclasses.dataclass(frozen=True)
class Oblique:
    """Blocks seen from the front, above and a little to the right, in oblique projection.

    Cells are (x, y, z) from 0: x runs towards the viewer, y to the right, z upwards. `corner` is
    the pixel of the back left bottom of cell (0, 0, 0); a block is `across` pixels wide and
    `height` high, and one step of x leads `slant` = (left, down) pixels. Layers are `rise` pixels
    apart: more than `height` lifts them off each other, so that no block hides another's top.
    """

    corner: tuple[int, int]
    across: int
    slant: tuple[int, int]
    height: int
    rise: int

    def point(self, x: float, y: float, z: float) -> tuple[float, float]:
        """The pixel of a corner of the grid."""
        left, down = self.slant
        return (
            self.corner[0] + y * self.across - x * left,
            self.corner[1] + x * down - z * self.rise,
        )

    def floor(self, image: Image.Image, z: int, rows: int, cols: int, first: int = 0) -> None:
        """The grid on which the blocks of layer z stand, numbered from `first`: x red, y green."""
        line_px = max(1, image.width // 220)
        ends = [((x, 0), (x, cols)) for x in range(rows + 1)]
        ends += [((0, y), (rows, y)) for y in range(cols + 1)]
        large = Image.new("L", (4 * image.width, 4 * image.height))
        pen = ImageDraw.Draw(large)
        for pair in ends:
            points = [tuple(4 * at + 2 for at in self.point(*end, z)) for end in pair]
            pen.line(points, fill=255, width=4 * line_px)
        image.paste(PALE, (0, 0), large.reduce(4))
        text_px = 0.44 * self.across
        for at, name in enumerate((*range(first, first + rows), "x")):
            x, y = self.point(min(at + 0.5, rows + 0.4), 0, z)
            write(image, (x - 0.58 * self.across, y), name, text_px, RED)
        for at, name in enumerate((*range(first, first + cols), "y")):
            x, y = self.point(rows, min(at + 0.5, cols + 0.4), z)
            write(image, (x, y + 0.29 * self.across), name, text_px, GREEN)

    def blocks(self, image: Image.Image, cells, colour) -> None:
        """Draws a block in every cell; those nearer to the viewer cover those behind them."""
        picture, mask = _block(self.across, self.slant, self.height, colour)
        for cell in sorted(cells, key=lambda cell: (cell[2], cell[0], cell[1])):
            x, y = self.point(*cell)
            image.paste(picture, (x - self.slant[0], y - self.height), mask)


@functools.lru_cache(maxsize=64)
def _block(across, slant, height, colour) -> tuple[Image.Image, Image.Image]:
    """A block's picture and mask: its top, its front and its right side in three shades."""
    left, down = slant
    line_px = max(1, across // 24)
    top = (left, 0), (left + across, 0), (across, down), (0, down)
    front = (0, down), (across, down), (across, down + height), (0, down + height)
    side = (across, down), (left + across, 0), (left + across, height), (across, down + height)
    size = 4 * (left + across + line_px), 4 * (down + height + line_px)
    picture, mask = Image.new("RGB", size, WHITE), Image.new("L", size)
    pens = ImageDraw.Draw(picture), ImageDraw.Draw(mask)
    for face, white, black in ((side, 0, 0.3), (front, 0, 0), (top, 0.5, 0)):
        shade = tuple(round((part + (255 - part) * white) * (1 - black)) for part in colour)
        points = [(4 * x + 2 * line_px, 4 * y + 2 * line_px) for x, y in face]
        for pen, fill, edge in zip(pens, (shade, 255), (BLACK, 255), strict=True):
            pen.polygon(points, fill=fill)
            pen.line([*points, points[0]], fill=edge, width=4 * line_px, joint="curve")
    return picture.reduce(4), mask.reduce(4)


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


def _arrow(pen, px, heading):
    """An arrowhead; its notch tells the tip from the two other corners."""
    outline = ((0.5, 0.0), (0.95, 1.0), (0.5, 0.75), (0.05, 1.0))  # pointing up, (x, y)
    turned = {
        "up": outline,
        "down": [(x, 1 - y) for x, y in outline],
        "left": [(y, x) for x, y in outline],
        "right": [(1 - y, x) for x, y in outline],
    }
    pen.polygon([(x * px, y * px) for x, y in turned[heading]], fill=255)


def _crate(pen, px):
    """The frame and the two laths of a crate."""
    band = round(px * 0.11)
    pen.line((0, 0, px, px), fill=255, width=band)
    pen.line((px, 0, 0, px), fill=255, width=band)
    pen.rectangle((0, 0, px, px), outline=255, width=band)


def _person(pen, px):
    """A head above shoulders, whose lower half lies outside."""
    head, shoulders = round(px * 0.27), round(px * 0.08)
    pen.ellipse((head, 0, px - head, px - 2 * head), fill=255)
    pen.ellipse((shoulders, px * 0.52, px - shoulders, px * 1.48), fill=255)


SHAPES = {"disc": _disc, "ring": _ring, "cross": _cross, "square": _square}
SHAPES |= {"crate": _crate, "person": _person}
SHAPES |= {f"arrow {way}": functools.partial(_arrow, heading=way) for way in DIRECTIONS}


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
