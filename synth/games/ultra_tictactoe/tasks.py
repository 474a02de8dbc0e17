"""The questions about a board of ultra tic-tac-toe."""

import dataclasses
from collections.abc import Sequence

from synth.game import PERCEPTION, PREDICTION, STRATEGY, Solution, Task
from synth.games.ultra_tictactoe.rules import (
    AT,
    CENTRE,
    MARKS,
    OTHER,
    POINTS,
    Ultra,
    Wish,
    best_place,
    complete,
    gains,
    new,
    next_grid,
    play,
    scatter,
    swap,
    to_move,
    with_best,
    with_points,
)
from synth.questions import add_up, between, pick, pick_numbers, text

IN_GRID = {"Easy": (3, 5), "Medium": (4, 6), "Hard": (5, 7)}  # where the best cell is asked
PLAYERS = {"first": "X", "second": "O"}
OWNERS = {"X": "first", "O": "second", "-": "not marked"}


def cell_text(cell: tuple) -> str:
    return f"({', '.join(map(str, cell))})"


def spell(marks: str) -> str:
    """The rows of a small grid."""
    return " / ".join((marks[:3], marks[3:6], marks[6:]))


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

    NUMBERS = POINTS

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
