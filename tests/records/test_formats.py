"""Conversations, preferences, tables and plain lines, quirk by quirk."""

import base64
import json

import pytest

from records.errors import UserError
from records.formats import Options
from records.importing import import_data
from records.schema import accepted_answers
from tests.records.exchanged import picture, take, write_json, write_lines, write_picture

RED, BLUE = picture("red"), picture("blue", "JPEG")


def said(*turns: str) -> list[dict]:
    return [{"from": ("human", "gpt")[at % 2], "value": turn} for at, turn in enumerate(turns)]


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "image_data/a.png"):
        write_picture(tmp_path / "in" / name, RED)
    write_picture(tmp_path / "in" / "b.jpg", BLUE)
    return tmp_path / "in"


# ---------------------------------------------------------------------------------- conversations


def test_conversations(folder, tmp_path):
    rows = [
        {"id": "one", "image": "a.png", "conversations": said("<image>\nWhat?", "Red.")},
        {"id": "no mark", "image": "a.png", "conversations": said("What?", "Red.")},
        {"id": 4, "image": None, "conversations": said("2 + 2?", "It is 4.\n\n### Answer: 4")},
        {
            "id": "two",
            "image": ["a.png", "b.jpg"],
            "conversations": said("Is <image> like <image>?", "Look.\nNo.\n\n### Answer: no"),
            "source": "here",
        },
        {
            "id": "talk",
            "image": "a.png",
            "conversations": said("<image>\nWhat?", "Red.", "Sure?", "Yes."),
        },
        {"id": "marks", "conversations": said("<image> What?", "Red.")},
        {"id": "silent", "conversations": said("What?")},
        {"id": "gone", "image": "c.png", "conversations": said("What?", "Red.")},
        {"id": "turned", "conversations": said("", "Red.")[::-1]},
    ]
    write_json(folder / "train.json", rows)
    records, left_out = take("llava", folder / "train.json", tmp_path / "out")
    train = records["train"]
    for id in ("one", "no mark", "talk-turn1"):
        assert train[id]["question"] == "What?" and train[id]["images"] == [RED], id
    assert train["4"]["images"] == [] and train["4"]["answer"] == "4"
    assert train["4"]["steps"] == ["It is 4."]
    assert train["two"]["question"] == "Is <image> like <image>?"
    assert train["two"]["images"] == [RED, BLUE]
    assert (train["two"]["steps"], train["two"]["answer"]) == (["Look.", "No."], "no")
    assert json.loads(train["two"]["params"]) == {"source": "here"}
    assert train["talk-turn2"]["question"] == "What?\n\nRed.\n\nSure?"
    assert train["one"]["task"] == "mine" and train["one"]["game"] == ""
    assert len(train) == 6 and len(left_out) == 4


def test_files_are_repeated_by_their_ratios(folder, tmp_path):
    for name in ("few", "many"):
        write_lines(folder / f"{name}.jsonl", [{"id": name, "conversations": said("?", "!")}])
    sources = [folder / "few.jsonl", folder / "many.jsonl"]
    records, _ = take("llava", sources, tmp_path / "out", ratios=[3, 1])
    assert records["train"].keys() == {"few", "few#2", "few#3", "many"}
    with pytest.raises(UserError, match="1 numbers for 2 sources"):
        take("llava", sources, tmp_path / "out2", ratios=[3])


def test_share4o_chains_and_short_answers(folder, tmp_path):
    row = {"id": "q_1", "image": "/data/image_data/a.png"}
    cot = said("What?\nReason first.", "It is red.\n\n### Answer: red")
    write_lines(folder / "sft/chartqa/cot.none.jsonl", [row | {"conversations": cot}])
    direct = said("What?\nShort.", "red")
    write_lines(folder / "sft/chartqa/direct.none.jsonl", [row | {"conversations": direct}])
    records, left_out = take("share4o-sft", folder, tmp_path / "out")
    both = {record["task"]: record for record in records["train"].values()}
    assert both["chartqa.cot"]["steps"] == ["It is red."] and not left_out
    assert both["chartqa.direct"]["steps"] == []
    assert {record["answer"] for record in both.values()} == {"red"}
    assert {record["images"][0] for record in both.values()} == {RED}


def test_share4o_pairs(folder, tmp_path):
    row = {"question": "<image>\nWhat?", "image": "image_data/a.png", "answer": "7"}
    good, bad = "Seven.\n\n### Answer: 7", "Eight.\n\n### Answer: 8"
    train = [row | {"id": "a", "chosen": good, "rejected": bad}, row | {"chosen": "7"}]
    write_lines(folder / "dpo/chartqa.pairwise.train.jsonl", train)
    dev = [{**row, "image": "x/image_data/a.png", "chosen": "7", "rejected": "8"}]
    write_lines(folder / "dpo/chartqa.pairwise.dev.jsonl", dev)
    records, left_out = take("share4o-dpo", folder, tmp_path / "out")
    pair = records["train"]["a"]
    assert (pair["chosen"], pair["rejected"], pair["format"]) == (good, bad, "cot")
    assert (pair["chosen_answer"], pair["rejected_answer"], pair["answer"]) == ("7", "8", "7")
    assert (pair["question"], pair["images"], pair["task"]) == ("What?", [RED], "chartqa")
    (short,) = records["validation"].values()
    assert short["format"] == "direct" and len(left_out) == 1


# ---------------------------------------------------------------------------------- lines, tables


def test_plain_lines(folder, tmp_path):
    rows = [
        {"image": "a.png", "question": "What?", "answer": "red"},
        {"question": "2 + 2?", "answer": 4, "chain": "Count.\nFour."},
        {"images": ["a.png", "b.jpg"], "question": "Which?", "answer": 2, "options": ["x", "y"]},
        {"image": str(folder / "b.jpg"), "question": "What?", "answer": "blue", "id": "far"},
        {"question": "", "answer": "?"},
    ]
    path = write_lines(folder / "own.jsonl", rows)
    with path.open("a") as file:
        file.write("{broken\n")
    records, left_out = take("jsonl", path, tmp_path / "out", "own")
    first, second, third = (records["train"][f"own.jsonl, line {at}"] for at in (1, 2, 3))
    assert (first["question"], first["answer"], first["images"]) == ("What?", "red", [RED])
    assert (second["answer"], second["steps"], second["images"]) == ("4", ["Count.", "Four."], [])
    assert (third["answer"], third["options"], third["images"]) == ("B", ["x", "y"], [RED, BLUE])
    assert records["train"]["far"]["images"] == [BLUE]
    assert list(left_out) == ["own.jsonl, line 5", "own.jsonl, line 6"]


def test_other_pictures_become_png_and_bad_ones_are_left_out(folder, tmp_path):
    write_picture(folder / "a.webp", picture("red", "WEBP"))
    write_picture(folder / "cut.jpg", picture("red", "JPEG", (400, 400))[:900])
    write_picture(folder / "thin.png", picture(size=(1, 300)))
    names = ["a.webp", "cut.jpg", "thin.png", "long" * 99, "\0"]
    rows = [{"id": name, "image": name, "question": "?", "answer": "!"} for name in names]
    path = write_lines(folder / "own.jsonl", rows)
    records, left_out = take("jsonl", path, tmp_path / "out")
    assert records["train"].keys() == {"a.webp"} and len(left_out) == 4
    assert records["train"]["a.webp"]["images"][0].startswith(b"\x89PNG")


def test_tables_of_vlmevalkit(tmp_path):
    big = base64.b64encode(picture(size=(30, 30))).decode()
    jpeg = base64.b64encode(BLUE).decode()
    columns = ["index", "hint", "question", "A", "B", "C", "answer", "image", "category"]
    rows = [
        ["1", "", "What?", "x", "y", "", "B", big, "a"],
        ["2", "A hint.", 'Say "it"', "", "", "", "red", "1", "a"],
        ["3", "nan", "Both?", "1", "2", "3", "C", str([big, jpeg]), "a"],
        ["4", "", "Who?", "", "", "", "['Ann', 'ann', 'ann']", big, "a"],
    ]
    quoted = ['"{}"'.format(cell.replace('"', '""')) for row in rows for cell in row]
    lines = [quoted[at : at + len(columns)] for at in range(0, len(quoted), len(columns))]
    path = tmp_path / "MMBench_DEV_EN.tsv"
    path.write_text("\n".join("\t".join(line) for line in [columns, *lines]) + "\n")
    records, left_out = take("vlmevalkit", path, tmp_path / "out")
    one, two, three, four = (records["validation"][index] for index in "1234")
    assert (one["options"], one["answer"]) == (["x", "y"], "B") and not left_out
    assert (two["question"], two["answer"]) == ('A hint.\nSay "it"', "red")
    assert one["images"] == two["images"] == three["images"][:1]
    assert (three["answer"], three["images"][1]) == ("C", BLUE)
    assert (four["answer"], accepted_answers(four)) == ("ann", ["Ann", "ann", "ann"])


# ------------------------------------------------------------------------------------- the command


def test_held_out_by_picture_and_complete_data_left_alone(folder, tmp_path):
    rows = []
    for number in range(40):
        write_picture(folder / f"{number}.png", picture((number, 0, 0)))
        rows += [{"image": f"{number}.png", "question": "?", "answer": "!"}] * 2
    given = {"format": "jsonl", "sources": [write_lines(folder / "own.jsonl", rows)]}
    given |= {"out": tmp_path / "out", "options": Options(name="own")}
    counts, _ = import_data(**given, validation=0.3)
    assert counts["train"] + counts["validation"] == 80
    assert counts["train"] % 2 == 0 and 0 < counts["validation"] < 50
    assert import_data(**given, validation=0.3) is None
    with pytest.raises(UserError, match="choose a different --out"):
        import_data(**given)
    given |= {"out": tmp_path / "other", "validation": 1e-9}
    with pytest.raises(UserError, match="without a record"):
        import_data(**given)


def test_a_split_without_answers_is_left_out_aloud(folder, tmp_path):
    write_lines(folder / "b/testmini.jsonl", [{"question": "?", "answer": "!"}])
    write_lines(folder / "b/test.jsonl", [{"question": "?", "answer": ""}] * 3)
    records, left_out = take("jsonl", folder / "b", tmp_path / "out")
    assert records.keys() == {"testmini"}
    assert list(left_out) == [f"test.jsonl, line {number}" for number in (1, 2, 3)]


def test_mistakes_are_told_in_one_sentence(folder, tmp_path):
    lines = write_lines(folder / "own.jsonl", [{"question": "?"}])
    for format, source, said in (
        (
            "jsonl",
            lines,
            "not one row became a record: own.jsonl, line 1: it has no answer",
        ),
        ("jsonl", folder / "none.jsonl", "there is no "),
        ("gameqa", folder, "holds none of games_data"),
        ("vlmevalkit", folder, "holds no file with the ending .tsv"),
        ("nonesuch", lines, "there is no format nonesuch"),
    ):
        with pytest.raises(UserError, match=said) as told:
            take(format, source, tmp_path / "out")
        assert "\n" not in str(told.value)
        assert not list((tmp_path / "out").rglob("*.array_record*"))
