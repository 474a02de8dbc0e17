"""Published rhythm games as ours: rows from the bottom, letters for colours."""

MARKS = {"yellow": "C", "green": "R", "pink": "H", "blue": "B", "grey": "T"}
KINDS = {"non-type": "empty", "click": "click block", "reverse": "reverse block"}


def adapt(case, value):
    given, task = case["state"], case["task"]
    rows = [["-"] * given["cols"] for _ in range(given["rows"])]
    for block in given["block_info"]:
        rows[block["row"] - 1][block["col"] - 1] = MARKS[block["color"]]
    if task == "block_type":
        value = KINDS.get(value, value)
    if task == "occupied_share":
        value = f"{value:.3f}"
    return task, {"rows": ["".join(row) for row in rows]}, case["params"], value
