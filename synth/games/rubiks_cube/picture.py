"""The net of the cube, and two views of it."""

from functools import cache

from PIL import Image, ImageDraw

from synth.draw import BLACK, BLUE, WHITE, write
from synth.draw.space import Point, View, fill
from synth.games.rubiks_cube.rules import AXES, CELLS, FACES, Cube, dot, places

PAINT = {
    "Y": (250, 220, 30),
    "W": WHITE,
    "O": (255, 145, 20),
    "R": (215, 40, 45),
    "B": (45, 95, 215),
    "G": (30, 155, 70),
}
NET = {"U": (0, 1), "L": (1, 0), "F": (1, 1), "R": (1, 2), "B": (1, 3), "D": (2, 1)}
GAP = 0.75  # cells before every face of the net, for its numbers
SEEN = ("UFR", "DBL")  # the faces of the two views


def draw(cube: Cube, size: int) -> Image.Image:
    image = blank(size).copy()
    cell = cell_px(size)
    for face, stickers in zip(FACES, cube.faces, strict=True):
        for (row, col), colour in zip(CELLS, stickers, strict=True):
            image.paste(tile(colour, cell), corner(face, row, col, size))
    for corners, at in outlines(size):
        fill(image, corners, PAINT[cube.faces[at // 9][at % 9]])
    return image


def cell_px(size: int) -> int:
    return int(size / (12 + 4 * GAP + 0.2))


def corner(face: str, row: float, col: float, size: int) -> tuple[int, int]:
    """The upper left pixel of a sticker in the net."""
    down, right = NET[face]
    cell = cell_px(size)
    top = (size - (9 + 3 * GAP) * cell) / 2
    return (
        round((right * (3 + GAP) + GAP + col) * cell),
        round(top + (down * (3 + GAP) + GAP + row) * cell),
    )


@cache
def tile(colour: str, cell: int) -> Image.Image:
    """A sticker of the net: its colour with a dark rim, and the colour's letter."""
    image = Image.new("RGB", (cell, cell), BLACK)
    ImageDraw.Draw(image).rectangle((1, 1, cell - 2, cell - 2), PAINT[colour])
    write(image, (cell / 2, cell / 2), colour, 0.66 * cell, WHITE if colour in "RBG" else BLACK)
    return image


@cache
def blank(size: int) -> Image.Image:
    """All but the stickers: names and numbers of the faces, the bodies of the two cubes."""
    image = Image.new("RGB", (size, size), WHITE)
    cell = cell_px(size)
    for face in FACES:
        x, y = corner(face, 0, 0, size)
        write(image, (x - 0.4 * cell, y - 0.36 * cell), face, 0.78 * cell, BLUE)
        for at in range(3):
            write(image, (x - 0.36 * cell, y + (at + 0.5) * cell), at, 0.52 * cell)
            write(image, (x + (at + 0.5) * cell, y - 0.34 * cell), at, 0.52 * cell)
    for faces, view in zip(SEEN, views(size), strict=True):
        for face in faces:
            fill(image, square(view, face, AXES[face], 1.5), BLACK)
            name_at = view.point(*(3.55 * part for part in AXES[face]))
            write(image, name_at, face, 0.78 * cell, BLUE)
    return image


def views(size: int) -> tuple[View, View]:
    """From the front right above, and from the back left below."""
    step = 0.046 * size
    across, down, upright = 0.87 * step, 0.5 * step, (0, -step)
    x, low = 0.76 * size, 0.2 * size
    return (
        View((x, low), (across, down), upright, (-across, down)),
        View((x, size - low), (-across, down), upright, (across, down)),
    )


def square(view: View, face: str, middle, half: float) -> tuple[Point, ...]:
    """The corners of a square on the outside of a face, 2 `half` wide, at a sticker's place."""
    axis = AXES[face]
    one, other = (part for part in ((1, 0, 0), (0, 1, 0), (0, 0, 1)) if not dot(part, axis))
    return tuple(
        view.point(
            *(
                m + a / 2 + half * (i * p + j * q)
                for m, a, p, q in zip(middle, axis, one, other, strict=True)
            )
        )
        for i, j in ((1, 1), (1, -1), (-1, -1), (-1, 1))
    )


@cache
def outlines(size: int) -> list[tuple[tuple[Point, ...], int]]:
    """The stickers that the views show: their corners, and their numbers."""
    return [
        (square(view, FACES[at // 9], position, 0.44), at)
        for faces, view in zip(SEEN, views(size), strict=True)
        for (position, _), at in places().items()
        if FACES[at // 9] in faces
    ]
