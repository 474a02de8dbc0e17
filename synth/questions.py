"""What every task needs to word and to offer answers: chance, options, values as text."""

from collections.abc import Sequence

import numpy as np


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

    They come from a side x side window laid over `answer` so that it is equally likely to be at
    any place of the window; the window may stick out of the board. If `answer` is uniform over
    `cells`, the count + 1 options are then exchangeable: nothing but the picture tells which one
    is right. None if the window holds too few cells.
    """
    top, left = (at - int(rng.integers(side)) for at in answer)
    inside = [
        (row, col)
        for row, col in cells
        if top <= row < top + side and left <= col < left + side and (row, col) != answer
    ]
    return pick_some(rng, inside, count)


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
    """A value as it is written in options and answers: (row, col), a number, a word, a list."""
    if isinstance(value, tuple):
        if len(value) == 2 and all(isinstance(part, int) for part in value):
            return f"({value[0]}, {value[1]})"
        return ", ".join(text(part) for part in value)
    return str(value)


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
