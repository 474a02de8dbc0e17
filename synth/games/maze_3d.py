"""A maze in three dimensions: cubes on three floors, joined by ladders, with dead ends."""

import dataclasses
import re
from functools import cache, lru_cache
from itertools import combinations, pairwise, permutations, product

from PIL import Image, ImageDraw

from synth.draw import BLACK, BLUE, PALE, RED, WHITE, write
from synth.draw.blocks import Look, isometric, put
from synth.draw.space import fill
from synth.game import PERCEPTION, PREDICTION, Game, Solution, Task
from synth.questions import between, listed, pick, pick_some, text

RULES = (
    "The picture shows cubes on three floors, drawn apart: floor 0 is the lowest. One walks on the "
    "cubes from the start S (blue) to the goal G (red): left-forward, to the next cube on the "
    "upper left; right-forward, to the next cube on the upper right; or up a ladder, from its foot "
    "to the cube straight above it on the next floor. There is just one way from S to G; all "
    "other branches are dead ends."
)
SIDE, FLOORS = 8, 3
SEGMENTS = {"Easy": (4, 5), "Medium": (5, 6), "Hard": (6, 7)}  # of the way, two cubes or a ladder
FORKS = {"Easy": 3, "Medium": 4, "Hard": 4}
DEAD_END = {"Easy": (1, 1), "Medium": (1, 2), "Hard": (1, 3)}  # segments
TRIES = 4  # for a dead end
# Of the ways that go up at a fork: so that they do at half of the forks that have a ladder.
UP_KEPT = {"Easy": 0.51, "Medium": 0.41, "Hard": 0.44}

Cube = tuple[int, int, int]  # x, y, floor
STEPS = {"left-forward": (0, -1, 0), "right-forward": (-1, 0, 0), "up": (0, 0, 1)}


@dataclasses.dataclass(frozen=True)
class Maze:
    cubes: tuple[Cube, ...]  # sorted
    ladders: tuple[Cube, ...]  # the cubes at their feet, sorted
    start: Cube
    goal: Cube
    labels: tuple[Cube, ...]  # those numbered 1, 2, ...


def beyond(cube: Cube, way: str, steps: int = 1) -> Cube:
    return tuple(at + steps * d for at, d in zip(cube, STEPS[way], strict=True))


@cache
def segment(node: Cube, way: str) -> tuple[Cube, ...]:
    """The cubes from one node, not itself, to the next: two on a floor, one up a ladder."""
    return tuple(beyond(node, way, step) for step in ((1,) if way == "up" else (1, 2)))


@cache
def ends(node: Cube) -> dict[str, Cube]:
    """Where the segments from a node end, so far as there is room for them."""
    found = {way: segment(node, way)[-1] for way in STEPS}
    return {way: (x, y, z) for way, (x, y, z) in found.items() if min(x, y) > 0 and z < FLOORS}


def neighbours(maze: Maze, cube: Cube) -> dict[str, Cube]:
    """Where one can go from a cube."""
    found = {way: beyond(cube, way) for way in STEPS}
    return {
        way: other
        for way, other in found.items()
        if other in maze.cubes and (way != "up" or cube in maze.ladders)
    }


@lru_cache(maxsize=8)
def route(maze: Maze) -> tuple[tuple[str, Cube], ...]:
    """The way to the goal: each step's direction, and the cube that it leads to."""
    came_by, todo = {maze.start: None}, [maze.start]
    for cube in todo:
        for way, other in neighbours(maze, cube).items():
            if other not in came_by:
                came_by[other] = way, cube
                todo.append(other)
    steps, cube = [], maze.goal
    while cube != maze.start:
        way, before = came_by[cube]
        steps.append((way, cube))
        cube = before
    return tuple(reversed(steps))


def grow(rng, node: Cube, count: int, taken, first=STEPS) -> list[tuple[str, Cube]] | None:
    """Random segments from a node to nodes that are free; each as (direction, end)."""
    found, ways = [], first
    for _ in range(count):
        free = [way for way, end in ends(node).items() if way in ways and end not in taken]
        if not free:
            return None
        way = pick(rng, free)
        node = ends(node)[way]
        found.append((way, node))
        ways = STEPS
    return found


def build(rng, level: str) -> tuple[Maze, list[Cube]] | None:
    """A way with dead ends, and the cubes where those begin; None if it cannot be shown clearly.

    At each of these forks, the way might as well have gone where the dead end goes.
    """
    start = (SIDE - 1, SIDE - 1, 0)
    way = grow(rng, start, between(rng, *SEGMENTS[level]), ())
    if way is None:
        return None
    nodes = [start, *(node for _, node in way)]
    forks = pick_some(rng, range(len(way)), FORKS[level])
    if rng.random() > UP_KEPT[level] ** sum(way[at][0] == "up" for at in forks):
        return None
    pieces = [(node, step) for node, (step, _) in zip(nodes, way, strict=False)]
    for at in forks:
        others = [other for other in STEPS if other != way[at][0]]
        for _ in range(TRIES):
            taken = {node for node, _ in pieces} | {segment(*piece)[-1] for piece in pieces}
            dead_end = grow(rng, nodes[at], between(rng, *DEAD_END[level]), taken, others)
            if dead_end:
                reached = [nodes[at], *(node for _, node in dead_end)]
                more = [(node, step) for node, (step, _) in zip(reached, dead_end, strict=False)]
                if is_clear(*parts([*pieces, *more])):
                    pieces += more
                    break
        else:
            return None
    cubes, ladders = parts(pieces)
    maze = Maze(tuple(sorted(cubes)), tuple(sorted(ladders)), start, nodes[-1], ())
    return (maze, [nodes[at] for at in forks]) if is_clear(cubes, ladders) else None


def parts(pieces) -> tuple[set[Cube], list[Cube]]:
    """The cubes of some segments, each given as (node, direction), and the feet of ladders."""
    cubes = {cube for node, way in pieces for cube in (node, *segment(node, way))}
    return cubes, [node for node, way in pieces if way == "up"]


def is_clear(cubes, ladders) -> bool:
    """Whether no cube covers a ladder, and no ladder the middle of a cube behind it."""
    for x, y, floor in ladders:
        for cube in cubes:
            aside, nearer = abs(cube[0] - cube[1] - x + y), cube[0] + cube[1] - x - y
            if cube[2] == floor and aside == 0 and nearer < 0:
                return False
            if cube[2] == floor + 1 and aside <= 1 and nearer > 0:
                return False
    return True


def new(rng, level: str) -> Maze:
    return scene(rng, level)[0]


def scene(rng, level: str) -> tuple[Maze, list[Cube]]:
    while True:
        built = build(rng, level)
        if built:
            return built


def inner(maze: Maze) -> list[Cube]:
    """The cubes of the way between start and goal."""
    return [cube for _, cube in route(maze)[:-1]]


def labelled(maze: Maze, cubes) -> Maze:
    return dataclasses.replace(maze, labels=tuple(cubes))


STONE, LADDER = (185, 188, 195), (120, 70, 30)
PAINT = {"S": (90, 150, 255), "G": (255, 95, 90), "": STONE}
LOOKS = {name: Look(paint, paint) for name, paint in PAINT.items()}


@cache
def view_of(size: int):
    """The view, and how many blocks' heights the floors lie above each other."""
    across = int(size / (2 * SIDE + 1))
    down, height = round(0.34 * across), round(0.4 * across)
    lift = (size - 2 * SIDE * down - height - size // 25) / 2 / height
    bottom = size - size // 60 - 2 * SIDE * down
    return isometric((size // 2, bottom), across, down, height), lift


def place(size: int, cube: Cube) -> tuple[int, int, float]:
    """Where a cube is drawn: along the lower right, the lower left, and upwards."""
    return cube[1], cube[0], cube[2] * view_of(size)[1]


@cache
def floors(size: int) -> Image.Image:
    image, (view, _) = Image.new("RGB", (size, size), WHITE), view_of(size)
    pen = ImageDraw.Draw(image)
    for floor in range(FLOORS):
        z = place(size, (0, 0, floor))[2]
        corners = ((0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE))
        fill(image, tuple(view.point(*corner, z) for corner in corners), (244, 244, 246))
        for at in range(SIDE + 1):
            for ends in (((at, 0), (at, SIDE)), ((0, at), (SIDE, at))):
                pen.line([view.point(*end, z) for end in ends], PALE, max(1, size // 400))
        x, y = view.point(0, SIDE, z)
        write(image, (x + 0.06 * size, y - 0.07 * size), f"floor {floor}", 0.042 * size)
    return image


def draw(maze: Maze, size: int) -> Image.Image:
    image, (view, _) = floors(size).copy(), view_of(size)
    named = {maze.start: "S", maze.goal: "G"}
    for floor in range(FLOORS):
        for cube in sorted(maze.cubes, key=sum):
            if cube[2] == floor:
                put(image, view, place(size, cube), LOOKS[named.get(cube, "")])
        for foot in maze.ladders:
            if foot[2] == floor:
                draw_ladder(image, size, foot)
    for number, cube in enumerate(maze.labels, 1):
        badge(image, size, cube, number, BLACK, 0.0 if cube not in named else -0.5)
    for cube, name in named.items():
        colour = BLUE if name == "S" else RED
        badge(image, size, cube, name, colour, 0.0 if cube not in maze.labels else 0.5)
    return image


def draw_ladder(image: Image.Image, size: int, foot: Cube) -> None:
    """From the middle of a cube's top straight up to the bottom of the one above."""
    view, _ = view_of(size)
    x, y, low = place(size, foot)
    right, bottom = (round(at) for at in view.point(x + 0.5, y + 0.5, low + 1))
    _, top = view.point(x + 0.5, y + 0.5, place(size, beyond(foot, "up"))[2])
    half, line_px = max(2, size // 80), max(1, size // 150)
    pen = ImageDraw.Draw(image)
    for rail in (right - half, right + half):
        pen.line((rail, bottom, rail, top), LADDER, line_px)
    for rung in range(bottom - half, round(top), -max(4, size // 60)):
        pen.line((right - half, rung, right + half, rung), LADDER, line_px)


def badge(image: Image.Image, size: int, cube: Cube, name, colour, aside: float) -> None:
    """A white disc with a name in front of a cube; `aside` moves it along the page."""
    view, _ = view_of(size)
    x, y, z = place(size, cube)
    right, down = view.point(x + 0.6, y + 0.6, z + 1)
    right += 2 * aside * view.x[0] * 0.8
    radius = 0.44 * view.x[0]
    ring = (right - radius, down - radius, right + radius, down + radius)
    ImageDraw.Draw(image).ellipse(ring, WHITE, BLACK, max(1, size // 400))
    write(image, (right, down), name, 1.45 * radius, colour)


def cubes_text(cubes) -> str:
    return ", ".join(text(cube) for cube in cubes) or "none"


def describe(maze: Maze) -> str:
    return (
        "Cubes are written (x, y, floor); left-forward makes y smaller by 1, right-forward x.\n"
        f"Cubes: {cubes_text(maze.cubes)}\nLadders up from: {cubes_text(maze.ladders)}\n"
        f"Start: {text(maze.start)}\nGoal: {text(maze.goal)}\n"
        f"Numbered 1, 2, ...: {cubes_text(maze.labels)}"
    )


def parse(description: str) -> Maze:
    cubes, ladders, (start,), (goal,), labels = (
        tuple(tuple(map(int, found)) for found in re.findall(r"\((\d), (\d), (\d)\)", line))
        for line in description.splitlines()[1:]
    )
    return Maze(cubes, ladders, start, goal, labels)


def walk(maze: Maze) -> str:
    """The way to the goal in words, with the numbered cubes where it meets them."""
    said, names = ["S"], {cube: str(number) for number, cube in enumerate(maze.labels, 1)}
    if maze.start in names:
        said[0] = f"S = {names[maze.start]}"
    count, now = 0, None
    steps = [*route(maze), (None, None)]
    for (way, cube), (then, _) in pairwise(steps):
        count, now = count + 1, way
        if then != way or cube in names:
            stop = f" to {names[cube]}" if cube in names else ""
            said.append(f"{now} {count}{stop}" if now != "up" else f"up{stop}")
            count = 0
    return f"The way: {', '.join(said)}, G."


class PathChoices(Task):
    name = "path_choices"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 8

    def pose(self, game, rng, level):
        maze, forks = scene(rng, level)
        return labelled(maze, forks), {}

    def ask(self, maze):
        return (
            "Each numbered cube is a fork with two directions. Which one must be taken at each of "
            "them on the way from S to G?"
        )

    def solve(self, maze):
        before = [maze.start, *(cube for _, cube in route(maze))]
        taken = dict(zip(before, (way for way, _ in route(maze)), strict=False))
        answer = tuple(taken[cube] for cube in maze.labels)
        met = [f"{maze.labels.index(c) + 1} {taken[c]}" for c in before if c in maze.labels]
        return Solution(answer, [walk(maze), f"It leaves the forks so: {', '.join(met)}."])

    def distractors(self, maze, rng, answer):
        """The same forks with other directions that they have."""
        pairs = [tuple(neighbours(maze, cube)) for cube in maze.labels]
        return pick_some(rng, [ways for ways in product(*pairs) if ways != answer], 7)

    def text(self, value):
        return "; ".join(f"{number} {way}" for number, way in enumerate(value, 1))


class CheckpointOrder(Task):
    name = "checkpoint_order"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 6

    def pose(self, game, rng, level):
        """The numbers lie on the way in random order."""
        maze, _ = scene(rng, level)
        cubes = pick_some(rng, inner(maze), 3 if level == "Easy" else 4)
        return labelled(maze, cubes), {}

    def ask(self, maze):
        return "In which order does the way from S to G meet the numbered cubes?"

    def solve(self, maze):
        met = [cube for _, cube in route(maze) if cube in maze.labels]
        return Solution(tuple(maze.labels.index(cube) + 1 for cube in met), [walk(maze)])

    def distractors(self, maze, rng, answer):
        orders = permutations(range(1, len(answer) + 1))
        return pick_some(rng, [order for order in orders if order != answer], 5)

    def text(self, value):
        return " -> ".join(["S", *map(str, value), "G"])


@cache
def weak_orders() -> tuple[tuple[tuple[int, ...], ...], ...]:
    """All orders of 1, 2 and 3 by height, ties together: groups from the lowest upwards."""
    return tuple(
        tuple(
            tuple(number for number in (1, 2, 3) if height[number - 1] == at)
            for at in range(max(height) + 1)
        )
        for height in product(range(3), repeat=3)
        if set(height) == set(range(max(height) + 1))
    )


class HeightRelation(Task):
    name = "height_relation"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    def pose(self, game, rng, level):
        """All 13 orders are equally likely."""
        order = pick(rng, weak_orders())
        while True:
            maze, _ = scene(rng, level)
            labels = self.labels(rng, maze, order)
            if labels:
                return labelled(maze, labels), {}

    def labels(self, rng, maze, order):
        """Three cubes with this order of heights; None if the maze has none."""
        on = [
            [c for c in maze.cubes if c[2] == floor and c not in (maze.start, maze.goal)]
            for floor in range(FLOORS)
        ]
        fitting = [
            floors
            for floors in combinations(on, len(order))
            if all(len(some) >= len(group) for some, group in zip(floors, order, strict=True))
        ]
        if not fitting:
            return None
        found = {}
        for group, some in zip(order, pick(rng, fitting), strict=True):
            found |= zip(group, pick_some(rng, some, len(group)), strict=True)
        return [found[number] for number in (1, 2, 3)]

    def ask(self, maze):
        return (
            "Which order of the numbered cubes by height is right? '=' joins cubes on one floor, "
            "'<' stands before a higher one."
        )

    def solve(self, maze):
        floors = [cube[2] for cube in maze.labels]
        answer = tuple(
            tuple(n for n, floor in enumerate(floors, 1) if floor == height)
            for height in sorted(set(floors))
        )
        told = (f"{number} is on floor {floor}" for number, floor in enumerate(floors, 1))
        return Solution(answer, [f"Cube {', cube '.join(told)}."])

    def distractors(self, maze, rng, answer):
        return pick_some(rng, [order for order in weak_orders() if order != answer], 7)

    def text(self, value):
        return " < ".join(" = ".join(map(str, group)) for group in value)


class OnMainRoute(Task):
    name = "on_main_route"
    qa_type, qa_level, n_options = PREDICTION, "Medium", 8

    def pose(self, game, rng, level):
        """Each number lies on the way or beside it with equal chances."""
        maze, _ = scene(rng, level)
        on = inner(maze)
        off = [c for c in maze.cubes if c not in (*on, maze.start, maze.goal)]
        count = 3 if level == "Easy" else 4
        places = [on if rng.random() < 0.5 else off for _ in range(count)]
        cubes = [pick(rng, place) for place in places]
        return (labelled(maze, cubes), {}) if len(set(cubes)) == count else None

    def ask(self, maze):
        return "Which of the numbered cubes lie on the way from S to G?"

    def solve(self, maze):
        way = {cube for _, cube in route(maze)}
        answer = tuple(n for n, cube in enumerate(maze.labels, 1) if cube in way)
        beside = [n for n, cube in enumerate(maze.labels, 1) if cube not in way]
        steps = [walk(maze), f"In dead ends: {listed(beside) or 'none'}."]
        return Solution(answer, steps)

    def distractors(self, maze, rng, answer):
        numbers = range(1, len(maze.labels) + 1)
        sets = [some for n in range(len(numbers) + 1) for some in combinations(numbers, n)]
        return pick_some(rng, [some for some in sets if some != answer], 7)

    def text(self, value):
        return ", ".join(map(str, value)) or "none"


GAME = Game(
    name="maze_3d",
    category="3D Spatial Perception and Understanding",
    split_kind="in_domain",
    rules=RULES,
    state=Maze,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("cubes", lambda maze: len(maze.cubes)),
    tasks=(PathChoices(), CheckpointOrder(), HeightRelation(), OnMainRoute()),
)
