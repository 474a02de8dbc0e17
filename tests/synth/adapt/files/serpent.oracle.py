"""A serpent: sums instead of steps, and waves of whole boards instead of a queue."""

import numpy as np


def food_cell(state, params):
    row, col = state["food"]
    return f"({row}, {col})"


def head_after(state, params):
    (row, col), moves = state["head"], params["moves"]
    row += moves.count("down") - moves.count("up")
    col += moves.count("right") - moves.count("left")
    return f"({row % state['size']}, {col % state['size']})"


def way_to_food(state, params):
    free = np.ones((state["size"], state["size"]), bool)
    for row, col in state["body"]:
        free[row, col] = False
    reached = np.zeros_like(free)
    reached[tuple(state["head"])] = True
    for moves in range(state["size"] ** 2):
        if reached[tuple(state["food"])]:
            return str(moves)
        rolled = [np.roll(reached, by, axis) for axis in (0, 1) for by in (1, -1)]
        reached = (reached | np.any(rolled, 0)) & free
    raise ValueError("the food can't be reached")


ORACLES = {"food_cell": food_cell, "head_after": head_after, "way_to_food": way_to_food}
