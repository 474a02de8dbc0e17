"""Sokoban: its moves, its options, its reasoning and its picture."""

import collections
import json
import re

import numpy as np
import pytest

from synth.draw import GREEN, RED, SLATE
from synth.game import LEVELS, params_from_json, state_from_json
from synth.games.sokoban import WOOD
from synth.registry import find_game
from tests.synth.oracles.sokoban import STEP, cells, floor_of, plus, step, written
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("sokoban")
CELL = r"\((\d+), (\d+)\)"


def asked(task: str) -> list[dict]:
    """The same records for every test: making them takes most of the time."""
    return questions("sokoban", task, 150)


def moves_in(text: str) -> list[str]:
    return [
        way.lower()
        for way, count in re.findall(r"(\w+) (\d+)(?=,|\.|$| to)", text)
        if way.lower() in STEP
        for _ in range(int(count))
    ]


def cells_in(text: str) -> list[tuple]:
    return [(int(row), int(col)) for row, col in re.findall(CELL, text)]


def test_no_two_pieces_share_a_cell():
    """One would hide the other in the picture."""
    for task in GAME.tasks:
        for record in asked(task.name):
            state, _ = state_and_params(record)
            pieces = [state["player"], *state["boxes"], *state["targets"]]
            assert len(cells(pieces)) == len(pieces) and cells(pieces) <= floor_of(state)


def test_options_are_cells_of_the_floor():
    for task in ("player_after_moves", "box_after_free_moves", "player_position"):
        for record in asked(task):
            floor = floor_of(json.loads(record["state"]))
            assert {cells_in(option)[0] for option in record["options"]} <= floor


def test_the_moves_push_a_box_and_fail_at_times():
    seen = collections.Counter()
    for record in asked("player_after_moves"):
        state, params = state_and_params(record)
        player, boxes, before = tuple(state["player"]), cells(state["boxes"]), seen["push"]
        for way in params["moves"]:
            ahead, pushed = plus(player, way), plus(plus(player, way), way)
            then, moved = step(floor_of(state), player, boxes, way)
            outcome = "push" if moved != boxes else "walk" if then != player else "wall"
            seen["stuck" if then == player and ahead in boxes else outcome] += 1
            seen["box behind box"] += then == player and ahead in boxes and pushed in boxes
            player, boxes = then, moved
        assert seen["push"] > before
    assert min(seen.values()) > 10


def test_a_chain_follows_the_moves():
    for task in ("player_after_moves", "box_after_free_moves"):
        for record in asked(task):
            state, params = state_and_params(record)
            floor, boxes = floor_of(state), cells(state["boxes"])
            cell = tuple(state["player"])
            if task == "box_after_free_moves":
                (cell,), boxes = boxes, set()
            read, *said = record["steps"][:-2]
            assert cells_in(read) == [cell, *sorted(boxes)]
            for way, line in zip(params["moves"], said, strict=True):
                then, moved = step(floor, cell, boxes, way)
                ahead = plus(cell, way)
                if then != cell:
                    push = f", pushing the box to {written(plus(then, way))}"
                    tail = f"to {written(then)}{push if moved != boxes else ''}."
                elif ahead in boxes:
                    stuck = (
                        f"the box at {written(ahead)} cannot move to {written(plus(ahead, way))}"
                    )
                    tail = f"{stuck}, still at {written(cell)}."
                else:
                    tail = f"{written(ahead)} is a wall, still at {written(cell)}."
                assert line == f"{way.capitalize()}: {tail}"
                cell, boxes = then, moved
            assert record["steps"][-2] == f"The last cell is {chosen(record)}."


def test_a_told_solution_solves_in_so_few_steps():
    for record in asked("min_moves_to_solve"):
        state, _ = state_and_params(record)
        read, *runs, total = record["steps"][:-1]
        player, boxes = tuple(state["player"]), cells(state["boxes"])
        assert cells_in(read) == [player, *boxes, *cells(state["targets"])]
        done = 0
        for run in runs:
            before = boxes
            for way in moves_in(run):
                player, boxes = step(floor_of(state), player, boxes, way)
                done += 1
            pushed = [] if boxes == before else [*boxes]
            assert cells_in(run) == [player, *pushed]
        assert boxes == cells(state["targets"])
        counts = [len(moves_in(run)) for run in runs]
        sum_told = " + ".join(map(str, counts)) + " = " if len(counts) > 1 else ""
        assert done == int(chosen(record))
        assert total.endswith(f"the number of steps is {sum_told}{done}.")


def test_a_told_walk_is_the_answer():
    for record in asked("shortest_walk"):
        state, params = state_and_params(record)
        read, *runs, last = record["steps"][:-1]
        cell = tuple(state["player"])
        assert cells_in(read) == [cell, *map(tuple, state["boxes"])]
        for run in runs:
            for way in moves_in(run):
                cell = plus(cell, way)
            assert cells_in(run) == [cell]
        assert list(cell) == params["goal"] and last.endswith(f"shorter than {chosen(record)}.")


def test_several_walks_can_be_right():
    rows = ("#####", "#...#", "#...#", "#...#", "#####")
    board = GAME.state(rows, ((3, 1),), ((1, 3),), (1, 1))
    walk = GAME.task("shortest_walk").solve(board, goal=(2, 2))
    for moves, right in (
        (("right", "down"), True),
        (("down", "right"), True),
        (("down",), False),
        (("down", "right", "up", "down"), False),
        (("up", "right", "down"), False),
    ):
        assert walk.is_right(moves) == right
    through_box = GAME.task("shortest_walk").solve(board, goal=(3, 2))
    assert not through_box.is_right(("down", "down", "right"))


def test_wrong_walks_are_wrong_in_several_ways():
    """Walls, boxes and mere length all matter; where a walk ends never tells."""
    wrong = collections.Counter()
    for record in asked("shortest_walk"):
        state, params = state_and_params(record)
        for option in record["options"]:
            cell, entered = tuple(state["player"]), set()
            for way in moves_in(option):
                cell = plus(cell, way)
                entered.add(cell)
            assert list(cell) == params["goal"]
            if option != chosen(record):
                into_wall = not entered <= floor_of(state)
                into_box = bool(entered & cells(state["boxes"]))
                wrong["wall"] += into_wall and not into_box
                wrong["box"] += into_box and not into_wall
                wrong["longer"] += not into_wall and not into_box
    assert wrong["wall"] > 100 and wrong["box"] > 100 and wrong["longer"] > 0


def test_an_unsolvable_board_is_refused():
    rows = ("#####", "#...#", "#...#", "#...#", "#####")
    board = GAME.state(rows, ((1, 1),), ((2, 2),), (3, 3))
    with pytest.raises(ValueError, match="cannot be brought"):
        GAME.task("min_moves_to_solve").solve(board)


def rank_of_answer(record, worth) -> float:
    """From 0 to 1: where the answer stands among the options ordered by `worth`, ties halved."""
    params = state_and_params(record)[1]
    worths = np.array([worth(option, params) for option in record["options"]])
    own = worths[record["options"].index(chosen(record))]
    return ((worths < own).sum() + ((worths == own).sum() - 1) / 2) / (len(worths) - 1)


def along_the_moves(option, params):
    """How far the moves, did none fail, would have gone towards a cell."""
    drift = np.sum([STEP[way] for way in params["moves"]], axis=0)
    return float(np.dot(cells_in(option)[0], drift))


@pytest.mark.parametrize(
    ("task", "worth"),
    [
        ("player_after_moves", along_the_moves),
        ("box_after_free_moves", along_the_moves),
        ("min_moves_to_solve", lambda option, params: int(option)),
        ("box_target_distance", lambda option, params: int(option)),
        ("shortest_walk", lambda option, params: len(moves_in(option))),
        ("shortest_walk", lambda option, params: option.count(",")),
    ],
)
def test_no_order_of_the_options_tells(task, worth):
    """Where the moves drift, or how long a walk is, does not lead to the answer."""
    ranks = np.array([rank_of_answer(record, worth) for record in asked(task)])
    assert abs(ranks.mean() - 0.5) < 4 * ranks.std() / len(ranks) ** 0.5


@pytest.mark.parametrize("task", ["min_moves_to_solve", "box_target_distance"])
def test_numbers_do_not_surround_the_answer(task):
    """The published answer always was the fourth of the eight."""
    ranks = [rank_of_answer(record, lambda option, _: int(option)) for record in asked(task)]
    n = len(asked(task)[0]["options"])
    counts = np.bincount(np.rint(np.multiply(ranks, n - 1)).astype(int), minlength=n)
    assert np.abs(counts / len(ranks) - 1 / n).max() < 0.08


def test_levels_differ():
    boards, lists, fewest, walks = (collections.defaultdict(list) for _ in range(4))
    rng = np.random.default_rng(0)
    for level in LEVELS:
        boards[level] = [GAME.difficulty[1](GAME.new(rng, level)) for _ in range(300)]
    for record in asked("player_after_moves"):
        lists[record["plot_level"]].append(len(params_from_json(record["params"])["moves"]))
    for record in asked("min_moves_to_solve"):
        fewest[record["plot_level"]].append(int(chosen(record)))
    for record in asked("shortest_walk"):
        walks[record["plot_level"]].append(len(moves_in(chosen(record))))
    assert [set(lists[level]) for level in LEVELS] == [{5}, {8}, {12}]
    for counts in (boards, fewest, walks):
        easy, medium, hard = (np.mean(counts[level]) for level in LEVELS)
        assert 1.3 * easy < medium and 1.3 * medium < hard


def test_one_to_three_boxes_at_every_level():
    rng = np.random.default_rng(0)
    for level in LEVELS:
        counts = collections.Counter(len(GAME.new(rng, level).boxes) for _ in range(600))
        assert set(counts) == {1, 2, 3} and min(counts.values()) > 100


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_state(size):
    kinds = {SLATE: "#", WOOD: "box", GREEN: "target", RED: "player"}
    for record in [*asked("player_after_moves")[:15], *asked("shortest_walk")[:15]]:
        board = state_from_json(GAME, record["state"])
        pixels = np.asarray(GAME.draw(board, size))
        assert pixels.shape == (size, size, 3)
        # The walls all around give the extent of the grid; cells are found by even division.
        rows, cols = np.nonzero((pixels == SLATE).all(2))
        n = len(board.rows)
        top, left, side = rows.min(), cols.min(), (rows.max() - rows.min() + 1) / n
        seen = collections.defaultdict(list)
        for row in range(n):
            for col in range(n):
                y, x = int(top + (row + 0.1) * side), int(left + (col + 0.1) * side)
                inside = pixels[y : y + int(0.85 * side), x : x + int(0.85 * side)]
                held = [
                    name
                    for colour, name in kinds.items()
                    if (inside == colour).all(2).sum() > 0.05 * inside.shape[0] ** 2
                ]
                assert len(held) <= 1
                seen["".join(held)].append((row, col))
        assert tuple(seen["box"]) == board.boxes and tuple(seen["target"]) == board.targets
        assert seen["player"] == [board.player]
        walls = [(r, c) for r in range(n) for c in range(n) if board.rows[r][c] == "#"]
        assert seen["#"] == walls
