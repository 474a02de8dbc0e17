"""Ways through the maze: who gets where, and how far it is."""

from functools import lru_cache

from synth.grid import DIRECTIONS, Cell, neighbour


class Maze:
    """The open cells and the distances between them.

    rows: one text a row, "#" wall, "." open.
    near: for each open cell its open neighbours by direction.
    """

    def __init__(self, rows: tuple[str, ...]):
        self.rows = rows
        opened = {
            (row, col): None
            for row, marks in enumerate(rows)
            for col, mark in enumerate(marks)
            if mark != "#"
        }
        self.near = {
            cell: {way: beyond for way in DIRECTIONS if (beyond := neighbour(cell, way)) in opened}
            for cell in opened
        }
        self._distances = {}

    def distances(self, start: Cell) -> dict[Cell, int]:
        """How many steps it is from here to every cell, by breadth-first search."""
        if start not in self._distances:
            found = {start: 0}
            todo = [start]
            for cell in todo:  # which grows meanwhile
                for beyond in self.near[cell].values():
                    if beyond not in found:
                        found[beyond] = found[cell] + 1
                        todo.append(beyond)
            self._distances[start] = found
        return self._distances[start]

    def step(self, ghost: Cell, target: Cell) -> str | None:
        """The direction in which a ghost steps; None if it is at its target."""
        if ghost == target:
            return None
        distances, near = self.distances(target), self.near[ghost]
        return min(near, key=lambda way: distances[near[way]])  # the first one in DIRECTIONS

    def ahead(self, cell: Cell, way: str, most: int) -> list[Cell]:
        """The cells straight ahead up to the wall, at most this many."""
        cells = []
        while len(cells) < most and way in self.near[cell]:
            cell = self.near[cell][way]
            cells.append(cell)
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
