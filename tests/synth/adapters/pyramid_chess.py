"""Published cases: the same slots; P0 is blue and P1 red."""

MARKS = {"--": "-", "P0": "B", "P1": "R"}
VALUES = {
    "slot_content": {
        "player_0": "a blue ball",
        "player_1": "a red ball",
        "empty": "no ball",
        "out_of_range": "there is no such slot",
    },
    "placement_outcome": {
        "ok_no_take": "it is placed and completes no block",
        "ok_take": "it is placed and completes a block",
        "occupied": "it cannot be placed: the slot is filled",
        "unsupported": "it cannot be placed: a support is missing",
    },
    "slot_status": {
        "out_of_range": "there is no such slot",
        "ball_fixed": "it holds a ball on which another one rests",
        "ball_removable": "it holds a ball on which none rests",
        "empty_blocked": "it is empty and cannot be filled now",
        "empty_playable": "it is empty and can be filled now",
    },
}


def adapt(case, value):
    given, task, params = case["state"], case["task"], dict(case["params"])
    levels = [
        ["".join(MARKS[mark] for mark in group) for group in given[str(level)]]
        for level in range(len(given))
    ]
    if task == "best_placement":
        slot = value["level"], *value["cell"]
        return task, {"levels": levels}, {"player": params["colour"]}, slot
    if "cell" in params:
        params["slot"] = [params.pop("level"), *params.pop("cell")]
    return task, {"levels": levels}, params, VALUES.get(task, {}).get(value, value)
