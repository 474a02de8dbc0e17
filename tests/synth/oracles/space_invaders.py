"""Space invaders, simulated: sets of invaders that drift and are shot one by one."""

import itertools

WORTH = {"P": 30, "B": 20, "G": 10}
WORD = {"P": "purple", "B": "blue", "G": "green"}


def invaders(state):
    return {
        (row, col): mark
        for row, marks in enumerate(state["rows"])
        for col, mark in enumerate(marks)
        if mark != "-"
    }


def shoot(alive, col):
    """Points of a shot, and who is left."""
    hit = max((cell for cell in alive if cell[1] == col), default=None)
    if hit is None:
        return 0, alive
    return WORTH[alive[hit]], {cell: mark for cell, mark in alive.items() if cell != hit}


def moved(alive, direction):
    step = {"left": -1, "right": 1}[direction]
    return {(row, col + step): mark for (row, col), mark in alive.items()}


def count(state, wanted):
    return str(sum(wanted(*cell, mark) for cell, mark in invaders(state).items()))


def fixed_ship_burst_points(state, params):
    alive, total = invaders(state), 0
    for _ in range(params["k"] + 1):
        points, alive = shoot(alive, state["ship"])
        total += points
        alive = moved(alive, params["direction"])
    return str(total)


def best_two_shots(state, params):
    columns, totals = range(len(state["rows"][0])), []
    for first, second in itertools.product(columns, columns):
        points, alive = shoot(invaders(state), first)
        alive = moved(alive, params["direction"])
        assert all(col in columns for _, col in alive)
        totals.append(points + shoot(alive, second)[0])
    return str(max(totals))


ORACLES = {
    "enemies_in_column": lambda state, params: count(
        state, lambda row, col, mark: col == params["column"]
    ),
    "enemies_in_row": lambda state, params: count(
        state, lambda row, col, mark: row == params["row"]
    ),
    "enemies_total": lambda state, params: count(state, lambda row, col, mark: True),
    "enemies_of_color": lambda state, params: count(
        state, lambda row, col, mark: WORD[mark] == params["color"]
    ),
    "shot_points_here": lambda state, params: str(shoot(invaders(state), state["ship"])[0]),
    "shot_points_at_column": lambda state, params: str(shoot(invaders(state), params["column"])[0]),
    "fixed_ship_burst_points": fixed_ship_burst_points,
    "best_single_shot": lambda state, params: str(
        max(shoot(invaders(state), col)[0] for col in range(len(state["rows"][0])))
    ),
    "best_two_shots": best_two_shots,
}
