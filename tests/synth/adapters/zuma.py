"""Published tracks: lengths in units of which ours are hundredths; the angle is in the picture."""


def adapt(case, value):
    given, params = case["state"], dict(case["params"])
    frog = given["frog"]
    assert params.pop("angle", frog["angle"]) == frog["angle"]
    state = {
        "hole": point(given["track"]["hole_position"]),
        "marbles": [point(ball["position"]) for ball in given["balls"]],
        "colours": [ball["color"] for ball in given["balls"]],
        "frog": point(frog["position"]),
        "angle": frog["angle"],
        "shot": frog["next_ball_color"],
    }
    return case["task"], state, params, value


def point(place):
    return [round(100 * place["x"]), round(100 * place["y"])]
