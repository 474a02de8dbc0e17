"""The questions about a game of Minesweeper; those about hidden cells can be concluded."""

from synth.game import PERCEPTION, PREDICTION, STRATEGY, Solution, Task
from synth.games.minesweeper.field import (
    BLANK,
    FLAG,
    HIDDEN,
    MINES,
    SIZE,
    Field,
    around,
    cells_with,
    lay,
    play,
    spell,
    touched,
    view,
)
from synth.games.minesweeper.logic import Limit, argue, conclude, layout
from synth.questions import between, listed, pick, pick_some, text

FLAGS = {"Easy": 3, "Medium": 5, "Hard": 7}  # asked for, at most; of flags or mines without
REVEALED = {"Easy": (4, 11), "Medium": (4, 18), "Hard": (4, 25)}  # asked for, least and most
AROUND = {4: 3, 5: 4, 6: 4}  # mines around a cell that are asked for, at most, by size of board
DIGITS = "12345678"


def flagged(rng, level: str, count: int, flags: int) -> Field:
    """A game with so many mines, and flags on so many of them."""
    size = SIZE[level]
    while True:
        mines = lay(rng, level, {})
        if len(mines) == count:
            for revealed in play(rng, size, mines, between(rng, size, size * size)):
                found = touched(size, mines, revealed)
                if len(found) >= flags and len(revealed) >= size:
                    return view(size, mines, revealed, set(pick_some(rng, found, flags)))


def mines_at_least(rng, level: str, count: int) -> int:
    least, most = MINES[level]
    return between(rng, max(least, count), most)


def random_cell(rng, level: str):
    return tuple(rng.integers(0, SIZE[level], 2).tolist())


def flags_in(field: Field) -> str:
    flags = cells_with(field, FLAG)
    return f"Flags: {listed(flags) if flags else 'none'}."


class FlagCount(Task):
    name = "flag_count"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """All numbers of flags up to FLAGS are equally likely."""
        flags = between(rng, 0, FLAGS[level])
        return flagged(rng, level, mines_at_least(rng, level, flags), flags), {}

    def ask(self, field):
        return "How many flags are there?"

    def solve(self, field):
        count = len(cells_with(field, FLAG))
        return Solution(count, [flags_in(field), f"The number of flags is {count}."])


class MinesRemaining(Task):
    name = "mines_remaining"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """All numbers of mines without flag up to FLAGS are equally likely."""
        left = between(rng, 0, FLAGS[level])
        count = mines_at_least(rng, level, left)
        return flagged(rng, level, count, count - left), {}

    def ask(self, field):
        return "How many mines have no flag yet?"

    def solve(self, field):
        flags = len(cells_with(field, FLAG))
        left = field.mines - flags
        steps = [
            f"All mines: {field.mines}.",
            flags_in(field),
            f"Without flag: {field.mines} - {flags} = {left}.",
        ]
        return Solution(left, steps)


class RevealedCount(Task):
    name = "revealed_count"
    qa_type, qa_level = PERCEPTION, "Easy"

    def pose(self, game, rng, level):
        """All numbers of revealed cells within REVEALED are equally likely."""
        size, count = SIZE[level], between(rng, *REVEALED[level])
        while True:
            mines = lay(rng, level, {})
            for revealed in play(rng, size, mines, count):
                if len(revealed) == count:
                    found = touched(size, mines, revealed)
                    flags = pick_some(rng, found, between(rng, 0, len(found)))
                    return view(size, mines, revealed, set(flags)), {}

    def ask(self, field):
        return "How many cells are revealed, blank ones included?"

    def solve(self, field):
        counts = [sum(mark not in (HIDDEN, FLAG) for mark in marks) for marks in field.rows]
        steps = [
            f"The cells, # is hidden, F is a flag, . is blank: {spell(field)}.",
            f"Revealed in each row: {listed(counts)}; together {sum(counts)}.",
        ]
        return Solution(sum(counts), steps)


class CellState(Task):
    name = "cell_state"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 4

    KINDS = ("number", "blank", "flagged", "hidden")

    def pose(self, game, rng, level):
        """For any cell, the four states are equally likely."""
        cell, kind = random_cell(rng, level), pick(rng, self.KINDS)
        known = {cell: kind == "flagged"} if kind != "hidden" else {}
        if kind == "blank":
            known |= dict.fromkeys(around(SIZE[level])[cell], False)
        while True:
            field = game_around(rng, level, known)
            if self.kind(field[cell]) == kind:
                return field, {"cell": cell}

    def kind(self, mark):
        return {BLANK: "blank", FLAG: "flagged", HIDDEN: "hidden"}.get(mark, "number")

    def ask(self, field, cell):
        return (
            f"What is the state of cell {text(cell)}: does it show a number, is it revealed and "
            "blank, flagged, or hidden without a flag?"
        )

    def solve(self, field, cell):
        row, kind = field.rows[cell[0]], self.kind(field[cell])
        steps = [
            f"Row {cell[0]}, # is hidden, F is a flag, . is blank: {' '.join(row)}.",
            f"In column {cell[1]}: {field[cell]}, so the cell's state is {kind}.",
        ]
        return Solution(kind, steps)

    def distractors(self, field, rng, answer, cell):
        return [kind for kind in self.KINDS if kind != answer]


def game_around(rng, level: str, known) -> Field:
    """A game in which this is known of some cells."""
    size = SIZE[level]
    mines = lay(rng, level, known)
    *_, revealed = play(rng, size, mines, between(rng, size, size * size))
    found = touched(size, mines, revealed)
    return view(size, mines, revealed, set(pick_some(rng, found, between(rng, 0, len(found)))))


def until_concluded(rng, level: str, known, cells) -> Field | None:
    """A game that has gone on until it can be concluded what these hidden cells are.

    known: what lies below the first of them and around it.
    """
    size = SIZE[level]
    mines = lay(rng, level, known)
    maybe = {mine for mine in sorted(mines) if mine != cells[0] and between(rng, 0, 1)}
    looked_at = size
    for revealed in play(rng, size, mines, size * size, covered=cells[0]):
        if len(revealed) > looked_at:
            looked_at = len(revealed)
            field = view(size, mines, revealed, maybe.intersection(touched(size, mines, revealed)))
            found, _ = conclude(field)
            if all(cell in found for cell in cells if field[cell] == HIDDEN):
                return field
    return None


def board_of(field: Field) -> str:
    return f"{field.mines} mines; # is hidden, F is a flag, . is blank: {spell(field)}."


class RevealOutcome(Task):
    """Two numbers are offered beside "mine" and "flood"; all four are equally likely."""

    name = "reveal_outcome"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 4

    def pose(self, game, rng, level):
        cell = random_cell(rng, level)
        near = around(SIZE[level])[cell]
        highest = min(AROUND[SIZE[level]], len(near))
        numbers = tuple(pick_some(rng, range(1, highest + 1), 2))
        outcome = pick(rng, ("mine", "flood", *numbers))
        while True:
            if outcome == "mine":
                known, cells = {cell: True}, (cell,)
            else:
                mines = pick_some(rng, near, 0 if outcome == "flood" else outcome)
                known = {cell: False} | {other: other in mines for other in near}
                cells = (cell, *near)
            field = until_concluded(rng, level, known, cells)
            if field:
                return field, {"cell": cell, "numbers": tuple(sorted(numbers))}

    def ask(self, field, cell, numbers):
        return (
            f"Only one of the options can come up if cell {text(cell)} is revealed. Which one? "
            "'mine': the cell holds a mine. 'flood': it has no mine and none around it, so that "
            "all cells around it are revealed, too. A number: the cell then shows this number."
        )

    def solve(self, field, cell, numbers):
        found, findings = conclude(field)
        near = around(len(field.rows))[cell]
        below = {other: found.get(other, field[other] == FLAG) for other in near}
        steps = [board_of(field)]
        if field[cell] == FLAG or found.get(cell):
            outcome = "mine"
            steps += argue(field, findings, [cell])
        elif cell in found and all(o in found for o in near if field[o] == HIDDEN):
            mines = [other for other in near if below[other]]
            outcome = len(mines) or "flood"
            steps += argue(field, findings, [cell, *near])
            around_it = f"around it are the mines {listed(mines)}" if mines else "so is all around"
            steps.append(f"{text(cell)} is safe, {around_it}.")
        else:
            outcome = self.only_one(field, cell, numbers)
            steps.append("No layout of the mines that fits allows any of the other options.")
        return Solution(outcome, [*steps, f"So {text(cell)} turns out as: {outcome}."])

    def only_one(self, field, cell, numbers):
        """By search, where the simple conclusions do not go far enough."""
        near = around(len(field.rows))[cell]
        hidden = frozenset(other for other in near if field[other] == HIDDEN)
        flags = sum(field[other] == FLAG for other in near)
        at = {True: Limit(None, frozenset([cell]), 1), False: Limit(None, frozenset([cell]), 0)}
        left = ["mine"] if layout(field, [at[True]]) is not None else []
        for number in sorted({0, *numbers}):
            if layout(field, [at[False], Limit(None, hidden, number - flags)]) is not None:
                left.append(number or "flood")
        if len(left) != 1:
            raise ValueError(f"not just one of the options can come up at {text(cell)}")
        return left[0]

    def distractors(self, field, rng, answer, cell, numbers):
        return [outcome for outcome in ("mine", "flood", *numbers) if outcome != answer]


class BestActionAtCell(Task):
    name = "best_action_at_cell"
    qa_type, qa_level, n_options = STRATEGY, "Hard", 6

    ACTIONS = ("flag", "reveal", "skip", "analyse", "already revealed", "already flagged")

    def pose(self, game, rng, level):
        """For any cell, all actions are equally likely."""
        cell, action = random_cell(rng, level), pick(rng, self.ACTIONS)
        while True:
            if action in ("flag", "reveal"):
                field = until_concluded(rng, level, {cell: action == "flag"}, (cell,))
            else:
                known = {cell: action == "already flagged"} if action != "skip" else {}
                field = game_around(rng, level, known)
            if field and self.solve(field, cell).answer == action:
                return field, {"cell": cell}

    def ask(self, field, cell):
        return (
            f"Which action is right for cell {text(cell)}? Hidden without flag: 'flag' if it must "
            "be a mine, 'reveal' if it cannot be one, 'skip' if what is shown leaves both "
            "possible. 'analyse' if it shows a number and a hidden cell without flag is around "
            "it. 'already revealed' if it is blank or shows a number with no such cell around "
            "it. 'already flagged' if it has a flag."
        )

    def solve(self, field, cell):
        mark = field[cell]
        steps = [board_of(field)]
        if mark == HIDDEN:
            action, said = self.at_hidden(field, cell)
            return Solution(action, [*steps, *said, f"So the action is: {action}."])
        if mark == FLAG:
            action, why = "already flagged", "has a flag"
        elif mark == BLANK:
            action, why = "already revealed", "is revealed and blank"
        else:
            hidden = [o for o in around(len(field.rows))[cell] if field[o] == HIDDEN]
            action = "analyse" if hidden else "already revealed"
            why = f"shows {mark}; hidden without flag around it: {listed(hidden) or 'none'}"
        return Solution(action, [*steps, f"{text(cell)} {why}: {action}."])

    def at_hidden(self, field, cell):
        found, findings = conclude(field)
        if cell in found:
            return "flag" if found[cell] else "reveal", argue(field, findings, [cell])
        fits = [layout(field, [Limit(None, frozenset([cell]), count)]) for count in (0, 1)]
        if None in fits:
            said = f"No layout that fits has {'a' if fits[1] is None else 'no'} mine there."
            return "reveal" if fits[1] is None else "flag", [said]
        without, with_it = (listed(sorted(mines)) for mines in fits)
        said = f"Besides flags, mines at {without} fit what is shown, but mines at {with_it}, too."
        return "skip", [said]

    def distractors(self, field, rng, answer, cell):
        return [action for action in self.ACTIONS if action != answer]
