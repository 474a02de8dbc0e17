"""The cube as an array of six faces; a turn moves four strips, written down by hand.

The fewest turns: breadth-first from the cube and, four turns deep, back from the goal.
"""

import functools
from collections.abc import Iterator

import numpy as np

FACES = "ULFRBD"
COLOURS = {"Y": "yellow", "W": "white", "O": "orange", "R": "red", "B": "blue", "G": "green"}
DOWN, UP = slice(None), slice(None, None, -1)  # along a strip
STRIPS = {  # each goes where the next one is, the last where the first is: face, rows, columns
    "U": (("F", 0, DOWN), ("L", 0, DOWN), ("B", 0, DOWN), ("R", 0, DOWN)),
    "D": (("F", 2, DOWN), ("R", 2, DOWN), ("B", 2, DOWN), ("L", 2, DOWN)),
    "F": (("U", 2, DOWN), ("R", DOWN, 0), ("D", 0, UP), ("L", UP, 2)),
    "B": (("U", 0, UP), ("L", DOWN, 0), ("D", 2, DOWN), ("R", UP, 2)),
    "R": (("F", DOWN, 2), ("U", DOWN, 2), ("B", UP, 0), ("D", DOWN, 2)),
    "L": (("F", DOWN, 0), ("D", DOWN, 0), ("B", UP, 2), ("U", DOWN, 0)),
}


def turn(cube: np.ndarray, move: str) -> np.ndarray:
    """cube: [..., 6, 3, 3]; the letter alone is clockwise, with an apostrophe the other way."""
    face, clockwise = FACES.index(move[0]), not move.endswith("'")
    after = cube.copy()
    after[..., face, :, :] = np.rot90(cube[..., face, :, :], -1 if clockwise else 1, (-2, -1))
    strips = STRIPS[move[0]]
    for now, then in zip(strips, strips[1:] + strips[:1], strict=True):
        source, target = (now, then) if clockwise else (then, now)
        after[(..., FACES.index(target[0]), *target[1:])] = cube[
            (..., FACES.index(source[0]), *source[1:])
        ]
    return after


MOVES = [face + way for face in FACES for way in ("", "'")]


def cube_of(state) -> np.ndarray:
    return np.array([list(face) for face in state["faces"]]).reshape(6, 3, 3)


def layers(cube: np.ndarray, depth: int) -> Iterator[set[bytes]]:
    """The cubes that 0, 1, ... turns lead to, without those that fewer lead to."""
    known, edge = set(), {cube.tobytes(): cube}
    for left in range(depth, -1, -1):
        yield set(edge)
        known.update(edge)
        if left:
            now = np.stack(list(edge.values()))
            after = [other for move in MOVES for other in turn(now, move)]
            edge = {key: other for other in after if (key := other.tobytes()) not in known}


@functools.cache
def goals(face: str) -> list[set[bytes]]:
    """Back from the solved cube, whose faces are 0 to 5; of a face only its own stickers, as 1."""
    cube = np.repeat(np.arange(6, dtype=np.int8), 9).reshape(6, 3, 3)
    return list(layers((cube == FACES.index(face)).astype(np.int8) if face else cube, 4))


def fewest(state, face: str = "") -> str | None:
    """The first layer that meets one of the goal is as near to it as can be."""
    cube = cube_of(state)
    centres = cube[:, 1, 1].tolist()
    numbers = np.vectorize(centres.index, otypes=[np.int8])(cube)
    if face:
        numbers = (numbers == FACES.index(face)).astype(np.int8)
    for made, here in enumerate(layers(numbers, 2)):
        for left, there in enumerate(goals(face)):
            if here & there:
                return str(made + left)
    return None


def sticker_colour(state, params):
    row, col = params["cell"]
    return COLOURS[cube_of(state)[FACES.index(params["face"]), row, col]]


def colour_after_moves(state, params):
    cube = cube_of(state)
    for move in params["moves"]:
        cube = turn(cube, move)
    row, col = params["cell"]
    return COLOURS[cube[FACES.index(params["face"]), row, col]]


def colour_count(state, params):
    colours = [COLOURS[letter] for letter in state["faces"][FACES.index(params["face"])]]
    return str(colours.count(params["colour"]))


ORACLES = {
    "sticker_colour": sticker_colour,
    "colour_after_moves": colour_after_moves,
    "moves_to_solve_face": lambda state, params: fewest(state, params["face"]),
    "moves_to_solve_cube": lambda state, params: fewest(state),
    "colour_count": colour_count,
}
