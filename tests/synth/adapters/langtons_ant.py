"""Published cases of Langton's ant."""

from synth.verify import langtons_ant_state


def adapt(case, value):
    state = langtons_ant_state(case["state"])
    if case["task"] == "cell_flip_count":
        return case["task"], state, case["params"], value
    row, col, heading = value
    return case["task"], state, case["params"], ((row, col), heading)
