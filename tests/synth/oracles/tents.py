"""Tents from the rules alone: NumPy look-ups, and trees that choose their tents one by one."""

import numpy as np


def marked(state, mark) -> np.ndarray:
    return np.array([[cell == mark for cell in row] for row in state["rows"]])


def grown(grid, diagonal) -> np.ndarray:
    """The cells beside a marked one."""
    padded, n = np.pad(grid, 1), len(grid)
    steps = [(r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)]
    if not diagonal:
        steps = [step for step in steps if 1 in step]
    return np.any([padded[r : r + n, c : c + n] for r, c in steps], axis=0)


def left(state) -> tuple[np.ndarray, np.ndarray]:
    """The tents that rows and columns lack."""
    tents = marked(state, "A")
    return state["row_totals"] - tents.sum(1), state["column_totals"] - tents.sum(0)


def placeable(state) -> np.ndarray:
    rows, columns = left(state)
    lacking = (rows > 0)[:, None] & (columns > 0)[None]
    near_tree, near_tent = grown(marked(state, "T"), False), grown(marked(state, "A"), True)
    return marked(state, ".") & near_tree & ~near_tent & lacking


def completions(state) -> set[frozenset]:
    """The sets of tents with which all rules hold: each tree in turn takes a tent."""
    trees = list(map(tuple, np.argwhere(marked(state, "T")).tolist()))
    shown = set(map(tuple, np.argwhere(marked(state, "A")).tolist()))
    may = placeable(state)
    choices = []
    for row, col in trees:
        near = [(row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)]
        inside = [c for c in near if 0 <= min(c) and max(c) < len(may)]
        choices.append([cell for cell in inside if cell in shown or may[cell]])
    rows, columns = (list(map(int, counts)) for counts in left(state))
    states = {(frozenset(), frozenset())}  # shown tents taken, new tents
    for options in sorted(choices, key=len):
        then = set()
        for taken, fresh in states:
            for cell in options:
                if cell in shown and cell not in taken:
                    then.add((taken | {cell}, fresh))
                elif cell not in shown and not any(
                    abs(cell[0] - r) < 2 and abs(cell[1] - c) < 2 for r, c in fresh
                ):
                    more = fresh | {cell}
                    in_row = sum(r == cell[0] for r, _ in more)
                    if (
                        in_row <= rows[cell[0]]
                        and sum(c == cell[1] for _, c in more) <= columns[cell[1]]
                    ):
                        then.add((taken, more))
        states = then
    return {fresh for taken, fresh in states if taken == shown and len(fresh) == sum(rows)}


def only(cells, grid) -> str:
    (cell,) = (cell for cell in cells if grid[tuple(cell)])
    return f"({cell[0]}, {cell[1]})"


ORACLES = {
    "tents_in_row": lambda s, params: str(marked(s, "A")[params["row"]].sum()),
    "missing_in_column": lambda s, params: str(left(s)[1][params["column"]]),
    "missing_in_grid": lambda s, params: str(left(s)[0].sum()),
    "tree_adjacent_cells": lambda s, params: str(
        (grown(marked(s, "T"), False) & ~marked(s, "T")).sum()
    ),
    "placeable_count": lambda s, params: str(placeable(s).sum()),
    "which_is_tree": lambda s, params: only(params["cells"], marked(s, "T")),
    "which_placeable": lambda s, params: only(params["cells"], placeable(s)),
}
