"""Space invaders: a ship shoots at a formation that drifts sideways."""

import dataclasses
import re
from itertools import product

from synth.draw import Board
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.questions import CELLS_ARE, add_up, between, numbered, pick, pick_some

RULES = (
    "The picture shows invaders: purple squids, blue crabs and green saucers. An orange ship "
    "stands below them, in the lowest row. A shot removes only the lowest invader in the column of "
    "the ship and gives 30 points for a purple one, 20 for a blue one, 10 for a green one; where "
    f"the column holds no invader, 0 points. {CELLS_ARE}"
)
HIGH = {"Easy": 3, "Medium": 4, "Hard": 5}  # rows of the formation
WIDE = {"Easy": (4, 5), "Medium": (6, 8), "Hard": (9, 11)}  # its columns
SPARE = {"Easy": (1, 2), "Medium": (2, 2), "Hard": (2, 3)}  # half of the columns beside it
ROWS = {"Easy": (5, 6), "Medium": (6, 7), "Hard": (7, 8)}  # above the ship
TOTAL = {"Easy": (2, 12), "Medium": (6, 24), "Hard": (12, 45)}  # invaders, where they are counted
COLOURS = {3: "PBG", 4: "PBGG", 5: "PBBGG"}  # of the formation's rows, by their number
DEPTHS = {  # of a column of the formation, as often as they are likely
    3: (0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3),
    4: (0, 1, 2, 2, 3, 3, 4, 4, 4, 4),
    5: (0, 1, 2, 3, 3, 4, 4, 5, 5, 5),
}
NAMES = {"P": "purple", "B": "blue", "G": "green"}
POINTS = {"P": 30, "B": 20, "G": 10}
LOOKS = {
    "P": ("squid", (130, 20, 170)),
    "B": ("crab", (50, 150, 255)),
    "G": ("saucer", (20, 150, 60)),
}
ORANGE = (240, 120, 0)
STEP = {"left": -1, "right": 1}


@dataclasses.dataclass(frozen=True)
class Invaders:
    rows: tuple[str, ...]  # marks of NAMES and "-", without the row of the ship
    ship: int  # its column


@dataclasses.dataclass
class Formation:
    """What a board is made of: in each column of the formation its upper `depths` are left."""

    high: int
    n_rows: int
    n_cols: int
    top: int
    left: int
    depths: list[int]

    def depth(self, col: int) -> int:
        """How many invaders a column of the board holds."""
        inside = self.left <= col < self.left + len(self.depths)
        return self.depths[col - self.left] if inside else 0

    def board(self, ship: int) -> Invaders:
        marks = [["-"] * self.n_cols for _ in range(self.n_rows)]
        for col, depth in enumerate(self.depths, self.left):
            for row in range(depth):
                marks[self.top + row][col] = COLOURS[self.high][row]
        return Invaders(tuple(map("".join, marks)), ship)


def form(rng, level: str) -> Formation:
    """A formation at any place, each column with the depth of DEPTHS; maybe of no invaders."""
    high, wide = HIGH[level], between(rng, *WIDE[level])
    n_rows, n_cols = between(rng, *ROWS[level]), wide + 2 * between(rng, *SPARE[level])
    top, left = between(rng, 0, n_rows - high), between(rng, 0, n_cols - wide)
    depths = [DEPTHS[high][i] for i in rng.integers(len(DEPTHS[high]), size=wide).tolist()]
    return Formation(high, n_rows, n_cols, top, left, depths)


def launch(rng, formation: Formation) -> Invaders | None:
    """The board with a ship: below an invader in four of five. None for less than two invaders."""
    if sum(formation.depths) < 2:
        return None
    below = rng.random() < 0.8
    columns = range(formation.n_cols)
    return formation.board(pick(rng, [c for c in columns if (formation.depth(c) > 0) == below]))


def new(rng, level: str) -> Invaders:
    while True:
        board = launch(rng, form(rng, level))
        if board:
            return board


def adjust(rng, formation: Formation, first: int, last: int, count: int) -> None:
    """Changes depths until `count` invaders are in the rows first..last of the formation."""
    while True:
        held = [min(max(depth - first, 0), last - first + 1) for depth in formation.depths]
        if sum(held) == count:
            return
        more = sum(held) < count
        change = [col for col, has in enumerate(held) if (has <= last - first if more else has)]
        col = pick(rng, change)
        formation.depths[col] = first + held[col] + (1 if more else -1)


def depth_for(rng, high: int, points: int) -> int:
    """A depth of a column whose lowest invader gives these points."""
    return (
        0
        if points == 0
        else pick(
            rng, [row + 1 for row, mark in enumerate(COLOURS[high]) if POINTS[mark] == points]
        )
    )


def column_of(board: Invaders, col: int) -> str:
    """The marks of a column, from the top."""
    return "".join(row[col] for row in board.rows)


def invaders_in(board: Invaders, col: int) -> str:
    """The invaders of a column, from the bottom."""
    return column_of(board, col).replace("-", "")[::-1]


def points_at(board: Invaders, col: int) -> int:
    """Of a shot from a column, which may lie beside the board."""
    held = invaders_in(board, col) if 0 <= col < len(board.rows[0]) else ""
    return POINTS[held[0]] if held else 0


def draw(board: Invaders, size: int):
    n_rows, n_cols = len(board.rows), len(board.rows[0])
    picture = Board(size, n_rows + 1, n_cols)
    for row, col in product(range(n_rows), range(n_cols)):
        if (mark := board.rows[row][col]) != "-":
            picture.mark((row, col), *LOOKS[mark], 0.84)
    picture.mark((n_rows, board.ship), "ship", ORANGE, 0.84)
    return picture.image


def describe(board: Invaders) -> str:
    return (
        "Invaders, P is a purple one, B a blue one, G a green one, - none:\n"
        f"{numbered(board.rows)}\nThe ship is below them, in column {board.ship}."
    )


def parse(description: str) -> Invaders:
    rows = re.findall(r"row \d+: ([PBG-]+)", description)
    return Invaders(tuple(rows), int(re.search(r"column (\d+)\.$", description)[1]))


def shot(marks: str) -> str:
    """What a shot into a column, from its top, hits and gives."""
    held = marks.replace("-", "")
    return f"the lowest is {NAMES[held[-1]]}, {POINTS[held[-1]]}" if held else "no invader, 0"


class EnemiesInColumn(Task):
    name = "enemies_in_column"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """In every column, all numbers are equally likely."""
        count, formation = between(rng, 0, HIGH[level]), form(rng, level)
        col = between(rng, 0, formation.n_cols - 1)
        cover(rng, formation, col, count)
        board = launch(rng, formation)
        return board and (board, {"column": col})

    def ask(self, board, column):
        return f"How many invaders are in column {column}?"

    def solve(self, board, column):
        marks = column_of(board, column)
        count = len(marks) - marks.count("-")
        return Solution(count, [f"Column {column} from the top: {marks}; invaders: {count}."])


def cover(rng, formation: Formation, col: int, depth: int) -> None:
    """Gives a column of the board this depth, for which it moves the formation.

    An empty column may lie beside the formation.
    """
    wide = len(formation.depths)
    if depth:
        low, high = max(0, col - wide + 1), min(col, formation.n_cols - wide)
        formation.left = between(rng, low, high)
    if formation.left <= col < formation.left + wide:
        formation.depths[col - formation.left] = depth


class EnemiesInRow(Task):
    name = "enemies_in_row"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """In every row, all numbers up to the width of the formation are equally likely."""
        formation = form(rng, level)
        count = between(rng, 0, len(formation.depths))
        row = between(rng, 0, formation.n_rows - 1)
        if count:
            low, high = row - formation.high + 1, formation.n_rows - formation.high
            formation.top = between(rng, max(0, low), min(row, high))
        inside = row - formation.top
        if 0 <= inside < formation.high:
            adjust(rng, formation, inside, inside, count)
        board = launch(rng, formation)
        return board and (board, {"row": row})

    def ask(self, board, row):
        return f"How many invaders are in row {row}?"

    def solve(self, board, row):
        marks = board.rows[row]
        count = len(marks) - marks.count("-")
        return Solution(count, [f"Row {row}: {marks}; invaders: {count}."])


class EnemiesTotal(Task):
    name = "enemies_total"
    qa_type, qa_level = PERCEPTION, "Medium"

    def pose(self, game, rng, level):
        """All numbers within TOTAL are equally likely."""
        formation = form(rng, level)
        adjust(rng, formation, 0, formation.high - 1, between(rng, *TOTAL[level]))
        return launch(rng, formation), {}

    def ask(self, board):
        return "How many invaders are there?"

    def solve(self, board):
        return count_by_row(board, "PBG")


class EnemiesOfColor(Task):
    name = "enemies_of_color"
    qa_type, qa_level = PERCEPTION, "Medium"

    def pose(self, game, rng, level):
        """For every colour, all numbers up to the width of the formation are equally likely."""
        formation = form(rng, level)
        mark, count = pick(rng, tuple(NAMES)), between(rng, 0, len(formation.depths))
        marks = COLOURS[formation.high]
        adjust(rng, formation, marks.index(mark), marks.rindex(mark), count)
        board = launch(rng, formation)
        return board and (board, {"color": NAMES[mark]})

    def ask(self, board, color):
        return f"How many {color} invaders are there?"

    def solve(self, board, color):
        return count_by_row(board, next(mark for mark in NAMES if NAMES[mark] == color))


def count_by_row(board: Invaders, kinds: str) -> Solution:
    """How many invaders are of these kinds."""
    counts = [sum(mark in kinds for mark in marks) for marks in board.rows]
    read = [
        f"row {row} {marks} {count}"
        for row, (marks, count) in enumerate(zip(board.rows, counts, strict=True))
    ]
    asked = "invaders" if len(kinds) > 1 else f"{NAMES[kinds]} ones, {kinds}"
    steps = f"Rows, each with its {asked}: {', '.join(read)}.", f"Together {add_up(counts)}."
    return Solution(sum(counts), steps)


class ShotPointsHere(Task):
    """Always the same four options."""

    name = "shot_points_here"
    qa_type, qa_level, n_options = PREDICTION, "Easy", 4

    GIVEN = (0, 10, 20, 30)

    def pose(self, game, rng, level):
        """In every column, the four numbers of points are equally likely."""
        points, formation = pick(rng, self.GIVEN), form(rng, level)
        col = between(rng, 0, formation.n_cols - 1)
        cover(rng, formation, col, depth_for(rng, formation.high, points))
        return self.aim(rng, formation, col) if sum(formation.depths) > 1 else None

    def aim(self, rng, formation, col):
        return formation.board(col), {}

    def ask(self, board):
        return "How many points does a shot give now?"

    def solve(self, board):
        said = f"The ship is in column {board.ship}, which holds "
        return self.shoot(board, board.ship, said)

    def shoot(self, board, col, said):
        marks = column_of(board, col)
        return Solution(points_at(board, col), [f"{said}{marks} from the top: {shot(marks)}."])

    def distractors(self, board, rng, answer, **params):
        return [points for points in self.GIVEN if points != answer]


class ShotPointsAtColumn(ShotPointsHere):
    name = "shot_points_at_column"

    def aim(self, rng, formation, col):
        others = [other for other in range(formation.n_cols) if other != col]
        return formation.board(pick(rng, others)), {"column": col}

    def ask(self, board, column):
        return f"The ship moves to column {column}. How many points does a shot give there?"

    def solve(self, board, column):
        return self.shoot(board, column, f"Column {column} holds ")


def drift(direction: str) -> str:
    """The rules of time, for the questions about several shots."""
    return (
        "Time passes in intervals t, t+1, and so on. During an interval the invaders stand still; "
        f"at its end all of them move one column to the {direction}."
    )


class FixedShipBurstPoints(Task):
    name = "fixed_ship_burst_points"
    qa_type, qa_level = PREDICTION, "Hard"

    def pose(self, game, rng, level):
        """For every number of shots, all totals are equally likely.

        The formation neither leaves the board nor lets the ship pass beyond its ends.
        """
        k, direction = between(rng, 1, 4), pick(rng, tuple(STEP))
        total = 10 * between(rng, 1, 3 * (k + 1))
        while True:
            formation = form(rng, level)
            wide, spare = len(formation.depths), formation.n_cols - len(formation.depths)
            if wide > k and spare >= k:
                formation.left = between(rng, 0, spare - k)
                first = between(rng, 0, wide - k - 1)
                for i, points in enumerate(self.shots(rng, k + 1, total), first):
                    formation.depths[i] = depth_for(rng, formation.high, points)
                ship = formation.left + first + k
                if direction == "left":  # the same, mirrored
                    formation.left = spare - formation.left
                    formation.depths.reverse()
                    ship = formation.n_cols - 1 - ship
                if sum(formation.depths) > 1:
                    return formation.board(ship), {"direction": direction, "k": k}

    def shots(self, rng, count, total):
        """Points of this many shots that make this total."""
        points = [10 * between(rng, 0, 3) for _ in range(count)]
        while (short := total - sum(points)) != 0:
            change = [i for i in range(count) if (points[i] < 30 if short > 0 else points[i] > 0)]
            points[pick(rng, change)] += 10 if short > 0 else -10
        return points

    def ask(self, board, direction, k):
        return (
            f"{drift(direction)} The ship stays where it is and shoots once in each of the "
            f"intervals t to t+{k}, that is {k + 1} shots. How many points do they give together?"
        )

    def solve(self, board, direction, k):
        steps, points = [f"The ship is in column {board.ship}."], []
        for after in range(k + 1):
            col = board.ship - STEP[direction] * after
            inside = 0 <= col < len(board.rows[0])
            marks = column_of(board, col) if inside else "no column"
            points.append(points_at(board, col))
            when = f"t+{after}" if after else "t"
            steps.append(
                f"Interval {when}: above it is column {col} of the picture, {marks} from the top: "
                f"{shot(marks if inside else '')}."
            )
        return Solution(sum(points), [*steps, f"Together {add_up(points)}."])


def best_shots(board: Invaders) -> tuple[int, int]:
    """The most points of a single shot, and of two shots."""
    held = [invaders_in(board, col) for col in range(len(board.rows[0]))]
    first = sorted((POINTS[marks[0]] if marks else 0 for marks in held), reverse=True)
    same = max(sum(POINTS[mark] for mark in marks[:2]) for marks in held)
    return first[0], max(same, sum(first[:2]))


class BestSingleShot(Task):
    name = "best_single_shot"
    qa_type, qa_level = STRATEGY, "Medium"

    BEST, shots = (10, 20, 30), 1

    def pose(self, game, rng, level):
        """All values of BEST are equally likely: only some depths are allowed, any of them."""
        best = pick(rng, self.BEST)
        while True:
            formation = form(rng, level)
            depths = range(1, formation.high + 1)
            allowed = pick_some(rng, depths, between(rng, 1, formation.high))
            formation.depths = [
                depth and (depth if depth in allowed else pick(rng, allowed))
                for depth in formation.depths
            ]
            if best_shots(formation.board(0))[self.shots - 1] == best:
                board = self.launch(rng, formation)
                if board:
                    return board

    def launch(self, rng, formation):
        board = launch(rng, formation)
        return board and (board, {})

    def ask(self, board):
        return (
            "The ship may move to any column and then shoots once. What is the largest number of "
            "points that it can get?"
        )

    def solve(self, board):
        said = [
            f"{col} {held[0]} {POINTS[held[0]]}"
            for col in range(len(board.rows[0]))
            if (held := invaders_in(board, col))
        ]
        best, _ = best_shots(board)
        steps = f"The lowest in each column: {', '.join(said)}.", f"The largest number is {best}."
        return Solution(best, steps)


class BestTwoShots(BestSingleShot):
    name = "best_two_shots"
    qa_type, qa_level = STRATEGY, "Hard"

    BEST, shots = (30, 40, 50, 60), 2

    def launch(self, rng, formation):
        """The formation has room to move."""
        direction, spare = pick(rng, tuple(STEP)), formation.n_cols - len(formation.depths)
        formation.left = between(rng, *((1, spare) if direction == "left" else (0, spare - 1)))
        board = launch(rng, formation)
        return board and (board, {"direction": direction})

    def ask(self, board, direction):
        return (
            f"{drift(direction)} In each interval the ship may first move to any column and then "
            "shoots at most once. What is the largest number of points that it can have got by the "
            "end of interval t+1?"
        )

    def solve(self, board, direction):
        held = {col: invaders_in(board, col) for col in range(len(board.rows[0]))}
        held = {col: marks for col, marks in held.items() if marks}
        read = [f"{col} {marks[:2]}" for col, marks in held.items()]
        steps = [
            f"The lowest two in each column, from below: {', '.join(read)}.",
            "All move alike, so the ship can shoot into any two columns, or twice into one.",
        ]
        points = [[POINTS[mark] for mark in marks[:2]] for marks in held.values()]
        two = sorted((lowest for lowest, *_ in points), reverse=True)[:2]
        steps.append(f"Two columns: at most {add_up(two)}.")
        steps.append(f"Twice into one: at most {add_up(max(points, key=sum))}.")
        _, best = best_shots(board)
        return Solution(best, [*steps, f"The largest number is {best}."])


GAME = Game(
    name="space_invaders",
    category="Strategic Planning",
    split_kind="in_domain",
    rules=RULES,
    state=Invaders,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("invaders", lambda board: sum(len(row) - row.count("-") for row in board.rows)),
    tasks=(
        EnemiesInColumn(),
        EnemiesInRow(),
        EnemiesTotal(),
        EnemiesOfColor(),
        ShotPointsHere(),
        ShotPointsAtColumn(),
        FixedShipBurstPoints(),
        BestSingleShot(),
        BestTwoShots(),
    ),
)
