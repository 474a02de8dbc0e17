"""Faults planted in games that pass: which check finds each?

  python -m tests.synth.adapt.planted

prints a line for each. It runs the checks of `adapt` at their full size, which takes minutes.
"""

import collections
import json
from collections.abc import Sequence

from synth.adapt import checks, gate
from synth.adapt.faults import GAME, ORACLE
from tests.synth.adapt.test_adapt import FLAT, LEAK, OFF_BY_ONE, file

NUMPY = ("import re\n", "import re\n\nimport numpy as np\n")
NEAR, ROWS = "rows[(row + down) % size][(col + right) % size]", "board.fill_all(life.rows,"
NEXT = "[after(new(rng, level).rows)[0] for _ in range(self.n_options - 1)]"
FOOD = 'board.mark(serpent.food, "disc", RED)'
STEP = "cell = (cell[0] + down) % serpent.size, (cell[1] + right) % serpent.size"
OTHERS = "def distractors(self, serpent, rng, answer):\n        return "
RIGHT = '{row % state["size"]}, {col % state["size"]}'.replace('"', "'")
LIFE = [
    ("a count is 1 too large", OFF_BY_ONE),
    ("two neighbours give birth, too", ("count == 3 or (", "count in (2, 3) or (")),
    ("edges are not joined", (NEAR, "rows[min(row + down, size - 1)][(col + right) % size]")),
    ("rows and columns are mixed up", (NEAR, "rows[(col + down) % size][(row + right) % size]")),
    ("the worst switch is called the best", ("index(max(counts))", "index(min(counts))")),
    ("two options are equally good", ("if first > second else None", "")),
    ("the last row is not drawn", (ROWS, "board.fill_all(life.rows[:-1],")),
    ("the picture is mirrored", (ROWS, "board.fill_all([row[::-1] for row in life.rows],")),
    (
        "describe leaves out a row",
        ("in enumerate(life.rows))\n    return", "in enumerate(life.rows[1:]))\n    return"),
    ),
    ("the other options differ from the answer by one mark", LEAK),
    (
        "the other options come from another law",
        ("after(new(rng, level).rows)[0] for", "new(rng, level).rows[0] for"),
    ),
    ("an option is listed twice", (NEXT, "[after(new(rng, level).rows)[0]] * 3")),
    (
        "the answer is nearly always the same",
        ("between(rng, 0, size * size)", "7 if between(rng, 0, 9) else 8"),
    ),
    ("the level tells the answer", ("between(rng, 0, size * size)", "size")),
    ("all levels are equally hard", FLAT),
    ("Easy is hardest", ("len(life.rows) ** 2)", "-len(life.rows))")),
    (
        "chance comes from elsewhere",
        NUMPY,
        ('"".join(pick(rng, "#--")', '"".join(np.random.choice(list("#--"))'),
    ),
    (
        "the answer depends on a hash",
        ("Solution(sum(counts),", "Solution(sum(counts) + hash(life.rows) % 2,"),
    ),
]
SERPENT = [
    ("the head leaves the board", (STEP, "cell = cell[0] + down, cell[1] + right")),
    ("up is left", ("DIRECTIONS[move]", 'DIRECTIONS[move.replace("up", "left")]')),
    ("the way leads through the body", (" and other not in serpent.body", "")),
    ("a way is counted by its cells", ("return Solution(count, [", "return Solution(count + 1, [")),
    ("the last move is forgotten", ("for move in moves:", "for move in moves[:-1]:")),
    (
        "the steps depend on what was asked before",
        ("DARK = (0, 70, 20)", "DARK, asked = (0, 70, 20), []"),
        ('f"The food is in', 'f"{asked.append(0) or len(asked)}: the food is in'),
    ),
    ("food is white", (FOOD, FOOD.replace("RED", "(255, 255, 255)"))),
    ("food is nearly white", (FOOD, FOOD.replace("RED", "(240, 240, 240)"))),
    ("the head is not drawn", ('    board.mark(serpent.head, "disc", DARK)\n', "")),
    ("head and food look alike", (FOOD, FOOD.replace("RED", "DARK"))),
    (
        "the answer is the first of four cells in a row",
        (OTHERS, f"{OTHERS}[(answer[0], answer[1] + n) for n in (1, 2, 3)] or "),
    ),
    (
        "food lies where it can't be reached",
        ("if count == moves]", "if count == moves] and list(serpent.body)"),
        ("        if any(not 0 <= at", "        if False and any(not 0 <= at"),
    ),
]
PLANTED = {  # where: what is wrong, and the lines that make it so
    "life": LIFE,
    "serpent": SERPENT,
    "life.oracle": [
        ("the solver confuses alive and dead", ('[mark == "#" for', '[mark == "-" for')),
        ("the solver lacks a task", ('"row_next": row_next, ', "")),
    ],
    "serpent.oracle": [("the solver writes no option", (RIGHT, "{row}; {col}"))],
}


def found(where: str, changes: Sequence[tuple[str, str]]) -> str:
    """Which check finds a fault, in a line; "" for none."""
    name = where.partition(".")[0]
    files = {GAME: file(f"{name}.py"), ORACLE: file(f"{name}.oracle.py")}
    files[ORACLE if "." in where else GAME] = file(f"{where}.py", *changes)
    tasks = {task["name"]: task["qa_type"] for task in json.loads(file(f"{name}.json"))["tasks"]}
    before = [fault for who, text in files.items() for fault in gate.look(text, who)]
    faults = before or checks.run(name, tasks, files, checks.Settings()).faults
    return ", ".join(dict.fromkeys(fault.check for fault in faults))


def main() -> None:
    by_check = collections.Counter()
    for where, planted in PLANTED.items():
        if "." not in where:
            print(f"{where}, as it is: {found(where, ()) or 'nothing'}", flush=True)
        for what, *changes in planted:
            check = found(where, changes) or "NOT FOUND"
            by_check[check] += 1
            print(f"{where}: {what}: {check}", flush=True)
    print(f"{by_check.total()} faults: {dict(by_check)}")


if __name__ == "__main__":
    main()
