"""Color hue: lines of cells whose colours change evenly from one end to the other."""

import dataclasses
import re
from colorsys import hsv_to_rgb, rgb_to_hsv
from functools import lru_cache
from itertools import combinations

from PIL import Image, ImageDraw

from synth.draw import GREY, WHITE, Board, write
from synth.game import PERCEPTION, PREDICTION, Game, Solution, Task
from synth.grid import Cell, neighbour
from synth.questions import CELLS_ARE, between, pick, pick_some, text

RULES = (
    "The picture shows a board with rows and columns of coloured cells, in which the colour "
    "changes evenly from one end of the line to the other: red, green and blue each by the same "
    f"amount from cell to cell. Hatched cells are not used. {CELLS_ARE}"
)
NAMES = (
    "Names of colours follow hue (0 to 360 degrees), saturation and value of HSV: up to 30 and "
    "from 330 red, up to 60 orange, 90 yellow, 150 green, 200 cyan, 240 blue, 270 indigo, 330 "
    "purple; pale below 40 % saturation, vivid above 80 %; dark below 40 % value, bright above "
    "80 %. Below 20 % value it is black; below 15 % saturation dark gray, or light gray from "
    "50 % value, or white above 90 % if below 10 % saturation."
)
HUES = (
    ("red", 30),
    ("orange", 60),
    ("yellow", 90),
    ("green", 150),
    ("cyan", 200),
    ("blue", 240),
    ("indigo", 270),
    ("purple", 330),
    ("red", 360),
)  # each up to that many degrees
SIZES = {"Easy": (5, 5), "Medium": (6, 7), "Hard": (8, 8)}
BLANKS = (3, 6)
UNUSED = "-"
LINES = ("row", "column")

# The colours that are asked for lie well inside what their names mean, and look like it: least
# and most hue; saturation and value for each shade.
VIVID, BRIGHT, PALE = ((88, 100), (88, 100)), ((55, 70), (88, 100)), ((26, 33), (90, 100))
PLAIN, DARK, DEEP = ((55, 70), (52, 70)), ((55, 70), (28, 35)), ((88, 100), (52, 70))
MANY, FEW = (VIVID, BRIGHT, PALE, PLAIN, DARK, DEEP), (VIVID, BRIGHT, PALE)
CLEAR = {
    "red": ((350, 368), MANY),
    "orange": ((36, 42), FEW),
    "yellow": ((65, 69), FEW),
    "green": ((105, 135), MANY),
    "cyan": ((174, 188), MANY),
    "blue": ((212, 230), MANY),
    "purple": ((282, 305), MANY),
    "black": ((0, 359), (((0, 100), (0, 8)),)),
    "dark gray": ((0, 359), (((0, 4), (30, 40)),)),
    "light gray": ((0, 359), (((0, 4), (62, 78)),)),
    "white": ((0, 359), (((0, 1), (98, 100)),)),
}

Colour = tuple[int, int, int]  # red, green, blue, 0 to 255


@dataclasses.dataclass(frozen=True)
class Hues:
    rows: tuple[tuple[str, ...], ...]  # a colour as six hex digits, UNUSED, or a blank's letter
    palette: tuple[str, ...]  # the colours of the numbered swatches, from 1; or none


def hex_of(colour: Colour) -> str:
    return "{:02x}{:02x}{:02x}".format(*colour)


def rgb(code: str) -> Colour:
    return tuple(bytes.fromhex(code))


def blend(start: Colour, end: Colour, step: int, steps: int) -> Colour:
    """The colour so many of `steps` steps on the way."""
    return tuple(round(a + (b - a) * step / steps) for a, b in zip(start, end, strict=True))


def random_colour(rng) -> Colour:
    return tuple(rng.integers(0, 256, 3).tolist())


def clear_colour(rng, name: str) -> Colour:
    """A colour that everyone would call that, apart from "pale" and the like."""
    hues, shades = CLEAR[name]
    (low_s, high_s), (low_v, high_v) = pick(rng, shades)
    hue = between(rng, *hues) % 360
    saturation, value = between(rng, low_s, high_s), between(rng, low_v, high_v)
    parts = hsv_to_rgb(hue / 360, saturation / 100, value / 100)
    return tuple(round(255 * part) for part in parts)


def hsv(colour: Colour) -> tuple[float, float, float]:
    """Hue in degrees, saturation and value from 0 to 1."""
    hue, saturation, value = rgb_to_hsv(*(part / 255 for part in colour))
    return 360 * hue, saturation, value


def name_of(colour: Colour) -> str:
    hue, saturation, value = hsv(colour)
    if value < 0.2:
        return "black"
    if value > 0.9 and saturation < 0.1:
        return "white"
    if saturation < 0.15:
        return "dark gray" if value < 0.5 else "light gray"
    name = next(name for name, end in HUES if hue <= end)
    depth = "pale " if saturation < 0.4 else "vivid " if saturation > 0.8 else ""
    light = "dark " if value < 0.4 else "bright " if value > 0.8 else ""
    return f"{depth}{light}{name}"


def base_of(name: str) -> str:
    """The key in CLEAR."""
    return name if name in CLEAR else name.split()[-1]


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where lines lie: a long one, and spurs that begin in it and leave it at a right angle."""

    size: int
    main: tuple[Cell, ...]
    spurs: tuple[tuple[Cell, ...], ...]

    def ends(self) -> list[Cell]:
        """The free ends, whose colours decide all others."""
        return [self.main[0], self.main[-1], *(spur[-1] for spur in self.spurs)]


def lay(rng, level: str) -> Layout:
    """Two or three spurs, no two of them side by side."""
    size = between(rng, *SIZES[level])
    is_row = between(rng, 0, 1) == 0
    across = between(rng, 0, size - 1)
    first, last = between(rng, 0, 1), size - 1 - between(rng, 0, 1)
    begins = []
    for along in pick_some(rng, range(first, last + 1), last + 1 - first):
        if len(begins) < 3 and all(abs(along - other) > 1 for other in begins):
            begins.append(along)
    if len(begins) < 2:
        return lay(rng, level)
    lines = [[(across, along) for along in range(first, last + 1)]]
    for along in begins:
        way, room = pick(rng, [way for way in ((-1, across), (1, size - 1 - across)) if way[1] > 1])
        lines.append([(across + way * step, along) for step in range(between(rng, 2, room) + 1)])
    if not is_row:
        lines = [[(col, row) for row, col in line] for line in lines]
    main, *spurs = map(tuple, lines)
    return Layout(size, main, tuple(spurs))


def paint(layout: Layout, ends: list[Colour]) -> dict[Cell, Colour]:
    """The colours of all lines, from those of their free ends, as `Layout.ends` lists them."""
    colours = {}
    begin = ends[0]
    for line, end in zip((layout.main, *layout.spurs), ends[1:], strict=True):
        if line is not layout.main:
            begin = colours[line[0]]
        for step, cell in enumerate(line):
            colours[cell] = blend(begin, end, step, len(line) - 1)
    return colours


def board_of(size: int, codes: dict[Cell, str], palette: tuple[str, ...] = ()) -> Hues:
    rows = tuple(tuple(codes.get((row, col), UNUSED) for col in range(size)) for row in range(size))
    return Hues(rows, palette)


def new(rng, level: str) -> Hues:
    layout = lay(rng, level)
    colours = paint(layout, [random_colour(rng) for _ in layout.ends()])
    return board_of(layout.size, {cell: hex_of(colour) for cell, colour in colours.items()})


def is_colour(mark: str) -> bool:
    return len(mark) == 6


def mark_at(board: Hues, cell: Cell) -> str:
    """What a cell shows; UNUSED beyond the edge."""
    row, col = cell
    inside = 0 <= row < len(board.rows) and 0 <= col < len(board.rows)
    return board.rows[row][col] if inside else UNUSED


def line_of(board: Hues, line: str, index: int) -> list[Cell]:
    """The longest run of used cells in a row or column."""
    at = range(len(board.rows))
    cells = [(index, other) if line == "row" else (other, index) for other in at]
    runs = [[]]
    for cell in cells:
        if mark_at(board, cell) == UNUSED:
            runs.append([])
        else:
            runs[-1].append(cell)
    return max(runs, key=len)


def looks(board: Hues, cell: Cell) -> Colour:
    return rgb(mark_at(board, cell))


def nearest(board: Hues, cell: Cell, way: str) -> tuple[int, Cell] | None:
    """The nearest cell with a colour in that direction of the same line, and how far it is."""
    distance = 0
    while mark_at(board, cell) != UNUSED:
        cell, distance = neighbour(cell, way), distance + 1
        if is_colour(mark_at(board, cell)):
            return distance, cell
    return None


def between_neighbours(board: Hues, cell: Cell) -> tuple[str, list[tuple[int, Cell]]]:
    """The line (row or column) that a blank continues, and the coloured cells on its two sides."""
    found = []
    for line, ways in (("row", ("left", "right")), ("column", ("up", "down"))):
        sides = [nearest(board, cell, way) for way in ways]
        if None not in sides:
            found.append((sum(distance for distance, _ in sides), line, sides))
    if not found:
        raise ValueError(f"{text(cell)} does not lie between coloured cells")
    _, line, sides = min(found)
    return line, sides


def draw(board: Hues, size: int):
    count = len(board.rows)
    image = Image.new("RGB", (size, size), WHITE)
    side = round(0.82 * size) if board.palette else size
    picture = Board(side, count, count, line=GREY)
    for row, marks in enumerate(board.rows):
        for col, mark in enumerate(marks):
            if is_colour(mark):
                picture.fill((row, col), rgb(mark))
                continue
            x = picture.left + col * picture.cell + picture.line_px
            y = picture.top + row * picture.cell + picture.line_px
            sign = _sign(mark, picture.cell - picture.line_px)
            picture.image.paste(sign, (x, y))
    image.paste(picture.image, ((size - side) // 2, 0))
    if board.palette:
        _draw_palette(image, board.palette, side)
    return image


@lru_cache(maxsize=256)
def _sign(mark: str, px: int) -> Image.Image:
    """What a cell without a colour shows: hatching, or a letter on white."""
    image = Image.new("RGB", (px, px), WHITE)
    if mark == UNUSED:
        pen, step = ImageDraw.Draw(image), max(4, px // 6)
        for start in range(-px, px, step):
            pen.line((start, 0, start + px, px), GREY)
    else:
        write(image, (px / 2, px / 2), mark, 0.7 * px)
    return image


def _draw_palette(image: Image.Image, palette, top: int) -> None:
    size, pen = image.width, ImageDraw.Draw(image)
    width, digit = size // len(palette), round(0.06 * size)
    for at, code in enumerate(palette):
        x = at * width
        box = x + width // 8, top + digit + 4, x + width - width // 8, size - 3
        pen.rectangle(box, rgb(code), GREY, max(1, size // 220))
        image.paste(_number(at + 1, width, digit + 2), (x, top))


@lru_cache(maxsize=64)
def _number(number: int, width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), WHITE)
    write(image, (width / 2, height / 2), number, 0.9 * height)
    return image


def describe(board: Hues) -> str:
    rows = "\n".join(f"row {row}: {' '.join(marks)}" for row, marks in enumerate(board.rows))
    said = (
        "The cells, each with its colour as hexadecimal red, green and blue, or - if not used, or "
        f"a capital letter if blank:\n{rows}"
    )
    if board.palette:
        said += f"\nThe swatches from 1: {' '.join(board.palette)}"
    return said


def parse(description: str) -> Hues:
    rows = re.findall(r"row \d+: (.+)", description)
    palette = re.search(r"from 1: (.+)", description)
    return Hues(
        tuple(tuple(row.split()) for row in rows), tuple(palette[1].split()) if palette else ()
    )


def tell_name(colour: Colour) -> str:
    """How a colour comes to its name."""
    hue, saturation, value = hsv(colour)
    return (
        f"hue {hue:.0f}, saturation {100 * saturation:.0f} %, value {100 * value:.0f} %: "
        f"{name_of(colour)}"
    )


def are_told_apart(colours) -> bool:
    """Whether any two differ clearly, not in hue alone."""
    for one, other in combinations(colours, 2):
        if max(abs(a - b) for a, b in zip(one, other, strict=True)) < 40:
            return False
        if abs(lightness(one) - lightness(other)) < 10:
            return False
    return True


def lightness(colour: Colour) -> float:
    """0 to 255, as in a picture without colours (ITU-R BT.601)."""
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue


class ColorMatching(Task):
    """Six swatches that differ in lightness, too."""

    name = "color_matching"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 6

    def pose(self, game, rng, level):
        layout = lay(rng, level)
        colours = paint(layout, [random_colour(rng) for _ in layout.ends()])
        blanks = self.blanks(rng, layout)
        if len(blanks) < BLANKS[0]:
            return None
        hidden = [colours[cell] for cell in blanks]
        if not are_told_apart(hidden):
            return None
        for _ in range(40):
            extra = [random_colour(rng) for _ in range(6 - len(hidden))]
            if are_told_apart([*hidden, *extra]):
                break
        else:
            return None
        palette = tuple(map(hex_of, pick_some(rng, [*hidden, *extra], 6)))
        codes = {cell: hex_of(colour) for cell, colour in colours.items()}
        codes |= dict(zip(blanks, "ABCDEF", strict=False))
        label = "ABCDEF"[between(rng, 0, len(blanks) - 1)]
        return board_of(layout.size, codes, palette), {"label": label}

    def blanks(self, rng, layout):
        """Cells inside a line, none beside another one and none where lines meet."""
        lines = layout.main, *layout.spurs
        kept = {spur[0] for spur in layout.spurs}
        inside = [cell for line in lines for cell in line[1:-1] if cell not in kept]
        blanks = []
        count = between(rng, *BLANKS)
        for row, col in pick_some(rng, inside, len(inside)):
            near = [abs(row - other) + abs(col - along) for other, along in blanks]
            if len(blanks) < count and 1 not in near:
                blanks.append((row, col))
        return blanks

    def ask(self, board, label):
        return (
            "The cells with letters are blank; their colours are among the numbered swatches "
            f"below. Which swatch belongs into cell {label}?"
        )

    def solve(self, board, label):
        at = range(len(board.rows))
        (cell,) = [(row, col) for row in at for col in at if board.rows[row][col] == label]
        line, ((before, one), (after, other)) = between_neighbours(board, cell)
        start, end = looks(board, one), looks(board, other)
        wanted = blend(start, end, before, before + after)
        apart = [
            max(abs(a - b) for a, b in zip(rgb(c), wanted, strict=True)) for c in board.palette
        ]
        swatch = apart.index(min(apart)) + 1
        if sorted(apart)[1] - min(apart) < 4:
            raise ValueError(f"two swatches fit cell {label}")
        place = "half way" if before == after else f"{before} of {before + after} steps"
        swatches = "; ".join(f"{at} {rgb(code)}" for at, code in enumerate(board.palette, 1))
        return Solution(
            swatch,
            [
                f"Colours are written (red, green, blue). Cell {label} is at {text(cell)}, in a "
                f"coloured {line}.",
                f"Beside it are {text(one)} with {start} and {text(other)} with {end}.",
                f"It lies {place} between them: {wanted}.",
                f"Swatches: {swatches}.",
                f"The nearest is swatch {swatch}.",
            ],
        )

    def distractors(self, board, rng, answer, label):
        return [swatch for swatch in range(1, 7) if swatch != answer]


class ColorDescription(Task):
    name = "color_description"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    def pose(self, game, rng, level):
        """All names without "pale" and the like are equally likely, at any end of a line."""
        layout = lay(rng, level)
        ends = layout.ends()
        at = between(rng, 0, len(ends) - 1)
        colours = [random_colour(rng) for _ in ends]
        colours[at] = clear_colour(rng, pick(rng, tuple(CLEAR)))
        painted = paint(layout, colours)
        codes = {cell: hex_of(colour) for cell, colour in painted.items()}
        return board_of(layout.size, codes), {"cell": ends[at]}

    def ask(self, board, cell):
        return f"{NAMES}\n\nWhich colour has cell {text(cell)}?"

    def solve(self, board, cell):
        colour = looks(board, cell)
        said = f"Cell {text(cell)} has red, green, blue {colour}; {tell_name(colour)}."
        return Solution(name_of(colour), [said])

    def distractors(self, board, rng, answer, cell):
        """Names that differ in more than "pale" and the like."""
        bases = [base for base in CLEAR if base != base_of(answer)]
        return [name_of(clear_colour(rng, base)) for base in pick_some(rng, bases, 7)]


class GradientPattern(Task):
    name = "gradient_pattern"
    qa_type, qa_level, n_options = PERCEPTION, "Medium", 8

    def pose(self, game, rng, level):
        """All pairs of names are equally likely."""
        layout = lay(rng, level)
        colours = [random_colour(rng) for _ in layout.ends()]
        colours[:2] = [clear_colour(rng, name) for name in pick_some(rng, tuple(CLEAR), 2)]
        painted = paint(layout, colours)
        codes = {cell: hex_of(colour) for cell, colour in painted.items()}
        (row, col), (last_row, _) = layout.main[0], layout.main[-1]
        line, index = ("row", row) if row == last_row else ("column", col)
        return board_of(layout.size, codes), {"line": line, "index": index}

    def ask(self, board, line, index):
        where = "left to right" if line == "row" else "top to bottom"
        return (
            f"{NAMES}\n\nHow does the colour change in {line} {index}, from {where}? Cells that "
            f"do not belong to its longest coloured part do not count."
        )

    def solve(self, board, line, index):
        cells = [cell for cell in line_of(board, line, index) if is_colour(mark_at(board, cell))]
        ends = cells[0], cells[-1]
        colours = [looks(board, cell) for cell in ends]
        said = [
            f"The {place} cell, {text(cell)}, has red, green, blue {colour}; {tell_name(colour)}."
            for place, cell, colour in zip(("first", "last"), ends, colours, strict=True)
        ]
        return Solution(tuple(map(name_of, colours)), said)

    def distractors(self, board, rng, answer, line, index):
        """Two first and four last colours, all different, in all combinations."""
        bases = [base for base in CLEAR if base not in map(base_of, answer)]
        other, *ends = (name_of(clear_colour(rng, base)) for base in pick_some(rng, bases, 4))
        pairs = [(start, end) for start in (answer[0], other) for end in (answer[1], *ends)]
        return [pair for pair in pairs if pair != answer]

    def text(self, value):
        return "from {} to {}".format(*value)


GAME = Game(
    name="color_hue",
    category="Pattern Recognition and Matching",
    split_kind="in_domain",
    rules=RULES,
    state=Hues,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=(
        "coloured cells",
        lambda board: sum(is_colour(mark) for row in board.rows for mark in row),
    ),
    tasks=(ColorMatching(), ColorDescription(), GradientPattern()),
)
