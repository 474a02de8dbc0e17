"""Published Sokoban positions as ours."""


def adapt(case, value):
    given, params = case["state"], dict(case["params"])
    pieces = {
        name: sorted([place["y"], place["x"]] for place in given[name])
        for name in ("boxes", "targets")
    }
    state = {
        "rows": ["".join("#" if mark == 1 else "." for mark in row) for row in given["grid"]],
        **pieces,
        "player": [given["player"]["y"], given["player"]["x"]],
    }
    # Theirs name what ours leaves to the picture: the player's cell and the box's.
    assert params.pop("start", state["player"]) == state["player"]
    assert params.pop("box", state["boxes"][0]) == state["boxes"][0]
    expected = tuple(value) if isinstance(value, list) else value
    return case["task"], state, params, expected
