"""What the ghosts do, and what Pac-Man can do about it."""

from itertools import product

from synth.game import PREDICTION, STRATEGY, Solution, Task
from synth.games.pacman.board import GHOSTS, Position, lay, new_maze, poses_in, see, trail_to
from synth.games.pacman.chase import (
    PURSUIT,
    TARGETS,
    TURNS,
    alone,
    haunts,
    play,
    walk,
)
from synth.games.pacman.maze import Maze, maze_in
from synth.grid import BACK, DIRECTIONS, Cell
from synth.questions import between, pick, pick_some, text

SIDES = {"ahead": 0, "right": 1, "back": 2, "left": 3}  # quarter turns clockwise
CLOCKWISE = ("up", "right", "down", "left")
ACROSS = tuple((a, b) for a, b in product(DIRECTIONS, repeat=2) if b not in (a, BACK[a]))


def aim(maze: Maze, ghost: str, at: Cell, pacman: Cell, facing: str) -> tuple[str, str]:
    """The ghost's next direction, and the sentence that tells why."""
    target = maze.target(ghost, pacman, facing)
    step = maze.step(at, target)
    ways = (f"{way} {maze.distance(target, cell)}" for way, cell in maze.near(at).items())
    said = f"{ghost.capitalize()}'s target is {text(target)}"
    if step is None:
        return "stays", f"{said}, where it is."
    return step, f"{said}; steps to it from the cells beside: {', '.join(ways)}: {step}."


class NextStep(Task):
    qa_type, qa_level, n_options = PREDICTION, "Medium", 4

    def __init__(self, ghost: str):
        self.name, self.ghost = f"{ghost}_next_step", ghost

    def pose(self, game, rng, level):
        """The four directions are equally likely."""
        way = pick(rng, tuple(DIRECTIONS))
        maze, pose, trail = alone(rng, level)
        target, cells = maze.target(self.ghost, *pose), [c for c in maze.cells if c != pose[0]]
        fitting = [cell for cell in cells if maze.step(cell, target) == way]
        if not fitting:
            return None
        ghosts = {name: pick(rng, cells) for name in GHOSTS} | {self.ghost: pick(rng, fitting)}
        return (lay(maze, pose, trail, **ghosts), {}) if len({*ghosts.values()}) > 1 else None

    def ask(self, position):
        return (
            f"{TARGETS[self.ghost]} {PURSUIT} Pac-Man stands still. Which way does "
            f"{self.ghost.capitalize()} step next?"
        )

    def solve(self, position):
        maze, at = maze_in(position.rows), getattr(position, self.ghost)
        way, said = aim(maze, self.ghost, at, position.pacman, position.facing)
        return Solution(way, [see(position, "pacman", self.ghost), said])

    def distractors(self, position, rng, answer):
        return [way for way in DIRECTIONS if way != answer]


class TurnAfterMove(Task):
    """Pac-Man's move is told by its sides: where it leads to is read off the picture."""

    qa_type, qa_level, n_options = PREDICTION, "Medium", 4

    def __init__(self, ghost: str):
        self.name, self.ghost = f"{ghost}_turn_after_move", ghost

    def pose(self, game, rng, level):
        """Of the four options each is equally likely, whatever the first direction is."""
        old, turn = pick(rng, CLOCKWISE), between(rng, 0, 3)
        change = old, CLOCKWISE[(CLOCKWISE.index(old) + turn) % 4]
        side, steps = pick(rng, tuple(SIDES)), between(rng, 1, 3)
        while True:
            maze = new_maze(rng, level)
            for at in pick_some(rng, maze.cells, 8):
                found = self.find(rng, maze, at, change, side, steps)
                if found:
                    return found

    def find(self, rng, maze, at, change, side, steps):
        """A pose of Pac-Man for which the ghost's direction changes like this."""
        near = maze.near(at)
        if not set(change) <= set(near):
            return None

        def first(pose):
            """As `Maze.step`, but the searches start at the ghost and serve all poses."""
            target = maze.target(self.ghost, *pose)
            far = {way: maze.distance(cell, target) for way, cell in near.items()}
            return None if target == at else min(far, key=far.get)

        poses = poses_in(maze)
        for i in rng.permutation(len(poses)).tolist():
            pose, cell, way = poses[i], poses[i][0], turned(poses[i][1], side)
            moved = maze.ahead(cell, way, steps)
            if not moved or at in (cell, *moved) or first(pose) != change[0]:
                continue
            if first((moved[-1], way)) == change[1] and (trail := trail_to(rng, maze, pose)):
                others = [c for c in maze.cells if c not in (at, cell, *moved)]
                ghosts = {name: pick(rng, others) for name in GHOSTS} | {self.ghost: at}
                return lay(maze, pose, trail, **ghosts), {"direction": way, "steps": steps}
        return None

    def ask(self, position, direction, steps):
        turn = CLOCKWISE.index(direction) - CLOCKWISE.index(position.facing)
        side = next(side for side, turns in SIDES.items() if turns == turn % 4)
        where = {
            "ahead": "straight ahead",
            "back": "straight back",
            "right": "to its own right",
            "left": "to its own left",
        }
        many = f"{steps} step{'s' if steps > 1 else ''}"
        return (
            f"{TARGETS[self.ghost]} {PURSUIT} Seen from the way it faces now, Pac-Man goes {many} "
            f"{where[side]}, fewer if a wall stops it, and then faces the way it went; "
            f"{self.ghost.capitalize()} stands still. Which way would {self.ghost.capitalize()} "
            "step now: still the way it would have stepped before, or another?"
        )

    def solve(self, position, direction, steps):
        maze, at = maze_in(position.rows), getattr(position, self.ghost)
        old, first = aim(maze, self.ghost, at, position.pacman, position.facing)
        moved = maze.ahead(position.pacman, direction, steps)
        pose = (moved[-1], direction) if moved else (position.pacman, position.facing)
        new_way, second = aim(maze, self.ghost, at, *pose)
        said = [
            f"{see(position, 'pacman', self.ghost)} {first}",
            f"Pac-Man goes {direction} to {text(pose[0])}. {second}",
        ]
        return Solution(f"{'still' if new_way == old else 'now'} {new_way}", said)

    def distractors(self, position, rng, answer, direction, steps):
        maze, at = maze_in(position.rows), getattr(position, self.ghost)
        old, _ = aim(maze, self.ghost, at, position.pacman, position.facing)
        options = [f"{'still' if way == old else 'now'} {way}" for way in DIRECTIONS]
        return [option for option in options if option != answer]


def turned(facing: str, side: str) -> str:
    return CLOCKWISE[(CLOCKWISE.index(facing) + SIDES[side]) % 4]


class TwoLegOutcome(Task):
    name = "two_leg_outcome"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 8

    CAUGHT = tuple(f"caught by {name.capitalize()}" for name in GHOSTS)
    LEGS = ((2, 3), (3, 2), (3, 3), (2, 4), (4, 2))

    def pose(self, game, rng, level):
        """Caught by each ghost in an eighth; otherwise all numbers of beans are equally likely."""
        first, second = pick(rng, self.LEGS)
        kind = between(rng, 0, 7)
        answer = self.CAUGHT[kind] if kind < 2 else between(rng, 0, first + second)
        while True:
            maze, pose, trail = alone(rng, level)
            cells = haunts(maze, pose[0])
            for ways in pick_some(rng, ACROSS, len(ACROSS)):
                legs = tuple(zip(ways, (first, second), strict=True))
                if kind < 2 or self.fresh(maze, trail, legs) >= answer:
                    position = lay(maze, pose, trail, *pick_some(rng, cells, 2))
                    if self.outcome(position, legs) == answer:
                        return position, {"legs": legs}

    def fresh(self, maze, trail, legs):
        """How many cells with beans these legs lead through if there are no ghosts."""
        return len(set(walk(maze, trail[0], moves_of(legs))) - set(trail))

    def outcome(self, position, legs):
        """None where both ghosts catch at the same time."""
        chase = play(position, moves_of(legs))
        if len(chase.caught) > 1:
            return None
        return self.CAUGHT[GHOSTS.index(chase.caught[0])] if chase.caught else chase.beans

    def ask(self, position, legs):
        (first, a), (second, b) = legs
        return (
            f"{TURNS} Against a wall Pac-Man stays where it is and faces as before, but the turn "
            f"passes. Pac-Man is moved {a} times {first} and then {b} times {second}. How many "
            "beans does it eat by these moves, or which ghost catches it?"
        )

    def solve(self, position, legs):
        chase = play(position, moves_of(legs))
        said = (f"{way}: {told}" for way, told in zip(moves_of(legs), chase.said, strict=False))
        steps = [
            see(position),
            f"Cells of Pac-Man, P and B turn by turn: {'; '.join(said)}.",
        ]
        return Solution(self.outcome(position, legs), steps)

    def distractors(self, position, rng, answer, legs):
        """Six of the numbers that two legs of this length can give, and both ghosts."""
        counts = [n for n in range(sum(count for _, count in legs) + 1) if n != answer]
        kept = pick_some(rng, counts, 6 if answer in self.CAUGHT else 5)
        return [*kept, *(caught for caught in self.CAUGHT if caught != answer)]

    def text(self, value):
        return value if value in self.CAUGHT else f"{value} bean{'' if value == 1 else 's'} eaten"


def moves_of(legs) -> list[str]:
    return [way for way, count in legs for _ in range(count)]


class BestStraightRun(Task):
    name = "best_straight_run"
    qa_type, qa_level, n_options = STRATEGY, "Hard", 5

    CAUGHT = "always caught"

    def pose(self, game, rng, level):
        """The five answers are equally likely; in half of the rest, more beans are a trap."""
        answer = pick(rng, (*DIRECTIONS, self.CAUGHT))
        trap = between(rng, 0, 1) == 1
        while True:
            maze, pose, trail = alone(rng, level)
            if answer != self.CAUGHT and answer not in maze.near(pose[0]):
                continue
            cells = haunts(maze, pose[0])
            for _ in range(8):
                position = lay(maze, pose, trail, *pick_some(rng, cells, 2))
                runs = straight_runs(position)
                best, tried = best_run(position, runs)
                if best != answer or (best != self.CAUGHT and trap != (len(tried) > 1)):
                    continue
                if best == self.CAUGHT or unrivalled(position, runs, best):
                    return position, {}

    def ask(self, position):
        return (
            f"{TURNS} Pac-Man chooses a direction in which no wall is beside it and runs that way. "
            "The turn that brings it in front of a wall is the last one. In which direction does "
            "it eat most beans without being caught, or is it always caught?"
        )

    def solve(self, position):
        runs = straight_runs(position)
        best, tried = best_run(position, runs)
        counts = (f"{way} {beans}" for way, (beans, _) in runs.items())
        steps = [see(position), f"Beans up to the wall: {', '.join(counts)}."]
        for way, chase in tried.items():
            end = f"caught by {chase.caught[0].capitalize()}" if chase.caught else "not caught"
            steps.append(f"{way.capitalize()}, turn by turn: {'; '.join(chase.said)}: {end}.")
        return Solution(best, steps)

    def distractors(self, position, rng, answer):
        return [way for way in (*DIRECTIONS, self.CAUGHT) if way != answer]


def straight_runs(position: Position) -> dict:
    """For each open direction: how many beans lie up to the wall, and the moves."""
    maze, runs = maze_in(position.rows), {}
    for way in maze.near(position.pacman):
        cells = maze.ahead(position.pacman, way, len(maze.rows))
        beans = sum(position.rows[row][col] == "*" for row, col in cells)
        runs[way] = beans, [way] * len(cells)
    return runs


def best_run(position: Position, runs: dict):
    """The best direction, and what was tried to find it, most beans first."""
    tried = {}
    for way in sorted(runs, key=lambda way: -runs[way][0]):
        tried[way] = play(position, runs[way][1])
        if not tried[way].caught:
            return way, tried
    return BestStraightRun.CAUGHT, tried


def unrivalled(position: Position, runs: dict, best: str) -> bool:
    """Whether it eats something, and all others eat less or are caught."""
    rivals = (way for way in runs if way != best and runs[way][0] == runs[best][0])
    return runs[best][0] > 0 and all(play(position, runs[way][1]).caught for way in rivals)
