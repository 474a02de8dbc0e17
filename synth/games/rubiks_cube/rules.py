"""The cube: its stickers, its turns, and the fewest turns to a goal, by search."""

import dataclasses
import functools
from collections.abc import Callable
from itertools import product
from operator import itemgetter

from synth.questions import between, pick

FACES = "ULFRBD"
NAMES = {"U": "up", "L": "left", "F": "front", "R": "right", "B": "back", "D": "down"}
COLOURS = {"Y": "yellow", "W": "white", "O": "orange", "R": "red", "B": "blue", "G": "green"}
OPPOSITE = {"U": "D", "D": "U", "L": "R", "R": "L", "F": "B", "B": "F"}
CELLS = tuple(product(range(3), range(3)))
TURNS = {"Easy": (1, 4), "Medium": (2, 5), "Hard": (3, 6)}  # fewest to solve the cube
NEAR = 4  # turns: every cube so near to the solved one is known beforehand


@dataclasses.dataclass(frozen=True)
class Cube:
    faces: tuple[str, ...]  # in the order of FACES; nine letters of COLOURS each, row by row

    def sticker(self, face: str, cell: tuple[int, int]) -> str:
        return self.faces[FACES.index(face)][3 * cell[0] + cell[1]]


def places() -> dict[tuple, int]:
    """For each sticker its number by (position of its cubie, normal of its face).

    The cube's centre is (0, 0, 0); x runs to the right, y upwards, z towards the viewer. Rows and
    columns run as in the net: U above F, D below it, then L F R B from left to right.
    """
    found = {}
    for at, (face, (row, col)) in enumerate(product(FACES, CELLS)):
        position, normal = {
            "U": ((col - 1, 1, row - 1), (0, 1, 0)),
            "L": ((-1, 1 - row, col - 1), (-1, 0, 0)),
            "F": ((col - 1, 1 - row, 1), (0, 0, 1)),
            "R": ((1, 1 - row, 1 - col), (1, 0, 0)),
            "B": ((1 - col, 1 - row, -1), (0, 0, -1)),
            "D": ((col - 1, -1, 1 - row), (0, -1, 0)),
        }[face]
        found[position, normal] = at
    return found


def dot(a, b) -> int:
    return sum(i * j for i, j in zip(a, b, strict=True))


def clockwise(vector, axis) -> tuple[int, int, int]:
    """A vector after a quarter turn, clockwise for someone who looks against `axis`."""
    (x, y, z), (a, b, c) = vector, axis
    along = dot(vector, axis)
    return a * along - b * z + c * y, b * along - c * x + a * z, c * along - a * y + b * x


def turned(axis, depths) -> tuple[int, ...]:
    """For each place the sticker that a quarter turn of the layers at `depths` brings there."""
    number = places()
    source = list(range(54))
    for (position, normal), at in number.items():
        if dot(position, axis) in depths:
            source[number[clockwise(position, axis), clockwise(normal, axis)]] = at
    return tuple(source)


AXES = {face: normal for (_, normal), at in places().items() for face in FACES[at // 9]}
SOURCES = {face: turned(axis, (1,)) for face, axis in AXES.items()}
SOURCES |= {f"{face}'": tuple(map(source.index, range(54))) for face, source in SOURCES.items()}
MOVES = tuple(SOURCES)  # the quarter turns; F' is the inverse of F
TURN = {move: itemgetter(*source) for move, source in SOURCES.items()}
HOLD = [itemgetter(*turned(AXES[face], (-1, 0, 1))) for face in "UR"]  # the cube held otherwise


def inverse(move: str) -> str:
    return move[0] if move.endswith("'") else f"{move}'"


def cube_of(stickers) -> Cube:
    return Cube(tuple("".join(stickers[at : at + 9]) for at in range(0, 54, 9)))


def play(cube: Cube, moves) -> Cube:
    stickers = "".join(cube.faces)
    for move in moves:
        stickers = TURN[move](stickers)
    return cube_of(stickers)


def random_moves(rng, count: int) -> tuple[str, ...]:
    """None takes the one before back, and none is made three times in a row."""
    moves = []
    while len(moves) < count:
        move = pick(rng, MOVES)
        if moves[-1:] != [inverse(move)] and moves[-2:] != [move, move]:
            moves.append(move)
    return tuple(moves)


@functools.cache
def solved() -> tuple[Cube, ...]:
    """The solved cube in all 24 ways to hold it."""
    found = [tuple("".join(colour * 9 for colour in "YOBRGW"))]
    for stickers in found:
        found += [other for hold in HOLD if (other := hold(stickers)) not in found]
    return tuple(map(cube_of, found))


def new(rng, level: str) -> Cube:
    """Held in any way, so that no colour is likelier on one face than on another; every number
    of turns of the level is equally likely."""
    count = between(rng, *TURNS[level])
    while True:
        cube = play(pick(rng, solved()), random_moves(rng, count))
        if len(solution(cube)) == count:
            return cube


def by_centres(cube: Cube) -> str:
    """The stickers, each as the face that has its colour in the centre."""
    centres = {ord(stickers[4]): face for face, stickers in zip(FACES, cube.faces, strict=True)}
    return "".join(cube.faces).translate(centres)


@functools.cache
def near_solved() -> dict[str, int]:
    """All cubes that at most NEAR turns solve, as `by_centres` writes them: the fewest turns."""
    edge = ["".join(face * 9 for face in FACES)]
    found = dict.fromkeys(edge, 0)
    for count in range(1, NEAR + 1):
        after = {"".join(turn(stickers)) for stickers in edge for turn in TURN.values()}
        edge = sorted(after.difference(found))
        found |= dict.fromkeys(edge, count)
    return found


def pattern(face: str) -> dict[int, str]:
    """How to blot out all stickers but those of one face's colour."""
    return {ord(other): "-" for other in FACES if other != face}


@functools.cache
def near_face(face: str) -> dict[str, int]:
    """The same for the goal that this face has one colour: by the stickers of that colour."""
    blot, found = pattern(face), {}
    for stickers, count in near_solved().items():
        found.setdefault(stickers.translate(blot), count)
    return found


def solution(cube: Cube, face: str = "") -> tuple[str, ...]:
    """The fewest turns that solve the cube, or that give one face one colour.

    Tries all sequences of 0, 1, 2, ... turns and takes the first that ends near the goal: nearer
    ones are in the table with their exact number. Raises ValueError beyond NEAR + 2 turns.
    """
    near = near_face(face) if face else near_solved()
    blot = pattern(face) if face else {}
    stickers = by_centres(cube).translate(blot)
    for moves, turn in sequences():
        if (reached := "".join(turn(stickers))) in near:
            return *moves, *descend(reached, near)
    raise ValueError(f"more than {NEAR + 2} quarter turns are needed")


@functools.cache
def sequences() -> tuple[tuple[tuple[str, ...], Callable], ...]:
    """All that up to two turns can do, each once: the turns, and where they bring stickers from."""
    found = {tuple(range(54)): ()}
    for _ in range(2):
        for source, moves in tuple(found.items()):
            for move in MOVES:
                found.setdefault(TURN[move](source), (*moves, move))
    return tuple((moves, itemgetter(*source)) for source, moves in found.items())


def descend(stickers: str, near: dict[str, int]) -> list[str]:
    """The turns from a cube of the table to the goal."""
    moves = []
    while near[stickers]:
        for move in MOVES:
            after = "".join(TURN[move](stickers))
            if near.get(after) == near[stickers] - 1:
                break
        moves.append(move)
        stickers = after
    return moves
