"""Published Sudokus: numbers for the colours, rows and columns from 1; two colours differ."""

from synth.verify import SUDOKU_NAMES as NEW_NAMES
from synth.verify import sudoku_state


def adapt(case, value):
    params = {
        "cell": from_zero,
        "first": lambda cells: list(map(from_zero, cells)),
        "target": from_zero,
        "color": lambda name: NEW_NAMES.get(name, name),
    }
    given = {
        name: params[name](old) if name in params else old for name, old in case["params"].items()
    }
    return case["task"], sudoku_state(case["state"]), given, NEW_NAMES.get(value, value)


def from_zero(cell):
    return [cell[0] - 1, cell[1] - 1]
