"""Conway's game of life on a board that wraps around."""

import dataclasses
import re

import numpy as np

from synth.draw import BLACK, Board
from synth.game import PERCEPTION, PREDICTION, Game, Solution, Task
from synth.grid import Cell
from synth.questions import (
    CELLS_ARE,
    between,
    numbered,
    pick,
    pick_numbers,
    pick_some,
    text,
)

RULES = (
    "The picture shows a board of the game of life: black cells are alive, white cells are dead. "
    "Every cell has eight neighbours: above, below, left, right and diagonal. The board wraps "
    "around: beyond the last row comes row 0, beyond the last column comes column 0, and the other "
    "way round. From one generation to the next, all cells change at once: a live cell stays alive "
    "if 2 or 3 of its neighbours are alive, a dead cell comes alive if exactly 3 are; every other "
    f"cell is dead. {CELLS_ARE}"
)
SIZE = {"Easy": 4, "Medium": 5, "Hard": 6}
LIVE = {"Easy": (1, 13), "Medium": (2, 18), "Hard": (3, 24)}  # cells, least and most
LIVE_NEXT = {"Easy": (0, 11), "Medium": (1, 15), "Hard": (2, 20)}
STEPS = {"Easy": 2, "Medium": 3, "Hard": 3}
NAMES = ("dead", "alive")
# How many of nine cells are alive, by the generations until a 3 x 3 board of its own is stable.
REGION_LIVE = ((0, 4), (1, 2, 5, 6, 7), (3,))


@dataclasses.dataclass(frozen=True)
class Life:
    rows: tuple[str, ...]  # one text a row, "#" alive, "-" dead


def new(rng, level: str) -> Life:
    size = SIZE[level]
    live = rng.permutation(size * size) < between(rng, *LIVE[level])
    return board_of(live.reshape(size, size))


def board_of(live) -> Life:
    return Life(tuple("".join("-#"[cell] for cell in row) for row in live.astype(int).tolist()))


def live_cells(board: Life) -> np.ndarray:
    """[rows, columns]: 1 where a cell is alive."""
    return np.array([[mark == "#" for mark in row] for row in board.rows], int)


def live_neighbours(live: np.ndarray) -> np.ndarray:
    """How many neighbours of each cell are alive; the last two axes are rows and columns."""
    three_rows = live + np.roll(live, 1, -2) + np.roll(live, -1, -2)
    return three_rows + np.roll(three_rows, 1, -1) + np.roll(three_rows, -1, -1) - live


def grow(live: np.ndarray) -> np.ndarray:
    """The next generation."""
    near = live_neighbours(live)
    return ((near == 3) | ((near == 2) & (live == 1))).astype(int)


def generations(live: np.ndarray, steps: int) -> list[np.ndarray]:
    """The board now and after each step."""
    found = [live]
    for _ in range(steps):
        found.append(grow(found[-1]))
    return found


def crowd(rng, level: str) -> np.ndarray:
    """Many boards at once, [boards, rows, columns], thinly to densely populated."""
    shares = rng.uniform(0.15, 0.6, (64, 1, 1))
    return (rng.random((64, SIZE[level], SIZE[level])) < shares).astype(int)


def around(cell: Cell, rows: int, cols: int) -> list[Cell]:
    """The eight neighbours of a cell, row by row."""
    row, col = cell
    return [
        ((row + down) % rows, (col + right) % cols)
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        if (down, right) != (0, 0)
    ]


def draw(board: Life, size: int):
    picture = Board(size, len(board.rows), len(board.rows[0]))
    picture.fill_all(board.rows, "#", BLACK)
    return picture.image


def spell(marks_by_row, rows=None) -> str:
    """The rows of a board, or some of them, with what stands in their cells."""
    rows = range(len(marks_by_row)) if rows is None else rows
    return "; ".join(f"row {row}: {' '.join(map(str, marks_by_row[row]))}" for row in rows)


def tell_generation(live: np.ndarray, rows=None) -> str:
    """The number of live neighbours of every cell, or in some rows, and what follows from them."""
    near = spell(live_neighbours(live).tolist(), rows)
    return f"Live neighbours: {near}. Next generation: {spell(board_of(grow(live)).rows, rows)}."


def tell_count(live: np.ndarray) -> str:
    counts = live.sum(1).tolist()
    return f"Alive in the rows: {' + '.join(map(str, counts))} = {sum(counts)}."


def describe(board: Life) -> str:
    rows = numbered([" ".join(row) for row in board.rows])
    return f"A board of the game of life, # is alive and - is dead:\n{rows}"


def parse(description: str) -> Life:
    return Life(
        tuple(row.replace(" ", "") for row in re.findall(r"row \d+: ([#\- ]+)", description))
    )


class LiveCount(Task):
    name = "live_count"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    def ask(self, board):
        return "How many cells are alive?"

    def solve(self, board):
        live = live_cells(board)
        return Solution(int(live.sum()), [f"The board: {spell(board.rows)}.", tell_count(live)])

    def distractors(self, board, rng, answer):
        return pick_numbers(rng, answer, *self.range(board), 7, span=12)

    def range(self, board):
        """The numbers that can be asked for on a board of this size."""
        return next(LIVE[level] for level, size in SIZE.items() if size == len(board.rows))


class LiveCountNext(Task):
    name = "live_count_next"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    def pose(self, game, rng, level):
        """All numbers in the level's range are equally likely."""
        count = between(rng, *LIVE_NEXT[level])
        while True:
            live = crowd(rng, level)
            fitting = (grow(live).sum((1, 2)) == count).nonzero()[0]
            if len(fitting):
                return board_of(live[fitting[0]]), {"steps": 1}

    def ask(self, board, steps):
        when = "in the next generation" if steps == 1 else f"{steps} generations later"
        return f"How many cells are alive {when}?"

    def solve(self, board, steps):
        live = generations(live_cells(board), steps)
        said = [f"The board: {spell(board.rows)}.", *map(tell_generation, live[:-1])]
        return Solution(int(live[-1].sum()), [*said, tell_count(live[-1])])

    def distractors(self, board, rng, answer, steps):
        sizes = {size: level for level, size in SIZE.items()}
        return pick_numbers(rng, answer, *LIVE_NEXT[sizes[len(board.rows)]], 7, span=12)


class CellHistory(Task):
    name = "cell_history"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    def pose(self, game, rng, level):
        """All histories are equally likely."""
        steps = STEPS[level]
        history = rng.integers(0, 2, steps + 1)
        while True:
            live = generations(crowd(rng, level), steps)
            fitting = np.argwhere(
                np.all([now == was for now, was in zip(live, history, strict=True)], 0)
            )
            if len(fitting):
                at, row, col = pick(rng, fitting).tolist()
                return board_of(live[0][at]), {"cell": (row, col), "steps": steps}

    def ask(self, board, cell, steps):
        return (
            f"Is cell {text(cell)} alive or dead now and in each of the next {steps} generations, "
            "in this order?"
        )

    def solve(self, board, cell, steps):
        live = generations(live_cells(board), steps)
        said = [f"The board: {spell(board.rows)}."]
        for step, now in enumerate(live[: steps - 1], 1):
            said.append(tell_generation(now, self.rows_that_matter(cell, steps - step, now)))
        before = live[-2]
        near = " ".join("-#"[before[at]] for at in around(cell, *before.shape))
        said.append(
            f"The neighbours of {text(cell)} are then {near}: {near.count('#')} alive; the cell "
            f"was {NAMES[before[cell]]} and is {NAMES[live[-1][cell]]} next."
        )
        return Solution(tuple(NAMES[now[cell]] for now in live), said)

    def rows_that_matter(self, cell, steps, live):
        """The rows that can have an effect on the cell so many steps later."""
        size = len(live)
        return sorted({(cell[0] + down) % size for down in range(-steps, steps + 1)})

    def distractors(self, board, rng, answer, cell, steps):
        """Any other histories."""
        numbers = range(2 ** (steps + 1))
        histories = [
            tuple(NAMES[number >> at & 1] for at in range(steps + 1)) for number in numbers
        ]
        return pick_some(rng, [history for history in histories if history != answer], 7)


class RegionStabilitySteps(Task):
    """Three options: no 3 x 3 board that wraps around takes longer."""

    name = "region_stability_steps"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 3

    def pose(self, game, rng, level):
        """The three answers are equally likely."""
        live, size = live_cells(new(rng, level)), SIZE[level]
        region = tuple(rng.integers(0, size, 2).tolist())
        count = pick(rng, REGION_LIVE[between(rng, 0, 2)])
        live[self.cells(region, size)] = (rng.permutation(9) < count).reshape(3, 3)
        return board_of(live), {"region": region}

    def cells(self, region, size):
        """Indices of the region's cells."""
        rows, cols = ([(first + step) % size for step in range(3)] for first in region)
        return np.ix_(rows, cols)

    def ask(self, board, region):
        return (
            f"The 3 x 3 region with its top left cell at {text(region)}, which may continue beyond "
            "the edge of the board, is cut out and evolves alone, as a board of its own that wraps "
            "around. After how many generations is it stable, so that nothing changes from then "
            "on? The answer is 0 if nothing changes at all."
        )

    def solve(self, board, region):
        live = live_cells(board)[self.cells(region, len(board.rows))]
        rows = [" ".join("-#"[cell] for cell in row) for row in live]
        said = [
            f"The region, row by row: {'; '.join(rows)}; {live.sum()} alive.",
            "On a board of 3 x 3, every cell has the other eight as neighbours.",
        ]
        steps = 0
        while True:
            after = grow(live)
            said.append(f"{self.fate(live)}: {after.sum()} alive.")
            if (after == live).all():
                said.append(f"Nothing changes any more, after generation {steps}.")
                return Solution(steps, said)
            live, steps = after, steps + 1

    def fate(self, live):
        """What happens to live and to dead cells, which all have equally many neighbours."""
        count, after, parts = int(live.sum()), grow(live), []
        if count:
            goes_on = "live on" if after[live == 1].all() else "die"
            parts.append(f"live cells have {count - 1} live neighbours and {goes_on}")
        if count < 9:
            goes_on = "come alive" if after[live == 0].all() else "stay dead"
            parts.append(f"dead cells have {count} and {goes_on}")
        return ", ".join(parts).capitalize()

    def distractors(self, board, rng, answer, region):
        return [steps for steps in range(3) if steps != answer]


GAME = Game(
    name="lifegame",
    category="Multi-step Reasoning",
    split_kind="out_of_domain",
    rules=RULES,
    state=Life,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cells", lambda board: len(board.rows) ** 2),
    tasks=(LiveCount(), LiveCountNext(), CellHistory(), RegionStabilitySteps()),
)
