"""Ultra tic-tac-toe: lines, games that are played at random, and small grids to ask about."""

import dataclasses
import functools
from itertools import product

from synth.questions import between, pick, pick_some

MARKS = {"Easy": (10, 30), "Medium": (31, 48), "Hard": (49, 62)}  # on the board
POINTS = range(6)  # of a player in a small grid, where they are asked
AT = tuple((row, col) for row in range(3) for col in range(3))  # of a small grid, or in it
CENTRE = AT.index((1, 1))
LINES = {
    **{f"row {row}": tuple(range(3 * row, 3 * row + 3)) for row in range(3)},
    **{f"column {col}": tuple(range(col, 9, 3)) for col in range(3)},
    "the diagonal from the top left": (0, 4, 8),
    "the diagonal from the top right": (2, 4, 6),
}
OTHER = {"X": "O", "O": "X"}
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


def swap(marks: str) -> str:
    return marks.translate(str.maketrans(OTHER))


@functools.cache
def with_points() -> dict[int, list[str]]:
    """Small grids by the points of X, which has at least three marks."""
    found = {points: [] for points in POINTS}
    for marks in map("".join, product("XO-", repeat=9)):
        points = len(complete(marks, "X"))
        if points in found and marks.count("X") > 2:
            found[points].append(marks)
    return found


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
