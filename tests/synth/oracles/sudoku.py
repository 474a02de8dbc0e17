"""Sudoku solved from the rules alone: full solutions by trying out, the rest with sets."""

NAMES = {
    "R": "red",
    "G": "green",
    "B": "blue",
    "M": "magenta",
    "Y": "yellow",
    "A": "aqua",
    "S": "slate",
    "P": "purple",
    "O": "orange",
}


def around(rows, row, col) -> set[str]:
    """The colours in the row, column and box of a cell."""
    side = 2 if len(rows) == 4 else 3
    top, left = row - row % side, col - col % side
    box = {mark for marks in rows[top : top + side] for mark in marks[left : left + side]}
    return (set(rows[row]) | {marks[col] for marks in rows} | box) - {"-"}


def solutions(rows, most=2) -> list[tuple[str, ...]]:
    """Up to `most` ways to fill the board."""
    at = range(len(rows))
    every = set("RGBMYASPO"[: len(rows)])
    free = [
        (len(left), row, col, left)
        for row in at
        for col in at
        if rows[row][col] == "-"
        for left in [every - around(rows, row, col)]
    ]
    if not free:
        return [tuple(rows)]
    _, row, col, left = min(free, key=lambda some: some[:3])
    found = []
    for mark in sorted(left):
        filled = list(rows)
        filled[row] = rows[row][:col] + mark + rows[row][col + 1 :]
        found += solutions(filled, most - len(found))
        if len(found) >= most:
            break
    return found


def color_count(state, params):
    cells = [NAMES.get(mark) for row in state["rows"] for mark in row]
    return str(cells.count(params["color"]))


def candidate_count(state, params):
    rows = state["rows"]
    return str(len(rows) - len(around(rows, *params["cell"])))


def lines_with_blanks(state, params):
    rows = state["rows"]
    lines = rows if params["line"] == "row" else list(map("".join, zip(*rows, strict=True)))
    return str(sum(line.count("-") > params["more_than"] for line in lines))


def deduce_after_two(state, params):
    """By the only solution of the whole board."""
    (only,) = solutions(state["rows"])
    row, col = params["target"]
    return NAMES[only[row][col]]


ORACLES = {
    "cell_color": lambda state, params: NAMES[state["rows"][params["cell"][0]][params["cell"][1]]],
    "color_count": color_count,
    "candidate_count": candidate_count,
    "lines_with_blanks": lines_with_blanks,
    "deduce_after_two": deduce_after_two,
}
