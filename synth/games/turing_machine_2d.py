"""A Turing machine in two dimensions: a head reads, writes and moves on a grid of symbols."""

import dataclasses
import re
from functools import cache, lru_cache
from itertools import combinations, product

from PIL import Image, ImageDraw

from synth.draw import BLACK, GREY, WHITE, Board, write
from synth.draw.shapes import mask_of
from synth.game import PREDICTION, Game, Solution, Task
from synth.grid import DIRECTIONS, Cell, neighbour
from synth.questions import CELLS_ARE, between, cells_in, pick, pick_some, text

RULES = (
    "The picture shows a machine with a head on a grid of symbols, which are digits. The head is "
    "on the cell with the thick frame; the letter beside the grid is its state. The table below "
    "tells what happens in a step: find the row of the head's state and the column of the symbol "
    "under the head; the entry gives the symbol that the head writes there, the direction in which "
    "it then moves by one cell, and its new state. "
    f"{CELLS_ARE}"
)
SHAPES = {
    "Easy": ((3, 3), (4, 3)),
    "Medium": ((5, 3), (4, 4)),
    "Hard": ((5, 4), (5, 5)),
}  # rows and columns
SYMBOLS = {"Easy": (3, 3), "Medium": (3, 4), "Hard": (4, 5)}  # how many, least and most
STATES = {"Easy": (3, 3), "Medium": (3, 4), "Hard": (3, 4)}
STEPS = {"Easy": (3, 6), "Medium": (4, 7), "Hard": (5, 8)}
HISTORY_STEPS = {"Easy": (5, 6), "Medium": (6, 7), "Hard": (7, 8)}
MAX_STEPS = 8
LETTERS = "ABCD"
WAYS = tuple(DIRECTIONS)
COLOURS = ((255, 204, 178), (188, 230, 188), (180, 208, 255), (245, 238, 150), (228, 190, 238))

Rule = tuple[int, str, str]  # the symbol to write, the direction to move, the new state


@dataclasses.dataclass(frozen=True)
class Machine:
    rows: tuple[str, ...]  # one text a row, a digit for each cell
    head: Cell
    state: str
    rules: tuple[tuple[Rule, ...], ...]  # by state and symbol


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is settled before a run: the size of grid and table, where and how the run starts."""

    rows: int
    cols: int
    symbols: int
    states: int
    head: Cell
    state: str


@dataclasses.dataclass(frozen=True)
class Run:
    """A run inside the grid, with just the rules and symbols that it meets."""

    rules: dict[tuple[str, int], Rule]
    symbols: dict[Cell, int]  # before the first step
    seen: tuple[tuple[Cell, str, int], ...]  # before each step and at the end: cell, state, symbol


def plan(rng, level: str) -> Plan:
    rows, cols = pick(rng, SHAPES[level])
    symbols, states = between(rng, *SYMBOLS[level]), between(rng, *STATES[level])
    head = between(rng, 0, rows - 1), between(rng, 0, cols - 1)
    return Plan(rows, cols, symbols, states, head, LETTERS[between(rng, 0, states - 1)])


def try_run(rng, start: Plan, steps: int, may_be=None, put=None) -> Run | None:
    """A random run; rules and symbols are drawn when it meets them.

    may_be(cell, step): whether the head may be in the cell before that step (0 is the first); it
    may always be anywhere in the grid if this is None. put: {step: the symbol it must write}.
    None if the run breaks these conditions or leaves the grid.
    """
    luck = iter(rng.random(4 * steps + 1).tolist())
    rules, before, now = {}, {}, {}
    cell, state, seen = start.head, start.state, []
    put = put or {}

    def fits(cell, step):
        return inside(start, cell) and (may_be is None or may_be(cell, step))

    for step in range(steps + 1):
        if cell not in now:
            before[cell] = now[cell] = int(next(luck) * start.symbols)
        symbol = now[cell]
        seen.append((cell, state, symbol))
        if step == steps:
            return Run(rules, before, tuple(seen))
        if (state, symbol) not in rules:
            ways = [way for way in WAYS if fits(neighbour(cell, way), step + 1)]
            if not ways:
                return None
            new_state = LETTERS[int(next(luck) * start.states)]
            way = ways[int(next(luck) * len(ways))]
            write_there = put.get(step, int(next(luck) * start.symbols))
            rules[state, symbol] = write_there, way, new_state
        now[cell], way, state = rules[state, symbol]
        if put.get(step, now[cell]) != now[cell]:
            return None
        cell = neighbour(cell, way)
        if not fits(cell, step + 1):
            return None


def inside(grid: Plan, cell: Cell) -> bool:
    return 0 <= cell[0] < grid.rows and 0 <= cell[1] < grid.cols


def run_with(rng, start: Plan, steps: int, fits=lambda run: True, **conditions) -> Run:
    """A random run for which `fits` is true, under the conditions of `try_run`."""
    while True:
        run = try_run(rng, start, steps, **conditions)
        if run is not None and fits(run):
            return run


def cells_of(rows: int, cols: int) -> list[Cell]:
    return [(row, col) for row in range(rows) for col in range(cols)]


def apart(a: Cell, b: Cell) -> int:
    """The fewest steps from one cell to the other."""
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def complete(rng, start: Plan, run: Run) -> Machine:
    """A machine that makes this run; whatever the run does not meet is random."""
    luck = iter(rng.random(start.rows * start.cols + 3 * start.states * start.symbols).tolist())
    rows = tuple(
        "".join(
            str(run.symbols.get((row, col), int(next(luck) * start.symbols)))
            for col in range(start.cols)
        )
        for row in range(start.rows)
    )
    rules = tuple(
        tuple(
            run.rules.get(
                (state, symbol),
                (
                    int(next(luck) * start.symbols),
                    WAYS[int(next(luck) * 4)],
                    LETTERS[int(next(luck) * start.states)],
                ),
            )
            for symbol in range(start.symbols)
        )
        for state in LETTERS[: start.states]
    )
    return Machine(rows, start.head, start.state, rules)


def new(rng, level: str) -> Machine:
    """A machine that stays inside its grid for some steps."""
    start = plan(rng, level)
    return complete(rng, start, run_with(rng, start, MAX_STEPS))


def rule_of(machine: Machine, state: str, symbol: int) -> Rule:
    return machine.rules[LETTERS.index(state)][symbol]


def steps_of(machine: Machine):
    """Endless: before each step the cell of the head, its state and the symbol under it.

    Raises ValueError where the head leaves the grid.
    """
    symbols = [[int(mark) for mark in marks] for marks in machine.rows]
    (row, col), state = machine.head, machine.state
    while True:
        yield (row, col), state, symbols[row][col]
        symbols[row][col], way, state = rule_of(machine, state, symbols[row][col])
        row, col = neighbour((row, col), way)
        if not (0 <= row < len(symbols) and 0 <= col < len(symbols[0])):
            raise ValueError("the head leaves the grid")


def follow(machine: Machine, steps: int) -> list[tuple[Cell, str, int]]:
    """What the head sees before each of the steps, and at the end."""
    run = steps_of(machine)
    return [next(run) for _ in range(steps + 1)]


def tell(machine: Machine, seen) -> list[str]:
    """The sentences that follow a run."""
    rows = "; ".join(f"row {row}: {' '.join(marks)}" for row, marks in enumerate(machine.rows))
    said = [f"The grid: {rows}.", f"The head is at {text(machine.head)} in state {machine.state}."]
    for step, (cell, state, symbol) in enumerate(seen[:-1], 1):
        put, way, after = rule_of(machine, state, symbol)
        said.append(
            f"Step {step}: {state} on {symbol}: write {put} at {text(cell)}, {way} to "
            f"{text(seen[step][0])}, state {after}."
        )
    return said


def draw(machine: Machine, size: int):
    rows, cols = len(machine.rows), len(machine.rows[0])
    image = Image.new("RGB", (size, size), WHITE)
    board = Board(round(0.56 * size), rows, cols, line=GREY)
    thick = max(3, board.cell // 10)
    pen = ImageDraw.Draw(board.image)
    for row, marks in enumerate(machine.rows):
        for col, mark in enumerate(marks):
            x, y = board.left + col * board.cell, board.top + row * board.cell
            side = board.cell - board.line_px
            at = x + board.line_px, y + board.line_px
            board.image.paste(tile(int(mark), side, side), at)
            if (row, col) == machine.head:
                corner = x + board.cell, y + board.cell
                pen.rectangle(((x, y), corner), outline=BLACK, width=thick)
    left = round(0.08 * size)
    image.paste(board.image, (left, 0))
    middle = (left + board.image.width + size) // 2
    write(image, (middle, 0.22 * size), "state", 0.075 * size)
    write(image, (middle, 0.33 * size), machine.state, 0.12 * size)
    _draw_table(image, machine)
    return image


def _draw_table(image: Image.Image, machine: Machine) -> None:
    """The rules in the lower part: a row for each state, a column for each symbol."""
    size, rules = image.width, machine.rules
    rows, cols = len(rules) + 1, len(rules[0]) + 1
    top, head = round(0.58 * size), round(0.08 * size)
    width, height = (size - head - 2) // (cols - 1), (size - top - 2) // rows
    pen = ImageDraw.Draw(image)
    for symbol in range(cols - 1):
        image.paste(tile(symbol, width - 1, height - 1), (head + symbol * width + 1, top + 1))
    for row, entries in enumerate(rules, 1):
        y = top + row * height
        image.paste(letter(LETTERS[row - 1], head - 2, height - 1), (1, y + 1))
        for col, rule in enumerate(entries):
            image.paste(entry(rule, width - 1, height - 1), (head + col * width + 1, y + 1))
    for row in range(rows + 1):
        pen.line((0, top + row * height, head + (cols - 1) * width, top + row * height), GREY)
    for x in (0, *(head + col * width for col in range(cols))):
        pen.line((x, top, x, top + rows * height), GREY)


@lru_cache(maxsize=256)
def tile(symbol: int, width: int, height: int) -> Image.Image:
    """A symbol on its colour."""
    image = Image.new("RGB", (width, height), COLOURS[symbol])
    write(image, (width / 2, height / 2), symbol, 0.68 * min(width, height))
    return image


@lru_cache(maxsize=256)
def letter(state: str, width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), WHITE)
    write(image, (width / 2, height / 2), state, min(0.68 * height, width))
    return image


@lru_cache(maxsize=2048)
def entry(rule: Rule, width: int, height: int) -> Image.Image:
    """A rule: the symbol to write, an arrow, the new state."""
    symbol, way, state = rule
    image = Image.new("RGB", (width, height), WHITE)
    side = min(round(0.8 * height), width // 3)
    arrow = round(0.62 * side)
    top = (height - side) // 2
    step = width / 3
    image.paste(tile(symbol, side, side), (round(step / 2 - side / 2), top))
    at = round(1.5 * step - arrow / 2), (height - arrow) // 2
    image.paste(BLACK, at, mask_of(f"arrow {way}", arrow))
    image.paste(letter(state, side, side), (round(2.5 * step - side / 2), top))
    return image


def describe(machine: Machine) -> str:
    rows = "\n".join(f"row {row}: {' '.join(marks)}" for row, marks in enumerate(machine.rows))
    table = "\n".join(
        f"in state {LETTERS[at]}: "
        + "; ".join(
            f"on {symbol} write {put}, move {way}, go to {after}"
            for symbol, (put, way, after) in enumerate(entries)
        )
        for at, entries in enumerate(machine.rules)
    )
    return (
        f"A grid of symbols:\n{rows}\nThe head is at {text(machine.head)} in state "
        f"{machine.state}. The rules:\n{table}"
    )


def parse(description: str) -> Machine:
    rows = tuple(row.replace(" ", "") for row in re.findall(r"row \d+: ([\d ]+)", description))
    (head,), state = cells_in(description), re.search(r"in state (\w)\.", description)[1]
    rules = tuple(
        tuple(
            (int(put), way, after)
            for put, way, after in re.findall(r"write (\d), move (\w+), go to (\w)", line)
        )
        for line in re.findall(r"in state \w: (.*)", description)
    )
    return Machine(rows, head, state, rules)


class HeadPosition(Task):
    name = "head_position"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    def pose(self, game, rng, level):
        """All cells are equally likely to be the last."""
        steps, some = between(rng, *STEPS[level]), plan(rng, level)
        end = some.head

        def can_lead(cell, step):
            return apart(cell, end) in range((steps - step) % 2, steps - step + 1, 2)

        starts = [cell for cell in cells_of(some.rows, some.cols) if can_lead(cell, 0)]
        start = dataclasses.replace(some, head=pick(rng, starts))
        return complete(rng, start, run_with(rng, start, steps, may_be=can_lead)), {"steps": steps}

    def ask(self, machine, steps):
        return f"In which cell is the head after {steps} steps?"

    def solve(self, machine, steps):
        seen = follow(machine, steps)
        return Solution(seen[-1][0], tell(machine, seen))

    def distractors(self, machine, rng, answer, steps):
        cells = cells_of(len(machine.rows), len(machine.rows[0]))
        return pick_some(rng, [cell for cell in cells if cell != answer], 7)


class HeadStateSymbol(Task):
    name = "head_state_symbol"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    def pose(self, game, rng, level):
        """All pairs of a state and a symbol are equally likely."""
        steps, start = between(rng, *STEPS[level]), plan(rng, level)
        wanted = LETTERS[between(rng, 0, start.states - 1)], between(rng, 0, start.symbols - 1)
        run = run_with(rng, start, steps, lambda run: run.seen[-1][1:] == wanted)
        return complete(rng, start, run), {"steps": steps}

    def ask(self, machine, steps):
        return (
            f"After {steps} steps, in which state is the head, and which symbol is then under it, "
            "in the cell that it has moved to?"
        )

    def solve(self, machine, steps):
        seen = follow(machine, steps)
        cell, state, symbol = seen[-1]
        visits = [step for step, before in enumerate(seen[:-1], 1) if before[0] == cell]
        since = f"was written in step {visits[-1]}" if visits else "was there from the start"
        said = (
            f"The head is in state {state}; under it, at {text(cell)}, is {symbol}, which {since}."
        )
        return Solution((state, symbol), [*tell(machine, seen), said])

    def distractors(self, machine, rng, answer, steps):
        symbols = range(len(machine.rules[0]))
        states = LETTERS[: len(machine.rules)]
        pairs = [(state, symbol) for state in states for symbol in symbols]
        return pick_some(rng, [pair for pair in pairs if pair != answer], 7)

    def text(self, value):
        state, symbol = value
        return f"state {state}, symbol {symbol}"


@cache
def writings(apart: int, steps: int, symbols: int) -> tuple[tuple[tuple[int, int], ...], ...]:
    """All ways in which a cell can be written on, one to three times: (step, symbol) each.

    The head starts `apart` steps away, so that it can come there in every other step only.
    """
    found = []
    visits = range(apart + 1, steps + 1, 2)
    for count in (1, 2, 3):
        for chosen in combinations(visits, count):
            if apart > 0 or chosen[0] == 1:
                for put in product(range(symbols), repeat=count):
                    found.append(tuple(zip(chosen, put, strict=True)))
    return tuple(found)


class SymbolHistory(Task):
    name = "symbol_history"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    def pose(self, game, rng, level):
        """All ways in which the cell can be written on are equally likely."""
        steps, start = between(rng, *HISTORY_STEPS[level]), plan(rng, level)
        cells = cells_of(start.rows, start.cols)
        cell = pick(rng, [cell for cell in cells if apart(cell, start.head) <= 2])
        written = pick(rng, writings(apart(cell, start.head), steps, start.symbols))
        visits = [step - 1 for step, _ in written]

        def may_be(at, step):
            ahead = [visit for visit in visits if visit >= step]
            if step < steps and (at == cell) != (step in visits):
                return False
            return not ahead or apart(at, cell) <= ahead[0] - step

        put = {step - 1: symbol for step, symbol in written}
        run = run_with(rng, start, steps, may_be=may_be, put=put)
        return complete(rng, start, run), {"steps": steps, "cell": cell}

    def ask(self, machine, steps, cell):
        return (
            f"The machine makes {steps} steps. Which symbol does cell {text(cell)} hold at first, "
            "and what is written there in which steps? Writing the same symbol again counts."
        )

    def solve(self, machine, steps, cell):
        seen = follow(machine, steps)
        first = int(machine.rows[cell[0]][cell[1]])
        written = [
            (step, rule_of(machine, state, symbol)[0])
            for step, (at, state, symbol) in enumerate(seen[:-1], 1)
            if at == cell
        ]
        said = [*tell(machine, seen), f"At first, {text(cell)} holds {first}."]
        return Solution(((0, first), *written), said)

    def distractors(self, machine, rng, answer, steps, cell):
        """The cell holds the same symbol at first, and is written on in any other way."""
        first, *written = answer
        ways = writings(apart(cell, machine.head), steps, len(machine.rules[0]))
        others = pick_some(rng, [way for way in ways if way != tuple(written)], 7)
        return [(first, *way) for way in others]

    def text(self, value):
        (_, first), *written = value
        return ", ".join(
            [str(first), *(f"then {symbol} in step {step}" for step, symbol in written)]
        )


class FirstStateEntry(Task):
    name = "first_state_entry"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    def pose(self, game, rng, level):
        """All numbers of steps are equally likely."""
        steps, start = between(rng, 1, MAX_STEPS), plan(rng, level)
        others = [state for state in LETTERS[: start.states] if state != start.state]
        wanted = pick(rng, others)

        def fits(run):
            states = [state for _, state, _ in run.seen]
            return states[-1] == wanted and wanted not in states[:-1]

        machine = complete(rng, start, run_with(rng, start, steps, fits))
        return machine, {"target_state": wanted}

    def ask(self, machine, target_state):
        return (
            f"After how many steps is the head for the first time in state {target_state}? The "
            "state before the first step does not count."
        )

    def solve(self, machine, target_state):
        seen = []
        for before in steps_of(machine):
            seen.append(before)
            if len(seen) > 1 and before[1] == target_state:
                return Solution(len(seen) - 1, tell(machine, seen))

    def distractors(self, machine, rng, answer, target_state):
        return [steps for steps in range(1, MAX_STEPS + 1) if steps != answer]


GAME = Game(
    name="turing_machine_2d",
    category="Multi-step Reasoning",
    split_kind="in_domain",
    rules=RULES,
    state=Machine,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cells", lambda machine: len(machine.rows) * len(machine.rows[0])),
    tasks=(HeadPosition(), HeadStateSymbol(), SymbolHistory(), FirstStateEntry()),
)
