"""Packed rows hold exactly the examples that went in."""

import grain
import numpy as np
import pytest
from ml_collections import ConfigDict

from c2l_jax.data.layout import RowShape
from c2l_jax.data.packing import FitsRow, pack, training_batches
from c2l_jax.data.processor import Processor
from c2l_jax.objectives import sft
from records.errors import UserError
from records.reading import open_split
from tests.c2l_jax import tiny

SHAPE = RowShape(tokens=768, targets=400, tiles=5)


def open_batches(split, processor, formats=None, tasks=(), shape=SHAPE, **shard):
    """(batches, filter) as of the supervised objective."""
    data = {"formats": formats or {"cot": 1.0}, "tasks": tasks}
    config = ConfigDict({"data": ConfigDict(data)})
    groups = sft.groups(split, processor, config)
    return training_batches(groups, seed=3, rows=2, shape=shape, units=tiny.UNITS, **shard)


@pytest.fixture(scope="module")
def processor(model_dir):
    return Processor(model_dir)


@pytest.fixture(scope="module")
def split(dataset):
    return open_split(dataset, "train")


def test_unpacking_gives_the_examples_back(processor, split):
    examples = [processor.example(split[i], "cot") for i in range(12)]
    without_picture = {k: v for k, v in split[12].items() if k != "image"}
    examples.append(processor.example(without_picture, "cot"))
    dataset = grain.MapDataset.source(examples).to_iter_dataset()
    by_id = {example["id"]: example for example in examples}
    found = {}
    for batch in pack(dataset, rows=2, shape=SHAPE, units=tiny.UNITS, bins=2):
        ids = iter(batch["ids"])
        for row in range(len(batch["tokens"])):
            for segment in range(1, batch["segments"][row].max() + 1):
                found[next(ids)] = _example(batch, row, segment)
    assert found.keys() == by_id.keys()
    for id, example in found.items():
        for name, value in example.items():
            np.testing.assert_array_equal(value, by_id[id][name], err_msg=f"{id} {name}")


def _example(batch, row, segment):
    """One example of a packed row, as it was before packing."""
    tokens = batch["segments"][row] == segment
    slots = batch["image_slots"][row][tokens]
    example = {n: batch[n][row][tokens] for n in ("tokens", "positions", "branches")}
    targets = batch["target_segments"][row] == segment
    for name in ("targets", "target_branches", "target_weights"):
        example[name] = batch[name][row][targets]
    example["target_slots"] = batch["target_slots"][row][targets] - np.flatnonzero(tokens)[0]
    units = batch["patches"].shape[2] // 4
    tiles = np.unique(slots[slots >= 0] // units)
    images = batch["tile_images"][row][tiles]
    if len(images):  # one picture, and all of its tiles
        assert set(images) == set(images[:1])
        assert (batch["tile_images"][row] == images[0]).sum() == len(images)
    example["patches"] = batch["patches"][row][tiles]
    example["patch_coords"] = batch["patch_coords"][row][tiles]
    first = tiles[0] * units if len(tiles) else 0
    example["image_slots"] = np.where(slots >= 0, slots - first, -1)
    return example


def test_padding_is_marked(processor, split):
    batch = next(iter(open_batches(split, processor)[0]))
    padding, no_target = batch["segments"] == 0, batch["target_segments"] == 0
    assert padding.any() and no_target.any()
    assert (batch["target_weights"] == ~no_target).all()
    assert (batch["image_slots"][padding] == -1).all()
    assert (batch["patch_coords"][batch["tile_images"] == 0] == -1).all()


def test_shapes_are_static_and_order_is_reproducible(processor, split):
    streams = [iter(open_batches(split, processor)[0]) for _ in range(2)]
    shapes = set()
    for _ in range(8):
        first, second = (next(stream) for stream in streams)
        assert first["ids"] == second["ids"]
        shapes.add(tuple(value.shape for name, value in first.items() if name != "ids"))
    assert len(shapes) == 1


def test_iterator_resumes_exactly(processor, split):
    formats = {"cot": 0.5, "transcribe": 0.5}
    unbroken = iter(open_batches(split, processor, formats)[0])
    for _ in range(5):
        next(unbroken)
    state = unbroken.get_state()
    resumed = iter(open_batches(split, processor, formats)[0])
    resumed.set_state(state)
    for _ in range(5):
        ours, theirs = next(resumed), next(unbroken)
        assert ours["ids"] == theirs["ids"]
        np.testing.assert_array_equal(ours["tokens"], theirs["tokens"])


def test_shards_read_different_records(processor, split):
    seen = []
    for shard in range(2):
        stream = iter(open_batches(split, processor, shard=shard, shards=2)[0])
        seen.append({id for _ in range(6) for id in next(stream)["ids"]})
    assert not seen[0] & seen[1]


@pytest.mark.parametrize("shape", [RowShape(220, 0, 5), RowShape(768, 60, 5)])
def test_long_examples_are_dropped_aloud(processor, split, caplog, shape):
    batches, fits = open_batches(split, processor, shape=shape)
    stream = iter(batches)
    kept = {id for _ in range(30) for id in next(stream)["ids"]}
    assert fits.dropped and kept and not fits.dropped & kept
    assert "dropped example" in caplog.text


def test_nothing_fits_is_an_error_not_a_hang():
    fits = FitsRow(RowShape(tokens=4, targets=0, tiles=1), patience=10)
    example = {"id": "x", "tokens": np.zeros(5), "targets": [], "tile_images": np.zeros(1)}
    with pytest.raises(UserError, match="row_tokens"):
        for _ in range(20):
            fits(example)


@pytest.mark.parametrize("formats", [{"cot": 0.0}, {"prose": 1.0}])
def test_bad_formats(processor, split, formats):
    with pytest.raises(UserError, match=r"config\.data\.formats"):
        open_batches(split, processor, formats)


def test_tasks_have_their_shares(processor, split):
    tasks = ((r"cell_color/direct", 0.5), (r"_position/cot", 0.5))
    formats = {"cot": 1.0, "direct": 1.0}
    stream = iter(open_batches(split, processor, formats, tasks, RowShape(1024, 0, 8))[0])
    batches = [next(stream) for _ in range(20)]
    ids = [id for batch in batches for id in batch["ids"]]
    assert abs(sum("cell_color" in id for id in ids) / len(ids) - 0.5) < 0.1
    assert {id.split("-")[1] for id in ids} == {"cell_color", "player_position", "goal_position"}
    with pytest.raises(UserError, match="'chess' has 0 records"):
        open_batches(split, processor, tasks=((r"chess", 1.0),))
