"""The picture of a zuma track, and the same in words."""

import math
import re
from functools import lru_cache

from PIL import Image, ImageDraw

from synth.draw import BLACK, BLUE, GREEN, GREY, PALE, RED, WHITE, write
from synth.games.zuma.rules import COLOURS, HOLE_RADIUS, PITCH, RADIUS, Zuma

PAINT = dict(zip(COLOURS, (RED, (250, 210, 40), BLUE, GREEN), strict=True))
INK = dict(zip(COLOURS, (WHITE, BLACK, WHITE, WHITE), strict=True))
LETTERS = {colour[0].upper(): colour for colour in COLOURS}


def draw(board: Zuma, size: int):
    points = *board.marbles, board.hole, board.frog
    low, high = zip(*((min(parts), max(parts)) for parts in zip(*points, strict=True)), strict=True)
    scale = size / (max(high[0] - low[0], high[1] - low[1]) + 3 * RADIUS)

    def pixel(point):
        right, up = (at - (a + b) / 2 for at, a, b in zip(point, low, high, strict=True))
        return size / 2 + scale * right, size / 2 - scale * up

    image = Image.new("RGB", (size, size), WHITE)
    pen = ImageDraw.Draw(image)
    pen.polygon([pixel(point) for point in track(board)], PALE)
    middle = pixel(board.frog)
    corner = tuple(round(size - part) for part in middle)
    image.paste(GREY, mask=_dashes(size).crop((*corner, *(at + size for at in corner))))
    _disc(pen, pixel(board.hole), HOLE_RADIUS * scale, BLACK)
    px = round(2 * RADIUS * scale)
    _draw_frog(image, board, middle, px)
    for point, colour in zip(board.marbles, board.colours, strict=True):
        _paste(image, pixel(point), *_marble(colour, px))
    return image


def track(board: Zuma) -> list[tuple[float, float]]:
    """Its outline, from the hole to a little beyond the outermost marble and back."""
    radius, turned = math.hypot(*board.hole), math.atan2(board.hole[1], board.hole[0])
    outer = math.hypot(*board.marbles[0])
    end = (outer - radius) / PITCH + RADIUS / outer
    count = max(2, math.ceil(end / 0.1))
    outwards, inwards = [], []
    for step in range(count + 1):
        angle = end * step / count
        across, up = math.cos(turned + angle), math.sin(turned + angle)
        for side, edge in ((1.15, outwards), (-1.15, inwards)):
            reach = radius + PITCH * angle + side * RADIUS
            edge.append((reach * across, reach * up))
    return outwards + inwards[::-1]


def _disc(pen, middle, radius: float, colour) -> None:
    (x, y), r = middle, radius
    pen.ellipse((x - r, y - r, x + r, y + r), colour)


def _ray(middle, degrees: float, distance: float):
    towards = math.radians(degrees)
    return middle[0] + distance * math.cos(towards), middle[1] - distance * math.sin(towards)


@lru_cache(maxsize=8)
def _dashes(size: int) -> Image.Image:
    """A mask, twice as large as a picture: dashed rays from its middle between the directions."""
    mask = Image.new("1", (2 * size, 2 * size))
    pen, step = ImageDraw.Draw(mask), size / 45
    for number in range(8):
        degrees = 22.5 + 45 * number
        for dash in range(4, 66, 2):
            ends = (_ray((size, size), degrees, far * step) for far in (dash, dash + 1))
            pen.line(tuple(ends), 1, max(1, size // 300))
    return mask


def _draw_frog(image: Image.Image, board: Zuma, middle, px: int) -> None:
    """The line of the shot, a triangle that points along it, and the marble."""
    pen = ImageDraw.Draw(image)
    end = _ray(middle, board.angle, 2 * image.width)
    pen.line((middle, end), BLACK, max(1, image.width // 200))
    tips = [(0, 1.5), (130, 1.0), (-130, 1.0)]
    pen.polygon([_ray(middle, board.angle + turn, far * px) for turn, far in tips], BLACK)
    _paste(image, middle, *_marble(board.shot, px))


def _paste(image: Image.Image, middle, picture, mask) -> None:
    corner = tuple(round(part - picture.width / 2) for part in middle)
    image.paste(picture, corner, mask)


@lru_cache(maxsize=256)
def _marble(colour: str, px: int) -> tuple[Image.Image, Image.Image]:
    """A marble with its letter, drawn four times too large and reduced; and its mask."""
    large, mask = Image.new("RGB", (4 * px, 4 * px), BLACK), Image.new("L", (4 * px, 4 * px))
    edge = max(3, 4 * px // 20)
    box = edge, edge, 4 * px - edge - 1, 4 * px - edge - 1
    ImageDraw.Draw(large).ellipse(box, PAINT[colour])
    ImageDraw.Draw(mask).ellipse((0, 0, 4 * px - 1, 4 * px - 1), 255)
    write(large, (2 * px, 2 * px), colour[0].upper(), 2.9 * px, INK[colour])
    return large.reduce(4), mask.reduce(4)


def describe(board: Zuma) -> str:
    marbles = "; ".join(
        f"{colour[0].upper()} {x} {y}"
        for (x, y), colour in zip(board.marbles, board.colours, strict=True)
    )
    return (
        "A spiral track with marbles; x grows to the right, y upwards, a marble is 60 wide.\n"
        f"Hole at {board.hole[0]} {board.hole[1]}, frog at {board.frog[0]} {board.frog[1]}; it "
        f"holds a {board.shot} marble and shoots at {board.angle} degrees.\n"
        f"Marbles from the outer end of the track: {marbles}."
    )


def parse(description: str) -> Zuma:
    head, _, tail = description.partition("Marbles from")
    hole_x, hole_y, frog_x, frog_y = map(
        int, re.search(r"Hole at (\S+) (\S+), frog at (\S+) (\S+);", head).groups()
    )
    shot, angle = re.search(r"holds a (\w+) marble and shoots at (\S+) degrees", head).groups()
    found = re.findall(r"([RYBG]) (-?\d+) (-?\d+)", tail)
    return Zuma(
        (hole_x, hole_y),
        tuple((int(x), int(y)) for _, x, y in found),
        tuple(LETTERS[letter] for letter, _, _ in found),
        (frog_x, frog_y),
        int(angle),
        shot,
    )
