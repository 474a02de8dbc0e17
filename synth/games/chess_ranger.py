"""Chess ranger: every move captures, until one piece is left."""

import dataclasses
import re
from collections.abc import Iterator
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
PIECES = {"Easy": (4, 6), "Medium": (6, 8), "Hard": (8, 9)}
CAPTURES = {"Easy": (2, 5), "Medium": (2, 7), "Hard": (2, 8)}  # asked for: the most in a row,
SAME = {"Easy": 3, "Medium": 4, "Hard": 5}  # and at most so many pieces of one kind
MOST_LEFT = 6  # pieces that remain after the most captures
CHOICE = 4  # boards that are made at each step; the one with the fewest captures goes on
LISTED = 4  # captures in a question
TRIES = 100  # of a search, after which another board is drawn

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


def ways(kind: str, square: int) -> Iterator[tuple[int, int]]:
    """Where a piece may move, with a bit for each square in between."""
    for d_file, d_rank in LINES[kind]:
        file, rank, bits = square % 8 + d_file, square // 8 + d_rank, 0
        while 0 <= file < 8 and 0 <= rank < 8:
            to = file + 8 * rank
            yield to, bits
            if kind not in "QRB":
                break
            bits |= 1 << to
            file, rank = file + d_file, rank + d_rank


WAYS = {kind: [dict(ways(kind, square)) for square in range(64)] for kind in NAMES}
AIMS = {kind: [sum(1 << to for to in some) for some in WAYS[kind]] for kind in NAMES}  # as bits
ORIGINS = {
    kind: [
        [(start, some[start][square]) for start in range(64) if square in some[start]]
        for square in range(64)
    ]
    for kind, some in WAYS.items()
}


def captures(board: Board) -> list[Capture]:
    occupied = sum(1 << square for square in board)
    return [
        (square, to)
        for square, kind in board.items()
        for ways_on in (WAYS[kind][square],)
        for to in board
        if to in ways_on and not ways_on[to] & occupied
    ]


def capture(board: Board, move: Capture) -> Board:
    after = dict(board)
    after[move[1]] = after.pop(move[0])
    return after


def reach(start: int, onto) -> int:
    """Where one can come from the squares `start` over those in `onto`; sets of squares as bits."""
    seen = ahead = start
    while ahead:
        square = (ahead & -ahead).bit_length() - 1
        new_ones = onto[square] & ~seen
        seen |= new_ones
        ahead = (ahead & (ahead - 1)) | new_ones
    return seen


def traps(board: Board) -> list[list[int]]:
    """Sets of squares, one beside the other, that no piece which comes there can ever leave.

    Pieces only ever come to squares that are occupied now. A trap is as small as can be and always
    holds a piece, so at least as many pieces as traps remain.
    """
    occupied, of_kind = 0, dict.fromkeys(board.values(), 0)
    for square, kind in board.items():
        occupied |= 1 << square
        of_kind[kind] |= 1 << square
    ways_out = dict.fromkeys(board, 0)
    for kind, squares in of_kind.items():
        onto = {square: AIMS[kind][square] & occupied for square in board}
        come_to = reach(squares, onto)
        for square in board:
            if come_to >> square & 1:
                ways_out[square] |= onto[square]
    reached = {reach(1 << square, ways_out) for square in board}
    found = [
        some for some in reached if not any(some & other == other != some for other in reached)
    ]
    listed = [sorted(square for square in board if some >> square & 1) for some in found]
    return sorted(listed, key=lambda some: (len(some), some))


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


def build(rng, count: int, left: int = 1, kinds=None, start: int | None = None) -> Board:
    """A board of `count` pieces that captures can bring down to `left` and no further.

    It is made by taking captures back. kinds: of the pieces; all random if None. start: a square
    that is to be occupied.
    """
    while True:
        ahead = list(kinds or (pick(rng, tuple(NAMES)) for _ in range(count)))
        squares, board = rng.permutation(64).tolist(), {}
        for square in squares if start is None else [start]:
            if len(board) < left and len(traps({**board, square: ahead[-1]})) > len(board):
                board[square] = ahead.pop()
        while board and ahead:
            kind = ahead.pop()
            earlier = [take_back(rng, board, kind) for _ in range(CHOICE)]
            earlier = [some for some in earlier if some and (left == 1 or len(traps(some)) == left)]
            board = min(earlier, key=lambda some: len(captures(some)), default=None)
        if board:
            return board


def take_back(rng, board: Board, kind: str) -> Board | None:
    """The board before some piece captured one of this kind; None if it can't have."""
    square = pick(rng, list(board))
    occupied = sum(1 << other for other in board)
    came_from = [
        start
        for start, bits in ORIGINS[board[square]][square]
        if start not in board and not bits & occupied
    ]
    if not came_from:
        return None
    return {**board, pick(rng, came_from): board[square], square: kind}


def new(rng, level: str) -> Ranger:
    """One piece can be left; all numbers of pieces in the level's range are equally likely."""
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


def never_left(found: list[list[int]]) -> str:
    """Says of these traps that they always hold a piece."""
    sets = (", ".join(map(name, some)) for some in found)
    listed = (f"{{{some}}}" if "," in some else some for some in sets)
    return f"no capture ever leads out of {', nor out of '.join(listed)}"


class SolutionLength(Task):
    """One less than pieces where one piece can be left; other boards are asked about as well."""

    name = "solution_length"
    qa_type, qa_level = PREDICTION, "Hard"

    def pose(self, game, rng, level):
        """All answers within CAPTURES are equally likely."""
        most = between(rng, *CAPTURES[level])
        low, high = PIECES[level]
        left = between(rng, max(1, low - most), min(MOST_LEFT, high - most))
        return ranger(build(rng, most + left, left)), {}

    def ask(self, state):
        return "What is the largest number of captures that can be made one after the other?"

    def solve(self, state):
        board = board_of(state)
        found = traps(board)
        count, left = len(board), len(found)
        play = Search(left).play(board)
        if play is None:
            raise ValueError("more pieces remain than there are traps")
        stay = f"{never_left(found).capitalize()}: each keeps a piece."
        steps = [
            describe(state),
            stay if left > 1 else "One piece always remains.",
            f"So at most {count} - {left} = {count - left} captures are possible.",
            f"{len(play)} captures: {', '.join(map(written, play))}.",
        ]
        return Solution(len(play), steps)


class PieceTypeCount(Task):
    name = "piece_type_count"
    qa_type, qa_level = PERCEPTION, "Medium"

    def pose(self, game, rng, level):
        """For every kind, all numbers up to SAME are equally likely."""
        kind, same = pick(rng, tuple(NAMES)), between(rng, 0, SAME[level])
        return of_kind(rng, level, kind, same), {"piece": NAMES[kind]}

    def ask(self, state, piece):
        return f"How many {piece}s are on the board?"

    def solve(self, state, piece):
        squares = squares_of(state, piece)
        said = f"{piece.capitalize()}s: {', '.join(squares) or 'none'}; that is {len(squares)}."
        return Solution(len(squares), [describe(state), said])


def of_kind(rng, level: str, kind: str, same: int) -> Ranger:
    """A board with so many pieces of one kind."""
    others = tuple(other for other in NAMES if other != kind)
    count = between(rng, *PIECES[level])
    kinds = [kind] * same + [pick(rng, others) for _ in range(count - same)]
    return ranger(build(rng, count, kinds=pick_some(rng, kinds, count)))


def squares_of(state: Ranger, piece: str) -> list[str]:
    return [written[1:] for written in state.pieces if NAMES[written[0]] == piece]


class LocateUniquePiece(Task):
    name = "locate_unique_piece"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        kind = pick(rng, tuple(NAMES))
        return of_kind(rng, level, kind, 1), {"piece": NAMES[kind]}

    def ask(self, state, piece):
        return f"On which square is the only {piece}?"

    def solve(self, state, piece):
        (square,) = squares_of(state, piece)
        return Solution(square, [describe(state), f"The only {piece} is on {square}."])


class PieceAtSquare(Task):
    name = "piece_at_square"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 7

    GIVEN = (*NAMES.values(), "no piece")

    def pose(self, game, rng, level):
        """On any square, all answers are equally likely."""
        square, answer = between(rng, 0, 63), pick(rng, self.GIVEN)
        start = None if answer == "no piece" else square
        while True:
            board = build(rng, between(rng, *PIECES[level]), start=start)
            if NAMES.get(board.get(square), "no piece") == answer:
                return ranger(board), {"square": name(square)}

    def ask(self, state, square):
        return f"Which piece is on {square}?"

    def solve(self, state, square):
        answer = NAMES.get(board_of(state).get(square_of(square)), "no piece")
        return Solution(answer, [describe(state), f"On {square}: {answer}."])

    def distractors(self, state, rng, answer, square):
        return [other for other in self.GIVEN if other != answer]


class FirstMovesThatSolve(Task):
    name = "first_moves_that_solve"
    qa_type, qa_level, n_options = STRATEGY, "Hard", 8

    SETS = tuple(
        some for size in range(LISTED + 1) for some in combinations(range(1, LISTED + 1), size)
    )

    def pose(self, game, rng, level):
        """All sets of numbers, the empty one as well, are equally likely."""
        right = pick(rng, self.SETS)
        while True:
            board = build(rng, between(rng, *PIECES[level]))
            moves = pick_some(rng, every := captures(board), len(every))
            lost = [move for move in moves if is_lost(capture(board, move))]
            others = [move for move in moves if move not in lost]
            if len(lost) < LISTED - len(right) or len(others) < len(right):
                continue
            good = [move for move in others[: len(right)] if solves(board, move)]
            if len(good) == len(right):
                listed = [(good if n in right else lost).pop() for n in range(1, LISTED + 1)]
                return ranger(board), {"captures": tuple(map(written, listed))}

    def ask(self, state, captures):
        listed = "; ".join(f"{number}: {move}" for number, move in enumerate(captures, 1))
        return (
            "A solution is a series of captures that leaves one piece. Which of these captures can "
            f"a solution begin with? {listed}."
        )

    def solve(self, state, captures):
        board, right, steps = board_of(state), [], [describe(state)]
        for number, move in enumerate(captures, 1):
            after = capture(board, move_of(move))
            play = Search(1).play(after)
            if play is None:
                steps.append(f"{number}: {move} fails: then {why_lost(after)}.")
            else:
                right.append(number)
                rest = ", ".join(map(written, play))
                steps.append(f"{number}: {move} solves: {rest or 'one piece is left'}.")
        answer = tuple(right)
        return Solution(answer, [*steps, f"A solution can begin with: {self.text(answer)}."])

    def distractors(self, state, rng, answer, captures):
        return pick_some(rng, [some for some in self.SETS if some != answer], self.n_options - 1)

    def text(self, value):
        return ", ".join(map(str, value)) or "none"


def solves(board: Board, move: Capture) -> bool:
    """Whether a solution that begins like this is found soon."""
    try:
        return Search(1, TRIES).play(capture(board, move)) is not None
    except OutOfTries:
        return False


def is_lost(board: Board) -> bool:
    """Whether traps rule out a solution, at once or after each of up to three captures."""
    if len(traps(board)) > 1:
        return True
    moves = captures(board)
    return 0 < len(moves) < 4 and all(len(traps(capture(board, move))) > 1 for move in moves)


def why_lost(board: Board) -> str:
    """The traps that rule out a solution, now or after every capture."""
    found = traps(board)
    if len(found) > 1:
        return never_left(found[:2])
    said = (f"after {written(move)} {why_lost(capture(board, move))}" for move in captures(board))
    return f"({'; '.join(said)})"


GAME = Game(
    name="chess_ranger",
    category="Strategic Planning",
    split_kind="out_of_domain",
    rules=RULES,
    state=Ranger,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("pieces", lambda state: len(state.pieces)),
    tasks=(
        SolutionLength(),
        PieceTypeCount(),
        LocateUniquePiece(),
        PieceAtSquare(),
        FirstMovesThatSolve(),
    ),
)
