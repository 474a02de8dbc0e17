"""The maze as a graph; the way by taking dead ends away until nothing else is left."""

from itertools import pairwise

WAYS = {(0, -1, 0): "left-forward", (-1, 0, 0): "right-forward", (0, 0, 1): "up"}


def edges(state) -> dict:
    """Each step that can be made: (from, to) with its direction."""
    cubes, ladders = set(map(tuple, state["cubes"])), set(map(tuple, state["ladders"]))
    found = {}
    for one in cubes:
        for step, way in WAYS.items():
            other = tuple(a + b for a, b in zip(one, step, strict=True))
            if other in cubes and (way != "up" or one in ladders):
                found[one, other] = way
    return found


def way(state) -> dict:
    """The cubes of the way, each with the direction in which it is left."""
    links = edges(state)
    ends = {tuple(state["start"]), tuple(state["goal"])}
    while True:
        degrees = {}
        for link in links:
            for cube in link:
                degrees[cube] = degrees.get(cube, 0) + 1
        dead = {cube for cube, degree in degrees.items() if degree == 1 and cube not in ends}
        if not dead:
            break
        links = {link: name for link, name in links.items() if not dead.intersection(link)}
    cube, left = tuple(state["start"]), {}
    while cube != tuple(state["goal"]):
        ((link, name),) = ((link, name) for link, name in links.items() if link[0] == cube)
        left[cube], cube = name, link[1]
    return left


def numbers(state) -> dict:
    return {tuple(cube): number for number, cube in enumerate(state["labels"], 1)}


def path_choices(state, params):
    left = way(state)
    return "; ".join(f"{number} {left[cube]}" for cube, number in numbers(state).items())


def checkpoint_order(state, params):
    named = numbers(state)
    met = [str(named[cube]) for cube in way(state) if cube in named]
    return " -> ".join(["S", *met, "G"])


def height_relation(state, params):
    """Judges an order by comparing neighbours in it."""

    def judge(order):
        heights = [
            [state["labels"][int(number) - 1][2] for number in group.split(" = ")]
            for group in order.split(" < ")
        ]
        level = all(len(set(group)) == 1 for group in heights)
        rising = all(a[0] < b[0] for a, b in pairwise(heights))
        return level and rising

    return judge


def on_main_route(state, params):
    left = way(state)
    return ", ".join(str(n) for cube, n in numbers(state).items() if cube in left) or "none"


ORACLES = {
    "path_choices": path_choices,
    "checkpoint_order": checkpoint_order,
    "height_relation": height_relation,
    "on_main_route": on_main_route,
}
