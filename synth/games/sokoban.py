"""Sokoban: a player pushes boxes, and cannot pull them."""

import dataclasses
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby, product

from synth.draw import GREEN, RED, SLATE, Board
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.grid import BACK, DIRECTIONS, Cell, neighbour
from synth.questions import (
    CELLS_ARE,
    between,
    cells_in,
    cells_near,
    listed,
    moves_text,
    numbered,
    pick,
    pick_near,
    pick_numbers,
    pick_some,
    runs,
    text,
)

RULES = (
    "The picture shows a Sokoban board: dark cells are walls, a brown crate is a box, a green "
    "ring is a target and the red figure is the player. A step goes up, down, left or right. A "
    "step into a box pushes it one cell ahead, unless a wall or another box is there. A step "
    f"into a wall or into a box that cannot move fails: everything stays where it is. {CELLS_ARE}"
)
SIZE = {"Easy": 5, "Medium": 8, "Hard": 12}  # also how many moves a list has
FEWEST = {5: (1, 8), 8: (5, 20), 12: (10, 29)}  # by size: steps that a solution may need
WAYS = tuple(DIRECTIONS)
WOOD, TIMBER = (226, 180, 112), (122, 74, 28)


@dataclasses.dataclass(frozen=True)
class Sokoban:
    rows: tuple[str, ...]  # one text a row, "#" wall, "." floor
    boxes: tuple[Cell, ...]  # sorted, like the targets; no two pieces share a cell
    targets: tuple[Cell, ...]
    player: Cell


def new(rng, level: str) -> Sokoban:
    """The player, one to three boxes and as many targets on random cells of the floor."""
    while True:
        rows = lay(rng, SIZE[level])
        board = place(rng, rows, between(rng, 1, 3), pick(rng, floor(rows)))
        if board is not None:
            return board


def lay(rng, size: int, kept: tuple[Cell, ...] = (), share: float = 0.1) -> tuple[str, ...]:
    """Walls all around, and with chance `share` on inner cells, not on those `kept` free.

    At least three cells stay free.
    """
    while True:
        inside = [
            "".join(
                "#" if chance < share and (row, col) not in kept else "."
                for col, chance in enumerate(line, 1)
            )
            for row, line in enumerate(rng.random((size - 2, size - 2)).tolist(), 1)
        ]
        rows = ("#" * size, *(f"#{line}#" for line in inside), "#" * size)
        if len(floor(rows)) >= 3:
            return rows


def place(rng, rows, boxes: int, player: Cell, kept: tuple[Cell, ...] = ()) -> Sokoban | None:
    """Boxes and targets on random cells that are not `kept`; None if the floor is too small."""
    free = [cell for cell in floor(rows) if cell != player and cell not in kept]
    some = pick_some(rng, free, 2 * boxes)
    return some and Sokoban(rows, tuple(sorted(some[:boxes])), tuple(sorted(some[boxes:])), player)


@lru_cache(maxsize=8)
def floor(rows: tuple[str, ...]) -> tuple[Cell, ...]:
    return tuple(
        (row, col) for row, line in enumerate(rows) for col in range(len(line)) if line[col] == "."
    )


@cache
def pairs(size: int) -> dict[int, list[tuple[Cell, Cell]]]:
    """All pairs of cells inside the outer walls, by the rows plus columns between them."""
    inside = tuple(product(range(1, size - 1), repeat=2))
    found = {distance: [] for distance in range(2 * size - 5)}
    for a, b in product(inside, repeat=2):
        found[abs(a[0] - b[0]) + abs(a[1] - b[1])].append((a, b))
    return found


def is_wall(rows: tuple[str, ...], cell: Cell) -> bool:
    return rows[cell[0]][cell[1]] == "#"


def random_moves(rng, level: str) -> tuple[str, ...]:
    return tuple(WAYS[i] for i in rng.integers(len(WAYS), size=SIZE[level]).tolist())


def play(board: Sokoban, moves: tuple[str, ...]) -> Iterator[tuple[str, Cell, Cell, Cell]]:
    """For each move: what it does, where the player is then, and the next two cells that way."""
    player, boxes = board.player, set(board.boxes)
    for way in moves:
        ahead = neighbour(player, way)
        beyond = neighbour(ahead, way)
        if is_wall(board.rows, ahead):
            what = "wall"
        elif ahead not in boxes:
            what = "walk"
        elif beyond in boxes or is_wall(board.rows, beyond):
            what = "stuck"
        else:
            what = "push"
            boxes.remove(ahead)
            boxes.add(beyond)
        if what in ("walk", "push"):
            player = ahead
        yield what, player, ahead, beyond


def end_of(board: Sokoban, moves: tuple[str, ...]) -> Cell:
    return [player for _, player, *_ in play(board, moves)][-1]


def tell(board: Sokoban, moves: tuple[str, ...]) -> list[str]:
    """A sentence for each move, and one for the end."""
    said = []
    for way, (what, *cells) in zip(moves, play(board, moves), strict=True):
        player, ahead, beyond = map(text, cells)
        outcome = {
            "wall": f"{ahead} is a wall, still at {player}",
            "stuck": f"the box at {ahead} cannot move to {beyond}, still at {player}",
            "walk": f"to {player}",
            "push": f"to {player}, pushing the box to {beyond}",
        }[what]
        said.append(f"{way.capitalize()}: {outcome}.")
    return [*said, f"The last cell is {player}."]


@lru_cache(maxsize=4)
def steps_left(rows: tuple[str, ...], target: Cell) -> dict[tuple[Cell, Cell], int]:
    """For every (player, box) from which the box can be brought onto the target: the fewest steps.

    Searched backwards from the solved positions: before a step the player was one cell back, and
    the box where it is now or, if the step pushed it, where the player is now.
    """
    ways_into = {
        cell: [
            (neighbour(cell, BACK[way]), neighbour(cell, way))
            for way in WAYS
            if not is_wall(rows, neighbour(cell, BACK[way]))
        ]
        for cell in floor(rows)
    }
    left = {(player, target): 0 for player in floor(rows) if player != target}
    todo = list(left)
    for now in todo:
        player, box = now
        for back, ahead in ways_into[player]:
            walk, push = (back, box), (back, player)
            if back != box and walk not in left:
                left[walk] = left[now] + 1
                todo.append(walk)
            if ahead == box and push not in left:
                left[push] = left[now] + 1
                todo.append(push)
    return left


def quickest_solution(board: Sokoban) -> list[tuple[str, bool, tuple[Cell, Cell]]]:
    """The fewest steps that bring the only box onto the target.

    For each step: its direction, whether it pushes, and where player and box are then.
    """
    left = steps_left(board.rows, *board.targets)
    now = board.player, *board.boxes
    if now not in left:
        raise ValueError("the box cannot be brought onto the target")
    found = []
    while left[now] > 0:
        for way in WAYS:
            player, box = neighbour(now[0], way), now[1]
            pushes = player == box
            then = player, neighbour(box, way) if pushes else box
            if left.get(then) == left[now] - 1:
                break
        found.append((way, pushes, then))
        now = then
    return found


def walks(board: Sokoban, end: Cell) -> dict[Cell, tuple[int, int]]:
    """For cells from which `end` is reached without a push: fewest steps, number of such walks."""
    found = {end: (0, 1)}
    todo = [end]
    for cell in todo:
        steps, count = found[cell]
        for way in WAYS:
            before = neighbour(cell, way)
            if before not in found:
                if not is_wall(board.rows, before) and before not in board.boxes:
                    todo.append(before)
                    found[before] = steps + 1, count
            elif found[before][0] == steps + 1:
                found[before] = steps + 1, found[before][1] + count
    return found


def shortest_walk(board: Sokoban, goal: Cell) -> tuple[str, ...]:
    """A shortest walk from the player to `goal`."""
    steps_to_go = {cell: steps for cell, (steps, _) in walks(board, goal).items()}
    moves, cell = [], board.player
    for steps in reversed(range(steps_to_go[cell])):
        way = next(way for way in WAYS if steps_to_go.get(neighbour(cell, way)) == steps)
        moves.append(way)
        cell = neighbour(cell, way)
    return tuple(moves)


def draw(board: Sokoban, size: int):
    picture = Board(size, len(board.rows), len(board.rows))
    picture.fill_all(board.rows, "#", SLATE)
    for target in board.targets:
        picture.mark(target, "ring", GREEN)
    for box in board.boxes:
        picture.mark(box, "square", WOOD, 0.8)
        picture.mark(box, "crate", TIMBER, 0.8)
    picture.mark(board.player, "person", RED, 0.8)
    return picture.image


def at(name: str, *cells: Cell) -> str:
    """A sentence that says where pieces are."""
    many = {"box": "boxes are", "target": "targets are"}
    return f"The {f'{name} is' if len(cells) == 1 else many[name]} at {listed(cells)}."


def describe(board: Sokoban) -> str:
    return (
        f"A Sokoban board, # is wall and . is floor:\n{numbered(board.rows)}\n"
        f"{at('box', *board.boxes)}\n{at('target', *board.targets)}\n{at('player', board.player)}"
    )


def parse(description: str) -> Sokoban:
    rows = tuple(re.findall(r"row \d+: ([#.]+)", description))
    boxes, targets, (player,) = (tuple(cells_in(line)) for line in description.splitlines()[-3:])
    return Sokoban(rows, boxes, targets, player)


class PlayerAfterMoves(Task):
    """Few options: on a small board a list of moves leads to few different cells."""

    name = "player_after_moves"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 4

    def pose(self, game, rng, level):
        rows, moves = lay(rng, SIZE[level]), random_moves(rng, level)
        board = self.board(rng, rows, floor(rows), moves)
        return board and (board, {"moves": moves})

    def board(self, rng, rows, starts, moves):
        """Random pieces, the player in one of `starts`, such that the moves push a box."""
        for _ in range(60):
            board = place(rng, rows, between(rng, 1, 3), pick(rng, starts))
            if board and any(what == "push" for what, *_ in play(board, moves)):
                return board
        return None

    def ask(self, board, moves):
        return f"The player makes these moves: {', '.join(moves)}. In which cell does it end?"

    def solve(self, board, moves):
        read = f"{at('player', board.player)} {at('box', *board.boxes)}"
        return Solution(end_of(board, moves), [read, *tell(board, moves)])

    def distractors(self, board, rng, answer, moves):
        """Where the same moves lead with other pieces between the walls, the player not far off."""
        starts = cells_near(rng, board.player, floor(board.rows))
        others = [self.board(rng, board.rows, starts, moves) for _ in range(3)]
        return None if None in others else [end_of(other, moves) for other in others]


class BoxAfterFreeMoves(Task):
    """Few options, as for PlayerAfterMoves."""

    name = "box_after_free_moves"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 4

    def pose(self, game, rng, level):
        """All cells to which the moves can lead are equally likely."""
        rows, moves = lay(rng, SIZE[level]), random_moves(rng, level)
        starts = self.starts(rows, moves)
        box = pick(rng, starts[pick(rng, tuple(starts))])
        target, player = pick_some(rng, [cell for cell in floor(rows) if cell != box], 2)
        return Sokoban(rows, (box,), (target,), player), {"moves": moves}

    def starts(self, rows, moves):
        """The cells to which the moves can lead, each with the cells that they lead from."""
        found = {}
        for start in floor(rows):
            found.setdefault(end_of(Sokoban(rows, (), (), start), moves), []).append(start)
        return found

    def ask(self, board, moves):
        return (
            "Suppose that the box walks by itself, as a player does, and that the player's cell is "
            f"free. The box makes these moves: {', '.join(moves)}. In which cell does it end?"
        )

    def solve(self, board, moves):
        walker = Sokoban(board.rows, (), (), *board.boxes)  # the box, as a player without boxes
        return Solution(end_of(walker, moves), [at("box", *board.boxes), *tell(walker, moves)])

    def distractors(self, board, rng, answer, moves):
        return pick_near(rng, answer, tuple(self.starts(board.rows, moves)), 3)


class MinMovesToSolve(Task):
    name = "min_moves_to_solve"
    qa_type, qa_level, n_options = STRATEGY, "Hard", 8

    def pose(self, game, rng, level):
        """All numbers of steps in the level's range are equally likely."""
        fewest = between(rng, *FEWEST[SIZE[level]])
        while True:
            rows = lay(rng, SIZE[level])
            target = pick(rng, floor(rows))
            steps = steps_left(rows, target).items()
            fitting = [now for now, left in steps if left == fewest and target not in now]
            if fitting:
                player, box = pick(rng, fitting)
                return Sokoban(rows, (box,), (target,), player), {}

    def ask(self, board):
        return (
            "What is the smallest number of steps in which the player can bring the box onto the "
            "target? Every step of the player counts, with or without a push."
        )

    def solve(self, board):
        solution = quickest_solution(board)
        pieces = at("player", board.player), at("box", *board.boxes), at("target", *board.targets)
        steps, counts = [" ".join(pieces)], []
        for (way, pushes), run in groupby(solution, key=lambda step: step[:2]):
            places = [then for *_, then in run]
            player, box = map(text, places[-1])
            push = f", pushing the box to {box}" if pushes else ""
            steps.append(f"{way.capitalize()} {len(places)} to {player}{push}.")
            counts.append(str(len(places)))
        total = f"{' + '.join(counts)} = " if len(counts) > 1 else ""
        steps.append(f"No solution is shorter, so the number of steps is {total}{len(solution)}.")
        return Solution(len(solution), steps)

    def distractors(self, board, rng, answer):
        return pick_numbers(rng, answer, *FEWEST[len(board.rows)], 7, span=14)


class PlayerPosition(Task):
    name = "player_position"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    def ask(self, board):
        return "In which cell is the player?"

    def solve(self, board):
        row, col = board.player
        steps = f"The red figure is in row {row}.", f"It is in column {col}."
        return Solution(board.player, steps)

    def distractors(self, board, rng, answer):
        return pick_near(rng, answer, floor(board.rows), 7)


class BoxTargetDistance(Task):
    """Four options: on the smallest board there are four distances."""

    name = "box_target_distance"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 4

    def pose(self, game, rng, level):
        """All distances that fit on the board are equally likely."""
        by_distance = pairs(SIZE[level])
        box, target = pick(rng, by_distance[between(rng, 1, len(by_distance) - 1)])
        rows = lay(rng, SIZE[level], (box, target))
        player = pick(rng, [cell for cell in floor(rows) if cell not in (box, target)])
        return Sokoban(rows, (box,), (target,), player), {}

    def ask(self, board):
        return (
            "How many steps up, down, left or right is it from the box to the target, if walls and "
            "the player are ignored?"
        )

    def solve(self, board):
        (box,), (target,) = board.boxes, board.targets
        rows, cols = abs(box[0] - target[0]), abs(box[1] - target[1])
        steps = [
            f"{at('box', box)} {at('target', target)}",
            f"Rows: from {box[0]} to {target[0]} is {rows}.",
            f"Columns: from {box[1]} to {target[1]} is {cols}.",
            f"The distance is {rows} + {cols} = {rows + cols}.",
        ]
        return Solution(rows + cols, steps)

    def distractors(self, board, rng, answer):
        return pick_numbers(rng, answer, 1, len(pairs(len(board.rows))) - 1, 3, span=8)


class ShortestWalk(Task):
    """Few options: on a small board few walks lead from one cell to another."""

    name = "shortest_walk"
    qa_type, qa_level, n_options = STRATEGY, "Hard", 4

    def pose(self, game, rng, level):
        size = SIZE[level]
        distance = between(rng, size // 2 + 1, min(size, len(pairs(size)) - 1))
        player, goal = pick(rng, pairs(size)[distance])
        return self.board(rng, size, player, goal), {"goal": goal}

    def board(self, rng, size, player, goal):
        """More walls than usual, and just one shortest walk: then every other one is wrong."""
        while True:
            rows = lay(rng, size, (player, goal), share=0.3)
            board = place(rng, rows, between(rng, 1, 3), player, (goal,))
            if board and walks(board, goal).get(player, (0, 0))[1] == 1:
                return board

    def ask(self, board, goal):
        return (
            f"Which list of moves is a shortest walk of the player to {text(goal)} without pushing "
            "a box? 'left 2' means two steps left."
        )

    def solve(self, board, goal):
        def is_shortest(moves):
            """Whether as many moves lead to the goal, each as a walk."""
            done = list(play(board, moves))
            walked = all(what == "walk" for what, *_ in done)
            return walked and len(moves) == len(shortest) and done[-1][1] == goal

        shortest = shortest_walk(board, goal)
        steps = [f"{at('player', board.player)} {at('box', *board.boxes)}"]
        cell = board.player
        for way, count in runs(shortest):
            for _ in range(count):
                cell = neighbour(cell, way)
            steps.append(f"{way.capitalize()} {count} to {text(cell)}.")
        steps.append(f"No walk to {text(goal)} is shorter than {self.text(shortest)}.")
        return Solution(shortest, steps, is_shortest)

    def distractors(self, board, rng, answer, goal):
        """The shortest walks between the same two cells on other boards."""
        size = len(board.rows)
        others = (self.board(rng, size, board.player, goal) for _ in range(3))
        return [shortest_walk(other, goal) for other in others]

    text = staticmethod(moves_text)


GAME = Game(
    name="sokoban",
    category="Strategic Planning",
    split_kind="in_domain",
    rules=RULES,
    state=Sokoban,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cells of floor", lambda board: len(floor(board.rows))),
    tasks=(
        PlayerAfterMoves(),
        BoxAfterFreeMoves(),
        MinMovesToSolve(),
        PlayerPosition(),
        BoxTargetDistance(),
        ShortestWalk(),
    ),
)
