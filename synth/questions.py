"""What every task needs to word and to offer answers: chance, options, values as text."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

CELLS_ARE = (  # for the rules of a game on a `draw.Board`
    "Cells are written (row, column); the numbers on the left are rows, those on top are columns."
)


def between(rng: np.random.Generator, low: int, high: int) -> int:
    """One of the whole numbers low..high, all equally likely."""
    return int(rng.integers(low, high + 1))


def pick(rng: np.random.Generator, items: Sequence):
    """One of `items`, all equally likely."""
    return items[int(rng.integers(len(items)))]


def pick_some(rng: np.random.Generator, items: Sequence, count: int) -> list | None:
    """`count` different ones of `items` in random order; None if there are too few."""
    if len(items) < count:
        return None
    return [items[i] for i in rng.permutation(len(items))[:count].tolist()]


def pick_near(
    rng: np.random.Generator, answer: tuple, cells: Sequence, count: int, side: int = 5
) -> list | None:
    """`count` cells near `answer`, which is nevertheless not in their middle.

    They come from a window that has `answer` at any place with equal chances and may stick out of
    the board (`cells_near`). If `answer` is uniform over `cells`, the count + 1 options are then
    exchangeable: nothing but the picture tells which one is right. None if it holds too few cells.
    """
    near = [cell for cell in cells_near(rng, answer, cells, side) if cell != answer]
    return pick_some(rng, near, count)


def cells_near(rng: np.random.Generator, cell: tuple, cells: Sequence, side: int = 5) -> list:
    """Those of `cells` in a side x side window that has `cell` at a random place of it."""
    top, left = (at - int(rng.integers(side)) for at in cell)
    return [
        (row, col) for row, col in cells if top <= row < top + side and left <= col < left + side
    ]


def pick_numbers(
    rng: np.random.Generator, answer: int, low: int, high: int, count: int, span: int
) -> list[int] | None:
    """`count` whole numbers near `answer`, which is nevertheless not in their middle.

    The same as `pick_near` in one dimension: they come from `span` numbers in a row, laid over
    `answer` so that it is equally likely to be at any place of them, as far as they lie in
    low..high. If `answer` is uniform over low..high, the options are exchangeable.
    """
    first = answer - int(rng.integers(span))
    inside = [
        number
        for number in range(max(first, low), min(first + span - 1, high) + 1)
        if number != answer
    ]
    return pick_some(rng, inside, count)


def text(value) -> str:
    """A value as it is written in options and answers: a number, a word, (row, col), a list.

    A tuple of two or three numbers is a cell; any other tuple is a list.
    """
    if isinstance(value, tuple):
        is_cell = len(value) in (2, 3) and all(isinstance(part, int) for part in value)
        return f"({listed(value)})" if is_cell else listed(value)
    return str(value)


def listed(values: Iterable) -> str:
    return ", ".join(map(text, values))


def add_up(numbers: Sequence[int]) -> str:
    """A sum as it is written in steps, as in "10 + 20 = 30"; a single number by itself."""
    terms = " + ".join(map(str, numbers))
    return f"{terms} = {sum(numbers)}" if len(numbers) > 1 else terms or "0"


def cells_in(written: str) -> list[tuple[int, int]]:
    """The cells that are written in a text, as `text` writes them."""
    return [(int(row), int(col)) for row, col in re.findall(r"\((\d+), (\d+)\)", written)]


def numbered(rows: Sequence[str]) -> str:
    """The rows of a board, one a line."""
    return "\n".join(f"row {row}: {marks}" for row, marks in enumerate(rows))


def runs(moves: Sequence[str]) -> list[tuple[str, int]]:
    """Equal moves one after the other as (direction, how many)."""
    return [(way, len(list(run))) for way, run in groupby(moves)]


def moves_text(moves: Sequence[str]) -> str:
    """A list of moves in short, as in "left 2, up 1"."""
    return ", ".join(f"{way} {count}" for way, count in runs(moves))


def options_of(task, state, params: dict, solution, rng: np.random.Generator) -> list | None:
    """The shuffled option values of a multiple-choice question; None if it must be drawn anew."""
    wrong = task.distractors(state, rng, solution.answer, **params)
    if wrong is None:
        return None
    if len(wrong) != task.n_options - 1:
        raise ValueError(f"{task.name} gave {len(wrong)} distractors, not {task.n_options - 1}")
    values = [solution.answer, *wrong]
    if len({task.text(value) for value in values}) < len(values):
        return None
    if any(solution.is_right(value) for value in wrong):
        return None
    return [values[i] for i in rng.permutation(len(values)).tolist()]
