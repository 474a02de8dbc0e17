"""Chess ranger by exhaustive search: pieces walk square by square over a board of coordinates."""

from functools import cache

NAMES = {"P": "pawn", "R": "rook", "N": "knight", "B": "bishop", "Q": "queen", "K": "king"}
STRAIGHT = {(0, 1), (0, -1), (1, 0), (-1, 0)}
ASLANT = {(1, 1), (1, -1), (-1, 1), (-1, -1)}
STEPS = {
    "P": {(-1, 1), (1, 1)},
    "R": STRAIGHT,
    "N": {(a, b) for a in (-2, -1, 1, 2) for b in (-2, -1, 1, 2) if abs(a) != abs(b)},
    "B": ASLANT,
    "Q": STRAIGHT | ASLANT,
    "K": STRAIGHT | ASLANT,
}


def place(square):
    return ord(square[0]) - ord("a"), int(square[1]) - 1


def pieces(state):
    """(column, row, letter) of every piece; rows count from below."""
    return frozenset((*place(piece[1:]), piece[0]) for piece in state["pieces"])


@cache
def boards_after(board):
    """Every capture as (from, to), with the board that it leads to."""
    letters = {(x, y): letter for x, y, letter in board}
    found = {}
    for (x, y), letter in letters.items():
        for right, up in STEPS[letter]:
            for far in range(1, 8 if letter in "RBQ" else 2):
                to = x + far * right, y + far * up
                if to in letters:
                    gone = {(x, y, letter), (*to, letters[to])}
                    found[(x, y), to] = board - gone | {(*to, letter)}
                    break
    return found


@cache
def fewest(board):
    """How many pieces remain at least."""
    best = len(board)
    for after in boards_after(board).values():
        if best == 1:
            break
        best = min(best, fewest(after))
    return best


def first_moves_that_solve(state, params):
    after = boards_after(pieces(state))
    listed = [tuple(map(place, capture.split("x"))) for capture in params["captures"]]
    right = [number for number, move in enumerate(listed, 1) if fewest(after[move]) == 1]
    return ", ".join(map(str, right)) or "none"


def piece_at_square(state, params):
    found = [NAMES[piece[0]] for piece in state["pieces"] if piece[1:] == params["square"]]
    return found[0] if found else "no piece"


def locate_unique_piece(state, params):
    (square,) = (piece[1:] for piece in state["pieces"] if NAMES[piece[0]] == params["piece"])
    return square


ORACLES = {
    "solution_length": lambda state, _: str(len(state["pieces"]) - fewest(pieces(state))),
    "piece_type_count": lambda state, params: str(
        sum(NAMES[piece[0]] == params["piece"] for piece in state["pieces"])
    ),
    "locate_unique_piece": locate_unique_piece,
    "piece_at_square": piece_at_square,
    "first_moves_that_solve": first_moves_that_solve,
}
