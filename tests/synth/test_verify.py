"""Published questions solved again by our games, and our own after a way through a file."""

import re

import pytest

from records.exporting import export_data
from synth import verify
from tests.conftest import run_module
from tests.records.exchanged import picture, take, write_json, write_picture

ANT = {"grid": [[0, 1, 0], [0, 0, 0], [0, 0, 0]], "ant": {"x": 0, "y": 0, "direction": "right"}}
LIFE = {"grid": [[0, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]}
BOARD = {"board": [[4, 2, 0, 3], [1, 3, 4, 0], [0, 0, 0, 1], [3, 0, 2, 4]]}
POSES = ["Position (0, 0), facing right", "Position (1, 0), facing down"]
COURSES = [
    "Initially: dead → Step 1: alive → Step 2: dead",
    "Initially: dead → Step 1: dead → Step 2: dead",
]
COLORS = ["A.red", "B.green", "C.blue", "D.magenta"]

# game, state, question, options, the right answer, a wrong one.
ASKED = {
    "pose": ("langton_ant", ANT, "What is the current position and direction?", POSES, "A", "B"),
    "pose then": ("langton_ant", ANT, "After 1 steps, what will be its position?", POSES, "B", "A"),
    "flips": ("langton_ant", ANT, "After 5 steps, how many times did the cell at position (0, 0) "
              "change its color?", None, "2", "1"),
    "alive": ("lifegame", LIFE, "How many live cells are currently in the grid?", ["A: 3", "B: 4"],
              "A", "B"),
    "alive then": ("lifegame", LIFE, "After 1 iterations, how many live cells will remain?",
                   ["A: 5", "B: 3"], "B", "A"),
    "course": ("lifegame", LIFE, "The cell below is at (1, 0). What are the states of the cell at "
               "position (0,1) over the next 2 steps?", COURSES, "A", "B"),
    "stable": ("lifegame", LIFE, "Consider the 3x3 region starting at cell (0,0). How many steps?",
               ["A: 0", "B: 2"], "B", "A"),
    "color": ("sudoku", BOARD, "What color is at position (2,1)(note ...)?", COLORS, "A", "B"),
    "colors": ("sudoku", BOARD, "How many times does magenta appear on the board?", None, "3", "2"),
    "fitting": ("sudoku", BOARD, "How many colors can be filled in position (3,2)", None, "1", "3"),
    "blanks": ("sudoku", BOARD, "How many rows have more than 1 empty cells?", None, "1", "2"),
    "deduced": ("sudoku", BOARD, "After determining colors at positions (1,3), (2,4), what color "
                "should be at position (3,1)?", COLORS, "B", "C"),
}  # fmt: skip


def published(id, game, state, question, options, answer):
    row = {"data_id": id, "image": f"images/{game}/a.png", "state": f"states/{id}.json"}
    row |= {"question": question, "answer": answer, "question_id": 1, "analysis": "So."}
    return row | ({"options": options} if options else {}), state


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    root = tmp_path_factory.mktemp("published")
    rows = []
    for name, (game, state, question, options, right, wrong) in ASKED.items():
        write_picture(root / f"images/{game}/a.png", picture())
        for kind, answer in (("right", right), ("wrong", wrong)):
            row, state = published(f"{kind} {name}", game, state, question, options, answer)
            write_json(root / row["state"], state)
            rows.append(row)
    without, _ = published(
        "no state", "sudoku", None, "What color is at position (1,1)?", None, "x"
    )
    other, _ = published("unknown", "sudoku", None, "Is it hard?", None, "yes")
    write_json(root / "states/unknown.json", BOARD)
    write_json(root / "games_data_test.json", [*rows, without, other])
    return root


def test_wrong_answers_are_found(source, tmp_path):
    said = run_module("synth", "import", "gameqa", source, "--out", tmp_path, "--verify").stdout
    wrong = set(re.findall(r"DISAGREES (.+?) \(", said))
    assert wrong == {f"wrong {name}" for name in ASKED}, said
    assert "DISAGREES wrong flips (langtons_ant/q1): the answer is 2, not 1" in said
    assert "langtons_ant: 3 of 6 agree\nlifegame: 4 of 8 agree\nsudoku: 5 of 10 agree" in said
    assert said.endswith("sudoku: 2 not checked\n")


def test_our_own_questions_are_solved_again(dataset, tmp_path):
    export_data("gameqa", dataset, tmp_path / "theirs")
    take("gameqa", tmp_path / "theirs", tmp_path / "back")
    said = verify.report(tmp_path / "back")
    agreed = re.findall(r"(\w+): (\d+) of (\d+) agree", said)
    assert [game for game, *_ in agreed] == ["maze", "tictactoe"] and "DISAGREES" not in said
    assert all(one == other for _, one, other in agreed)
