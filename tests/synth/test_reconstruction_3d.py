"""The reconstruction: its answers, its options, its reasoning and its picture."""

import collections
import itertools
import re

import numpy as np
import pytest
from PIL import Image

from synth.draw import BLUE, SLATE, WHITE, Oblique
from synth.game import LEVELS, state_from_json
from synth.games import reconstruction_3d as game
from synth.registry import find_game
from tests.synth.oracles.reconstruction_3d import (
    ORACLES,
    cells_in,
    cube_of,
    hangs_together,
    matches,
    wanted,
)
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("reconstruction_3d")
CELLS = list(itertools.product((1, 2, 3), repeat=3))


def touch(a, b) -> bool:
    return sum(abs(i - j) for i, j in zip(a, b, strict=True)) == 1


def test_counts_are_spread_over_the_level():
    for at, level in enumerate(LEVELS):
        records = questions("reconstruction_3d", "voxel_count", 600)[at::3]
        counts = collections.Counter(int(record["answer"]) for record in records)
        low, high = game.SHOWN[level]
        assert sorted(counts) == list(range(low, high + 1))
        assert max(counts.values()) < 1.4 * len(records) / len(counts)


def test_the_four_verdicts_are_equally_frequent():
    for at in range(3):
        records = questions("reconstruction_3d", "silhouette_match", 600)[at::3]
        counts = collections.Counter(chosen(record) for record in records)
        assert len(counts) == 4
        assert all(abs(count / len(records) - 0.25) < 0.06 for count in counts.values())


def test_a_verdict_does_not_show_in_the_size_of_the_panels():
    """Wrong targets have more as well as fewer dark cells than the structure."""
    signs = collections.Counter()
    for record in questions("reconstruction_3d", "silhouette_match", 200):
        state, _ = state_and_params(record)
        cube = cube_of(state["voxels"])
        for view, (goal, equal) in enumerate(zip(wanted(state), matches(cube, state), strict=True)):
            if not equal:
                signs[np.sign(int(goal.sum()) - int(cube.any(view).sum()))] += 1
    assert signs[1] > 50 and signs[-1] > 50


def test_silhouettes_after_adding():
    """Every silhouette of the level is asked about, no more often than the others."""
    changes = []
    for at, level in enumerate(LEVELS):
        records = questions("reconstruction_3d", "silhouette_after_add", 600)[at::3]
        answers = collections.Counter(record["answer"] for record in records)
        assert max(answers.values()) / len(records) < 0.03
        for record in records[:200]:
            state, params = state_and_params(record)
            cube = cube_of(state["voxels"])
            added = list(map(tuple, params["add"]))
            assert 1 <= len(added) <= game.PLACED[level]
            assert not any(list(cell) in state["voxels"] for cell in added)
            assert hangs_together(cube | cube_of(added))
            before = ORACLES["silhouette_after_add"](state, {**params, "add": []})
            changes.append(before != record["answer"])
    assert 0.65 < np.mean(changes) < 0.85


def test_additions_are_alike():
    """Equal in number, new, in one piece with the structure, no two with equal silhouettes."""
    chained = 0
    for record in questions("reconstruction_3d", "addition_choice", 100):
        state, _ = state_and_params(record)
        cube = cube_of(state["voxels"])
        assert not all(matches(cube, state))
        lists = [cells_in(option) for option in record["options"]]
        assert len({len(some) for some in lists}) == 1
        seen = set()
        for some in lists:
            both = cube | cube_of(some)
            assert both.sum() == cube.sum() + len(some) and hangs_together(both)
            seen.add(both.any(0).tobytes() + both.any(1).tobytes())
            for cell in some:
                chained += not any(touch(cell, voxel) for voxel in state["voxels"])
        assert len(seen) == 8
    assert chained > 100  # voxels that touch only other added ones


def test_something_is_missing():
    """There is something to add, in balanced numbers; some need more than the layers ask for."""
    bridges = 0
    for at, level in enumerate(LEVELS):
        records = questions("reconstruction_3d", "min_additions", 100)[at::3]
        counts = collections.Counter(int(record["answer"]) for record in records)
        low, high = game.FEWEST[level]
        assert sorted(counts) == list(range(low, high + 1)) and low > 0
        assert max(counts.values()) < 1.7 * len(records) / len(counts)
        bridges += sum("No addition of" in str(record["steps"]) for record in records)
    assert bridges > 15


def test_the_search_refuses_what_cannot_be():
    full = tuple(itertools.product((1, 2, 3), repeat=2))
    too_far = game.Scene(((1, 1, 1), (1, 1, 2)), (((1, 1),), ((1, 1),)))
    apart = game.Scene(((1, 1, 1),), (((1, 1), (3, 3)), ((1, 1), (3, 3))))
    for scene, why in ((too_far, "sticks out"), (apart, "no addition")):
        with pytest.raises(ValueError, match=why):
            game.complete(scene)
    assert game.complete(game.Scene(tuple(CELLS), (full, full))) == ()
    # Nine cells of either view at least; a structure in one piece needs more than a diagonal.
    assert len(game.complete(game.Scene(((2, 2, 2),), (full, full)))) > 8


@pytest.mark.parametrize("task", ORACLES)
def test_steps_state_facts(task):
    touched, filled = 0, 0
    for record in questions("reconstruction_3d", task, 60):
        state, _ = state_and_params(record)
        voxels, steps = list(map(tuple, state["voxels"])), record["steps"]
        for z, line in enumerate(steps[:3], 1):
            rows = re.search(
                r"^Layer z = (\d) \(# voxel\), rows x = 1, 2, 3: (\S+ \S+ [#-]{3})", line
            )
            assert int(rows[1]) == z
            shown = [
                (x, y, z)
                for x, row in enumerate(rows[2].split(), 1)
                for y, mark in enumerate(row, 1)
                if mark == "#"
            ]
            assert shown == [voxel for voxel in voxels if voxel[2] == z]
        for line in steps[3:]:
            if " touches " in line:
                cell, other = cells_in(line)
                assert touch(cell, other) and other in voxels and cell not in voxels
                before, after = cube_of(voxels), cube_of([*voxels, cell])
                for view, name in enumerate(("Y-Z", "X-Z")):
                    new = [
                        tuple((at + 1).tolist())
                        for at in np.argwhere(after.any(view) & ~before.any(view))
                    ]
                    said = re.findall(rf"{name} \((\d), (\d)\)", line)
                    assert [tuple(map(int, pair)) for pair in said] == new
                    filled += len(new)
                voxels.append(cell)
                touched += 1
        if task in ("addition_choice", "min_additions"):
            assert all(matches(cube_of(voxels), state)) and hangs_together(cube_of(voxels))
            assert len(voxels) - len(state["voxels"]) == (
                int(record["answer"]) if task == "min_additions" else len(cells_in(chosen(record)))
            )
    assert (touched > 100 and filled > 100) == (task in ("addition_choice", "min_additions"))


def scene_with(voxels, targets=((), ())):
    return game.Scene(tuple(sorted(voxels)), targets)


def tops(size: int) -> dict:
    """For each cell, a pixel in the middle of a block's top, found by drawing it alone."""
    empty = np.asarray(GAME.draw(scene_with([]), size)).astype(int)
    found = {}
    for cell in CELLS:
        pixels = np.asarray(GAME.draw(scene_with([cell]), size)).astype(int)
        changed = (pixels != empty).any(2)
        colours = collections.Counter(map(tuple, pixels[changed].tolist()))
        top = max((c for c, n in colours.items() if n > 20), key=sum)
        ys, xs = np.nonzero((pixels == top).all(2) & changed)
        found[cell] = round(ys.mean()), round(xs.mean()), top
    return found


@pytest.mark.parametrize("size", [112, 224, 448])
def test_every_voxel_can_be_seen(size):
    places = tops(size)
    for x, y, z in CELLS:
        row, col, _ = places[x, y, z]
        if x < 3:  # nearer to the viewer: further down
            assert places[x + 1, y, z][0] > row and places[x + 1, y, z][1] < col
        if y < 3:
            assert places[x, y + 1, z][0] == row and places[x, y + 1, z][1] > col
        if z < 3:
            assert places[x, y, z + 1][0] < row and places[x, y, z + 1][1] == col
    rng = np.random.default_rng(0)
    for share in (0.1, 0.5, 0.8, 1):
        for _ in range(20):
            voxels = [cell for cell in CELLS if rng.random() < share]
            pixels = np.asarray(GAME.draw(scene_with(voxels), size))
            seen = [c for c, (row, col, top) in places.items() if tuple(pixels[row, col]) == top]
            assert seen == voxels


@pytest.mark.parametrize("size", [112, 224, 448])
def test_the_panels_show_the_targets(size):
    full = tuple(itertools.product((1, 2, 3), repeat=2))
    pixels = np.asarray(GAME.draw(scene_with([], (full, full)), size))
    dark = (pixels == SLATE).all(2)
    middle = size // 2
    areas = []
    for half in (slice(0, middle), slice(middle, size)):
        ys, xs = np.nonzero(dark[half])
        areas.append((ys.min() + half.start, xs.min(), (xs.max() - xs.min() + 1) / 3))
    assert areas[0][0] < areas[1][0] and areas[0][1] > middle
    for record in questions("reconstruction_3d", "silhouette_match", 6):
        state, _ = state_and_params(record)
        pixels = np.asarray(GAME.draw(state_from_json(GAME, record["state"]), size))
        for (top, left, side), goal in zip(areas, state["targets"], strict=True):
            for at, z in full:
                colour = pixels[int(top + (3.5 - z) * side), int(left + (at - 0.5) * side)]
                assert tuple(colour) == (SLATE if [at, z] in goal else WHITE)


def test_nearer_blocks_cover_those_behind():
    """Stacked without gaps: the upper, the nearer and the right one of two neighbours is whole."""
    oblique = Oblique((40, 60), 20, (6, 9), 12, 12)

    def drawn(*cells):
        image = Image.new("RGB", (120, 120), WHITE)
        oblique.blocks(image, cells, BLUE)
        return np.asarray(image).astype(int)

    for nearer in ((0, 0, 1), (1, 0, 0), (0, 1, 0)):
        alone = drawn(nearer)
        inside = (alone != 255).any(2)
        # Its rim is mixed with what lies behind.
        inside[1:-1, 1:-1] &= inside[2:, 1:-1] & inside[:-2, 1:-1]
        inside[1:-1, 1:-1] &= inside[1:-1, 2:] & inside[1:-1, :-2]
        for cells in (((0, 0, 0), nearer), (nearer, (0, 0, 0))):
            both = drawn(*cells)
            assert (both[inside] == alone[inside]).mean() > 0.9
            assert ((both != 255).any(2) >= (alone != 255).any(2)).all()
