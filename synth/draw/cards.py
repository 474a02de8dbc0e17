"""A table of cards: a row of single places, the head, above columns of overlapping cards."""

import functools
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw

from synth.cards import SUITS, is_red
from synth.draw.canvas import BLACK, RED, WHITE, write
from synth.draw.shapes import mask_of

FELT, LINE, SHADE = (201, 224, 206), (88, 104, 94), (150, 182, 158)
BACK, BACK_LINE = (112, 146, 214), (24, 44, 96)


class Table:
    """A size x size RGB picture of a card table with room for so many cards side by side.

    head: the places of the upper row, by column (from 0, at the left) with their names. marks:
    suits that stand in them while they are empty. piles: the columns that cards lie in, numbered
    from 1. low: cards in the head are cut to half their height.
    """

    def __init__(
        self,
        size: int,
        columns: int,
        head: Mapping[float, str],
        piles: Sequence[float],
        marks: Mapping[float, str] | None = None,
        low: bool = False,
    ):
        self.size, self.columns, self.pitch = size, piles, size / columns
        self.width = round(self.pitch) - max(2, size // 90)
        self.height = round(1.25 * self.width)
        self.head_height = self.height // 2 if low else self.height
        self.name_px = 0.044 * size
        self.top = round(1.1 * self.name_px)
        self.piles_top = self.top + self.head_height + round(1.2 * self.name_px)
        self.step = round(0.5 * self.width)  # pixels that a card shows of the one below it
        self.back_step = round(0.024 * size)
        across = self.width - 1, self.head_height - 1
        boxes = tuple((x, self.top, x + across[0], self.top + across[1]) for x in self._lefts(head))
        names = [(self._middle(at), 0.55 * self.name_px, name) for at, name in head.items()]
        y = self.piles_top - 0.55 * self.name_px
        names += [(self._middle(at), y, number) for number, at in enumerate(piles, 1)]
        suits = tuple((self.left(at), self.top, suit) for at, suit in (marks or {}).items())
        self.image = _blank(size, boxes, tuple(names), self.name_px, suits, self.width).copy()

    def left(self, column: float) -> int:
        return round((column + 0.5) * self.pitch - self.width / 2)

    def _lefts(self, columns) -> list[int]:
        return [self.left(column) for column in columns]

    def _middle(self, column: float) -> float:
        return self.left(column) + self.width / 2

    def place(self, column: float, card: str) -> None:
        """A single card in the head; nothing for an empty text."""
        if card:
            face = _face(card, self.width, self.height, self.step)
            self.image.paste(face, (self.left(column), self.top))

    def backs(self, column: float, count: int, apart: int = 0) -> None:
        """Cards lying face down in the head, `apart` pixels from left to right."""
        for at in range(count):
            corner = self.left(column) + at * apart, self.top
            self.image.paste(_back(self.width, self.head_height), corner)

    def words(self, column: float, words) -> None:
        """Words in the middle of a place of the head."""
        at = self._middle(column), self.top + self.head_height / 2
        write(self.image, at, words, 0.55 * self.width)

    def piles(self, faces: Sequence[Sequence[str]], hidden: Sequence[int] | None = None) -> None:
        """The cards of the columns from top to bottom: those face down, then those face up.

        They lie closer together where the longest column would not fit. Comes before `place`: all
        cards of a picture have the same print.
        """
        hidden = hidden or [0] * len(faces)
        room = self.size - 2 - self.piles_top - self.height
        for backs, cards in zip(hidden, faces, strict=True):
            free = room - backs * self.back_step
            self.step = min(self.step, free // max(1, len(cards) - 1))
        back = _back(self.width, self.height)
        for column, backs, cards in zip(self.columns, hidden, faces, strict=True):
            x, y = self.left(column), self.piles_top
            for at in range(backs):
                self.image.paste(back, (x, y + at * self.back_step))
            y += backs * self.back_step
            for at, card in enumerate(cards):
                face = _face(card, self.width, self.height, self.step)
                self.image.paste(face, (x, y + at * self.step))


@functools.lru_cache(maxsize=16)
def _blank(size, boxes, names, name_px, suits, width) -> Image.Image:
    """The table without cards, the same for many pictures: outlines, suits in them, names."""
    image = Image.new("RGB", (size, size), FELT)
    pen = ImageDraw.Draw(image)
    for box in boxes:
        pen.rectangle(box, outline=LINE)
    for x, y, suit in suits:
        mask = mask_of(SUITS[suit], round(0.6 * width))
        image.paste(SHADE, (x + round(0.2 * width), y + round(0.3 * width)), mask)
    for x, y, name in names:
        write(image, (x, y), name, name_px)
    return image


@functools.lru_cache(maxsize=4096)
def _face(card: str, width: int, height: int, step: int) -> Image.Image:
    """A card: rank and suit in the strip that stays free when another lies on it, suit below."""
    image = Image.new("RGB", (width, height), WHITE)
    ImageDraw.Draw(image).rectangle((0, 0, width - 1, height - 1), outline=LINE)
    colour, shape = RED if is_red(card) else BLACK, SUITS[card[-1]]
    px = min(0.48 * width, 1.02 * step)
    middle = (step + 1) / 2
    write(image, (0.3 * width, middle + 0.04 * px), card[:-1], px, colour)
    small = round(min(0.8 * px, step - 3))
    x = round(0.77 * width - small / 2)
    image.paste(colour, (x, round(middle - small / 2)), mask_of(shape, small))
    large = round(min(0.5 * width, height - step - 4))
    corner = (width - large) // 2, step + (height - step - large) // 2
    image.paste(colour, corner, mask_of(shape, large))
    return image


@functools.lru_cache(maxsize=64)
def _back(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), BACK)
    ImageDraw.Draw(image).rectangle((0, 0, width - 1, height - 1), outline=BACK_LINE)
    return image
