"""Zuma: tracks, shots that are not a matter of a degree, spread of answers, the picture."""

import collections
import dataclasses
import math
from itertools import combinations, pairwise

import numpy as np
import pytest

from synth.game import LEVELS, state_from_json
from synth.games.zuma import picture, rules, tasks
from synth.registry import find_game
from tests.synth.oracles.zuma import around_frog, gap, shot_outcome
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("zuma")


@pytest.mark.parametrize("level", LEVELS)
def test_marbles_touch_and_do_not_overlap(level):
    rng = np.random.default_rng(0)
    for _ in range(10):
        board = rules.lay(rng, level)
        for one, other in pairwise(board.marbles):
            assert math.dist(one, other) == pytest.approx(2 * rules.RADIUS, abs=1.5)
        apart = [math.dist(one, other) for one, other in combinations(board.marbles, 2)]
        assert min(apart) > 2 * rules.RADIUS - 1.5
        clear = min(math.dist(point, board.hole) for point in board.marbles)
        assert clear > rules.HOLE_RADIUS + rules.RADIUS
        assert min(math.dist(point, board.frog) for point in board.marbles) > 3 * rules.RADIUS


@pytest.mark.parametrize(("task", "off"), [("hit_colour", 3), ("shot_outcome", 2)])
def test_a_degree_more_or_less_does_not_matter(task, off):
    """Published: two degrees turn 16 % to 42 % of the colours."""
    for record in questions("zuma", task, 30):
        state, _ = state_and_params(record)
        around = around_frog(state)
        places = [gap(around, state["angle"] + change) for change in (-off, 0, off)]
        seen = {place[1] if task == "shot_outcome" else place[0] for place in places}
        assert len(seen) == 1


def test_the_first_marble_that_is_touched_is_hit():
    """Not the one whose centre is nearest to the frog, as published."""
    board = rules.Zuma((0, -150), ((255, 0), (235, -56)), ("red", "blue"), (0, 0), 0, "red")
    (hit,), _ = rules.shots(board, [0])
    nearest = min((0, 1), key=lambda marble: math.hypot(*board.marbles[marble]))
    flights = [x - math.sqrt(3600 - y * y) for x, y in board.marbles]
    assert hit == flights.index(min(flights)) == 0 and nearest == 1


def test_a_shot_past_the_end_counts_the_last_run_only():
    board = rules.Zuma((-90, -90), ((200, 60), (200, 0)), ("red", "red"), (0, 0), -9, "red")
    _, (place,) = rules.shots(board, [board.angle])
    assert place == 2 and rules.touching_run(board, place) == (0, 2)


@pytest.mark.parametrize("task", ["colour_count", "groups_in_sector", "shot_outcome", "best_shot"])
def test_answers_are_even(task):
    for level in LEVELS:
        right = collections.Counter(
            chosen(record) for record in questions("zuma", task, 150) if level in record["id"]
        )
        assert max(right.values()) < 2 * right.total() / len(right)
        assert len(right) >= 4


def test_what_a_best_shot_removes_is_what_a_shot_removes():
    """For the best direction, and for no other, a shot removes so many."""
    for record in questions("zuma", "best_shot", 4):
        state, _ = state_and_params(record)
        outcomes = {shot_outcome({**state, "angle": degrees}, {}) for degrees in range(360)}
        most = max(
            int(outcome.split()[1]) for outcome in [*outcomes, "removes 0"] if "re" in outcome
        )
        assert record["answer"].split(", ")[1] == str(most)


def test_interior_marbles_of_a_group_count():
    """A group of which only the middle lies in the direction."""
    marbles = ((150, -180), (200, -120), (200, -60), (200, 0), (200, 60), (200, 120), (150, 180))
    board = rules.Zuma((-200, 0), marbles, ("red",) * 7, (0, 0), 0, "red")
    assert rules.lies(board, "right") == [False, False, True, True, True, False, False]
    assert GAME.task("groups_in_sector").solve(board, direction="right").answer == 1
    assert GAME.task("groups_in_sector").solve(board, direction="left").answer == 0


def test_no_marble_that_decides_lies_on_a_dashed_line():
    task = GAME.task("groups_in_sector")
    for record in questions("zuma", "groups_in_sector", 20):
        board = state_from_json(GAME, record["state"])
        direction = state_and_params(record)[1]["direction"]
        for slack in (tasks.SLACK, -tasks.SLACK):
            there = rules.lies(board, direction, slack)
            assert task.count(board.colours, there) == int(record["answer"])


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_marbles(size):
    for record in questions("zuma", "hit_colour", 3):
        board = state_from_json(GAME, record["state"])
        image = GAME.draw(board, size)
        counts = {colour: number for number, colour in image.getcolors(size * size)}
        drawn = {colour: counts.get(paint, 0) for colour, paint in picture.PAINT.items()}
        number = collections.Counter([*board.colours, board.shot])
        shares = {colour: drawn[colour] / number[colour] for colour in number}
        assert all(drawn[colour] == 0 for colour in picture.PAINT if colour not in number)
        assert max(shares.values()) < 2 * min(shares.values())
        turned = dataclasses.replace(board, angle=(board.angle + 200) % 360 - 180)
        assert GAME.draw(turned, size).tobytes() != image.tobytes()
