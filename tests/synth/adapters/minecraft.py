"""Published cases hold no positions that could be drawn: ours lie anywhere they fit."""

FIRST = 4  # row of the river; the player stands in front of it


def stack(at, kind):
    blocks = {"ladder": ["stone"] * 2, "tree": ["trunk", "leaves"]}.get(kind, [kind])
    return [*at, blocks, kind == "ladder"]


def column(given, target, at):
    blocks = ["stone"] * given["blocks_under_pumpkin"] + [target]
    return [*at, blocks, given["blocks_with_ladder"]]


def words(things):
    return tuple(sorted({"tnt": "TNT"}.get(thing.lower(), thing.lower()) for thing in things))


def adapt(case, value):
    given, task = case["state"], case["task"]
    world = {"river": [], "player": [], "stacks": []}
    if "river_width" in given:
        world["river"], world["player"] = [FIRST, given["river_width"]], [1, 5]
    if task == "scenery_set":
        things = words(given["sceneries"])
        world["river"] = [0, 1] if "river" in things else []
        places = [thing for thing in things if thing != "river"]
        world["stacks"] = [stack((2 + at, 2), kind) for at, kind in enumerate(places)]
        return task, world, {"sets": sorted(map(words, case["options"]))}, words(value)
    if task == "cube_count":
        wide, deep, high = given["x_blocks"], given["z_blocks"], given["y_blocks"]
        world["stacks"] = [
            [x, y, ["stone"] * high, False] for x in range(wide) for y in range(deep)
        ]
    if task == "climb_blocks":
        world["player"] = [8, 8]
    if "blocks_under_pumpkin" in given:
        near = given.get("player_pumpkin_same_side", True)
        world["stacks"] = [column(given, case["params"]["target"], (2 if near else 9, 1))]
    return task, world, {}, value
