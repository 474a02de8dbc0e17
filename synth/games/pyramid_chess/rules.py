"""The pyramid: its slots, what rests on what, and random games."""

import dataclasses
from functools import cache

from synth.questions import between, pick

SIZE = {"Easy": 3, "Medium": 4, "Hard": 5}  # slots on a side of the lowest level
BALLS = {"Easy": (1, 12), "Medium": (4, 18), "Hard": (10, 26)}

Slot = tuple[int, int, int]  # (level, x, y), from 0
Balls = dict[Slot, str]  # where balls lie, and their colours

COLOURS = {"B": "blue", "R": "red"}


@dataclasses.dataclass(frozen=True)
class Pyramid:
    levels: tuple[tuple[str, ...], ...]  # [level][x][y]: "B" blue, "R" red, "-" empty

    def __getitem__(self, slot: Slot) -> str:
        level, x, y = slot
        return self.levels[level][x][y]


@cache
def slots(size: int) -> tuple[Slot, ...]:
    return tuple(
        (level, x, y)
        for level in range(size)
        for x in range(size - level)
        for y in range(size - level)
    )


def side(slot: Slot) -> int:
    """The size of the smallest pyramid that has this slot."""
    level, x, y = slot
    return level + max(x, y) + 1


def square(slot: Slot) -> tuple[Slot, ...]:
    """A slot and its three neighbours with x, y or both larger by 1."""
    level, x, y = slot
    return slot, (level, x + 1, y), (level, x, y + 1), (level, x + 1, y + 1)


@cache
def supports(slot: Slot) -> tuple[Slot, ...]:
    """The four slots that a slot rests on; none on the ground."""
    level, x, y = slot
    return square((level - 1, x, y)) if level else ()


@cache
def covers(slot: Slot, size: int) -> tuple[Slot, ...]:
    """The slots that rest on a slot."""
    return tuple(other for other in slots(size) if slot in supports(other))


@cache
def below(slot: Slot) -> tuple[Slot, ...]:
    """A slot and all that it rests on, directly or not."""
    found = {slot: None}
    for other in supports(slot):
        found |= dict.fromkeys(below(other))
    return tuple(sorted(found))


@cache
def blocks(slot: Slot, size: int) -> tuple[tuple[Slot, ...], ...]:
    """For each square of four slots that this one belongs to: the three others."""
    level, x, y = slot
    corners = ((level, x - i, y - j) for i in (0, 1) for j in (0, 1))
    squares = (square(corner) for corner in corners if min(corner) >= 0)
    return tuple(
        tuple(other for other in cells if other != slot)
        for cells in squares
        if max(map(side, cells)) <= size
    )


def balls_of(pyramid: Pyramid) -> Balls:
    found = slots(len(pyramid.levels))
    return {slot: pyramid[slot] for slot in found if pyramid[slot] != "-"}


def pyramid_of(balls: Balls, size: int) -> Pyramid:
    return Pyramid(
        tuple(
            tuple(
                "".join(balls.get((level, x, y), "-") for y in range(size - level))
                for x in range(size - level)
            )
            for level in range(size)
        )
    )


def is_playable(balls: Balls, slot: Slot) -> bool:
    return slot not in balls and all(other in balls for other in supports(slot))


def completed(balls: Balls, slot: Slot, colour: str, size: int) -> tuple[Slot, ...] | None:
    """Three balls that one more at `slot` would complete to a block of this colour."""
    for others in blocks(slot, size):
        if all(balls.get(other) == colour for other in others):
            return others
    return None


def to_move(balls: Balls) -> str:
    """Blue begins, and turns alternate."""
    return "R" if len(balls) % 2 else "B"


def completions(balls: Balls, colour: str, size: int) -> list[Slot]:
    """Where a ball of this colour can be placed and completes a block."""
    return [
        slot
        for slot in slots(size)
        if is_playable(balls, slot) and completed(balls, slot, colour, size)
    ]


def place(rng, balls: Balls, size: int, turns: int, at=None) -> bool:
    """Adds the balls of some random turns; False if one has no slot left.

    at: the slots that may be filled, all by default. Nobody completes a block who can do
    something else.
    """
    at = slots(size) if at is None else at
    free = [slot for slot in at if is_playable(balls, slot)]
    for _ in range(turns):
        colour = to_move(balls)
        if not free:
            return False
        slot = pick(rng, free)
        if completed(balls, slot, colour, size):
            quiet = [other for other in free if not completed(balls, other, colour, size)]
            slot = pick(rng, quiet or [slot])
        balls[slot] = colour
        free.remove(slot)
        free += [o for o in covers(slot, size) if o in at and is_playable(balls, o)]
    return True


def without(slot: Slot, size: int) -> tuple[Slot, ...]:
    """The slots that can be filled while this one is empty."""
    return tuple(other for other in slots(size) if slot not in below(other))


def new(rng, level: str) -> Pyramid:
    """After any number of turns of the level, all equally likely."""
    balls: Balls = {}
    place(rng, balls, SIZE[level], between(rng, *BALLS[level]))
    return pyramid_of(balls, SIZE[level])


def some(rng, level: str) -> int:
    """A number of turns before or after those that matter."""
    return between(rng, 0, BALLS[level][1] // 2)


def filled(rng, level: str, size: int, slot: Slot, at=None) -> Balls | None:
    """Balls after a random game in which this slot was filled.

    at: the slots filled after that, all by default.
    """
    balls: Balls = {}
    outside = without(slot, size)
    place(rng, balls, size, some(rng, level), outside)
    rest = [other for other in below(slot) if other not in balls]
    if not place(rng, balls, size, len(rest), rest):
        return None
    place(rng, balls, size, some(rng, level), at)
    return balls


def empty(rng, level: str, size: int, slot: Slot) -> Balls:
    """Balls after a random game in which this slot was not filled."""
    balls: Balls = {}
    place(rng, balls, size, between(rng, *BALLS[level]), without(slot, size))
    return balls


def ready(rng, level: str, size: int, slot: Slot) -> Balls | None:
    """Balls after a random game in which this slot was not filled, though it could be."""
    balls: Balls = {}
    outside = without(slot, size)
    place(rng, balls, size, some(rng, level), outside)
    rest = [other for other in below(slot)[:-1] if other not in balls]
    if not place(rng, balls, size, len(rest), rest):
        return None
    place(rng, balls, size, some(rng, level), outside)
    return balls


def threatened(rng, level: str, size: int, slot: Slot, colour: str) -> Balls | None:
    """The same, where a ball of this colour would complete a block."""
    balls: Balls = {}
    outside = without(slot, size)
    three = pick(rng, blocks(slot, size))
    needed = {other for goal in (*three, slot) for other in below(goal)}
    place(rng, balls, size, some(rng, level), [other for other in outside if other not in three])
    while any(other not in balls for other in needed if other != slot):
        goals = [other for other in three if is_playable(balls, other)]
        if to_move(balls) != colour or not place(rng, balls, size, 1, goals):
            rest = [other for other in needed if other not in (*balls, *three, slot)]
            if not place(rng, balls, size, 1, sorted(rest)):
                rest = [other for other in outside if other not in three]
                if not place(rng, balls, size, 1, rest):
                    return None
    place(rng, balls, size, between(rng, 0, 3), outside)
    return balls
