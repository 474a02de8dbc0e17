"""Published snakes: a grid of 0 empty, 1 food, 2 body, 3 head.

The order of the body is told with the cases where it decides; elsewhere any will do.
"""


def adapt(case, value):
    grid = case["state"]["map"]
    cells = [[row, col] for row, marks in enumerate(grid) for col in range(len(marks))]
    food, body, head = ([c for c in cells if grid[c[0]][c[1]] == mark] for mark in (1, 2, 3))
    ordered = case.get("state_extra", {}).get("snake", head + body)
    assert ordered[0] == head[0] and sorted(ordered[1:]) == body
    return (
        case["task"],
        {"size": len(grid), "body": ordered, "food": food[0]},
        case["params"],
        value,
    )
