"""Pac-Man on arrays: distances by spreading them over the maze, runs by playing all of them."""

from functools import lru_cache

import numpy as np

STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
NAMES = {"pinky": "Pinky", "blinky": "Blinky"}


def board(state):
    return np.array([list(row) for row in state["rows"]])


def beside(cell, way):
    return cell[0] + STEPS[way][0], cell[1] + STEPS[way][1]


@lru_cache(maxsize=256)
def spread(walls: bytes, size: int, target: tuple) -> np.ndarray:
    """Distances to the target: again and again, one more than the nearest neighbour's."""
    wall = np.frombuffer(walls, bool).reshape(size, size)
    far = np.full((size, size), np.inf)
    far[target] = 0
    while True:
        near = [np.roll(far, shift, axis) for axis in (0, 1) for shift in (1, -1)]
        better = np.where(wall, np.inf, np.minimum(far, np.min(near, 0) + 1))
        if np.array_equal(better, far):
            return far
        far = better


def pursue(marks, ghost, target):
    """The way of a ghost's next step; None at its target."""
    far = spread((marks == "#").tobytes(), len(marks), target)
    closer = [way for way in STEPS if far[beside(ghost, way)] == far[ghost] - 1]
    assert np.isfinite(far[ghost]) and (closer or ghost == target)
    return closer[0] if closer else None


def target_of(marks, name, cell, facing):
    if name == "pinky":
        for _ in range(4):
            ahead = beside(cell, facing)
            cell = cell if marks[ahead] == "#" else ahead
    return cell


def straight(marks, cell, way):
    """The cells ahead."""
    cells = []
    while marks[cell := beside(cell, way)] != "#":
        cells.append(cell)
    return cells


def start(state):
    return board(state), tuple(state["pacman"]), state["facing"]


def beans_in_window(state, params):
    row, col = state["pacman"]
    window = np.pad(board(state), 2, constant_values="#")[row : row + 5, col : col + 5]
    return str((window == "*").sum())


def closer_ghost(state, params):
    far = [np.abs(np.subtract(state[name], state["pacman"])).sum() for name in NAMES]
    return "both equally" if far[0] == far[1] else list(NAMES.values())[int(np.argmin(far))]


def beans_straight_ahead(state, params):
    marks, cell, facing = start(state)
    way = straight(marks, cell, facing)
    assert all(tuple(state[name]) not in way for name in NAMES)
    return str(sum(marks[cell] == "*" for cell in way))


def next_way(state, name, cell, facing):
    marks, ghost = board(state), tuple(state[name])
    return pursue(marks, ghost, target_of(marks, name, cell, facing))


def next_step(name):
    return lambda state, params: next_way(state, name, *start(state)[1:])


def turn_after_move(name):
    def answer(state, params):
        marks, cell, facing = start(state)
        way = straight(marks, cell, params["direction"])[: params["steps"]]
        assert way and tuple(state[name]) not in way
        old = next_way(state, name, cell, facing)
        new = next_way(state, name, way[-1], params["direction"])
        return f"{'still' if old == new else 'now'} {new}"

    return answer


def play(state, moves):
    """The beans that are eaten and who catches Pac-Man, each as soon as it happens."""
    marks, cell, facing = start(state)
    ghosts = {name: tuple(state[name]) for name in NAMES}
    beans = 0
    for way in moves:
        if marks[beside(cell, way)] != "#":
            cell, facing = beside(cell, way), way
        beans += int(marks[cell] == "*")
        marks[cell] = "."
        if cell in ghosts.values():
            return beans, {name for name in NAMES if ghosts[name] == cell}
        for name in NAMES:
            step = pursue(marks, ghosts[name], target_of(marks, name, cell, facing))
            ghosts[name] = beside(ghosts[name], step) if step else ghosts[name]
            if ghosts[name] == cell:
                return beans, {name}
    return beans, set()


def two_leg_outcome(state, params):
    beans, caught = play(state, [way for way, count in params["legs"] for _ in range(count)])
    if caught:
        (name,) = caught
        return f"caught by {NAMES[name]}"
    return f"{beans} bean eaten" if beans == 1 else f"{beans} beans eaten"


def best_straight_run(state, params):
    marks, cell, _ = start(state)
    runs = {way: len(straight(marks, cell, way)) for way in STEPS}
    ended = {way: play(state, [way] * count) for way, count in runs.items() if count}
    safe = {way: beans for way, (beans, caught) in ended.items() if not caught}
    best = [way for way in safe if safe[way] == max(safe.values())]
    assert len(best) == (1 if safe else 0)
    return best[0] if best else "always caught"


ORACLES = {
    "pacman_pose": lambda state, params: "({}, {}), {}".format(*state["pacman"], state["facing"]),
    "beans_in_window": beans_in_window,
    "closer_ghost": closer_ghost,
    "beans_straight_ahead": beans_straight_ahead,
    "two_leg_outcome": two_leg_outcome,
    "pinky_turn_after_move": turn_after_move("pinky"),
    "blinky_turn_after_move": turn_after_move("blinky"),
    "pinky_next_step": next_step("pinky"),
    "blinky_next_step": next_step("blinky"),
    "best_straight_run": best_straight_run,
}
