"""The rules of jewel2: boards, commands and what they remove."""

import dataclasses
from functools import cache

from synth.grid import DIRECTIONS, Cell, neighbour
from synth.questions import CELLS_ARE

RULES = (
    "The picture shows a board of jewels and the total of pieces removed so far. Diamonds with "
    "capital letters are normal pieces; discs with a to e, + or | are special. Two commands "
    "remove pieces. 'clear r c' on the normal piece at (r, c) removes every horizontal or vertical "
    "run of at least 3 equal normal pieces that it belongs to, else nothing. On a special piece it "
    "always removes that piece: a letter together with all normal pieces of this letter, | with "
    "its whole column, + with the 3 x 3 block around it as far as it lies on the board; special "
    "pieces removed in this way have no effect. 'swap r c direction' exchanges the piece at (r, c) "
    "with its neighbour in that direction and then removes every run of at least 3 through "
    "one of the two cells; if there is none, or one of the two is special or off the board, "
    "nothing happens and no piece moves. Every removed piece adds 1 to the total. Then the pieces "
    f"above fall down, and new ones come in at the top. {CELLS_ARE}"
)
NORMAL, SPECIAL_LETTERS, SPECIAL = "ABCDE", "abcde", "abcde+|"
UNKNOWN = "?"  # a piece that came in at the top
SIZE = {"Easy": 4, "Medium": 5, "Hard": 6}

Grid = list[list[str]]
Command = tuple  # ("clear", row, col) or ("swap", row, col, direction)


@dataclasses.dataclass(frozen=True)
class Jewels:
    rows: tuple[str, ...]  # one text a row, of NORMAL and SPECIAL
    total: int


def jewels(grid: Grid, total: int) -> Jewels:
    return Jewels(tuple("".join(row) for row in grid), total)


@cache
def cells(size: int) -> tuple[Cell, ...]:
    return tuple((row, col) for row in range(size) for col in range(size))


def on_board(cell: Cell, size: int) -> bool:
    return 0 <= cell[0] < size and 0 <= cell[1] < size


def run_along(grid: Grid, cell: Cell, ways: tuple[str, str]) -> list[Cell]:
    """The equal normal pieces in a row with the one in a cell, in two opposite directions."""
    letter, run = grid[cell[0]][cell[1]], [cell]
    for way in ways:
        d_row, d_col = DIRECTIONS[way]
        row, col = cell[0] + d_row, cell[1] + d_col
        while 0 <= row < len(grid) and 0 <= col < len(grid) and grid[row][col] == letter:
            run.append((row, col))
            row, col = row + d_row, col + d_col
    return run


def runs_through(grid: Grid, cell: Cell) -> dict[str, list[Cell]]:
    """The runs that a normal piece belongs to: "horizontal" and "vertical", if long enough."""
    if grid[cell[0]][cell[1]] not in NORMAL:
        return {}
    both = {
        "horizontal": run_along(grid, cell, ("left", "right")),
        "vertical": run_along(grid, cell, ("up", "down")),
    }
    return {name: sorted(run) for name, run in both.items() if len(run) >= 3}


def fired(grid: Grid, cell: Cell) -> list[Cell]:
    """What a special piece removes."""
    piece, all_cells = grid[cell[0]][cell[1]], cells(len(grid))
    if piece == "|":
        return [other for other in all_cells if other[1] == cell[1]]
    if piece == "+":
        return [
            other
            for other in all_cells
            if abs(other[0] - cell[0]) <= 1 and abs(other[1] - cell[1]) <= 1
        ]
    capital = piece.upper()
    return [other for other in all_cells if other == cell or grid[other[0]][other[1]] == capital]


def exchanged(grid: Grid, cell: Cell, way: str) -> Grid:
    (row, col), (other_row, other_col) = cell, neighbour(cell, way)
    after = list(grid)
    after[row], after[other_row] = list(grid[row]), list(grid[other_row])
    if row == other_row:
        after[other_row] = after[row]
    after[row][col], after[other_row][other_col] = grid[other_row][other_col], grid[row][col]
    return after


def carry_out(grid: Grid, command: Command) -> tuple[list[Cell], Grid]:
    """The cells that a command removes, and the board on which it removes them."""
    cell, size = command[1:3], len(grid)
    if command[0] == "clear":
        if grid[cell[0]][cell[1]] in SPECIAL:
            return fired(grid, cell), grid
        return union(runs_through(grid, cell).values()), grid
    other = neighbour(cell, command[3])
    if not on_board(other, size):
        return [], grid
    if any(grid[row][col] not in NORMAL for row, col in (cell, other)):
        return [], grid
    after = exchanged(grid, cell, command[3])
    runs = [run for place in (cell, other) for run in runs_through(after, place).values()]
    return union(runs), after


def union(runs) -> list[Cell]:
    return sorted({cell for run in runs for cell in run})


def fall(grid: Grid, removed: list[Cell]) -> Grid:
    """The board after pieces have fallen; what comes in is unknown."""
    size = len(grid)
    columns = [
        [grid[row][col] for row in range(size) if (row, col) not in removed] for col in range(size)
    ]
    columns = [[UNKNOWN] * (size - len(column)) + column for column in columns]
    return [[columns[col][row] for col in range(size)] for row in range(size)]


@cache
def all_commands(size: int) -> tuple[Command, ...]:
    """Every clear, and every swap once: from its upper or left cell."""
    found = [("clear", *cell) for cell in cells(size)]
    for way in ("right", "down"):
        found += [
            ("swap", *cell, way) for cell in cells(size) if on_board(neighbour(cell, way), size)
        ]
    return tuple(found)
