"""A serpent on a torus: where it goes, and how far its food is."""

import collections
import dataclasses
import re

from synth.draw import GREEN, RED, Board
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.grid import DIRECTIONS
from synth.questions import CELLS_ARE, between, cells_in, listed, pick, pick_near, text

SIZE = {"Easy": 5, "Medium": 6, "Hard": 7}
LENGTH = {"Easy": (3, 4), "Medium": (4, 6), "Hard": (5, 8)}
DARK = (0, 70, 20)
RULES = (
    "The picture shows a serpent: its head is a dark disc, its body cells are green. The red "
    "disc is food. A move takes the head to the cell above, below, left or right of it. The edges "
    "are joined: who leaves the board at one side comes in at the other. " + CELLS_ARE
)


@dataclasses.dataclass(frozen=True)
class Serpent:
    size: int
    head: tuple[int, int]
    body: tuple[tuple[int, int], ...]  # without the head, in the order of cells
    food: tuple[int, int]

    def __post_init__(self):
        cells = {self.head, *self.body, self.food}
        if len(cells) < len(self.body) + 2 or list(self.body) != sorted(self.body):
            raise ValueError("cells must differ, and the body must be sorted")
        if any(not 0 <= at < self.size for cell in cells for at in cell):
            raise ValueError("cells must lie on the board")


def near(cell, size):
    return [((cell[0] + r) % size, (cell[1] + c) % size) for r, c in DIRECTIONS.values()]


def all_cells(size):
    return [(row, col) for row in range(size) for col in range(size)]


def new(rng, level):
    size, length = SIZE[level], between(rng, *LENGTH[level])
    while True:
        cells = [pick(rng, all_cells(size))]
        while len(cells) < length:
            free = [cell for cell in near(cells[-1], size) if cell not in cells]
            if not free:
                break
            cells.append(pick(rng, free))
        if len(cells) == length:
            food = pick(rng, [cell for cell in all_cells(size) if cell not in cells])
            return Serpent(size, cells[0], tuple(sorted(cells[1:])), food)


def draw(serpent, size):
    board = Board(size, serpent.size, serpent.size)
    for cell in serpent.body:
        board.fill(cell, GREEN)
    board.mark(serpent.head, "disc", DARK)
    board.mark(serpent.food, "disc", RED)
    return board.image


def describe(serpent):
    return (
        f"A board of {serpent.size} rows and columns. Head: {text(serpent.head)}. Body: "
        f"{listed(serpent.body)}. Food: {text(serpent.food)}."
    )


def parse(description):
    size = int(re.search(r"board of (\d+)", description)[1])
    head, *body, food = cells_in(description)
    return Serpent(size, head, tuple(body), food)


class FoodCell(Task):
    name = "food_cell"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 4

    def ask(self, serpent):
        return "In which cell is the food?"

    def solve(self, serpent):
        return Solution(serpent.food, [describe(serpent), f"The food is in {text(serpent.food)}."])

    def distractors(self, serpent, rng, answer):
        return pick_near(rng, answer, all_cells(serpent.size), self.n_options - 1)


class HeadAfter(Task):
    name = "head_after"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 4

    def sample(self, serpent, rng, level):
        moves = [pick(rng, list(DIRECTIONS)) for _ in range(between(rng, 2, 5))]
        return {"moves": tuple(moves)}

    def ask(self, serpent, moves):
        return f"The serpent moves {listed(moves)}. Where is its head then?"

    def solve(self, serpent, moves):
        cell, steps = serpent.head, [describe(serpent)]
        for move in moves:
            down, right = DIRECTIONS[move]
            cell = (cell[0] + down) % serpent.size, (cell[1] + right) % serpent.size
            steps.append(f"{move}: the head is in {text(cell)}.")
        return Solution(cell, steps)

    def distractors(self, serpent, rng, answer, moves):
        return pick_near(rng, answer, all_cells(serpent.size), self.n_options - 1)


class WayToFood(Task):
    name = "way_to_food"
    qa_type, qa_level = STRATEGY, "Hard"

    def pose(self, game, rng, level):
        """First how far the food is, then a cell that is so far."""
        moves, serpent = between(rng, 1, 4), game.new(rng, level)
        far = distances(serpent)
        cells = [cell for cell, count in far.items() if count == moves]
        return (dataclasses.replace(serpent, food=pick(rng, cells)), {}) if cells else None

    def ask(self, serpent):
        return (
            "The cells of the body stay where they are and may not be entered. How many moves does "
            "the head need at least to get to the food?"
        )

    def solve(self, serpent):
        count = distances(serpent)[serpent.food]
        return Solution(count, [describe(serpent), f"The shortest way has {count} moves."])


def distances(serpent):
    far, ahead = {serpent.head: 0}, collections.deque([serpent.head])
    while ahead:
        cell = ahead.popleft()
        for other in near(cell, serpent.size):
            if other not in far and other not in serpent.body:
                far[other] = far[cell] + 1
                ahead.append(other)
    return far


GAME = Game(
    name="serpent",
    category="Strategic Planning",
    split_kind="in_domain",
    rules=RULES,
    state=Serpent,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cells of the board", lambda serpent: serpent.size**2),
    tasks=(FoodCell(), HeadAfter(), WayToFood()),
)
