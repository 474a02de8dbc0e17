"""Ways through the maze: who gets where, and how far it is."""

from functools import lru_cache

from synth.grid import DIRECTIONS, Cell


class Maze:
    """The open cells and the distances between them.

    rows: one text a row, "#" wall, "." open; walls all around.
    """

    def __init__(self, rows: tuple[str, ...]):
        self.rows = rows
        self.cells = [
            (row, col)
            for row, marks in enumerate(rows)
            for col, mark in enumerate(marks)
            if mark != "#"
        ]
        self._size = len(rows)
        self._near, self._found = {}, {}

    def near(self, cell: Cell) -> dict[str, Cell]:
        """The open cells beside this one, by direction."""
        if cell not in self._near:
            row, col = cell
            self._near[cell] = {
                way: (row + down, col + right)
                for way, (down, right) in DIRECTIONS.items()
                if self.rows[row + down][col + right] != "#"
            }
        return self._near[cell]

    def distance(self, start: Cell, end: Cell) -> int:
        """The number of steps of a shortest way; -1 where there is none."""
        if start not in self._found:
            self._found[start] = self._search(start)
        return self._found[start][end[0] * self._size + end[1]]

    def _search(self, start: Cell) -> list[int]:
        """Distances to all cells row by row, -1 where no way leads, by breadth-first search."""
        size, wall = self._size, -2
        found = [wall if mark == "#" else -1 for mark in "".join(self.rows)]
        todo = [start[0] * size + start[1]]
        found[todo[0]] = 0
        for cell in todo:  # which grows meanwhile
            far = found[cell] + 1
            for beyond in (cell - size, cell + size, cell - 1, cell + 1):
                if found[beyond] == -1:
                    found[beyond] = far
                    todo.append(beyond)
        return found

    def step(self, ghost: Cell, target: Cell) -> str | None:
        """The direction in which a ghost steps; None if it is at its target."""
        if ghost == target:
            return None
        near = self.near(ghost)
        return min(near, key=lambda way: self.distance(target, near[way]))  # the first if equal

    def ahead(self, cell: Cell, way: str, most: int) -> list[Cell]:
        """The cells straight ahead up to the wall, at most this many."""
        (row, col), (down, right), cells = cell, DIRECTIONS[way], []
        while len(cells) < most and self.rows[row + down][col + right] != "#":
            row, col = row + down, col + right
            cells.append((row, col))
        return cells

    def target(self, ghost: str, pacman: Cell, facing: str) -> Cell:
        """Where this ghost wants to go."""
        return [pacman, *self.ahead(pacman, facing, 4)][-1] if ghost == "pinky" else pacman


@lru_cache(maxsize=8)
def maze_of(walls: tuple[str, ...]) -> Maze:
    return Maze(walls)


def maze_in(rows: tuple[str, ...]) -> Maze:
    """The maze of a position's rows, whose beans do not matter."""
    return maze_of(tuple(marks.replace("*", ".") for marks in rows))
