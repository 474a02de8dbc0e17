"""The world as a grid: a bridge by shortest paths over cells, a climb by trying numbers."""

import heapq

SIDE = 10
TARGETS = ("pumpkin", "gold ore", "diamond ore")


def water(state) -> set:
    first, width = state["river"] or (0, 0)
    return {(x, y) for x in range(first, first + width) for y in range(SIDE)}


def costs(state) -> dict:
    """The fewest bridge blocks to each cell: a water cell costs one, the ground nothing."""
    wet, found = water(state), {}
    todo = [(0, tuple(state["player"]))]
    while todo:
        cost, (x, y) = heapq.heappop(todo)
        if (x, y) in found:
            continue
        found[x, y] = cost
        for cell in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
            if 0 <= min(cell) and max(cell) < SIDE:
                heapq.heappush(todo, (cost + (cell in wet), cell))
    return found


def target(state):
    return next(stack for stack in state["stacks"] if stack[2][-1] in TARGETS)


def climb(state) -> int:
    _, _, blocks, ladder = target(state)
    reach = len(blocks) if ladder else 2
    return next(count for count in range(10) if reach + count >= len(blocks))


def bridge(state) -> int:
    """To the far edge of the other side."""
    player, wet = state["player"][0], water(state)
    edge = 0 if player > min(wet)[0] else SIDE - 1
    return min(cost for (x, _), cost in costs(state).items() if x == edge)


def bridge_and_climb(state, params):
    """To the cheapest cell beside the column."""
    x, y, *_ = target(state)
    beside = [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
    found = costs(state)
    return str(climb(state) + min(found[cell] for cell in beside if cell in found))


def scenery_set(state, params):
    found = {kind for stack in state["stacks"] for kind in stack[2]} - {"stone", "trunk"}
    if "leaves" in found:
        found = found - {"leaves"} | {"tree"}
    if any(stack[3] for stack in state["stacks"]):
        found.add("ladder")
    if state["river"]:
        found.add("river")
    return lambda text: set(text.split(", ")) == found


ORACLES = {
    "scenery_set": scenery_set,
    "cube_count": lambda state, params: str(sum(len(stack[2]) for stack in state["stacks"])),
    "bridge_blocks": lambda state, params: str(bridge(state)),
    "climb_blocks": lambda state, params: str(climb(state)),
    "bridge_and_climb": bridge_and_climb,
}
