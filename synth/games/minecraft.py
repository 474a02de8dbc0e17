"""Minecraft: a world of blocks; what is in it, how many, and what a bridge and a climb take."""

import dataclasses
import re
from functools import cache
from itertools import combinations, product

from PIL import Image, ImageDraw

from synth.draw import WHITE, write
from synth.draw.blocks import Look, isometric, put
from synth.draw.space import fill
from synth.game import PERCEPTION, PREDICTION, Game, Solution, Task
from synth.questions import between, listed, pick, pick_some, text

RULES = (
    "The picture shows a world of blocks on a ground of 10 x 10 cells, from a corner and from "
    "above. There may be brick (brown-red with pale joints), gold ore (grey with yellow squares), "
    "diamond ore (dark grey with light blue diamonds), TNT (red with a white band), pumpkin "
    "(orange with a face), ladder (rungs on a column of stone), river (a blue strip with waves), "
    "lava (an orange pool with dark cracks), tree (a brown trunk with green leaves) and stone "
    "(plain grey). "
    "The player stands on the red tile marked P."
)
MOVING = (
    "The player walks on the ground, from cell to cell across sides, but not on water. A block "
    "placed in a cell of the river can be walked on."
)
TAKING = (
    "To take the {target}, the player stands in a cell that shares a side with its cell. From "
    "there it reaches the first and the second block above the ground; every block placed under "
    "its feet lets it reach one block higher. If the column has a ladder, it needs none. Blocks "
    "once placed stay where they are, and nothing else is removed."
)
SIDE = 10
TARGETS = ("pumpkin", "gold ore", "diamond ore")
THINGS = ("TNT", "brick", "diamond ore", "gold ore", "ladder", "lava", "pumpkin", "river", "tree")
TALL = {"ladder": ("stone",) * 3, "tree": ("trunk", "trunk", "leaves")}
KINDS = {"Easy": 3, "Medium": 4, "Hard": 5}  # things in the world
# The levels overlap, so that they do not tell the answers.
CUBES = {"Easy": (4, 36), "Medium": (16, 80), "Hard": (40, 144)}
WIDTH = {"Easy": (1, 5), "Medium": (2, 6), "Hard": (3, 7)}
STONES = {"Easy": (0, 4), "Medium": (1, 5), "Hard": (3, 7)}  # below the target
CLIMB = {"Easy": (0, 4), "Medium": (0, 5), "Hard": (1, 6)}  # blocks that it takes
BOTH = {"Easy": (0, 5), "Medium": (1, 7), "Hard": (2, 9)}

Cell = tuple[int, int]
Stack = tuple[int, int, tuple[str, ...], bool]  # x, y, blocks from below, whether with a ladder


@dataclasses.dataclass(frozen=True)
class World:
    river: tuple  # () or (first row, width): its rows x, all of y
    player: tuple  # () or (x, y)
    stacks: tuple[Stack, ...]  # sorted


def world_of(river=(), player=(), stacks=()) -> World:
    return World(tuple(river), tuple(player), tuple(sorted(stacks)))


def water(world: World) -> range:
    """The rows x of the river."""
    return range(world.river[0], sum(world.river)) if world.river else range(0)


def hides(stack: Stack, cell: Cell) -> bool:
    """Whether a stack stands in front of a cell, or in it."""
    x, y, blocks, _ = stack
    back = x + y - cell[0] - cell[1]
    return abs((x - y) - (cell[0] - cell[1])) <= 1 and 0 <= back <= 2.3 * len(blocks) + 1


def random_river(rng, width: int) -> tuple[int, int]:
    return between(rng, 1, SIDE - 1 - width), width


def bank(world: World, cell: Cell) -> bool:
    """On which side of the river a cell lies."""
    return bool(world.river) and cell[0] > world.river[0]


def land(world: World) -> list[Cell]:
    return [cell for cell in product(range(SIDE), range(SIDE)) if cell[0] not in water(world)]


def column(rng, level: str, river=()) -> World:
    """A player and a target on a column; the player is not behind it."""
    stones, ladder = between(rng, *STONES[level]), rng.random() < 0.3
    return raise_column(rng, stones, ladder and stones > 0, river)


def raise_column(rng, stones: int, ladder: bool, river=()) -> World:
    ground = land(world_of(river))
    blocks = ("stone",) * stones + (pick(rng, TARGETS),)
    while True:
        cell, player = pick_some(rng, ground, 2)
        stack = (*cell, blocks, ladder)
        if not hides(stack, player):
            return world_of(river, player, [stack])


def new(rng, level: str) -> World:
    """A river, a player and a column."""
    return column(rng, level, random_river(rng, between(rng, *WIDTH[level])))


def target_of(world: World) -> Stack:
    """The only stack with a target on top."""
    (stack,) = (stack for stack in world.stacks if stack[2][-1] in TARGETS)
    return stack


def climb(world: World) -> int:
    """Blocks under the feet that it takes to reach the target."""
    *_, blocks, ladder = target_of(world)
    return 0 if ladder else max(0, len(blocks) - 2)


def crossing(world: World) -> int:
    """Blocks that a straight bridge to the target's bank takes."""
    x, y, *_ = target_of(world)
    return 0 if bank(world, world.player) == bank(world, (x, y)) else len(water(world))


GREY_STONE, BROWN, LEAF = (165, 165, 168), (125, 85, 50), (60, 150, 55)
SIDES = ("left", "right")
ALL = ("top", *SIDES)


def box(left, low, right, high):
    return (left, low), (right, low), (right, high), (left, high)


def spots(faces, colour, half, slim=1.0):
    """Four squares, or diamonds if not slim."""
    middles = (0.27, 0.3), (0.72, 0.25), (0.3, 0.74), (0.72, 0.7)
    if slim == 1.0:
        shapes = [box(u - half, v - half, u + half, v + half) for u, v in middles]
    else:
        shapes = [
            ((u - half, v), (u, v - half * slim), (u + half, v), (u, v + half * slim))
            for u, v in middles
        ]
    return tuple((faces, colour, shape) for shape in shapes)


JOINT, DARK, PAPER = (225, 205, 190), (45, 35, 25), (245, 245, 245)
LOOKS = {
    "stone": Look((190, 190, 193), GREY_STONE),
    "brick": Look(
        (176, 84, 66),
        (176, 84, 66),
        tuple((ALL, JOINT, box(0, v, 1, v + 0.06)) for v in (0.22, 0.48, 0.74))
        + tuple(
            (ALL, JOINT, box(u, v, u + 0.06, v + 0.22))
            for u, v in ((0.3, 0), (0.75, 0), (0.12, 0.26), (0.55, 0.26), (0.3, 0.52), (0.75, 0.52))
        ),
    ),
    "gold ore": Look((190, 190, 193), GREY_STONE, spots(ALL, (255, 215, 30), 0.13)),
    "diamond ore": Look((95, 95, 104), (95, 95, 104), spots(ALL, (70, 225, 240), 0.16, 1.4)),
    "TNT": Look(
        (214, 50, 40),
        (214, 50, 40),
        (
            (("top",), DARK, box(0.4, 0.4, 0.6, 0.6)),
            (SIDES, PAPER, box(0, 0.34, 1, 0.66)),
            *((SIDES, DARK, box(u, 0.42, u + 0.1, 0.58)) for u in (0.18, 0.45, 0.72)),
        ),
    ),
    "pumpkin": Look(
        (240, 140, 25),
        (240, 140, 25),
        (
            (("top",), (80, 110, 40), box(0.4, 0.4, 0.6, 0.6)),
            (SIDES, DARK, ((0.14, 0.55), (0.4, 0.55), (0.27, 0.8))),
            (SIDES, DARK, ((0.6, 0.55), (0.86, 0.55), (0.73, 0.8))),
            (SIDES, DARK, box(0.2, 0.18, 0.8, 0.36)),
        ),
    ),
    "trunk": Look((165, 120, 75), BROWN, ((SIDES, (90, 60, 35), box(0.42, 0, 0.58, 1)),)),
    "leaves": Look((80, 175, 70), LEAF, spots(ALL, (35, 110, 40), 0.1)),
    "with ladder": Look(
        (190, 190, 193),
        GREY_STONE,
        tuple((("left",), BROWN, box(u, 0, u + 0.1, 1)) for u in (0.18, 0.72))
        + tuple((("left",), BROWN, box(0.18, v, 0.82, v + 0.1)) for v in (0.1, 0.43, 0.76)),
    ),
}
GRASS, LINE = (203, 226, 178), (170, 195, 145)
BLUE_WATER, DEEP, WAVE = (70, 140, 235), (20, 60, 150), (190, 220, 255)
LAVA, RED_TILE = (255, 120, 20), (222, 40, 40)


@cache
def view_of(size: int):
    across = int(size / (2 * SIDE + 0.6))
    down, height = round(0.5 * across), round(1.05 * across)
    return isometric((size // 2, size - 2 * SIDE * down - size // 40), across, down, height)


def tile(view, cell: Cell, corners=((0, 0), (1, 0), (1, 1), (0, 1))):
    return tuple(view.point(cell[0] + u, cell[1] + v, 0) for u, v in corners)


@cache
def ground(size: int, river: tuple) -> Image.Image:
    """The empty world."""
    image, view = Image.new("RGB", (size, size), WHITE), view_of(size)
    fill(image, tile(view, (0, 0), ((0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE))), GRASS)
    rows = water(World(river, (), ()))
    for cell in product(rows, range(SIDE)):
        fill(image, tile(view, cell), BLUE_WATER)
        fill(image, tile(view, cell, box(0.25, 0.42, 0.75, 0.58)), WAVE)
    pen = ImageDraw.Draw(image)
    for at in range(SIDE + 1):
        for ends in (((at, 0), (at, SIDE)), ((0, at), (SIDE, at))):
            pen.line([view.point(*end, 0) for end in ends], LINE, max(1, size // 300))
    for cell in product(rows, range(SIDE)):
        outline = tile(view, cell)
        pen.line([*outline, outline[0]], DEEP, max(1, size // 300))
    return image


def draw(world: World, size: int) -> Image.Image:
    image, view = ground(size, world.river).copy(), view_of(size)
    if world.player:
        fill(image, tile(view, world.player), RED_TILE)
        x, y = world.player
        write(image, view.point(x + 0.5, y + 0.5, 0), "P", 1.5 * view.x[1], WHITE)
    for x, y, blocks, ladder in sorted(world.stacks, key=lambda stack: stack[0] + stack[1]):
        if blocks == ("lava",):
            fill(image, tile(view, (x, y)), LAVA)
            for crack in (
                ((0.1, 0.4), (0.9, 0.5), (0.1, 0.55)),
                ((0.5, 0.1), (0.6, 0.9), (0.4, 0.9)),
            ):
                fill(image, tile(view, (x, y), crack), DARK)
            continue
        for z, kind in enumerate(blocks):
            put(
                image, view, (x, y, z), LOOKS["with ladder" if ladder and kind == "stone" else kind]
            )
    return image


def describe(world: World) -> str:
    river = f"rows x = {water(world)[0]} to {water(world)[-1]}" if world.river else "none"
    stacks = "\n".join(
        f"stack {text((x, y))}: {', '.join(blocks)}{'; ladder' if ladder else ''}"
        for x, y, blocks, ladder in world.stacks
    )
    player = text(world.player) if world.player else "none"
    return (
        "Cells are written (x, y), from 0 at the far corner: x grows to the lower right, y to the "
        f"lower left. River: {river}. Player: {player}. Blocks from below:\n{stacks}"
    )


def parse(description: str) -> World:
    river = re.search(r"River: rows x = (\d) to (\d)", description)
    player = re.search(r"Player: \((\d), (\d)\)", description)
    stacks = re.findall(r"^stack \((\d), (\d)\): ([\w, ]+)(; ladder)?$", description, re.MULTILINE)
    first, last = map(int, river.groups()) if river else (0, -1)
    return World(
        (first, last - first + 1) if river else (),
        tuple(map(int, player.groups())) if player else (),
        tuple((int(x), int(y), tuple(b.split(", ")), bool(m)) for x, y, b, m in stacks),
    )


def things_in(world: World) -> list[str]:
    found = {"river"} if world.river else set()
    for *_, blocks, ladder in world.stacks:
        found |= {kind for kind in blocks if kind in THINGS}
        found |= {"ladder"} if ladder else set()
        found |= {"tree"} if "leaves" in blocks else set()
    return sorted(found)


class ScenerySet(Task):
    name = "scenery_set"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 8

    def pose(self, game, rng, level):
        """Eight sets of equal size, any of which is the right one."""
        sets = pick_some(rng, tuple(combinations(THINGS, KINDS[level])), 8)
        return self.world(rng, sets[0]), {"sets": tuple(sorted(sets))}

    def world(self, rng, things) -> World:
        """Each thing once or twice, none behind another."""
        river = random_river(rng, between(rng, 1, 3)) if "river" in things else ()
        free, stacks = land(world_of(river)), []
        for thing in things:
            for _ in range(0 if thing == "river" else between(rng, 1, 2)):
                cell = pick(rng, free)
                stack = (*cell, TALL.get(thing, (thing,)), thing == "ladder")
                stacks.append(stack)
                free = [
                    c for c in free if not hides(stack, c) and not hides((*c, "123", False), cell)
                ]
        return world_of(river, (), stacks)

    def ask(self, world, sets):
        return "Which of these things are in the world? Just the right list names all of them."

    def solve(self, world, sets):
        found = tuple(things_in(world))
        return Solution(
            found, [f"Seen in the world: {listed(found)}."], lambda v: set(v) == set(found)
        )

    def distractors(self, world, rng, answer, sets):
        return [other for other in sets if set(other) != set(answer)]


@cache
def cuboids() -> dict[int, tuple]:
    """All sizes (along x, along y, height), by the number of their cubes."""
    found = {}
    for size in product(range(2, 7), range(2, 7), range(1, 5)):
        found.setdefault(size[0] * size[1] * size[2], []).append(size)
    return found


class CubeCount(Task):
    name = "cube_count"
    qa_type, qa_level = PERCEPTION, "Medium"

    def pose(self, game, rng, level):
        """All numbers of the level that a cuboid can have are equally likely."""
        low, high = CUBES[level]
        count = pick(rng, [number for number in sorted(cuboids()) if low <= number <= high])
        wide, deep, high = pick(rng, cuboids()[count])
        left, top = between(rng, 1, SIDE - 1 - wide), between(rng, 1, SIDE - 1 - deep)
        blocks = (pick(rng, ("stone", "gold ore", "TNT", "pumpkin")),) * high
        cells = product(range(left, left + wide), range(top, top + deep))
        return world_of(stacks=[(*cell, blocks, False) for cell in cells]), {}

    def ask(self, world):
        return "The blocks form a solid cuboid without holes. How many are there? Write a number."

    def solve(self, world):
        wide, deep = (len({stack[at] for stack in world.stacks}) for at in (0, 1))
        high = len(world.stacks[0][2])
        steps = [
            f"Along the lower right edge of the top there are {deep} blocks, along the lower left "
            f"edge {wide}, and it is {high} high.",
            f"{wide} x {deep} x {high} = {wide * deep * high}.",
        ]
        return Solution(wide * deep * high, steps)


class BridgeBlocks(Task):
    name = "bridge_blocks"
    qa_type, qa_level = PREDICTION, "Medium"

    def pose(self, game, rng, level):
        """All widths of the level are equally likely."""
        river = random_river(rng, between(rng, *WIDTH[level]))
        return world_of(river, pick(rng, land(world_of(river)))), {}

    def ask(self, world):
        return (
            f"{MOVING} How many blocks must the player place at least to get to the other side of "
            "the river? Write a number."
        )

    def solve(self, world):
        width = len(water(world))
        steps = [f"The river is {width} cells wide.", f"A straight bridge takes {width} blocks."]
        return Solution(width, steps)


def climb_told(world: World) -> list[str]:
    """How high the target lies, and what that takes."""
    *_, blocks, ladder = target_of(world)
    steps = [f"The {blocks[-1]} has {len(blocks) - 1} blocks below it: it is block {len(blocks)}."]
    if ladder:
        return [*steps, "The column has a ladder: 0 blocks under the feet."]
    if len(blocks) <= 2:
        return [*steps, "That is within reach from the ground: 0 blocks under the feet."]
    return [*steps, f"Block 2 is in reach: {len(blocks)} - 2 = {climb(world)} under the feet."]


class ClimbBlocks(Task):
    name = "climb_blocks"
    qa_type, qa_level = PREDICTION, "Medium"

    def pose(self, game, rng, level):
        """All numbers of the level are equally likely; 0 comes with and without a ladder."""
        count = between(rng, *CLIMB[level])
        ladder = count == 0 and rng.random() < 0.5
        stones = between(rng, *STONES[level]) if ladder else count + 1
        if count == 0 and not ladder:
            stones = between(rng, 0, 1)
        return raise_column(rng, stones, ladder and stones > 0), {}

    def ask(self, world):
        target = target_of(world)[2][-1]
        return (
            f"{TAKING.format(target=target)} How many blocks must the player place at least to "
            f"take the {target}? Write a number."
        )

    def solve(self, world):
        steps = climb_told(world)
        return Solution(climb(world), [*steps, f"Together {climb(world)}."])


class BridgeAndClimb(Task):
    name = "bridge_and_climb"
    qa_type, qa_level = PREDICTION, "Hard"

    def pose(self, game, rng, level):
        """All numbers of the level are equally likely."""
        count = between(rng, *BOTH[level])
        while True:
            width, stones = between(rng, *WIDTH[level]), between(rng, *STONES[level])
            ladder, across = stones > 0 and rng.random() < 0.3, rng.random() < 0.7
            if across * width + (0 if ladder else max(0, stones - 1)) == count:
                break
        while True:
            world = raise_column(rng, stones, ladder, random_river(rng, width))
            if crossing(world) + climb(world) == count:
                return world, {}

    def ask(self, world):
        target = target_of(world)[2][-1]
        return (
            f"{MOVING} {TAKING.format(target=target)} How many blocks must the player place at "
            f"least to take the {target}? Write a number."
        )

    def solve(self, world):
        bridge, under = crossing(world), climb(world)
        place = f"The river is {len(water(world))} cells wide; player and target are on "
        if bridge:
            steps = [f"{place}different sides: the bridge takes {bridge} blocks."]
        else:
            steps = [f"{place}the same side: the bridge takes 0 blocks."]
        steps += climb_told(world)
        return Solution(bridge + under, [*steps, f"{bridge} + {under} = {bridge + under}."])


def weight(world: World) -> int:
    return sum(len(blocks) for _, _, blocks, _ in world.stacks) + len(water(world))


GAME = Game(
    name="minecraft",
    category="3D Spatial Perception and Understanding",
    split_kind="out_of_domain",
    rules=RULES,
    state=World,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("blocks, and cells across the river", weight),
    tasks=(ScenerySet(), CubeCount(), BridgeBlocks(), ClimbBlocks(), BridgeAndClimb()),
)
