"""What stands on a board beside shapes: letters in cells, and thick lines around regions."""

import functools
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from synth.draw.board import Board
from synth.draw.canvas import BLACK
from synth.grid import Cell


def letter(board: Board, cell: Cell, words, colour=BLACK, scale: float = 0.6) -> None:
    """Words in the middle of a cell, `scale` cells high."""
    row, col = cell
    half = (board.cell + board.line_px) / 2
    centre = board.left + col * board.cell + half, board.top + row * board.cell + half
    stamp(board.image, centre, words, scale * board.cell, colour)


def stamp(image: Image.Image, at: tuple[float, float], words, px: float, colour=BLACK) -> None:
    """The same as `write`, at whole pixels: much faster for words that come again and again."""
    mask = _mask(str(words), px)
    left, top = (round(place - side / 2) for place, side in zip(at, mask.size, strict=True))
    image.paste(colour, (left, top), mask)


@functools.lru_cache(maxsize=1024)
def _mask(words: str, px: float) -> Image.Image:
    """The words, capital letters and digits in the middle of the height."""
    font = ImageFont.load_default(px)
    width, height = round(font.getlength(words)) + 2, round(1.2 * px)
    mask = Image.new("L", (width, height))
    _, top, _, bottom = font.getbbox("H", anchor="ls")
    base = (height - (bottom - top)) / 2 - top
    ImageDraw.Draw(mask).text((width / 2, base), words, 255, font, anchor="ms")
    return mask


def outline(board: Board, rows: Sequence, colour=BLACK, share: float = 0.07) -> None:
    """Thick lines between cells with different marks in `rows`, and around the board.

    share: the width of a line in cells.
    """
    pen = ImageDraw.Draw(board.image)
    wide = max(board.line_px, round(board.cell * share))
    before, after = wide // 2, wide - wide // 2 - 1
    for row in range(len(rows) + 1):
        for col in range(len(rows[0]) + 1):
            x, y = board.left + col * board.cell, board.top + row * board.cell
            here, above, aside = (
                rows[r][c] if 0 <= r < len(rows) and 0 <= c < len(rows[0]) else None
                for r, c in ((row, col), (row - 1, col), (row, col - 1))
            )
            if here != above and col < len(rows[0]):
                pen.rectangle((x - before, y - before, x + board.cell + after, y + after), colour)
            if here != aside and row < len(rows):
                pen.rectangle((x - before, y - before, x + after, y + board.cell + after), colour)
