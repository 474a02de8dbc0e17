"""Tents: trees, tents beside them, and how many tents every row and column has."""

import dataclasses
import itertools
import re
from collections import Counter
from functools import cache

from PIL import Image

from synth.draw import BLUE, WHITE, Board
from synth.draw.regions import stamp
from synth.game import PERCEPTION, PREDICTION, Game, Solution, Task
from synth.grid import DIRECTIONS, Cell, neighbour
from synth.questions import (
    CELLS_ARE,
    between,
    listed,
    pick,
    pick_near,
    pick_some,
    text,
)

RULES = (
    "The picture shows a tents puzzle with green trees and brown tents; some tents are still "
    "missing. In the end every tree has a tent of its own directly above, below, left or right of "
    "it, so there are as many tents as trees. No two tents touch, not even diagonally. The blue "
    "numbers right of the rows and below the columns tell how many tents each has in the end. "
    f"{CELLS_ARE}"
)
SIZE = {"Easy": 7, "Medium": 10, "Hard": 13}
TREES = {"Easy": (4, 7), "Medium": (7, 13), "Hard": (11, 18)}
MISSING = {"Easy": 4, "Medium": 7, "Hard": 9}  # tents at most
IN_LINE = {"Easy": 2, "Medium": 3, "Hard": 4}  # asked for, at most: tents in a line,
PLACEABLE = {"Easy": (2, 7), "Medium": (2, 10), "Hard": (2, 13)}  # and cells for another tent
TREE, TENT, EMPTY = "TA."


@dataclasses.dataclass(frozen=True)
class Tents:
    rows: tuple[str, ...]  # of TREE, TENT and EMPTY
    row_totals: tuple[int, ...]  # tents in the end
    column_totals: tuple[int, ...]

    def __getitem__(self, cell: Cell) -> str:
        return self.rows[cell[0]][cell[1]]


@cache
def beside(size: int) -> dict[Cell, tuple[Cell, ...]]:
    """The up to four cells directly beside each cell."""
    at = range(size)
    return {
        (row, col): tuple(
            other
            for way in DIRECTIONS
            for other in [neighbour((row, col), way)]
            if other[0] in at and other[1] in at
        )
        for row in at
        for col in at
    }


def touch(one: Cell, other: Cell) -> bool:
    return -2 < one[0] - other[0] < 2 and -2 < one[1] - other[1] < 2 and one != other


def cells_with(board: Tents, marks: str) -> list[Cell]:
    return [cell for cell in beside(len(board.rows)) if board[cell] in marks]


def plant(rng, level: str, first: list[Cell], tree: Cell | None = None) -> dict[Cell, Cell] | None:
    """Random tents, each with its tree: those in `first`, if any, then a tent at `tree`."""
    size = SIZE[level]
    near, found, trees = beside(size), {}, {tree}
    count = max(between(rng, *TREES[level]), len(first))
    if tree:
        tent = pick(rng, near[tree])
        found[tent] = tree
    somewhere = map(tuple, rng.integers(0, size, (20 * count, 2)).tolist())
    for cell in itertools.chain(first, somewhere):
        if len(found) == count:
            return found
        if cell in trees or cell in found or any(touch(cell, tent) for tent in found):
            continue
        free = [other for other in near[cell] if other not in trees and other not in found]
        if free:
            found[cell] = pick(rng, free)
            trees.add(found[cell])
    return None


def show(level: str, tents: dict[Cell, Cell], missing: set[Cell]) -> Tents:
    """The board without the missing tents."""
    size, trees = SIZE[level], set(tents.values())
    marks = [
        TREE if cell in trees else TENT if cell in tents and cell not in missing else EMPTY
        for cell in beside(size)
    ]
    totals = (Counter(cell[axis] for cell in tents) for axis in (0, 1))
    return Tents(
        tuple("".join(marks[at : at + size]) for at in range(0, size * size, size)),
        *(tuple(total[at] for at in range(size)) for total in totals),
    )


def new(rng, level: str) -> Tents:
    """All numbers of missing tents are equally likely."""
    return with_missing(rng, level, between(rng, 1, MISSING[level]))


def with_missing(rng, level: str, count: int) -> Tents:
    """A board with so many missing tents that can be placed in just one way."""
    while True:
        tents = plant(rng, level, [])
        if tents and len(tents) >= count:
            board = show(level, tents, set(pick_some(rng, sorted(tents), count)))
            if has_one_solution(board):
                return board


def lacks(board: Tents) -> tuple[list[int], list[int]]:
    """How many tents each row and each column still lacks."""
    columns = zip(*board.rows, strict=True)
    return (
        [total - row.count(TENT) for total, row in zip(board.row_totals, board.rows, strict=True)],
        [total - col.count(TENT) for total, col in zip(board.column_totals, columns, strict=True)],
    )


def obstacle(board: Tents, cell: Cell) -> str | None:
    """Why no tent may be placed in a cell now; None if one may."""
    if board[cell] != EMPTY:
        return "a tree" if board[cell] == TREE else "a tent"
    if all(board[other] != TREE for other in beside(len(board.rows))[cell]):
        return "no tree beside it"
    in_rows, in_columns = lacks(board)
    if not in_rows[cell[0]]:
        return f"row {cell[0]} is complete"
    if not in_columns[cell[1]]:
        return f"column {cell[1]} is complete"
    tents = [tent for tent in cells_with(board, TENT) if touch(cell, tent)]
    return f"touches {text(tents[0])}" if tents else None


def placeable(board: Tents) -> list[Cell]:
    """The cells without obstacle, in reading order."""
    in_rows, in_columns = lacks(board)
    near, tents = beside(len(board.rows)), cells_with(board, TENT)
    found = {
        cell
        for tree in cells_with(board, TREE)
        for cell in near[tree]
        if in_rows[cell[0]] and in_columns[cell[1]] and board[cell] == EMPTY
    }
    return [cell for cell in sorted(found) if not any(touch(cell, tent) for tent in tents)]


def has_one_solution(board: Tents) -> bool:
    return len(list(itertools.islice(solutions(board), 2))) == 1


def solutions(board: Tents):
    """Yields the missing tents in each way that heeds all rules, row by row."""
    in_rows, in_columns = lacks(board)
    fitting = placeable(board)
    free = [[cell for cell in fitting if cell[0] == row] for row in range(len(in_rows))]
    standing, trees = cells_with(board, TENT), cells_with(board, TREE)

    def go_on(row: int, placed: tuple[Cell, ...]):
        if row == len(in_rows):
            if not any(in_columns) and has_partners([*standing, *placed], trees):
                yield placed
            return
        open_cells = [
            cell
            for cell in free[row]
            if in_columns[cell[1]] and not any(touch(cell, tent) for tent in placed)
        ]
        for cells in itertools.combinations(open_cells, in_rows[row]):
            if not any(itertools.starmap(touch, itertools.pairwise(cells))):
                for _, col in cells:
                    in_columns[col] -= 1
                yield from go_on(row + 1, placed + cells)
                for _, col in cells:
                    in_columns[col] += 1

    return go_on(0, ())


def has_partners(tents: list[Cell], trees: list[Cell]) -> bool:
    """Whether every tent can have a tree of its own beside it: a matching by augmenting paths."""
    its_tent = {}

    def match(tent: Cell, tried: set[Cell]) -> bool:
        for way in DIRECTIONS:
            tree = neighbour(tent, way)
            if tree in wood and tree not in tried:
                tried.add(tree)
                if tree not in its_tent or match(its_tent[tree], tried):
                    its_tent[tree] = tent
                    return True
        return False

    wood = set(trees)
    return len(tents) == len(trees) and all(match(tent, set()) for tent in tents)


def draw(board: Tents, size: int):
    length = len(board.rows)
    image = Image.new("RGB", (size, size), WHITE)
    picture = Board(round(0.93 * size), length, length, line=(190, 190, 190))
    for tree in cells_with(board, TREE):
        picture.mark(tree, "tree", (25, 140, 60), 0.86)
    for tent in cells_with(board, TENT):
        picture.mark(tent, "tent", (150, 80, 30), 0.74)
    image.paste(picture.image)
    cell_px, px = picture.cell, min(0.07 * size, 0.8 * picture.cell)
    right, bottom = picture.left + length * cell_px, picture.top + length * cell_px
    for at in range(length):
        x, y = (side + (at + 0.5) * cell_px for side in (picture.left, picture.top))
        stamp(image, (right + 0.6 * px, y), board.row_totals[at], px, BLUE)
        stamp(image, (x, bottom + 0.6 * px), board.column_totals[at], px, BLUE)
    return image


def describe(board: Tents) -> str:
    rows = (
        f"row {row}: {marks} {total}"
        for row, (marks, total) in enumerate(zip(board.rows, board.row_totals, strict=True))
    )
    return (
        "A tents puzzle, T is a tree, A is a tent, . is empty; behind each row its tents in the "
        f"end:\n{chr(10).join(rows)}\ncolumns: {' '.join(map(str, board.column_totals))}"
    )


def parse(description: str) -> Tents:
    rows = re.findall(r"row \d+: ([TA.]+) (\d+)", description)
    columns = description.rsplit("columns: ", 1)[1].split()
    marks, totals = zip(*rows, strict=True)
    return Tents(marks, tuple(map(int, totals)), tuple(map(int, columns)))


def by_row(cells: list[Cell]) -> str:
    """Cells as in "row 0: 3, 5; row 2: 1": their columns, row by row."""
    rows = itertools.groupby(sorted(cells), key=lambda cell: cell[0])
    return "; ".join(f"row {row}: {listed(col for _, col in some)}" for row, some in rows) or "none"


def tents_in_line(rng, level: str, axis: int, line: int, count: int, are_shown: bool) -> Tents:
    """A board that shows, or lacks, so many tents in a row (axis 0) or column (axis 1)."""
    size = SIZE[level]
    while True:
        spots = sorted(pick_some(rng, range(size), count))
        first = [(line, at) if axis == 0 else (at, line) for at in spots]
        tents = plant(rng, level, first)
        if not tents or not tents.keys() >= set(first):
            continue
        own = [cell for cell in tents if cell[axis] == line]
        chosen = set(pick_some(rng, own, count))
        others = [cell for cell in sorted(tents) if cell[axis] != line]
        missing = set(own) - chosen if are_shown else chosen
        more = between(rng, 1, MISSING[level]) - len(missing)
        if 0 <= more <= len(others) and missing | set(others):
            board = show(level, tents, missing.union(pick_some(rng, others, more)))
            if has_one_solution(board):
                return board


class TentsInRow(Task):
    name = "tents_in_row"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """All numbers of tents up to IN_LINE are equally likely."""
        row, count = between(rng, 0, SIZE[level] - 1), between(rng, 0, IN_LINE[level])
        return tents_in_line(rng, level, 0, row, count, are_shown=True), {"row": row}

    def ask(self, board, row):
        return f"How many tents does row {row} have now?"

    def solve(self, board, row):
        count = board.rows[row].count(TENT)
        steps = [
            f"Row {row}, T is a tree, A is a tent: {' '.join(board.rows[row])}.",
            f"The number of tents is {count}.",
        ]
        return Solution(count, steps)


class MissingInColumn(Task):
    name = "missing_in_column"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """All numbers of missing tents up to IN_LINE are equally likely."""
        column, count = between(rng, 0, SIZE[level] - 1), between(rng, 0, IN_LINE[level])
        return tents_in_line(rng, level, 1, column, count, are_shown=False), {"column": column}

    def ask(self, board, column):
        return f"How many tents are still missing in column {column}?"

    def solve(self, board, column):
        marks = [row[column] for row in board.rows]
        total, now = board.column_totals[column], marks.count(TENT)
        steps = [
            f"Column {column}, T is a tree, A is a tent: {' '.join(marks)}.",
            f"Tents in the end {total}, now {now}.",
            f"Missing: {total} - {now} = {total - now}.",
        ]
        return Solution(total - now, steps)


class MissingInGrid(Task):
    name = "missing_in_grid"
    qa_type, qa_level = PERCEPTION, "Medium"

    def ask(self, board):
        return "How many tents are still missing in the whole puzzle?"

    def solve(self, board):
        totals, tents = board.column_totals, cells_with(board, TENT)
        total, now = sum(totals), len(tents)
        steps = [
            f"Tents of the columns in the end: {' + '.join(map(str, totals))} = {total}.",
            f"Tents now, by columns: {by_row(tents)}; together {now}.",
            f"Missing: {total} - {now} = {total - now}.",
        ]
        return Solution(total - now, steps)


class TreeAdjacentCells(Task):
    name = "tree_adjacent_cells"
    qa_type, qa_level = PREDICTION, "Medium"

    def ask(self, board):
        return (
            "How many cells without a tree have a tree directly above, below, left or right of "
            "them? Cells with a tent count, too; all other rules are ignored."
        )

    def solve(self, board):
        near = beside(len(board.rows))
        found = [
            cell
            for cell in cells_with(board, TENT + EMPTY)
            if any(board[other] == TREE for other in near[cell])
        ]
        counts = [len(list(some)) for _, some in itertools.groupby(found, key=lambda cell: cell[0])]
        steps = [
            f"Columns of the trees: {by_row(cells_with(board, TREE))}.",
            f"Columns of the cells beside them: {by_row(found)}.",
            f"Together {' + '.join(map(str, counts))} = {len(found)}.",
        ]
        return Solution(len(found), steps)


MAY_BE_PLACED = (
    "that is, the cell is empty, it has a tree directly above, below, left or right of it (any "
    "tree will do), it touches no tent, and its row and its column still lack tents"
)


class PlaceableCount(Task):
    name = "placeable_count"
    qa_type, qa_level = PREDICTION, "Hard"

    def pose(self, game, rng, level):
        """All numbers of cells within PLACEABLE are equally likely."""
        count = between(rng, *PLACEABLE[level])
        while True:
            tents = plant(rng, level, [])
            if tents:
                missing = between(rng, (count + 2) // 3, min(MISSING[level], count, len(tents)))
                board = show(level, tents, set(pick_some(rng, sorted(tents), missing)))
                if len(placeable(board)) == count and has_one_solution(board):
                    return board, {}

    def ask(self, board):
        return f"In how many cells may a tent be placed now: {MAY_BE_PLACED}?"

    def solve(self, board):
        in_rows, in_columns = lacks(board)
        rows = [row for row, count in enumerate(in_rows) if count]
        columns = [col for col, count in enumerate(in_columns) if count]
        near = beside(len(board.rows))
        cells = [
            cell
            for cell in itertools.product(rows, columns)
            if board[cell] == EMPTY and any(board[other] == TREE for other in near[cell])
        ]
        said = (f"{text(cell)} {obstacle(board, cell) or 'yes'}" for cell in cells)
        count = len(placeable(board))
        steps = [
            f"Rows that lack tents: {listed(rows)}. Columns: {listed(columns)}.",
            f"Empty cells there with a tree beside them: {'; '.join(said)}.",
            f"The number of cells is {count}.",
        ]
        return Solution(count, steps)


class WhichIsTree(Task):
    name = "which_is_tree"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    def pose(self, game, rng, level):
        """All cells are equally likely to be the tree."""
        while True:
            tree = tuple(rng.integers(0, SIZE[level], 2).tolist())
            board = board_around(rng, level, [], tree)
            wrong = pick_near(rng, tree, cells_with(board, TENT + EMPTY), 7)
            if wrong:
                return board, {"cells": tuple(sorted([tree, *wrong]))}

    def ask(self, board, cells):
        return "Which of the cells offered has a tree?"

    def solve(self, board, cells):
        (tree,) = (cell for cell in cells if board[cell] == TREE)
        names = {TREE: "a tree", TENT: "a tent", EMPTY: "empty"}
        said = "; ".join(f"{text(cell)} {names[board[cell]]}" for cell in cells)
        return Solution(tree, [f"{said}.", f"The tree is at {text(tree)}."])

    def distractors(self, board, rng, answer, cells):
        return [cell for cell in cells if cell != answer]


def board_around(rng, level: str, first: list[Cell], tree: Cell | None = None) -> Tents:
    """A board with a tree there, or with tents missing there."""
    while True:
        tents = plant(rng, level, first, tree)
        if tents and tents.keys() >= set(first):
            others = [cell for cell in sorted(tents) if cell not in first]
            more = min(between(rng, 1, MISSING[level]) - len(first), len(others))
            board = show(level, tents, {*first, *pick_some(rng, others, more)})
            if has_one_solution(board):
                return board


class WhichPlaceable(Task):
    name = "which_placeable"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    def pose(self, game, rng, level):
        """All cells are equally likely; the right one also belongs to the solution."""
        while True:
            cell = tuple(rng.integers(0, SIZE[level], 2).tolist())
            board = board_around(rng, level, [cell])
            fitting = placeable(board)
            barred = [other for other in beside(SIZE[level]) if other not in fitting]
            wrong = pick_near(rng, cell, barred, 7)
            if wrong:
                return board, {"cells": tuple(sorted([cell, *wrong]))}

    def ask(self, board, cells):
        return f"In which of the cells offered may a tent be placed now: {MAY_BE_PLACED}?"

    def solve(self, board, cells):
        (cell,) = (cell for cell in cells if not obstacle(board, cell))
        said = "; ".join(
            f"{text(o)} {obstacle(board, o) or 'has nothing against it'}" for o in cells
        )
        return Solution(cell, [f"{said}.", f"A tent may be placed at {text(cell)}."])

    def distractors(self, board, rng, answer, cells):
        return [cell for cell in cells if cell != answer]


GAME = Game(
    name="tents",
    category="Multi-step Reasoning",
    split_kind="in_domain",
    rules=RULES,
    state=Tents,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("trees", lambda board: len(cells_with(board, TREE))),
    tasks=(
        TentsInRow(),
        MissingInColumn(),
        MissingInGrid(),
        TreeAdjacentCells(),
        PlaceableCount(),
        WhichIsTree(),
        WhichPlaceable(),
    ),
)
