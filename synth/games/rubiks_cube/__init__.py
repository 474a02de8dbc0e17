"""Rubik's cube: its colours, its turns, and the fewest turns that solve a face or the cube."""

import re

from synth.game import Game
from synth.games.rubiks_cube.picture import draw
from synth.games.rubiks_cube.rules import FACES, Cube, new, solution
from synth.games.rubiks_cube.tasks import (
    ColourAfterMoves,
    ColourCount,
    MovesToSolveCube,
    MovesToSolveFace,
    StickerColour,
    rows,
)

RULES = (
    "The picture shows a 3 x 3 x 3 cube: the net of its faces U (up), L (left), F (front), R "
    "(right), B (back) and D (down), each as seen from outside, and two views of the folded cube. "
    "Letters on the stickers of the net tell their colours: Y yellow, W white, O orange, R red, B "
    "blue, G green. A sticker is written as its face and (row, column), as numbered beside the "
    "face. A move turns one face, with all stickers around it, by a quarter turn: F turns face F "
    "clockwise for someone who looks straight at it from outside, F' counter-clockwise, and so "
    "for U, L, R, B and D. A half turn is two moves."
)


def describe(cube: Cube) -> str:
    faces = "\n".join(
        f"{face}: {rows(stickers)}" for face, stickers in zip(FACES, cube.faces, strict=True)
    )
    return f"The faces of the cube, rows from top to bottom as in the net:\n{faces}"


def parse(description: str) -> Cube:
    found = re.findall(r"^[ULFRBD]: (\w{3}) (\w{3}) (\w{3})$", description, re.MULTILINE)
    return Cube(tuple("".join(face) for face in found))


GAME = Game(
    name="rubiks_cube",
    category="3D Spatial Perception and Understanding",
    split_kind="in_domain",
    rules=RULES,
    state=Cube,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("moves to solve the cube", lambda cube: len(solution(cube))),
    tasks=(
        StickerColour(),
        ColourAfterMoves(),
        MovesToSolveFace(),
        MovesToSolveCube(),
        ColourCount(),
    ),
)
