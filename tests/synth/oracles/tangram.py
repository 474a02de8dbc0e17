"""Tangram, solved with NumPy: letters as arrays, labels of neighbours, plain trying."""

import itertools

import numpy as np

NAMES = {
    (True, False, False, False): "no turn",
    (False, True, False, False): "90 clockwise",
    (False, False, True, False): "180",
    (False, False, False, True): "90 counter-clockwise",
    (True, False, True, False): "no turn and 180",
    (False, True, False, True): "90 clockwise and 90 counter-clockwise",
    (True, True, True, True): "all four",
    (False, False, False, False): "none",
}


def letters(rows):
    return np.array([list(row) for row in rows])


def piece_count(state, params):
    return str(len(set("".join(state["rows"])) - {"-"}))


def piece_rotation(state, params):
    rows, cols = np.nonzero(letters(state["rows"]) == "-")
    hole = set(zip(rows - rows.min(), cols - cols.min(), strict=True))
    cells = np.argwhere(letters(state["off"][0]) != "-")
    fits = []
    for _ in range(4):
        moved = cells - cells.min(0)
        fits.append({tuple(cell) for cell in moved} == hole)
        cells = np.stack([cells[:, 1], -cells[:, 0]], 1)  # a quarter turn clockwise
    return NAMES[tuple(fits)]


def piece_area(state, params):
    return str((letters(state["rows"]) == params["piece"]).sum())


def piece_adjacency(state, params):
    board = np.pad(letters(state["rows"]), 1, constant_values="-")
    own = board == params["piece"]
    near = set()
    for axis, step in itertools.product((0, 1), (1, -1)):
        near |= set(board[np.roll(own, step, axis) & ~own])
    return str(len(near - {"-"}))


def piece_placement(state, params):
    """Both pieces laid in every place of the board."""
    board = letters(state["rows"])
    lying = {}
    for off in map(letters, state["off"]):
        (letter,) = set(off.flat) - {"-"}
        free = [n - side + 1 for n, side in zip(board.shape, off.shape, strict=True)]
        for row, col in np.ndindex(*free):
            filled = np.zeros(board.shape, int)
            filled[row : row + off.shape[0], col : col + off.shape[1]] = off == letter
            box = (row, col), (row + off.shape[0] - 1, col + off.shape[1] - 1)
            lying.setdefault(letter, []).append((filled, box))
    own = lying.pop(params["piece"])
    (others,) = lying.values()
    boxes = {
        "({}, {}) to ({}, {})".format(*box[0], *box[1])
        for filled, box in own
        if (filled <= (board == "-")).all()
        for other, _ in others
        if (filled + other == (board == "-")).all()
    }
    return lambda text: text in boxes


ORACLES = {
    "piece_count": piece_count,
    "piece_rotation": piece_rotation,
    "piece_area": piece_area,
    "piece_adjacency": piece_adjacency,
    "piece_placement": piece_placement,
}
