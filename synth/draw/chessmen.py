"""A chess board, files a to h from the left and ranks 1 to 8 from below, and its pieces."""

import functools
import math

from PIL import Image, ImageDraw

from synth.draw.canvas import BLACK, WHITE, write

DARK = (196, 196, 196)
FOOT = ((0.2, 0.82, 0.8, 0.93), (0.26, 0.75, 0.74, 0.82))


class ChessBoard:
    """A size x size RGB picture of an empty board, which pieces are put on."""

    def __init__(self, size: int):
        self.cell, self.left, self.top, blank = _blank(size)
        self.image = blank.copy()

    def put(self, piece: str, file: int, rank: int) -> None:
        """A piece, one of "PRNBQK", on a square; files and ranks count from 0."""
        corner = self.left + file * self.cell, self.top + (7 - rank) * self.cell
        self.image.paste(BLACK, corner, mask_of(piece, self.cell))


@functools.cache
def _blank(size: int) -> tuple[int, int, int, Image.Image]:
    margin = math.ceil(0.06 * size)
    cell = (size - margin - 2) // 8
    left, top = size - 1 - 8 * cell, 1
    image = Image.new("RGB", (size, size), WHITE)
    pen = ImageDraw.Draw(image)
    pen.rectangle((left - 1, top - 1, left + 8 * cell, top + 8 * cell), outline=BLACK)
    for at in range(64):
        file, row = at % 8, at // 8
        if (file + row) % 2:
            x, y = left + file * cell, top + row * cell
            pen.rectangle((x, y, x + cell - 1, y + cell - 1), fill=DARK)
    for at in range(8):
        centre = (at + 0.5) * cell
        write(image, (left / 2, top + centre), 8 - at, margin)
        write(image, (left + centre, (top + 8 * cell + size) / 2), "abcdefgh"[at], margin)
    return cell, left, top, image


@functools.cache
def mask_of(piece: str, px: int) -> Image.Image:
    """A piece in its square; drawn four times too large and reduced."""
    large = Image.new("L", (4 * px, 4 * px))
    pen = Pen(large)
    for box in FOOT:
        pen.box(*box)
    MEN[piece](pen)
    return large.reduce(4)


class Pen:
    """Draws in a square of side 1."""

    def __init__(self, image: Image.Image):
        self.pen, self.px = ImageDraw.Draw(image), image.width

    def box(self, *corners: float, fill: int = 255) -> None:
        self.pen.rectangle([at * self.px for at in corners], fill=fill)

    def ball(self, x: float, y: float, radius: float, fill: int = 255) -> None:
        box = x - radius, y - radius, x + radius, y + radius
        self.pen.ellipse([at * self.px for at in box], fill=fill)

    def area(self, *points: tuple[float, float], fill: int = 255) -> None:
        self.pen.polygon([(x * self.px, y * self.px) for x, y in points], fill=fill)

    def line(self, *points: tuple[float, float], wide: float, fill: int = 255) -> None:
        scaled = [(x * self.px, y * self.px) for x, y in points]
        self.pen.line(scaled, fill=fill, width=round(wide * self.px))


def _pawn(pen: Pen) -> None:
    pen.ball(0.5, 0.36, 0.13)
    pen.box(0.36, 0.47, 0.64, 0.53)
    pen.area((0.42, 0.5), (0.58, 0.5), (0.68, 0.77), (0.32, 0.77))


def _rook(pen: Pen) -> None:
    """A tower with three merlons."""
    pen.box(0.32, 0.33, 0.68, 0.77)
    pen.box(0.22, 0.22, 0.78, 0.36)
    for left in (0.22, 0.42, 0.62):
        pen.box(left, 0.1, left + 0.16, 0.24)


def _knight(pen: Pen) -> None:
    """A horse's head that looks to the left."""
    head = (0.47, 0.15), (0.64, 0.22), (0.76, 0.42), (0.76, 0.77), (0.32, 0.77)
    muzzle = (0.36, 0.62), (0.52, 0.5), (0.3, 0.56), (0.17, 0.54), (0.16, 0.44), (0.38, 0.24)
    pen.area(*head, *muzzle, (0.4, 0.08))
    pen.ball(0.43, 0.31, 0.035, fill=0)


def _bishop(pen: Pen) -> None:
    """A mitre with a slit."""
    pen.ball(0.5, 0.1, 0.065)
    pen.area((0.5, 0.1), (0.73, 0.4), (0.64, 0.6), (0.36, 0.6), (0.27, 0.4))
    pen.line((0.52, 0.46), (0.74, 0.18), wide=0.07, fill=0)
    pen.box(0.3, 0.61, 0.7, 0.67)
    pen.area((0.42, 0.66), (0.58, 0.66), (0.66, 0.77), (0.34, 0.77))


def _queen(pen: Pen) -> None:
    """A crown with five balls on its points."""
    tips = [(0.12, 0.3), (0.31, 0.18), (0.5, 0.13), (0.69, 0.18), (0.88, 0.3)]
    dips = [(0.29, 0.5), (0.42, 0.46), (0.58, 0.46), (0.71, 0.5)]
    crown = [point for pair in zip(tips, [*dips, (0.74, 0.77)], strict=True) for point in pair]
    pen.area(*crown, (0.26, 0.77))
    for x, y in tips:
        pen.ball(x, y, 0.065)


def _king(pen: Pen) -> None:
    """A cross on top of two round shoulders."""
    pen.box(0.46, 0.03, 0.54, 0.36)
    pen.box(0.37, 0.11, 0.63, 0.18)
    pen.ball(0.33, 0.49, 0.18)
    pen.ball(0.67, 0.49, 0.18)
    pen.area((0.16, 0.53), (0.5, 0.3), (0.84, 0.53), (0.71, 0.77), (0.29, 0.77))


MEN = {"P": _pawn, "R": _rook, "N": _knight, "B": _bishop, "Q": _queen, "K": _king}
