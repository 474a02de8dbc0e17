"""Published boards: black is a cell not used; params count from 1, ours from 0."""

import re


def code(colour) -> str:
    return "{:02x}{:02x}{:02x}".format(*colour)


def adapt(case, value):
    given, params, task = case["state"], dict(case["params"]), case["task"]
    rows = [["-" if not any(c) else code(c) for c in row] for row in given["board"]]
    for place, label in given["cell_labels"].items():
        row, col = map(int, re.findall(r"\d+", place))
        rows[row][col] = label
    state = {"rows": rows, "palette": []}
    if task == "color_matching":
        state["palette"] = [code(colour) for colour in case["options"]]
        return task, state, params, case["options"].index(value) + 1
    if task == "color_description":
        params["cell"] = [at - 1 for at in params["cell"]]
        return task, state, params, value
    params["index"] -= 1
    names = re.fullmatch(r"transitioning from (.+) to (.+)", value).groups()
    return task, state, params, names
