"""Published mazes: a grid of 0 open, 1 wall, 2 player, 3 goal."""


def adapt(case, value):
    given = case["state"]
    state = {
        "rows": ["".join(".#.."[cell] for cell in row) for row in given["maze"]],
        "player": given["playerPosition"],
        "goal": given["endPosition"],
    }
    return case["task"], state, case["params"], value
