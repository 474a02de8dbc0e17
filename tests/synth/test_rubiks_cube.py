"""The cube: its turns, its balance, its reasoning and its picture."""

import collections
import json
import re

import numpy as np
import pytest

from synth.draw import BLUE, WHITE
from synth.game import LEVELS, state_from_json
from synth.games.rubiks_cube import picture, rules
from synth.registry import find_game
from tests.synth.oracles.rubiks_cube import cube_of, turn
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("rubiks_cube")


def test_turns_are_those_of_a_real_cube():
    """The group's known orders and the known number of cubes at each number of quarter turns."""
    start = rules.solved()[0]
    for moves, order in (("R", 4), ("R U", 105), ("R U R' U'", 6), ("F B'", 4), ("R L U' D", 12)):
        cube, count = start, 0
        while count == 0 or cube != start:
            cube, count = rules.play(cube, moves.split()), count + 1
        assert count == order, moves
    counts = collections.Counter(rules.near_solved().values())
    assert [counts[turns] for turns in range(5)] == [1, 12, 114, 1068, 10011]


def test_turns_agree_with_strips_moved_by_hand():
    rng = np.random.default_rng(0)
    for _ in range(20):
        cube = rules.new(rng, "Hard")
        for move in rules.MOVES:
            then = turn(cube_of({"faces": cube.faces}), move)
            assert ["".join(face.flat) for face in then] == list(rules.play(cube, [move]).faces)


def test_a_cube_is_held_in_24_ways():
    cubes = rules.solved()
    assert len(set(cubes)) == 24
    for cube in cubes:
        up, left, front, right, back, down = (face[0] for face in cube.faces)
        assert {up + down, left + right, front + back} <= {
            a + b for a, b in ("YW", "WY", "OR", "RO", "BG", "GB")
        }


def test_every_colour_is_equally_likely_everywhere():
    """So neither face, cell nor moves tell the colour."""
    for task in ("sticker_colour", "colour_after_moves"):
        seen = collections.Counter()
        for record in questions("rubiks_cube", task, 500):
            _, params = state_and_params(record)
            seen[params["face"], chosen(record)] += 1
        assert len(seen) == 36 and max(seen.values()) < 2 * 1500 / 36


def test_numbers_are_equally_frequent():
    for at, level in enumerate(LEVELS):
        low, high = rules.TURNS[level]
        for task in ("moves_to_solve_face", "moves_to_solve_cube"):
            counts = collections.Counter(
                int(chosen(record)) for record in questions("rubiks_cube", task, 200)[at::3]
            )
            assert sorted(counts) == list(range(low, high + 1))
            assert max(counts.values()) < 0.36 * 200
        counts = collections.Counter(
            int(chosen(record)) for record in questions("rubiks_cube", "colour_count", 200)[at::3]
        )
        assert sorted(counts) == list(range(1, 9)) and max(counts.values()) < 0.22 * 200


def test_the_told_moves_lead_to_the_goal():
    for task in ("moves_to_solve_face", "moves_to_solve_cube"):
        for record in questions("rubiks_cube", task, 40):
            state, params = state_and_params(record)
            cube, made = cube_of(state), 0
            for step in record["steps"]:
                if told := re.match(r"([ULFRBD]'?): (.*)\.$", step):
                    cube, made = turn(cube, told[1]), made + 1
                    faces = [face[2:].replace(" ", "") for face in told[2].split("; ")]
                    assert faces == ["".join(face.flat) for face in cube]
            goal = [rules.FACES.index(params["face"])] if "face" in params else range(6)
            assert all(len(set(cube[face].flat)) == 1 for face in goal)
            assert made == int(chosen(record))


def test_a_watched_sticker_is_moved():
    for record in questions("rubiks_cube", "colour_after_moves", 60):
        assert any("brings" in step for step in record["steps"])


@pytest.mark.parametrize("size", [224, 448])
def test_the_net_shows_the_cube(size):
    for record in questions("rubiks_cube", "sticker_colour", 4):
        cube = state_from_json(GAME, record["state"])
        pixels = np.asarray(GAME.draw(cube, size))
        for face, stickers in zip(rules.FACES, cube.faces, strict=True):
            for (row, col), letter in zip(rules.CELLS, stickers, strict=True):
                x, y = picture.corner(face, row, col, size)
                assert tuple(pixels[y + 2, x + 2]) == picture.PAINT[letter]


def test_the_views_show_the_cube():
    """Each sticker of a view has its colour in the middle; all six faces are seen."""
    for record in questions("rubiks_cube", "sticker_colour", 4):
        cube = state_from_json(GAME, record["state"])
        pixels = np.asarray(GAME.draw(cube, 448))
        outlines = picture.outlines(448)
        assert sorted(at for _, at in outlines) == list(range(54))
        for corners, at in outlines:
            x, y = np.mean(corners, 0).astype(int)
            assert tuple(pixels[y, x]) == picture.PAINT["".join(cube.faces)[at]]


def test_no_letter_is_cropped():
    pixels = np.asarray(GAME.draw(rules.solved()[0], 448))
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (rim == WHITE).all() and (pixels == BLUE).all(2).any()


def test_a_cube_out_of_reach_is_refused():
    moves = "R U F L D B".split() * 2
    with pytest.raises(ValueError, match="more than 6"):
        rules.solution(rules.play(rules.solved()[0], moves))
    assert json.loads(json.dumps(rules.solved()[0].faces))
