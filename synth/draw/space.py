"""Points of space on the page, and flat shapes with smooth edges between them."""

import dataclasses
import functools
import math

from PIL import Image, ImageDraw

Point = tuple[float, float]  # pixels to the right and down


@dataclasses.dataclass(frozen=True)
class View:
    """A parallel projection.

    origin: the pixel of (0, 0, 0). x, y, z: the pixels that a step along this axis leads.
    """

    origin: Point
    x: Point
    y: Point
    z: Point

    def point(self, x: float, y: float, z: float) -> Point:
        return (
            self.origin[0] + x * self.x[0] + y * self.y[0] + z * self.z[0],
            self.origin[1] + x * self.x[1] + y * self.y[1] + z * self.z[1],
        )


def fill(image: Image.Image, corners: tuple[Point, ...], colour) -> None:
    """Paints a polygon."""
    at, mask = _polygon(corners)
    image.paste(colour, at, mask)


@functools.lru_cache(maxsize=4096)
def _polygon(corners) -> tuple[tuple[int, int], Image.Image]:
    """Where the polygon's mask lies, and the mask: drawn four times too large and reduced."""
    left, top = (math.floor(min(part)) for part in zip(*corners, strict=True))
    width, height = (math.ceil(max(part)) + 1 for part in zip(*corners, strict=True))
    mask = Image.new("L", (4 * (width - left), 4 * (height - top)))
    points = [(4 * (x - left), 4 * (y - top)) for x, y in corners]
    ImageDraw.Draw(mask).polygon(points, fill=255)
    return (left, top), mask.reduce(4)
