"""The pyramid as lists of levels; supports and blocks found by looking at all slots."""

from itertools import product


def balls(state) -> dict:
    """The mark of every slot, "-" for an empty one."""
    return {
        (k, x, y): mark
        for k, level in enumerate(state["levels"])
        for x, group in enumerate(level)
        for y, mark in enumerate(group)
    }


def under(slot) -> set:
    k, x, y = slot
    return {(k - 1, x + i, y + j) for i, j in product((0, 1), repeat=2)} if k else set()


def can_fill(marks, slot) -> bool:
    return marks[slot] == "-" and all(marks[other] != "-" for other in under(slot))


def makes_block(marks, slot, mark) -> bool:
    """Looks at every square of the slot's level, for one with the slot and three such balls."""
    level = {other for other in marks if other[0] == slot[0]}
    for k, x, y in level:
        cells = {(k, x + i, y + j) for i, j in product((0, 1), repeat=2)}
        if slot in cells <= level and all(marks[other] == mark for other in cells - {slot}):
            return True
    return False


def slot_content(state, params):
    mark = balls(state).get(tuple(params["slot"]))
    return {
        "B": "a blue ball",
        "R": "a red ball",
        "-": "no ball",
        None: "there is no such slot",
    }[mark]


def placement_outcome(state, params):
    marks, slot = balls(state), tuple(params["slot"])
    if marks[slot] != "-":
        return "it cannot be placed: the slot is filled"
    if not can_fill(marks, slot):
        return "it cannot be placed: a support is missing"
    done = makes_block(marks, slot, params["colour"][0].upper())
    return f"it is placed and completes {'a' if done else 'no'} block"


def turns_to_reach(state, params):
    """Fills what is missing from below until the slot is filled."""
    marks, needed = balls(state), {tuple(params["slot"])}
    while True:
        more = needed.union(*map(under, needed))
        if more == needed:
            break
        needed = more
    placed = 0
    while marks[tuple(params["slot"])] == "-":
        slot = next(slot for slot in sorted(needed) if can_fill(marks, slot))
        marks[slot] = "B"
        placed += 1
    return str(placed)


def best_placement(state, params):
    marks = balls(state)
    mine = params["player"][0].upper()
    other = "R" if mine == "B" else "B"
    for mark in (mine, other):
        found = [s for s in marks if can_fill(marks, s) and makes_block(marks, s, mark)]
        if found:
            return str(found[0]) if len(found) == 1 else None
    return None


def slot_status(state, params):
    marks, slot = balls(state), tuple(params["slot"])
    if slot not in marks:
        return "there is no such slot"
    if marks[slot] != "-":
        over = any(slot in under(other) for other in marks if marks[other] != "-")
        return f"it holds a ball on which {'another one' if over else 'none'} rests"
    return f"it is empty and {'can' if can_fill(marks, slot) else 'cannot'} be filled now"


ORACLES = {
    "slot_content": slot_content,
    "placement_outcome": placement_outcome,
    "turns_to_reach": turns_to_reach,
    "best_placement": best_placement,
    "ball_count": lambda state, params: str(sum(mark != "-" for mark in balls(state).values())),
    "slot_status": slot_status,
}
