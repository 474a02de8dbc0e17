"""Chess ranger: every move captures, until one piece is left."""

import dataclasses
import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations

from synth.draw.chessmen import ChessBoard
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.questions import between, pick, pick_some

NAMES = {"P": "pawn", "R": "rook", "N": "knight", "B": "bishop", "Q": "queen", "K": "king"}
RULES = (
    "The picture shows chess pieces of one colour on a board with files a to h and ranks 1 to 8. "
    "Every move is a capture: a piece moves onto the square of another one, of any kind, kings as "
    "well, and takes it off the board. King, queen, rook, bishop and knight move as in chess; none "
    "but the knight jumps over others. A pawn captures one square diagonally towards rank 8, that "
    "is upwards; it may stand on any rank and is never promoted. b3xc5 means that the piece on b3 "
    "captures the one on c5."
)
PIECES = {"Easy": (4, 6), "Medium": (6, 8), "Hard": (8, 10)}
CAPTURES = {"Easy": (2, 5), "Medium": (4, 7), "Hard": (6, 9)}  # asked for, at most
SAME = {"Easy": 3, "Medium": 4, "Hard": 5}  # pieces of one kind asked for, at most
LEFT = (1, 3)  # pieces that remain after the most captures
LISTED = 4  # captures in a question
TRIES = 400  # captures looked at when a question is drawn, before another board is

LINES = {
    "R": ((1, 0), (-1, 0), (0, 1), (0, -1)),
    "B": ((1, 1), (1, -1), (-1, 1), (-1, -1)),
    "N": ((1, 2), (2, 1), (-1, 2), (-2, 1), (1, -2), (2, -1), (-1, -2), (-2, -1)),
    "P": ((-1, 1), (1, 1)),
}
LINES["Q"] = LINES["K"] = LINES["R"] + LINES["B"]

Board = dict[int, str]  # the letter of the piece on each square: file + 8 * rank, from 0
Capture = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Ranger:
    pieces: tuple[str, ...]  # as in "Qd8", from rank 8 down, each rank from the left


@cache
def ways() -> dict[str, list[list[tuple[int, int]]]]:
    """For each kind and square: where it may move, with a bit for each square in between."""
    return {kind: [list(moves(kind, square)) for square in range(64)] for kind in NAMES}


def moves(kind: str, square: int) -> Iterator[tuple[int, int]]:
    for d_file, d_rank in LINES[kind]:
        file, rank, between_bits = square % 8 + d_file, square // 8 + d_rank, 0
        while 0 <= file < 8 and 0 <= rank < 8:
            yield file + 8 * rank, between_bits
            if kind not in "QRB":
                break
            between_bits |= 1 << (file + 8 * rank)
            file, rank = file + d_file, rank + d_rank


def captures(board: Board) -> list[Capture]:
    occupied = sum(1 << square for square in board)
    return [
        (square, to)
        for square, kind in board.items()
        for to, bits in ways()[kind][square]
        if to in board and not bits & occupied
    ]


def capture(board: Board, move: Capture) -> Board:
    after = dict(board)
    after[move[1]] = after.pop(move[0])
    return after


def traps(board: Board) -> list[list[int]]:
    """Sets of squares, one beside the other, that no piece which comes there can ever leave.

    Pieces only ever come to squares that are occupied now. A trap is as small as can be and always
    holds a piece, so at least as many pieces as traps remain.
    """
    leave = {square: set() for square in board}
    for start, kind in board.items():
        seen, ahead = {start}, [start]
        while ahead:
            square = ahead.pop()
            onto = {to for to, _ in ways()[kind][square] if to in board}
            leave[square] |= onto
            ahead += onto - seen
            seen |= onto
    reached = {}
    for start in board:
        seen, ahead = {start}, [start]
        while ahead:
            new_ones = leave[ahead.pop()] - seen
            seen |= new_ones
            ahead += new_ones
        reached[start] = seen
    found = {
        frozenset(squares)
        for squares in reached.values()
        if all(reached[other] == squares for other in squares)
    }
    return sorted(sorted(some) for some in found)


class OutOfTries(Exception):
    """A search that takes too long for a question."""


class Search:
    """Looks for captures after which no more than `left` pieces remain."""

    def __init__(self, left: int, tries: int | None = None):
        self.left, self.tries, self.lost = left, tries, set()

    def play(self, board: Board) -> list[Capture] | None:
        """None if there are none."""
        if len(board) <= self.left:
            return []
        key = frozenset(board.items())
        if key in self.lost:
            return None
        if self.tries is not None:
            self.tries -= 1
            if self.tries < 0:
                raise OutOfTries
        if len(traps(board)) <= self.left:
            for move in captures(board):
                rest = self.play(capture(board, move))
                if rest is not None:
                    return [move, *rest]
        self.lost.add(key)
        return None


def build(rng, count: int, left: int = 1, kinds: str = "", start: int | None = None) -> Board:
    """A board of `count` pieces of which captures can leave `left`, made by taking them back.

    kinds: of the pieces, in the order in which they are put; all random if left out.
    start: a square that is occupied.
    """
    while True:
        kinds_left = list(kinds or (pick(rng, tuple(NAMES)) for _ in range(count)))
        squares = rng.permutation(64).tolist()
        if start is not None:
            squares = [start, *squares]
        board = {square: kinds_left.pop() for square in dict.fromkeys(squares[:left])}
        while len(board) < count:
            steps = taken_back(board)
            if not steps:
                break
            square = pick(rng, list(steps))
            board[pick(rng, steps[square])] = board[square]
            board[square] = kinds_left.pop()
        else:
            return board


def taken_back(board: Board) -> dict[int, list[int]]:
    """For each piece that may just have captured, where it may have come from."""
    occupied = sum(1 << square for square in board)
    steps = {}
    for square, kind in board.items():
        turned = origins(kind)[square]
        free = [at for at, bits in turned if at not in board and not bits & occupied]
        if free:
            steps[square] = free
    return steps


@cache
def origins(kind: str) -> list[list[tuple[int, int]]]:
    """The same as `ways`, backwards."""
    found = [[] for _ in range(64)]
    for square in range(64):
        for to, bits in ways()[kind][square]:
            found[to].append((square, bits))
    return found


def new(rng, level: str) -> Ranger:
    """All numbers of pieces in the level's range are equally likely."""
    return ranger(build(rng, between(rng, *PIECES[level])))


def name(square: int) -> str:
    return f"{'abcdefgh'[square % 8]}{square // 8 + 1}"


def square_of(written: str) -> int:
    return "abcdefgh".index(written[0]) + 8 * (int(written[1]) - 1)


def ranger(board: Board) -> Ranger:
    squares = sorted(board, key=lambda square: (-(square // 8), square))
    return Ranger(tuple(board[square] + name(square) for square in squares))


def board_of(state: Ranger) -> Board:
    return {square_of(piece[1:]): piece[0] for piece in state.pieces}


def written(move: Capture) -> str:
    return "x".join(map(name, move))


def move_of(move: str) -> Capture:
    start, to = map(square_of, move.split("x"))
    return start, to


def play_text(play: list[Capture]) -> str:
    return ", ".join(map(written, play))


def draw(state: Ranger, size: int):
    picture = ChessBoard(size)
    for square, kind in board_of(state).items():
        picture.put(kind, square % 8, square // 8)
    return picture.image


def describe(state: Ranger) -> str:
    return (
        "Pieces (P pawn, R rook, N knight, B bishop, Q queen, K king) from rank 8 down: "
        f"{', '.join(state.pieces)}."
    )


def parse(description: str) -> Ranger:
    return Ranger(tuple(re.findall(r"\b[PRNBQK][a-h][1-8]\b", description)))
