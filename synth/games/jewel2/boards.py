"""Random boards of jewel2, and boards on which a command removes a given number of pieces."""

from functools import cache

from synth.games.jewel2.rules import (
    NORMAL,
    SPECIAL,
    SPECIAL_LETTERS,
    Command,
    Grid,
    carry_out,
    cells,
    exchanged,
    on_board,
)
from synth.grid import DIRECTIONS, Cell, neighbour
from synth.questions import between, pick, pick_some

SPECIAL_SHARE = 0.08
MOST = 9  # pieces that a command removes in what is asked


def random_grid(rng, size: int) -> Grid:
    letters = rng.integers(0, len(NORMAL), (size, size)).tolist()
    specials = rng.integers(0, len(SPECIAL), (size, size)).tolist()
    chances = rng.random((size, size)).tolist()
    return [
        [
            SPECIAL[specials[row][col]]
            if chances[row][col] < SPECIAL_SHARE
            else NORMAL[letters[row][col]]
            for col in range(size)
        ]
        for row in range(size)
    ]


def grid_with(rng, size: int, piece: str, count: int, others: str) -> Grid:
    """Just so many cells hold `piece` (or one of these pieces), the rest one of the others."""
    marks = [pick(rng, others) for _ in range(size * size)]
    for at in pick_some(rng, range(size * size), count):
        marks[at] = pick(rng, piece)
    return [marks[row * size : (row + 1) * size] for row in range(size)]


def grid_for(rng, size: int, command: Command, count: int) -> Grid:
    """A random board on which the command removes so many pieces."""
    while True:
        if command[0] == "clear":
            grid = _for_clear(rng, size, command[1:], count)
        else:
            grid = _for_swap(rng, size, command[1:3], command[3], count)
        if len(carry_out(grid, command)[0]) == count:
            return grid


@cache
def counts_of(size: int, command: Command) -> tuple[int, ...]:
    """How many pieces the command may remove, on one board or another."""
    if command[0] == "clear":
        return tuple(range(MOST + 1))
    found = {sum(map(_pieces, pairs)) for pairs in _swap_runs(size, command[1:3], command[3])}
    return tuple(sorted(count for count in found if count <= MOST))


def _pieces(lengths: tuple[int, int]) -> int:
    """The pieces in two crossing runs; one of a single piece is none."""
    across, along = ((length if length >= 3 else 0) for length in lengths)
    return across + along - (1 if across and along else 0)


def _lengths(room: int) -> tuple[int, ...]:
    return (1, *range(3, room + 1))


def _for_clear(rng, size: int, cell: Cell, count: int) -> Grid:
    """The kinds of piece that can do it are equally likely."""
    grid, (row, col) = random_grid(rng, size), cell
    crossing = [
        (across, along)
        for across in _lengths(size)
        for along in _lengths(size)
        if _pieces((across, along)) == count
    ]
    kinds = ["run"] if crossing else []
    if count > 0:
        kinds.append("letter")
    for piece in "+|":
        grid[row][col] = piece
        if len(carry_out(grid, ("clear", *cell))[0]) == count:
            kinds.append(piece)
    kind = pick(rng, kinds)
    if kind == "run":
        across, along = pick(rng, crossing)
        letter = pick(rng, NORMAL)
        _lay(rng, grid, _segment(rng, size, cell, "right", across), "right", letter)
        _lay(rng, grid, _segment(rng, size, cell, "down", along), "down", letter)
    elif kind == "letter":
        letter = pick(rng, SPECIAL_LETTERS)
        others = NORMAL.replace(letter.upper(), "")
        for line in grid:
            line[:] = [pick(rng, others) if mark == letter.upper() else mark for mark in line]
        rest = [other for other in cells(size) if other != cell]
        for other_row, other_col in pick_some(rng, rest, count - 1):
            grid[other_row][other_col] = letter.upper()
        grid[row][col] = letter
    else:
        grid[row][col] = kind
    return grid


@cache
def _swap_runs(size: int, cell: Cell, way: str) -> tuple:
    """What runs a swap can make: for each of the two cells, their lengths across and along it."""
    other = neighbour(cell, way)
    sides = []
    for place, d_row, d_col in ((cell, -1, -1), (other, 1, 1)):
        step = DIRECTIONS[way][0] * d_row, DIRECTIONS[way][1] * d_col
        room, beyond = 0, place
        while on_board(beyond, size):
            room, beyond = room + 1, (beyond[0] + step[0], beyond[1] + step[1])
        sides.append([(across, along) for across in _lengths(size) for along in _lengths(room)])
    return tuple((one, two) for one in sides[0] for two in sides[1])


def _for_swap(rng, size: int, cell: Cell, way: str, count: int) -> Grid:
    """The board after the swap is made first; where none is removed, a piece may be special."""
    grid, other = random_grid(rng, size), neighbour(cell, way)
    if count == 0 and between(rng, 0, 1):
        row, col = pick(rng, (cell, other))
        grid[row][col] = pick(rng, SPECIAL)
        return grid
    runs = [pairs for pairs in _swap_runs(size, cell, way) if sum(map(_pieces, pairs)) == count]
    letters = pick_some(rng, NORMAL, 2)
    away = {"up": "down", "down": "up", "left": "right", "right": "left"}[way]
    across_way = "right" if way in ("up", "down") else "down"
    for place, outwards, letter, (across, along) in zip(
        (cell, other), (away, way), letters, pick(rng, runs), strict=True
    ):
        _lay(rng, grid, _segment(rng, size, place, across_way, across), across_way, letter)
        d_row, d_col = DIRECTIONS[outwards]
        line = [(place[0] + d_row * step, place[1] + d_col * step) for step in range(along)]
        _lay(rng, grid, line, outwards, letter)
    for (row, col), letter in zip((cell, other), letters, strict=True):
        grid[row][col] = letter
    return exchanged(grid, cell, way)


def _segment(rng, size: int, cell: Cell, way: str, length: int) -> list[Cell]:
    """So many cells in a line, of which `cell` is any."""
    at = cell[1] if way == "right" else cell[0]
    first = between(rng, max(0, at - length + 1), min(at, size - length))
    line = range(first, first + length)
    return [(cell[0], col) for col in line] if way == "right" else [(row, cell[1]) for row in line]


def _lay(rng, grid: Grid, line: list[Cell], way: str, letter: str) -> None:
    """Equal pieces in a line, and other ones before and behind it."""
    d_row, d_col = DIRECTIONS[way]
    (first_row, first_col), (last_row, last_col) = line[0], line[-1]
    for row, col in ((first_row - d_row, first_col - d_col), (last_row + d_row, last_col + d_col)):
        if on_board((row, col), len(grid)) and grid[row][col] == letter:
            grid[row][col] = pick(rng, NORMAL.replace(letter, ""))
    for row, col in line:
        grid[row][col] = letter
