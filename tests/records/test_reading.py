"""Data sets on disk: damaged files are named, and an index says what the records say."""

import json
import re
import shutil
from pathlib import Path

import pytest

from c2l_jax.asking import asked_records
from c2l_jax.data.packing import mixture
from records.errors import UserError
from records.paths import upload
from records.reading import open_split
from tests.damage import DAMAGED, TEST, TRAIN, flipped

INDEX = "gameqa-{}.index-00000-of-00001.json"
FORMATS = {"cot": 1.0, "look": 2.0, "direct": 0.0}
TASKS = [("Easy/.*/cot$", 1.0), ("maze/.*/look", 3.0), ("", 0.5)]


@pytest.fixture
def copied(dataset, tmp_path) -> Path:
    return shutil.copytree(dataset / "gameqa" / "1.0.0", tmp_path / "data")


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named(name, copied):
    damage, file = DAMAGED[name]
    damage(copied)
    with pytest.raises(UserError, match=re.escape(file)) as told:
        list(open_split(copied, "test"))
    assert str(copied) in str(told.value) and "\n" not in str(told.value)
    with pytest.raises(UserError, match=re.escape(file)):
        list(open_split(copied, "test").only("id", "task"))


def test_a_damaged_record_is_numbered_and_the_others_are_read(copied):
    flipped(copied)
    split = open_split(copied, "test")
    with pytest.raises(UserError, match=f"record 0 of {copied / TEST}"):
        split[0]
    assert split[1]["image"].startswith(b"\x89PNG")


def test_places_beyond_the_last_are_no_damage(dataset):
    split = open_split(dataset, "test")
    for place in (len(split), -1):
        with pytest.raises(IndexError):
            split[place]


def test_a_bucket_holds_the_same_records(dataset, bucket):
    upload(dataset, bucket / "data")
    ours, theirs = (open_split(path, "test") for path in (dataset, bucket / "data"))
    assert list(ours) == list(theirs)
    assert mixture(ours, FORMATS, TASKS) == mixture(theirs, FORMATS, TASKS)
    with pytest.raises(UserError, match="no data set in gs://bucket/none"):
        open_split("gs://bucket/none", "test")


# ------------------------------------------------------------------------------------- the index


def kinds_one_by_one(split) -> list[tuple]:
    return [(r["plot_level"], r["game"], r["task"], len(r["options"])) for r in split]


@pytest.mark.parametrize("split_name", ["train", "validation", "test"])
def test_an_index_says_what_the_records_say(split_name, copied):
    split = open_split(copied, split_name)
    kinds, kind_n = split.kinds()
    assert [tuple(kinds[kind].values()) for kind in kind_n] == kinds_one_by_one(split)
    with_index = mixture(split, FORMATS, TASKS)
    asked = asked_records(split, "maze/.*position", 5)
    (copied / INDEX.format(split_name)).unlink()
    slowly = open_split(copied, split_name)
    kinds, kind_n = slowly.kinds()
    assert [tuple(kinds[kind].values()) for kind in kind_n] == kinds_one_by_one(split)
    assert mixture(slowly, FORMATS, TASKS) == with_index
    assert asked_records(slowly, "maze/.*position", 5) == asked


def test_so_many_of_each_task_and_level(dataset):
    split, some = open_split(dataset, "train"), 3
    names = [f"{r['plot_level']}/{r['game']}/{r['task']}" for r in split]
    expected = [i for i, name in enumerate(names) if names[:i].count(name) < some]
    assert asked_records(split, None, None, some) == expected
    maze = [i for i in expected if "Easy/maze" in names[i]]
    assert asked_records(split, "Easy/maze", 4, some) == maze[:4]
    assert len(maze) > 4 and len(expected) < len(split)


def test_every_third_record_without_its_picture(dataset):
    split = open_split(dataset, "train")
    kept = list(split.only(stride=3))
    assert all("image" not in record for record in kept)
    assert kept == [{k: v for k, v in r.items() if k != "image"} for r in list(split)[::3]]


def test_a_mixture_takes_what_its_patterns_say(dataset):
    split = open_split(dataset, "train")
    lines = mixture(split, FORMATS, TASKS)
    assert sum(share for *_, share in lines) == pytest.approx(4.5)
    for format, found, _ in lines[:1]:
        easy = [i for i, r in enumerate(split) if r["plot_level"] == "Easy"]
        assert (format, found) == ("cot", easy)
    looks = [i for i, r in enumerate(split) if r["game"] == "maze"]
    assert ("look", looks, 3.0) in lines
    for bad, told in (((r"(maze", 1.0), r"tasks: '\(maze' is no regular"), ("maze", "'maze': it")):
        with pytest.raises(UserError, match=told):
            mixture(split, FORMATS, [bad])


def test_an_index_saves_reading(copied):
    flipped(copied, TRAIN)
    split = open_split(copied, "train")
    assert mixture(split, FORMATS, TASKS)
    with pytest.raises(UserError, match="can't be read"):
        list(split)


def spoil(index: Path, what: str):
    head, body = index.read_bytes().split(b"\n")
    told, content = json.loads(head), json.loads(body)
    if what == "another's":
        index.write_bytes(index.with_name(INDEX.format("train")).read_bytes())
    elif what == "cut":
        index.write_bytes(index.read_bytes()[:-20])
    elif what == "empty":
        index.write_bytes(b"")
    elif what == "one record changed":
        content["records"][0] = content["records"][-1]
        index.write_bytes(head + b"\n" + json.dumps(content).encode())
    elif what == "fewer records":
        index.write_bytes(json.dumps(told | {"records": 3}).encode() + b"\n" + body)


@pytest.mark.parametrize(
    "what", ["another's", "cut", "empty", "one record changed", "fewer records"]
)
def test_an_index_that_disagrees_is_refused(what, copied):
    index = copied / INDEX.format("test")
    spoil(index, what)
    with pytest.raises(UserError, match=re.escape(f"{index} is damaged or not the index")):
        open_split(copied, "test").kinds()


def test_an_index_of_a_file_that_was_changed_is_refused(copied):
    """It has as many records and bytes as before."""
    content = bytearray((copied / TRAIN).read_bytes())
    content[-1] ^= 1
    (copied / TRAIN).write_bytes(content)
    split = open_split(copied, "train")
    with pytest.raises(UserError, match="not the index of the file beside it"):
        split.kinds()
