"""Published boards of the game of life."""

from synth.verify import lifegame_state


def adapt(case, value):
    return case["task"], lifegame_state(case["state"]), case["params"], value
