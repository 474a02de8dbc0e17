"""The world of blocks: balance, published defects, and that nothing asked about is hidden."""

import collections

import numpy as np
import pytest

from synth.game import LEVELS, state_from_json
from synth.games import minecraft as game
from synth.registry import find_game
from tests.synth.oracles.minecraft import climb, target
from tests.synth.sampling import questions, state_and_params

GAME = find_game("minecraft")
RANGES = {
    "bridge_blocks": game.WIDTH,
    "climb_blocks": game.CLIMB,
    "bridge_and_climb": game.BOTH,
}


@pytest.mark.parametrize("task", RANGES)
def test_numbers_are_equally_frequent(task):
    for at, level in enumerate(LEVELS):
        records = questions("minecraft", task, 200)[at::3]
        counts = collections.Counter(int(record["answer"]) for record in records)
        low, high = RANGES[task][level]
        assert sorted(counts) == list(range(low, high + 1))
        assert max(counts.values()) < 1.6 * len(records) / len(counts)


def test_every_thing_occurs_equally_often():
    counts = collections.Counter()
    for record in questions("minecraft", "scenery_set", 200):
        counts.update(record["options"]["ABCDEFGH".index(record["answer"])].split(", "))
    assert sorted(counts) == sorted(game.THINGS)
    assert max(counts.values()) < 1.35 * min(counts.values())


def test_nothing_needed_comes_with_and_without_a_ladder():
    kinds = collections.Counter()
    for record in questions("minecraft", "climb_blocks", 200):
        state, _ = state_and_params(record)
        _, _, blocks, ladder = target(state)
        if climb(state) == 0:
            kinds[ladder] += 1
            assert ladder or len(blocks) <= 2
    assert min(kinds.values()) > 20


def test_same_and_different_sides_are_asked_about():
    sides = collections.Counter()
    for record in questions("minecraft", "bridge_and_climb", 200):
        sides["same side" in record["steps"][0]] += 1
    assert min(sides.values()) > 150


def changed(world, without, size=224) -> int:
    one, other = (np.asarray(GAME.draw(w, size)).astype(np.int16) for w in (world, without))
    return int((abs(one - other).sum(2) > 30).sum())


@pytest.mark.parametrize("task", ["scenery_set", "climb_blocks", "bridge_and_climb"])
def test_every_stack_and_the_player_are_seen(task):
    """Leaving one out changes as much of the picture as the same one alone on the ground."""
    for record in questions("minecraft", task, 3):
        world = state_from_json(GAME, record["state"])
        bare = game.World(world.river, (), ())
        for at, stack in enumerate(world.stacks):
            rest = game.World(world.river, world.player, world.stacks[:at] + world.stacks[at + 1 :])
            alone = changed(game.World(world.river, (), (stack,)), bare)
            assert changed(world, rest) > 0.85 * alone
        if world.player:
            rest = game.World(world.river, (), world.stacks)
            alone = changed(game.World(world.river, world.player, ()), bare)
            assert changed(world, rest) > 0.85 * alone


def test_the_whole_width_of_the_river_is_seen():
    for record in questions("minecraft", "bridge_and_climb", 8):
        world = state_from_json(GAME, record["state"])
        pixels = np.asarray(GAME.draw(world, 448))
        view = game.view_of(448)
        for x in game.water(world):
            centres = [view.point(x + 0.1, y + 0.5, 0) for y in range(game.SIDE)]
            seen = [
                tuple(pixels[round(down), round(right)]) == game.BLUE_WATER
                for right, down in centres
            ]
            assert sum(seen) >= 5


def test_things_look_different():
    """Also without colours: the pictures of any two things differ in their greys."""
    things = []
    for kind in game.LOOKS:
        world = game.world_of(stacks=[(5, 5, (kind,), False)])
        things.append(np.asarray(GAME.draw(world, 224).convert("L")).astype(int))
    for at, one in enumerate(things):
        for other in things[:at]:
            assert (abs(one - other) > 12).sum() > 25
