"""Published Pac-Man: cells in lists, beans also under ghosts, where they are not seen."""

GHOST_ANSWERS = {"pinky": "Pinky", "blinky": "Blinky", "equal": "both equally"}


def adapt(case, value):
    given, task, params = case["state"], case["task"], case["params"]
    ghosts = {ghost["name"].lower(): ghost["position"] for ghost in given["ghosts"]}
    rows = [["."] * given["grid_size"] for _ in range(given["grid_size"])]
    for mark, cells in ("#", given["walls"]), ("*", given["beans"]), (".", ghosts.values()):
        for row, col in cells:
            rows[row][col] = mark
    state = {
        "rows": ["".join(row) for row in rows],
        "pacman": given["pacman_position"],
        "facing": given["direction"].lower(),
        **ghosts,
    }
    if task == "two_leg_outcome":
        params = {"legs": [[leg["direction"], leg["steps"]] for leg in params["legs"]]}
    return task, state, params, expected(task, value)


def expected(task, value):
    """The score, which an outcome names as well, follows from the beans."""
    if task == "pacman_pose":
        return value["cell"], value["direction"]
    if task == "closer_ghost":
        return GHOST_ANSWERS[value]
    if task.endswith("turn_after_move"):
        return f"{'now' if value['changed'] else 'still'} {value['direction']}"
    if task == "two_leg_outcome" and isinstance(value, str):
        return value.replace("pinky", "Pinky").replace("blinky", "Blinky")
    if task == "two_leg_outcome":
        return value["beans"]
    return value.replace("caught", "always caught") if isinstance(value, str) else value
