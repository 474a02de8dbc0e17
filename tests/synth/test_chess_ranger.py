"""Chess ranger: how pieces capture, what rules a solution out, even answers, and the picture."""

import collections
import re

import numpy as np
import pytest

from synth.draw.chessmen import MEN, mask_of
from synth.game import LEVELS, state_from_json
from synth.games.chess_ranger import (
    PIECES,
    Ranger,
    board_of,
    build,
    captures,
    ranger,
    traps,
    written,
)
from synth.registry import find_game
from tests.synth.oracles.chess_ranger import boards_after, fewest, pieces, place
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("chess_ranger")
TASKS = [task.name for task in GAME.tasks]


def possible(*state: str) -> set[str]:
    return set(map(written, captures(board_of(Ranger(state)))))


def test_pieces_capture_as_in_chess():
    assert possible("Pc5", "Pe5", "Pd4", "Pc3", "Pd3") == {"d4xc5", "d4xe5", "c3xd4"}
    assert possible("Ph8", "Pg7", "Pa1") == {"g7xh8"}
    assert possible("Pa8", "Ra5", "Pd5", "Pg5", "Pa3", "Pa1") == {"a5xa8", "a5xd5", "a5xa3"}
    assert possible("Pf6", "Pe5", "Bc3", "Pc4", "Pa1") == {"c3xe5", "e5xf6", "c3xa1"}
    assert possible("Pb3", "Pa2", "Pb2", "Na1") == {"a1xb3", "a2xb3"}
    assert possible("Kd4", "Pd5", "Pf4") == {"d4xd5"}


def test_traps_keep_a_piece_each():
    rng = np.random.default_rng(0)
    for left in (1, 2, 3) * 10:
        board = build(rng, 6, left)
        assert len(traps(board)) == left == fewest(pieces({"pieces": ranger(board).pieces}))


def play(board, said: str):
    """The board after captures that are written in a text, all of which must be possible."""
    for capture in re.findall(r"[a-h][1-8]x[a-h][1-8]", said):
        board = boards_after(board)[tuple(map(place, capture.split("x")))]
    return board


def test_what_the_steps_play_is_possible():
    for record in questions("chess_ranger", "first_moves_that_solve", 30):
        state, _ = state_and_params(record)
        for step in record["steps"][1:5]:
            if "solves" in step:
                assert len(play(pieces(state), step)) == 1
            elif "after" not in step:
                assert fewest(play(pieces(state), step)) > 1
    for record in questions("chess_ranger", "solution_length", 40):
        state, _ = state_and_params(record)
        left = len(play(pieces(state), record["steps"][-1]))
        assert left == len(state["pieces"]) - int(record["answer"])


def test_pieces_do_not_tell_the_most_captures():
    """Published: always one less than pieces."""
    for at, level in enumerate(LEVELS):
        records = questions("chess_ranger", "solution_length", 70)[at::3]
        for count in range(PIECES[level][0], PIECES[level][1] + 1):
            answers = [
                r["answer"] for r in records if len(state_and_params(r)[0]["pieces"]) == count
            ]
            ((_, most),) = collections.Counter(answers).most_common(1)
            assert most < 0.75 * len(answers)


def test_sets_of_captures_are_even():
    """Published: all four are only offered where they are right, none are rarely right."""
    records = questions("chess_ranger", "first_moves_that_solve", 70)
    right = collections.Counter(map(chosen, records))
    offered = collections.Counter(option for record in records for option in record["options"])
    assert len(right) == 16 and max(right.values()) < 0.13 * len(records)
    assert min(offered.values()) > 0.4 * len(records)
    for record in records:
        state, params = state_and_params(record)
        assert len(set(params["captures"])) == 4
        assert set(params["captures"]) <= possible(*state["pieces"])


def test_every_kind_is_on_every_square():
    """Published: "no piece" in 92 % of half the questions, never in the other half."""
    records = questions("chess_ranger", "piece_at_square", 70)
    answers = collections.Counter(map(chosen, records))
    assert len(answers) == 7 and max(answers.values()) < 0.24 * len(records)
    assert len({state_and_params(record)[1]["square"] for record in records}) > 56


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_state(size):
    """Black pixels of a square are those of one piece only."""
    for record in questions("chess_ranger", "piece_at_square", 3):
        state = state_from_json(GAME, record["state"])
        black = (np.asarray(GAME.draw(state, size)) == 0).all(2)
        frame = np.flatnonzero(black.sum(0) > 0.9 * 8 * (size // 9))
        left, right = frame[0] + 1, frame[-1]
        px, seen = (right - left) // 8, []
        shapes = {kind: np.asarray(mask_of(kind, px)) == 255 for kind in MEN}
        for row in range(8):
            for file in range(8):
                top, aside = 1 + row * px, left + file * px
                inside = black[top : top + px, aside : aside + px]
                if inside.any():
                    (kind,) = (kind for kind in MEN if (inside == shapes[kind]).all())
                    seen.append(f"{kind}{'abcdefgh'[file]}{8 - row}")
        assert tuple(seen) == state.pieces


def test_the_steps_begin_with_what_is_read():
    for task in TASKS:
        for record in questions("chess_ranger", task, 5):
            assert GAME.parse(record["steps"][0]) == state_from_json(GAME, record["state"])
