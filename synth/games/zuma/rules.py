"""The rules of zuma: the track and its marbles, and what a shot does."""

import dataclasses
import math
from itertools import groupby

import numpy as np

from synth.questions import between

RULES = (
    "The picture shows marbles side by side on a spiral track that ends in the black hole: R red, "
    "Y yellow, B blue, G green. The frog within shoots the marble that it holds straight along the "
    "black line. The shot stops where it first touches a marble of the track; all marbles are of "
    "one size. It is then inserted into the row of marbles beside the marble it has touched: "
    "before or behind it along the track, on whichever of these two sides it has touched it. If "
    "the shot then has at least 2 marbles of its own colour in an unbroken run next to it, counted "
    "on both sides together, these marbles and the shot are removed; otherwise the shot stays. "
    "Nothing else happens. The grey dashed lines part the eight directions as seen from the frog: "
    "right, up-right, up, up-left, left, down-left, down and down-right."
)
COLOURS = ("red", "yellow", "blue", "green")
SECTORS = ("right", "up-right", "up", "up-left", "left", "down-left", "down", "down-right")
UNIT = 100  # all lengths are whole hundredths; y grows upwards
RADIUS = 30  # of a marble
HOLE_RADIUS = 45
PITCH = 20  # how far the track comes out in a turn by one radian
MARBLES = {"Easy": (18, 28), "Medium": (36, 60), "Hard": (78, 110)}
REPEAT = 0.4  # how often a marble has the colour of the one before

Point = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Zuma:
    hole: Point
    marbles: tuple[Point, ...]  # their centres, from the outer end of the track
    colours: tuple[str, ...]
    frog: Point
    angle: int  # of the line, in degrees from the right, counter-clockwise
    shot: str  # the colour of the frog's marble


def lay(rng, level: str) -> Zuma:
    """A track with marbles, all red as yet."""
    count = between(rng, *MARBLES[level])
    radius, turned = between(rng, 200, 230), between(rng, 0, 359)
    length = 2 * RADIUS * count + between(rng, 100, 250)  # of the track, with room at the hole
    # The length of a track that is turned by an angle is about radius x angle + PITCH x angle² / 2.
    angle = (math.sqrt(radius**2 + 2 * PITCH * length) - radius) / PITCH
    points = []
    for _ in range(count):
        points.append(at(radius, turned, angle))
        angle = behind(radius, turned, angle)
    frog = between(rng, -30, 30), between(rng, -30, 30)
    hole, marbles = whole(at(radius, turned, 0)), tuple(map(whole, points))
    return Zuma(hole, marbles, (COLOURS[0],) * count, frog, 0, COLOURS[0])


def at(radius: float, turned: float, angle: float) -> tuple[float, float]:
    """A point of the track; at angle 0 it is the hole."""
    reach, towards = radius + PITCH * angle, math.radians(turned) + angle
    return reach * math.cos(towards), reach * math.sin(towards)


def behind(radius: float, turned: float, angle: float) -> float:
    """The angle of the next marble inwards, which touches the one at `angle`."""
    step = 2 * RADIUS / (radius + PITCH * angle)
    here = at(radius, turned, angle)
    for _ in range(4):
        step *= 2 * RADIUS / math.dist(here, at(radius, turned, angle - step))
    return angle - step


def whole(point) -> Point:
    return round(point[0]), round(point[1])


def random_colours(rng, count: int, among=COLOURS) -> list[str]:
    """Some of them in runs."""
    luck, kinds = rng.random(count), len(among)
    changes = np.where(luck < REPEAT, 0, 1 + (luck - REPEAT) / (1 - REPEAT) * (kinds - 1))
    places = (between(rng, 0, kinds - 1) + changes.astype(int).cumsum()) % kinds
    return [among[place] for place in places.tolist()]


def runs(colours) -> list[tuple[str, int, int]]:
    """Marbles of one colour side by side: (colour, first, number)."""
    found, first = [], 0
    for colour, some in groupby(colours):
        number = len(list(some))
        found.append((colour, first, number))
        first += number
    return found


def shots(board: Zuma, angles, reach: float = 2 * RADIUS):
    """For shots at these angles: the marble each touches first, and the gap it is put into.

    Gap g lies before marble g. Both are -1 where nothing is touched. reach: how far apart the
    centres of touching marbles are.
    """
    towards = np.radians(np.asarray(angles, float))
    ways_a2 = np.stack([np.cos(towards), np.sin(towards)], 1)
    from_frog_m2 = np.array(board.marbles, float) - board.frog
    ahead_am = ways_a2 @ from_frog_m2.T
    aside_am = ways_a2[:, :1] * from_frog_m2[:, 1] - ways_a2[:, 1:] * from_frog_m2[:, 0]
    touches_am = (ahead_am > 0) & (np.abs(aside_am) < reach)
    flight_am = ahead_am - np.sqrt(np.maximum(reach**2 - aside_am**2, 0))
    flight_am = np.where(touches_am, flight_am, np.inf)
    hit_a = flight_am.argmin(1)
    flight_a = flight_am[np.arange(len(hit_a)), hit_a]
    misses_a = np.isinf(flight_a)
    contact_a2 = ways_a2 * np.where(misses_a, 0, flight_a)[:, None] - from_frog_m2[hit_a]
    inwards_m2 = np.diff(from_frog_m2, axis=0)
    inwards_m2 = np.concatenate([inwards_m2, inwards_m2[-1:]])
    is_behind_a = (contact_a2 * inwards_m2[hit_a]).sum(1) > 0
    return np.where(misses_a, -1, hit_a), np.where(misses_a, -1, hit_a + is_behind_a)


def touching_run(board: Zuma, gap: int) -> tuple[int, int]:
    """First marble and number of those of the shot's colour in a run at both sides of a gap."""
    first = last = gap
    while first > 0 and board.colours[first - 1] == board.shot:
        first -= 1
    while last < len(board.colours) and board.colours[last] == board.shot:
        last += 1
    return first, last - first


def lies(board: Zuma, direction: str, widen: float = 0) -> list[bool]:
    """For each marble whether its centre lies in that direction of the frog.

    widen: by how much the edges of the direction are moved outwards.
    """
    middle, (frog_x, frog_y) = 45 * SECTORS.index(direction), board.frog
    found = []
    for x, y in board.marbles:
        right, up = x - frog_x, y - frog_y
        off = (math.degrees(math.atan2(up, right)) - middle + 180) % 360 - 180
        slack = math.degrees(widen / math.hypot(right, up))
        found.append(-22.5 - slack <= off < 22.5 + slack)
    return found
