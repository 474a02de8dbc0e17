"""Published cases: the same directions; heights 0, 3 and 6 are our floors 0, 1 and 2."""


def cube(at) -> list[int]:
    return [at[0], at[1], at[2] // 3]


def tuples(value):
    return tuple(map(tuples, value)) if isinstance(value, list) else value


def adapt(case, value):
    scene, task = case["state_extra"], case["task"]
    labels = [cube(scene["labels"][key]) for key in sorted(scene["labels"])]
    state = {
        "cubes": sorted(map(cube, scene["cubes"])),
        "ladders": sorted(cube(ladder["base"]) for ladder in scene["ladders"]),
        "start": cube(scene["start"]),
        "goal": cube(scene["goal"]),
        "labels": labels,
    }
    if task == "path_choices":
        value = [way for _, way in value]
    return task, state, {}, tuples(value)
