"""Tic-tac-toe: reading the board, the best move and the best reply, by full search."""

import dataclasses
import re
from functools import cache

from synth.draw import BLACK, BLUE, RED, Board
from synth.game import LEVELS, PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.grid import Cell
from synth.questions import pick, text

RULES = (
    "The picture shows a tic-tac-toe board: O is red, X is blue. Three equal marks in a row, "
    "column or diagonal win; a board filled without that is a draw. O starts, so X is to move "
    "exactly if there are more O than X. Cells are written (row, column), as numbered."
)
BEST = "with perfect play (win before draw before loss)"

CELLS = tuple((row, col) for row in range(3) for col in range(3))
LINES = {
    **{f"row {row}": tuple((row, col) for col in range(3)) for row in range(3)},
    **{f"column {col}": tuple((row, col) for row in range(3)) for col in range(3)},
    "the diagonal from the top left": ((0, 0), (1, 1), (2, 2)),
    "the diagonal from the top right": ((0, 2), (1, 1), (2, 0)),
}
COLOURS = {"O": "red", "X": "blue", "-": "white"}


@dataclasses.dataclass(frozen=True)
class Position:
    rows: tuple[str, str, str]  # of "O", "X" and "-" for empty

    def __getitem__(self, cell: Cell) -> str:
        return self.rows[cell[0]][cell[1]]


def count(board: Position, mark: str) -> int:
    return sum(row.count(mark) for row in board.rows)


def sides(board: Position) -> tuple[str, str]:
    """The side to move and the other one."""
    return ("X", "O") if count(board, "O") > count(board, "X") else ("O", "X")


def free_cells(board: Position) -> list[Cell]:
    return [cell for cell in CELLS if board[cell] == "-"]


def play(board: Position, cell: Cell) -> Position:
    """The board after the side to move has marked `cell`."""
    row, col = cell
    rows = list(board.rows)
    rows[row] = rows[row][:col] + sides(board)[0] + rows[row][col + 1 :]
    return Position(tuple(rows))


def won_line(board: Position) -> str | None:
    """The name of a line of three equal marks."""
    for name, (a, b, c) in LINES.items():
        if board[a] == board[b] == board[c] != "-":
            return name
    return None


def is_over(board: Position) -> bool:
    return won_line(board) is not None or not free_cells(board)


def gaps(board: Position, mark: str) -> dict[Cell, str]:
    """The cells where one more `mark` would complete a line, with that line's name."""
    found = {}
    for name, line in LINES.items():
        if sorted(board[cell] for cell in line) == sorted((mark, mark, "-")):
            found.setdefault(next(cell for cell in line if board[cell] == "-"), name)
    return found


@cache
def result(board: Position) -> int:
    """Under perfect play, for the side to move: 1 win, 0 draw, -1 loss."""
    if won_line(board):
        return -1
    return max((-result(play(board, cell)) for cell in free_cells(board)), default=0)


@cache
def best_cells(board: Position) -> tuple[Cell, ...]:
    """The moves that keep the result of the board."""
    return tuple(cell for cell in free_cells(board) if -result(play(board, cell)) == result(board))


@cache
def boards() -> dict[str, tuple[Position, ...]]:
    """Every unfinished board that can come up in a game, by level.

    Easy: the side to move can win at once. Medium: it cannot, but the other side threatens to.
    Hard: no side can complete a line with its next mark. (With forks apart from quiet boards,
    only twelve quiet boards would have a single best move among at least four free cells.)
    """
    found, todo = set(), [Position(("---",) * 3)]
    while todo:
        board = todo.pop()
        if board not in found and not is_over(board):
            found.add(board)
            todo += [play(board, cell) for cell in free_cells(board)]
    by_level = {level: [] for level in LEVELS}
    for board in sorted(found, key=lambda board: board.rows):
        by_level[level_of(board)].append(board)
    return {level: tuple(some) for level, some in by_level.items()}


def level_of(board: Position) -> str:
    mine, theirs = sides(board)
    return "Easy" if gaps(board, mine) else "Medium" if gaps(board, theirs) else "Hard"


def look_ahead(board: Position) -> int:
    """Marks to foresee: up to the own win, past the other side's threat, or to the end."""
    mine, theirs = sides(board)
    return 1 if gaps(board, mine) else 2 if gaps(board, theirs) else len(free_cells(board))


def has_one_best(board: Position) -> bool:
    """Whether the game goes on and its best move is one cell, not merely the last free one."""
    return not is_over(board) and len(free_cells(board)) > 1 and len(best_cells(board)) == 1


@cache
def boards_by_best(level: str) -> dict[Cell, list[Position]]:
    found = {cell: [] for cell in CELLS}
    for board in boards()[level]:
        if has_one_best(board):
            found[best_cells(board)[0]].append(board)
    return found


def reply(board: Position, cell: Cell) -> Cell | str | None:
    """The best reply to a move at `cell`; "none" if there is no game left, None if several."""
    if board[cell] != "-" or is_over(after := play(board, cell)):
        return "none"
    return best_cells(after)[0] if has_one_best(after) else None


@cache
def boards_by_reply(level: str, cell: Cell) -> dict[Cell | str, list[Position]]:
    found = {answer: [] for answer in ("none", *CELLS) if answer != cell}
    for board in boards()[level]:
        answer = reply(board, cell)
        if answer is not None:
            found[answer].append(board)
    return found


def new(rng, level: str) -> Position:
    return pick(rng, boards()[level])


def draw(board: Position, size: int):
    picture = Board(size, 3, 3, line=BLACK)
    for cell in CELLS:
        if board[cell] == "O":
            picture.mark(cell, "ring", RED)
        elif board[cell] == "X":
            picture.mark(cell, "cross", BLUE)
    return picture.image


def spell(board: Position) -> str:
    return "; ".join(f"row {row}: {' '.join(marks)}" for row, marks in enumerate(board.rows))


def describe(board: Position) -> str:
    return f"A tic-tac-toe board, - is an empty cell: {spell(board)}."


def parse(description: str) -> Position:
    rows = re.findall(r"row \d: ([OX-]) ([OX-]) ([OX-])", description)
    return Position(tuple("".join(row) for row in rows))


def read(board: Position) -> list[str]:
    """The first sentences of a solution: the board, and who is to move."""
    return [
        f"The board: {spell(board)}.",
        f"{count(board, 'O')} O and {count(board, 'X')} X, so {sides(board)[0]} is to move.",
    ]


def think(board: Position) -> list[str]:
    """Why the best cell is the only one; for a board with `has_one_best`."""
    mine, theirs = sides(board)
    (best,) = best_cells(board)
    if own := gaps(board, mine):
        return [f"{mine} at {text(best)} completes {own[best]} and wins at once."]
    if threats := gaps(board, theirs):
        line = threats[best]
        return [f"{theirs} threatens to complete {line} at {text(best)}, so {mine} must go there."]
    return [judge(board, cell) for cell in free_cells(board)]


def judge(board: Position, cell: Cell) -> str:
    """What a move leads to, on a board without a line to complete at once."""
    mine, theirs = sides(board)
    after = play(board, cell)
    threats = [text(gap) for gap in gaps(after, mine)]
    if result(after) < 0:
        if len(threats) > 1:
            return f"{text(cell)} threatens {' and '.join(threats)}: {mine} wins."
        return f"{text(cell)}: {mine} wins against every reply."
    answer = text(best_cells(after)[0])
    return f"{text(cell)}: {theirs} answers {answer} and {'wins' if result(after) else 'draws'}."


class CellColor(Task):
    name = "cell_color"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 3

    def pose(self, game, rng, level):
        """For any cell, the three colours are equally likely."""
        cell, mark = pick(rng, CELLS), pick(rng, tuple(COLOURS))
        while (board := new(rng, level))[cell] != mark:
            pass
        return board, {"cell": cell}

    def ask(self, board, cell):
        return (
            f"What colour is cell {text(cell)}? A cell with an O counts as red, one with an X as "
            "blue, an empty one as white."
        )

    def solve(self, board, cell):
        colour = COLOURS[board[cell]]
        row = [(cell[0], column) for column in range(3)]
        cells = ", ".join(f"{text(other)} {board[other]}" for other in row)
        steps = [
            read(board)[0],
            f"In row {cell[0]}: {cells}.",
            f"{text(cell)} {board[cell]}: {colour}.",
        ]
        return Solution(colour, steps)

    def distractors(self, board, rng, answer, cell):
        return [colour for colour in COLOURS.values() if colour != answer]


class RuleBasedMove(Task):
    """All nine cells are offered on every board: a list of the free ones would tell on it."""

    name = "rule_based_move"
    qa_type, qa_level, n_options = STRATEGY, "Medium", 9

    def pose(self, game, rng, level):
        """All nine cells are equally likely to be best."""
        return pick(rng, boards_by_best(level)[pick(rng, CELLS)]), {}

    def ask(self, board):
        return f"Which cell is the best move for the side to move, {BEST}?"

    def solve(self, board):
        if not has_one_best(board):
            raise ValueError("this board has not just one best move")
        (best,) = best_cells(board)
        return Solution(best, [*read(board), *think(board), f"The best move is {text(best)}."])

    def distractors(self, board, rng, answer):
        return [cell for cell in CELLS if cell != answer]


class ReplyAfterMove(Task):
    name = "reply_after_move"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 9

    def pose(self, game, rng, level):
        """For any named cell, the other eight cells and "none" are equally likely."""
        cell = pick(rng, CELLS)
        by_reply = boards_by_reply(level, cell)
        return pick(rng, by_reply[pick(rng, tuple(by_reply))]), {"cell": cell}

    def ask(self, board, cell):
        return (
            f"The side to move plays {text(cell)}. Which cell is then the other side's best reply, "
            f"{BEST}? The answer is none if {text(cell)} is taken or the move ends the game."
        )

    def solve(self, board, cell):
        answer = reply(board, cell)
        if answer is None:
            raise ValueError(f"after {text(cell)} there is not just one best reply")
        said = read(board)
        if board[cell] != "-":
            return Solution(answer, [*said, f"{text(cell)} holds {board[cell]}: it is taken."])
        after = play(board, cell)
        said.append(f"{sides(board)[0]} plays {text(cell)}: {spell(after)}.")
        if is_over(after):
            line = won_line(after)
            end = f"That completes {line} and wins." if line else "The board is full: a draw."
            return Solution(answer, [*said, end])
        return Solution(answer, [*said, *think(after), f"The best reply is {text(answer)}."])

    def distractors(self, board, rng, answer, cell):
        return [other for other in ("none", *CELLS) if other not in (answer, cell)]


GAME = Game(
    name="tictactoe",
    category="Strategic Planning",
    split_kind="in_domain",
    rules=RULES,
    state=Position,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("marks to look ahead", look_ahead),
    tasks=(CellColor(), RuleBasedMove(), ReplyAfterMove()),
)
