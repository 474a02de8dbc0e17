"""Tetris: its wells, its answers, its reasoning and its picture."""

import collections
import re

import numpy as np
import pytest

from synth.draw import PALE, RED, SLATE, WHITE
from synth.game import LEVELS, state_from_json
from synth.games import tetris
from synth.registry import find_game
from tests.synth.oracles.tetris import beside, cells_of, fall, fits, max_clear, moved
from tests.synth.sampling import questions, state_and_params

GAME = find_game("tetris")
TASKS = [task.name for task in GAME.tasks]
CELL = re.compile(r"\((-?\d+), (-?\d+)\)")


def cells_in(text: str) -> list[tuple]:
    return [(int(row), int(col)) for row, col in CELL.findall(text)]


def well(*rows: str) -> tetris.Well:
    return tetris.Well(rows)


def solve(task: str, *rows: str, **params):
    return GAME.task(task).solve(well(*rows), **params)


@pytest.mark.parametrize("task", TASKS)
def test_every_well_is_a_well(task):
    """One whole piece (the published wells often had none), no full row, room to fall from."""
    for record in questions("tetris", task, 150):
        state, _ = state_and_params(record)
        size = {"Easy": 8, "Medium": 12, "Hard": 16}[record["plot_level"]]
        assert len(state["rows"]) == size and {len(row) for row in state["rows"]} == {size}
        piece, settled = cells_of(state, "o"), cells_of(state, "#")
        assert len(piece) == 4 and all(beside(cell, piece) for cell in piece)
        assert "#" * size not in state["rows"]
        assert all(fits(moved(piece, -up, 0), settled, size) for up in range(size))


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_the_state(size):
    marks = {WHITE: "-", SLATE: "#", RED: "o"}
    for task in TASKS:
        for record in questions("tetris", task, 4):
            state = state_from_json(GAME, record["state"])
            pixels = np.asarray(GAME.draw(state, size))
            assert pixels.shape == (size, size, 3)
            n = len(state.rows)
            lines = (pixels == PALE).all(2)
            # Pixels of the lines that go through the whole board: edges of the cells.
            rows, cols = (np.flatnonzero(lines.sum(axis) > size / 2) for axis in (1, 0))
            top, left = rows[0], cols[0]
            side = (rows[-1] - rows[0]) / n, (cols[-1] - cols[0]) / n
            seen = tuple(
                "".join(
                    marks[tuple(pixels[int(top + (r + 0.5) * side[0]), int(left + c_x)])]
                    for c_x in ((c + 0.5) * side[1] for c in range(n))
                )
                for r in range(n)
            )
            assert seen == state.rows


def test_pieces_are_the_seven_and_turn_as_said():
    """The published text showed T upside down and called the upright I unturned."""
    assert [len(shapes) for shapes in tetris.TURNS.values()] == [2, 1, 4, 4, 4, 2, 2]
    for kind, shapes in tetris.TURNS.items():
        first = np.array([list(row) for row in shapes[0].rows])
        for turn, shape in enumerate(shapes):
            turned = np.rot90(first, -turn)
            assert tuple("".join(row) for row in turned) == shape.rows
            assert tetris.kind_of(shape.at(3, 5)) == (kind, turn)
    question = questions("tetris", "piece_shape", 60)[0]["question"]
    assert re.findall(r"(\w) is ([#/-]+)", question) == [
        (kind, "/".join(shapes[0].rows)) for kind, shapes in tetris.TURNS.items()
    ]


def test_empty_cells_are_any_number_in_any_row():
    """Published rows were often (up to 57 %) wholly empty."""
    by_row = collections.defaultdict(list)
    with_red = 0
    for record in questions("tetris", "empty_in_row", 300):
        state, params = state_and_params(record)
        by_row[len(state["rows"]), params["row"]].append(int(record["answer"]) / len(state["rows"]))
        with_red += "o" in state["rows"][params["row"]]
        assert record["answer"] not in ("0", str(len(state["rows"])))
        assert state["rows"][params["row"]] in record["steps"][0]
    assert with_red > 45
    for (size, row), shares in by_row.items():
        assert row >= size // 2
        # A mean of so many uniform draws strays by more than 4 deviations in no row.
        assert abs(np.mean(shares) - 0.5) < 4 * 0.29 / len(shares) ** 0.5


def test_the_fall_counts_only_what_is_below():
    """Published: contact at the side was called a collision but not counted as one."""
    beside_wall = ("o---", "oo--", "-o--", "----", "----", "-###")
    assert solve("fall_after_shift", *beside_wall, shift="left").answer == 2
    assert solve("fall_after_shift", *beside_wall, shift="right").answer == 2
    touching = ("oo--", "oo--", "---#", "---#", "---#", "---#")
    assert solve("fall_after_shift", *touching, shift="right").answer == 4
    blocked = ("oo--", "oo#-", "--#-", "----", "----", "---#")
    solution = solve("fall_after_shift", *blocked, shift="right")
    assert solution.answer == 4 and "(1, 2) is settled: the piece stays." in solution.steps[1]
    under_a_roof = ("--#-", "--##", "oo--", "oo--", "----", "--#-")
    assert solve("fall_after_shift", *under_a_roof, shift="right").answer == 1


def test_blocked_shifts_and_their_reasons():
    """Published: 0 rows only beside walls, yet always blamed on blocks; the floor never named."""
    kinds, ends = collections.Counter(), collections.Counter()
    for record in questions("tetris", "fall_after_shift", 300):
        state, params = state_and_params(record)
        piece, settled, size = cells_of(state, "o"), cells_of(state, "#"), len(state["rows"])
        shifted = moved(piece, 0, {"left": -1, "right": 1}[params["shift"]])
        said = record["steps"][1]
        assert set(cells_in(record["steps"][0])) == piece
        if fits(shifted, settled, size):
            kinds["free"] += 1
            assert set(cells_in(said)) == shifted and said.endswith("are free: the piece moves.")
        else:
            (block,) = cells_in(said)
            kind = "settled" if block in settled else "outside the well"
            kinds[kind] += 1
            assert block in shifted and f"is {kind}: the piece stays." in said
            assert kind == "settled" or not 0 <= block[1] < size
            shifted = piece
        counts = []
        for step in record["steps"][2:-1]:
            (row, col), *end = cells_in(step)
            count = int(re.search(r": (\d+), then", step)[1])
            counts.append(count)
            ends["settled" if end else "floor"] += 1
            below = (row + count + 1, col)
            assert (row, col) in shifted and end == ([below] if end else [])
            assert below in settled if end else below[0] == size
        assert min(counts) == fall(shifted, settled, size) == int(record["answer"])
        assert len(counts) == len({col for _, col in shifted})
    total = kinds.total()
    assert abs(kinds["free"] / total - 0.6) < 0.07
    assert min(kinds["settled"], kinds["outside the well"]) / total > 0.14
    assert ends["floor"] > 100


def test_the_answers_of_the_strategy_task_are_spread():
    """Published: nearly always 1 by construction, otherwise 0."""
    records = questions("tetris", "max_clear", 300)
    for at in range(len(LEVELS)):
        answers = collections.Counter(record["answer"] for record in records[at::3])
        assert sorted(answers) == ["0", "1", "2", "3", "4"]
        assert max(answers.values()) < 0.28 * 300


def test_the_chain_of_the_strategy_task_is_true():
    for record in questions("tetris", "max_clear", 100):
        state, _ = state_and_params(record)
        rows = [row.replace("o", "-") for row in state["rows"]]
        spelt = re.findall(r"row (\d+): ([#-]+)", record["steps"][1])
        assert dict(spelt) == {str(at): row for at, row in enumerate(rows) if "#" in row}
        most, can = 0, set()
        for step in record["steps"][2:-1]:
            if drop := re.match(r"([#/-]+) dropped .* column (\d+) .* row (\d+) and fills", step):
                full = [int(row) for row in re.findall(r"\d+", step[drop.end() :])]
                most = max(most, len(full))
                after = [list(row) for row in rows]
                for r, line in enumerate(drop[1].split("/")):
                    for c, mark in enumerate(line):
                        if mark == "#":
                            assert after[int(drop[3]) + r][int(drop[2]) + c] == "-"
                            after[int(drop[3]) + r][int(drop[2]) + c] = "#"
                assert [at for at, row in enumerate(after) if "-" not in row] == full
                can -= set(full)
            elif lack := re.match(r"Row (\d+) lacks columns? ([\d, ]+): (.*)", step):
                row = int(lack[1])
                gaps = [col for col, mark in enumerate(rows[row]) if mark == "-"]
                assert gaps == [int(col) for col in lack[2].split(", ")] and len(gaps) <= 4
                if "can fill" in lack[3]:
                    can.add(row)
                for cover in cells_in(lack[3]):
                    assert rows[cover[0]][cover[1]] == "#" and cover[0] < row
            else:
                assert step == "Every row has more than four gaps."
                assert all(row.count("-") > 4 for row in rows)
        assert most == int(record["answer"]) and not can


def test_a_drop_comes_from_above_and_ends_inside():
    passes_a_gap = ("oo----", "oo----", "------", "--####", "------", "--####")
    roofed = ("-oo--", "-oo--", "-----", "##---", "--###")
    up_to_the_top = ("--oo", "--oo", "##--", "##--")
    upright_sticks_out = ("oooo#", "-####", "-####", "#-###", "-----")
    cases = {passes_a_gap: 1, roofed: 0, up_to_the_top: 2, upright_sticks_out: 1}
    for rows, most in cases.items():
        assert solve("max_clear", *rows).answer == most
        assert max_clear({"rows": rows}, {}) == str(most)
