"""Tetris: a falling piece over settled cells; pieces are dropped straight down."""

import dataclasses
import re
from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

from synth.draw import RED, SLATE, Board
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.grid import Cell, neighbour
from synth.questions import CELLS_ARE, between, listed, numbered, pick, text

RULES = (
    "The picture shows a tetris well: dark cells are settled, the red cells are the falling piece, "
    f"white cells are empty. The floor lies under the bottom row. {CELLS_ARE}"
)
SIZE = {"Easy": 8, "Medium": 12, "Hard": 16}

Grid = list[list[str]]


@dataclasses.dataclass(frozen=True)
class Well:
    rows: tuple[str, ...]  # of "#" settled, "o" falling and "-" empty

    def cells(self, mark: str) -> list[Cell]:
        return [(r, c) for r, row in enumerate(self.rows) for c, at in enumerate(row) if at == mark]


class Shape:
    """A piece in one of its turns; its rows and columns count from its top left corner."""

    def __init__(self, rows: tuple[str, ...]):
        self.rows, self.height, self.width = rows, len(rows), len(rows[0])
        self.cells = tuple(Well(rows).cells("#"))
        by_column = [[row for row, at in self.cells if at == col] for col in range(self.width)]
        self.lowest = tuple(map(max, by_column))
        # The rows it can complete when dropped: in those above, it hangs over a cell of the row.
        self.fillable = tuple(range(max(map(min, by_column)), self.height))

    def at(self, top: int, left: int) -> list[Cell]:
        return [(top + row, left + col) for row, col in self.cells]

    def __str__(self):
        return "/".join(self.rows)


def turns(*rows: str) -> tuple[Shape, ...]:
    """The different shapes after 0, 1, 2 and 3 quarter turns clockwise."""
    found = []
    while rows not in found:
        found.append(rows)
        rows = tuple("".join(column) for column in zip(*rows[::-1], strict=True))
    return tuple(map(Shape, found))


TURNS = {
    "I": turns("####"),
    "O": turns("##", "##"),
    "T": turns("###", "-#-"),
    "L": turns("#-", "#-", "##"),
    "J": turns("-#", "-#", "##"),
    "S": turns("-##", "##-"),
    "Z": turns("##-", "-##"),
}
KINDS = tuple(TURNS)
# By number of rows: the pieces that can complete as many.
ABLE = tuple(
    tuple(kind for kind in KINDS if any(len(shape.fillable) >= n for shape in TURNS[kind]))
    for n in range(5)
)


def kind_of(cells: list[Cell]) -> tuple[str, int]:
    """The letter of the piece with these cells, and which of its turns it is."""
    top, left = min(row for row, _ in cells), min(col for _, col in cells)
    corner = tuple((row - top, col - left) for row, col in cells)
    return next(
        (kind, turn)
        for kind, shapes in TURNS.items()
        for turn, shape in enumerate(shapes)
        if shape.cells == corner
    )


def tops_of(rows) -> list[int]:
    """For each column the row of its highest settled cell, or of the floor."""
    at = range(len(rows))
    return [next((row for row in at if rows[row][col] == "#"), len(rows)) for col in at]


def rest(tops: list[int], shape: Shape, left: int) -> int:
    """The top row of a piece dropped from above the well; negative if it does not fit in."""
    return min(tops[left + col] - low for col, low in enumerate(shape.lowest)) - 1


def full_by_drop(rows, kind: str) -> list[tuple[list[int], Shape, int, int]]:
    """Every drop that makes rows full, as (those rows, shape, top row, left column)."""
    tops, gaps = tops_of(rows), [len(row) - row.count("#") for row in rows]
    found = []
    for shape in TURNS[kind]:
        widths = [row.count("#") for row in shape.rows]
        for left in range(len(rows) - shape.width + 1):
            top = rest(tops, shape, left)
            if top >= 0:
                full = [top + at for at, width in enumerate(widths) if width == gaps[top + at]]
                if full:
                    found.append((full, shape, top, left))
    return found


def most_full(drops) -> int:
    return max((len(full) for full, *_ in drops), default=0)


def step_aside(rows, cells: list[Cell], way: str) -> tuple[list[Cell], Cell | None, str]:
    """The cells after one step sideways if they can make it; else the cell in the way and why."""
    moved = [neighbour(cell, way) for cell in cells]
    for row, col in moved:
        if not 0 <= col < len(rows):
            return cells, (row, col), "outside the well"
        if rows[row][col] == "#":
            return cells, (row, col), "settled"
    return moved, None, ""


def free_below(rows, cells: list[Cell]) -> dict[Cell, int]:
    """For the lowest cell of the piece in each column: the free cells right under it."""
    found = {}
    for col, row in sorted({col: row for row, col in sorted(cells)}.items()):
        below = row + 1
        while below < len(rows) and rows[below][col] != "#":
            below += 1
        found[row, col] = below - row - 1
    return found


def play(rng, size: int) -> Iterator[Grid]:
    """The well before every move of a game (one list, changed from move to move).

    A player of random skill: each piece goes to the best of a few random places, judged by depth
    and by the empty cells it would cover.
    """
    grid, tops = [["-"] * size for _ in range(size)], [size] * size
    places = between(rng, 1, 8)
    for _ in range(4 * size):
        yield grid
        luck = iter(rng.random(1 + 2 * places).tolist())
        shapes = TURNS[KINDS[int(next(luck) * len(KINDS))]]
        found = []
        for place in range(places):
            shape = shapes[int(next(luck) * len(shapes))]
            left = int(next(luck) * (size - shape.width + 1))
            top = rest(tops, shape, left)
            under = zip(tops[left : left + shape.width], shape.lowest, strict=True)
            covered = sum(high - 1 - top - low for high, low in under)
            found.append((3 * covered - top, place, top, left, shape))
        _, _, top, left, shape = min(found)
        if top < 2:
            return
        for row, col in shape.at(top, left):
            grid[row][col] = "#"
            tops[col] = min(tops[col], row)
        if full := [row for row in grid if "-" not in row]:
            grid[:] = [["-"] * size for _ in full] + [row for row in grid if "-" in row]
            tops = tops_of(grid)


def played(rng, level: str, low: float = 0.3, high: float = 1.6) -> Grid:
    """A well after `low` to `high` moves per column, fewer if the game ends before."""
    size = SIZE[level]
    moves = between(rng, round(low * size), round(high * size))
    return list(islice(play(rng, size), moves + 1))[-1]


def put(grid: Grid, cells: list[Cell]) -> Well:
    rows = [list(row) for row in grid]
    for row, col in cells:
        rows[row][col] = "o"
    return Well(tuple(map("".join, rows)))


def release(rng, grid: Grid, kind: str) -> Well | None:
    """The well with a falling piece: any turn and column, anywhere on its way straight down."""
    shape = pick(rng, TURNS[kind])
    left = between(rng, 0, len(grid) - shape.width)
    top = rest(tops_of(grid), shape, left)
    return put(grid, shape.at(between(rng, 0, top), left)) if top >= 0 else None


def new(rng, level: str) -> Well:
    kind = pick(rng, KINDS)
    while (well := release(rng, played(rng, level), kind)) is None:
        pass
    return well


def add_rows(rng, grid: Grid, shape: Shape, complete: int) -> bool:
    """Puts in rows with a gap for `shape`, which completes `complete` of them; False if no room.

    It is a clearing move taken back, except that the other rows get one or two more gaps. The
    deepest of three places is taken, where the rows cover the fewest empty cells.
    """
    if any("#" in row for row in grid[: shape.height]):
        return False
    tops = tops_of(grid)
    depth, left = max(
        (min(tops[left : left + shape.width]), left)
        for left in rng.integers(len(grid) - shape.width + 1, size=3).tolist()
    )
    chosen = rng.permutation(shape.fillable)[:complete].tolist()
    for at in range(shape.height):
        row = ["#"] * len(grid)
        for col, low in enumerate(shape.lowest):
            if low >= at:  # the piece, or its way down
                row[left + col] = "-"
        if at not in chosen:
            for col in rng.integers(len(grid), size=between(rng, 1, 2)).tolist():
                row[col] = "-"
        del grid[0]
        grid.insert(depth - 1, row)
    return True


def draw(well: Well, size: int):
    board = Board(size, len(well.rows), len(well.rows))
    board.fill_all(well.rows, "#", SLATE)
    board.fill_all(well.rows, "o", RED)
    return board.image


def describe(well: Well) -> str:
    legend = "# is settled, o is the falling piece and - is empty"
    return f"A tetris well, {legend}:\n{numbered(well.rows)}"


def parse(description: str) -> Well:
    return Well(tuple(re.findall(r"row \d+: ([#o-]+)", description)))


def named(word: str, numbers: list[int]) -> str:
    return f"{word if len(numbers) == 1 else word + 's'} {listed(numbers)}"


def judge(rows, kind: str, can_be_full: set[int]) -> list[str]:
    """Of every row with so few gaps that a piece might fill it: whether one can, or why not."""
    tops = tops_of(rows)
    parts = {row.strip("-") for shape in TURNS[kind] for row in shape.rows}
    said = []
    for at, row in enumerate(rows):
        gaps = [col for col, mark in enumerate(row) if mark == "-"]
        covered = [(tops[col], col) for col in gaps if tops[col] < at]
        if at in can_be_full:
            why = f"{kind} can fill that"
        elif covered:
            why = f"{text(covered[0])} is settled and covers column {covered[0][1]}"
        elif gaps[-1] - gaps[0] >= len(gaps) or "#" * len(gaps) not in parts:
            why = f"no turn of {kind} has a row of just these columns"
        else:
            why = f"{kind} does not come to rest there"
        if len(gaps) <= 4:
            said.append(f"Row {at} lacks {named('column', gaps)}: {why}.")
    return said or ["Every row has more than four gaps."]


class EmptyInRow(Task):
    name = "empty_in_row"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """In each of the lower rows, all numbers are equally likely, except none and all."""
        size = SIZE[level]
        row, empty = between(rng, size // 2, size - 1), between(rng, 1, size - 1)
        while True:
            fitting = [
                [list(other) for other in grid]
                for grid in play(rng, size)
                if 0 <= grid[row].count("-") - empty <= 4
            ]
            for _ in range(4 if fitting else 0):
                well = release(rng, pick(rng, fitting), pick(rng, KINDS))
                if well and well.rows[row].count("-") == empty:
                    return well, {"row": row}

    def ask(self, well, row):
        return f"How many cells of row {row} are empty, neither settled nor part of the piece?"

    def solve(self, well, row):
        marks = well.rows[row]
        red = [col for col, mark in enumerate(marks) if mark == "o"]
        empty = [col for col, mark in enumerate(marks) if mark == "-"]
        return Solution(
            len(empty),
            [
                f"Row {row} (# settled, o red, - empty): {marks}.",
                f"Red: {named('column', red)}." if red else "No cell of it is red.",
                f"Empty: {named('column', empty)}; together {len(empty)}.",
            ],
        )


class PieceShape(Task):
    """All seven letters are offered, and `new` draws them equally often."""

    name = "piece_shape"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 7

    def ask(self, well):
        shapes = ", ".join(f"{kind} is {shapes[0]}" for kind, shapes in TURNS.items())
        return (
            "Which piece is falling? It may be turned by quarter turns, but it is never mirrored. "
            f"Row by row from the top (# red, - not red, / between rows): {shapes}."
        )

    def solve(self, well):
        cells = well.cells("o")
        kind, turn = kind_of(cells)
        how = f"turned clockwise by {90 * turn} degrees" if turn else "as given"
        steps = [
            f"The red cells are {listed(cells)}.",
            f"Row by row they form {TURNS[kind][turn]}.",
            f"That is {kind} {how}.",
        ]
        return Solution(kind, steps)

    def distractors(self, well, rng, answer):
        return [kind for kind in KINDS if kind != answer]


class FallAfterShift(Task):
    name = "fall_after_shift"
    qa_type, qa_level = PREDICTION, "Medium"

    def pose(self, game, rng, level):
        """For either direction, falls of 0 to size / 2 rows are equally likely, whether the step
        aside is free, blocked by a wall or blocked by a settled cell."""
        way, rows = pick(rng, ("left", "right")), between(rng, 0, SIZE[level] // 2)
        wanted = pick(rng, ("", "", "", "outside the well", "settled"))
        while True:
            grid = played(rng, level)
            tops = tops_of(grid)
            for _ in range(10):
                shape = pick(rng, TURNS[pick(rng, KINDS)])
                left = between(rng, 0, len(grid) - shape.width)
                fitting = []
                for top in range(rest(tops, shape, left) + 1):
                    cells = shape.at(top, left)
                    moved, _, why = step_aside(grid, cells, way)
                    if why == wanted and min(free_below(grid, moved).values()) == rows:
                        fitting.append(cells)
                if fitting:
                    return put(grid, pick(rng, fitting)), {"shift": way}

    def ask(self, well, shift):
        return (
            f"The piece first moves one column to the {shift}; if that would take a cell of it out "
            "of the well or onto a settled cell, it stays in its columns instead. Then it falls "
            "straight down until a cell of it lies on the floor or on a settled cell. How many "
            "rows does it fall?"
        )

    def solve(self, well, shift):
        cells = well.cells("o")
        moved, block, why = step_aside(well.rows, cells, shift)
        beside = f"{text(block)} is {why}" if block else f"{listed(moved)} are free"
        steps = [
            f"The red cells are {listed(cells)}.",
            f"One column to the {shift}, {beside}: the piece {'stays' if block else 'moves'}.",
        ]
        free = free_below(well.rows, moved)
        for (row, col), count in free.items():
            below = row + count + 1
            end = f"settled {text((below, col))}" if below < len(well.rows) else "the floor"
            steps.append(f"Free cells under {text((row, col))}: {count}, then {end}.")
        fall = min(free.values())
        return Solution(fall, [*steps, f"It falls by the smallest of these counts: {fall}."])


class MaxClear(Task):
    name = "max_clear"
    qa_type, qa_level = STRATEGY, "Hard"

    DECOYS: ClassVar = {"Easy": 0, "Medium": 1, "Hard": 2}

    def pose(self, game, rng, level):
        """0 to 4 rows are equally likely.

        Into a played well come rows with gaps for random pieces, then rows with a gap for the
        falling piece. If it shall fill none, that gap is for a random piece, too.
        """
        most = between(rng, 0, 4)
        kind = pick(rng, ABLE[most])
        while True:
            grid = played(rng, level, 0.2, 0.8)
            for _ in range(self.DECOYS[level]):
                shape = pick(rng, TURNS[pick(rng, KINDS)])
                add_rows(rng, grid, shape, between(rng, 0, len(shape.fillable)))
            shape = pick(rng, TURNS[kind if most else pick(rng, KINDS)])
            complete = most or between(rng, 0, len(shape.fillable))
            if complete <= len(shape.fillable) and add_rows(rng, grid, shape, complete):
                if most_full(full_by_drop(grid, kind)) == most:
                    well = release(rng, grid, kind)
                    if well:
                        return well, {}

    def ask(self, well):
        return (
            "The piece is taken above the well, may be turned by quarter turns (not mirrored) and "
            "moved over any columns of the well, and is then dropped straight down: it comes to "
            "rest as soon as a cell of it lies on the floor or on a settled cell, and all of it "
            "must then be inside the well. A row is full if every cell of it is settled or part of "
            "the resting piece. What is the largest number of full rows that one drop can make?"
        )

    def solve(self, well):
        cells = well.cells("o")
        kind, _ = kind_of(cells)
        rows = [row.replace("o", "-") for row in well.rows]
        drops = full_by_drop(rows, kind)
        spelt = "; ".join(f"row {at}: {row}" for at, row in enumerate(rows) if "#" in row)
        steps = [
            f"The red cells are {listed(cells)}: the piece {kind}.",
            f"The settled cells (#): {spelt or 'none'}.",
            *judge(rows, kind, {row for full, *_ in drops for row in full}),
        ]
        for full, shape, top, left in drops:
            steps.append(
                f"{shape} dropped with its left edge in column {left} has its top in row {top} "
                f"and fills {named('row', full)}."
            )
        most = most_full(drops)
        return Solution(most, [*steps, f"The most full rows by one drop: {most}."])


GAME = Game(
    name="tetris",
    category="Pattern Recognition and Matching",
    split_kind="in_domain",
    rules=RULES,
    state=Well,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("settled cells", lambda well: len(well.cells("#"))),
    tasks=(EmptyInRow(), PieceShape(), FallAfterShift(), MaxClear()),
)
