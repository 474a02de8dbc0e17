"""Snake: a body that follows its head over a board with one piece of food."""

import dataclasses
import re
from collections.abc import Iterator
from functools import cache
from itertools import count, islice, pairwise

from PIL import ImageDraw

from synth.draw import BLACK, RED, WHITE, Board
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.grid import DIRECTIONS, Cell, neighbour
from synth.questions import (
    CELLS_ARE,
    add_up,
    between,
    cells_in,
    listed,
    pick,
    pick_some,
    runs,
    text,
)

RULES = (
    "The picture shows a snake and food: the disc with eyes is the snake's head, the blue band is "
    "its body, which leads over the cells to the thin end, the tail; the red diamond is the food. "
    "In a step the head moves one cell up, down, left or right and every other cell of the snake "
    "moves to where the one before it was. So the tail leaves its cell in the same step, and the "
    "head may enter this cell. The snake keeps its length. The game ends with the first step in "
    f"which the head leaves the board, runs into the body or reaches the food. {CELLS_ARE}"
)
SIZE = {"Easy": 5, "Medium": 10, "Hard": 15}
LENGTH = {"Easy": (4, 12), "Medium": (8, 18), "Hard": (12, 26)}
MOVES = {"Easy": (2, 5), "Medium": (3, 8), "Hard": (5, 10)}  # in a list, least and most
FEWEST = {"Easy": (2, 8), "Medium": (4, 13), "Hard": (6, 18)}  # steps to the food
OUTCOMES = {
    "wall": "The head leaves the board.",
    "body": "The head runs into the body.",
    "food": "The head reaches the food.",
    "nothing": "None of these happens.",
}
BAND, TAIL = (74, 144, 226), 0.16  # the band's colour, the tail's width in cells


@dataclasses.dataclass(frozen=True)
class Snake:
    size: int
    body: tuple[Cell, ...]  # from the head to the tail, both included
    food: Cell


@cache
def cells_beside(size: int) -> dict[Cell, tuple[Cell, ...]]:
    """Every cell of the board, with its neighbours."""
    cells = [(row, col) for row in range(size) for col in range(size)]
    return {
        cell: tuple(near for way in DIRECTIONS for near in [neighbour(cell, way)] if near in cells)
        for cell in cells
    }


def new(rng, level: str) -> Snake:
    """Food and head in two random cells, the body a random way from the head."""
    size = SIZE[level]
    while True:
        food, head = pick_some(rng, tuple(cells_beside(size)), 2)
        body = wind(rng, size, head, between(rng, *LENGTH[level]), food)
        if body is not None:
            return Snake(size, body, food)


def wind(rng, size: int, head: Cell, length: int, *shunned: Cell | None) -> tuple | None:
    """A random way from `head` that enters no cell twice and none of those `shunned`."""
    near = cells_beside(size)
    for _ in range(100):
        body = [head]
        for chance in rng.random(length - 1).tolist():
            free = [cell for cell in near[body[-1]] if cell not in body and cell not in shunned]
            if not free:
                break
            body.append(free[int(chance * len(free))])
        if len(body) == length:
            return tuple(body)
    return None


def empty_cells(size: int, *taken: Cell) -> list[Cell]:
    return [cell for cell in cells_beside(size) if cell not in taken]


def ways_of(cells: tuple[Cell, ...]) -> list[str]:
    """The directions of the steps from cell to cell."""
    names = {step: way for way, step in DIRECTIONS.items()}
    return [names[b[0] - a[0], b[1] - a[1]] for a, b in pairwise(cells)]


def bends(cells: tuple[Cell, ...]) -> list[str]:
    """The straight parts of a way, as in "left 2 to (3, 1)"."""
    said, at = [], 0
    for way, steps in runs(ways_of(cells)):
        at += steps
        said.append(f"{way} {steps} to {text(cells[at])}")
    return said


def see(snake: Snake) -> str:
    head = text(snake.body[0])
    return f"The snake from its head {head}: {', '.join(bends(snake.body))}, the tail."


def run(snake: Snake, moves: tuple[str, ...]) -> Iterator[tuple[str, Cell, Cell]]:
    """For each step up to the first event: the event or "nothing", and where head and tail are."""
    body = snake.body
    for way in moves:
        head = neighbour(body[0], way)
        body = (head, *body[:-1])
        if head not in cells_beside(snake.size):
            event = "wall"
        elif head in body[1:]:
            event = "body"
        else:
            event = "food" if head == snake.food else "nothing"
        yield event, head, body[-1]
        if event != "nothing":
            return


def outcome_of(snake: Snake, moves: tuple[str, ...]) -> str:
    return [event for event, *_ in run(snake, moves)][-1]


def free_from(snake: Snake) -> dict[Cell, int]:
    """For the cells of the snake: the first step in which the head may enter them."""
    return {cell: len(snake.body) - at for at, cell in enumerate(snake.body)}


def reach(snake: Snake) -> Iterator[set[Cell]]:
    """The cells in which the head can be after 0, 1, 2 ... steps, or more than those.

    Only the cells that the snake holds now are in its way, as long as it holds them, not those
    that it enters later: so nothing is reached sooner than told here.
    """
    near, free = cells_beside(snake.size), free_from(snake)
    layer = {snake.body[0]}
    for step in count(1):
        yield layer
        ahead = {cell for at in layer for cell in near[at]}
        layer = {cell for cell in ahead if free.get(cell, 0) <= step}


def retrace(snake: Snake, layers: list[set[Cell]], trail: tuple[Cell, ...]) -> tuple | None:
    """A way through the layers that ends in `trail`, told backwards, and keeps off itself."""
    step = len(layers) - len(trail)
    if step == 0:
        return trail[::-1]
    held = trail[-(len(snake.body) - 1) :]  # a cell entered at this step is left only after them
    for cell in cells_beside(snake.size)[trail[-1]]:
        if cell in layers[step - 1] and cell not in held:
            way = retrace(snake, layers, (*trail, cell))
            if way is not None:
                return way
    return None


def shortest_way(snake: Snake) -> tuple[Cell, ...]:
    """The cells of a shortest way to the food, from the head on."""
    layers = []
    for layer in islice(reach(snake), 4 * snake.size + len(snake.body)):
        layers.append(layer)
        if snake.food in layer:
            way = retrace(snake, layers, (snake.food,))
            if way is not None:
                return way
    raise ValueError("no way to the food was found")


def dead_ends(snake: Snake, most: int = 8) -> list[tuple[Cell, list[Cell]]] | None:
    """All that a trapped snake can do: where its head gets, each time with the cells free then.

    None if it can get on for more than `most` steps, all tries together, or reaches the food.
    """
    todo, found = [snake.body], []
    for body in todo:
        free = [cell for cell in cells_beside(snake.size)[body[0]] if cell not in body[:-1]]
        todo += [(cell, *body[:-1]) for cell in free]
        if len(todo) > most + 1 or snake.food in free:
            return None
        found.append((body[0], free))
    return found


def gaps(a: Cell, b: Cell) -> tuple[int, int]:
    """The rows and the columns between two cells."""
    return abs(a[0] - b[0]), abs(a[1] - b[1])


def barriers(snake: Snake, steps: int) -> list[Cell]:
    """The body cells, still held, in the way of all that would reach the food within `steps`."""
    near, free = cells_beside(snake.size), free_from(snake)
    layer, met = {snake.body[0]}, set()
    for step in range(1, steps + 1):
        ahead = {cell for at in layer for cell in near[at]}
        ahead = {cell for cell in ahead if step + sum(gaps(cell, snake.food)) <= steps}
        layer = {cell for cell in ahead if free.get(cell, 0) <= step}
        met |= ahead - layer
    return [cell for cell in snake.body[1:] if cell in met]


def draw(snake: Snake, size: int):
    board = Board(size, snake.size, snake.size)
    pen = ImageDraw.Draw(board.image)

    def centre(cell):
        half = (board.cell + board.line_px) // 2
        return board.left + cell[1] * board.cell + half, board.top + cell[0] * board.cell + half

    def band(a, b, share):
        wide = max(1, round(share * board.cell / 2))
        (x0, y0), (x1, y1) = sorted((centre(a), centre(b)))
        pen.rectangle((x0 - wide, y0 - wide, x1 + wide, y1 + wide), fill=BAND)

    for a, b in pairwise(snake.body[:-1]):
        band(a, b, 0.5)
    band(*snake.body[-2:], TAIL)
    board.mark(snake.food, "diamonds", RED, 0.8)
    board.mark(snake.body[0], "disc", BLACK, 0.84)
    x, y = centre(snake.body[0])
    eye = max(2, round(0.1 * board.cell))
    for side in (-1, 1):
        at = x + side * 2 * eye
        pen.ellipse((at - eye, y - eye, at + eye, y + eye), fill=WHITE)
    return board.image


def describe(snake: Snake) -> str:
    return (
        f"A board of {snake.size} rows and {snake.size} columns. The cells of the snake, from the "
        f"head to the tail: {listed(snake.body)}. The food is at {text(snake.food)}."
    )


def parse(description: str) -> Snake:
    *body, food = cells_in(description)
    return Snake(int(re.search(r"\d+", description)[0]), tuple(body), food)


class HeadPosition(Task):
    name = "head_position"
    qa_type, qa_level = PERCEPTION, "Easy"

    def ask(self, snake):
        return "In which cell is the snake's head? Answer as (row, column)."

    def solve(self, snake):
        row, col = snake.body[0]
        return Solution((row, col), [f"The disc with eyes is in row {row} and column {col}."])


class FoodPosition(Task):
    name = "food_position"
    qa_type, qa_level = PERCEPTION, "Easy"

    def ask(self, snake):
        return "In which cell is the food? Answer as (row, column)."

    def solve(self, snake):
        row, col = snake.food
        return Solution((row, col), [f"The red diamond is in row {row} and column {col}."])


class SnakeLength(Task):
    name = "snake_length"
    qa_type, qa_level = PERCEPTION, "Medium"

    def ask(self, snake):
        return "How many cells long is the snake, its head and its tail included?"

    def solve(self, snake):
        total = add_up([1, *(steps for _, steps in runs(ways_of(snake.body)))])
        return Solution(len(snake.body), [see(snake), f"With the head that is {total} cells."])


class MoveSequenceOutcome(Task):
    name = "move_sequence_outcome"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 4

    def pose(self, game, rng, level):
        """Every list of moves goes with every outcome; the snake is drawn after both."""
        moves, outcome = self.moves(rng, level), pick(rng, tuple(OUTCOMES))
        found = []
        for _ in range(500):
            snake = self.snake(rng, level, moves, outcome)
            if snake is not None and outcome_of(snake, moves) == outcome:
                found.append(snake)
                if len(found) == 6:
                    break

        def worth(snake):
            """It is hard to foresee what happens late, and where the body has left cells."""
            heads = [head for _, head, _ in run(snake, moves)]
            return len(heads) + 2 * sum(head in snake.body for head in heads[:-1])

        return (max(found, key=worth), {"moves": moves}) if found else None

    def moves(self, rng, level):
        """Random ones that enter no cell twice and fit on the board: nothing need happen."""
        steps = between(rng, *MOVES[level])
        while True:
            moves = tuple(pick(rng, tuple(DIRECTIONS)) for _ in range(steps))
            cells = trail_of((0, 0), moves)
            spans = (max(part) - min(part) for part in zip(*cells, strict=True))
            if len(set(cells)) == len(cells) and max(spans) < SIZE[level]:
                return moves

    def snake(self, rng, level, moves, outcome):
        """A random snake whose first move is not back into itself, and food."""
        size = SIZE[level]
        cells = trail_of(pick(rng, tuple(cells_beside(size))), moves)
        on_board = [cell for cell in cells if cell in cells_beside(size)]
        if (len(on_board) < len(cells)) != (outcome == "wall") and outcome != "body":
            return None
        food = pick(rng, cells[1:]) if outcome == "food" else None
        body = wind(rng, size, cells[0], between(rng, *LENGTH[level]), food)
        if body is None or body[1] == cells[1]:
            return None
        return Snake(size, body, food or pick(rng, empty_cells(size, *body)))

    def ask(self, snake, moves):
        return f"The snake makes these moves: {', '.join(moves)}. What happens first?"

    def solve(self, snake, moves):
        steps = [see(snake), f"The food is at {text(snake.food)}."]
        for way, (event, head, tail) in zip(moves, run(snake, moves), strict=False):
            outcome = {
                "wall": f"{text(head)} is off the board",
                "body": f"{text(head)} is body",
                "food": f"{text(head)} is the food",
                "nothing": f"head at {text(head)}, tail at {text(tail)}",
            }[event]
            steps.append(f"{way.capitalize()}: {outcome}.")
        return Solution(event, steps)

    def distractors(self, snake, rng, answer, moves):
        return [outcome for outcome in OUTCOMES if outcome != answer]

    def text(self, value):
        return OUTCOMES[value]


def trail_of(start: Cell, moves: tuple[str, ...]) -> list[Cell]:
    """The cells that the moves lead over from `start` on."""
    cells = [start]
    for way in moves:
        cells.append(neighbour(cells[-1], way))
    return cells


class ShortestPathToFood(Task):
    name = "shortest_path_to_food"
    qa_type, qa_level = STRATEGY, "Hard"

    def pose(self, game, rng, level):
        """All numbers of steps in the level's range and -1 are equally likely."""
        low, high = FEWEST[level]
        steps, tries = between(rng, low - 1, high), between(rng, 1, 2)
        while True:
            snake = new(rng, level)
            if steps >= low:
                snake = self.feed(rng, snake, steps)
                if snake is not None:
                    return snake, {}
            elif len(dead_ends(snake) or ()) >= tries:
                return snake, {}

    def feed(self, rng, snake, steps):
        """Food that is reached in so many steps, not fewer; detours of all sizes count alike.

        Most snakes that make none necessary are passed over.
        """
        *sooner, layer = islice(reach(snake), steps + 1)
        by_detour = {}
        for cell in sorted(layer.difference(snake.body, *sooner)):
            by_detour.setdefault(steps - sum(gaps(cell, snake.body[0])), []).append(cell)
        if not by_detour or ([*by_detour] == [0] and rng.random() < 0.7):
            return None
        snake = dataclasses.replace(snake, food=pick(rng, pick(rng, tuple(by_detour.values()))))
        return snake if retrace(snake, [*sooner, layer], (snake.food,)) else None

    def ask(self, snake):
        return (
            "What is the smallest number of steps in which the head can reach the food, without "
            "leaving the board or running into the body? Answer -1 if it never can."
        )

    def solve(self, snake):
        read = [see(snake), f"The food is at {text(snake.food)}."]
        trap = dead_ends(snake)
        if trap is not None:
            said = [f"From {text(at)}: {listed(free) or 'none'}." for at, free in trap]
            said[0] = f"Free cells {said[0][0].lower()}{said[0][1:]}"
            return Solution(-1, [*read, *said, "The snake is trapped: -1."])
        way = shortest_way(snake)
        steps, apart = len(way) - 1, gaps(snake.food, snake.body[0])
        said = [f"Rows and columns away: {add_up(apart)}; so many steps, or 2, 4 ... more."]
        if sum(apart) < steps:
            stops = listed(barriers(snake, steps - 2))
            said.append(f"Fewer than {steps} fail: the body is still at {stops}.")
        said.append(f"A way: {', '.join(bends(way))}, the food.")
        free = free_from(snake)
        late = [(cell, step) for step, cell in enumerate(way) if step and cell in free]
        if late:
            left = (f"{text(cell)} {step} ({free[cell]})" for cell, step in late)
            said.append(f"Body there, entered in step (free from step): {', '.join(left)}.")
        return Solution(steps, [*read, *said, f"That is {steps} steps."])


GAME = Game(
    name="snake",
    category="Strategic Planning",
    split_kind="out_of_domain",
    rules=RULES,
    state=Snake,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cells of the snake", lambda snake: len(snake.body)),
    tasks=(
        HeadPosition(),
        FoodPosition(),
        SnakeLength(),
        MoveSequenceOutcome(),
        ShortestPathToFood(),
    ),
)
