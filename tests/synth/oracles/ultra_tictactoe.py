"""Ultra tic-tac-toe: lines as sums in a magic square, the course of play as a trail of edges."""

from itertools import combinations

MAGIC = (2, 7, 6, 9, 5, 1, 4, 3, 8)  # three different ones sum to 15 exactly if in line
MARK = {"first": "X", "second": "O"}


def small_grid(state, cell) -> str:
    return state["grids"][3 * cell[0] + cell[1]]


def points(marks: str, mark: str) -> int:
    values = [value for value, other in zip(MAGIC, marks, strict=True) if other == mark]
    return sum(sum(three) == 15 for three in combinations(values, 3))


def cell_owner(state, params):
    mark = small_grid(state, params["cell"])[3 * params["cell"][2] + params["cell"][3]]
    return {"X": "first", "O": "second"}.get(mark, "not marked")


def free_cells_next_grid(state, params):
    return str(small_grid(state, state["last"][2:]).count("-"))


def marked_centers(state, params):
    return str(sum(marks[4] in "XO" for marks in state["grids"]))


def piece_total(state, params):
    return str(sum(mark in "XO" for mark in "".join(state["grids"])))


def points_in_grid(state, params):
    return str(points(small_grid(state, params["grid"]), MARK[params["player"]]))


def infer_next_grid(state, params):
    """A mark is an edge from its small grid to where it leads; the trail begins in the middle.

    Whose marks they are does not matter: a trail ends where more edges go in than out, or where it
    began if there is no such place.
    """
    surplus = [0] * 9
    surplus[4] = 1
    for grid, marks in enumerate(state["grids"]):
        for place, mark in enumerate(marks):
            if mark != "-":
                surplus[grid] -= 1
                surplus[place] += 1
    assert sorted(surplus) == [0] * 8 + [1]
    return str(divmod(surplus.index(1), 3))


def best_scoring_cell(state, params):
    """All cells with the most points after the mark; none of them gains if the most is no more."""
    marks = small_grid(state, state["last"][2:])
    written = "".join(state["grids"])
    mark = "X" if written.count("X") == written.count("O") else "O"
    after = {
        at: points(marks[:at] + mark + marks[at + 1 :], mark) for at in range(9) if marks[at] == "-"
    }
    most = max(after.values())
    best = [at for at in after if after[at] == most > points(marks, mark)]
    right = [str((*state["last"][2:], *divmod(at, 3))) for at in best]
    return lambda text: right == [text]


ORACLES = {
    "cell_owner": cell_owner,
    "free_cells_next_grid": free_cells_next_grid,
    "marked_centers": marked_centers,
    "piece_total": piece_total,
    "points_in_grid": points_in_grid,
    "infer_next_grid": infer_next_grid,
    "best_scoring_cell": best_scoring_cell,
}
