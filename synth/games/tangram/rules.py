"""Boards cut into pieces: cutting, taking off, shapes, and the board in words."""

import dataclasses
import re
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np

from synth.grid import Cell
from synth.questions import between, listed, numbered, pick, pick_some

SIZES = {"Easy": (5,), "Medium": (6, 7, 8), "Hard": (9, 10)}
PIECES = (4, 11)  # on a board before some are taken off, least and most
OFF = (1, 3)  # taken off, least and most
LETTERS = tuple("ABCDEFHKLPTX")  # hard to take for each other

Shape = tuple[str, ...]  # one text a row of the box around a piece, "-" where it has no cell


@dataclasses.dataclass(frozen=True)
class Tangram:
    rows: tuple[str, ...]  # letters of pieces, "-" for a hole
    off: tuple[Shape, ...]  # the pieces taken off, each of its letter and "-", from top to bottom


def cut(rng, size: int, count: int, first: tuple[Cell, ...] = ()) -> tuple[str, ...] | None:
    """A board cut into pieces: each cell goes to the nearest of `count` random cells.

    The cells `first` are a piece of their own. None if a piece is not connected.
    """
    seeds = rng.permutation(size * size)[:count]
    letters = [LETTERS[i] for i in rng.permutation(len(LETTERS))[: count + 1].tolist()]
    nearest = distances(size)[:, seeds].argmin(1)
    for row, col in first:
        nearest[row * size + col] = count
    cells = "".join(letters[at] for at in nearest.tolist())
    rows = tuple(cells[at : at + size] for at in range(0, size * size, size))
    return rows if all(map(is_connected, cells_of(rows).values())) else None


@cache
def distances(size: int) -> np.ndarray:
    """Squares of the distances between all cells of a board."""
    cells = np.indices((size, size)).reshape(2, -1)
    return ((cells[:, :, None] - cells[:, None]) ** 2).sum(0)


@lru_cache(maxsize=4)
def cells_of(rows: tuple[str, ...]) -> dict[str, tuple[Cell, ...]]:
    """The cells of each mark that occurs, by row and column; the marks in order of their first."""
    found = {}
    for row, marks in enumerate(rows):
        for col, mark in enumerate(marks):
            found.setdefault(mark, []).append((row, col))
    return {mark: tuple(cells) for mark, cells in found.items()}


def is_connected(cells: tuple[Cell, ...]) -> bool:
    left = set(cells)
    todo = [cells[0]]
    left.remove(cells[0])
    while todo:
        row, col = todo.pop()
        for near in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            if near in left:
                left.remove(near)
                todo.append(near)
    return not left


def box_of(cells) -> tuple[Cell, Cell]:
    """The top left and the bottom right cell of the smallest box around some cells."""
    rows, cols = zip(*cells, strict=True)
    return (min(rows), min(cols)), (max(rows), max(cols))


def shape_of(cells, mark: str) -> Shape:
    (top, left), (bottom, right) = box_of(cells)
    return tuple(
        "".join(mark if (row, col) in cells else "-" for col in range(left, right + 1))
        for row in range(top, bottom + 1)
    )


def letter_of(shape: Shape) -> str:
    return max(shape[0])  # "-" comes before the letters


def turned(shape: Shape, quarters: int) -> Shape:
    """Turned clockwise."""
    for _ in range(quarters):
        shape = tuple("".join(col) for col in zip(*shape[::-1], strict=True))
    return shape


def beside(rows: tuple[str, ...]) -> dict[str, set[str]]:
    """For each piece the others that share a side of a cell with it."""
    found = {mark: set() for mark in cells_of(rows)}
    lines = (*rows, *map("".join, zip(*rows, strict=True)))
    for line in lines:
        for one, other in pairwise(line):
            if one != other:
                found[one].add(other)
                found[other].add(one)
    return {mark: others - {"-"} for mark, others in found.items() if mark != "-"}


def room(size: int) -> int:
    """How wide and high a piece may be that is drawn beside the board."""
    return (size + 1) // 2


def take_off(rows: tuple[str, ...], letters) -> Tangram | None:
    """The board without some pieces; None if these do not fit beside it."""
    size = len(rows)
    off = tuple(shape_of(cells_of(rows)[letter], letter) for letter in letters)
    too_long = any(len(shape) > room(size) or len(shape[0]) > room(size) for shape in off)
    if too_long or sum(map(len, off)) + len(off) - 1 > across(size):
        return None
    for letter in letters:
        rows = tuple(row.replace(letter, "-") for row in rows)
    return Tangram(rows, off)


def new(rng, level: str) -> Tangram:
    return board(rng, level, between(rng, *PIECES), between(rng, *OFF))


def board(rng, level: str, count: int, off: int) -> Tangram:
    """A random board of `count` pieces, `off` of them taken off."""
    while True:
        rows = cut(rng, pick(rng, SIZES[level]), count)
        found = rows and take_off(rows, pick_some(rng, tuple(cells_of(rows)), off))
        if found:
            return found


def across(size: int) -> int:
    """Cells from one side of the picture to the other: numbers, board, a gap, pieces."""
    return size + 2 + room(size)


def describe(tangram: Tangram) -> str:
    off = "; ".join("/".join(shape) for shape in tangram.off)
    return (
        f"A board of pieces, one letter for each, - is the hole:\n{numbered(tangram.rows)}\n"
        f"On the right from top to bottom, - is outside the piece: {off}."
    )


def parse(description: str) -> Tangram:
    rows = re.findall(r"row \d+: ([A-Z-]+)", description)
    off = description.rsplit(": ", 1)[1].rstrip(".").split("; ")
    return Tangram(tuple(rows), tuple(tuple(shape.split("/")) for shape in off))


def spell(shape: Shape) -> str:
    """A shape as it is written in steps, # for its cells."""
    return "/".join(re.sub("[A-Z]", "#", row) for row in shape)


def columns(cells, row: int) -> list[int]:
    return [col for at, col in cells if at == row]


def rows_of(cells) -> list[int]:
    return sorted({row for row, _ in cells})


def by_row(cells) -> str:
    """Cells, row by row."""
    said = []
    for row in rows_of(cells):
        cols = columns(cells, row)
        whole = cols == list(range(cols[0], cols[-1] + 1))
        where = f"{cols[0]} to {cols[-1]}" if whole and len(cols) > 2 else listed(cols)
        said.append(f"row {row}: {where}")
    return "; ".join(said)
