"""Tic-tac-toe: its boards, its reasoning and its picture."""

import collections
import itertools
import json
import re

import numpy as np
import pytest

from synth.draw import BLUE, RED
from synth.game import LEVELS
from synth.games import tictactoe
from synth.registry import find_game
from tests.synth.oracles.tictactoe import (
    as_text,
    best_moves,
    has_won,
    is_over,
    moves,
    score,
    to_move,
)
from tests.synth.sampling import questions

GAME = find_game("tictactoe")


def read(record):
    """The board as nine marks, the named cell's number if any, and the right option."""
    marks = "".join(json.loads(record["state"])["rows"])
    row, col = json.loads(record["params"]).get("cell", (0, 0))
    return marks, 3 * row + col, record["options"]["ABCDEFGHI".index(record["answer"])]


def test_there_is_one_best_cell_and_a_choice():
    for record in questions("tictactoe", "rule_based_move", 100):
        marks, _, answer = read(record)
        assert [as_text(i) for i in best_moves(marks)] == [answer]
        assert marks.count("-") > 1 and not is_over(marks)
    for record in questions("tictactoe", "reply_after_move", 100):
        marks, cell, answer = read(record)
        assert as_text(cell) not in record["options"] and "none" in record["options"]
        if answer != "none":
            assert [as_text(i) for i in best_moves(moves(marks)[cell])] == [answer]


def test_the_boards_are_all_reachable_ones_with_their_level():
    reachable, todo = set(), ["-" * 9]
    while todo:
        marks = todo.pop()
        if marks not in reachable and not is_over(marks):
            reachable.add(marks)
            todo += moves(marks).values()
    levels = {"".join(board.rows): level for level in LEVELS for board in tictactoe.boards()[level]}
    assert set(levels) == reachable and len(reachable) == 4520
    for marks, level in levels.items():
        mine = to_move(marks)
        theirs = "OX"[mine == "O"]
        wins = [
            any(has_won(marks[:i] + mark + marks[i + 1 :], mark) for i in moves(marks))
            for mark in (mine, theirs)
        ]
        assert level == ("Easy" if wins[0] else "Medium" if wins[1] else "Hard")


def test_every_answer_can_come_up():
    """So that the listed cells and "none" are equally likely, for every named cell."""
    for level in LEVELS:
        assert all(tictactoe.boards_by_best(level).values())
        for cell in tictactoe.CELLS:
            assert all(tictactoe.boards_by_reply(level, cell).values())


def test_steps_state_facts():
    """The board is read right, and the judgement on each move is what minimax says."""
    judged = collections.Counter()
    for record in questions("tictactoe", "rule_based_move", 100):
        marks, _, _ = read(record)
        mine, steps = to_move(marks), record["steps"]
        rows = [" ".join(marks[i : i + 3]) for i in (0, 3, 6)]
        assert steps[0] == f"The board: row 0: {rows[0]}; row 1: {rows[1]}; row 2: {rows[2]}."
        assert steps[1].endswith(f"so {mine} is to move.")
        sign = 1 if mine == "O" else -1
        for step in steps[2:-2]:
            cells = [3 * int(r) + int(c) for r, c in re.findall(r"\((\d), (\d)\)", step)]
            after = moves(marks)[cells[0]]
            if "answers" in step:
                reply = moves(after)[cells[1]]
                expected = 0 if "and draws" in step else -1
                assert sign * score(after) == sign * score(reply) == expected
                judged["answer"] += 1
            elif "completes" in step:
                assert has_won(after, mine)
                judged["win"] += 1
            elif "threatens to complete" in step:
                theirs = "OX"[mine == "O"]
                i = cells[0]
                assert has_won(marks[:i] + theirs + marks[i + 1 :], theirs)
                judged["threat"] += 1
            else:
                assert f"{mine} wins" in step and sign * score(after) == 1
                for i in cells[1:]:
                    assert has_won(after[:i] + mine + after[i + 1 :], mine)
                judged["fork"] += 1
    assert min(judged[kind] for kind in ("answer", "win", "threat", "fork")) > 0


@pytest.mark.parametrize("size", [112, 224, 448])
def test_the_picture_shows_the_state(size):
    for record in questions("tictactoe", "cell_color", 6):
        rows = tuple(json.loads(record["state"])["rows"])
        pixels = np.asarray(GAME.draw(tictactoe.Position(rows), size)).astype(int)
        # The grid ends at the lower right corner of the picture and is as wide as its black lines.
        black = (pixels == 0).all(2)
        lines = np.nonzero(black.mean(0) > 0.7)[0]
        left, right = lines.min(), lines.max()
        lines = np.nonzero(black.mean(1) > 0.7)[0]
        top, bottom = lines.min(), lines.max()
        seen = []
        for row, col in itertools.product(range(3), repeat=2):
            ys = slice(top + (bottom - top) * row // 3, top + (bottom - top) * (row + 1) // 3)
            xs = slice(left + (right - left) * col // 3, left + (right - left) * (col + 1) // 3)
            red = (pixels[ys, xs] == RED).all(2).sum()
            blue = (pixels[ys, xs] == BLUE).all(2).sum()
            seen.append("O" if red > 20 and blue == 0 else "X" if blue > 20 and red == 0 else "-")
            assert (red + blue == 0) == (seen[-1] == "-")
        assert "".join(seen) == "".join(rows)
