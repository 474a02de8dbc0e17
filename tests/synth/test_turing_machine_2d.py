"""The two-dimensional Turing machine: its runs, its options and its picture."""

import collections
import re

import pytest

from synth.draw import BLACK, Board
from synth.game import LEVELS, state_from_json
from synth.games import turing_machine_2d as machines
from synth.registry import find_game
from tests.synth.oracles.turing_machine_2d import runs
from tests.synth.sampling import chosen, questions, state_and_params

GAME = find_game("turing_machine_2d")
TASKS = [task.name for task in GAME.tasks]


def steps_asked(record) -> int:
    _, params = state_and_params(record)
    return params.get("steps") or int(chosen(record))


@pytest.mark.parametrize("task", TASKS)
def test_the_head_stays_inside(task):
    for record in questions("turing_machine_2d", task, 60):
        state, _ = state_and_params(record)
        rows, cols = len(state["rows"]), len(state["rows"][0])
        for at, _ in runs(state, steps_asked(record))[0]:
            assert 0 <= at.imag < rows and 0 <= at.real < cols


def test_a_head_that_leaves_the_grid_is_an_error():
    machine = machines.Machine(("00", "00"), (0, 0), "A", (((0, "up", "A"),),))
    with pytest.raises(ValueError, match="leaves the grid"):
        machines.follow(machine, 1)


def test_the_table_is_complete_and_every_symbol_has_its_column():
    for record in questions("turing_machine_2d", "head_position", 60):
        state, _ = state_and_params(record)
        table = state["rules"]
        widths = {len(entries) for entries in table}
        assert len(widths) == 1 and 3 <= len(table) <= 4
        (symbols,) = widths
        assert max(int(mark) for row in state["rows"] for mark in row) < symbols
        assert all(put < symbols for entries in table for put, *_ in entries)
        assert {after for entries in table for *_, after in entries} <= set("ABCD"[: len(table)])


def test_the_last_step_writes_as_often_in_wrong_histories():
    """Published wrong histories never did."""
    last, count = collections.Counter(), collections.Counter()
    for record in questions("turing_machine_2d", "symbol_history", 150):
        for option in record["options"]:
            right = option == chosen(record)
            count[right] += 1
            last[right] += option.endswith(f"step {steps_asked(record)}")
            assert option[0] == record["options"][0][0]
    shares = {right: last[right] / count[right] for right in (True, False)}
    assert shares[True] > 0.15 and abs(shares[True] - shares[False]) < 0.08


def test_a_history_never_writes_in_steps_too_early_or_of_the_wrong_parity():
    for record in questions("turing_machine_2d", "symbol_history", 60):
        state, params = state_and_params(record)
        away = sum(abs(a - b) for a, b in zip(state["head"], params["cell"], strict=True))
        for option in record["options"]:
            for step in map(int, re.findall(r"step (\d+)", option)):
                assert step > away and (step - away) % 2 == 1


def test_first_entries_are_even_and_never_of_the_first_state():
    found = collections.defaultdict(collections.Counter)
    for record in questions("turing_machine_2d", "first_state_entry", 150):
        state, params = state_and_params(record)
        assert state["state"] != params["target_state"]
        found[record["plot_level"]][chosen(record)] += 1
    for level in LEVELS:
        assert set(found[level]) == set("12345678")
        assert max(found[level].values()) < 0.22 * found[level].total()


@pytest.mark.parametrize("task", TASKS)
def test_steps_follow_the_run(task):
    for record in questions("turing_machine_2d", task, 30):
        state, _ = state_and_params(record)
        moments, log = runs(state, steps_asked(record))
        told = re.findall(
            r"Step (\d+): (\w) on \d: write (\d) at \((\d), (\d)\), \w+ to \((\d), (\d)\), "
            r"state (\w)\.",
            "\n".join(record["steps"]),
        )
        assert len(told) == len(log) == steps_asked(record)
        for line, before, after, wrote in zip(told, moments, moments[1:], log, strict=False):
            number, letter, put, row, col, next_row, next_col, next_letter = line
            assert (complex(int(col), int(row)), letter) == before
            assert (complex(int(next_col), int(next_row)), next_letter) == after
            assert (int(number), before[0], int(put)) == wrote


@pytest.mark.parametrize("size", [224, 448])
def test_the_picture_shows_symbols_and_head(size):
    for record in questions("turing_machine_2d", "head_position", 4):
        machine = state_from_json(GAME, record["state"])
        image = GAME.draw(machine, size)
        rows, cols = len(machine.rows), len(machine.rows[0])
        board = Board(round(0.56 * size), rows, cols)
        left = round(0.08 * size) + board.left
        for row, marks in enumerate(machine.rows):
            for col, mark in enumerate(marks):
                x, y = left + col * board.cell, board.top + row * board.cell
                inside = image.getpixel((x + board.cell // 5, y + board.cell // 5))
                assert inside == machines.COLOURS[int(mark)]
                edge = image.getpixel((x + board.line_px, y + board.cell // 2))
                assert (edge == BLACK) == ((row, col) == machine.head)


def test_two_machines_never_look_the_same():
    """Any change of a rule, of the state or of a symbol changes the picture."""
    record = questions("turing_machine_2d", "head_position", 1)[0]
    machine = state_from_json(GAME, record["state"])
    pictures = {GAME.draw(machine, 224).tobytes()}
    put, way, after = machine.rules[0][0]
    others = [
        ((put + 1) % 3, way, after),
        *((put, other, after) for other in machines.WAYS if other != way),
        *((put, way, other) for other in "ABC" if other != after),
    ]
    for rule in others:
        first = (rule, *machine.rules[0][1:])
        changed = machines.dataclasses.replace(machine, rules=(first, *machine.rules[1:]))
        pictures.add(GAME.draw(changed, 224).tobytes())
    assert len(pictures) == 1 + len(others)
