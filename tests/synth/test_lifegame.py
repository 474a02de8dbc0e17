"""The game of life: its answers are spread evenly, and the picture shows the board."""

import collections
import itertools
import re

import numpy as np
import pytest

from synth.draw import BLACK, WHITE
from synth.game import LEVELS, state_from_json
from synth.games import lifegame
from synth.registry import find_game
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("lifegame")


def test_known_patterns():
    blinker = lifegame.Life(("-----", "-----", "-###-", "-----", "-----"))
    block = lifegame.Life(("----", "-##-", "-##-", "----"))
    assert lifegame.board_of(lifegame.grow(lifegame.live_cells(block))) == block
    turned = lifegame.board_of(lifegame.grow(lifegame.live_cells(blinker)))
    assert turned.rows == ("-----", "--#--", "--#--", "--#--", "-----")
    corner = lifegame.Life(("#---#", "-----", "-----", "-----", "#----"))  # across both edges
    assert lifegame.grow(lifegame.live_cells(corner)).sum() == 4


def test_a_region_is_stable_after_at_most_two_generations():
    """So the three options are all there is, and each number of live cells is filed rightly."""
    for number in range(512):
        live = np.array([number >> at & 1 for at in range(9)]).reshape(3, 3)
        boards = lifegame.generations(live, 3)
        steps = next(at for at in range(3) if (boards[at] == boards[at + 1]).all())
        count = int(live.sum())
        if count < 8:
            assert count in lifegame.REGION_LIVE[steps]


@pytest.mark.parametrize("task", ["live_count", "live_count_next"])
def test_counts_are_even_and_overlap(task):
    by_level = collections.defaultdict(list)
    for record in questions("lifegame", task, 150):
        by_level[record["plot_level"]].append(int(chosen(record)))
    for level in LEVELS:
        (_, most), *_ = collections.Counter(by_level[level]).most_common(1)
        assert most / len(by_level[level]) < 0.2
    for one, other in itertools.pairwise(LEVELS):
        assert len(set(by_level[one]) & set(by_level[other])) >= 6


def test_every_history_is_offered_and_right():
    """Longer runs on the harder levels, and no history is rarer than the others."""
    for level, steps in lifegame.STEPS.items():
        records = [r for r in questions("lifegame", "cell_history", 150) if level in r["id"]]
        right = collections.Counter(map(chosen, records))
        assert len(right) >= 0.9 * 2 ** (steps + 1)
        assert max(right.values()) < 3.5 * len(records) / 2 ** (steps + 1)
        assert all(option.count(",") == steps for r in records for option in r["options"])


def test_stability_is_even_and_its_regions_wrap():
    records = questions("lifegame", "region_stability_steps", 150)
    shares = collections.Counter(map(chosen, records))
    assert all(abs(shares[answer] / len(records) - 1 / 3) < 0.07 for answer in "012")
    beyond = 0
    for record in records:
        state, params = state_and_params(record)
        beyond += max(params["region"]) > len(state["rows"]) - 3
    assert beyond > len(records) / 4


def test_steps_count_the_neighbours():
    for record in questions("lifegame", "live_count_next", 20):
        state, _ = state_and_params(record)
        rows = state["rows"]
        size = len(rows)
        told = record["steps"][1].split("Next")[0]
        for row, counts in enumerate(re.findall(r"row \d: ([\d ]+)", told)):
            for col, count in enumerate(map(int, counts.split())):
                near = [
                    rows[(row + down) % size][(col + right) % size]
                    for down, right in itertools.product((-1, 0, 1), repeat=2)
                    if down or right
                ]
                assert near.count("#") == count


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_board(size):
    for record in questions("lifegame", "live_count", 4):
        board = state_from_json(GAME, record["state"])
        image = GAME.draw(board, size)
        picture = lifegame.Board(size, len(board.rows), len(board.rows))
        for row, marks in enumerate(board.rows):
            for col, mark in enumerate(marks):
                x = picture.left + (col + 0.5) * picture.cell
                y = picture.top + (row + 0.5) * picture.cell
                assert image.getpixel((int(x), int(y))) == (BLACK if mark == "#" else WHITE)
