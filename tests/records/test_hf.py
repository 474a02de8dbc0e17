"""Parquet and `datasets` directories: every preset on rows as the hub has them."""

import json

import datasets
import pyarrow
import pytest
from pyarrow import parquet

from records.errors import UserError
from records.formats.hf_presets import PRESETS
from records.schema import accepted_answers
from tests.records.exchanged import picture, take

RED, BLUE, GREEN = picture("red"), picture("blue", "JPEG"), picture("green")


def image(data):
    return data and {"bytes": data, "path": None}


NO_OPTIONS = ([], "7")
# Of each preset rows, and what is read: question, options, answer, pictures.
ROWS = {
    "ai2d": [
        (
            {"question": "Which?", "options": ["a", "b"], "answer": "1", "image": image(RED)},
            ("Which?", ["a", "b"], "B", [RED]),
        )
    ],
    "aokvqa": [
        (
            {
                "question": "Who?",
                "choices": ["a", "b"],
                "correct_choice_idx": 0,
                "image": image(RED),
            }
            | {"direct_answers": "['a', 'a']", "rationales": ["For a.", "Why not."]},
            ("Who?", ["a", "b"], "A", [RED]),
        )
    ],
    "charxiv": [
        (
            {
                "reasoning_q": "How many?",
                "reasoning_a": "7",
                "image": image(RED),
                "original_id": "x",
            }
            | {"descriptive_q1": 3},
            ("How many?", [], "7", [RED]),
        )
    ],
    "chartqa": [
        (
            {"query": "How much?", "label": ["7"], "image": image(RED), "human_or_machine": 0},
            ("How much?", [], "7", [RED]),
        )
    ],
    "docvqa": [
        (
            {"questionId": "3", "question": "Who?", "answers": ["Ann", "ann"], "image": image(RED)},
            ("Who?", [], "Ann", [RED]),
        )
    ],
    "infovqa": [
        (
            {"questionId": "3", "question": "Who?", "answers": ["7"], "image": image(BLUE)},
            ("Who?", [], "7", [BLUE]),
        )
    ],
    "mathverse": [
        (
            {"sample_index": "1", "question": "Find x.\nChoices:\nA:1\nB:7", "query_wo": "Solve."}
            | {"answer": "B", "image": image(RED), "metadata": {"subject": "plane"}},
            ("Find x.\nChoices:\nA:1\nB:7", [], "B", [RED]),
        ),
        (
            {"sample_index": "2", "question": "", "query_wo": "Solve.", "answer": "7"}
            | {"image": image(RED), "metadata": {"subject": "plane"}},
            ("Solve.", [], "7", [RED]),
        ),
    ],
    "mathvision": [
        (
            {"id": "1", "question": "Which? <image1>", "options": ["A", "B", "C"], "answer": "C"}
            | {"image": "images/1.jpg", "decoded_image": image(RED), "solution": None, "level": 2},
            ("Which? <image>", ["A", "B", "C"], "C", [RED]),
        ),
        (
            {"id": "2", "question": "<image1> and <image2>?", "options": [], "answer": "7"}
            | {"image": "images/2.jpg", "decoded_image": image(RED), "solution": "So.", "level": 5},
            ("image 1 and image 2?", [], "7", [RED]),
        ),
    ],
    "mathvista": [
        (
            {"pid": "1", "question": "Which?", "choices": ["2", "3", "1"], "answer": "3"}
            | {"image": "images/1.jpg", "decoded_image": image(BLUE)},
            ("Which?", ["2", "3", "1"], "B", [BLUE]),
        ),
        (
            {"pid": "2", "question": "How many?", "choices": None, "answer": "7"}
            | {"image": "images/1.jpg", "decoded_image": image(RED)},
            ("How many?", [], "7", [RED]),
        ),
        (
            {"pid": "3", "question": "Which digits?", "choices": None, "answer": "[0, 2, 2]"}
            | {"image": "images/1.jpg", "decoded_image": image(RED)},
            ("Which digits?", [], "[0, 2, 2]", [RED]),
        ),
    ],
    "mmbench": [
        (
            {"index": 241, "question": "Which?", "hint": "See.", "A": "x", "B": "y", "C": "nan"}
            | {"D": None, "answer": "B", "image": image(RED), "L2-category": "z"},
            ("See.\nWhich?", ["x", "y"], "B", [RED]),
        )
    ],
    "mmmu": [
        (
            {"id": "a", "question": "Is <image 2> like <image 1>?", "options": "['yes', 'no']"}
            | {"answer": "B", "image_1": image(RED), "image_2": image(BLUE), "explanation": "?"},
            ("Is <image> like <image>?", ["yes", "no"], "B", [BLUE, RED]),
        ),
        (
            {"id": "b", "question": "Like <image 1>?", "options": '["<image 2>", "it\'s no"]'}
            | {"answer": "A", "image_1": image(RED), "image_2": image(BLUE), "explanation": ""},
            ("Like <image>?", ["<image>", "it's no"], "A", [RED, BLUE]),
        ),
        (
            {"id": "c", "question": "<image 1> How many?", "options": "[]"}
            | {"answer": "['7', '7.0']", "image_1": image(RED), "image_2": None, "explanation": ""},
            ("How many?", [], "7", [RED]),
        ),
    ],
    "plain": [
        (
            {
                "question": "Which?",
                "answer": "b",
                "options": ["a", "b"],
                "images": [image(RED)] * 2,
            },
            ("Which?", ["a", "b"], "B", [RED, RED]),
        )
    ],
    "scienceqa": [
        (
            {"question": "Which?", "choices": ["x", "y"], "answer": 1, "hint": "", "image": None}
            | {"solution": "Since.\nSo."},
            ("Which?", ["x", "y"], "B", []),
        )
    ],
    "textvqa": [
        (
            {"question_id": 5, "question": "Says?", "answers": ["stop", "halt", "halt"]}
            | {"image": image(RED), "image_id": "q"},
            ("Says?", [], "halt", [RED]),
        )
    ],
}


def test_every_preset_has_rows():
    assert ROWS.keys() == PRESETS.keys()


@pytest.mark.parametrize("preset", ROWS)
def test_presets(preset, tmp_path):
    rows = [row for row, _ in ROWS[preset]]
    table = pyarrow.Table.from_pylist(rows)
    parquet.write_table(table, tmp_path / "test-00000-of-00001.parquet")
    given = {"options": {"preset": preset}, "name": preset}
    records, left_out = take("hf", tmp_path, tmp_path / "out", **given)
    found = sorted(
        (record["question"], record["options"], record["answer"], record["images"])
        for record in records["test"].values()
    )
    assert found == sorted(expected for _, expected in ROWS[preset])
    assert {record["task"] for record in records["test"].values()} == {preset} and not left_out


def test_all_accepted_answers_are_kept(tmp_path):
    """As lists, as texts of lists, in columns of any name."""
    rows = [{"question": f"{i}?", "image": image(RED)} for i in range(3)]
    rows[0] |= {"said": "['stop', 'halt', 'halt']", "id": "texts"}
    rows[1] |= {"said": "[3, 4]", "id": "numbers"}
    rows[2] |= {"said": "Ann", "id": "one"}
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "test.parquet")
    options = {"answer": "said", "id": "id"}
    records = take("hf", tmp_path / "test.parquet", tmp_path / "out", options=options)[0]["test"]
    assert {id: (record["answer"], accepted_answers(record)) for id, record in records.items()} == {
        "texts": ("halt", ["stop", "halt", "halt"]),
        "numbers": ("[3, 4]", ["[3, 4]"]),
        "one": ("Ann", ["Ann"]),
    }


def test_chains_ids_and_the_rest(tmp_path):
    rows = [ROWS["scienceqa"][0][0], ROWS["aokvqa"][0][0]]
    table = pyarrow.Table.from_pylist([dict.fromkeys(rows[1]) | rows[0], rows[1]])
    parquet.write_table(table, tmp_path / "val.parquet")
    options = {"preset": "scienceqa", "chain": "solution|rationales"}
    options |= {"answer": "answer|correct_choice_idx"}
    records, _ = take("hf", tmp_path / "val.parquet", tmp_path / "out", options=options)
    first, second = (records["validation"][f"val.parquet, row {at}"] for at in (1, 2))
    assert first["steps"] == ["Since.", "So.", "y: option B."]
    assert second["steps"] == ["For a.", "a: option A."]
    kept = {"direct_answers": "['a', 'a']", "rationales": ["For a.", "Why not."]}
    assert json.loads(second["params"]) == kept


def test_a_directory_of_save_to_disk(tmp_path):
    """Written by the real package, splits and all."""
    rows = {"prompt": ["What?", "Which?"], "reply": ["red", "x"], "shown": [RED, GREEN]}
    features = datasets.Features(
        {"prompt": datasets.Value("string"), "reply": datasets.Value("string")}
        | {"shown": datasets.Image()}
    )
    one = datasets.Dataset.from_dict(rows, features)
    datasets.DatasetDict({"train": one, "test": one}).save_to_disk(tmp_path / "in")
    options = {"question": "prompt", "answer": "reply", "pictures": "shown"}
    records, _ = take("hf", tmp_path / "in", tmp_path / "out", options=options)
    assert records.keys() == {"train", "test"}
    assert {(r["question"], r["answer"], r["images"][0]) for r in records["test"].values()} == {
        ("What?", "red", RED),
        ("Which?", "x", GREEN),
    }


def test_columns_that_are_not_there_and_damaged_files(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.Table.from_pylist([{"q": "?", "answer": "!"}]), path)
    with pytest.raises(UserError, match="has no column question; it has q, answer"):
        take("hf", path, tmp_path / "out")
    with pytest.raises(UserError, match="--preset mathvist is none of plain, ai2d"):
        take("hf", path, tmp_path / "out", options={"preset": "mathvist"})
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UserError, match="is damaged"):
        take("hf", path, tmp_path / "out", options={"question": "q"})
