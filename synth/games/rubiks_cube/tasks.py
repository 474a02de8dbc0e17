"""The questions about a cube."""

from synth.game import PERCEPTION, PREDICTION, STRATEGY, Solution, Task
from synth.games.rubiks_cube.rules import (
    CELLS,
    COLOURS,
    FACES,
    SOURCES,
    TURNS,
    Cube,
    new,
    play,
    random_moves,
    solution,
)
from synth.questions import between, pick, text

PLAYED = {"Easy": (1, 2), "Medium": (2, 4), "Hard": (3, 5)}  # moves before the question
COUNTS = range(1, 9)


def rows(stickers: str) -> str:
    return " ".join(stickers[at : at + 3] for at in (0, 3, 6))


def spell(cube: Cube) -> str:
    """All faces, row by row."""
    return "; ".join(
        f"{face} {rows(stickers)}" for face, stickers in zip(FACES, cube.faces, strict=True)
    )


def at(number: int) -> str:
    return f"{FACES[number // 9]} {text(CELLS[number % 9])}"


def number_of(face: str, cell: tuple[int, int]) -> int:
    return 9 * FACES.index(face) + CELLS.index(tuple(cell))


class StickerColour(Task):
    """The cube is held in any way, so all six colours are equally likely everywhere."""

    name = "sticker_colour"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 6

    def sample(self, cube, rng, level):
        return {"face": pick(rng, FACES), "cell": pick(rng, CELLS)}

    def ask(self, cube, face, cell):
        return f"Which colour is sticker {face} {text(cell)}?"

    def solve(self, cube, face, cell):
        colour = cube.sticker(face, cell)
        row = rows(cube.faces[FACES.index(face)]).split()[cell[0]]
        steps = [
            f"Face {face}, row by row: {rows(cube.faces[FACES.index(face)])}.",
            f"Its row {cell[0]} is {row}; column {cell[1]} is {colour}, {COLOURS[colour]}.",
        ]
        return Solution(COLOURS[colour], steps)

    def distractors(self, cube, rng, answer, face, cell):
        return [colour for colour in COLOURS.values() if colour != answer]


class ColourAfterMoves(Task):
    """As for StickerColour; at least one of the moves brings another sticker to the place."""

    name = "colour_after_moves"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 6

    def sample(self, cube, rng, level):
        face, cell = pick(rng, FACES), pick(rng, CELLS)
        moves = random_moves(rng, between(rng, *PLAYED[level]))
        place = number_of(face, cell)
        if all(SOURCES[move][place] == place for move in moves):
            return None
        return {"face": face, "cell": cell, "moves": moves}

    def ask(self, cube, face, cell, moves):
        return (
            f"These moves are made one after the other: {' '.join(moves)}. Which colour is then "
            f"at {face} {text(cell)}?"
        )

    def solve(self, cube, face, cell, moves):
        place = number_of(face, cell)
        steps = [
            f"The faces, row by row: {spell(cube)}.",
            f"From the last move back to the first: where is what comes to {at(place)} from?",
        ]
        for move in reversed(moves):
            source = SOURCES[move][place]
            moved = "leaves" if source == place else f"brings the sticker of {at(source)} to"
            steps.append(f"{move} {moved} {at(place)}.")
            place = source
        colour = COLOURS[cube.sticker(FACES[place // 9], CELLS[place % 9])]
        steps.append(f"The picture has {colour} at {at(place)}.")
        if colour != COLOURS[play(cube, moves).sticker(face, cell)]:
            raise ValueError("looking back and playing the moves do not agree")
        return Solution(colour, steps)

    def distractors(self, cube, rng, answer, face, cell, moves):
        return [colour for colour in COLOURS.values() if colour != answer]


class Fewest(Task):
    """Four options: of one level's numbers all are equally likely, and all are offered.

    most: the largest of them, a bound that the question tells.
    """

    n_options = 4

    def distractors(self, cube, rng, answer, most, **params):
        return [number for number in range(most - 3, most + 1) if number != answer]

    def told(self, cube, moves, reached) -> Solution:
        """The solution whose `moves` are the fewest; `reached` says what they lead to."""
        steps = [f"The faces, row by row: {spell(cube)}."]
        for move in moves:
            cube = play(cube, (move,))
            steps.append(f"{move}: {spell(cube)}.")
        fewer = {0: "None is needed", 1: "It is not so at once", 2: "No single move does it"}.get(
            len(moves), f"Trying all sequences of up to {len(moves) - 1} moves finds no other way"
        )
        steps.append(f"Now {reached}. {fewer}, so the fewest is {len(moves)}.")
        return Solution(len(moves), steps)


class MovesToSolveFace(Fewest):
    name = "moves_to_solve_face"
    qa_type, qa_level = PREDICTION, "Hard"

    def pose(self, game, rng, level):
        """All numbers of the level are equally likely."""
        low, most = TURNS[level]
        count = between(rng, low, most)
        while True:
            cube = new(rng, level)
            faces = [face for face in FACES if self.fewest(cube, face) == count]
            if faces:
                return cube, {"face": pick(rng, faces), "most": most}

    def fewest(self, cube, face) -> int:
        return len(solution(cube, face))

    def ask(self, cube, face, most):
        return (
            "What is the smallest number of moves after which all nine stickers of face "
            f"{face} have the same colour, whatever the other faces look like? {most} are enough."
        )

    def solve(self, cube, face, most):
        moves = solution(cube, face)
        colour = COLOURS[cube.faces[FACES.index(face)][4]]
        return self.told(cube, moves, f"face {face} is all {colour}")


class MovesToSolveCube(Fewest):
    name = "moves_to_solve_cube"
    qa_type, qa_level = STRATEGY, "Hard"

    def sample(self, cube, rng, level):
        return {"most": TURNS[level][1]}

    def ask(self, cube, most):
        return (
            "What is the smallest number of moves that solve the cube, so that each face has one "
            f"colour? {most} are enough."
        )

    def solve(self, cube, most):
        return self.told(cube, solution(cube), "every face has one colour")


class ColourCount(Task):
    name = "colour_count"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", len(COUNTS)

    def pose(self, game, rng, level):
        """All numbers are equally likely, and all are offered."""
        count = pick(rng, COUNTS)
        while True:
            cube = new(rng, level)
            fitting = [
                {"face": face, "colour": colour}
                for face, stickers in zip(FACES, cube.faces, strict=True)
                for letter, colour in COLOURS.items()
                if stickers.count(letter) == count
            ]
            if fitting:
                return cube, pick(rng, fitting)

    def ask(self, cube, face, colour):
        return f"How many of the nine stickers of face {face} are {colour}?"

    def solve(self, cube, face, colour):
        stickers = cube.faces[FACES.index(face)]
        letter = colour[0].upper()
        counts = [row.count(letter) for row in rows(stickers).split()]
        total = sum(counts)
        steps = [
            f"Face {face}, row by row: {rows(stickers)}.",
            f"{letter} in each row: {' + '.join(map(str, counts))} = {total}.",
        ]
        return Solution(total, steps)

    def distractors(self, cube, rng, answer, face, colour):
        return [number for number in COUNTS if number != answer]
