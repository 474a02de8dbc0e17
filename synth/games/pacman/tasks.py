"""What is seen and counted: Pac-Man, beans, how far the ghosts are."""

from itertools import product

from synth.game import PERCEPTION, PREDICTION, Solution, Task
from synth.games.pacman.board import (
    Pose,
    a_pose,
    lay,
    new_maze,
    see,
    trail_to,
)
from synth.games.pacman.maze import Maze, maze_in
from synth.grid import BACK, DIRECTIONS, Cell
from synth.questions import add_up, between, pick, pick_near, pick_some, text


class PacmanPose(Task):
    name = "pacman_pose"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    def ask(self, position):
        return "In which cell is Pac-Man, and which way does it face?"

    def solve(self, position):
        return Solution((position.pacman, position.facing), [see(position, "pacman")])

    def distractors(self, position, rng, answer):
        """Four cells, each with the same two directions: as in the maze, all are as likely."""
        cell, facing = answer
        other = pick(rng, [way for way in DIRECTIONS if way != facing])
        maze = maze_in(position.rows)
        behind = {BACK[facing], BACK[other]}
        may_be = [at for at in maze.cells if behind <= set(maze.near(at))]
        if cell not in may_be:
            return None
        near = pick_near(rng, cell, may_be, 3)
        return near and list(product((cell, *near), (facing, other)))[1:]

    def text(self, value):
        return f"{text(value[0])}, {value[1]}"


class BeansInWindow(Task):
    name = "beans_in_window"
    qa_type, qa_level = PERCEPTION, "Easy"

    def ask(self, position):
        return (
            "How many beans are in the square of 5 x 5 cells with Pac-Man in its centre? What lies "
            "outside the picture does not count."
        )

    def solve(self, position):
        row, col = position.pacman
        left = max(0, col - 2)
        windows = {
            at: position.rows[at][left : col + 3]
            for at in range(max(0, row - 2), min(len(position.rows), row + 3))
        }
        counts = [marks.count("*") for marks in windows.values()]
        read = (f"row {at} {marks}" for at, marks in windows.items())
        last = left + len(windows[row]) - 1
        steps = [
            see(position, "pacman"),
            f"Columns {left} to {last}, * is a bean: {', '.join(read)}.",
            f"Together {add_up(counts)}.",
        ]
        return Solution(sum(counts), steps)


class CloserGhost(Task):
    name = "closer_ghost"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 3

    GIVEN = ("Pinky", "Blinky", "both equally")

    def pose(self, game, rng, level):
        """The three answers are equally likely."""
        answer, maze = pick(rng, self.GIVEN), new_maze(rng, level)
        start = a_pose(rng, maze)
        trail = trail_to(rng, maze, start)
        cells = {cell: apart(start[0], cell) for cell in maze.cells if cell != start[0]}
        pinky, far = pick(rng, list(cells.items()))
        fitting = [
            cell for cell, other in cells.items() if cell != pinky and nearer(far, other) == answer
        ]
        if trail is None or not fitting:
            return None
        return lay(maze, start, trail, pinky, pick(rng, fitting)), {}

    def ask(self, position):
        return (
            "Which ghost is closer to Pac-Man? The distance is the number of rows plus the number "
            "of columns that they are apart; walls do not matter."
        )

    def solve(self, position):
        steps, found = [see(position)], []
        for name in ("pinky", "blinky"):
            row, col = getattr(position, name)
            parts = abs(row - position.pacman[0]), abs(col - position.pacman[1])
            found.append(sum(parts))
            steps.append(f"{name.capitalize()} is {add_up(parts)} away.")
        return Solution(nearer(*found), steps)

    def distractors(self, position, rng, answer):
        return [other for other in self.GIVEN if other != answer]


def apart(a: Cell, b: Cell) -> int:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def nearer(pinky: int, blinky: int) -> str:
    """Whose distance is smaller."""
    return CloserGhost.GIVEN[(pinky > blinky) + 2 * (pinky == blinky)]


class BeansStraightAhead(Task):
    name = "beans_straight_ahead"
    qa_type, qa_level = PREDICTION, "Easy"

    MOST = 9

    def pose(self, game, rng, level):
        """All numbers up to MOST are equally likely; no ghost is in the way."""
        count = between(rng, 0, self.MOST)
        while True:
            maze = new_maze(rng, level)
            for _ in range(20):
                start = a_pose(rng, maze)
                way = run(maze, start)
                trail = trail_to(rng, maze, start) if len(way) >= count else None
                if trail and sum(cell not in trail for cell in way) == count:
                    others = [cell for cell in maze.cells if cell not in (start[0], *way)]
                    return lay(maze, start, trail, *pick_some(rng, others, 2)), {}

    def ask(self, position):
        return (
            "The ghosts stand still. Pac-Man goes straight ahead, the way it faces, until it is in "
            "front of a wall. How many beans does it eat?"
        )

    def solve(self, position):
        way = run(maze_in(position.rows), (position.pacman, position.facing))
        marks = "".join(position.rows[row][col] for row, col in way)
        end = f"the last cell is {text(way[-1])}" if way else "a wall is next"
        count = marks.count("*")
        said = f"Ahead, * is a bean: {marks or 'nothing'}; {end}. Beans: {count}."
        return Solution(count, [see(position, "pacman"), said])


def run(maze: Maze, pose: Pose) -> list[Cell]:
    """The cells ahead up to the wall."""
    return maze.ahead(*pose, len(maze.rows))
