"""Published boards: " " is an empty cell.

Their move questions offer the bottom row as one option and follow a list of rules that is not told;
ours ask only where one cell is best. So a published group of cells stands for the best cell in it,
and boards that are over, or have several best cells, are not asked.
"""

from tests.synth.oracles.tictactoe import best_moves, is_over, moves


def adapt(case, value):
    rows = ["".join(row).replace(" ", "-") for row in case["state"]["board"]]
    task, params, marks = case["task"], case["params"], "".join(rows)
    if task == "reply_after_move":
        row, col = params["cell"]
        marks = moves(marks).get(3 * row + col)
        if marks is None or is_over(marks):  # the answer is "none" there
            return task, {"rows": rows}, params, value
    if task != "cell_color":
        best = [] if is_over(marks) else best_moves(marks)
        if len(best) != 1 or marks.count("-") == 1:
            return None
        cell = list(divmod(best[0], 3))
        value = cell if cell in (value if isinstance(value[0], list) else [value]) else value
    return task, {"rows": rows}, params, value
