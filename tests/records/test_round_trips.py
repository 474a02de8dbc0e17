"""What is exported and imported again is the same, for games and for what came from elsewhere."""

import io
import json
import tarfile

import datasets
import pytest
from PIL import Image

from records import schema
from records.errors import UserError
from records.exporting import export_data
from records.formats import FORMATS
from records.writing import write
from tests.records.exchanged import picture, records_in, take, write_lines, write_picture

FORMATS_OF_QUESTIONS = sorted(FORMATS.keys() - {"share4o-dpo"})
SHARDED = ["gameqa", "jsonl", "llava", "share4o-sft", "hf"]


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """Questions with no, one and two pictures, with and without options and chains."""
    root = tmp_path_factory.mktemp("imported")
    write_picture(root / "a.png", picture("red"))
    write_picture(root / "b.jpg", picture("blue", "JPEG"))
    rows = [
        {"question": 'Quote "this"\tand\nthat', "answer": "é", "chain": "\nOne.\n\nTwo.\n"},
        {"question": "Which?", "answer": "A", "options": ["x", "A"], "image": "a.png"},
        {"question": "Is <image> <image>?", "answer": 1, "options": ["1", "2"], "extra": [1, None]}
        | {"images": ["a.png", "b.jpg"], "chain": "So.", "task": "pairs", "plot_level": "Hard"},
        {"question": "Both", "answer": "b\nc", "images": ["b.jpg", "b.jpg"], "category": "Some"},
        {"question": "Chain", "answer": "ends ### Answer: so", "chain": "### Answer: 3\nno"},
    ]
    path = write_lines(root / "test.jsonl", rows)
    take("jsonl", path, root / "out", "things")
    return root / "out"


def with_images(data):
    """Records, those of games with `images` too."""
    return {
        split: {
            id: {name: value for name, value in record.items() if name != "image"}
            | {"images": schema.pictures_of(record)}
            for id, record in records.items()
        }
        for split, records in records_in(data).items()
    }


@pytest.mark.parametrize("format", FORMATS_OF_QUESTIONS)
def test_games_come_back(format, dataset, tmp_path):
    export_data(format, dataset, tmp_path / "theirs")
    records, left_out = take(format, tmp_path / "theirs", tmp_path / "back", "other")
    assert not left_out and records == with_images(dataset)


@pytest.mark.parametrize("format", FORMATS_OF_QUESTIONS)
def test_other_questions_come_back(format, imported, tmp_path):
    export_data(format, imported, tmp_path / "theirs")
    records, left_out = take(format, tmp_path / "theirs", tmp_path / "back", "other")
    assert not left_out and records == records_in(imported)


@pytest.mark.parametrize("format", SHARDED)
def test_shards_come_back(format, imported, tmp_path):
    export_data(format, imported, tmp_path / "theirs", shards=2)
    assert len(list((tmp_path / "theirs").rglob("*test-0000?*"))) == 3
    records, left_out = take(format, tmp_path / "theirs", tmp_path / "back", "other")
    assert not left_out and records == records_in(imported)


def test_pairs_come_back(tmp_path):
    pair = dict.fromkeys(("game", "qa_type", "qa_level", "plot_level"), "")
    pair |= {"id": "q-pair0", "record": "q", "task": "t", "question": "Which?", "answer": "B"}
    pair |= {"options": ["x", "y"], "format": "cot", "images": [picture()], "fingerprint": "f"}
    pair |= {"chosen": "So.\n### Answer: B", "rejected": "No.", "rejected_ended": False}
    pair |= {"chosen_answer": "B", "rejected_answer": "", "chosen_logps": [-0.25, -1.5]}
    pair |= {"rejected_logps": [-0.1]}
    write(tmp_path / "pairs", "pairs", schema.pair(several=True), {"train": lambda: [pair]}, {})
    export_data("share4o-dpo", tmp_path / "pairs", tmp_path / "theirs")
    (row,) = map(json.loads, (tmp_path / "theirs" / "train.jsonl").read_text().splitlines())
    assert row["question"] == "<image>\nWhich?\nOptions:\nA. x\nB. y"
    records, _ = take("share4o-dpo", tmp_path / "theirs", tmp_path / "back")
    assert records == records_in(tmp_path / "pairs")
    with pytest.raises(
        UserError, match="holds preference pairs, which the format llava is not for"
    ):
        export_data("llava", tmp_path / "pairs", tmp_path / "other")


def test_the_hub_s_own_package_opens_it(imported, tmp_path):
    export_data("hf", imported, tmp_path / "theirs", shards=2)
    opened = datasets.load_dataset(str(tmp_path / "theirs"), cache_dir=str(tmp_path / "cache"))
    expected = records_in(imported)["test"]
    assert opened.keys() == {"test"} and len(opened["test"]) == len(expected)
    for row in opened["test"]:
        record = expected[row["id"]]
        assert {name: row[name] for name in row if name != "images"} == {
            name: record[name] for name in row if name != "images"
        }
        shown = [Image.open(io.BytesIO(data)).convert("RGB") for data in record["images"]]
        assert [image.convert("RGB").tobytes() for image in row["images"]] == [
            image.tobytes() for image in shown
        ]


def test_what_others_read(imported, tmp_path):
    """Rows as loaders of these formats expect them."""
    for format in ("llava", "gameqa"):
        export_data(format, imported, tmp_path / format)
    (row,) = (
        row
        for row in json.loads((tmp_path / "llava" / "test.json").read_text())
        if row["conversations"][0]["value"].startswith("Is")
    )
    human, gpt = row["conversations"]
    assert human == {"from": "human", "value": "Is <image> <image>?\nOptions:\nA. 1\nB. 2"}
    assert gpt == {"from": "gpt", "value": "So.\n1: option A.\n\n### Answer: A"}
    assert [(tmp_path / "llava" / name).read_bytes() for name in row["image"]] == [
        picture("red"),
        picture("blue", "JPEG"),
    ]
    rows = json.loads((tmp_path / "gameqa" / "games_data_test.json").read_text())
    by_question = {row["question"]: row for row in rows}
    assert by_question["Which?"]["options"] == ["A. x", "B. A"]
    assert "options" not in by_question["Both"]


def test_shards_hold_a_json_and_its_pictures_side_by_side(imported, tmp_path):
    export_data("llava", imported, tmp_path / "theirs", shards=10)
    with tarfile.open(tmp_path / "theirs" / "test-00000.tar") as archive:
        names = archive.getnames()
    keys = [name.partition(".")[0] for name in names]
    assert keys == sorted(keys) and len(set(keys)) == 5
    assert all(f"{key}.json" in names for key in keys)


def test_nothing_half_written_stays(imported, tmp_path, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(UserError, match="already holds something"):
        export_data("llava", imported, tmp_path / "full")
    with pytest.raises(UserError, match="--shards is for"):
        export_data("vlmevalkit", imported, tmp_path / "theirs", shards=2)
    assert not (tmp_path / "theirs").exists()
    export_data("vlmevalkit", imported, tmp_path / "theirs")
    assert not list(tmp_path.glob("*.unfinished"))
