"""Unit blocks with patterns on their faces, seen from the front corner and from above."""

import dataclasses
import functools

from PIL import Image, ImageDraw

from synth.draw.canvas import BLACK
from synth.draw.space import View

SHADES = {"top": 1.0, "left": 0.86, "right": 0.7}
Mark = tuple[str, tuple, tuple]  # the faces that have it, its colour, its corners (u, v) in 0..1


@dataclasses.dataclass(frozen=True)
class Look:
    """A block's colours and marks. On its sides u runs to the right and v upwards."""

    top: tuple
    side: tuple
    marks: tuple[Mark, ...] = ()


def isometric(origin: tuple[int, int], across: int, down: int, height: int) -> View:
    """x leads to the lower right, y to the lower left, z upwards; all in whole pixels."""
    return View(origin, (across, down), (-across, down), (0, -height))


def put(image: Image.Image, view: View, at: tuple[int, int, int], look: Look) -> None:
    """Draws the block whose corner with the smallest coordinates is `at`, over what was there.

    Draw blocks behind and below before those in front and above.
    """
    x, y, z = at
    picture, mask = _block(view.x, view.z, look)
    right, down = view.point(x, y, z + 1)
    image.paste(picture, (round(right - view.x[0] - 1), round(down - 1)), mask)


def on_face(view: View, at: tuple[float, float, float], face: str, corners) -> list:
    """The pixels of points of a face of the block at `at`."""
    x, y, z = at
    place = {
        "top": lambda u, v: (x + u, y + v, z + 1),
        "left": lambda u, v: (x + u, y + 1, z + v),
        "right": lambda u, v: (x + 1, y + 1 - u, z + v),
    }[face]
    return [view.point(*place(u, v)) for u, v in corners]


@functools.lru_cache(maxsize=256)
def _block(across, upwards, look: Look) -> tuple[Image.Image, Image.Image]:
    """A block's picture and mask; drawn four times too large and reduced."""
    (right, down), height = across, -upwards[1]
    size = 4 * (2 * right + 3), 4 * (2 * down + height + 3)
    large = View(
        (4 * right + 6, 4 * height + 6),
        (4 * right, 4 * down),
        (-4 * right, 4 * down),
        (0, -4 * height),
    )
    picture, mask = Image.new("RGB", size, BLACK), Image.new("L", size)
    whole = (0, 0), (1, 0), (1, 1), (0, 1)
    for face, shade in SHADES.items():
        colour = look.top if face == "top" else look.side
        outline = on_face(large, (0, 0, 0), face, whole)
        ImageDraw.Draw(picture).polygon(outline, fill=_shaded(colour, shade))
        for faces, paint, corners in look.marks:
            if face in faces:
                points = on_face(large, (0, 0, 0), face, corners)
                ImageDraw.Draw(picture).polygon(points, fill=_shaded(paint, shade))
        for canvas, fill in ((picture, (40, 40, 40)), (mask, 255)):
            ImageDraw.Draw(canvas).line([*outline, outline[0]], fill=fill, width=5)
        ImageDraw.Draw(mask).polygon(outline, fill=255)
    return picture.reduce(4), mask.reduce(4)


def _shaded(colour, shade: float) -> tuple[int, ...]:
    return tuple(round(part * shade) for part in colour)
