"""Published tents puzzles: totals are those of the tents shown and the tents removed."""


def adapt(case, value):
    given, params = case["state"], dict(case["params"])
    size = given["size"][0]
    marks = [["."] * size for _ in range(size)]
    for kind, mark in (("tree_positions", "T"), ("tent_positions", "A")):
        for row, col in given[kind]:
            marks[row][col] = mark
    tents = [*given["tent_positions"], *given["removed_tents"]]
    state = {"rows": ["".join(row) for row in marks]}
    for axis, name in enumerate(("row_totals", "column_totals")):
        state[name] = [sum(tent[axis] == at for tent in tents) for at in range(size)]
    if case["options"]:
        params["cells"] = sorted(case["options"])
    return case["task"], state, params, value
