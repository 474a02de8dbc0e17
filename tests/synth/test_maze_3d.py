"""The maze: one way, forks that tell nothing, and everything in sight."""

import collections

import numpy as np
import pytest

from synth.game import LEVELS
from synth.games import maze_3d as game
from synth.registry import find_game
from tests.synth.oracles.maze_3d import edges, way
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("maze_3d")
TASKS = [task.name for task in GAME.tasks]


@pytest.mark.parametrize("task", TASKS)
def test_the_maze_is_a_tree(task):
    for record in questions("maze_3d", task, 30):
        state, _ = state_and_params(record)
        assert len(edges(state)) == len(state["cubes"]) - 1
        assert all(cube in map(list, way(state)) for cube in [state["start"]])


def test_forks_have_two_ways_and_each_is_right_half_the_time():
    for at in range(3):
        taken = collections.Counter()
        for record in questions("maze_3d", "path_choices", 200)[at::3]:
            state, _ = state_and_params(record)
            steps = edges(state)
            left = way(state)
            for cube in map(tuple, state["labels"]):
                ways = {name for (one, _), name in steps.items() if one == cube}
                assert len(ways) == 2
                if "up" in ways:
                    taken[left[cube] == "up"] += 1
        assert abs(taken[True] / taken.total() - 0.5) < 0.08


def test_every_fork_varies_in_the_options():
    """The published right list was the only one with its last direction."""
    alone = 0
    for record in questions("maze_3d", "path_choices", 100):
        lists = [option.split("; ") for option in record["options"]]
        assert all(len(set(column)) == 2 for column in zip(*lists, strict=True))
        answer = chosen(record).split("; ")
        alone += any(sum(some[at] == step for some in lists) == 1 for at, step in enumerate(answer))
    assert alone < 10


def test_orders_and_sets_are_spread():
    counts = collections.Counter(
        chosen(record) for record in questions("maze_3d", "height_relation", 150)
    )
    assert len(counts) == 13 and max(counts.values()) < 2 * 450 / 13
    for at in range(3):
        sizes = collections.Counter()
        for record in questions("maze_3d", "on_main_route", 150)[at::3]:
            for number in range(len(state_and_params(record)[0]["labels"])):
                sizes[str(number + 1) in chosen(record)] += 1
        assert abs(sizes[True] / sizes.total() - 0.5) < 0.08


def test_every_cube_is_seen():
    """A part of its top that no name covers has the colour of the top."""
    size = 448
    view, _ = game.view_of(size)
    for level in LEVELS:
        rng = np.random.default_rng(1)
        for _ in range(6):
            maze = game.new(rng, level)
            pixels = np.asarray(GAME.draw(maze, size))
            names = {maze.start: "S", maze.goal: "G"}
            for cube in maze.cubes:
                x, y, z = game.place(size, cube)
                spots = [view.point(x + u, y + 1 - u, z + 1) for u in (0.15, 0.25, 0.75, 0.85)]
                seen = [pixels[round(down), round(right)].astype(int) for right, down in spots]
                paint = game.PAINT[names.get(cube, "")]
                assert min(abs(colour - paint).max() for colour in seen) < 12


def test_every_ladder_is_seen():
    """Leaving a ladder out changes a strip from its foot up to the next floor."""
    rng = np.random.default_rng(2)
    for level in LEVELS:
        for _ in range(6):
            maze = game.new(rng, level)
            whole = np.asarray(GAME.draw(maze, 448)).astype(int)
            for foot in maze.ladders:
                rest = tuple(other for other in maze.ladders if other != foot)
                fewer = game.Maze(maze.cubes, rest, maze.start, maze.goal, ())
                rows = (whole != np.asarray(GAME.draw(fewer, 448))).any((1, 2))
                assert rows.sum() > 90
