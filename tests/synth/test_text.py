"""Questions without pictures: what a picture would show is a part of the question."""

import json

import pytest
from PIL import Image

from c2l_jax.data.packing import mixture
from c2l_jax.data.processor import Processor
from records.errors import UserError
from records.reading import open_split, open_splits
from synth import audit, blind, dataset, unfinished
from synth.__main__ import main
from synth.plan import make_shard
from synth.records import make_question
from synth.registry import find_game

PLAN = dataset.Plan(("color_hue", "tictactoe"), 12, 5, None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("text")
    command = "generate --games color_hue,tictactoe --per-task 12 --seed 5 --workers 1 --text --out"
    assert main([*command.split(), str(out)]) == 0
    return out


def test_the_question_holds_the_position_between_rules_and_what_is_asked(made):
    records = [record for source in open_splits(made).values() for record in source]
    assert len(records) == 6 * 3 * 12
    for record in records:
        assert "image" not in record
        index = int(record["id"].rsplit("-", 1)[1])
        named = (record[key] for key in ("game", "task", "plot_level"))
        pictured = make_question(*named, 5, index)
        rules, asked = pictured["question"].split("\n\n", 1)
        assert rules == find_game(record["game"]).rules
        before, after = record["question"].split(f"\n{pictured['description']}\n\n")
        assert before.startswith(f"{rules}\n\n") and after == asked
        assert record == pictured | {"question": record["question"]}


def test_it_is_audited_counted_and_drawn(made, tmp_path, capsys):
    assert main(["audit", str(made), "--workers", "1", "--oracle-sample", "1"]) == 0
    assert "216 records, all good" in capsys.readouterr().out
    picture = tmp_path / "stats.png"
    assert main(["stats", str(made), "--out", str(picture)]) == 0
    assert "pictures, pixels: none" in capsys.readouterr().out
    with Image.open(picture) as image:
        assert image.format == "PNG"


def test_a_question_with_the_words_of_another_position_is_convicted(tmp_path, monkeypatch, capsys):
    placed = [made for shard in PLAN.shards() for made in make_shard(shard)]
    (_, one), (_, other) = placed[:2]
    one["question"] = one["question"].replace(one["description"], other["description"])
    monkeypatch.setattr(unfinished, "jobs", lambda plan: [(0, placed)])
    monkeypatch.setattr(unfinished, "make_shard", lambda shard: shard)
    dataset.generate(tmp_path, PLAN, 1)
    kept = tmp_path / "audit.json"
    command = ["audit", str(tmp_path), "--workers", "1", "--no-oracles", "--json", str(kept)]
    assert main(command) == 1
    (fault,) = json.loads(kept.read_text())["faults"]
    assert (fault["where"], fault["reason"]) == (
        one["id"],
        "the question is not what the task asks",
    )


def test_blind_readers_do_not_read_the_words():
    for shard in PLAN.shards():
        for _, record in make_shard(shard)[:2]:
            seen = audit.for_blind(record, len(record["options"]))
            named = (record[key] for key in ("game", "task", "plot_level"))
            index = int(record["id"].rsplit("-", 1)[1])
            assert seen["question"] == blind.asked(make_question(*named, 5, index))


def test_it_is_not_taken_for_the_data_set_with_pictures(made, capsys):
    command = "generate --games color_hue,tictactoe --per-task 12 --seed 5 --out"
    assert main([*command.split(), str(made)]) == 2
    assert "already holds another data set" in capsys.readouterr().err
    assert main([*command.split(), str(made), "--text"]) == 0
    assert "already complete" in capsys.readouterr().out


def test_the_trainer_takes_it(made, model_dir):
    split, processor = open_split(made, "train"), Processor(model_dir)
    assert not split.has_pictures
    for format in ("cot", "open", "direct"):
        assert mixture(split, {format: 1.0}, ()) == [(format, range(len(split)), 1.0)]
        example = processor.example(split[0], format)
        assert len(example["patches"]) == 0 and len(example["tokens"]) > 100
    for format in ("look", "transcribe"):
        with pytest.raises(UserError, match=f"weight to {format}, .* no pictures"):
            mixture(split, {"cot": 1.0, format: 0.5}, ())
