"""Published cases of Langton's ant: 0 is white, 1 is black, x is the row and y the column."""


def adapt(case, value):
    given = case["state"]
    state = {
        "rows": ["".join("-#"[cell] for cell in row) for row in given["grid"]],
        "ant": [given["ant"]["x"], given["ant"]["y"]],
        "heading": given["ant"]["direction"],
    }
    if case["task"] == "cell_flip_count":
        return case["task"], state, case["params"], value
    row, col, heading = value
    return case["task"], state, case["params"], ((row, col), heading)
