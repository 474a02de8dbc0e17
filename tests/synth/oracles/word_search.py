"""Word search by reading every line of the square as text, in all eight directions."""

import itertools

STEPS = {
    (0, 1): "right",
    (0, -1): "left",
    (1, 0): "down",
    (-1, 0): "up",
    (1, 1): "down right",
    (-1, 1): "up right",
    (1, -1): "down left",
    (-1, -1): "up left",
}


def rays(rows):
    """For each direction: what is read from each cell at the edge where it enters."""
    at = range(len(rows))
    for (down, right), way in STEPS.items():
        for row, col in itertools.product(at, at):
            if row - down in at and col - right in at:
                continue  # it has been entered before
            read = ""
            while row in at and col in at:
                read += rows[row][col]
                row, col = row + down, col + right
            yield way, read


def occurrences(rows, word) -> list[str]:
    """The direction of every occurrence of the word."""
    return [
        way
        for way, read in rays(rows)
        for start in range(len(read))
        if read.startswith(word, start)
    ]


def word_direction(state, params):
    (way,) = occurrences(state["rows"], params["word"])
    return way


ORACLES = {
    "cell_letter": lambda state, params: state["rows"][params["cell"][0]][params["cell"][1]],
    "letter_count": lambda state, params: str("".join(state["rows"]).count(params["letter"])),
    "word_direction": word_direction,
}
