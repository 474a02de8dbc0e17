"""Minesweeper: what a player sees, how it comes about, and its picture."""

import dataclasses
import re
from functools import cache

from PIL import Image

from synth.draw import BLUE, GREEN, WHITE, Board
from synth.draw.regions import letter, stamp
from synth.grid import Cell
from synth.questions import CELLS_ARE, between, pick_some

RULES = (
    "The picture shows a Minesweeper game; the number of all mines stands above it. White cells "
    "are revealed and hold no mine: the number in such a cell counts the mines in the up to eight "
    "cells around it, and it is blank if there are none. Grey cells are hidden. A red F is a flag "
    f"on a hidden cell; every flag stands on a mine. {CELLS_ARE}"
)
SIZE = {"Easy": 4, "Medium": 5, "Hard": 6}
MINES = {"Easy": (3, 4), "Medium": (4, 6), "Hard": (7, 9)}
HIDDEN, FLAG, BLANK = "#F."
GREY = (170, 175, 185)
INKS = (BLUE, GREEN, (200, 60, 20), (90, 20, 150), (130, 20, 20), (0, 130, 140))


@dataclasses.dataclass(frozen=True)
class Field:
    rows: tuple[str, ...]  # of HIDDEN, FLAG, BLANK and digits
    mines: int  # in all, flagged ones included

    def __getitem__(self, cell: Cell) -> str:
        return self.rows[cell[0]][cell[1]]


@cache
def around(size: int) -> dict[Cell, tuple[Cell, ...]]:
    """The up to eight cells around each cell, in reading order."""
    at = range(size)
    return {
        (row, col): tuple(
            (r, c)
            for r in range(row - 1, row + 2)
            for c in range(col - 1, col + 2)
            if (r, c) != (row, col) and r in at and c in at
        )
        for row in at
        for col in at
    }


def cells_with(field: Field, marks: str) -> list[Cell]:
    return [cell for cell in around(len(field.rows)) if field[cell] in marks]


def lay(rng, level: str, known: dict[Cell, bool]) -> frozenset[Cell]:
    """Random mines; `known` cells have a mine or have none."""
    fixed = [cell for cell, is_mine in known.items() if is_mine]
    count = between(rng, *MINES[level])
    free = [cell for cell in around(SIZE[level]) if cell not in known]
    return frozenset(fixed + pick_some(rng, free, count - len(fixed)))


def count_mines(size: int, mines: frozenset[Cell]) -> dict[Cell, int]:
    """For each cell, how many mines are around it."""
    counts = dict.fromkeys(around(size), 0)
    for mine in mines:
        for cell in around(size)[mine]:
            counts[cell] += 1
    return counts


def flood(counts: dict[Cell, int], near: dict[Cell, tuple[Cell, ...]], start: Cell) -> set[Cell]:
    """The cells that are revealed with a safe cell: around a blank one, all are."""
    found, todo = {start}, [start]
    while todo:
        cell = todo.pop()
        if counts[cell] == 0:
            todo += [other for other in near[cell] if other not in found]
            found.update(near[cell])
    return found


def play(rng, size: int, mines: frozenset[Cell], most: int, covered: Cell | None = None):
    """Reveals safe cells in random order, and yields those revealed so far after each try.

    At most `most` cells are revealed, and never `covered`; at least one safe cell stays hidden.
    """
    near, counts, revealed = around(size), count_mines(size, mines), set()
    most = min(most, size * size - len(mines) - 1)
    safe = [cell for cell in near if cell not in mines]
    for cell in pick_some(rng, safe, len(safe)):
        if cell not in revealed:
            opened = flood(counts, near, cell)
            if covered not in opened and len(revealed | opened) <= most:
                revealed |= opened
        yield revealed


def view(size: int, mines: frozenset[Cell], revealed: set[Cell], flags: set[Cell]) -> Field:
    """What the player sees."""
    counts = count_mines(size, mines)
    marks = [
        str(counts[cell] or BLANK) if cell in revealed else FLAG if cell in flags else HIDDEN
        for cell in around(size)
    ]
    rows = ("".join(marks[at : at + size]) for at in range(0, size * size, size))
    return Field(tuple(rows), len(mines))


def touched(size: int, mines: frozenset[Cell], revealed: set[Cell]) -> list[Cell]:
    """The mines beside a revealed cell, in reading order: only those are flagged."""
    return [
        cell
        for cell, others in around(size).items()
        if cell in mines and any(other in revealed for other in others)
    ]


def new(rng, level: str) -> Field:
    """A game somewhere in its course, with any number of flags."""
    size = SIZE[level]
    mines = lay(rng, level, {})
    most = between(rng, size, size * size - len(mines) - 1)
    *_, revealed = play(rng, size, mines, most)
    found = touched(size, mines, revealed)
    flags = pick_some(rng, found, between(rng, 0, len(found)))
    return view(size, mines, revealed, set(flags))


def draw(field: Field, size: int):
    image = Image.new("RGB", (size, size), WHITE)
    board = Board(round(0.91 * size), len(field.rows), len(field.rows), line=(120, 125, 135))
    board.fill_all(field.rows, HIDDEN, GREY)
    board.fill_all(field.rows, FLAG, GREY)
    for row, marks in enumerate(field.rows):
        for col, mark in enumerate(marks):
            if mark == FLAG:
                letter(board, (row, col), mark, (190, 0, 0), 0.7)
            elif mark.isdigit():
                letter(board, (row, col), mark, INKS[min(int(mark), 6) - 1], 0.7)
    image.paste(board.image, ((size - board.image.width) // 2, size - board.image.height))
    stamp(image, (size / 2, 0.045 * size), f"mines: {field.mines}", 0.07 * size)
    return image


def spell(field: Field) -> str:
    return "; ".join(f"row {row}: {' '.join(marks)}" for row, marks in enumerate(field.rows))


def describe(field: Field) -> str:
    return (
        f"A Minesweeper game with {field.mines} mines, # is hidden, F is a flag, . is revealed and "
        f"blank: {spell(field)}."
    )


def parse(description: str) -> Field:
    rows = re.findall(r"row \d+: ([#F.\d](?: [#F.\d])*)", description)
    (mines,) = re.findall(r"with (\d+) mines", description)
    return Field(tuple(row.replace(" ", "") for row in rows), int(mines))
