"""The pyramid from the side, and a panel for each of its levels."""

import functools

import numpy as np
from PIL import Image, ImageDraw

from synth.draw import BLACK, BLUE, PALE, RED, WHITE, Panel, write
from synth.draw.space import View
from synth.games.pyramid_chess.rules import Pyramid, balls_of

PAINT = {"B": BLUE, "R": RED}
TITLE, NUMBERS = 0.95, 0.85  # cells above and below a panel
MARGIN = 0.9  # cells left of a panel


def draw(pyramid: Pyramid, size: int) -> Image.Image:
    count = len(pyramid.levels)
    empty, panels, view = blank(size, count)
    image = empty.copy()
    balls = balls_of(pyramid)
    for (level, x, y), colour in balls.items():
        left, top, right, bottom = panels[level].inside(image, x, y)
        px = min(right - left, bottom - top) + 1
        image.paste(token(colour, px), (left, top), token_mask(px))
    radius = view.x[0] / 2 / 0.9
    for level, x, y in sorted(balls, key=lambda slot: (slot[0], -slot[2], slot[1])):
        picture, mask = ball(balls[level, x, y], round(2 * radius))
        right, down = view.point(x + 0.5 * level, y + 0.5 * level, 0.707 * level + 0.5)
        image.paste(picture, (round(right - radius), round(down - radius)), mask)
    return image


@functools.cache
def blank(size: int, count: int) -> tuple[Image.Image, list[Panel], View]:
    """The picture without balls, and where those are drawn. count: levels."""
    image = Image.new("RGB", (size, size), WHITE)
    # The two highest levels share a column, if there are more than three.
    columns = [[level] for level in range(min(count, 3))]
    if count > 3:
        columns = [[level] for level in range(count - 2)] + [[count - 2, count - 1]]
    widths = [MARGIN + max(2, count - column[0]) for column in columns]
    heights = [sum(count - level + TITLE + NUMBERS for level in column) for column in columns]
    cell = int(min(0.98 * size / sum(widths), 0.5 * size / max(heights)))
    left = (size - cell * sum(widths)) / 2
    low = size - 0.005 * size
    panels = []
    for column, width in zip(columns, widths, strict=True):
        bottom = low
        for level in reversed(column):
            side = count - level
            corner = round(left + MARGIN * cell), round(bottom - (side + NUMBERS) * cell)
            panels.append(Panel(corner, cell, side, side, first=0))
            panels[-1].draw(image, f"level {level}", BLACK, BLACK)
            bottom = corner[1] - TITLE * cell
        left += width * cell
    panels.sort(key=lambda panel: -panel.rows)
    view = view_of(size, count, low - max(heights) * cell)
    floor(image, view, count)
    return image, panels, view


def view_of(size: int, count: int, height: float) -> View:
    """The largest view of the pyramid in the upper part of the picture."""
    wide = 0.9 * count + 0.42 * count + 1.2
    high = 0.2 * count + 0.45 * count + 0.4 * count + 1.6
    step = min(0.94 * size / wide, 0.96 * height / high)
    left = (size - (1.32 * count + 0.5) * step) / 2
    x, y, z = (0.9 * step, 0.2 * step), (0.42 * step, -0.45 * step), (0, -0.85 * step)
    return View((left + 0.5 * step, height - (0.2 * count + 1.1) * step), x, y, z)


def floor(image: Image.Image, view: View, count: int) -> None:
    """The slots of level 0 and their numbers; balls lie around the corners of its grid."""
    pen = ImageDraw.Draw(image)
    line_px = max(1, image.width // 220)
    low, high = -0.5, count - 0.5
    for at in range(count + 1):
        for ends in (((at + low, low), (at + low, high)), ((low, at + low), (high, at + low))):
            pen.line([view.point(*end, 0) for end in ends], PALE, line_px)
    px = 0.5 * view.x[0]
    for at in range(count):
        write(image, view.point(at, low - 0.65, 0), at, px)
        write(image, view.point(high + 0.45, at, 0), at, px)
    write(image, view.point(count, low - 0.65, 0), "x", px)
    write(image, view.point(high + 0.45, count, 0), "y", px)


@functools.cache
def token(colour: str, px: int) -> Image.Image:
    """A ball in a panel: a disc with the letter of its colour."""
    image = Image.new("RGB", (px, px), PAINT[colour])
    write(image, (px / 2, px / 2), colour, 0.62 * px, WHITE)
    return image


@functools.cache
def token_mask(px: int) -> Image.Image:
    mask = Image.new("L", (4 * px, 4 * px))
    inset = 0.2 * px
    ImageDraw.Draw(mask).ellipse((inset, inset, 4 * px - 1 - inset, 4 * px - 1 - inset), fill=255)
    return mask.reduce(4)


@functools.cache
def ball(colour: str, px: int) -> tuple[Image.Image, Image.Image]:
    """A shaded ball and its mask; the light comes from the upper left."""
    at = (np.arange(4 * px) + 0.5) / (2 * px) - 1
    x, y = np.meshgrid(at, at)
    distance = np.hypot(x, y)
    light = 1 - np.hypot(x + 0.35, y + 0.4) / 1.6
    shade = np.clip(0.45 + 0.75 * light, 0, 1.15)[..., None]
    paint = np.array(PAINT[colour], float)
    shine = np.clip(1 - np.hypot(x + 0.35, y + 0.4) / 0.35, 0, 1)[..., None] * 140
    pixels = np.clip(paint * shade + shine, 0, 255)
    pixels[distance > 0.93] = 25
    mask = Image.fromarray(np.where(distance <= 1, 255, 0).astype(np.uint8))
    return Image.fromarray(pixels.astype(np.uint8)).reduce(4), mask.reduce(4)
