"""Tangram: a board cut into pieces, some of which are taken off."""

from synth.game import PERCEPTION, PREDICTION, Game, Solution, Task
from synth.games.tangram.picture import draw
from synth.games.tangram.rules import (
    OFF,
    PIECES,
    SIZES,
    Tangram,
    beside,
    board,
    box_of,
    by_row,
    cells_of,
    columns,
    cut,
    describe,
    letter_of,
    new,
    parse,
    room,
    rows_of,
    shape_of,
    spell,
    take_off,
    turned,
)
from synth.grid import DIRECTIONS, neighbour
from synth.questions import (
    CELLS_ARE,
    add_up,
    between,
    listed,
    pick,
    pick_near,
    pick_numbers,
    pick_some,
    text,
)

RULES = (
    "The picture shows a square board cut into pieces: all cells with the same letter are one "
    "piece. The pieces on the right were taken off the board; white cells are the hole where they "
    f"were. {CELLS_ARE}"
)
AREA = {"Easy": (2, 9), "Medium": (3, 14), "Hard": (6, 21)}  # asked for, least and most
SHORTEST = {"Easy": 1, "Medium": 2, "Hard": 3}  # sides of the box that is asked for, at least
TURNS = ("no turn", "90 clockwise", "180", "90 counter-clockwise")  # by quarter turns clockwise
FITTING = {
    **{(turn,): name for turn, name in enumerate(TURNS)},
    (0, 2): "no turn and 180",
    (1, 3): "90 clockwise and 90 counter-clockwise",
    (0, 1, 2, 3): "all four",
    (): "none",
}


class PieceCount(Task):
    """Always the same eight numbers: no option tells on another."""

    name = "piece_count"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    COUNTS = tuple(range(2, 10))

    def pose(self, game, rng, level):
        """All numbers are equally likely, and so are those of the pieces taken off."""
        count = pick(rng, self.COUNTS)
        off = between(rng, max(OFF[0], PIECES[0] - count), min(OFF[1], PIECES[1] - count))
        return board(rng, level, count + off, off), {}

    def ask(self, tangram):
        return "How many pieces are on the board? Those on the right do not count."

    def solve(self, tangram):
        seen, said = [], []
        for row, marks in enumerate(tangram.rows):
            fresh = [mark for mark in dict.fromkeys(marks) if mark not in (*seen, "-")]
            said.append(f"row {row} {marks}: {listed(fresh) or 'none'}")
            seen += fresh
        steps = f"New letters, row by row: {'; '.join(said)}.", f"Together {len(seen)} pieces."
        return Solution(len(seen), steps)

    def distractors(self, tangram, rng, answer):
        return [count for count in self.COUNTS if count != answer]


class PieceRotation(Task):
    """Always the same eight options."""

    name = "piece_rotation"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    def pose(self, game, rng, level):
        """All eight answers are equally likely."""
        fitting = pick(rng, tuple(FITTING))
        while True:
            tangram = board(rng, level, between(rng, *PIECES), 1)
            (hole,) = tangram.off
            if len(cells_of(tangram.rows)["-"]) > 3:
                quarters = -pick(rng, fitting or range(4)) % 4
                drawn = turned(hole if fitting else hole[::-1], quarters)
                if self.fitting(hole, drawn) == fitting:
                    return Tangram(tangram.rows, (drawn,)), {}

    def fitting(self, hole, shape):
        """The turns, in quarters, that make this shape the hole's."""
        return tuple(quarters for quarters in range(4) if turned(shape, quarters) == hole)

    def ask(self, tangram):
        return (
            "The piece on the right is drawn turned, and perhaps turned over. With which turns, in "
            "degrees, does it fit exactly into the hole if it is not turned over? Try no turn, 90 "
            "clockwise, 180 and 90 counter-clockwise."
        )

    def solve(self, tangram):
        (shape,) = tangram.off
        hole = shape_of(cells_of(tangram.rows)["-"], letter_of(shape))
        steps = [f"The hole, # is a cell of it: {spell(hole)}. The piece: {spell(shape)}."]
        for quarters, name in enumerate(TURNS):
            now = turned(shape, quarters)
            steps.append(f"{name}: {spell(now)} {'fits' if now == hole else 'does not fit'}.")
        answer = FITTING[self.fitting(hole, shape)]
        return Solution(answer, [*steps, f"Fitting: {answer}."])

    def distractors(self, tangram, rng, answer):
        return [name for name in FITTING.values() if name != answer]


class PieceArea(Task):
    name = "piece_area"
    qa_type, qa_level, n_options = PERCEPTION, "Medium", 8

    def pose(self, game, rng, level):
        """All areas in the level's range are equally likely."""
        area = between(rng, *AREA[level])
        while True:
            rows = cut(rng, pick(rng, SIZES[level]), between(rng, *PIECES))
            cells = cells_of(rows) if rows else {}
            fitting = [mark for mark in cells if len(cells[mark]) == area]
            if fitting:
                piece = pick(rng, fitting)
                others = [mark for mark in cells if mark != piece]
                tangram = take_off(rows, pick_some(rng, others, between(rng, *OFF)))
                if tangram:
                    return tangram, {"piece": piece}

    def ask(self, tangram, piece):
        return f"How many cells does piece {piece} have?"

    def solve(self, tangram, piece):
        cells = cells_of(tangram.rows)[piece]
        counts = [len(columns(cells, row)) for row in rows_of(cells)]
        steps = (
            f"Columns of {piece} in each row: {by_row(cells)}.",
            f"The number of cells is {add_up(counts)}.",
        )
        return Solution(len(cells), steps)

    def distractors(self, tangram, rng, answer, piece):
        low, high = next(
            AREA[level] for level, sizes in SIZES.items() if len(tangram.rows) in sizes
        )
        return pick_numbers(rng, answer, low, high, 7, span=12)


class PieceAdjacency(Task):
    """Always the same eight numbers."""

    name = "piece_adjacency"
    qa_type, qa_level, n_options = PERCEPTION, "Medium", 8

    COUNTS = tuple(range(8))

    def pose(self, game, rng, level):
        """All numbers are equally likely: enough neighbours are taken off."""
        count = pick(rng, self.COUNTS)
        while True:
            rows = cut(rng, pick(rng, SIZES[level]), between(rng, *PIECES))
            near = beside(rows) if rows else {}
            fitting = [mark for mark in near if 0 <= len(near[mark]) - count <= OFF[1]]
            if fitting:
                piece = pick(rng, fitting)
                others = [mark for mark in near if mark not in (piece, *near[piece])]
                gone = len(near[piece]) - count
                off = between(rng, max(OFF[0], gone), OFF[1])
                some = pick_some(rng, others, off - gone)
                if some is not None:
                    some += pick_some(rng, sorted(near[piece]), gone)
                    tangram = take_off(rows, pick_some(rng, some, off))
                    if tangram:
                        return tangram, {"piece": piece}

    def ask(self, tangram, piece):
        return (
            f"How many other pieces on the board share a side of a cell with piece {piece}? Pieces "
            "on the right do not count."
        )

    def solve(self, tangram, piece):
        cells = cells_of(tangram.rows)[piece]
        steps = [f"Columns of {piece} in each row: {by_row(cells)}."]
        for way in DIRECTIONS:
            others = [self.mark(tangram, neighbour(cell, way)) for cell in cells]
            seen = [mark for mark in dict.fromkeys(others) if mark not in (piece, "-", " ")]
            where = {"up": "Above", "down": "Below", "left": "Left of", "right": "Right of"}[way]
            steps.append(f"{where} them: {listed(seen) or 'no other piece'}.")
        near = sorted(beside(tangram.rows)[piece])
        steps.append(f"Together {listed(near) or 'none'}: the number is {len(near)}.")
        return Solution(len(near), steps)

    def mark(self, tangram, cell):
        inside = all(0 <= at < len(tangram.rows) for at in cell)
        return tangram.rows[cell[0]][cell[1]] if inside else " "

    def distractors(self, tangram, rng, answer, piece):
        return [count for count in self.COUNTS if count != answer]


class PiecePlacement(Task):
    name = "piece_placement"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 8

    def pose(self, game, rng, level):
        """For a box of any size, all places on the board are equally likely."""
        size = pick(rng, SIZES[level])
        sides = tuple(between(rng, SHORTEST[level], room(size)) for _ in range(2))
        corner = tuple(between(rng, 0, size - side) for side in sides)
        while True:
            cells = self.grow(rng, sides, corner)
            rows = cut(rng, size, between(rng, PIECES[0] - 1, PIECES[1] - 1), cells)
            if rows:
                piece = rows[cells[0][0]][cells[0][1]]
                other = pick(rng, sorted(beside(rows)[piece]))
                tangram = take_off(rows, pick_some(rng, (piece, other), 2))
                if tangram and len(self.places(tangram, piece)) == 1:
                    return tangram, {"piece": piece}

    def grow(self, rng, sides, corner):
        """Random connected cells that just fill a box."""
        (top, left), (high, wide) = corner, sides
        box = {(row, col) for row in range(top, top + high) for col in range(left, left + wide)}
        whole = corner, (top + high - 1, left + wide - 1)
        cells = [pick(rng, sorted(box))]
        while box_of(cells) != whole:
            near = {neighbour(cell, way) for cell in cells for way in DIRECTIONS}
            cells.append(pick(rng, sorted((near & box).difference(cells))))
        return cells

    def places(self, tangram, piece):
        """Corners of the boxes in which the piece lies so that the other one fills the rest."""
        shape, other = self.shapes(tangram, piece)
        return [corner for corner, rest in self.rests(tangram, shape) if rest == spell(other)]

    def shapes(self, tangram, piece):
        return sorted(tangram.off, key=lambda shape: letter_of(shape) != piece)

    def rests(self, tangram, shape):
        """Corners of the boxes in which a shape lies in the hole, each with what it leaves."""
        hole = cells_of(tangram.rows)["-"]
        (top, left), (bottom, right) = box_of(hole)
        inside = [
            (r, c) for r, row in enumerate(shape) for c, mark in enumerate(row) if mark != "-"
        ]
        found = []
        for row in range(top, bottom - len(shape) + 2):
            for col in range(left, right - len(shape[0]) + 2):
                filled = {(row + r, col + c) for r, c in inside}
                if filled < set(hole):
                    found.append(((row, col), spell(shape_of(set(hole) - filled, "#"))))
        return found

    def ask(self, tangram, piece):
        return (
            "The two pieces on the right are moved back into the hole, neither turned nor turned "
            f"over, so that they just fill it. Which box does piece {piece} then take up, from its "
            "top left to its bottom right cell?"
        )

    def solve(self, tangram, piece):
        shape, other = self.shapes(tangram, piece)
        steps = [
            f"Columns of the hole in each row: {by_row(cells_of(tangram.rows)['-'])}.",
            f"# is a cell: piece {piece} is {spell(shape)}, piece {letter_of(other)} is "
            f"{spell(other)}.",
        ]
        for corner, rest in self.rests(tangram, shape):
            fits = "that is" if rest == spell(other) else "not"
            steps.append(f"From {text(corner)} on it leaves {rest}: {fits} {letter_of(other)}.")
        ((row, col),) = self.places(tangram, piece)
        box = (row, col), (row + len(shape) - 1, col + len(shape[0]) - 1)
        steps.append(f"Elsewhere it does not fit. It takes up {self.text(box)}.")
        return Solution(box, steps)

    def distractors(self, tangram, rng, answer, piece):
        """Boxes of the same size near the right one."""
        (top, left), (bottom, right) = answer
        rows, cols = (range(len(tangram.rows) - side) for side in (bottom - top, right - left))
        near = pick_near(rng, answer[0], [(row, col) for row in rows for col in cols], 7, side=6)
        return near and [
            ((row, col), (row + bottom - top, col + right - left)) for row, col in near
        ]

    def text(self, box):
        return f"{text(box[0])} to {text(box[1])}"


GAME = Game(
    name="tangram",
    category="Pattern Recognition and Matching",
    split_kind="in_domain",
    rules=RULES,
    state=Tangram,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cells of the board", lambda tangram: len(tangram.rows) ** 2),
    tasks=(PieceCount(), PieceRotation(), PieceArea(), PieceAdjacency(), PiecePlacement()),
)
