"""Published boards: rows of letters from rank 8 down; captures as records, one for each number."""


def adapt(case, value):
    state = {
        "pieces": [
            f"{mark}{'abcdefgh'[file]}{8 - row}"
            for row, marks in enumerate(case["state"]["mine_board"])
            for file, mark in enumerate(marks)
            if mark
        ]
    }
    params = case["params"]
    if "moves" in params:
        moves = sorted(params["moves"], key=lambda move: move["number"])
        params = {"captures": [f"{move['from']}x{move['to']}" for move in moves]}
    return case["task"], state, params, value
