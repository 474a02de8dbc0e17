"""Ultra tic-tac-toe: nine small grids; every mark tells in which of them the next one goes."""

import dataclasses
import functools
import re
from collections.abc import Sequence
from itertools import product

from PIL import Image, ImageDraw

from synth.draw import BLACK, BLUE, RED, SLATE, WHITE, write
from synth.draw.shapes import mask_of
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.questions import add_up, between, pick, pick_numbers, pick_some, text

RULES = (
    "The picture shows nine small grids of nine cells. Cell (i, j, r, c) is in row r and column c "
    "of the small grid in row i and column j: the large numbers are i and j, the small ones r and "
    "c. The first player writes X, the second O, by turns. X starts in small grid (1, 1). Then a "
    "mark must go into that small grid (i, j) which is the (r, c) of the mark before it: after "
    "(0, 2, 1, 0) comes a mark in small grid (1, 0). If that is full, the game ends. Every row, "
    "column or diagonal of three equal marks within a small grid is a point for its player; the "
    "small grid stays in play and can give more points. If a mark has a frame, it is the last one."
)
MARKS = {"Easy": (10, 30), "Medium": (31, 48), "Hard": (49, 62)}  # on the board
IN_GRID = {"Easy": (3, 5), "Medium": (4, 6), "Hard": (5, 7)}  # where the best cell is asked

AT = tuple((row, col) for row in range(3) for col in range(3))  # of a small grid, or in it
CENTRE = AT.index((1, 1))
LINES = {
    **{f"row {row}": tuple(range(3 * row, 3 * row + 3)) for row in range(3)},
    **{f"column {col}": tuple(range(col, 9, 3)) for col in range(3)},
    "the diagonal from the top left": (0, 4, 8),
    "the diagonal from the top right": (2, 4, 6),
}
PLAYERS = {"first": "X", "second": "O"}
OWNERS = {"X": "first", "O": "second", "-": "not marked"}
OTHER = {"X": "O", "O": "X"}
YELLOW = (255, 226, 120)
LOOKS = {"X": ("cross", RED), "O": ("ring", BLUE)}
HASTE = 4  # twice what is needed on average: later the places may be taken or out of reach


@dataclasses.dataclass(frozen=True)
class Ultra:
    grids: tuple[str, ...]  # the small grids in the order of AT, each as its nine marks, "-" free
    last: tuple[int, ...]  # the cell of the last mark; () where it is not shown


def to_move(board: Ultra) -> str:
    """The mark that is written next."""
    marks = "".join(board.grids)
    return "X" if marks.count("X") == marks.count("O") else "O"


def next_grid(board: Ultra) -> int:
    return AT.index(board.last[2:])


def complete(marks: str, mark: str) -> list[str]:
    """The names of the lines of a small grid that consist of this mark."""
    return [name for name, line in LINES.items() if all(marks[at] == mark for at in line)]


def gains(marks: str, mark: str) -> dict[int, list[str]]:
    """The lines that one more mark completes, for every free place of a small grid."""
    found = {at: [] for at in range(9) if marks[at] == "-"}
    for name, line in LINES.items():
        free = [at for at in line if marks[at] == "-"]
        if len(free) == 1 and sum(marks[at] == mark for at in line) == 2:
            found[free[0]].append(name)
    return found


def best_place(marks: str, mark: str) -> int | None:
    """Where one more mark gives most points; None if that is nowhere, or not only there."""
    points = {at: len(lines) for at, lines in gains(marks, mark).items()}
    most = max(points.values(), default=0)
    best = [at for at in points if points[at] == most]
    return best[0] if most and len(best) == 1 else None


@dataclasses.dataclass(frozen=True)
class Wish:
    """How a small grid is to look in the end, and whether the last mark leads there.

    Each of its marks answers a mark of the other player that leads there, but for the first X.
    """

    grid: int
    marks: str
    leads: bool

    def choose(self, free: list[int], grid: int, mark: str, lead: bool) -> list[int]:
        """Those of the free places of a small grid that go with the wish.

        lead: whether the mark should lead to the wished grid, where it can.
        """
        if grid == self.grid:
            return [at for at in free if self.marks[at] == mark]
        if self.grid in free:
            return [self.grid] if lead else [at for at in free if at != self.grid]
        return free


def play(rng, count: int, wish: Wish | None = None) -> Ultra | None:
    """A random game of this many marks that goes on; None if it ended or missed the wish."""
    grids, grid = [["-"] * 9 for _ in range(9)], CENTRE
    if wish:  # how often each player still has to lead to its grid, but for the last mark
        left = {mark: wish.marks.count(other) for mark, other in OTHER.items()}
        left["O"] -= wish.grid == CENTRE
    for turn, (chance, lead) in enumerate(rng.random((count, 2)).tolist()):
        mark = "XO"[turn % 2]
        free = [at for at in range(9) if grids[grid][at] == "-"]
        if wish:
            is_last = turn == count - 1
            leads = wish.leads if is_last else lead * (count - turn) < HASTE * left[mark]
            free = wish.choose(free, grid, mark, leads)
        if not free:
            return None
        at = free[int(chance * len(free))]
        if wish and at == wish.grid:
            left[mark] -= 1
        grids[grid][at] = mark
        last, grid = (*AT[grid], *AT[at]), at
    board = Ultra(tuple(map("".join, grids)), last)
    if wish and (board.grids[wish.grid] != wish.marks or (grid == wish.grid) != wish.leads):
        return None
    return board if "-" in board.grids[grid] else None


def new(rng, level: str) -> Ultra:
    while (board := play(rng, between(rng, *MARKS[level]))) is None:
        pass
    return board


def scatter(rng, count: int) -> str:
    """A small grid with this many marks of either player."""
    marked = pick_some(rng, range(9), count)
    return "".join(pick(rng, "XO") if at in marked else "-" for at in range(9))


def draw(board: Ultra, size: int):
    cell, starts, blank = _blank(size)
    image = blank.copy()
    pen = ImageDraw.Draw(image)
    line = max(1, cell // 20)
    px = round(0.68 * cell)
    px -= (px - cell - line) % 2  # the same parity as the cell: exactly in its middle
    for (i, j), marks in zip(AT, board.grids, strict=True):
        for (row, col), mark in zip(AT, marks, strict=True):
            x, y = starts[j] + col * cell, starts[i] + row * cell
            if (i, j, row, col) == board.last:
                frame = (x, y, x + cell + line - 1, y + cell + line - 1)
                pen.rectangle(frame, YELLOW, BLACK, 3 * line)
            if mark != "-":
                inset = (cell + line - px) // 2
                shape, colour = LOOKS[mark]
                image.paste(colour, (x + inset, y + inset), mask_of(shape, px))
    return image


@functools.lru_cache(maxsize=8)
def _blank(size: int) -> tuple[int, list[int], Image.Image]:
    """The side of a cell, where the small grids begin, and the empty grids with their numbers."""
    cell = int(size / 11.8)
    line = max(1, cell // 20)
    first = size - 10 * cell - line - cell // 5
    starts = [first + at * (3 * cell + cell // 2) for at in range(3)]
    image = Image.new("RGB", (size, size), WHITE)
    pen = ImageDraw.Draw(image)
    for x, y in product(starts, starts):
        for at in range(4):
            to, end = at * cell, 3 * cell + line - 1
            pen.rectangle((x + to, y, x + to + line - 1, y + end), SLATE)
            pen.rectangle((x, y + to, x + end, y + to + line - 1), SLATE)
    small, large = first - 0.38 * cell, first - 1.25 * cell
    for number, start in enumerate(starts):
        middle = start + 1.5 * cell
        write(image, (large, middle), number, cell)
        write(image, (middle, large), number, cell)
        for at in range(3):
            middle = start + (at + 0.5) * cell
            write(image, (small, middle), at, 0.68 * cell, SLATE)
            write(image, (middle, small), at, 0.68 * cell, SLATE)
    return cell, starts, image


def cell_text(cell: tuple) -> str:
    return f"({', '.join(map(str, cell))})"


def spell(marks: str) -> str:
    """The rows of a small grid."""
    return " / ".join((marks[:3], marks[3:6], marks[6:]))


def describe(board: Ultra) -> str:
    grids = "\n".join(
        f"small grid {text(at)}: {spell(marks)}" for at, marks in zip(AT, board.grids, strict=True)
    )
    last = f"The last mark is the one at {cell_text(board.last)}." if board.last else ""
    return (
        "The small grids, each row by row; X is the first player's mark, O the second's, - a free "
        f"cell:\n{grids}\n{last or 'Which mark is the last one is not shown.'}"
    )


def parse(description: str) -> Ultra:
    grids = re.findall(r"small grid .*: ([XO-]{3}) / ([XO-]{3}) / ([XO-]{3})", description)
    last = re.search(r"\((\d), (\d), (\d), (\d)\)\.$", description)
    return Ultra(tuple(map("".join, grids)), tuple(map(int, last.groups())) if last else ())


def read_next(board: Ultra) -> str:
    """The step that finds the small grid to go on in."""
    grid = next_grid(board)
    return (
        f"The last mark, in the frame, is at {cell_text(board.last)}, so the next one goes into "
        f"small grid {text(AT[grid])}: {spell(board.grids[grid])}."
    )


class CellOwner(Task):
    """Always the same three options."""

    name = "cell_owner"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 3

    def pose(self, game, rng, level):
        """For any cell, the three answers are equally likely."""
        grid, at, mark = between(rng, 0, 8), between(rng, 0, 8), pick(rng, tuple(OWNERS))
        while (board := new(rng, level)).grids[grid][at] != mark:
            pass
        return board, {"cell": (*AT[grid], *AT[at])}

    def ask(self, board, cell):
        return f"Which player, first or second, has marked cell {cell_text(cell)}, if any has?"

    def solve(self, board, cell):
        i, j, row, col = cell
        marks = board.grids[3 * i + j]
        mark = marks[3 * row + col]
        steps = [
            f"Small grid {text((i, j))}: {spell(marks)}.",
            f"In its row {row} and column {col}: {mark}, {OWNERS[mark]}.",
        ]
        return Solution(OWNERS[mark], steps)

    def distractors(self, board, rng, answer, cell):
        return [owner for owner in OWNERS.values() if owner != answer]


class Count(Task):
    """Always the same options: all the numbers that can come up."""

    NUMBERS: Sequence[int]

    def distractors(self, board, rng, answer, **params):
        return [number for number in self.NUMBERS if number != answer]


class FreeCellsNextGrid(Count):
    """Nine marks that lead there fill a small grid at most by eight: one is the last mark.

    With a tenth for the start, the one in the middle may be full, which ends the game.
    """

    name = "free_cells_next_grid"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 9

    NUMBERS = range(1, 10)

    def pose(self, game, rng, level):
        """All numbers are equally likely."""
        free, board = pick(rng, self.NUMBERS), None
        while board is None:
            wish = Wish(between(rng, 0, 8), scatter(rng, 9 - free), leads=True)
            board = play(rng, between(rng, *MARKS[level]), wish)
        return board, {}

    def ask(self, board):
        return "In how many cells can the next mark be written?"

    def solve(self, board):
        free = board.grids[next_grid(board)].count("-")
        return Solution(free, [read_next(board), f"Free cells there: {free}."])


class MarkedCenters(Count):
    """Never nine: the last of them would lead to the small grid in the middle, which is full."""

    name = "marked_centers"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 9

    NUMBERS = range(9)

    def pose(self, game, rng, level):
        """All numbers are equally likely.

        As many marks are in the small grid in the middle, and the first one, save that the last
        mark has not been answered.
        """
        count, board = pick(rng, self.NUMBERS), None
        while board is None:
            leads = between(rng, 1, 9) <= count
            wish = Wish(CENTRE, scatter(rng, count + 1 - leads), leads)
            board = play(rng, between(rng, *MARKS[level]), wish)
        return board, {}

    def ask(self, board):
        return "In how many of the nine small grids is the centre, cell (1, 1) of it, marked?"

    def solve(self, board):
        centres = "".join(marks[CENTRE] for marks in board.grids)
        count = 9 - centres.count("-")
        steps = f"The centres, by the rows of small grids: {spell(centres)}.", f"Marked: {count}."
        return Solution(count, steps)


class PieceTotal(Task):
    name = "piece_total"
    qa_type, qa_level, n_options = PERCEPTION, "Medium", 8

    def pose(self, game, rng, level):
        """All numbers within MARKS are equally likely."""
        count = between(rng, *MARKS[level])
        while (board := play(rng, count)) is None:
            pass
        return board, {}

    def ask(self, board):
        return "How many marks are in the nine small grids together?"

    def solve(self, board):
        counts = [9 - marks.count("-") for marks in board.grids]
        read = [
            f"{text(at)} {spell(marks)} {count}"
            for at, marks, count in zip(AT, board.grids, counts, strict=True)
        ]
        steps = f"Small grids, each with its marks: {'; '.join(read)}.", f"{add_up(counts)}."
        return Solution(sum(counts), steps)

    def distractors(self, board, rng, answer):
        low, high = next(limits for limits in MARKS.values() if answer <= limits[1])
        return pick_numbers(rng, answer, low, high, self.n_options - 1, 12)


class PointsInGrid(Count):
    name = "points_in_grid"
    qa_type, qa_level, n_options = PERCEPTION, "Medium", 6

    NUMBERS = range(6)

    def pose(self, game, rng, level):
        """For any player and small grid, all numbers are equally likely."""
        points, player = pick(rng, self.NUMBERS), pick(rng, tuple(PLAYERS))
        grid, board = between(rng, 0, 8), None
        while board is None:
            marks = pick(rng, with_points()[points])
            if player == "second":
                marks = swap(marks)
            board = play(
                rng, between(rng, *MARKS[level]), Wish(grid, marks, between(rng, 0, 8) < 1)
            )
        return board, {"player": player, "grid": AT[grid]}

    def ask(self, board, player, grid):
        mark = PLAYERS[player]
        return f"How many points has the {player} player, {mark}, got in small grid {text(grid)}?"

    def solve(self, board, player, grid):
        marks, mark = board.grids[AT.index(grid)], PLAYERS[player]
        lines = complete(marks, mark)
        steps = [
            f"Small grid {text(grid)}: {spell(marks)}.",
            f"Lines of three {mark}: {', '.join(lines) or 'none'}; points: {len(lines)}.",
        ]
        return Solution(len(lines), steps)


def swap(marks: str) -> str:
    return marks.translate(str.maketrans(OTHER))


@functools.cache
def with_points() -> dict[int, list[str]]:
    """Small grids by the points of X, which has at least three marks."""
    found = {points: [] for points in PointsInGrid.NUMBERS}
    for marks in map("".join, product("XO-", repeat=9)):
        points = len(complete(marks, "X"))
        if points in found and marks.count("X") > 2:
            found[points].append(marks)
    return found


class InferNextGrid(Task):
    """Always the same nine options."""

    name = "infer_next_grid"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 9

    def pose(self, game, rng, level):
        """All small grids are equally likely. The last mark is not shown."""
        grid = between(rng, 0, 8)
        while next_grid(board := new(rng, level)) != grid:
            pass
        board = dataclasses.replace(board, last=())
        player = next(name for name, mark in PLAYERS.items() if mark == to_move(board))
        return board, {"player": player}

    def ask(self, board, player):
        return (
            f"It is the turn of the {player} player, {PLAYERS[player]}. Into which small grid must "
            "the next mark go?"
        )

    def solve(self, board, player):
        mine = PLAYERS[player]
        theirs = OTHER[mine]
        led = [sum(marks[at] == theirs for marks in board.grids) for at in range(9)]
        answered = [marks.count(mine) for marks in board.grids]
        start = ""
        if mine == "X":
            answered[CENTRE] -= 1
            start = ", without the one at the start in (1, 1)"
        (grid,) = (at for at in range(9) if led[at] - answered[at] == 1)
        read = "; ".join(
            f"{text(at)} {spell(marks)}" for at, marks in zip(AT, board.grids, strict=True)
        )
        steps = [
            f"Small grids: {read}.",
            f"Marks {theirs} that lead to each small grid, in this order: {by_row(led)}.",
            f"Marks {mine} in each, which answer them{start}: {by_row(answered)}.",
            f"Only in {text(AT[grid])} one is not answered: {led[grid]} to {answered[grid]}.",
        ]
        return Solution(AT[grid], steps)

    def distractors(self, board, rng, answer, player):
        return [at for at in AT if at != answer]


def by_row(numbers: Sequence[int]) -> str:
    return spell("".join(map(str, numbers)))


class BestScoringCell(Task):
    name = "best_scoring_cell"
    qa_type, qa_level = STRATEGY, "Hard"

    def pose(self, game, rng, level):
        """All cells of the board are equally likely; in half a second cell gives points, too."""
        grid, place, rivals, board = (
            between(rng, 0, 8),
            between(rng, 0, 8),
            rng.random() < 0.5,
            None,
        )
        while board is None:
            count, held = between(rng, *MARKS[level]), between(rng, *IN_GRID[level])
            some = with_best().get((place, rivals, held))
            if some:
                marks = pick(rng, some)
                marks = swap(marks) if count % 2 else marks
                board = play(rng, count, Wish(grid, marks, leads=True))
        return board, {}

    def ask(self, board):
        return (
            "Which cell gives the player whose turn it is most points with the next mark alone? "
            "Answer with (i, j, r, c)."
        )

    def solve(self, board):
        mark, grid = to_move(board), next_grid(board)
        marks = board.grids[grid]
        place = best_place(marks, mark)
        if place is None:
            raise ValueError("there is not just one best cell")
        found = gains(marks, mark)
        said = [f"{text(AT[at])} {', '.join(lines)}" for at, lines in found.items() if lines]
        others = [text(AT[at]) for at, lines in found.items() if not lines]
        best = (*AT[grid], *AT[place])
        points = len(found[place])
        steps = [
            read_next(board),
            f"{mark} is next. Lines that {mark} completes at its free (r, c): {'; '.join(said)}; "
            f"{', '.join(others) or 'no other'} none.",
            f"Most points, {points}, at {cell_text(best)}.",
        ]
        return Solution(best, steps)

    def text(self, value):
        return cell_text(value)


@functools.cache
def with_best() -> dict[tuple[int, bool, int], list[str]]:
    """Small grids with one best place for X, by it, by whether others score, by their marks."""
    found = {}
    for marks in map("".join, product("XO-", repeat=9)):
        place = best_place(marks, "X")
        if place is not None and marks.count("-") > 1:
            scoring = sum(bool(lines) for lines in gains(marks, "X").values())
            key = place, scoring > 1, 9 - marks.count("-")
            found.setdefault(key, []).append(marks)
    return found


GAME = Game(
    name="ultra_tictactoe",
    category="Strategic Planning",
    split_kind="in_domain",
    rules=RULES,
    state=Ultra,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("marks", lambda board: 81 - "".join(board.grids).count("-")),
    tasks=(
        CellOwner(),
        FreeCellsNextGrid(),
        MarkedCenters(),
        PieceTotal(),
        PointsInGrid(),
        InferNextGrid(),
        BestScoringCell(),
    ),
)
