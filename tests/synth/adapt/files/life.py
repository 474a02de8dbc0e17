"""Life on a torus: what is alive, and what will be."""

import dataclasses
import re

from synth.draw import SLATE, Board
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.questions import CELLS_ARE, between, pick, pick_some, text

SIZE = {"Easy": 4, "Medium": 5, "Hard": 6}
RULES = (
    "The picture shows a board of cells: dark ones are alive, white ones dead. Its edges are "
    "joined: left of the first column is the last one, above the first row the last one. A cell "
    "has eight neighbours, the corners too. In one step every live cell with two or three live "
    "neighbours stays alive, every dead cell with exactly three is born, and all others are dead. "
    + CELLS_ARE
)


@dataclasses.dataclass(frozen=True)
class Life:
    rows: tuple[str, ...]

    def __post_init__(self):
        if any(not re.fullmatch("[#-]+", row) for row in self.rows):
            raise ValueError("rows hold # and -")


def of_marks(marks: str, size: int) -> Life:
    return Life(tuple(marks[at : at + size] for at in range(0, size * size, size)))


def new(rng, level):
    size = SIZE[level]
    return of_marks("".join(pick(rng, "#--") for _ in range(size * size)), size)


def draw(life, size):
    board = Board(size, len(life.rows), len(life.rows))
    board.fill_all(life.rows, "#", SLATE)
    return board.image


def describe(life):
    rows = (f"row {row}: {' '.join(marks)}" for row, marks in enumerate(life.rows))
    return f"The cells, # is alive and - is dead: {'; '.join(rows)}."


def parse(description):
    found = re.findall(r"row \d+: ([#-](?: [#-])*)", description)
    return Life(tuple(row.replace(" ", "") for row in found))


def neighbours(rows, row, col):
    size = len(rows)
    return sum(
        rows[(row + down) % size][(col + right) % size] == "#"
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        if down or right
    )


def after(rows):
    size = range(len(rows))
    return tuple("".join(after_cell(rows, row, col) for col in size) for row in size)


def after_cell(rows, row, col):
    count = neighbours(rows, row, col)
    return "#" if count == 3 or (count == 2 and rows[row][col] == "#") else "-"


def spaced(row):
    return " ".join(row)


class LiveCount(Task):
    name = "live_count"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        size = SIZE[level]
        alive = pick_some(rng, range(size * size), between(rng, 0, size * size))
        marks = "".join("#" if at in alive else "-" for at in range(size * size))
        return of_marks(marks, size), {}

    def ask(self, life):
        return "How many cells are alive?"

    def solve(self, life):
        counts = [row.count("#") for row in life.rows]
        said = f"Alive in each row: {', '.join(map(str, counts))}; together {sum(counts)}."
        return Solution(sum(counts), [describe(life), said])


class RowNext(Task):
    name = "row_next"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 4

    def sample(self, life, rng, level):
        return {"row": between(rng, 0, SIZE[level] - 1)}

    def ask(self, life, row):
        return f"What is row {row} after one step (# alive, - dead)?"

    def solve(self, life, row):
        steps = [describe(life)]
        for col, mark in enumerate(life.rows[row]):
            count = neighbours(life.rows, row, col)
            steps.append(f"{text((row, col))}: {mark}, {count} live neighbours.")
        answer = after(life.rows)[row]
        steps.append(f"Row {row} is then: {spaced(answer)}")
        return Solution(answer, steps)

    def distractors(self, life, rng, answer, row):
        level = {size: level for level, size in SIZE.items()}[len(life.rows)]
        return [after(new(rng, level).rows)[0] for _ in range(self.n_options - 1)]

    def text(self, value):
        return spaced(value)


class BestSwitch(Task):
    name = "best_switch"
    qa_type, qa_level, n_options = STRATEGY, "Hard", 4

    def sample(self, life, rng, level):
        size = SIZE[level]
        cells = [(row, col) for row in range(size) for col in range(size)]
        cells = pick_some(rng, cells, 4)
        first, second = sorted((self.count(life, cell) for cell in cells), reverse=True)[:2]
        return {"cells": tuple(cells)} if first > second else None

    def count(self, life, cell):
        row, col = cell
        marks = life.rows[row]
        switched = marks[:col] + {"#": "-", "-": "#"}[marks[col]] + marks[col + 1 :]
        return "".join(after((*life.rows[:row], switched, *life.rows[row + 1 :]))).count("#")

    def ask(self, life, cells):
        told = ", ".join(text(cell) for cell in cells)
        return (
            f"One of the cells {told} is switched (live to dead, or dead to live), then one step "
            "is taken. Which one must it be for the most live cells?"
        )

    def solve(self, life, cells):
        counts = [self.count(life, cell) for cell in cells]
        steps = [
            f"{text(cell)} switched: {n} alive." for cell, n in zip(cells, counts, strict=True)
        ]
        return Solution(cells[counts.index(max(counts))], [describe(life), *steps])

    def distractors(self, life, rng, answer, cells):
        return [cell for cell in cells if cell != answer]


GAME = Game(
    name="life",
    category="Pattern Recognition and Matching",
    split_kind="in_domain",
    rules=RULES,
    state=Life,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cells", lambda life: len(life.rows) ** 2),
    tasks=(LiveCount(), RowNext(), BestSwitch()),
)
