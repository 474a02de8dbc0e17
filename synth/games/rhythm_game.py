"""Rhythm game: falling blocks are hit in one column, and some of them mirror the rest."""

import dataclasses
import re
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

from synth.draw import BLACK, BLUE, GREEN, GREY, PALE, WHITE
from synth.draw.tiles import framed, lettered, mosaic
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.questions import add_up, between, pick, pick_some, text

RULES = (
    "The picture shows a rhythm game: all blocks fall by one row a second. Cells are written (row, "
    "column), as numbered: row 1 is the lowest, column 1 the leftmost. A yellow disc is a click "
    "block, a green block with a double arrow is a reverse block. Snakes have 2 to 5 cells in one "
    "column: the pink head is the lowest, the grey tail the highest, blue bodies are between them."
)
SIZE = {"Easy": (15, 4), "Medium": (15, 6), "Hard": (20, 6)}  # rows, columns
FULL = 45, 85  # percent of the cells, least and most
KINDS = {
    "-": "empty",
    "C": "click block",
    "R": "reverse block",
    "H": "snake head",
    "B": "snake body",
    "T": "snake tail",
}
LENGTHS = (2, 3, 4, 5)
POINTS = {"C": 10, "R": 15} | {
    f"H{'B' * (length - 2)}T": length * (2 * length + 7) for length in LENGTHS
}
KEY = "C click, R reverse, H B T snake, - empty"
YELLOW, PINK = (255, 200, 0), (245, 120, 170)


@dataclasses.dataclass(frozen=True)
class Rhythm:
    rows: tuple[str, ...]  # marks of KINDS, the lowest row first


def new(rng, level: str) -> Rhythm:
    """Any number of occupied cells within FULL is equally likely; half of them are snakes.

    Seven click blocks come on four reverse blocks. In its column, each block is anywhere.
    """
    n_rows, n_cols = SIZE[level]
    cells = n_rows * n_cols
    occupied = between(rng, -(-FULL[0] * cells // 100), FULL[1] * cells // 100)
    columns, free, in_snakes = [[] for _ in range(n_cols)], [n_rows] * n_cols, 0
    for length in rng.integers(LENGTHS[0], LENGTHS[-1] + 1, cells).tolist():
        if in_snakes + length > occupied // 2:
            break
        col = pick(rng, [col for col in range(n_cols) if free[col] >= length])
        columns[col].append(f"H{'B' * (length - 2)}T")
        free[col] -= length
        in_snakes += length
    singles = ["CR"[chance >= 7 / 11] for chance in rng.random(occupied - in_snakes).tolist()]
    singles += "-" * (cells - occupied)
    dealt = iter(pick_some(rng, singles, len(singles)))
    for col, blocks in enumerate(columns):
        blocks += [next(dealt) for _ in range(free[col])]
        columns[col] = "".join(pick_some(rng, blocks, len(blocks)))
    return Rhythm(tuple("".join(row) for row in zip(*columns, strict=True)))


def column_of(board: Rhythm, column: int) -> str:
    """The marks of a column, from the bottom."""
    return "".join(row[column - 1] for row in board.rows)


def mirrored(board: Rhythm, column: int) -> int:
    return len(board.rows[0]) + 1 - column


def play(board: Rhythm, column: int, delay: bool) -> list[tuple[int, int, str]]:
    """What a finger hits that stays in a column, up to each reverse block.

    For each part: its lowest row, its column in the picture, and its marks.
    """
    found, row = [], 1
    while row <= len(board.rows):
        marks = re.match("[^R]*R?", column_of(board, column)[row - 1 :])[0]
        found.append((row, column, marks))
        row += len(marks)
        if marks.endswith("R"):
            column = mirrored(board, column)
            row += delay
    return found


def points_of(marks: str) -> list[int]:
    """The points of each block that is hit as a whole."""
    return [POINTS[block] for block in re.findall("HB*T|C|R", marks)]


def score(board: Rhythm, column: int, delay: bool) -> int:
    return sum(sum(points_of(marks)) for *_, marks in play(board, column, delay))


def draw(board: Rhythm, size: int):
    n_rows, n_cols = len(board.rows), len(board.rows[0])
    high = (size - size // 56) // (n_rows + 1)
    wide = min(2 * high, size // (n_cols + 1))
    at = np.full((n_rows + 1, n_cols + 1), len(KINDS))
    at[:-1, 1:] = [[MARKS.index(mark) for mark in row] for row in reversed(board.rows)]
    at[:-1, 0] = np.arange(n_rows, 0, -1) + len(KINDS)
    at[-1, 1:] = np.arange(1, n_cols + 1) + len(KINDS)
    pixels = mosaic(tiles(high, wide), at)
    pixels[: n_rows * high, -1] = pixels[n_rows * high - 1, wide:] = PALE
    return Image.fromarray(framed(pixels, size))


MARKS = "".join(KINDS)


@cache
def tiles(high: int, wide: int) -> np.ndarray:
    """A tile for each of MARKS, then a white one, then the numbers from 1."""
    numbers = [lettered(high, wide, WHITE, at or "", 0.72 * high) for at in range(21)]
    return np.stack([*(block(mark, high, wide) for mark in MARKS), *numbers])


def block(mark: str, high: int, wide: int) -> np.ndarray:
    """One mark in its cell, drawn four times too large and reduced."""
    image = Image.fromarray(lettered(high, wide, WHITE, line=PALE)).resize(
        (4 * wide, 4 * high), Image.Resampling.NEAREST
    )
    pen, unit = ImageDraw.Draw(image), high / 5  # 20 units high, in the large picture

    def box(left, top, right, bottom):
        """From units, x counted from the centre."""
        return 2 * wide + left * unit, top * unit, 2 * wide + right * unit, bottom * unit

    if mark == "C":
        pen.ellipse(box(-8, 2, 8, 18), YELLOW, BLACK, round(unit))
    elif mark == "R":
        pen.rounded_rectangle(box(-14, 2, 14, 18), 3 * unit, GREEN)
        pen.rectangle(box(-7, 9, 7, 12), WHITE)
        for side in (-1, 1):
            tip, top, bottom = (
                box(side * x, y, 0, 0)[:2] for x, y in ((12, 10.5), (6, 5), (6, 16))
            )
            pen.polygon([tip, top, bottom], WHITE)
    elif mark == "H":
        pen.rectangle(box(-6, 0, 6, 5), PINK)
        pen.ellipse(box(-11, 1, 11, 19), PINK)
        for side in (-1, 1):
            pen.ellipse(box(5 * side - 2, 9, 5 * side + 2, 13), BLACK)
    elif mark == "B":
        pen.rectangle(box(-6, 0, 6, 20), BLUE)
        pen.ellipse(box(-3, 7, 3, 13), WHITE)  # so that they can be counted
    elif mark == "T":
        left, _, right, bottom = box(-6, 0, 6, 20)
        pen.polygon([(left, bottom), (right, bottom), box(0, 3, 0, 0)[:2]], GREY)
    return np.asarray(image.reduce(4))


def describe(board: Rhythm) -> str:
    rows = "\n".join(f"row {row}: {marks}" for row, marks in enumerate(board.rows, 1))
    return f"Falling blocks, row 1 is the lowest; {KEY}:\n{rows}"


def parse(description: str) -> Rhythm:
    return Rhythm(tuple(re.findall(r"row \d+: ([A-Z-]+)", description)))


class BlockType(Task):
    """Always the same six options."""

    name = "block_type"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 6

    def pose(self, game, rng, level):
        """In any cell that may hold each of them, the six kinds are equally likely."""
        mark, row = pick(rng, MARKS), between(rng, 2, SIZE[level][0] - 1)
        while True:
            board = new(rng, level)
            fitting = [col for col, held in enumerate(board.rows[row - 1], 1) if held == mark]
            if fitting:
                return board, {"cell": (row, pick(rng, fitting))}

    def ask(self, board, cell):
        return f"What is in cell {text(cell)}?"

    def solve(self, board, cell):
        row, col = cell
        marks = board.rows[row - 1]
        steps = f"Row {row}, {KEY}: {' '.join(marks)}.", f"Column {col} of it: {marks[col - 1]}."
        return Solution(KINDS[marks[col - 1]], steps)

    def distractors(self, board, rng, answer, cell):
        return [kind for kind in KINDS.values() if kind != answer]


class OccupiedShare(Task):
    name = "occupied_share"
    qa_type, qa_level = PERCEPTION, "Easy"

    def ask(self, board):
        return (
            "What share of all cells is occupied? Write a decimal number, rounded to three digits "
            "after the point, like 0.500."
        )

    def solve(self, board):
        counts = [len(marks) - marks.count("-") for marks in board.rows]
        read = [
            f"{row} {marks} {count}"
            for row, (marks, count) in enumerate(zip(board.rows, counts, strict=True), 1)
        ]
        occupied, cells = sum(counts), len(board.rows) * len(board.rows[0])
        thousandths = (2000 * occupied + cells) // (2 * cells)
        answer = f"{thousandths // 1000}.{thousandths % 1000:03}"
        steps = (
            f"Rows ({KEY}), each with its occupied cells: {', '.join(read)}.",
            f"Together {occupied} of {len(board.rows)} x {len(board.rows[0])} = {cells} cells.",
            f"{occupied} / {cells} = {answer}.",
        )
        return Solution(answer, steps)


class SnakeLengthLater(Task):
    """Always the same four options."""

    name = "snake_length_later"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 4

    def pose(self, game, rng, level):
        """For any row of the head, the four lengths are equally likely."""
        length = pick(rng, LENGTHS)
        row = between(rng, 2, SIZE[level][0] + 1 - LENGTHS[-1])
        snake = f"H{'B' * (length - 2)}T"
        while True:
            board = new(rng, level)
            columns = range(1, SIZE[level][1] + 1)
            fitting = [c for c in columns if column_of(board, c).startswith(snake, row - 1)]
            if fitting:
                seconds = between(rng, 1, row - 1)
                return board, {"cell": (row - seconds, pick(rng, fitting)), "seconds": seconds}

    def ask(self, board, cell, seconds):
        later = f"{seconds} second{'s' if seconds > 1 else ''}"
        return (
            f"Nothing is hit. In {later}, a snake's head will be at {text(cell)}. How long is it?"
        )

    def solve(self, board, cell, seconds):
        row, col = cell[0] + seconds, cell[1]
        marks = column_of(board, col)
        snake = re.match("HB*T", marks[row - 1 :])[0]
        steps = (
            f"Column {col} from the bottom, {KEY}: {marks}.",
            f"Now the head is {seconds} higher, in row {cell[0]} + {seconds} = {row}.",
            f"From there upwards: {snake}, {len(snake)} cells.",
        )
        return Solution(len(snake), steps)

    def distractors(self, board, rng, answer, cell, seconds):
        return [length for length in LENGTHS if length != answer]


def scoring(board: Rhythm, delay: bool) -> str:
    """The rules of hitting, for the questions about points."""
    n_cols = len(board.rows[0])
    return (
        "A finger stays at the bottom of a column. There it hits the block of row 1, a second "
        "later that of row 2, and so on. A click block gives 10 points, a reverse block 15. Each "
        "reverse block it hits mirrors all the rows above left to right, so that the finger goes "
        f"on with column {n_cols + 1} - c of the picture instead of c. A snake of 2, 3, 4 or 5 "
        "cells gives 22, 39, 60 or 85 points if all its cells are hit, otherwise none."
    ) + (" Mirroring takes a second: the row above the reverse block is not hit." if delay else "")


class ColumnScore(Task):
    name = "column_score"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8
    delay = False

    def sample(self, board, rng, level):
        return {"column": between(rng, 1, len(board.rows[0]))}

    def ask(self, board, column):
        return f"{scoring(board, self.delay)} How many points does it make in column {column}?"

    def solve(self, board, column):
        other = mirrored(board, column)
        steps = [
            f"From the bottom, {KEY}: column {column} is {column_of(board, column)}, column "
            f"{other} is {column_of(board, other)}."
        ]
        totals = []
        for row, col, marks in play(board, column, self.delay):
            totals.append(sum(points_of(marks)))
            steps.append(f"Column {col} from row {row}: {marks}: {add_up(points_of(marks))}.")
        total = sum(totals)
        return Solution(total, [*steps, f"Points: {add_up(totals)}."])

    def distractors(self, board, rng, answer, column):
        """Of other columns, and of another board: as many from each as of this one."""
        columns = range(1, len(board.rows[0]) + 1)
        other = new(
            rng, next(level for level in SIZE if SIZE[level] == (len(board.rows), len(columns)))
        )
        own = pick_some(rng, [col for col in columns if col != column], 3)
        found = [score(board, col, self.delay) for col in own]
        return found + [score(other, col, self.delay) for col in pick_some(rng, columns, 4)]


class ColumnScoreDelay(ColumnScore):
    name = "column_score_delay"
    delay = True


class BestColumn(Task):
    """Four options: there may be no more columns."""

    name = "best_column"
    qa_type, qa_level, n_options = STRATEGY, "Hard", 4
    delay = False

    def pose(self, game, rng, level):
        board = new(rng, level)
        return (board, {}) if len(self.best(board)) == 1 else None

    def best(self, board):
        scores = {col: score(board, col, self.delay) for col in self.columns(board)}
        return [col for col in scores if scores[col] == max(scores.values())]

    def columns(self, board):
        return range(1, len(board.rows[0]) + 1)

    def ask(self, board):
        return f"{scoring(board, self.delay)} In which column does it make the most points?"

    def solve(self, board):
        read = [f"{col} {column_of(board, col)}" for col in self.columns(board)]
        steps = [f"Columns from the bottom, {KEY}: {', '.join(read)}."]
        for col in self.columns(board):
            parts = [marks for *_, marks in play(board, col, self.delay)]
            points = [number for marks in parts for number in points_of(marks)]
            steps.append(f"Column {col}: {'|'.join(parts)}: {add_up(points)}.")
        best = self.best(board)
        if len(best) > 1:
            raise ValueError("several columns are best")
        return Solution(best[0], [*steps, f"The most is in column {best[0]}."])

    def distractors(self, board, rng, answer):
        return pick_some(rng, [col for col in self.columns(board) if col != answer], 3)


class BestColumnDelay(BestColumn):
    name = "best_column_delay"
    delay = True


GAME = Game(
    name="rhythm_game",
    category="Multi-step Reasoning",
    split_kind="in_domain",
    rules=RULES,
    state=Rhythm,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cells", lambda board: len(board.rows) * len(board.rows[0])),
    tasks=(
        BlockType(),
        OccupiedShare(),
        SnakeLengthLater(),
        ColumnScore(),
        ColumnScoreDelay(),
        BestColumn(),
        BestColumnDelay(),
    ),
)
