"""The marks that stand in cells, as masks; drawn four times too large and reduced."""

import functools
import math

from PIL import Image, ImageDraw

from synth.grid import DIRECTIONS


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


def _diamond(pen, px):
    inset = px * 0.12
    pen.polygon([(px / 2, 0), (px - inset, px / 2), (px / 2, px), (inset, px / 2)], fill=255)


def _heart(pen, px):
    lobe = px * 0.54
    pen.ellipse((0, 0, lobe, lobe), fill=255)
    pen.ellipse((px - lobe, 0, px, lobe), fill=255)
    corners = (0.06, 0.42), (0.5, 0.26), (0.94, 0.42), (0.5, 1.0)
    pen.polygon([(x * px, y * px) for x, y in corners], fill=255)


def _spade(pen, px):
    lobe = px * 0.5
    pen.ellipse((0, px * 0.37, lobe, px * 0.37 + lobe), fill=255)
    pen.ellipse((px - lobe, px * 0.37, px, px * 0.37 + lobe), fill=255)
    corners = (0.5, 0.0), (0.96, 0.5), (0.5, 0.75), (0.04, 0.5)
    pen.polygon([(x * px, y * px) for x, y in corners], fill=255)
    _stem(pen, px)


def _club(pen, px):
    lobe = px * 0.46
    for x, y in ((0.5, 0.23), (0.23, 0.56), (0.77, 0.56)):
        corner = x * px - lobe / 2, y * px - lobe / 2
        pen.ellipse((*corner, corner[0] + lobe, corner[1] + lobe), fill=255)
    pen.rectangle((px * 0.42, px * 0.3, px * 0.58, px * 0.8), fill=255)
    _stem(pen, px)


def _stem(pen, px):
    corners = (0.5, 0.5), (0.68, 1.0), (0.32, 1.0)
    pen.polygon([(x * px, y * px) for x, y in corners], fill=255)


def _star(pen, px):
    """A star with five points, the first one up, as wide as high."""
    low, side = math.cos(math.pi / 5), math.sin(math.pi * 2 / 5)
    spokes = [(1 if at % 2 == 0 else 0.42, math.pi * at / 5) for at in range(10)]
    points = [(far * math.sin(turn), far * math.cos(turn)) for far, turn in spokes]
    pen.polygon(
        [(px * (x / side + 1) / 2, px * (1 - (y + low) / (1 + low))) for x, y in points], fill=255
    )


def _tree(pen, px):
    """A round crown on a trunk."""
    pen.rectangle((px * 0.42, px * 0.5, px * 0.58, px), fill=255)
    pen.ellipse((px * 0.12, 0, px * 0.88, px * 0.76), fill=255)


def _tent(pen, px):
    """A gable with an open door."""
    pen.polygon([(px / 2, 0), (px, px), (0, px)], fill=255)
    pen.polygon([(px / 2, px * 0.5), (px * 0.66, px), (px * 0.34, px)], fill=0)


BITMAPS = {
    "squid": (
        "...##...",
        "..####..",
        ".######.",
        "##.##.##",
        "########",
        "..#..#..",
        ".#.##.#.",
        "#.#..#.#",
    ),
    "crab": (
        "..#.....#..",
        "#..#...#..#",
        "#.#######.#",
        "###.###.###",
        "###########",
        ".#########.",
        "..#.....#..",
        ".#.......#.",
    ),
    "saucer": (
        "....####....",
        "..########..",
        "############",
        "#..##..##..#",
        "############",
        "..##....##..",
    ),
    "ship": (
        ".....#.....",
        "....###....",
        "....###....",
        ".#########.",
        "###########",
        "###########",
    ),
}


def _bitmap(pen, px, name):
    """A picture of dots, as wide as the cell and in its middle."""
    rows = BITMAPS[name]
    dot = (px + 1) / len(rows[0])
    top = (px + 1 - dot * len(rows)) / 2
    for row, marks in enumerate(rows):
        for col, mark in enumerate(marks):
            if mark == "#":
                left, upper = round(col * dot), round(top + row * dot)
                right, lower = round((col + 1) * dot) - 1, round(top + (row + 1) * dot) - 1
                pen.rectangle((left, upper, right, lower), fill=255)


SHAPES = {"disc": _disc, "ring": _ring, "cross": _cross, "square": _square}
SHAPES |= {"crate": _crate, "person": _person}
SHAPES |= {"diamonds": _diamond, "hearts": _heart, "spades": _spade, "clubs": _club}
SHAPES |= {"star": _star, "tree": _tree, "tent": _tent}
SHAPES |= {f"arrow {way}": functools.partial(_arrow, heading=way) for way in DIRECTIONS}
SHAPES |= {name: functools.partial(_bitmap, name=name) for name in BITMAPS}


@functools.lru_cache(maxsize=256)
def mask_of(shape: str, px: int) -> Image.Image:
    large = Image.new("L", (4 * px, 4 * px))
    SHAPES[shape](ImageDraw.Draw(large), 4 * px - 1)
    return large.reduce(4)
