"""Tic-tac-toe by a plain minimax over boards of nine marks."""

import functools

LINES = [
    *((i, i + 1, i + 2) for i in (0, 3, 6)),
    *((i, i + 3, i + 6) for i in (0, 1, 2)),
    (0, 4, 8),
    (2, 4, 6),
]


def marks_of(state) -> str:
    return "".join(state["rows"])


def as_text(i: int) -> str:
    return f"({i // 3}, {i % 3})"


def has_won(marks: str, mark: str) -> bool:
    return any(all(marks[i] == mark for i in line) for line in LINES)


def to_move(marks: str) -> str:
    return "X" if marks.count("O") > marks.count("X") else "O"


def is_over(marks: str) -> bool:
    return has_won(marks, "O") or has_won(marks, "X") or "-" not in marks


def moves(marks: str) -> dict[int, str]:
    """The free cells, each with the board after the side to move has taken it."""
    return {i: marks[:i] + to_move(marks) + marks[i + 1 :] for i in range(9) if marks[i] == "-"}


@functools.cache
def score(marks: str) -> int:
    """+1 if O wins under perfect play, -1 if X does, 0 for a draw."""
    if is_over(marks):
        return has_won(marks, "O") - has_won(marks, "X")
    best = max if to_move(marks) == "O" else min
    return best(score(after) for after in moves(marks).values())


def best_moves(marks: str) -> list[int]:
    return [i for i, after in moves(marks).items() if score(after) == score(marks)]


def is_best(marks: str):
    """Judges a cell's text; none of the cells is right if the game is over."""
    right = [] if is_over(marks) else [as_text(i) for i in best_moves(marks)]
    return lambda text: text in right


def cell_color(state, params):
    row, col = params["cell"]
    return {"O": "red", "X": "blue", "-": "white"}[state["rows"][row][col]]


def reply_after_move(state, params):
    marks, (row, col) = marks_of(state), params["cell"]
    after = moves(marks).get(3 * row + col)
    return "none" if after is None or is_over(after) else is_best(after)


ORACLES = {
    "cell_color": cell_color,
    "rule_based_move": lambda state, params: is_best(marks_of(state)),
    "reply_after_move": reply_after_move,
}
