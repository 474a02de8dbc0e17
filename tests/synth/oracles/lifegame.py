"""The game of life on the set of live cells: each gives a mark to its eight neighbours."""

import collections
import itertools


def alive(state):
    return {
        (row, col)
        for row, marks in enumerate(state["rows"])
        for col, mark in enumerate(marks)
        if mark == "#"
    }


def after(live, size):
    marks = collections.Counter(
        ((row + down) % size, (col + right) % size)
        for row, col in live
        for down, right in itertools.product((-1, 0, 1), repeat=2)
        if down or right
    )
    return {cell for cell, count in marks.items() if count == 3 or (count == 2 and cell in live)}


def count_later(state, params):
    live = alive(state)
    for _ in range(params["steps"]):
        live = after(live, len(state["rows"]))
    return str(len(live))


def history(state, params):
    live, cell, words = alive(state), tuple(params["cell"]), []
    for _ in range(params["steps"] + 1):
        words.append("alive" if cell in live else "dead")
        live = after(live, len(state["rows"]))
    return ", ".join(words)


def steps_until_it_repeats(state, params):
    """The first generation that comes again, in a run long enough to come back."""
    size, (top, left) = len(state["rows"]), params["region"]
    live = {
        (row, col)
        for row, col in itertools.product(range(3), repeat=2)
        if state["rows"][(top + row) % size][(left + col) % size] == "#"
    }
    seen = []
    while live not in seen:
        seen.append(live)
        live = after(live, 3)
    return str(seen.index(live))


ORACLES = {
    "live_count": lambda state, params: str(len(alive(state))),
    "live_count_next": count_later,
    "cell_history": history,
    "region_stability_steps": steps_until_it_repeats,
}
