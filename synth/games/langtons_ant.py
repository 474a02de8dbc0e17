"""Langton's ant: it turns by the colour of its cell and flips it, on a board that wraps."""

import dataclasses
import re
from functools import cache

from synth.draw import BLACK, RED, Board
from synth.game import PERCEPTION, PREDICTION, Game, Solution, Task
from synth.grid import DIRECTIONS, Cell
from synth.questions import (
    CELLS_ARE,
    between,
    cells_in,
    listed,
    numbered,
    pick,
    pick_near,
    pick_some,
    text,
)

RULES = (
    "The picture shows white and black cells; the red arrowhead is an ant and points where it "
    "faces. In each step three things happen: on a white cell the ant turns right by 90 degrees, "
    "on a black cell it turns left by 90 degrees; the cell it stands on flips to the other colour; "
    "the ant moves one cell forward. So every step, the last one too, flips the cell the ant "
    "starts the step on; the cell where it ends up is not flipped by arriving. The board wraps "
    "around: beyond the last row comes row 0, beyond the last column comes column 0, and the other "
    f"way round. {CELLS_ARE}"
)
HEADINGS = ("up", "right", "down", "left")  # each is a right turn from the one before
FLIP = {"-": "#", "#": "-"}
SIZE = {"Easy": 5, "Medium": 9, "Hard": 13}
BLACK_CELLS = {"Easy": (2, 12), "Medium": (8, 40), "Hard": (16, 80)}
STEPS_TO_POSE = {"Easy": (5, 6), "Medium": (7, 8), "Hard": (9, 10)}
# Ten are the fewest in which some cell can be flipped 0, 1, 2 or 3 times.
STEPS_TO_COUNT = {"Easy": (10, 11), "Medium": (11, 12), "Hard": (12, 13)}
MAX_FLIPS = 3

Pose = tuple[Cell, str]  # where the ant is and which way it faces


@dataclasses.dataclass(frozen=True)
class Ground:
    rows: tuple[str, ...]  # one text a row, "#" black, "-" white
    ant: Cell
    heading: str


@dataclasses.dataclass(frozen=True)
class Route:
    """Steps the ant can make, if the cells it comes to have the right colours."""

    colours: dict[Cell, str]  # of those cells, before the first step
    stood_on: tuple[Cell, ...]  # the cell at the start of each step
    end: Pose


def new(rng, level: str) -> Ground:
    size = SIZE[level]
    black = rng.permutation(size * size)[: between(rng, *BLACK_CELLS[level])].tolist()
    marks = ["-"] * (size * size)
    for at in black:
        marks[at] = "#"
    rows = tuple("".join(marks[start : start + size]) for start in range(0, size * size, size))
    row, col = rng.integers(0, size, 2).tolist()
    return Ground(rows, (row, col), pick(rng, HEADINGS))


def shift(cell: Cell, by: Cell, size: int) -> Cell:
    """The cell that many rows down and columns to the right, on a board that wraps around."""
    return (cell[0] + by[0]) % size, (cell[1] + by[1]) % size


def step(pose: Pose, colour: str, size: int) -> Pose:
    """The pose after one step from a cell of that colour."""
    cell, heading = pose
    turn = 1 if colour == "-" else -1
    heading = HEADINGS[(HEADINGS.index(heading) + turn) % 4]
    return shift(cell, DIRECTIONS[heading], size), heading


def flipped(colour: str, times: int) -> str:
    return FLIP[colour] if times % 2 else colour


def run(ground: Ground, steps: int) -> tuple[list[Pose], list[str]]:
    """The poses before, between and after the steps, and the colour that each step meets."""
    poses, colours, stood_on = [(ground.ant, ground.heading)], [], []
    for _ in range(steps):
        cell = row, col = poses[-1][0]
        colours.append(flipped(ground.rows[row][col], stood_on.count(cell)))
        stood_on.append(cell)
        poses.append(step(poses[-1], colours[-1], len(ground.rows)))
    return poses, colours


@cache
def routes(size: int, heading: str, steps: int) -> tuple[Route, ...]:
    """Every route of an ant that starts in (0, 0); a few thousand at most."""
    if steps == 0:
        return (Route({}, (), ((0, 0), heading)),)
    found = []
    for route in routes(size, heading, steps - 1):
        cell = route.end[0]
        # A cell met before has the colour it was left with; a new one may have either.
        for colour in (route.colours[cell],) if cell in route.colours else FLIP:
            now = flipped(colour, route.stood_on.count(cell))
            found.append(
                Route(
                    {**route.colours, cell: colour},
                    (*route.stood_on, cell),
                    step(route.end, now, size),
                )
            )
    return tuple(found)


@cache
def routes_by_end(size: int, heading: str, steps: int) -> dict[Cell, dict[str, list[Route]]]:
    """The routes by their last cell and heading; only cells that can be reached both ways.

    In every step the ant turns, so it faces one of two ways after a given number of steps.
    """
    found = {}
    for route in routes(size, heading, steps):
        cell, faces = route.end
        found.setdefault(cell, {}).setdefault(faces, []).append(route)
    return {cell: by_heading for cell, by_heading in found.items() if len(by_heading) == 2}


@cache
def routes_by_flips(size: int, heading: str, steps: int) -> dict[Cell, list[list[Route]]]:
    """For each cell the routes that flip it 0, 1, ... MAX_FLIPS times; only cells with all."""
    found = {}
    for route in routes(size, heading, steps):
        for cell in route.stood_on:
            if route.stood_on.count(cell) == MAX_FLIPS:
                found[cell] = [[] for _ in range(steps)]
    for cell, by_flips in found.items():
        for route in routes(size, heading, steps):
            by_flips[route.stood_on.count(cell)].append(route)
    return {
        cell: by_flips[: MAX_FLIPS + 1]
        for cell, by_flips in found.items()
        if all(by_flips[: MAX_FLIPS + 1])
    }


def lead(ground: Ground, route: Route) -> Ground:
    """The same ground with the cells coloured so that its ant takes the route."""
    rows = list(map(list, ground.rows))
    for cell, colour in route.colours.items():
        row, col = shift(cell, ground.ant, len(rows))
        rows[row][col] = colour
    return dataclasses.replace(ground, rows=tuple(map("".join, rows)))


def tell(ground: Ground, steps: int) -> tuple[list[Pose], list[str]]:
    """The poses of a run, and the sentences that follow it."""
    poses, colours = run(ground, steps)
    rows = sorted({row for (row, _), _ in poses[:-1]})
    spelt = "; ".join(f"row {row}: {' '.join(ground.rows[row])}" for row in rows)
    said = [
        f"The ant is at {text(ground.ant)} and faces {ground.heading}.",
        f"Rows it crosses, # is black: {spelt}.",
    ]
    for number, colour in enumerate(colours, 1):
        name, other, turn = {
            "-": ("white", "black", "right"),
            "#": ("black", "white", "left"),
        }[colour]
        (before, _), (after, heading) = poses[number - 1 : number + 1]
        said.append(
            f"Step {number}: {text(before)} is {name}, turn {turn} to face {heading}, "
            f"flip it to {other}, move to {text(after)}."
        )
    return poses, said


def draw(ground: Ground, size: int):
    board = Board(size, len(ground.rows), len(ground.rows))
    board.fill_all(ground.rows, "#", BLACK)
    board.mark(ground.ant, f"arrow {ground.heading}", RED, 0.8)
    return board.image


def describe(ground: Ground) -> str:
    rows = numbered([" ".join(row) for row in ground.rows])
    return (
        f"A board, # is black and - is white:\n{rows}\n"
        f"The ant is at {text(ground.ant)} and faces {ground.heading}."
    )


def parse(description: str) -> Ground:
    rows = tuple(row.replace(" ", "") for row in re.findall(r"row \d+: ([#\- ]+)", description))
    (ant,), heading = cells_in(description), re.search(r"faces (\w+)", description)[1]
    return Ground(rows, ant, heading)


def poses_of(cells, headings) -> list[Pose]:
    """All of them: whoever knows the cell still needs the heading, and the other way round."""
    return [(cell, heading) for cell in cells for heading in headings]


class AntPose(Task):
    name = "ant_pose"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    def ask(self, ground):
        return "In which cell is the ant, and which way does it face?"

    def solve(self, ground):
        (row, col), heading = ground.ant, ground.heading
        return Solution(
            (ground.ant, heading),
            [
                f"The red arrowhead is in row {row}.",
                f"It is in column {col}.",
                f"It points {heading}: {text((ground.ant, heading))}.",
            ],
        )

    def distractors(self, ground, rng, answer):
        """Four cells near by, each with the same two headings."""
        at = range(len(ground.rows))
        near = pick_near(rng, ground.ant, [(row, col) for row in at for col in at], 3, side=3)
        if near is None:
            return None
        other = pick(rng, [heading for heading in HEADINGS if heading != ground.heading])
        poses = poses_of([ground.ant, *near], [ground.heading, other])
        return [pose for pose in poses if pose != answer]


class PoseAfterSteps(Task):
    name = "pose_after_steps"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    def pose(self, game, rng, level):
        """For any start, all ends that the number of steps allows are equally likely."""
        ground = new(rng, level)
        steps = pick(rng, STEPS_TO_POSE[level])
        by_end = routes_by_end(SIZE[level], ground.heading, steps)
        by_heading = by_end[pick(rng, tuple(by_end))]
        route = pick(rng, by_heading[pick(rng, tuple(by_heading))])
        return lead(ground, route), {"steps": steps}

    def ask(self, ground, steps):
        return f"In which cell is the ant after {steps} steps, and which way does it face then?"

    def solve(self, ground, steps):
        poses, said = tell(ground, steps)
        said.append(f"After {steps} steps: {text(poses[-1])}.")
        return Solution(poses[-1], said)

    def distractors(self, ground, rng, answer, steps):
        """Four of the cells where the steps can lead from here, each with both headings."""
        size = len(ground.rows)
        by_end = routes_by_end(size, ground.heading, steps)
        ends = [shift(end, ground.ant, size) for end in by_end]
        headings = tuple(next(iter(by_end.values())))
        others = pick_some(rng, [cell for cell in ends if cell != answer[0]], 3)
        poses = poses_of([answer[0], *others], headings)
        return [pose for pose in poses if pose != answer]


class CellFlipCount(Task):
    name = "cell_flip_count"
    qa_type, qa_level = PREDICTION, "Hard"

    def pose(self, game, rng, level):
        """For any start, cell and number of steps, 0 to MAX_FLIPS flips are equally likely."""
        ground = new(rng, level)
        steps = pick(rng, STEPS_TO_COUNT[level])
        by_cell = routes_by_flips(SIZE[level], ground.heading, steps)
        cell = pick(rng, tuple(by_cell))
        route = pick(rng, pick(rng, by_cell[cell]))
        params = {"steps": steps, "cell": shift(cell, ground.ant, SIZE[level])}
        return lead(ground, route), params

    def ask(self, ground, steps, cell):
        return f"The ant makes {steps} steps. How many times does cell {text(cell)} flip?"

    def solve(self, ground, steps, cell):
        poses, said = tell(ground, steps)
        numbers = [number for number, pose in enumerate(poses[:-1], 1) if pose[0] == cell]
        count = len(numbers)
        said.append(f"Steps that flip {text(cell)}: {listed(numbers) or 'none'}; together {count}.")
        return Solution(count, said)


GAME = Game(
    name="langtons_ant",
    category="Multi-step Reasoning",
    split_kind="in_domain",
    rules=RULES,
    state=Ground,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("black cells", lambda ground: sum(row.count("#") for row in ground.rows)),
    tasks=(AntPose(), PoseAfterSteps(), CellFlipCount()),
)
