"""The maze tasks solved from the rules alone: every way is tried, cells are looked up."""

import collections
import re

STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def is_open(state, cell) -> bool:
    return state["rows"][cell[0]][cell[1]] == "."


def beside(cell, move) -> tuple[int, int]:
    return cell[0] + STEPS[move][0], cell[1] + STEPS[move][1]


def as_text(cell) -> str:
    return f"({cell[0]}, {cell[1]})"


def ways(state) -> list[list[str]]:
    """Every way from the player to the goal that enters no cell twice, by exhaustive search."""
    start, end = tuple(state["player"]), tuple(state["goal"])
    found, todo = [], collections.deque([(start, [], {start})])
    while todo:
        cell, moves, entered = todo.popleft()
        if cell == end:
            found.append(moves)
        for move in STEPS:
            beyond = beside(cell, move)
            if is_open(state, beyond) and beyond not in entered:
                todo.append((beyond, [*moves, move], entered | {beyond}))
    return found


def moves_in(text: str) -> list[str]:
    return [
        move
        for move, count in re.findall(r"(up|down|left|right) (\d+)", text)
        for _ in range(int(count))
    ]


def path_to_goal(state, params):
    def arrives(text) -> bool:
        cell = tuple(state["player"])
        for move in moves_in(text):
            cell = beside(cell, move)
            if not is_open(state, cell):
                return False
        return list(cell) == state["goal"]

    return arrives


def turn_count(state, params):
    (way,) = ways(state)
    return str(sum(a != b for a, b in zip(way[1:], way, strict=False)))


def open_directions(state, params):
    return ", ".join(move for move in STEPS if is_open(state, beside(state["player"], move)))


def position_after_step(state, params):
    beyond = beside(state["player"], params["direction"])
    return as_text(beyond) if is_open(state, beyond) else "none"


ORACLES = {
    "player_position": lambda state, params: as_text(state["player"]),
    "goal_position": lambda state, params: as_text(state["goal"]),
    "path_to_goal": path_to_goal,
    "turn_count": turn_count,
    "open_directions": open_directions,
    "position_after_step": position_after_step,
}
