"""Sokoban solved a second time, plainly: sets of cells, no tables and no backward search."""

import re

STEP = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def floor_of(state):
    return {
        (row, col)
        for row, line in enumerate(state["rows"])
        for col, mark in enumerate(line)
        if mark == "."
    }


def cells(values):
    return {tuple(value) for value in values}


def plus(cell, way):
    return cell[0] + STEP[way][0], cell[1] + STEP[way][1]


def written(cell):
    return f"({cell[0]}, {cell[1]})"


def step(floor, player, boxes, way):
    """Player and boxes after one move; the same as before if it fails."""
    ahead = plus(player, way)
    if ahead in boxes:
        moved = boxes - {ahead} | {plus(ahead, way)}
        if len(moved) == len(boxes) and moved <= floor:
            return ahead, moved
    elif ahead in floor:
        return ahead, boxes
    return player, boxes


def player_after_moves(state, params):
    player, boxes = tuple(state["player"]), cells(state["boxes"])
    for way in params["moves"]:
        player, boxes = step(floor_of(state), player, boxes, way)
    return written(player)


def box_after_free_moves(state, params):
    (box,) = cells(state["boxes"])
    for way in params["moves"]:
        if plus(box, way) in floor_of(state):
            box = plus(box, way)
    return written(box)


def min_moves_to_solve(state, params):
    """Forward search over player and box, all positions after so many steps at a time."""
    floor, (target,) = floor_of(state), cells(state["targets"])
    layer = {(tuple(state["player"]), frozenset(cells(state["boxes"])))}
    seen, steps = set(layer), 0
    while not any(boxes == {target} for _, boxes in layer):
        layer = {step(floor, *position, way) for position in layer for way in STEP} - seen
        assert layer, "cannot be solved"
        seen |= layer
        steps += 1
    return str(steps)


def player_position(state, params):
    return written(state["player"])


def box_target_distance(state, params):
    """The ring around the box that holds the target, all cells counting as floor."""
    (target,) = cells(state["targets"])
    ring, distance = cells(state["boxes"]), 0
    while target not in ring:
        ring = ring | {plus(cell, way) for cell in ring for way in STEP}
        distance += 1
    return str(distance)


def shortest_walk(state, params):
    floor, boxes = floor_of(state), cells(state["boxes"])
    goal = tuple(params["goal"])
    reached, fewest = {tuple(state["player"])}, 0
    while goal not in reached:
        grown = reached | ({plus(cell, way) for cell in reached for way in STEP} & floor) - boxes
        assert grown != reached, "cannot be reached"
        reached, fewest = grown, fewest + 1

    def is_right(text):
        player, steps = tuple(state["player"]), 0
        for way, count in re.findall(r"(up|down|left|right) (\d+)", text):
            for _ in range(int(count)):
                player, steps = plus(player, way), steps + 1
                if player not in floor or player in boxes:
                    return False
        return player == goal and steps == fewest

    return is_right


ORACLES = {
    "player_after_moves": player_after_moves,
    "box_after_free_moves": box_after_free_moves,
    "min_moves_to_solve": min_moves_to_solve,
    "player_position": player_position,
    "box_target_distance": box_target_distance,
    "shortest_walk": shortest_walk,
}
