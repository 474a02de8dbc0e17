"""Published tetris wells: a grid of 0 empty, 1 settled, 2 falling."""


def adapt(case, value):
    grid = case["state"]["grid"]
    if not any(2 in row for row in grid):
        return None  # ours always have a falling piece
    rows = ["".join("-#o"[int(cell)] for cell in row) for row in grid]
    return case["task"], {"rows": rows}, case["params"], value
