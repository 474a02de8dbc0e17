"""Turns of the game: Pac-Man steps, then the ghosts."""

import dataclasses
from collections.abc import Sequence

from synth.games.pacman.board import GHOSTS, Pose, Position, a_pose, new_maze, trail_to
from synth.games.pacman.maze import Maze, maze_in
from synth.grid import Cell, neighbour
from synth.questions import text

REACH = 7
TARGETS = {
    "pinky": (
        "Pinky's target is the cell four steps ahead of Pac-Man, the way that Pac-Man faces, or "
        "the last cell before a wall if that comes sooner (Pac-Man's own if it faces a wall)."
    ),
    "blinky": "Blinky's target is Pac-Man's cell.",
}
PURSUIT = (
    "A ghost steps to the open cell, up, down, left or right of it, from which the shortest way to "
    "its target has the fewest steps; of several, to the first in the order up, down, left, right."
)
TURNS = (
    f"{' '.join(TARGETS.values())} {PURSUIT} At its target it stays. In each turn Pac-Man steps "
    "first and from then on faces that way, next Pinky steps, then Blinky. The ghosts may share a "
    "cell. A ghost catches Pac-Man, and all ends, as soon as they are in the same cell."
)


@dataclasses.dataclass(frozen=True)
class Chase:
    """What came of some moves: beans eaten, who caught Pac-Man, and each turn in words."""

    beans: int
    caught: tuple[str, ...]  # nobody, a ghost, or both if Pac-Man steps onto both
    said: Sequence[str]


def play(position: Position, moves: Sequence[str]) -> Chase:
    """A move into a wall leaves Pac-Man as it is and takes its turn."""
    maze, cell, facing = maze_in(position.rows), position.pacman, position.facing
    ghosts = {name: getattr(position, name) for name in GHOSTS}
    eaten, said, caught = set(), [], ()
    for way in moves:
        moved = maze.ahead(cell, way, 1)
        if moved:
            cell, facing = moved[0], way
        fresh = position.rows[cell[0]][cell[1]] == "*" and cell not in eaten
        if fresh:
            eaten.add(cell)
        told = f"{text(cell)}{'' if moved else ' wall'}{' bean' if fresh else ''}"
        caught = tuple(name for name in GHOSTS if ghosts[name] == cell)
        for name in GHOSTS:
            if not caught:
                step = maze.step(ghosts[name], maze.target(name, cell, facing))
                if step:
                    ghosts[name] = neighbour(ghosts[name], step)
                told += f", {name[0].upper()} {text(ghosts[name])}"
                if ghosts[name] == cell:
                    caught = (name,)
        said.append(told)
        if caught:
            break
    return Chase(len(eaten), caught, said)


def walk(maze: Maze, cell: Cell, moves: Sequence[str]) -> list[Cell]:
    """The cells that these moves lead through, without ghosts."""
    cells = [cell]
    for way in moves:
        cells += maze.ahead(cells[-1], way, 1)
    return cells


def alone(rng, level: str) -> tuple[Maze, Pose, list[Cell]]:
    """A maze, Pac-Man in it and its trail, still without ghosts."""
    while True:
        maze = new_maze(rng, level)
        pose = a_pose(rng, maze)
        if trail := trail_to(rng, maze, pose):
            return maze, pose, trail


def haunts(maze: Maze, pacman: Cell) -> list[Cell]:
    """The cells of ghosts that may matter: two to REACH steps from Pac-Man."""
    return [cell for cell in maze.cells if 2 <= maze.distance(pacman, cell) <= REACH]
