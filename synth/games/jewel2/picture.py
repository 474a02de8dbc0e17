"""The picture of a jewel2 board, and the same in words."""

import re
from functools import lru_cache

from PIL import Image, ImageDraw

from synth.draw import BLACK, BLUE, GREEN, RED, SLATE, WHITE, Board, write
from synth.games.jewel2.rules import NORMAL, Jewels

COLOURS = dict(zip(NORMAL, (RED, GREEN, BLUE, (245, 205, 50), (150, 70, 190)), strict=True))
INK = dict(zip(NORMAL, (WHITE, WHITE, WHITE, BLACK, WHITE), strict=True))


def draw(board: Jewels, size: int):
    count, strip = len(board.rows), round(0.1 * size)
    image = Image.new("RGB", (size, size), WHITE)
    picture = Board(size - strip, count, count)
    for row, marks in enumerate(board.rows):
        for col, mark in enumerate(marks):
            x = picture.left + col * picture.cell + picture.line_px
            y = picture.top + row * picture.cell + picture.line_px
            picture.image.paste(_piece(mark, picture.cell - picture.line_px), (x, y))
    image.paste(picture.image, (strip // 2, 0))
    write(image, (size / 2, size - strip / 2), f"Total: {board.total}", 0.7 * strip)
    return image


@lru_cache(maxsize=256)
def _piece(mark: str, px: int) -> Image.Image:
    """A cell with a piece, drawn four times too large and reduced."""
    large = Image.new("RGB", (4 * px, 4 * px), WHITE)
    pen, middle, reach = ImageDraw.Draw(large), 2 * px, 1.9 * px
    if mark in NORMAL:
        tips = ((0, -reach), (reach, 0), (0, reach), (-reach, 0))
        pen.polygon([(middle + x, middle + y) for x, y in tips], COLOURS[mark])
        write(large, (middle, middle), mark, 1.7 * px, INK[mark])
        return large.reduce(4)
    colour = COLOURS.get(mark.upper(), SLATE)
    box = tuple(middle + sign * 0.8 * reach for sign in (-1, -1, 1, 1))
    pen.ellipse(box, colour, BLACK, round(0.18 * px))
    ink, long, thick = INK.get(mark.upper(), WHITE), 0.95 * px, 0.16 * px
    bars = {"|": ((thick, long),), "+": ((thick, long), (long, thick))}
    for half_width, half_height in bars.get(mark, ()):
        corners = (
            middle - half_width,
            middle - half_height,
            middle + half_width,
            middle + half_height,
        )
        pen.rectangle(corners, ink)
    if mark not in bars:
        write(large, (middle, middle), mark, 2 * px, ink)
    return large.reduce(4)


def describe(board: Jewels) -> str:
    rows = "\n".join(f"row {row}: {' '.join(marks)}" for row, marks in enumerate(board.rows))
    return (
        "A board of jewels, A to E are normal pieces (diamonds), a to e, + and | special ones "
        f"(discs):\n{rows}\nTotal: {board.total}"
    )


def parse(description: str) -> Jewels:
    rows = re.findall(r"row \d+: (.+)", description)
    total = int(re.search(r"Total: (\d+)", description)[1])
    return Jewels(tuple(row.replace(" ", "") for row in rows), total)
