"""Snake, played: bodies that really move, and a table of what can still be in time."""

import itertools

import numpy as np

STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
TOLD = {
    "wall": "The head leaves the board.",
    "body": "The head runs into the body.",
    "food": "The head reaches the food.",
    None: "None of these happens.",
}


def body_of(state):
    return [tuple(cell) for cell in state["body"]]


def written(cell):
    return f"({cell[0]}, {cell[1]})"


def moved(state, body, way):
    """The event of one step, and the body after it."""
    head = body[0][0] + STEPS[way][0], body[0][1] + STEPS[way][1]
    rest = body[:-1]
    if min(head) < 0 or max(head) >= state["size"]:
        return "wall", body
    if head in rest:
        return "body", body
    return "food" if head == tuple(state["food"]) else None, [head, *rest]


def move_sequence_outcome(state, params):
    body, event = body_of(state), None
    for way in params["moves"]:
        event, body = moved(state, body, way)
        if event:
            break
    return TOLD[event]


def in_time(state, steps):
    """[steps + 1, rows, columns]: whether the food may be reached in step `steps` from here.

    What the snake holds now gives way from the tail on; no more than that is looked at, so that
    False is certain.
    """
    size, body = state["size"], body_of(state)
    table = np.zeros((steps + 1, size + 2, size + 2), bool)  # with a rim that is never entered
    table[steps][tuple(np.add(state["food"], 1))] = True
    for step in reversed(range(steps)):
        for shift, axis in itertools.product((-1, 1), (0, 1)):
            table[step] |= np.roll(table[step + 1], shift, axis)
        table[step, [0, -1]] = table[step][:, [0, -1]] = False
        if step:
            held = np.array(body[: max(0, len(body) - step)], int).reshape(-1, 2) + 1
            table[step, held[:, 0], held[:, 1]] = False
    return table[:, 1:-1, 1:-1]


def arrives(state, body, table, step=0):
    """Depth first with the real body, where the table does not say that it is in vain."""
    if not table[step][body[0]]:
        return False
    for way in STEPS:
        event, then = moved(state, body, way)
        if event == "food" and step + 2 == len(table):
            return True
        if event is None and step + 2 < len(table) and arrives(state, then, table, step + 1):
            return True
    return False


def survives(state, body, steps):
    """Whether the snake can make so many steps, or reach the food before."""
    if steps == 0:
        return True
    for way in STEPS:
        event, then = moved(state, body, way)
        if event == "food" or (event is None and survives(state, then, steps - 1)):
            return True
    return False


def shortest_path_to_food(state, params):
    body = body_of(state)
    if not survives(state, body, 12):
        return "-1"
    for steps in itertools.count(1):
        if arrives(state, body, in_time(state, steps)):
            return str(steps)


ORACLES = {
    "head_position": lambda state, params: written(state["body"][0]),
    "food_position": lambda state, params: written(state["food"]),
    "snake_length": lambda state, params: str(len(body_of(state))),
    "move_sequence_outcome": move_sequence_outcome,
    "shortest_path_to_food": shortest_path_to_food,
}
