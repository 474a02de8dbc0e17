"""Blocks in three dimensions, and the flat views beside them."""

import dataclasses
import functools

from PIL import Image, ImageDraw

from synth.draw.canvas import BLACK, GREEN, PALE, RED, WHITE, write


@dataclasses.dataclass(frozen=True)
class Panel:
    """A small grid with its lower left cell at (1, 1): the first number runs right, the other up.

    corner: the pixel of its upper left corner. cell: pixels from one line to the next. first: the
    number of the first row and column, if it is another than 1.
    """

    corner: tuple[int, int]
    cell: int
    rows: int
    cols: int
    first: int = 1

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
        for col in range(self.cols):
            x = left + (col + 0.5) * self.cell
            write(image, (x, bottom + 0.43 * self.cell), self.first + col, text_px, along)
        for row in range(self.rows):
            y = bottom - (row + 0.5) * self.cell
            write(image, (left - 0.42 * self.cell, y), self.first + row, text_px, upwards)

    def fill(self, image: Image.Image, col: int, row: int, colour) -> None:
        ImageDraw.Draw(image).rectangle(self.inside(image, col, row), colour)

    def inside(self, image: Image.Image, col: int, row: int) -> tuple[int, int, int, int]:
        """The first and last pixels of a cell between its lines: left, top, right, bottom."""
        line_px = self._line_px(image)
        x = self.corner[0] + (col - self.first) * self.cell
        y = self.corner[1] + (self.rows - 1 + self.first - row) * self.cell
        return x + line_px, y + line_px, x + self.cell - 1, y + self.cell - 1

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
