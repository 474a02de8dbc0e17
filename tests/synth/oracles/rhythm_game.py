"""Rhythm game, played second by second: the picture falls, is mirrored, and loses its blocks."""

from fractions import Fraction

NAMES = {
    "-": "empty",
    "C": "click block",
    "R": "reverse block",
    "H": "snake head",
    "B": "snake body",
    "T": "snake tail",
}


def block_type(state, params):
    row, col = params["cell"]
    return NAMES[state["rows"][row - 1][col - 1]]


def occupied_share(state, params):
    marks = "".join(state["rows"])
    share = Fraction(sum(mark != "-" for mark in marks), len(marks))
    return lambda text: (
        len(text) == 5 and text[1] == "." and abs(Fraction(text) - share) <= Fraction(1, 2000)
    )


def snake_length_later(state, params):
    """Lets the rows fall, then counts upwards to the tail."""
    rows = state["rows"][params["seconds"] :]
    row, col = params["cell"]
    assert rows[row - 1][col - 1] == "H"
    length = 1
    while rows[row - 2 + length][col - 1] != "T":
        length += 1
    return str(length)


def points(state, column, delay):
    """Cells carry the number of their snake and its length; full ones are counted at the end."""
    board = [[(mark, None) for mark in row] for row in state["rows"]]
    sizes = []
    for col in range(len(board[0])):
        for row in board:
            mark = row[col][0]
            if mark == "H":
                sizes.append(0)
            if mark in "HBT":
                sizes[-1] += 1
                row[col] = mark, len(sizes) - 1
    total, hits, waits = 0, [0] * len(sizes), False
    while board:
        bottom, board = board[0], board[1:]
        if waits:
            waits = False
            continue
        mark, snake = bottom[column - 1]
        total += {"C": 10, "R": 15}.get(mark, 0)
        if mark == "R":
            board = [row[::-1] for row in board]
            waits = delay
        if snake is not None:
            hits[snake] += 1
    whole = [size for size, hit in zip(sizes, hits, strict=True) if size == hit]
    return total + sum(size * (2 * size + 7) for size in whole)


def best(state, delay):
    scores = [points(state, col + 1, delay) for col in range(len(state["rows"][0]))]
    assert scores.count(max(scores)) == 1
    return str(scores.index(max(scores)) + 1)


ORACLES = {
    "block_type": block_type,
    "occupied_share": occupied_share,
    "snake_length_later": snake_length_later,
    "column_score": lambda state, params: str(points(state, params["column"], False)),
    "column_score_delay": lambda state, params: str(points(state, params["column"], True)),
    "best_column": lambda state, params: best(state, False),
    "best_column_delay": lambda state, params: best(state, True),
}
