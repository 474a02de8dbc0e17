"""Published Ultra Tic-Tac-Toe as ours: places from 0; the last mark stands in the state."""

import re


def adapt(case, value):
    given, task, params = case["state"], case["task"], dict(case["params"])
    grids = [["-"] * 9 for _ in range(9)]
    for piece in given["piece_info"]:
        i, j, row, col = map(int, re.findall(r"\d", piece["nine_grid"] + piece["position"]))
        grids[3 * i + j - 4][3 * row + col - 4] = piece["type"]
    last = params.pop("last_move", [])
    for name in ("cell", "grid"):
        if name in params:
            params[name] = [at - 1 for at in params[name]]
    state = {"grids": ["".join(marks) for marks in grids], "last": [at - 1 for at in last]}
    return task, state, params, [at - 1 for at in value] if isinstance(value, list) else value
