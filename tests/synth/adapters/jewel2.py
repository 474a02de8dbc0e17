"""Published boards: the same marks. Outcomes become (removed, total), swaps go right or down.

Their "no command" answers are not asked: on our boards one command is best.
"""


def adapt(case, value):
    given, params, task = case["state"], dict(case["params"]), case["task"]
    total = given["total_cleared"]
    state = {"rows": ["".join(row) for row in given["chessboard"]], "total": total}
    if task == "piece_position":
        params["cells"] = case["options"]
    if task in ("clear_outcome", "swap_outcome"):
        after = value.get("total", total)
        value = [after - total, after]
    if task == "best_command":
        if not isinstance(value, list):
            return None
        if value[0] == "swap" and value[3] in ("up", "left"):
            row, col = value[1] - (value[3] == "up"), value[2] - (value[3] == "left")
            value = ["swap", row, col, {"up": "down", "left": "right"}[value[3]]]
    return task, state, params, value
