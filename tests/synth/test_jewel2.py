"""Jewel2: what commands do, how outcomes are spread, ties, the picture."""

import collections
import itertools
import re

import numpy as np
import pytest

from synth.draw import Board
from synth.game import LEVELS, state_from_json
from synth.games.jewel2 import boards, picture, rules
from synth.registry import find_game
from tests.synth.oracles.jewel2 import board as pieces_of
from tests.synth.oracles.jewel2 import dropped, removed
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("jewel2")


def grid(*rows):
    return [list(row) for row in rows]


def test_what_commands_remove():
    shape = grid("ABAA", "AbB+", "AACD", "A|EA")
    assert rules.carry_out(shape, ("clear", 0, 0))[0] == [(0, 0), (1, 0), (2, 0), (3, 0)]
    assert rules.carry_out(shape, ("clear", 2, 1))[0] == []
    assert rules.carry_out(shape, ("clear", 1, 1))[0] == [(0, 1), (1, 1), (1, 2)]
    assert len(rules.carry_out(shape, ("clear", 1, 3))[0]) == 6
    assert len(rules.carry_out(shape, ("clear", 3, 1))[0]) == 4
    assert rules.carry_out(shape, ("swap", 0, 1, "left"))[0] == [(0, 1), (0, 2), (0, 3)]
    assert rules.carry_out(shape, ("swap", 0, 1, "up")) == ([], shape)
    assert rules.carry_out(shape, ("swap", 0, 1, "down")) == ([], shape)
    # Two equal pieces of a run that is there already.
    assert len(rules.carry_out(shape, ("swap", 1, 0, "down"))[0]) == 4


def test_the_second_command_removes_at_least_what_is_told():
    """With many random pieces at the top, the number is never smaller, and is reached."""
    rng = np.random.default_rng(0)
    for record in questions("jewel2", "two_commands", 6):
        state, params = state_and_params(record)
        first, second = params["commands"]
        gone, pieces = removed(pieces_of(state["rows"]), first)
        after, seen = dropped(pieces, gone), set()
        for _ in range(200):
            marks = iter(rng.choice(list(rules.NORMAL + rules.SPECIAL), 36).tolist())
            filled = {c: next(marks) if mark == "?" else mark for c, mark in after.items()}
            seen.add(len(gone) + len(removed(filled, second)[0]))
        assert min(seen) == int(chosen(record))


@pytest.mark.parametrize("size", rules.SIZE.values())
def test_every_outcome_that_is_offered_is_possible(size):
    rng = np.random.default_rng(1)
    swaps = [("swap", 1, 1, "down"), ("swap", 0, 0, "right"), ("swap", size - 1, 1, "up")]
    for command in [*swaps, ("clear", 0, 0), ("clear", 1, 2)]:
        counts = boards.counts_of(size, command)
        assert len(counts) >= (8 if command[0] == "clear" else 6)
        for count in counts:
            made = boards.grid_for(rng, size, command, count)
            assert len(rules.carry_out(made, command)[0]) == count


@pytest.mark.parametrize("task", ["clear_outcome", "swap_outcome"])
def test_outcomes_are_consistent_and_even(task):
    """Published options contradicted themselves, repeated others, or were right as well."""
    right = collections.Counter()
    for record in questions("jewel2", task, 150):
        state, _ = state_and_params(record)
        for option in record["options"]:
            count, total = map(int, re.findall(r"\d+", option))
            assert total == state["total"] + count
        right[chosen(record).split()[0]] += 1
    assert max(right.values()) < 0.25 * right.total()
    assert right["0"] < 0.2 * right.total()


def test_two_commands_are_hardly_ever_idle():
    for level in LEVELS:
        records = [r for r in questions("jewel2", "two_commands", 60) if level in r["id"]]
        counts = collections.Counter(map(chosen, records))
        assert min(map(int, counts)) >= 3 and max(counts.values()) < 0.35 * len(records)


def test_one_command_is_best():
    kinds = collections.Counter()
    for record in questions("jewel2", "best_command", 20):
        board = state_from_json(GAME, record["state"])
        made = [list(row) for row in board.rows]
        counts = [len(rules.carry_out(made, c)[0]) for c in rules.all_commands(len(made))]
        assert counts.count(max(counts)) == 1 and max(counts) >= 5
        kinds[record["answer"].split()[0]] += 1
    assert min(kinds["clear"], kinds["swap"]) > 15


def test_the_rules_are_short():
    assert len(GAME.rules) < 1500  # published: 8,800


@pytest.mark.parametrize("size", [224, 448])
def test_every_piece_has_its_own_look(size):
    for px in {Board(size - round(0.1 * size), n, n).cell for n in rules.SIZE.values()}:
        looks = [picture._piece(mark, px) for mark in rules.NORMAL + rules.SPECIAL]
        for one, other in itertools.combinations(looks, 2):
            far = np.abs(np.asarray(one, int) - np.asarray(other, int)).max(2) > 60
            assert far.mean() > 0.02
            grey = np.asarray(one.convert("L"), int) - np.asarray(other.convert("L"), int)
            assert (np.abs(grey) > 25).mean() > 0.01  # without colours, too


def test_the_picture_shows_the_board():
    for record in questions("jewel2", "piece_position", 3):
        board = state_from_json(GAME, record["state"])
        image = GAME.draw(board, 448)
        drawn = Board(448 - 45, len(board.rows), len(board.rows))
        for row, marks in enumerate(board.rows):
            for col, mark in enumerate(marks):
                x, y = 22 + drawn.left + col * drawn.cell, drawn.top + row * drawn.cell
                px = drawn.cell - drawn.line_px
                box = x + drawn.line_px, y + drawn.line_px, x + drawn.cell, y + drawn.cell
                assert image.crop(box).tobytes() == picture._piece(mark, px).tobytes()
