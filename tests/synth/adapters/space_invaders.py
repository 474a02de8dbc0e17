"""Published Space Invaders as ours: rows and columns from 0."""


def adapt(case, value):
    given, params = case["state"], dict(case["params"])
    rows = [["-"] * given["total_cols"] for _ in range(given["enemy_area_rows"])]
    for enemy in given["enemies"]:
        rows[enemy["x"] - 1][enemy["y"] - 1] = enemy["color"][0].upper()
    for name in ("row", "column"):
        if name in params:
            params[name] -= 1
    state = {"rows": ["".join(row) for row in rows], "ship": given["ship_col"] - 1}
    return case["task"], state, params, value
