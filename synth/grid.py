"""Cells and directions of a board."""

Cell = tuple[int, int]  # (row, column), from (0, 0) at the top left
DIRECTIONS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
BACK = {"up": "down", "down": "up", "left": "right", "right": "left"}


def neighbour(cell: Cell, direction: str) -> Cell:
    """The cell one step away; it may lie off the board."""
    d_row, d_col = DIRECTIONS[direction]
    return cell[0] + d_row, cell[1] + d_col
