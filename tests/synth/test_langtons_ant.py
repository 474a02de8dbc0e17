"""Langton's ant: its options, its answers, its reasoning and its picture."""

import collections
import functools
import itertools
import re

import numpy as np
import pytest

from synth.draw import BLACK, PALE, RED, WHITE
from synth.game import state_from_json
from synth.registry import find_game
from tests.synth.oracles.langtons_ant import watch
from tests.synth.sampling import questions, state_and_params

GAME = find_game("langtons_ant")
CLOCKWISE = ("up", "right", "down", "left")


def pose_in(option: str) -> tuple[int, int, str]:
    row, col, heading = re.fullmatch(r"\((\d+), (\d+)\), (\w+)", option).groups()
    return int(row), int(col), heading


def from_the_ant(state, row: int, col: int) -> tuple[int, int]:
    """Where a cell lies for the ant: how far ahead and how far to the right, the short way."""
    size = len(state["rows"])
    down, right = (
        (at - start + size // 2) % size - size // 2
        for at, start in zip((row, col), state["ant"], strict=True)
    )
    return {
        "up": (-down, right),
        "right": (right, down),
        "down": (down, -right),
        "left": (-right, -down),
    }[state["heading"]]


@pytest.mark.parametrize("task", ["ant_pose", "pose_after_steps"])
def test_cell_and_heading_both_matter(task):
    """Four cells, each with the same two headings."""
    for record in questions("langtons_ant", task, 200):
        poses = [pose_in(option) for option in record["options"]]
        cells, headings = {pose[:2] for pose in poses}, {pose[2] for pose in poses}
        assert len(cells) == 4 and len(headings) == 2
        assert {(*cell, heading) for cell in cells for heading in headings} == set(poses)


@functools.cache
def likely_ends(size: int, steps: int) -> collections.Counter:
    """How often an ant ends where, seen from its start, if all colours are equally likely."""
    found = collections.Counter()
    for colours in itertools.product((False, True), repeat=steps):
        black, heading = {}, 0
        row = col = size // 2
        for colour in colours:
            # A cell gets its colour when the ant first comes to it.
            was = black.get((row, col), colour)
            black[row, col] = not was
            heading = (heading + (-1 if was else 1)) % 4
            down, right = ((-1, 0), (0, 1), (1, 0), (0, -1))[heading]
            row, col = (row + down) % size, (col + right) % size
        found[size // 2 - row, col - size // 2, heading] += 1
    return found


def test_knowing_the_start_does_not_help():
    """Every pose that is offered can be the end, and guessing the likeliest one is no better."""
    records, hits = questions("langtons_ant", "pose_after_steps", 600), 0
    for record in records:
        state, params = state_and_params(record)
        steps = params["steps"]
        likely = likely_ends(len(state["rows"]), steps)
        rates = []
        for row, col, heading in map(pose_in, record["options"]):
            turned = CLOCKWISE.index(heading) - CLOCKWISE.index(state["heading"])
            rates.append(likely[*from_the_ant(state, row, col), turned % 4])
        assert min(rates) > 0
        best = [rate == max(rates) for rate in rates]
        hits += best["ABCDEFGH".index(record["answer"])] / sum(best)
    assert abs(hits / len(records) - 1 / 8) < 0.03


def test_flip_counts_are_even_and_independent_of_what_is_asked():
    records = questions("langtons_ant", "cell_flip_count", 600)
    by_steps, by_cell = collections.defaultdict(list), collections.defaultdict(list)
    for record in records:
        state, params = state_and_params(record)
        by_steps[params["steps"]].append(record["answer"])
        by_cell[from_the_ant(state, *params["cell"])].append(record["answer"])
    groups = [[record["answer"] for record in records], *by_steps.values()]
    groups += [answers for answers in by_cell.values() if len(answers) >= 60]
    assert len(groups) > 8
    for answers in groups:
        shares = [answers.count(flips) / len(answers) for flips in "0123"]
        assert sum(shares) == pytest.approx(1)
        assert max(abs(share - 0.25) for share in shares) < 2.2 / len(answers) ** 0.5


def test_the_last_step_counts():
    """That it flips its cell decides some of the questions, and the rules say so."""
    assert "the last one too" in GAME.rules and "wraps around" in GAME.rules
    last = 0
    for record in questions("langtons_ant", "cell_flip_count", 200):
        state, params = state_and_params(record)
        cell = complex(*reversed(params["cell"]))
        seen = watch(state, params["steps"])
        last += seen[-2][0] == cell
        stood = sum(at == cell for at, _, _ in seen[:-1])
        assert stood == int(record["answer"])
    assert last > 20


@pytest.mark.parametrize("task", ["pose_after_steps", "cell_flip_count"])
def test_steps_follow_the_simulation(task):
    crossings = 0
    for record in questions("langtons_ant", task, 60):
        state, params = state_and_params(record)
        steps = params["steps"]
        seen = watch(state, steps)
        lines = record["steps"]
        for row, marks in re.findall(r"row (\d+): ((?:[#-] ?)+)", lines[1]):
            assert marks.replace(" ", "") == state["rows"][int(row)]
        told = [re.search(r"^Step (\d+): \((\d+), (\d+)\) is (\w+),", line) for line in lines]
        told = [found.groups() for found in told if found]
        assert len(told) == steps
        for (at, _, black), (_, row, col, colour) in zip(seen, told, strict=False):
            assert at == complex(int(col), int(row))
            assert colour == ("black" if at in black else "white")
            assert f"row {row}:" in lines[1]
        ends = re.findall(r"to face (\w+), .*, move to \((\d+), (\d+)\)\.", "\n".join(lines))
        for (at, ahead, _), (heading, row, col) in zip(seen[1:], ends, strict=True):
            assert at == complex(int(col), int(row))
            assert heading == {1j: "down", -1j: "up", 1: "right", -1: "left"}[ahead]
        crossings += any(abs(a[0] - b[0]) > 1 for a, b in itertools.pairwise(seen))
    assert crossings > 10  # runs that wrap around are among them


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_state(size):
    for record in questions("langtons_ant", "pose_after_steps", 6):
        ground = state_from_json(GAME, record["state"])
        pixels = np.asarray(GAME.draw(ground, size)).astype(int)
        assert pixels.shape == (size, size, 3)
        n = len(ground.rows)
        pale = (pixels == PALE).all(2)
        ys, xs = (np.nonzero(pale.mean(axis) > 0.7)[0] for axis in (1, 0))
        top, left, side = ys.min(), xs.min(), (ys.max() - ys.min()) / n
        kinds = {WHITE: "-", BLACK: "#"}
        seen = [
            # Near its upper left corner, where the ant never reaches.
            "".join(
                kinds[tuple(pixels[int(top + (r + 0.12) * side), int(left + (c + 0.12) * side)])]
                for c in range(n)
            )
            for r in range(n)
        ]
        assert tuple(seen) == ground.rows
        reds_y, reds_x = np.nonzero((pixels == RED).all(2))
        middle_y, middle_x = (reds_y.min() + reds_y.max()) / 2, (reds_x.min() + reds_x.max()) / 2
        assert (int((middle_y - top) / side), int((middle_x - left) / side)) == ground.ant
        # An arrowhead is heaviest behind its middle.
        down, right = middle_y - reds_y.mean(), middle_x - reds_x.mean()
        pull = {"up": -down, "down": down, "left": -right, "right": right}
        assert max(pull, key=pull.get) == ground.heading
