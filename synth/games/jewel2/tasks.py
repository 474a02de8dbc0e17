"""The questions on jewel2."""

from synth.game import PERCEPTION, PREDICTION, STRATEGY, Solution, Task
from synth.games.jewel2.boards import counts_of, grid_for, grid_with, random_grid
from synth.games.jewel2.rules import (
    NORMAL,
    SIZE,
    SPECIAL,
    UNKNOWN,
    Command,
    Grid,
    Jewels,
    all_commands,
    carry_out,
    cells,
    fall,
    jewels,
    on_board,
    runs_through,
)
from synth.grid import DIRECTIONS, neighbour
from synth.questions import between, listed, pick, pick_some, text

PIECES = {"Easy": (1, 7), "Medium": (2, 9), "Hard": (3, 11)}  # of a kind, least and most
SPECIALS = {"Easy": (0, 5), "Medium": (1, 7), "Hard": (2, 9)}
BOTH = (3, 9)  # removed by two commands, least and most
GOOD = 5  # pieces that the best command removes, at least
FIRST = (0, 3, 4, 5, 6)  # of these, by the first


def random_total(rng) -> int:
    return between(rng, 0, 100)


def new(rng, level: str) -> Jewels:
    return jewels(random_grid(rng, SIZE[level]), random_total(rng))


def grid_of(board: Jewels) -> Grid:
    return [list(row) for row in board.rows]


def spell(grid) -> str:
    rows = "; ".join(f"row {row}: {' '.join(marks)}" for row, marks in enumerate(grid))
    return f"The board: {rows}."


def words(command: Command) -> str:
    return " ".join(map(str, command))


def tell(grid: Grid, command: Command) -> tuple[int, list[str], Grid]:
    """How many pieces a command removes, why, and the board after they have fallen."""
    removed, board = carry_out(grid, command)
    row, col = cell = command[1:3]
    piece = grid[row][col]
    if command[0] == "clear":
        where = f"{text(cell)} holds {piece}"
        if piece in SPECIAL:
            why = f"{where}, a special piece, which removes {listed(removed)}"
        else:
            why = f"{where}; {_tell_runs(board, (cell,))}"
    else:
        other = neighbour(cell, command[3])
        pieces = [grid[r][c] for r, c in (cell, other) if on_board((r, c), len(grid))]
        where = f"{text(cell)} holds {piece}"
        if len(pieces) < 2:
            why = f"{where}; {text(other)} is off the board"
        else:
            where += f", {text(other)} holds {pieces[1]}"
            kinds = [mark for mark in pieces if mark not in NORMAL]
            if UNKNOWN in kinds:
                why = f"{where}: a piece is unknown, so nothing is sure"
            elif kinds:
                why = f"{where}: a special piece cannot be swapped"
            else:
                why = f"{where}, exchanged; {_tell_runs(board, (cell, other))}"
    said = f"{words(command)}: {why}: {len(removed)} removed."
    return len(removed), [said], fall(board, removed)


def _tell_runs(grid: Grid, places) -> str:
    runs = {}
    for row, col in places:
        for way, run in runs_through(grid, (row, col)).items():
            runs[tuple(run)] = f"{way} run of {grid[row][col]} {listed(run)}"
    return ", ".join(runs.values()) if runs else "no run of 3 through it"


class CountPiece(Task):
    name = "count_piece"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """All numbers are equally likely."""
        piece = pick(rng, NORMAL)
        others = NORMAL.replace(piece, "") * 3 + SPECIAL
        grid = grid_with(rng, SIZE[level], piece, between(rng, *PIECES[level]), others)
        return jewels(grid, random_total(rng)), {"piece": piece}

    def ask(self, board, piece):
        return f"How many normal pieces {piece} are on the board? Answer with a number."

    def solve(self, board, piece):
        counts = [row.count(piece) for row in board.rows]
        said = f"{piece} in each row: {' + '.join(map(str, counts))} = {sum(counts)}."
        return Solution(sum(counts), [spell(board.rows), said])


class PiecePosition(Task):
    name = "piece_position"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    def pose(self, game, rng, level):
        """All cells are equally likely, and just one of those offered holds the piece."""
        board, piece = new(rng, level), pick(rng, NORMAL)
        places = self.places(board, piece)
        others = [cell for cell in cells(len(board.rows)) if cell not in places]
        if not places or len(others) < 7:
            return None
        offered = (pick(rng, places), *pick_some(rng, others, 7))
        return board, {"piece": piece, "cells": tuple(sorted(offered))}

    def places(self, board, piece):
        return [cell for cell in cells(len(board.rows)) if board.rows[cell[0]][cell[1]] == piece]

    def ask(self, board, piece, cells):
        return f"Which of the cells in the options holds a normal piece {piece}?"

    def solve(self, board, piece, cells):
        places = self.places(board, piece)
        (answer,) = [cell for cell in cells if cell in places]
        return Solution(answer, [spell(board.rows), f"{piece} is at {listed(places)}."])

    def distractors(self, board, rng, answer, piece, cells):
        return [cell for cell in cells if cell != answer]


class CountSpecials(Task):
    name = "count_specials"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """All numbers are equally likely."""
        grid = grid_with(rng, SIZE[level], SPECIAL, between(rng, *SPECIALS[level]), NORMAL)
        return jewels(grid, random_total(rng)), {}

    def ask(self, board):
        return "How many special pieces are on the board? Answer with a number."

    def solve(self, board):
        found = [
            f"{mark} at ({row}, {col})"
            for row, marks in enumerate(board.rows)
            for col, mark in enumerate(marks)
            if mark in SPECIAL
        ]
        said = f"Special: {', '.join(found) or 'none'}; together {len(found)}."
        return Solution(len(found), [spell(board.rows), said])


class Outcome(Task):
    """What one command does: options are numbers of pieces, with the total that follows."""

    qa_type, qa_level = PREDICTION, "Medium"

    def pose(self, game, rng, level):
        """For any command, all numbers that it can have are equally likely."""
        command = self.command(rng, SIZE[level])
        count = pick(rng, counts_of(SIZE[level], command))
        grid = grid_for(rng, SIZE[level], command, count)
        return jewels(grid, random_total(rng)), {"command": command}

    def ask(self, board, command):
        return f"What does '{words(command)}' do, and what is the total then?"

    def solve(self, board, command):
        count, said, _ = tell(grid_of(board), command)
        total = board.total + count
        said += [f"The total was {board.total}: {board.total} + {count} = {total}."]
        return Solution((count, total), [spell(board.rows), *said])

    def distractors(self, board, rng, answer, command):
        counts = [count for count in counts_of(len(board.rows), command) if count != answer[0]]
        counts = pick_some(rng, counts, self.n_options - 1)
        return [(count, board.total + count) for count in counts]

    def text(self, value):
        count, total = value
        return f"{count} removed, total {total}"


class ClearOutcome(Outcome):
    name, n_options = "clear_outcome", 8

    def command(self, rng, size):
        return ("clear", *pick(rng, cells(size)))


class SwapOutcome(Outcome):
    """Six options: some swaps on the smallest board can have only six outcomes."""

    name, n_options = "swap_outcome", 6

    def command(self, rng, size):
        ways = [
            (cell, way)
            for cell in cells(size)
            for way in DIRECTIONS
            if on_board(neighbour(cell, way), size)
        ]
        cell, way = pick(rng, ways)
        return ("swap", *cell, way)


class TwoCommands(Task):
    name = "two_commands"
    qa_type, qa_level = PREDICTION, "Hard"

    def pose(self, game, rng, level):
        """All numbers are equally likely, whether the second command is a clear or a swap."""
        size, both, kind = SIZE[level], between(rng, *BOTH), pick(rng, ("clear", "swap"))
        while True:
            first = pick(rng, all_commands(size))
            counts = [count for count in counts_of(size, first) if count in FIRST]
            count = pick(rng, [count for count in counts if count <= both])
            grid = grid_for(rng, size, first, count)
            removed, board = carry_out(grid, first)
            after = fall(board, removed)
            commands = [one for one in all_commands(size) if one[0] == kind]
            for at in rng.permutation(len(commands)).tolist():
                second = commands[at]
                if second != first and len(carry_out(after, second)[0]) == both - count:
                    return jewels(grid, random_total(rng)), {"commands": (first, second)}

    def ask(self, board, commands):
        first, second = map(words, commands)
        return (
            f"'{first}' is carried out, the pieces fall, new ones come in, and then '{second}' is "
            "carried out. How many pieces do the two commands remove together at least, whatever "
            "the new pieces are? Answer with a number."
        )

    def solve(self, board, commands):
        one, said_one, after = tell(grid_of(board), commands[0])
        two, said_two, _ = tell(after, commands[1])
        said = [spell(board.rows), *said_one]
        if one:
            said.append(f"After the fall, ? is unknown: {spell(after)[11:]}")
        return Solution(one + two, [*said, *said_two, f"Together {one} + {two} = {one + two}."])


class BestCommand(Task):
    name = "best_command"
    qa_type, qa_level = STRATEGY, "Hard"

    def pose(self, game, rng, level):
        """Clear and swap are equally likely to be best, by removing at least GOOD pieces."""
        size, kind = SIZE[level], pick(rng, ("clear", "swap"))
        while True:
            command = pick(rng, [one for one in all_commands(size) if one[0] == kind])
            count = pick(rng, [count for count in counts_of(size, command) if count >= GOOD])
            grid = grid_for(rng, size, command, count)
            others = (other for other in all_commands(size) if other != command)
            if all(len(carry_out(grid, other)[0]) < count for other in others):
                return jewels(grid, random_total(rng)), {}

    def effects(self, board):
        grid = grid_of(board)
        counts = {command: len(carry_out(grid, command)[0]) for command in all_commands(len(grid))}
        return {command: count for command, count in counts.items() if count}

    def best(self, effects):
        most = max(effects.values(), default=0)
        return [command for command, count in effects.items() if count == most]

    def ask(self, board):
        return (
            "Which single command removes the most pieces? Write it as 'clear r c', or as "
            "'swap r c right' or 'swap r c down' from the left or upper one of the two cells."
        )

    def solve(self, board):
        effects = self.effects(board)
        best = self.best(effects)
        if len(best) != 1:
            raise ValueError("this board has not just one best command")
        listing = {}
        for command, count in effects.items():
            listing.setdefault(count, []).append(words(command))
        said = [
            f"{count} removed by: {', '.join(some)}." for count, some in sorted(listing.items())
        ]
        return Solution(best[0], [spell(board.rows), *said, "No other command removes anything."])

    def text(self, value):
        return words(value)
