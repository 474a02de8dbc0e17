"""Tetris solved a second time: pieces by the turns of a walk along them, moves step by step."""

from itertools import pairwise


def cells_of(state, mark):
    rows = state["rows"]
    return {(r, c) for r in range(len(rows)) for c in range(len(rows)) if rows[r][c] == mark}


def empty_in_row(state, params):
    return str(sum(mark not in "#o" for mark in state["rows"][params["row"]]))


def beside(cell, cells):
    row, col = cell
    return [
        at for at in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)) if at in cells
    ]


def piece_shape(state, params):
    """By how many neighbours the cells have and which way a walk from end to end turns.

    Walking L from its long end, one turns left; walking S, first left, then right.
    """
    cells = cells_of(state, "o")
    degrees = sorted(len(beside(cell, cells)) for cell in cells)
    assert len(cells) == 4
    if degrees == [2, 2, 2, 2]:
        return "O"
    if degrees == [1, 1, 1, 3]:
        return "T"
    assert degrees == [1, 1, 2, 2]
    walks = []
    for end in sorted(cell for cell in cells if len(beside(cell, cells)) == 1):
        walk = [end]
        while len(walk) < 4:
            walk += [cell for cell in beside(walk[-1], cells) if cell not in walk]
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(walk)]
        # Rows grow downwards: a negative product is a turn to the right.
        pairs = pairwise(steps)
        walks.append([a[1] * b[0] - a[0] * b[1] for a, b in pairs])
    for turns in walks:
        kind = {(0, 0): "I", (0, -1): "L", (0, 1): "J", (-1, 1): "S", (1, -1): "Z"}.get(
            tuple(turns)
        )
        if kind:
            return kind
    raise AssertionError(f"no piece: {sorted(cells)}")


def moved(cells, rows, cols):
    return {(row + rows, col + cols) for row, col in cells}


def fits(cells, settled, size):
    """Cells above the well are free: a piece comes from there."""
    return not cells & settled and all(row < size and 0 <= col < size for row, col in cells)


def fall(cells, settled, size):
    count = 0
    while fits(moved(cells, count + 1, 0), settled, size):
        count += 1
    return count


def fall_after_shift(state, params):
    piece, settled, size = cells_of(state, "o"), cells_of(state, "#"), len(state["rows"])
    shifted = moved(piece, 0, 1 if params["shift"] == "right" else -1)
    if fits(shifted, settled, size):
        piece = shifted
    return str(fall(piece, settled, size))


def max_clear(state, params):
    settled, size = cells_of(state, "#"), len(state["rows"])
    piece, best = cells_of(state, "o"), 0
    for _ in range(4):
        piece = {(col, -row) for row, col in piece}
        for col in range(-2 * size, 2 * size):
            above = moved(piece, -max(row for row, _ in piece) - 1, col)
            if not fits(above, settled, size):
                continue
            resting = moved(above, fall(above, settled, size), 0)
            if min(resting)[0] >= 0:
                filled = settled | resting
                full = sum(all((row, c) in filled for c in range(size)) for row in range(size))
                best = max(best, full)
    return str(best)


ORACLES = {
    "empty_in_row": empty_in_row,
    "piece_shape": piece_shape,
    "fall_after_shift": fall_after_shift,
    "max_clear": max_clear,
}
