"""Maze: a player and a goal in a maze with exactly one way between any two cells."""

import dataclasses
import re
from functools import cache
from itertools import pairwise

from synth.draw import GREEN, RED, SLATE, Board
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.grid import BACK, DIRECTIONS, Cell, neighbour
from synth.questions import (
    CELLS_ARE,
    between,
    cells_in,
    moves_text,
    numbered,
    pick,
    pick_near,
    pick_some,
    runs,
    text,
)

RULES = (
    "The picture shows a maze: dark cells are walls, white cells are open, the red disc is the "
    "player and the green square is the goal. A step goes up, down, left or right to an open "
    f"cell. {CELLS_ARE}"
)
SIZE = {"Easy": 9, "Medium": 11, "Hard": 13}
TURNS = {"Easy": (1, 6), "Medium": (2, 9), "Hard": (3, 12)}  # asked for, least and most


@dataclasses.dataclass(frozen=True)
class Maze:
    rows: tuple[str, ...]  # one text a row, "#" wall, "." open
    player: Cell
    goal: Cell


def new(rng, level: str) -> Maze:
    """Player and goal: two open cells, random but far apart.

    Both are drawn before the walls and kept if the walls leave them open, so that the walls can
    be drawn again for the same two cells (`PathToGoal.distractors`).
    """
    size = SIZE[level]
    while True:
        player, goal = ((row, col) for row, col in rng.integers(1, size - 1, (2, 2)).tolist())
        if far_apart(player, goal, size) and may_be_open(player) and may_be_open(goal):
            rows = carve(rng, size)
            if is_open(rows, player) and is_open(rows, goal):
                return Maze(rows, player, goal)


def far_apart(a: Cell, b: Cell, size: int) -> bool:
    return abs(a[0] - b[0]) + abs(a[1] - b[1]) >= size - 3


def may_be_open(cell: Cell) -> bool:
    """Cells with two even coordinates are always walls."""
    return cell[0] % 2 == 1 or cell[1] % 2 == 1


def carve(rng, size: int) -> tuple[str, ...]:
    """Walls of a perfect maze: randomised depth-first search over the rooms, from any room."""
    doors = doors_of(size)
    luck = iter(rng.random(len(doors) - 1).tolist())
    room = pick(rng, tuple(doors))
    opened, way = {room}, [room]
    while way:
        ahead = [door for door in doors[way[-1]] if door[1] not in opened]
        if ahead:
            door, room = ahead[int(next(luck) * len(ahead))]
            opened.update((door, room))
            way.append(room)
        else:
            way.pop()
    at = range(size)
    return tuple("".join("." if (row, col) in opened else "#" for col in at) for row in at)


@cache
def doors_of(size: int) -> dict[Cell, tuple[tuple[Cell, Cell], ...]]:
    """For each room (cell with odd row and column): its doors, each with the room behind it."""
    rooms = [(row, col) for row in range(1, size, 2) for col in range(1, size, 2)]
    return {
        room: tuple(
            (door, behind)
            for way in DIRECTIONS
            for door in [neighbour(room, way)]
            for behind in [neighbour(door, way)]
            if behind in rooms
        )
        for room in rooms
    }


def is_open(rows: tuple[str, ...], cell: Cell) -> bool:
    return rows[cell[0]][cell[1]] == "."


def spots(maze: Maze, other: Cell) -> list[Cell]:
    """The cells where the player (goal) could equally have stood, given the other of the two."""
    size = len(maze.rows)
    return [
        (row, col)
        for row in range(size)
        for col in range(size)
        if maze.rows[row][col] == "." and far_apart((row, col), other, size)
    ]


def exits(rows: tuple[str, ...], cell: Cell) -> tuple[str, ...]:
    """The directions in which a step from `cell` is possible."""
    return tuple(way for way in DIRECTIONS if is_open(rows, neighbour(cell, way)))


def path(rows: tuple[str, ...], start: Cell, end: Cell) -> tuple[str, ...]:
    """The steps of the only way from start to end that enters no cell twice."""
    came_by = {start: None}
    todo = [start]
    while end not in came_by:
        cell = todo.pop()
        for way in exits(rows, cell):
            beyond = neighbour(cell, way)
            if beyond not in came_by:
                came_by[beyond] = way
                todo.append(beyond)
    steps, cell = [], end
    while cell != start:
        steps.append(came_by[cell])
        cell = neighbour(cell, BACK[steps[-1]])
    return tuple(reversed(steps))


def turns_of(steps: tuple[str, ...]) -> int:
    return sum(a != b for a, b in pairwise(steps))


def see(maze: Maze) -> str:
    return f"The player is at {text(maze.player)}, the goal at {text(maze.goal)}."


def walk(maze: Maze) -> tuple[tuple[str, ...], list[str]]:
    """The way to the goal, and the sentences that follow it."""
    steps = path(maze.rows, maze.player, maze.goal)
    said, cell = [], maze.player
    for way, count in runs(steps):
        for _ in range(count):
            cell = neighbour(cell, way)
        said.append(f"{way} {count} to {text(cell)}")
    return steps, [
        see(maze),
        f"The way: {', '.join(said)}, the goal.",
    ]


def draw(maze: Maze, size: int):
    board = Board(size, len(maze.rows), len(maze.rows))
    board.fill_all(maze.rows, "#", SLATE)
    board.mark(maze.goal, "square", GREEN)
    board.mark(maze.player, "disc", RED, 0.8)
    return board.image


def describe(maze: Maze) -> str:
    return f"{see(maze)} The maze, # is wall and . is open:\n{numbered(maze.rows)}"


def parse(description: str) -> Maze:
    rows = tuple(re.findall(r"row \d+: ([#.]+)", description))
    return Maze(rows, *cells_in(description))


class PlayerPosition(Task):
    name = "player_position"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 5

    def ask(self, maze):
        return "In which cell is the player?"

    def solve(self, maze):
        return Solution(maze.player, [see(maze)])

    def distractors(self, maze, rng, answer):
        return pick_near(rng, answer, spots(maze, maze.goal), 4)


class GoalPosition(Task):
    name = "goal_position"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 5

    def ask(self, maze):
        return "In which cell is the goal?"

    def solve(self, maze):
        return Solution(maze.goal, [see(maze)])

    def distractors(self, maze, rng, answer):
        return pick_near(rng, answer, spots(maze, maze.player), 4)


class PathToGoal(Task):
    name = "path_to_goal"
    qa_type, qa_level, n_options = STRATEGY, "Medium", 5

    def ask(self, maze):
        return (
            "Which list of moves takes the player to the goal, every step onto an open cell? "
            "'left 2' means two steps left."
        )

    def solve(self, maze):
        def arrives(moves):
            cell = maze.player
            for way in moves:
                cell = neighbour(cell, way)
                if not is_open(maze.rows, cell):
                    return False
            return cell == maze.goal

        steps, said = walk(maze)
        return Solution(steps, said, arrives)

    def distractors(self, maze, rng, answer):
        """Ways between the same two cells in other mazes, which begin like the right one."""
        found = []
        for _ in range(500):
            rows = carve(rng, len(maze.rows))
            if is_open(rows, maze.player) and is_open(rows, maze.goal):
                way = path(rows, maze.player, maze.goal)
                if way in (answer, *found):
                    return None
                if way[:2] == answer[:2]:
                    found.append(way)
                    if len(found) == 4:
                        return found
        return None

    text = staticmethod(moves_text)


class TurnCount(Task):
    name = "turn_count"
    qa_type, qa_level = STRATEGY, "Hard"

    def pose(self, game, rng, level):
        """Within TURNS, all numbers of turns are equally likely."""
        turns = between(rng, *TURNS[level])
        while True:
            maze = new(rng, level)
            if turns_of(path(maze.rows, maze.player, maze.goal)) == turns:
                return maze, {}

    def ask(self, maze):
        return (
            "The player takes the shortest way to the goal. How many turns does it make? A turn is "
            "a step in another direction than the step before; the first step is no turn."
        )

    def solve(self, maze):
        steps, said = walk(maze)
        turns = turns_of(steps)
        said.append(f"That is {turns + 1} straight runs, so the number of turns is {turns}.")
        return Solution(turns, said)


class OpenDirections(Task):
    name = "open_directions"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    KINDS = (
        (("up",), ("down",), ("left",), ("right",)),
        (("up", "down"), ("left", "right")),
        (("up", "left"), ("up", "right"), ("down", "left"), ("down", "right")),
        (
            ("up", "down", "left"),
            ("up", "down", "right"),
            ("up", "left", "right"),
            ("down", "left", "right"),
        ),
    )

    def pose(self, game, rng, level):
        """Dead end, straight, corner and junction are equally likely."""
        kind = pick(rng, self.KINDS)
        while True:
            maze = new(rng, level)
            fitting = [cell for cell in spots(maze, maze.goal) if exits(maze.rows, cell) in kind]
            if fitting:
                return dataclasses.replace(maze, player=pick(rng, fitting)), {}

    def ask(self, maze):
        return "In which directions can the player step?"

    def solve(self, maze):
        steps = [f"The player is at {text(maze.player)}."]
        for way in DIRECTIONS:
            cell = neighbour(maze.player, way)
            kind = "open" if is_open(maze.rows, cell) else "a wall"
            steps.append(f"{way.capitalize()} {text(cell)} is {kind}.")
        return Solution(exits(maze.rows, maze.player), steps)

    def distractors(self, maze, rng, answer):
        wrong = []
        for kind in self.KINDS:
            others = [ways for ways in kind if ways != answer]
            wrong += pick_some(rng, others, 1 if answer in kind else 2)
        return wrong


class PositionAfterStep(Task):
    name = "position_after_step"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 5

    def sample(self, maze, rng, level):
        direction = pick(rng, tuple(DIRECTIONS))
        if direction in exits(maze.rows, maze.player):
            return {"direction": direction}
        return None

    def ask(self, maze, direction):
        return f"In which cell is the player after one step {direction}?"

    def solve(self, maze, direction):
        cell = neighbour(maze.player, direction)
        change = {
            "up": "the row falls by 1",
            "down": "the row grows by 1",
            "left": "the column falls by 1",
            "right": "the column grows by 1",
        }
        return Solution(
            cell,
            [
                f"The player is at {text(maze.player)}.",
                f"One step {direction}: {change[direction]}.",
                f"The cell {text(cell)} is open, so the player is at {text(cell)}.",
            ],
        )

    def distractors(self, maze, rng, answer, direction):
        """Where the same step leads from other cells the player could have stood in."""
        others = [
            neighbour(cell, direction)
            for cell in spots(maze, maze.goal)
            if direction in exits(maze.rows, cell)
        ]
        return pick_near(rng, answer, others, 4)


GAME = Game(
    name="maze",
    category="Strategic Planning",
    split_kind="in_domain",
    rules=RULES,
    state=Maze,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("steps to the goal", lambda maze: len(path(maze.rows, maze.player, maze.goal))),
    tasks=(
        PlayerPosition(),
        GoalPosition(),
        PathToGoal(),
        TurnCount(),
        OpenDirections(),
        PositionAfterStep(),
    ),
)
