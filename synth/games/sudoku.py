"""Sudoku with colours: reading the board, candidates, and a deduction in three steps."""

import dataclasses
import re
from functools import cache

import numpy as np

from synth.draw import PALE, Board
from synth.draw.regions import letter, outline
from synth.game import PERCEPTION, PREDICTION, Game, Solution, Task
from synth.grid import Cell
from synth.questions import CELLS_ARE, between, listed, pick, pick_some, text

COLOURS = {  # a board of size n has the first n of them
    "R": ("red", (225, 45, 45)),
    "G": ("green", (40, 165, 60)),
    "B": ("blue", (40, 80, 215)),
    "M": ("magenta", (235, 60, 215)),
    "Y": ("yellow", (250, 225, 50)),
    "A": ("aqua", (90, 220, 235)),
    "S": ("slate", (85, 95, 110)),
    "P": ("purple", (120, 40, 160)),
    "O": ("orange", (250, 150, 40)),
}
NAMES = {mark: name for mark, (name, _) in COLOURS.items()}
DARK = "RGBMSP"  # they carry white letters
RULES = (
    "The picture shows a Sudoku with colours instead of numbers; white cells are still empty. In "
    "the end every row, column and box (thick outline) has every colour once. A board of 4 x 4 "
    "cells has boxes of 2 x 2 and the colours red R, green G, blue B and magenta M; one of 9 x 9 "
    "has boxes of 3 x 3 and yellow Y, aqua A, slate S, purple P and orange O, too. A colour fits "
    f"in an empty cell if the cell's row, column and box do not have it yet. {CELLS_ARE}"
)
SIZE = {"Easy": 4, "Medium": 9, "Hard": 9}
BLANKS = {"Easy": (6, 10), "Medium": (24, 34), "Hard": (36, 46)}
FITTING = {"Easy": 3, "Medium": 4, "Hard": 5}  # asked for, at most: candidates of a cell,
MORE_THAN = {"Easy": (1, 2), "Medium": (2, 3), "Hard": (3, 4)}  # limits of blanks in a line,
LINES = {"Easy": 4, "Medium": 6, "Hard": 8}  # and lines above the limit
BASES = 100
KINDS = ("row", "column", "box")


@dataclasses.dataclass(frozen=True)
class Sudoku:
    rows: tuple[str, ...]  # of the letters of COLOURS and "-" for empty

    def __getitem__(self, cell: Cell) -> str:
        return self.rows[cell[0]][cell[1]]


@cache
def units(size: int) -> dict[int, tuple[int, int, int]]:
    """For each cell, numbered in reading order: its row, column and box, all numbered on."""
    side = 2 if size == 4 else 3
    return {
        row * size + col: (
            row,
            size + col,
            2 * size + row // side * side + col // side,
        )
        for row in range(size)
        for col in range(size)
    }


@cache
def members(size: int) -> tuple[tuple[int, ...], ...]:
    """The cells of each row, column and box."""
    return tuple(
        tuple(cell for cell, its in units(size).items() if unit in its) for unit in range(3 * size)
    )


@cache
def neighbours(size: int) -> dict[Cell, tuple[Cell, ...]]:
    """For each cell those that share a row, column or box with it, in reading order."""
    return {
        divmod(cell, size): tuple(
            divmod(other, size)
            for other in range(size**2)
            if other != cell and set(its) & set(units(size)[other])
        )
        for cell, its in units(size).items()
    }


@cache
def base(size: int, number: int) -> tuple[int, ...]:
    """One of the full boards that others are made from, a bit for each colour."""
    rng, its = np.random.default_rng(number), units(size)
    luck, bits = rng.permutation(size * size).tolist(), rng.permutation(size).tolist()
    board, used = [0] * size**2, [0] * (3 * size)

    def taken(cell: int) -> int:
        row, col, box = its[cell]
        return used[row] | used[col] | used[box]

    def go_on(empty: list[int]) -> bool:
        """Always in the cell where fewest colours fit."""
        if not empty:
            return True
        cell = max(empty, key=lambda cell: (taken(cell).bit_count(), luck[cell]))
        for at in range(size):
            bit = 1 << bits[(at + luck[cell]) % size]
            if not bit & taken(cell):
                board[cell] = bit
                for unit in its[cell]:
                    used[unit] ^= bit
                if go_on([other for other in empty if other != cell]):
                    return True
                for unit in its[cell]:
                    used[unit] ^= bit
        return False

    go_on(list(its))
    return tuple(board)


def fill(rng, size: int) -> list[int]:
    """A random full board, a bit for each colour: a base with lines and colours shuffled."""
    side, start = 2 if size == 4 else 3, base(size, between(rng, 0, BASES - 1))
    rows, cols = (
        [side * band + at for band in rng.permutation(side) for at in rng.permutation(side)]
        for _ in range(2)
    )
    to = {1 << value: 1 << at for value, at in enumerate(rng.permutation(size).tolist())}
    down, across = (size, 1) if between(rng, 0, 1) else (1, size)
    return [to[start[down * row + across * col]] for row in rows for col in cols]


class Dig:
    """Blanks cells of a full board so that what is left has one solution.

    A cell is blanked only if its colour is forced by those that are left: no other fits, or it
    fits nowhere else in its row, column or box. Taken back in turn, these steps solve the puzzle.
    """

    def __init__(self, full: list[int], size: int):
        self.full, self.size, self.blank = full, size, set()
        self.used = [(1 << size) - 1] * (3 * size)

    def remove(self, cell: int) -> bool:
        bit, its, used = self.full[cell], units(self.size), self.used
        for unit in its[cell]:
            used[unit] ^= bit
        a, b, c = its[cell]
        forced = (used[a] | used[b] | used[c]) == ((1 << self.size) - 1) ^ bit
        if forced or any(self.has_one_place(unit, cell, bit) for unit in its[cell]):
            self.blank.add(cell)
            return True
        for unit in its[cell]:
            used[unit] ^= bit
        return False

    def has_one_place(self, unit: int, cell: int, bit: int) -> bool:
        used, its = self.used, units(self.size)
        for other in members(self.size)[unit]:
            if other in self.blank and other != cell:
                a, b, c = its[other]
                if not (used[a] | used[b] | used[c]) & bit:
                    return False
        return True

    def board(self) -> Sudoku:
        letters = tuple(COLOURS)
        marks = [
            "-" if cell in self.blank else letters[bit.bit_length() - 1]
            for cell, bit in enumerate(self.full)
        ]
        return Sudoku(
            tuple("".join(marks[at : at + self.size]) for at in range(0, len(marks), self.size))
        )


def new(rng, level: str) -> Sudoku:
    """All numbers of empty cells in the level's range are equally likely."""
    size, blanks = SIZE[level], between(rng, *BLANKS[level])
    while True:
        dig = Dig(fill(rng, size), size)
        for cell in rng.permutation(size * size).tolist():
            if dig.remove(cell) and len(dig.blank) == blanks:
                return dig.board()


def colours(board: Sudoku) -> str:
    return "".join(COLOURS)[: len(board.rows)]


def marks_in(board: Sudoku, kind: str, cell: Cell) -> str:
    """The colours in the cell's row, column or box, in the order of COLOURS."""
    number, size = cell[0] * len(board.rows) + cell[1], len(board.rows)
    unit = units(size)[number][KINDS.index(kind)]
    found = {board.rows[other // size][other % size] for other in members(size)[unit]}
    return "".join(mark for mark in colours(board) if mark in found)


def candidates(board: Sudoku, cell: Cell) -> str:
    taken = "".join(marks_in(board, kind, cell) for kind in KINDS)
    return "".join(mark for mark in colours(board) if mark not in taken)


def empty_cells(board: Sudoku) -> list[Cell]:
    at = range(len(board.rows))
    return [(row, col) for row in at for col in at if board[row, col] == "-"]


def put(board: Sudoku, cell: Cell, mark: str) -> Sudoku:
    row, col = cell
    rows = list(board.rows)
    rows[row] = rows[row][:col] + mark + rows[row][col + 1 :]
    return Sudoku(tuple(rows))


def tell_candidates(board: Sudoku, cell: Cell) -> str:
    """The colours around a cell and those that are left."""
    around = ", ".join(f"{kind} {marks_in(board, kind, cell) or 'none'}" for kind in KINDS)
    left = candidates(board, cell)
    return f"Around {text(cell)}: {around}. Left: {', '.join(left) or 'none'}."


def draw(board: Sudoku, size: int):
    length = len(board.rows)
    picture = Board(size, length, length, line=PALE)
    for mark, (_, colour) in COLOURS.items():
        picture.fill_all(board.rows, mark, colour)
    for row, marks in enumerate(board.rows):
        for col, mark in enumerate(marks):
            if mark != "-":
                ink = (255, 255, 255) if mark in DARK else (0, 0, 0)
                letter(picture, (row, col), mark, ink, 0.62)
    side = 2 if length == 4 else 3
    boxes = [[(row // side, col // side) for col in range(length)] for row in range(length)]
    outline(picture, boxes)
    return picture.image


def describe(board: Sudoku) -> str:
    rows = "\n".join(f"row {row}: {' '.join(marks)}" for row, marks in enumerate(board.rows))
    return f"A Sudoku, each cell as its colour's letter, - is empty:\n{rows}"


def parse(description: str) -> Sudoku:
    rows = re.findall(r"row \d+: (\S(?: \S)*)", description)
    return Sudoku(tuple(row.replace(" ", "") for row in rows))


class CellColor(Task):
    name = "cell_color"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 4

    def sample(self, board, rng, level):
        cell = tuple(rng.integers(0, len(board.rows), 2).tolist())
        return None if board[cell] == "-" else {"cell": cell}

    def ask(self, board, cell):
        return f"Which colour is in cell {text(cell)}?"

    def solve(self, board, cell):
        row, name = board.rows[cell[0]], NAMES[board[cell]]
        steps = [
            f"Row {cell[0]}, - is empty: {' '.join(row)}.",
            f"In column {cell[1]} stands {board[cell]}: {name}.",
        ]
        return Solution(name, steps)

    def distractors(self, board, rng, answer, cell):
        return pick_some(rng, [NAMES[m] for m in colours(board) if NAMES[m] != answer], 3)


class ColorCount(Task):
    name = "color_count"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """Every count is equally likely: so many cells of the colour stay, the others go first."""
        size = SIZE[level]
        count, blanks = between(rng, 0, size), between(rng, *BLANKS[level])
        while True:
            dig = Dig(fill(rng, size), size)
            value = between(rng, 0, size - 1)
            order = rng.permutation(size * size).tolist()
            own = [cell for cell in order if dig.full[cell] == 1 << value]
            others = [cell for cell in order if dig.full[cell] != 1 << value]
            for cell in own[count:] + others:
                if len(dig.blank) < blanks:
                    dig.remove(cell)
            board, mark = dig.board(), tuple(COLOURS)[value]
            if sum(row.count(mark) for row in board.rows) == count and len(dig.blank) == blanks:
                return board, {"color": NAMES[mark]}

    def ask(self, board, color):
        return f"How many cells are {color}?"

    def solve(self, board, color):
        (mark,) = (mark for mark, name in NAMES.items() if name == color)
        found = [
            (row, [col for col, other in enumerate(marks) if other == mark])
            for row, marks in enumerate(board.rows)
        ]
        said = [f"row {row}: {listed(cols)}" for row, cols in found if cols]
        total = sum(len(cols) for _, cols in found)
        steps = [
            f"Columns of {mark} in each row that has it: {'; '.join(said) or 'no row has it'}.",
            f"Cells that are {color}: {total}.",
        ]
        return Solution(total, steps)


class CandidateCount(Task):
    name = "candidate_count"
    qa_type, qa_level = PREDICTION, "Medium"

    def pose(self, game, rng, level):
        """All numbers of candidates up to FITTING are equally likely."""
        count = between(rng, 1, FITTING[level])
        while True:
            board = new(rng, level)
            fitting = [cell for cell in empty_cells(board) if len(candidates(board, cell)) == count]
            if fitting:
                return board, {"cell": pick(rng, fitting)}

    def ask(self, board, cell):
        return f"How many different colours fit in the empty cell {text(cell)}?"

    def solve(self, board, cell):
        count = len(candidates(board, cell))
        steps = [tell_candidates(board, cell), f"So the number of colours that fit is {count}."]
        return Solution(count, steps)


class LinesWithBlanks(Task):
    name = "lines_with_blanks"
    qa_type, qa_level = PERCEPTION, "Medium"

    def pose(self, game, rng, level):
        """For each limit, all numbers of lines up to LINES are equally likely."""
        size, line = SIZE[level], pick(rng, KINDS[:2])
        limit, count = between(rng, *MORE_THAN[level]), between(rng, 0, LINES[level])
        while True:
            above = pick_some(rng, range(size), count)
            wanted = [
                between(rng, limit + 1, min(size - 1, limit + 2))
                if at in above
                else between(rng, max(0, limit - 2), limit)
                for at in range(size)
            ]
            dig = Dig(fill(rng, size), size)
            for cell in rng.permutation(size * size).tolist():
                at = cell // size if line == "row" else cell % size
                if wanted[at] and dig.remove(cell):
                    wanted[at] -= 1
            if not any(wanted):
                return dig.board(), {"line": line, "more_than": limit}

    def ask(self, board, line, more_than):
        cells = "cell" if more_than == 1 else "cells"
        return f"How many {line}s have more than {more_than} empty {cells}?"

    def solve(self, board, line, more_than):
        lines = (
            board.rows
            if line == "row"
            else ["".join(marks) for marks in zip(*board.rows, strict=True)]
        )
        blanks = [[at for at, mark in enumerate(marks) if mark == "-"] for marks in lines]
        over = [at for at, cells in enumerate(blanks) if len(cells) > more_than]
        said = "; ".join(
            f"{line} {at}: {listed(cells)} ({len(cells)})" if cells else f"{line} {at}: none"
            for at, cells in enumerate(blanks)
        )
        steps = [
            f"Empty cells: {said}.",
            f"More than {more_than} in: {listed(over) or 'none'}; number of {line}s: {len(over)}.",
        ]
        return Solution(len(over), steps)


class DeduceAfterTwo(Task):
    name = "deduce_after_two"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 4

    def pose(self, game, rng, level):
        """The target has several candidates until both other cells are filled."""
        while True:
            board = new(rng, level)
            left = {cell: candidates(board, cell) for cell in empty_cells(board)}
            for first in pick_some(rng, [cell for cell in left if len(left[cell]) == 1], 3) or ():
                found = list(self.chains(board, left, first))
                if found:
                    second, target = pick(rng, found)
                    return board, {"first": (first, second), "target": target}

    def chains(self, board, left, first):
        """The pairs of a second cell and a target that go with the first cell.

        left: the candidates of each empty cell.
        """
        near = neighbours(len(board.rows))
        one = left[first]
        after = {  # the candidates once the first cell is filled
            cell: marks.replace(one, "") if cell in near[first] else marks
            for cell, marks in left.items()
        }
        for second in left:
            if second != first and len(after[second]) == 1:
                two, is_new = after[second], len(left[second]) > 1
                for target in near[second]:
                    if len(after.get(target, "")) == 2 and two in after[target]:
                        if is_new or len(left[target].replace(two, "")) > 1:
                            yield second, target

    def ask(self, board, first, target):
        return (
            f"Only one colour fits in {text(first[0])}; once it is filled in, only one fits in "
            f"{text(first[1])}. With both filled in, which is the only colour that fits in "
            f"{text(target)}?"
        )

    def solve(self, board, first, target):
        steps = []
        for cell in (*first, target):
            left = candidates(board, cell)
            if len(left) != 1:
                raise ValueError(f"not just one colour fits in {text(cell)}")
            steps.append(tell_candidates(board, cell))
            board = put(board, cell, left)
        return Solution(NAMES[board[target]], [*steps, f"That is {NAMES[board[target]]}."])

    def distractors(self, board, rng, answer, first, target):
        return pick_some(rng, [NAMES[m] for m in colours(board) if NAMES[m] != answer], 3)


GAME = Game(
    name="sudoku",
    category="Multi-step Reasoning",
    split_kind="out_of_domain",
    rules=RULES,
    state=Sudoku,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("empty cells", lambda board: len(empty_cells(board))),
    tasks=(CellColor(), ColorCount(), CandidateCount(), LinesWithBlanks(), DeduceAfterTwo()),
)
