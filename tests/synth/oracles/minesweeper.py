"""Minesweeper by listing every layout that fits: number by number, all choices of mines."""

import itertools


def grid(state) -> dict[tuple, str]:
    return {(r, c): mark for r, row in enumerate(state["rows"]) for c, mark in enumerate(row)}


def beside(marks, cell) -> list[tuple]:
    steps = itertools.product((-1, 0, 1), repeat=2)
    return [near for a, b in steps if (a or b) and (near := (cell[0] + a, cell[1] + b)) in marks]


def layouts(state):
    """Yields (mines beside numbers, mines left for other cells); and those other cells."""
    marks = grid(state)
    fitting, decided = {frozenset(cell for cell in marks if marks[cell] == "F")}, set()
    for cell, mark in marks.items():
        if mark in "#F":
            continue
        near = [other for other in beside(marks, cell) if marks[other] in "#F"]
        fresh = [other for other in near if other not in decided and marks[other] == "#"]
        need, grown = int(mark.replace(".", "0")), set()
        for mines in fitting:
            more = need - sum(other in mines for other in near)
            if 0 <= more <= len(fresh):
                grown |= {mines.union(some) for some in itertools.combinations(fresh, more)}
        fitting = grown
        decided.update(fresh)
    others = [cell for cell in marks if marks[cell] == "#" and cell not in decided]
    left = {mines: state["mines"] - len(mines) for mines in fitting}
    return {mines: n for mines, n in left.items() if 0 <= n <= len(others)}, others


def outcomes(state, cell) -> set[str]:
    """All that can come up if the cell is revealed."""
    cell, marks = tuple(cell), grid(state)
    fitting, others = layouts(state)
    near, found = beside(marks, cell), set()
    for mines, left in fitting.items():
        if cell in mines or (cell in others and left):
            found.add("mine")
        if cell in mines or (cell in others and left == len(others)):
            continue
        known = sum(other in mines for other in near)
        open_near = sum(other in others for other in near)
        elsewhere = len(others) - open_near - (cell in others)
        for more in range(max(0, left - elsewhere), min(left, open_near) + 1):
            found.add(str(known + more) if known + more else "flood")
    return found


def revealed(state) -> list[str]:
    return [mark for mark in grid(state).values() if mark not in "#F"]


def flags(state) -> int:
    return list(grid(state).values()).count("F")


def cell_state(state, params):
    names = {"#": "hidden", "F": "flagged", ".": "blank"}
    return names.get(grid(state)[tuple(params["cell"])], "number")


def reveal_outcome(state, params):
    offered = {"mine", "flood", *map(str, params["numbers"])}
    (only,) = outcomes(state, params["cell"]) & offered
    return only


def best_action_at_cell(state, params):
    cell, marks = tuple(params["cell"]), grid(state)
    if marks[cell] == "F":
        return "already flagged"
    if marks[cell] != "#":
        near_hidden = any(marks[other] == "#" for other in beside(marks, cell))
        return "analyse" if near_hidden else "already revealed"
    found = outcomes(state, cell)
    return "flag" if found == {"mine"} else "skip" if "mine" in found else "reveal"


ORACLES = {
    "flag_count": lambda state, params: str(flags(state)),
    "mines_remaining": lambda state, params: str(state["mines"] - flags(state)),
    "revealed_count": lambda state, params: str(len(revealed(state))),
    "cell_state": cell_state,
    "reveal_outcome": reveal_outcome,
    "best_action_at_cell": best_action_at_cell,
}
