"""GameQA as it was published, quirk by quirk."""

import json
import zipfile

import pytest

from records.errors import UserError
from records.formats import gameqa
from synth.registry import all_games
from tests.records.exchanged import picture, take, write_json, write_picture

CELLS = ["(1, 0)", "(0, 0)", "(0, 2)"]


def published(id, game, **changed):
    row = {
        "data_id": id,
        "image": f"games_images/{game}/{id}.png",
        "state": f"states/{id}.json",
        "plot_level": "Easy",
        "qa_type": "State Prediction",
        "qa_level": "Medium",
        "question_id": 0,
        "question_description": "position",
        "question": "Rules: ...\n\nQuestion: where is it?\nOptions:\n1: (1, 0)\n2: (0, 0)\n",
        "answer": "1",
        "analysis": "First this.\n\nThen that.",
    }
    row |= changed
    return {name: value for name, value in row.items() if value is not None}


# What a row's options and answer look like, and what they mean.
CHOICES = {
    "number as text": ("2d_turing_machine", CELLS, "2", ("(0, 0)", "B")),
    "number": ("3d_maze", CELLS, 3, ("(0, 2)", "C")),
    "number from 0": ("snake", CELLS, 0, ("(1, 0)", "A")),
    "number from 0 as text": ("snake", CELLS, "2", ("(0, 2)", "C")),
    "letters before": ("sudoku", ["A.red", "B.green", "C.blue"], "B", ("green", "B")),
    "letters and blanks": ("chess_ranger", ["A. (4, 6)", "B. (1, 1)"], "A", ("(4, 6)", "A")),
    "letters and colons": ("minesweeper", ["A: 6", "B: 7"], "B", ("7", "B")),
    "the option with its letter": ("pacman", ["A. up", "B. left"], "B. left", ("left", "B")),
    "letter of bare options": ("langton_ant", CELLS, "C", ("(0, 2)", "C")),
    "the option itself": ("zuma", ["red", "yellow"], "yellow", ("yellow", "B")),
    "options are numbers": ("space_invaders", [4, 2, 7], 3, ("7", "C")),
    "options are lists": ("tents", [[1, 3], [2, 2]], "2", ("[2, 2]", "B")),
}
FILL_INS = {"int": (12, "12"), "text": ("up", "up"), "list": ([1, 2], "[1, 2]"), "zero": (0, "0")}


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """All of it in one file, imported once."""
    root = tmp_path_factory.mktemp("gameqa")
    rows = [
        published(name, game, options=options, answer=answer)
        for name, (game, options, answer, _) in CHOICES.items()
    ]
    rows += [published(f"fill in {name}", "tents", answer=a) for name, (a, _) in FILL_INS.items()]
    rows += [
        published("capital", "tetris", Options=["1", "5"], answer=2, plot_level="easy"),
        published("refined", "sokoban", answer="3", refinement="In detail.\nSo 3."),
        published("zeros", "hue", options=["x", "y"], answer=1, question="Which?\n0: x\n1: y"),
        published("twice", "maze", answer="up"),
        published("twice", "maze", answer="down", image="games_images/maze/other.png"),
        # What is broken.
        published("none of them", "maze", options=CELLS, answer="9"),
        published("no answer", "maze", answer=None),
        published("no picture", "maze", image="games_images/maze/missing.png"),
        published("no png", "maze", image="games_images/maze/broken.png"),
        "not a row",
    ]
    with zipfile.ZipFile(root / "games_images.zip", "w") as archive:
        for row in rows[:-1]:
            if row["data_id"] not in ("no picture", "no png", "twice"):
                archive.writestr(row["image"], picture("blue"))
    write_picture(root / "games_images/maze/twice.png", picture("red"))
    write_picture(root / "games_images/maze/other.png", picture("green", "JPEG"))
    write_picture(root / "games_images/maze/broken.png", picture()[:50])
    write_json(root / "states/refined.json", {"grid": [[1, 0]]})
    write_json(root / "games_data.json", rows)
    write_json(
        root / "games_data_test.json",
        [
            published(
                "held out",
                "klondike",
                image=None,
                images=["games_images/maze/twice.png"],
                answer="4",
            )
        ],
    )
    return take("gameqa", root, root / "out", "gameqa")


@pytest.mark.parametrize("name", CHOICES)
def test_every_way_to_tell_the_right_option(name, taken):
    record = taken[0]["train"][name]
    text, letter = CHOICES[name][-1]
    assert record["answer"] == letter
    assert record["options"]["ABC".index(letter)] == text
    assert record["steps"] == ["First this.", "", "Then that.", f"{text}: option {letter}."]


@pytest.mark.parametrize("name", FILL_INS)
def test_what_is_filled_in_is_text(name, taken):
    record = taken[0]["train"][f"fill in {name}"]
    assert (record["options"], record["answer"]) == ([], FILL_INS[name][1])


def test_other_fields_find_their_place(taken):
    train = taken[0]["train"]
    assert train["capital"]["options"] == ["1", "5"] and train["capital"]["answer"] == "B"
    assert train["capital"]["plot_level"] == "Easy"
    refined = train["refined"]
    assert refined["steps"] == ["In detail.", "So 3."]
    assert json.loads(refined["params"])["analysis"] == "First this.\n\nThen that."
    assert json.loads(refined["params"])["question_id"] == 0
    assert refined["state"] == '{"grid":[[1,0]]}' and train["capital"]["state"] == ""
    assert (refined["game"], refined["task"]) == ("sokoban", "q0")
    assert refined["category"] == "Strategic Planning"
    assert train["zeros"]["answer"] == "B"
    assert train["number"]["game"] == "maze_3d"
    assert train["letter of bare options"]["game"] == "langtons_ant"
    assert taken[0]["test"].keys() == {"held out"}


def test_ids_given_twice_are_told_apart_and_pictures_stay_as_they_are(taken):
    train = taken[0]["train"]
    assert {train["twice"]["answer"], train["twice#2"]["answer"]} == {"up", "down"}
    assert train["twice"]["images"] == [picture("red")]
    assert train["twice#2"]["images"] == [picture("green", "JPEG")]
    assert train["number"]["images"] == [picture("blue")]


def test_broken_rows_are_counted_and_named(taken):
    said = list(taken[1].values())
    assert len(said) == 5
    for word in (
        "'9' is none of its 3",
        "no answer",
        "missing.png",
        "broken.png",
        "no JSON object",
    ):
        assert sum(word in why for why in said) == 1, word
    assert all(place.startswith("games_data.json, row ") for place in taken[1])


def test_the_analysis_can_be_chosen(tmp_path):
    write_picture(tmp_path / "a.png", picture())
    row = published("a", "maze", image="a.png", refinement="In detail.")
    path = write_json(tmp_path / "games_data.json", [row])
    records, _ = take("gameqa", path, tmp_path / "out", options={"chain": "analysis"})
    assert records["train"]["a"]["steps"] == ["First this.", "", "Then that."]


def test_gameqa_5k(tmp_path):
    write_picture(tmp_path / "RL_5k_games_images/snake/1.png", picture())
    row = published("1", "snake", options=CELLS, query="Where?", solution="2", question=None)
    row |= {"images": ["RL_5k_games_images/snake/1.png"], "image": None, "answer": None}
    row = {name: row[name] for name in row if row[name] is not None and name != "analysis"}
    write_json(tmp_path / "GameQA_RL_5k.json", [row])
    records, left_out = take("gameqa", tmp_path, tmp_path / "out")
    (record,) = records["train"].values()
    assert (record["question"], record["answer"], record["steps"]) == ("Where?", "C", [])
    assert record["game"] == "snake" and not left_out


def test_examples_beside_the_code_are_known_by_their_folders(tmp_path):
    """Which have names that differ, the same picture paths and the same ids."""
    folders = {
        "cube/rubiks_cube_dataset_example": "rubiks_cube",
        "3DReconstruction/reconstruction_dataset_example": "reconstruction_3d",
        "maze/maze_dataset_example": "maze",
    }
    for at, folder in enumerate(folders):
        row = published("1", "", image="images/1.png", answer=folder)
        write_json(tmp_path / folder / "data.json", [row])
        write_json(tmp_path / folder / "states/1.json", {"at": at})
        write_picture(tmp_path / folder / "images/1.png", picture((at, 0, 0)))
    records, left_out = take("gameqa", tmp_path, tmp_path / "out")
    assert {record["answer"]: record["game"] for record in records["train"].values()} == folders
    assert len({record["images"][0] for record in records["train"].values()}) == 3
    assert len({record["state"] for record in records["train"].values()}) == 3 and not left_out


def test_a_list_that_breaks_off_is_refused_and_nothing_is_left(tmp_path):
    write_picture(tmp_path / "a.png", picture())
    rows = [published(str(number), "maze", image="a.png") for number in range(3)]
    path = write_json(tmp_path / "games_data.json", rows)
    path.write_text(path.read_text()[:-30])
    with pytest.raises(UserError, match="after row 2"):
        take("gameqa", path, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.array_record*"))


def test_a_long_list_is_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("records.formats.rows._AT_ONCE", 7)
    rows = [
        {"n": number, "text": 'a "] , [' * number, "list": [1, {"é": None}]} for number in range(9)
    ]
    path = write_json(tmp_path / "list.json", rows)
    assert [row for _, row in gameqa.json_rows(path)] == rows


def test_games_are_those_that_there_are():
    known = {game.name: (game.category, game.split_kind) for game in all_games().values()}
    ours = {game: (gameqa.CATEGORY[game], gameqa._split_kind(game)) for game in gameqa.CATEGORY}
    assert ours == known


LISTED = {
    "lines by number": "Where is it?\nOptions:\n1: up\n2: (1, 0)\n",
    "lines from 0": "Where is it?\n\nOptions:\n0: up\n1: (1, 0)",
    "lines by letter": "Where is it?\n\nAnswer by one of the following options:\nA: up\nB: (1, 0)",
    "one line": "Where is it?Choose from following options:A.up, B.(1, 0)",
    "no heading": "Where is it?\n1. up\n2. (1, 0)",
}


@pytest.mark.parametrize("name", LISTED)
def test_options_are_not_in_the_question_too(name):
    assert gameqa.without_options(LISTED[name], ["up", "(1, 0)"]) == "Where is it?"


def test_questions_keep_what_is_no_list_of_their_options():
    for question in ("Where is it?\n1: up\n2: down", "1: up\n2: (1, 0)\nWhere?", "Where is it?"):
        assert gameqa.without_options(question, ["up", "(1, 0)"]) == question
