"""Published games of Minesweeper: of the hidden map, only what is revealed is taken over."""


def adapt(case, value):
    given, params = case["state"], dict(case["params"])
    at = range(given["rows"])
    state = {
        "rows": ["".join(mark(given, row, col) for col in at) for row in at],
        "mines": given["mines"],
    }
    if case["task"] == "reveal_outcome":
        params["numbers"] = sorted(option for option in case["options"] if option in range(10))
        value = value or "flood"
    return case["task"], state, params, value


def mark(given, row, col) -> str:
    if given["flagged"][row][col]:
        return "F"
    return str(given["mine_board"][row][col] or ".") if given["revealed"][row][col] else "#"
