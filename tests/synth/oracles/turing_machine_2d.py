"""The two-dimensional Turing machine as a log of writes: a cell holds what was written last."""

POINTS = {"up": -1j, "down": 1j, "left": -1, "right": 1}


def runs(state, steps):
    """For each moment: where the head is, its state; and the log (step, place, symbol written)."""
    at = complex(state["head"][1], state["head"][0])
    letter, log, moments = state["state"], [], []
    for step in range(1, steps + 2):
        moments.append((at, letter))
        symbol, way, letter = state["rules"]["ABCD".index(letter)][read(state, log, at)]
        log.append((step, at, symbol))
        at += POINTS[way]
    return moments, log[:-1]


def read(state, log, at):
    found = [symbol for _, place, symbol in log if place == at]
    return found[-1] if found else int(state["rows"][int(at.imag)][int(at.real)])


def head_position(state, params):
    at, _ = runs(state, params["steps"])[0][-1]
    return f"({int(at.imag)}, {int(at.real)})"


def head_state_symbol(state, params):
    moments, log = runs(state, params["steps"])
    at, letter = moments[-1]
    return f"state {letter}, symbol {read(state, log, at)}"


def symbol_history(state, params):
    row, col = params["cell"]
    _, log = runs(state, params["steps"])
    said = state["rows"][row][col]
    for step, at, symbol in log:
        if at == complex(col, row):
            said += f", then {symbol} in step {step}"
    return said


def first_state_entry(state, params):
    steps = 1
    while runs(state, steps)[0][-1][1] != params["target_state"]:
        steps += 1
    return str(steps)


ORACLES = {
    "head_position": head_position,
    "head_state_symbol": head_state_symbol,
    "symbol_history": symbol_history,
    "first_state_entry": first_state_entry,
}
