"""The position: a maze with beans, Pac-Man at the end of the trail it has eaten, two ghosts."""

import dataclasses
import re
from collections.abc import Sequence
from itertools import product

from synth.games.pacman.maze import Maze, maze_of
from synth.grid import BACK, DIRECTIONS, Cell, neighbour
from synth.questions import CELLS_ARE, between, cells_in, numbered, pick, pick_some, text

RULES = (
    "The picture shows a maze: dark cells are walls, small dots are beans. The yellow disc is "
    "Pac-Man, whose mouth is on the side that it faces; the pink ghost P is Pinky, the red ghost B "
    "is Blinky. No bean lies under the three, and none of them enters a wall. Pac-Man eats the "
    f"bean of every cell that it enters; ghosts eat nothing. {CELLS_ARE}"
)
SIZE = {"Easy": 16, "Medium": 18, "Hard": 20}
TRAIL = (12, 30)  # cells without beans behind Pac-Man, least and most
GHOSTS = ("pinky", "blinky")

Pose = tuple[Cell, str]  # where Pac-Man is and which way it faces


@dataclasses.dataclass(frozen=True)
class Position:
    rows: tuple[str, ...]  # one text a row: "#" wall, "*" bean, "." no bean
    pacman: Cell
    facing: str
    pinky: Cell
    blinky: Cell


def new_maze(rng, level: str) -> Maze:
    """Walls all around and on a tenth of the cells, seldom side by side; all is connected."""
    size = SIZE[level]
    inner = tuple(product(range(1, size - 1), repeat=2))
    empty = ("#" * size, *(f"#{'.' * (size - 2)}#" for _ in range(size - 2)), "#" * size)
    while True:
        walls = set()
        for i in rng.permutation(len(inner)).tolist():
            if sum(neighbour(inner[i], way) in walls for way in DIRECTIONS) < 2:
                walls.add(inner[i])
                if len(walls) == size * size // 10:
                    break
        marks = [list(row) for row in empty]
        for row, col in walls:
            marks[row][col] = "#"
        maze = maze_of(tuple(map("".join, marks)))
        if all(maze.distance(maze.cells[0], cell) >= 0 for cell in maze.cells):
            return maze


def poses_in(maze: Maze) -> list[Pose]:
    """All ways to stand in the maze with an open cell behind, from which Pac-Man came."""
    return [(cell, BACK[way]) for cell in maze.cells for way in maze.near(cell)]


def a_pose(rng, maze: Maze) -> Pose:
    """One of them, all equally likely."""
    while True:
        cell, way = pick(rng, maze.cells), pick(rng, tuple(DIRECTIONS))
        if BACK[way] in maze.near(cell):
            return cell, way


def trail_to(rng, maze: Maze, pose: Pose) -> list[Cell] | None:
    """A random trail without crossing that ends in this pose, from its end to its start."""
    cell, facing = pose
    trail = [cell, neighbour(cell, BACK[facing])]
    for luck in rng.random(between(rng, *TRAIL) - 2).tolist():
        ahead = [near for near in maze.near(trail[-1]).values() if near not in trail]
        if not ahead:
            return None
        trail.append(ahead[int(luck * len(ahead))])
    return trail


def lay(maze: Maze, pose: Pose, trail: Sequence[Cell], pinky: Cell, blinky: Cell) -> Position:
    """Beans everywhere but on the trail and under the ghosts."""
    beans = [list(marks.replace(".", "*")) for marks in maze.rows]
    for row, col in (*trail, pinky, blinky):
        beans[row][col] = "."
    rows = tuple(map("".join, beans))
    return Position(rows, *pose, pinky, blinky)


def new(rng, level: str) -> Position:
    """Every pose in the maze is equally likely, and so are the cells of the ghosts."""
    while True:
        maze = new_maze(rng, level)
        pose = a_pose(rng, maze)
        if trail := trail_to(rng, maze, pose):
            others = [cell for cell in maze.cells if cell != pose[0]]
            return lay(maze, pose, trail, *pick_some(rng, others, 2))


def see(position: Position, *who: str) -> str:
    """Where they are, as it is read off the picture; all three if none is named."""
    said = {
        "pacman": f"Pac-Man is at {text(position.pacman)} and faces {position.facing}",
        "pinky": f"Pinky is at {text(position.pinky)}",
        "blinky": f"Blinky is at {text(position.blinky)}",
    }
    return f"{', '.join(said[name] for name in who or said)}."


def describe(position: Position) -> str:
    return (
        f"{see(position)} The maze, # is wall, * is a bean and . is none:\n"
        f"{numbered(position.rows)}"
    )


def parse(description: str) -> Position:
    rows = tuple(re.findall(r"row \d+: ([#*.]+)", description))
    pacman, pinky, blinky = cells_in(description)
    return Position(rows, pacman, re.search(r"faces (\w+)", description)[1], pinky, blinky)
