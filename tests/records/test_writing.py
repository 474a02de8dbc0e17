"""Data sets that no game made: whole or not there, the same bytes, read like any other."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from records import index, schema
from records.errors import UserError
from records.reading import dataset_directory, open_split, open_splits
from records.writing import folder, write
from tests.conftest import ROOT

METADATA = {"from": "a photo album", "licence": "CC0"}
SIZES = {"train": 7, "test": 3}


def png(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8 + number, 8), (number, 0, 0)).save(file, "PNG")
    return file.getvalue()


def of_split(split: str) -> list[dict]:
    return [
        {
            "id": f"{split}-{number}",
            "question": f"How many eggs are in box {number}?",
            "options": ["none", "six"] if number % 2 else [],
            "answer": "B" if number % 2 else "6",
            "steps": ["The box is full.", "A box holds six: six."],
            "image": png(number),
        }
        for number in range(SIZES[split])
    ]


def write_eggs(out: Path, **changed) -> dict[str, int]:
    """Ten records without a game, task, level, state or seed."""
    names = ("id", "question", "options", "answer", "steps", "image")
    features = {name: schema.question()[name] for name in names}
    splits = {split: lambda split=split: of_split(split) for split in SIZES}
    arguments = {"splits": splits, "metadata": METADATA, "description": "Eggs."} | changed
    return write(out, "eggs", features, **arguments)


def by_id(records) -> list[dict]:
    return sorted(records, key=lambda record: record["id"])


def contents(directory) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_records_of_no_game_are_written_and_read(tmp_path):
    assert write_eggs(tmp_path) == SIZES
    for split in SIZES:
        assert by_id(open_split(tmp_path, split)) == of_split(split)
    assert list(open_splits(tmp_path)) == list(SIZES)
    target = folder(tmp_path, "eggs")
    assert json.loads((target / "metadata.json").read_text()) == METADATA
    assert [path.name for path in tmp_path.iterdir()] == ["eggs"]
    with pytest.raises(UserError, match="have no plot_level, game, task"):
        open_split(tmp_path, "train").kinds()


def test_the_same_records_are_the_same_bytes_here_and_in_a_bucket(tmp_path, bucket):
    for out in (tmp_path / "one", tmp_path / "two", "gs://bucket/data"):
        write_eggs(out)
    one = contents(folder(tmp_path / "one", "eggs"))
    assert one == contents(folder(tmp_path / "two", "eggs"))
    assert one == contents(bucket / "data" / "eggs" / "1.0.0")
    assert by_id(open_split("gs://bucket/data", "test")) == of_split("test")


def test_a_broken_off_data_set_is_not_there_and_the_next_is_whole(tmp_path):
    def broken():
        yield from of_split("train")[:3]
        raise OSError("the album is gone")

    with pytest.raises(OSError, match="the album is gone"):
        write_eggs(tmp_path, splits={"train": broken})
    assert not folder(tmp_path, "eggs").exists()
    (tmp_path / "eggs" / "incomplete.ABC_1.0.0").mkdir(parents=True)  # left by a kill
    folder(tmp_path, "eggs").mkdir()
    assert write_eggs(tmp_path) == SIZES
    assert [path.name for path in (tmp_path / "eggs").iterdir()] == ["1.0.0"]


def test_what_is_there_is_not_written_over_and_no_split_is_empty(tmp_path):
    with pytest.raises(UserError, match="a split has no records"):
        write_eggs(tmp_path, splits={"train": list})
    write_eggs(tmp_path)
    before = contents(folder(tmp_path, "eggs"))
    with pytest.raises(UserError, match=r"1\.0\.0 already holds a data set"):
        write_eggs(tmp_path, metadata={"from": "another album"})
    assert contents(folder(tmp_path, "eggs")) == before


def test_records_that_name_game_task_and_level_get_an_index(tmp_path):
    names = ("id", *index.KIND)
    features = {name: schema.question()[name] for name in names}
    kind = {"plot_level": "Easy", "game": "eggs", "task": "count"}
    counts = (2, 0, 2, 3)
    eggs = [kind | {"id": f"{at}", "options": ["a"] * n} for at, n in enumerate(counts)]
    write(tmp_path, "kinds", features, {"train": lambda: eggs}, {})
    (kept,) = folder(tmp_path, "kinds").glob("*.index-*")
    split = open_split(tmp_path, "train")
    kinds, kind_n = split.kinds()
    told = [kinds[kind]["options"] for kind in kind_n]
    assert told == [len(record["options"]) for record in split] and len(kinds) == 3
    kept.unlink()
    assert [list(part) for part in open_split(tmp_path, "train").kinds()] == [kinds, list(kind_n)]
    assert {schema.task_name(record) for record in split} == {"eggs/count"}


def test_a_data_set_of_a_folder_is_found_by_name(tmp_path):
    write_eggs(tmp_path)
    write(tmp_path, "spam", {"id": schema.question()["id"]}, {"test": lambda: [{"id": "a"}]}, {})
    assert dataset_directory(tmp_path, "spam") == folder(tmp_path, "spam")
    with pytest.raises(UserError, match="several data sets"):
        dataset_directory(tmp_path)


def test_neither_jax_nor_games_nor_tensorflow_are_imported():
    """And what processes that make records import is quick to import."""
    for modules, banned in (
        ("records.reading, records.writing", "jax tensorflow torch synth c2l_jax"),
        ("records.schema, records.errors", "tensorflow_datasets numpy etils"),
    ):
        code = f"import sys, {modules}; print(*(n for n in {banned.split()} if n in sys.modules))"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert not done.stdout.strip()
