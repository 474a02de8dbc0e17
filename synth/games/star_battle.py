"""Star battle: one star in every row, column and region; stars do not touch."""

import dataclasses
import re
from functools import cache

import numpy as np

from synth.draw import BLACK, Board
from synth.draw.regions import outline, stamp
from synth.game import PERCEPTION, PREDICTION, Game, Solution, Task
from synth.grid import DIRECTIONS, Cell, neighbour
from synth.questions import (
    CELLS_ARE,
    between,
    cells_in,
    listed,
    numbered,
    pick,
    pick_near,
    pick_some,
    text,
)

RULES = (
    "The picture shows a star battle: a square that is divided into regions. The letter in the "
    "corner of each cell names its region. In the end every row, column and region has just one "
    "star, and no two stars touch, not even diagonally. The black stars are already placed. "
    f"{CELLS_ARE}"
)
SIZE = {"Easy": 5, "Medium": 6, "Hard": 8}
BASES, MOVES = 40, 20
COLOURS = {
    "A": (255, 205, 210),
    "B": (187, 222, 251),
    "C": (200, 230, 201),
    "D": (255, 245, 170),
    "E": (225, 190, 231),
    "F": (255, 214, 165),
    "G": (178, 235, 242),
    "H": (218, 218, 218),
}


@dataclasses.dataclass(frozen=True)
class StarBattle:
    rows: tuple[str, ...]  # the regions' letters
    stars: tuple[Cell, ...]  # those placed so far, in reading order

    def region(self, cell: Cell) -> str:
        return self.rows[cell[0]][cell[1]]


@cache
def patterns(size: int) -> np.ndarray:
    """[size, patterns]: the stars' cells in every way that heeds all rules but the regions'.

    Cells are numbered in reading order; a pattern has one in each row.
    """

    def extend(columns):
        if len(columns) == size:
            return [columns]
        return [
            found
            for col in range(size)
            if col not in columns and not (columns and abs(col - columns[-1]) < 2)
            for found in extend((*columns, col))
        ]

    return np.array(extend(())).T + size * np.arange(size)[:, None]


def solutions(regions: list[int]) -> np.ndarray:
    """[size, solutions]: the patterns with one star in each region; regions: a bit, by cell."""
    size = max(regions).bit_length()
    reached = np.array(regions, np.uint8)[patterns(size)]
    return patterns(size)[:, np.bitwise_or.reduce(reached, axis=0) == 2**size - 1]


@cache
def beside(size: int) -> tuple[tuple[int, ...], ...]:
    """The up to four cells beside each cell, all numbered in reading order."""
    at = range(size)
    return tuple(
        tuple(
            other[0] * size + other[1]
            for way in DIRECTIONS
            for other in [neighbour((row, col), way)]
            if other[0] in at and other[1] in at
        )
        for row in at
        for col in at
    )


def may_leave(regions: list[int], cell: int) -> bool:
    """Whether the rest of the cell's region hangs together and has at least two cells."""
    near = beside(max(regions).bit_length())
    rest = {at for at, other in enumerate(regions) if other == regions[cell] and at != cell}
    starts = [other for other in near[cell] if other in rest]
    if len(rest) < 2 or not starts:
        return False
    found, todo = {starts[0]}, [starts[0]]
    while todo:
        fresh = [other for other in near[todo.pop()] if other in rest and other not in found]
        found.update(fresh)
        todo += fresh
    return len(found) == len(rest)


def grow(rng, stars: list[int]) -> list[int]:
    """Random connected regions, one around each star."""
    near = beside(len(stars))
    regions = [0] * len(near)
    for number, star in enumerate(stars):
        regions[star] = 1 << number
    while 0 in regions:
        cell = int(rng.integers(len(near)))
        if not regions[cell]:
            regions[cell] = regions[pick(rng, near[cell])]
    return regions


@cache
def base(size: int, number: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """One of the puzzles that others are made from: regions and stars, the only solution.

    While there is another solution, one of its stars' cells goes over to a region beside it, which
    has two of its stars then, unless that lets in more others than it keeps out.
    """
    rng = np.random.default_rng(number)
    while True:
        stars = pick(rng, patterns(size).T).tolist()
        regions = grow(rng, stars)
        found = solutions(regions)
        for _ in range(150):
            others = [cell for cell in pick(rng, found.T).tolist() if cell not in stars]
            if others:
                cell = pick(rng, others)
                found = move(rng, regions, cell, found)
            elif found.shape[1] == 1 and min(map(regions.count, regions)) > 1:
                return tuple(regions), tuple(stars)


def move(rng, regions: list[int], cell: int, found: np.ndarray) -> np.ndarray:
    """Gives a cell to a region beside it; takes that back if there are more solutions then."""
    old, new_one = regions[cell], regions[pick(rng, beside(len(found))[cell])]
    if new_one == old or not may_leave(regions, cell):
        return found
    regions[cell] = new_one
    now = solutions(regions)
    if now.shape[1] <= found.shape[1]:
        return now
    regions[cell] = old
    return found


def puzzle(rng, level: str, star: Cell | None = None) -> tuple[tuple[str, ...], list[Cell]]:
    """The regions and the stars of a random puzzle, which has a star in this cell if wanted.

    A base is turned or mirrored; then cells go over to other regions at random, as long as there
    is one solution.
    """
    size = SIZE[level]
    at, stars = np.arange(size * size).reshape(size, size), []
    while not stars or (star and star[0] * size + star[1] not in stars):
        start, its_stars = base(size, between(rng, 0, BASES - 1))
        turned = np.rot90(at.T if between(rng, 0, 1) else at, between(rng, 0, 3)).ravel().tolist()
        stars = [cell for cell, old in enumerate(turned) if old in its_stars]
    regions, found = [start[old] for old in turned], np.array([stars]).T
    for cell in rng.integers(0, size * size, MOVES).tolist():
        if cell not in stars:
            move(rng, regions, cell, found)
    names = pick_some(rng, "ABCDEFGH"[:size], size)
    letters = "".join(names[bit.bit_length() - 1] for bit in regions)
    rows = tuple(letters[first : first + size] for first in range(0, size * size, size))
    return rows, [divmod(cell, size) for cell in stars]


def shown(rng, rows: tuple[str, ...], stars: list[Cell], count: int) -> StarBattle:
    return StarBattle(rows, tuple(sorted(pick_some(rng, stars, count))))


def new(rng, level: str) -> StarBattle:
    return shown(rng, *puzzle(rng, level), between(rng, 2, SIZE[level] - 1))


def obstacle(board: StarBattle, cell: Cell) -> str | None:
    """Why no star may be placed in a cell now; None if one may."""
    for star in board.stars:
        if star == cell:
            return "it has a star"
        if star[0] == cell[0]:
            return f"row {cell[0]} has {text(star)}"
        if star[1] == cell[1]:
            return f"column {cell[1]} has {text(star)}"
        if max(abs(star[0] - cell[0]), abs(star[1] - cell[1])) == 1:
            return f"it touches {text(star)}"
        if board.region(star) == board.region(cell):
            return f"region {board.region(cell)} has {text(star)}"
    return None


def draw(board: StarBattle, size: int):
    picture = Board(size, len(board.rows), len(board.rows))
    cell_px = picture.cell
    for name, colour in COLOURS.items():
        picture.fill_all(board.rows, name, colour)
    outline(picture, board.rows)
    for row, names in enumerate(board.rows):
        for col, name in enumerate(names):
            at = picture.left + (col + 0.22) * cell_px, picture.top + (row + 0.22) * cell_px
            stamp(picture.image, at, name, 0.36 * cell_px, (60, 60, 60))
    for star in board.stars:
        picture.mark(star, "star", BLACK, 0.58)
    return picture.image


def stars_text(board: StarBattle) -> str:
    return f"Stars at {listed(board.stars)}." if board.stars else "No stars."


def describe(board: StarBattle) -> str:
    return f"A star battle, each cell as its region's letter:\n{numbered(board.rows)}\n" + (
        stars_text(board)
    )


def parse(description: str) -> StarBattle:
    rows = re.findall(r"row \d+: ([A-H]+)", description)
    return StarBattle(tuple(rows), tuple(cells_in(description.splitlines()[-1])))


def stars_by_region(board: StarBattle) -> str:
    said = (f"{text(star)} in {board.region(star)}" for star in board.stars)
    return f"Stars: {'; '.join(said)}."


class LastStar(Task):
    name = "last_star"
    qa_type, qa_level = PREDICTION, "Hard"

    def pose(self, game, rng, level):
        return shown(rng, *puzzle(rng, level), SIZE[level] - 1), {}

    def ask(self, board):
        return "One star is still missing. In which cell? Answer as (row, column)."

    def solve(self, board):
        at = range(len(board.rows))
        (row,) = (row for row in at if row not in [star[0] for star in board.stars])
        (col,) = (col for col in at if col not in [star[1] for star in board.stars])
        cell = row, col
        if obstacle(board, cell):
            raise ValueError(f"no star may be placed at {text(cell)}")
        steps = [
            stars_by_region(board),
            f"Row {row} and column {col} have none: {text(cell)}.",
            f"It is in region {board.region(cell)}, which has none, and touches no star.",
        ]
        return Solution(cell, steps)


class CellOfRegion(Task):
    """The cells offered are of different regions, so that any of these could be asked for."""

    name = "cell_of_region"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 5

    def sample(self, board, rng, level):
        names = pick_some(rng, "ABCDEFGH"[: len(board.rows)], 5)
        at = range(len(board.rows))
        cells = [
            pick(rng, [(row, col) for row in at for col in at if board.rows[row][col] == name])
            for name in names
        ]
        return {"region": names[0], "cells": tuple(sorted(cells))}

    def ask(self, board, region, cells):
        return f"Which of the cells offered is in region {region}?"

    def solve(self, board, region, cells):
        (cell,) = (cell for cell in cells if board.region(cell) == region)
        said = ", ".join(f"{text(other)} {board.region(other)}" for other in cells)
        return Solution(cell, [f"Regions: {said}.", f"In region {region} is {text(cell)}."])

    def distractors(self, board, rng, answer, region, cells):
        return [cell for cell in cells if cell != answer]


class StarInRegion(Task):
    """Four stars and "none" are offered, each equally likely to be right."""

    name = "star_in_region"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 5

    def pose(self, game, rng, level):
        rows, stars = puzzle(rng, level)
        board, is_shown = (
            shown(rng, rows, stars, between(rng, 4, len(stars) - 1)),
            rng.random() < 0.8,
        )
        star = pick(rng, [star for star in stars if (star in board.stars) == is_shown])
        return board, {"region": board.region(star)}

    def ask(self, board, region):
        return f"Which star is in region {region}? The answer is none if no star is placed in it."

    def solve(self, board, region):
        found = [star for star in board.stars if board.region(star) == region]
        answer = found[0] if found else "none"
        steps = [stars_by_region(board), f"The star in region {region}: {text(answer)}."]
        return Solution(answer, steps)

    def distractors(self, board, rng, answer, region):
        others = [star for star in board.stars if star != answer]
        if answer == "none":
            return pick_some(rng, others, 4)
        return ["none", *pick_some(rng, others, 3)]


class PlaceableCell(Task):
    name = "placeable_cell"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    def pose(self, game, rng, level):
        """All cells are equally likely; the right one also belongs to the solution."""
        size = SIZE[level]
        while True:
            cell = tuple(rng.integers(0, size, 2).tolist())
            rows, stars = puzzle(rng, level, cell)
            stars.remove(cell)
            board = shown(rng, rows, stars, between(rng, size - 3, size - 2))
            at = [(row, col) for row in range(size) for col in range(size)]
            barred = [o for o in at if o not in board.stars and obstacle(board, o)]
            wrong = pick_near(rng, cell, barred, 7)
            if wrong:
                return board, {"cells": tuple(sorted([cell, *wrong]))}

    def ask(self, board, cells):
        return (
            "In which of the cells offered may a star be placed now: its row, column and region "
            "have no star yet, and it touches none?"
        )

    def solve(self, board, cells):
        (cell,) = (cell for cell in cells if not obstacle(board, cell))
        said = (f"{text(o)}: {obstacle(board, o) or 'nothing is in the way'}" for o in cells)
        return Solution(cell, [stars_by_region(board), f"{'; '.join(said)}."])

    def distractors(self, board, rng, answer, cells):
        return [cell for cell in cells if cell != answer]


GAME = Game(
    name="star_battle",
    category="Multi-step Reasoning",
    split_kind="in_domain",
    rules=RULES,
    state=StarBattle,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cells", lambda board: len(board.rows) ** 2),
    tasks=(LastStar(), CellOfRegion(), StarInRegion(), PlaceableCell()),
)
