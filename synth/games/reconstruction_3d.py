"""Reconstruction: a structure of voxels, and the two silhouettes it should have."""

import dataclasses
import math
import re
from functools import cache
from itertools import combinations, product

from PIL import Image, ImageDraw, ImageFont

from synth.draw import BLACK, BLUE, GREEN, PALE, RED, SLATE, WHITE, Oblique
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.questions import pick, pick_some

RULES = (
    "The picture shows a structure of voxels (blue blocks) in a grid of 3 x 3 x 3 cells, its three "
    "layers lifted apart: z = 1 is the lowest, z = 3 the highest. Cells are written (x, y, z): x "
    "grows from the back to the front, y from left to right, so (1, 1, 1) is at the back left of "
    "the lowest layer. Two voxels touch if their cells share a face, also if one is right above "
    "the other; a structure is in one piece if touching joins all its voxels. Its Y-Z silhouette "
    "is dark at (y, z) if it has a voxel with this y and z, whatever its x; its X-Z silhouette is "
    "dark at (x, z) if it has a voxel with this x and z, whatever its y. The panels on the right "
    "show the two target silhouettes."
)
SHOWN = {"Easy": (1, 5), "Medium": (2, 10), "Hard": (6, 15)}  # voxels in the picture
TARGET = {"Easy": (3, 5), "Medium": (6, 10), "Hard": (11, 15)}  # voxels of what made the targets
ADDED = {"Easy": (2, 3), "Medium": (3, 4), "Hard": (4, 5)}  # voxels from the one to the other
PLACED = {"Easy": 1, "Medium": 2, "Hard": 3}  # at most: named voxels betray a part of the answer
DARK = {"Easy": (3, 5), "Medium": (4, 7), "Hard": (5, 8)}  # dark cells of a silhouette
FEWEST = {"Easy": (1, 2, 3), "Medium": (2, 3, 4, 5), "Hard": (4, 5, 6, 7)}

Voxel = tuple[int, int, int]  # (x, y, z), each 1 to 3
Dark = tuple[tuple[int, int], ...]  # the dark cells of a silhouette, (y, z) or (x, z), sorted

AXIS = (1, 2, 3)
CELLS = tuple(product(AXIS, AXIS, AXIS))
NEXT = {cell: tuple(other for other in CELLS if math.dist(cell, other) == 1) for cell in CELLS}
VIEWS = {"Y-Z": 1, "X-Z": 0}  # which coordinate runs to the right in a silhouette
VERDICTS = {
    (False, False): "neither",
    (True, False): "only Y-Z",
    (False, True): "only X-Z",
    (True, True): "both",
}


@dataclasses.dataclass(frozen=True)
class Scene:
    voxels: tuple[Voxel, ...]  # sorted
    targets: tuple[Dark, Dark]  # in the order of VIEWS


def silhouette(voxels, view: str) -> Dark:
    axis = VIEWS[view]
    return tuple(sorted({(voxel[axis], voxel[2]) for voxel in voxels}))


def silhouettes(voxels) -> tuple[Dark, Dark]:
    return silhouette(voxels, "Y-Z"), silhouette(voxels, "X-Z")


def scene_of(voxels, target) -> Scene:
    return Scene(tuple(sorted(voxels)), silhouettes(target))


def grow(rng, voxels, count: int, banned=()) -> list[Voxel] | None:
    """`voxels` and `count` more, each any free cell touching those before; None if there is none.

    New voxels may touch only other new ones: the additions can chain.
    """
    grown, edge, known = [], [], {*voxels, *banned}

    def put(cell):
        grown.append(cell)
        edge.extend(other for other in NEXT[cell] if other not in known)
        known.update(NEXT[cell])

    for voxel in voxels:
        put(voxel)
    for _ in range(count):
        if not edge:
            return None
        put(edge.pop(int(rng.integers(len(edge)))))
    return grown


def is_one_piece(voxels) -> bool:
    left = set(voxels)
    todo = [left.pop()]
    while todo:
        for other in NEXT[todo.pop()]:
            if other in left:
                left.remove(other)
                todo.append(other)
    return not left


def new(rng, level: str) -> Scene:
    """Any number of voxels of the level is equally likely."""
    return aim(rng, level, grow(rng, [pick(rng, CELLS)], between(rng, *SHOWN[level]) - 1))


def between(rng, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def aim(rng, level: str, voxels) -> Scene:
    """The structure with silhouettes of a larger one, or of itself, as its targets."""
    (low, high), most, shown = TARGET[level], ADDED[level][1], len(voxels)
    size = between(rng, max(low, shown), min(high, shown + most))
    return scene_of(voxels, grow(rng, voxels, size - shown))


def grow_short(rng, level: str, added: int) -> list[Voxel]:
    """A structure that `added` more voxels make as large as the level's targets."""
    low, high = TARGET[level]
    return grow(rng, [pick(rng, CELLS)], between(rng, max(low, added + 1), high) - added - 1)


def bits(dark: tuple[Dark, Dark]) -> int:
    """Two silhouettes as bits: six for every layer, three of Y-Z and three of X-Z."""
    yz, xz = (sum(1 << at - 1 + 6 * (z - 1) for at, z in cells) for cells in dark)
    return yz | xz << 3


TOUCHING = tuple(sum(1 << CELLS.index(other) for other in NEXT[cell]) for cell in CELLS)
SEEN_AT = tuple(bits(silhouettes([cell])) for cell in CELLS)
NEEDED = tuple(max((lack & 7).bit_count(), (lack >> 3).bit_count()) for lack in range(64))


def at_least(lack: int) -> int:
    """How many voxels fill these bits: each fills at most one of either view, in its layer."""
    return NEEDED[lack & 63] + NEEDED[lack >> 6 & 63] + NEEDED[lack >> 12]


def complete(scene: Scene) -> tuple[Voxel, ...]:
    """The fewest voxels that give both targets in one piece, each touching those before it.

    Tries every connected addition of n voxels, for n = at_least(...) and upwards. A branch ends
    only where a set comes up again or where even `at_least` more would be too many. Raises
    ValueError if nothing gives the targets.
    """
    target, seen_at = bits(scene.targets), bits(silhouettes(scene.voxels))
    if seen_at & ~target:
        raise ValueError("the structure sticks out of the target silhouettes")
    inside = sum(1 << at for at in range(27) if not SEEN_AT[at] & ~target)
    have = near = 0
    for voxel in scene.voxels:
        have |= 1 << CELLS.index(voxel)
        near |= TOUCHING[CELLS.index(voxel)]

    def extend(have, near, lack, left, tried):
        if at_least(lack) > left or have in tried:
            return None
        if not lack:
            return ()
        tried.add(have)
        free = near & inside & ~have
        while free:
            bit = free & -free
            free ^= bit
            at = bit.bit_length() - 1
            rest = extend(have | bit, near | TOUCHING[at], lack & ~SEEN_AT[at], left - 1, tried)
            if rest is not None:
                return (CELLS[at], *rest)
        return None

    lack = target & ~seen_at
    for count in range(at_least(lack), 28):
        found = extend(have, near, lack, count, set())
        if found is not None:
            return found
    raise ValueError("no addition in one piece gives the target silhouettes")


def completes(scene: Scene, added) -> bool:
    """Whether the added voxels are new and give both targets in one piece."""
    both = {*scene.voxels, *added}
    is_new = len(both) == len(scene.voxels) + len(added) and both <= set(CELLS)
    return is_new and silhouettes(both) == scene.targets and is_one_piece(both)


@cache
def blank(size: int):
    """All but blocks and dark cells; how blocks are drawn; the corner and side of the panels."""
    image = Image.new("RGB", (size, size), WHITE)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(0.055 * size)
    line_px = max(1, size // 220)

    def px(part):
        return round(part * size)

    def write(x, y, words, colour):
        pen.text((x, y), str(words), colour, font, anchor="mm")

    slant = px(0.042), px(0.06)
    oblique = Oblique((px(0.25), px(0.72)), px(0.125), slant, px(0.055), px(0.305))
    for z in AXIS:
        oblique.floor(image, z - 1, 3, 3, line_px=line_px)
        write(px(0.08), oblique.point(0, 0, z - 1)[1] - px(0.015), f"z={z}", BLUE)
        for at, name in zip((0.5, 1.5, 2.5, 3.4), (*AXIS, "x"), strict=True):
            x, y = oblique.point(at, 0, z - 1)
            write(x - px(0.072), y - px(0.004), name, RED)
        for at, name in zip((0.5, 1.5, 2.5, 3.35), (*AXIS, "y"), strict=True):
            x, y = oblique.point(3, at, z - 1)
            write(x, y + px(0.036), name, GREEN)
    side, left, tops = px(0.083), px(0.715), (px(0.12), px(0.6))
    for view, top, colour in zip(VIEWS, tops, (GREEN, RED), strict=True):
        right, bottom = left + 3 * side, top + 3 * side
        write(left + 1.5 * side, top - px(0.045), view, BLACK)
        for line in range(0, 4 * side, side):
            pen.line((left, top + line, right, top + line), PALE, line_px)
            pen.line((left + line, top, left + line, bottom), PALE, line_px)
        for at in AXIS:
            write(left + (at - 0.5) * side, bottom + px(0.036), at, colour)
            write(left - px(0.035), bottom - (at - 0.5) * side, at, BLUE)
    return image, oblique, left, tops, side, line_px


def draw(scene: Scene, size: int):
    empty, oblique, left, tops, side, line_px = blank(size)
    image = empty.copy()
    pen = ImageDraw.Draw(image)
    for top, dark in zip(tops, scene.targets, strict=True):
        for at, z in dark:
            x, y = left + (at - 1) * side, top + (3 - z) * side
            pen.rectangle((x + line_px, y + line_px, x + side - 1, y + side - 1), SLATE)
    oblique.blocks(image, [(x - 1, y - 1, z - 1) for x, y, z in scene.voxels], BLUE)
    return image


def layer(voxels, z: int) -> str:
    """The rows x = 1, 2, 3 of a layer."""
    return " ".join("".join("-#"[(x, y, z) in voxels] for y in AXIS) for x in AXIS)


def panel(dark: Dark) -> str:
    """The rows z = 3, 2, 1 of a silhouette."""
    return " ".join("".join("-#"[(at, z) in dark] for at in AXIS) for z in (3, 2, 1))


def describe(scene: Scene) -> str:
    layers = "\n".join(f"z = {z}: {layer(scene.voxels, z)}" for z in AXIS)
    yz, xz = map(panel, scene.targets)
    return (
        "A structure in a grid of 3 x 3 x 3 cells, # is a voxel. In each layer the rows are "
        f"x = 1, 2, 3, and in a row y = 1, 2, 3:\n{layers}\n"
        "The target silhouettes, # is dark. The rows are z = 3, 2, 1, and in a row y (or x) = "
        f"1, 2, 3:\nY-Z: {yz}\nX-Z: {xz}"
    )


def parse(description: str) -> Scene:
    found = re.findall(r": ([#-]{3}) ([#-]{3}) ([#-]{3})$", description, re.MULTILINE)
    voxels = tuple((x, y, z) for x, y, z in CELLS if found[z - 1][x - 1][y - 1] == "#")
    yz, xz = (
        tuple((at, z) for at in AXIS for z in AXIS if rows[3 - z][at - 1] == "#")
        for rows in found[3:]
    )
    return Scene(voxels, (yz, xz))


def cell_text(cell) -> str:
    return str(tuple(cell))


def cells_text(cells) -> str:
    return ", ".join(map(cell_text, cells))


def read(scene: Scene) -> list[str]:
    """The first sentences of a solution: the structure, layer by layer."""
    return [f"Layer z = {z}, rows x = 1, 2, 3: {layer(scene.voxels, z)}." for z in AXIS]


def lacks(scene: Scene) -> list[list[tuple[int, int]]]:
    """The target cells that the structure leaves white, in each view."""
    now = silhouettes(scene.voxels)
    return [sorted(set(goal) - set(dark)) for goal, dark in zip(scene.targets, now, strict=True)]


def compare(scene: Scene) -> list[str]:
    """For each silhouette: what it is, what it should be, and where they differ."""
    said = []
    for view, goal, lack in zip(VIEWS, scene.targets, lacks(scene), strict=True):
        now = silhouette(scene.voxels, view)
        extra = sorted(set(now) - set(goal))
        differ = [f"{cells_text(lack)} missing"] * bool(lack)
        differ += [f"{cells_text(extra)} too many"] * bool(extra)
        said.append(
            f"{view}, rows z = 3, 2, 1: the structure gives {panel(now)}, the target is "
            f"{panel(goal)}; {' and '.join(differ) or 'they are equal'}."
        )
    return said


def placing(scene: Scene, added) -> list[str]:
    """One sentence a voxel, in an order in which each touches the structure or one before it."""
    placed, left, said = list(scene.voxels), list(added), []
    while left:
        voxel = next(cell for cell in left if any(other in placed for other in NEXT[cell]))
        touched = next(other for other in NEXT[voxel] if other in placed)
        fills = [
            f"{view} {cell_text((voxel[axis], voxel[2]))}"
            for view, axis in VIEWS.items()
            if silhouette(placed, view) != silhouette([*placed, voxel], view)
        ]
        said.append(
            f"{cell_text(voxel)} touches {cell_text(touched)} and fills "
            f"{' and '.join(fills) or 'no new cell'}."
        )
        placed.append(voxel)
        left.remove(voxel)
    return said


@cache
def shapes(low: int, high: int) -> tuple[Dark, ...]:
    """Every silhouette of low to high dark cells that a structure in one piece can have."""
    cells = tuple(product(AXIS, AXIS))
    return tuple(
        dark
        for count in range(low, high + 1)
        for dark in combinations(cells, count)
        if is_one_piece([(1, *cell) for cell in dark])
    )


class VoxelCount(Task):
    name = "voxel_count"
    qa_type, qa_level = PERCEPTION, "Easy"

    def ask(self, scene):
        return "How many voxels does the structure have?"

    def solve(self, scene):
        counts = [sum(voxel[2] == z for voxel in scene.voxels) for z in AXIS]
        steps = [
            f"{line[:-1]}, that is {count}."
            for line, count in zip(read(scene), counts, strict=True)
        ]
        total = sum(counts)
        return Solution(total, [*steps, f"{' + '.join(map(str, counts))} = {total}."])


class OccupiedPosition(Task):
    name = "occupied_position"
    qa_type, qa_level, n_options = PERCEPTION, "Easy", 6

    def pose(self, game, rng, level):
        """Six cells, any of which is the occupied one; the structure grows from it."""
        cells = pick_some(rng, CELLS, 6)
        voxels = grow(rng, cells[:1], between(rng, *SHOWN[level]) - 1, banned=cells[1:])
        return voxels and (aim(rng, level, voxels), {"cells": tuple(sorted(cells))})

    def ask(self, scene, cells):
        return "Which of these cells holds a voxel?"

    def solve(self, scene, cells):
        held = [cell for cell in cells if cell in scene.voxels]
        if len(held) != 1:
            raise ValueError("not just one of the cells holds a voxel")
        x, y, z = held[0]
        row = layer(scene.voxels, z).split()[x - 1]
        steps = [
            *read(scene),
            f"Layer z = {z}, row x = {x} is {row}: at y = {y} there is a voxel, so it is in "
            f"{cell_text(held[0])}.",
        ]
        return Solution(held[0], steps, lambda cell: cell in scene.voxels)

    def distractors(self, scene, rng, answer, cells):
        return [cell for cell in cells if cell != answer]

    def text(self, value):
        return cell_text(value)


class SilhouetteMatch(Task):
    name = "silhouette_match"
    qa_type, qa_level, n_options = PERCEPTION, "Medium", 4

    def pose(self, game, rng, level):
        """All four answers are equally likely; the targets are those of a similar structure."""
        verdict = pick(rng, tuple(VERDICTS))
        while True:
            voxels = new(rng, level).voxels
            for _ in range(40):
                scene = scene_of(voxels, self.altered(rng, voxels))
                if self.equal(scene) == verdict:
                    return scene, {}

    def altered(self, rng, voxels):
        """The structure after up to three voxels were added or taken away."""
        for _ in range(int(rng.integers(4))):
            if rng.random() < 0.5:
                rest = pick_some(rng, voxels, len(voxels) - 1)
                voxels = rest if rest and is_one_piece(rest) else voxels
            else:
                voxels = grow(rng, voxels, 1)
        return voxels

    def equal(self, scene) -> tuple[bool, bool]:
        now = silhouettes(scene.voxels)
        return now[0] == scene.targets[0], now[1] == scene.targets[1]

    def ask(self, scene):
        return "Which silhouettes of the structure equal their targets?"

    def solve(self, scene):
        answer = VERDICTS[self.equal(scene)]
        return Solution(answer, [*read(scene), *compare(scene), f"Equal to its target: {answer}."])

    def distractors(self, scene, rng, answer):
        return [verdict for verdict in VERDICTS.values() if verdict != answer]


class SilhouetteAfterAdd(Task):
    name = "silhouette_after_add"
    qa_type, qa_level = PREDICTION, "Medium"

    def pose(self, game, rng, level):
        """All silhouettes of the level are equally likely; one in four was there before."""
        view, goal = pick(rng, tuple(VIEWS)), pick(rng, shapes(*DARK[level]))
        inside = [cell for cell in CELLS if (cell[VIEWS[view]], cell[2]) in goal]
        outside = [cell for cell in CELLS if cell not in inside]
        was_there = rng.random() < 0.25
        while True:
            shown, added = between(rng, *SHOWN[level]), between(rng, 1, PLACED[level])
            grown = grow(rng, [pick(rng, inside)], shown + added - 1, banned=outside)
            if grown and silhouette(grown, view) == goal:
                voxels, add = grown[:shown], tuple(sorted(grown[shown:]))
                if (silhouette(voxels, view) == goal) == was_there:
                    return aim(rng, level, voxels), {"view": view, "add": add}

    def ask(self, scene, view, add):
        return (
            f"Voxels are added to the structure in {cells_text(add)}. What is its {view} "
            "silhouette then? Write 1 for dark and 0 for white, row by row from z = 3 down to "
            "z = 1, in the form [[0, 0, 0], [0, 0, 0], [0, 0, 0]]."
        )

    def solve(self, scene, view, add):
        dark = silhouette(scene.voxels, view)
        steps = [*read(scene), f"Its {view} silhouette, rows z = 3, 2, 1: {panel(dark)}."]
        for voxel in add:
            (cell,) = silhouette([voxel], view)
            state = "is dark already" if cell in dark else "becomes dark"
            steps.append(f"{cell_text(voxel)} is seen at {cell_text(cell)}, which {state}.")
            dark = *dark, cell
        answer = silhouette((*scene.voxels, *add), view)
        return Solution(answer, [*steps, f"Then it is {self.text(answer)}."])

    def text(self, value):
        return str([[int((at, z) in value) for at in AXIS] for z in (3, 2, 1)])


class AdditionChoice(Task):
    name = "addition_choice"
    qa_type, qa_level, n_options = PREDICTION, "Hard", 8

    def pose(self, game, rng, level):
        """Eight additions to one structure, alike in number and silhouettes; any of them is right.

        No two give the same silhouettes, and none leaves them as they are.
        """
        added = pick(rng, ADDED[level])
        voxels = grow_short(rng, level, added)
        found = {}
        for _ in range(40):
            grown = grow(rng, voxels, added)
            found.setdefault(silhouettes(grown), grown)
        found.pop(silhouettes(voxels), None)
        if len(found) < 8:
            return None
        middle = bits(pick(rng, tuple(found)))
        near = sorted(found, key=lambda both: (bits(both) ^ middle).bit_count())[:8]
        lists = tuple(sorted(tuple(sorted(found[both][len(voxels) :])) for both in near))
        return scene_of(voxels, found[pick(rng, near)]), {"lists": lists}

    def ask(self, scene, lists):
        return (
            "Which voxels, all added to the structure, make both of its silhouettes equal to the "
            "targets, with the structure in one piece?"
        )

    def solve(self, scene, lists):
        right = [added for added in lists if completes(scene, added)]
        if len(right) != 1:
            raise ValueError("not just one of the lists gives the targets")
        steps = [
            *read(scene),
            *compare(scene),
            *placing(scene, right[0]),
            f"Adding {cells_text(right[0])} gives both targets in one piece.",
        ]
        return Solution(right[0], steps, lambda added: completes(scene, added))

    def distractors(self, scene, rng, answer, lists):
        return [added for added in lists if added != answer]

    def text(self, value):
        return cells_text(value)


class MinAdditions(Task):
    name = "min_additions"
    qa_type, qa_level = STRATEGY, "Hard"

    def pose(self, game, rng, level):
        """All numbers of the level are equally likely."""
        count = pick(rng, FEWEST[level])
        while True:
            voxels = grow_short(rng, level, count)
            scene = scene_of(voxels, grow(rng, voxels, count))
            if len(complete(scene)) == count:
                return scene, {}

    def ask(self, scene):
        return (
            "What is the smallest number of voxels to add so that both silhouettes equal the "
            "targets and the structure is in one piece?"
        )

    def solve(self, scene):
        added = complete(scene)
        steps, total = [*read(scene), *compare(scene)], 0
        for z in AXIS:
            yz, xz = (sum(cell[1] == z for cell in lack) for lack in lacks(scene))
            total += max(yz, xz)
            if max(yz, xz):
                steps.append(
                    f"A voxel in layer z = {z} fills at most one cell of each view; {yz} of Y-Z "
                    f"and {xz} of X-Z are missing there: at least {max(yz, xz)}."
                )
        steps.append(f"Together at least {total}.")
        steps += [
            f"No {count} in one piece give both targets." for count in range(total, len(added))
        ]
        steps += placing(scene, added)
        return Solution(len(added), [*steps, f"That gives both targets with {len(added)} voxels."])


GAME = Game(
    name="reconstruction_3d",
    category="3D Spatial Perception and Understanding",
    split_kind="in_domain",
    rules=RULES,
    state=Scene,
    new=new,
    draw=draw,
    describe=describe,
    parse=parse,
    difficulty=("voxels shown", lambda scene: len(scene.voxels)),
    tasks=(
        VoxelCount(),
        OccupiedPosition(),
        SilhouetteMatch(),
        SilhouetteAfterAdd(),
        AdditionChoice(),
        MinAdditions(),
    ),
)
