"""The marks that stand in cells, as masks; drawn four times too large and reduced."""

import functools

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
SHAPES |= {f"arrow {way}": functools.partial(_arrow, heading=way) for way in DIRECTIONS}
SHAPES |= {name: functools.partial(_bitmap, name=name) for name in BITMAPS}


@functools.lru_cache(maxsize=256)
def mask_of(shape: str, px: int) -> Image.Image:
    large = Image.new("L", (4 * px, 4 * px))
    SHAPES[shape](ImageDraw.Draw(large), 4 * px - 1)
    return large.reduce(4)
