"""Published Tangram boards as ours: letters for numbers; shapes taken off follow from the seeds."""

LETTERS = "-ABCDEFHKLPTX"
TURNS = {
    "0": "no turn",
    "cw90": "90 clockwise",
    "180": "180",
    "ccw90": "90 counter-clockwise",
    "0+180": "no turn and 180",
    "cw90+ccw90": "90 clockwise and 90 counter-clockwise",
    "all": "all four",
    "none": "none",
}


def shape_off(given, piece):
    """The rows of a piece that was taken off, from where its cells were."""

    def owner(row, col):
        far = [(row - r) ** 2 + (col - c) ** 2 for r, c in given["seeds"]]
        return far.index(min(far)) + 1

    size = len(given["grid"])
    cells = [(r, c) for r in range(size) for c in range(size) if owner(r, c) == piece]
    rows, cols = ([cell[axis] for cell in cells] for axis in (0, 1))
    return [
        "".join(
            LETTERS[piece] if (row, col) in cells else "-"
            for col in range(min(cols), max(cols) + 1)
        )
        for row in range(min(rows), max(rows) + 1)
    ]


def adapt(case, value):
    given, task = case["state"], case["task"]
    off = [shape_off(given, piece) for piece in given["removed_pieces"]]
    params = {"piece": LETTERS[case["params"]["piece"]]} if case["params"] else {}
    if task == "piece_rotation":
        drawn = case["state_extra"]["drawn_piece"]
        off = [["".join(params["piece"] if cell else "-" for cell in row) for row in drawn]]
        params, value = {}, TURNS[value]
    rows = ["".join(LETTERS[piece] for piece in row) for row in given["grid"]]
    return task, {"rows": rows, "off": off}, params, value
