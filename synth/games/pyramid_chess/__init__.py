"""Pyramid chess: two players pile up balls; which slots can be filled, and what that completes."""

import re

from synth.game import Game
from synth.games.pyramid_chess.picture import draw
from synth.games.pyramid_chess.rules import Pyramid, balls_of, new
from synth.games.pyramid_chess.tasks import (
    BallCount,
    BestPlacement,
    PlacementOutcome,
    SlotContent,
    SlotStatus,
    TurnsToReach,
    spell,
)

RULES = (
    "The picture shows a pyramid of blue (B) and red (R) balls, above from the side and below "
    "level by level. Slots are written (level, x, y), all from 0: level 0 lies on the ground, each "
    "level has one slot less on a side than the one below it, x is numbered from left to right and "
    "y from bottom to top. Slot (k, x, y) above the ground rests on the four slots (k - 1, x, y), "
    "(k - 1, x + 1, y), (k - 1, x, y + 1) and (k - 1, x + 1, y + 1). A ball can be placed at an "
    "empty slot if it is on the ground or if all four slots that it rests on hold balls, of any "
    "colour. Blue begins, and the players take turns to place a ball of their colour. A block is "
    "four balls of one colour at (k, x, y), (k, x + 1, y), (k, x, y + 1) and (k, x + 1, y + 1)."
)


def describe(pyramid: Pyramid) -> str:
    levels = "\n".join(
        f"level {level}: {spell(pyramid, level)}" for level in range(len(pyramid.levels))
    )
    return (
        "A pyramid, B is a blue ball, R a red one and - an empty slot. In each level the groups "
        f"are x = 0, 1, ..., and in a group y = 0, 1, ...:\n{levels}"
    )


def parse(description: str) -> Pyramid:
    levels = re.findall(r"^level \d: ([BR -]+)$", description, re.MULTILINE)
    return Pyramid(tuple(tuple(level.split()) for level in levels))


GAME = Game(
    name="pyramid_chess",
    category="3D Spatial Perception and Understanding",
    split_kind="out_of_domain",
    rules=RULES,
    state=Pyramid,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("balls", lambda pyramid: len(balls_of(pyramid))),
    tasks=(
        SlotContent(),
        PlacementOutcome(),
        TurnsToReach(),
        BestPlacement(),
        BallCount(),
        SlotStatus(),
    ),
)
