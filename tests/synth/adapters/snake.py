"""Published snakes: a grid of 0 empty, 1 food, 2 body, 3 head.

The order of the body is told with the cases where it decides; elsewhere any way over its cells
will do.
"""


def adapt(case, value):
    grid = case["state"]["map"]
    at = range(len(grid))
    (food,), body, head = (
        [[row, col] for row in at for col in at if grid[row][col] == mark] for mark in (1, 2, 3)
    )
    ordered = case["state_extra"]["snake"] if "state_extra" in case else way_over(head, body)
    assert ordered[0] == head[0] and sorted(ordered[1:]) == body
    return case["task"], {"size": len(grid), "body": ordered, "food": food}, case["params"], value


def way_over(begun, cells):
    """`begun` continued over all the cells, from each to a neighbour; None if there is no way."""
    if not cells:
        return begun
    for cell in cells:
        if abs(cell[0] - begun[-1][0]) + abs(cell[1] - begun[-1][1]) == 1:
            way = way_over([*begun, cell], [other for other in cells if other != cell])
            if way is not None:
                return way
    return None
