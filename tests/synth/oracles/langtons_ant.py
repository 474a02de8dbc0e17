"""Langton's ant on the complex plane: the black cells are a set, a turn is a factor of i or -i."""

import itertools

POINTS = {1j: "down", -1j: "up", 1: "right", -1: "left"}  # real part: column; imaginary: row


def watch(state, steps):
    """The ant's cell, heading and the black cells before the first and after every step."""
    size = len(state["rows"])
    black = {
        complex(col, row)
        for row, line in enumerate(state["rows"])
        for col, mark in enumerate(line)
        if mark == "#"
    }
    at = complex(state["ant"][1], state["ant"][0])
    ahead = next(way for way, name in POINTS.items() if name == state["heading"])
    seen = [(at, ahead, set(black))]
    for _ in range(steps):
        # Rows grow downwards, so that i turns right.
        ahead *= -1j if at in black else 1j
        black ^= {at}
        at += ahead
        at = complex(at.real % size, at.imag % size)
        seen.append((at, ahead, set(black)))
    return seen


def pose(state, steps):
    at, ahead, _ = watch(state, steps)[-1]
    return f"({int(at.imag)}, {int(at.real)}), {POINTS[ahead]}"


def changes(state, steps, cell):
    """How often the cell's colour differs from one board to the next."""
    cell = complex(cell[1], cell[0])
    is_black = [cell in black for _, _, black in watch(state, steps)]
    return str(sum(a != b for a, b in itertools.pairwise(is_black)))


ORACLES = {
    "ant_pose": lambda state, params: pose(state, 0),
    "pose_after_steps": lambda state, params: pose(state, params["steps"]),
    "cell_flip_count": lambda state, params: changes(state, params["steps"], params["cell"]),
}
