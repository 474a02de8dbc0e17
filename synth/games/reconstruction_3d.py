"""Reconstruction: a structure of voxels, and the two silhouettes it should have."""

import dataclasses
import math
import re
from functools import cache
from itertools import combinations, product

from PIL import Image

from synth.draw import BLUE, GREEN, RED, SLATE, WHITE, Oblique, Panel, write
from synth.game import PERCEPTION, PREDICTION, STRATEGY, Game, Solution, Task
from synth.questions import between, listed, pick, pick_some, text

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
# The levels overlap widely: else whoever knows the level could guess how many there are.
SHOWN = {"Easy": (1, 8), "Medium": (2, 12), "Hard": (6, 15)}  # voxels in the picture
TARGET = {"Easy": (3, 8), "Medium": (6, 12), "Hard": (11, 15)}  # voxels of what made the targets
ADDED = {"Easy": (2, 3), "Medium": (3, 4), "Hard": (4, 5)}  # voxels from the one to the other
PLACED = {"Easy": 1, "Medium": 2, "Hard": 3}  # at most: named voxels betray a part of the answer
DARK = {"Easy": (3, 5), "Medium": (4, 7), "Hard": (5, 8)}  # dark cells of a silhouette
FEWEST = {"Easy": (1, 5), "Medium": (1, 6), "Hard": (2, 7)}  # voxels that must be added

Voxel = tuple[int, int, int]  # (x, y, z), each 1 to 3
Dark = tuple[tuple[int, int], ...]  # the dark cells of a silhouette, (y, z) or (x, z), sorted

AXIS = (1, 2, 3)
CELLS = tuple(product(AXIS, AXIS, AXIS))
NEXT = {cell: tuple(other for other in CELLS if math.dist(cell, other) == 1) for cell in CELLS}
VIEWS = {"Y-Z": 1, "X-Z": 0}  # which coordinate runs to the right in a silhouette
VERDICTS = ("neither", "only Y-Z", "only X-Z", "both")


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
    grown = list(voxels)
    for _ in range(count):
        edge = {other for voxel in grown for other in NEXT[voxel]}.difference(grown, banned)
        if not edge:
            return None
        grown.append(pick(rng, sorted(edge)))
    return grown


def is_one_piece(voxels) -> bool:
    reached = [next(iter(voxels))]
    for voxel in reached:
        reached += [other for other in NEXT[voxel] if other in voxels and other not in reached]
    return len(reached) == len(voxels)


def new(rng, level: str) -> Scene:
    """Any number of voxels of the level is equally likely."""
    return aim(rng, level, grow(rng, [pick(rng, CELLS)], between(rng, *SHOWN[level]) - 1))


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
def blank(size: int) -> tuple[Image.Image, Oblique, list[Panel]]:
    """All but blocks and dark cells, and where those are drawn."""

    def px(part):
        return round(part * size)

    image = Image.new("RGB", (size, size), WHITE)
    slant = px(0.042), px(0.06)
    oblique = Oblique((px(0.25), px(0.72)), px(0.125), slant, px(0.055), px(0.305))
    for z in AXIS:
        oblique.floor(image, z - 1, 3, 3, first=1)
        at = px(0.08), oblique.point(0, 0, z - 1)[1] - px(0.015)
        write(image, at, f"z={z}", 0.055 * size, BLUE)
    panels = [Panel((px(0.715), px(top)), px(0.083), 3, 3) for top in (0.12, 0.6)]
    for view, panel, colour in zip(VIEWS, panels, (GREEN, RED), strict=True):
        panel.draw(image, view, colour, BLUE)
    return image, oblique, panels


def draw(scene: Scene, size: int):
    empty, oblique, panels = blank(size)
    image = empty.copy()
    for panel, dark in zip(panels, scene.targets, strict=True):
        for at, z in dark:
            panel.fill(image, at, z, SLATE)
    oblique.blocks(image, [(x - 1, y - 1, z - 1) for x, y, z in scene.voxels], BLUE)
    return image


def layer(voxels, z: int) -> str:
    """The rows x = 1, 2, 3 of a layer."""
    return " ".join("".join("-#"[(x, y, z) in voxels] for y in AXIS) for x in AXIS)


def spell(dark: Dark) -> str:
    """The rows z = 3, 2, 1 of a silhouette."""
    return " ".join("".join("-#"[(at, z) in dark] for at in AXIS) for z in (3, 2, 1))


def describe(scene: Scene) -> str:
    layers = "\n".join(f"z = {z}: {layer(scene.voxels, z)}" for z in AXIS)
    yz, xz = map(spell, scene.targets)
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


def read(scene: Scene) -> list[str]:
    """The first sentences of a solution: the structure, layer by layer, # for a voxel."""
    return [f"Layer z = {z} (# voxel), rows x = 1, 2, 3: {layer(scene.voxels, z)}." for z in AXIS]


def differences(scene: Scene) -> list[tuple[list, list]]:
    """In each view: the target cells that the structure leaves white, and its dark cells beside."""
    pairs = zip(scene.targets, silhouettes(scene.voxels), strict=True)
    return [(sorted({*goal} - {*now}), sorted({*now} - {*goal})) for goal, now in pairs]


def compare(scene: Scene) -> list[str]:
    """For each silhouette: what it is, what it should be, and where they differ."""
    said = []
    for view, goal, (lack, extra) in zip(VIEWS, scene.targets, differences(scene), strict=True):
        now = spell(silhouette(scene.voxels, view))
        differ = [f"{listed(lack)} missing"] * bool(lack)
        differ += [f"{listed(extra)} too many"] * bool(extra)
        said.append(
            f"{view}, rows z = 3, 2, 1: the structure gives {now}, the target is {spell(goal)}; "
            f"{' and '.join(differ) or 'they are equal'}."
        )
    return said


def placing(scene: Scene, added) -> list[str]:
    """One sentence a voxel, in an order in which each touches the structure or one before it."""
    placed, left, said = list(scene.voxels), list(added), []
    while left:
        voxel = next(cell for cell in left if any(other in placed for other in NEXT[cell]))
        touched = next(other for other in NEXT[voxel] if other in placed)
        fills = [
            f"{view} {text((voxel[axis], voxel[2]))}"
            for view, axis in VIEWS.items()
            if silhouette(placed, view) != silhouette([*placed, voxel], view)
        ]
        said.append(
            f"{text(voxel)} touches {text(touched)} and fills "
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
        steps = [f"{line[:-1]}, that is {n}." for line, n in zip(read(scene), counts, strict=True)]
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
        said = f"Row x = {x} of layer z = {z} is {row}: the voxel at y = {y} is in {text(held[0])}."
        return Solution(held[0], [*read(scene), said], lambda cell: cell in scene.voxels)

    def distractors(self, scene, rng, answer, cells):
        return [cell for cell in cells if cell != answer]


class SilhouetteMatch(Task):
    name = "silhouette_match"
    qa_type, qa_level, n_options = PERCEPTION, "Medium", 4

    def pose(self, game, rng, level):
        """All four answers are equally likely; the targets are those of a similar structure."""
        verdict = pick(rng, VERDICTS)
        while True:
            voxels = new(rng, level).voxels
            for _ in range(40):
                scene = scene_of(voxels, self.altered(rng, voxels))
                if self.verdict(scene) == verdict:
                    return scene, {}

    def altered(self, rng, voxels):
        """The structure after up to three voxels were added or taken away."""
        for _ in range(between(rng, 0, 3)):
            if rng.random() < 0.5:
                rest = pick_some(rng, voxels, len(voxels) - 1)
                voxels = rest if rest and is_one_piece(rest) else voxels
            else:
                voxels = grow(rng, voxels, 1)
        return voxels

    def verdict(self, scene) -> str:
        yz, xz = (not lack and not extra for lack, extra in differences(scene))
        return VERDICTS[yz + 2 * xz]

    def ask(self, scene):
        return "Which silhouettes of the structure equal their targets?"

    def solve(self, scene):
        answer = self.verdict(scene)
        return Solution(answer, [*read(scene), *compare(scene), f"Equal to its target: {answer}."])

    def distractors(self, scene, rng, answer):
        return [verdict for verdict in VERDICTS if verdict != answer]


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
            f"{'A voxel is' if len(add) == 1 else 'Voxels are'} added to the structure in "
            f"{listed(add)}. What is its {view} silhouette then? Write 1 for dark and 0 for white, "
            f"row by row from z = 3 down to z = 1 and in each row from {view[0].lower()} = 1 to 3, "
            "in the form [[0, 0, 0], [0, 0, 0], [0, 0, 0]]."
        )

    def solve(self, scene, view, add):
        dark = silhouette(scene.voxels, view)
        steps = [*read(scene), f"Its {view} silhouette, rows z = 3, 2, 1: {spell(dark)}."]
        for voxel in add:
            (cell,) = silhouette([voxel], view)
            state = "is dark already" if cell in dark else "becomes dark"
            steps.append(f"{text(voxel)} is seen at {text(cell)}, which {state}.")
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
            "targets and leave it in one piece?"
        )

    def solve(self, scene, lists):
        right = [added for added in lists if completes(scene, added)]
        if len(right) != 1:
            raise ValueError("not just one of the lists gives the targets")
        end = f"Adding {listed(right[0])} gives both targets in one piece."
        steps = [*read(scene), *compare(scene), *placing(scene, right[0]), end]
        return Solution(right[0], steps, lambda added: completes(scene, added))

    def distractors(self, scene, rng, answer, lists):
        return [added for added in lists if added != answer]


class MinAdditions(Task):
    name = "min_additions"
    qa_type, qa_level = STRATEGY, "Hard"

    def pose(self, game, rng, level):
        """All numbers of the level are equally likely."""
        count = between(rng, *FEWEST[level])
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
            yz, xz = (sum(cell[1] == z for cell in lack) for lack, _ in differences(scene))
            total += max(yz, xz)
            if max(yz, xz):
                need = f"at least {max(yz, xz)}"
                steps.append(f"Missing in layer z = {z}: {yz} of Y-Z and {xz} of X-Z, {need}.")
        steps.append(f"A voxel fills at most one cell of either view: together at least {total}.")
        steps += [
            f"No addition of {count} gives both targets in one piece."
            for count in range(total, len(added))
        ]
        steps += placing(scene, added)
        return Solution(len(added), [*steps, f"Both targets are met, voxels added: {len(added)}."])


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
