"""Word search: letters, their number, and the direction in which a hidden word runs."""

import dataclasses
import re
from string import ascii_uppercase as ALPHABET

from synth.draw import BLACK, Board
from synth.draw.regions import letter as write_letter
from synth.game import PERCEPTION, Game, Solution, Task
from synth.grid import Cell
from synth.questions import CELLS_ARE, between, listed, pick, pick_some, text

RULES = f"The picture shows a square of capital letters. {CELLS_ARE}"
SIZE = {"Easy": (5, 5), "Medium": (6, 7), "Hard": (8, 8)}
COUNTS = range(8)  # of a letter that are asked for
WAYS = {
    "right": (0, 1),
    "left": (0, -1),
    "down": (1, 0),
    "up": (-1, 0),
    "down right": (1, 1),
    "up right": (-1, 1),
    "down left": (1, -1),
    "up left": (-1, -1),
}
WORDS = """
ANT ARM BAG BEE BOX CAP CAT COW CUP DOG EAR EGG FOX HAT HEN ICE INK JAM KEY LEG MAP NET OAK OIL OWL
PEN PIG RAT SEA SUN TEA TOY VAN WEB ZOO
BANK BEAR BIRD BOAT BOOK CAKE CITY COAT CORN DESK DOOR DUCK FARM FIRE FISH FLAG FROG GATE GIFT GOLD
HAND HILL IRON JUMP KING KITE LAKE LAMP LEAF LION MILK MOON NEST RAIN RING ROAD ROSE SALT SHIP SNOW
APPLE BEACH BREAD BRICK CHAIR CLOCK CLOUD CROWN DANCE EAGLE EARTH FLUTE FRUIT GHOST GLASS GRAPE
GREEN HEART HORSE HOUSE JUICE KNIFE LEMON LIGHT MOUSE MUSIC NIGHT OCEAN PAPER PIANO PLANT QUEEN
RIVER ROBOT SHEEP SPOON STONE TABLE TIGER TRAIN WATER WHALE
ANIMAL BASKET BRIDGE BUTTON CAMERA CANDLE CARPET CASTLE CHEESE COFFEE COPPER DESERT DOCTOR DRAGON
FLOWER FOREST GARDEN GUITAR HAMMER ISLAND JACKET KITTEN LADDER MARKET MIRROR MONKEY ORANGE PENCIL
PLANET POCKET RABBIT ROCKET SCHOOL SILVER SPIDER SUMMER TEMPLE TICKET TURTLE WINDOW WINTER YELLOW
BALLOON BICYCLE BLANKET CABBAGE CAPTAIN CHICKEN COMPASS CRYSTAL CURTAIN DOLPHIN FEATHER GIRAFFE
HARVEST JOURNEY KITCHEN LIBRARY MACHINE MORNING OCTOBER PAINTER PENGUIN PICTURE PUMPKIN RAINBOW
SEVENTH TEACHER THUNDER TRUMPET VILLAGE WEATHER WHISTLE
""".split()


@dataclasses.dataclass(frozen=True)
class Letters:
    rows: tuple[str, ...]  # capital letters


def random_size(rng, level: str) -> int:
    return between(rng, *SIZE[level])


def square(marks: list[str]) -> Letters:
    size = round(len(marks) ** 0.5)
    return Letters(tuple("".join(marks[at : at + size]) for at in range(0, len(marks), size)))


def new(rng, level: str) -> Letters:
    """All letters are equally likely everywhere."""
    size = random_size(rng, level)
    return square([ALPHABET[at] for at in rng.integers(0, 26, size * size).tolist()])


def line(start: Cell, way: str, length: int) -> list[Cell]:
    """So many cells in a row; they may lie off the board."""
    d_row, d_col = WAYS[way]
    return [(start[0] + at * d_row, start[1] + at * d_col) for at in range(length)]


def letter_at(board: Letters, cell: Cell) -> str:
    """Empty off the board."""
    row, col = cell
    inside = 0 <= row < len(board.rows) and 0 <= col < len(board.rows)
    return board.rows[row][col] if inside else ""


def places(board: Letters, letter: str) -> list[Cell]:
    return [
        (row, col)
        for row, marks in enumerate(board.rows)
        for col, mark in enumerate(marks)
        if mark == letter
    ]


def search(board: Letters, word: str) -> list[list[tuple[Cell, str]]]:
    """Where and in which direction the first two, three ... letters of a word stand."""
    left = [(start, way) for start in places(board, word[0]) for way in WAYS]
    found = []
    for length in range(2, len(word) + 1):
        left = [
            (start, way)
            for start, way in left
            if letter_at(board, line(start, way, length)[-1]) == word[length - 1]
        ]
        found.append(left)
    return found


def draw(board: Letters, size: int):
    picture = Board(size, len(board.rows), len(board.rows), line=(190, 190, 190))
    for row, marks in enumerate(board.rows):
        for col, mark in enumerate(marks):
            write_letter(picture, (row, col), mark, BLACK, 0.66)
    return picture.image


def describe(board: Letters) -> str:
    rows = "\n".join(f"row {row}: {' '.join(marks)}" for row, marks in enumerate(board.rows))
    return f"A square of letters:\n{rows}"


def parse(description: str) -> Letters:
    rows = re.findall(r"row \d+: ([A-Z](?: [A-Z])*)", description)
    return Letters(tuple(row.replace(" ", "") for row in rows))


class CellLetter(Task):
    name = "cell_letter"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    def sample(self, board, rng, level):
        return {"cell": tuple(rng.integers(0, len(board.rows), 2).tolist())}

    def ask(self, board, cell):
        return f"Which letter is in cell {text(cell)}?"

    def solve(self, board, cell):
        letter = letter_at(board, cell)
        steps = [
            f"Row {cell[0]}: {' '.join(board.rows[cell[0]])}.",
            f"In column {cell[1]} stands {letter}.",
        ]
        return Solution(letter, steps)

    def distractors(self, board, rng, answer, cell):
        return pick_some(rng, [letter for letter in ALPHABET if letter != answer], 7)


class LetterCount(Task):
    """All of COUNTS are offered, and equally likely."""

    name = "letter_count"
    qa_type, qa_level, n_options = PERCEPTION, "Medium", len(COUNTS)

    def pose(self, game, rng, level):
        letter, size = pick(rng, ALPHABET), random_size(rng, level)
        others = ALPHABET.replace(letter, "")
        marks = [others[at] for at in rng.integers(0, 25, size * size).tolist()]
        for at in pick_some(rng, range(size * size), pick(rng, COUNTS)):
            marks[at] = letter
        return square(marks), {"letter": letter}

    def ask(self, board, letter):
        return f"How many times does the letter {letter} occur?"

    def solve(self, board, letter):
        found = [
            f"row {row}: {listed(col for col, mark in enumerate(marks) if mark == letter)}"
            for row, marks in enumerate(board.rows)
            if letter in marks
        ]
        count = len(places(board, letter))
        steps = [
            f"Columns of {letter} in each row that has it: {'; '.join(found) or 'no row has it'}.",
            f"Number of times: {count}.",
        ]
        return Solution(count, steps)

    def distractors(self, board, rng, answer, letter):
        return [count for count in COUNTS if count != answer]


class WordDirection(Task):
    """The question names no cell: that would rule out the directions that lead off the board."""

    name = "word_direction"
    qa_type, qa_level, n_options = PERCEPTION, "Medium", len(WAYS)

    def pose(self, game, rng, level):
        """All directions are equally likely; the word's letters are frequent around it, too."""
        size, way = random_size(rng, level), pick(rng, tuple(WAYS))
        length = between(rng, 3, min(size, 7))
        word = pick(rng, [word for word in WORDS if len(word) == length])
        corner = line((0, 0), way, length)[-1]
        start = tuple(between(rng, max(0, -far), size - 1 - max(0, far)) for far in corner)
        letters = ALPHABET + word * (8 // length)
        marks = [letters[at] for at in rng.integers(0, len(letters), size * size).tolist()]
        for (row, col), mark in zip(line(start, way, length), word, strict=True):
            marks[row * size + col] = mark
        board = square(marks)
        return (board, {"word": word}) if len(search(board, word)[-1]) == 1 else None

    def ask(self, board, word):
        return (
            f"The word {word} stands in the square just once, in a straight line. In which "
            "direction does it run from its first letter to its last?"
        )

    def solve(self, board, word):
        *on_the_way, found = search(board, word)
        if len(found) != 1:
            raise ValueError(f"{word} does not stand in the square just once")
        ((start, way),) = found
        steps = [f"{word[0]} is at {listed(places(board, word[0]))}."]
        for length, left in enumerate(on_the_way, 2):
            said = "; ".join(f"from {text(cell)} {way}" for cell, way in left)
            steps.append(f"{word[:length]} runs {said}.")
            if len(left) == 1:
                break
        cells = listed(line(start, way, len(word)))
        steps.append(f"{word} is at {cells}: {way}.")
        return Solution(way, steps)

    def distractors(self, board, rng, answer, word):
        return [way for way in WAYS if way != answer]


GAME = Game(
    name="word_search",
    category="Multi-step Reasoning",
    split_kind="in_domain",
    rules=RULES,
    state=Letters,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("letters", lambda board: len(board.rows) ** 2),
    tasks=(CellLetter(), LetterCount(), WordDirection()),
)
