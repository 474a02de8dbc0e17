"""Examples of any length to rows of one static shape, and the training pipeline that feeds them.

layout.py says what a row is made of.
"""

import dataclasses
import functools
import logging
import re
from collections.abc import Callable, Mapping, Sequence

import grain
import numpy as np
from grain.experimental import FirstFitPackIterDataset

from c2l_jax.data.layout import AXES, FEATURES, SEGMENTS, RowShape, feature, on_axis, rebase, size
from c2l_jax.data.processor import FORMATS, INSTRUCTIONS, READINGS
from records.errors import UserError, pattern_table
from records.reading import Split
from records.schema import leveled_name


class FitsRow:
    """Filter that drops examples longer than a row, aloud, and refuses to search for ever."""

    def __init__(self, shape: RowShape, patience: int):
        self.shape, self.patience = shape, patience
        self.dropped: set[str] = set()
        self._in_a_row = 0

    def __call__(self, example: Mapping) -> bool:
        sizes, room = size(example), self.shape.lengths()
        if all(length <= limit for length, limit in zip(sizes, room, strict=True)):
            self._in_a_row = 0
            return True
        self._in_a_row += 1
        told = "{} tokens, {} targets, {} tiles; a row holds {}, {} and {}".format(*sizes, *room)
        if self._in_a_row > self.patience:
            raise UserError(
                f"not one of {self.patience} examples in a row fits ({example['id']} has {told}): "
                "raise config.data.row_tokens, row_targets or row_tiles, or use smaller pictures."
            )
        if example["id"] not in self.dropped:
            self.dropped.add(example["id"])
            if len(self.dropped) <= 3:
                logging.warning("dropped example %s: %s", example["id"], told)
        return False


def finish_row(row: dict, units: int) -> dict:
    """Turns what the packer wrote for one row into the model's batch features, and their ids."""
    packed = {name: value for name, value in row.items() if name + "_segment_ids" in row}
    segments = {
        axis: row[on_axis(axis)[0] + "_segment_ids"] for axis in AXES
    }  # the packer repeats an axis's segments for each of its features
    return {
        "ids": list(row["id"]),
        **{name: segments[axis] for axis, name in SEGMENTS.items()},
        **rebase(packed, segments, units),
    }


def stack_rows(rows: list[dict]) -> dict:
    """B rows to one batch; ids become a flat list."""
    batch = {name: np.stack([row[name] for row in rows]) for name in rows[0] if name != "ids"}
    return {"ids": [id for row in rows for id in row["ids"]], **batch}


def pack(
    examples: grain.IterDataset,
    *,
    rows: int,
    shape: RowShape,
    units: int,
    bins: int,
    extra_targets: Sequence[str] = (),
) -> grain.IterDataset:
    """First-fit packing of examples (as from `add_branches`, with "id") along all three axes.

    Args:
      rows: rows of a batch; the last one of a finite stream may have fewer.
      units: merged tokens of a tile.
      bins: rows being filled at once; more pack tighter and hold more examples in memory.
      extra_targets: features [r] float32 that examples have besides those of layout.py.
    """
    along = dict(zip(AXES, shape.lengths(), strict=True))
    lengths = {name: along[feature(name).axis] for name in (*FEATURES, *extra_targets)}
    packed = FirstFitPackIterDataset(
        examples,
        length_struct=lengths,
        num_packing_bins=bins,
        shuffle_bins=False,
        meta_features=("id",),
        padding_struct={name: feature(name).padding or None for name in lengths},
    )
    finish = functools.partial(finish_row, units=units)
    return packed.map(finish).batch(rows, batch_fn=stack_rows)


def mixture(
    split: Split, formats: Mapping[str, float], tasks: Sequence[tuple[str, float]]
) -> list[tuple[str, Sequence[int], float]]:
    """(format, indices of the records asked in it, share of the examples), one line a group.

    Without `tasks` every record comes in every format of weight > 0, in the formats' proportions.
    Otherwise a (record, format) belongs to the first pattern found in its
    "level/game/task/format", and each pattern has its share; one without a pattern is left out.
    Raises UserError for weights that make no sense, for a format that reads a picture where there
    is none, and for a bad pattern or one without records.
    """
    used = [name for name, weight in formats.items() if weight > 0]
    if set(formats) - set(FORMATS) or not used:
        raise UserError(
            f"config.data.formats is {dict(formats)}: give positive weights to some of "
            f"{', '.join(FORMATS)}."
        )
    if not split.has_pictures and (reading := [name for name in used if name in READINGS]):
        raise UserError(
            f"config.data.formats gives a weight to {', '.join(reading)}, which has no question, "
            f"and the data has no pictures: choose among {', '.join(INSTRUCTIONS)}."
        )
    table = pattern_table(tasks, "config.data.tasks")
    if not table:
        return [(name, range(len(split)), formats[name]) for name in used]
    kinds, kind_n = split.kinds()
    groups: list[dict[str, list[int]]] = [{} for _ in table]
    for format in used:
        names = [f"{leveled_name(kind)}/{format}" for kind in kinds]
        group_n = np.asarray([_first_match(table, name) for name in names])[kind_n]
        for number, group in enumerate(groups):
            group[format] = np.flatnonzero(group_n == number).tolist()
    lines = []
    for (pattern, share), group in zip(table, groups, strict=True):
        total = sum(map(len, group.values()))
        if not total or share <= 0:
            raise UserError(
                f"config.data.tasks: the pattern {pattern.pattern!r} has {total} records and share "
                f"{share}; both must be positive. Names look like {names[0]!r}."
            )
        lines += [(f, found, share * len(found) / total) for f, found in group.items() if found]
    return lines


def _first_match(table: Sequence[tuple[re.Pattern, float]], name: str) -> int:
    """The number of the first pattern found in a name; -1 where there is none."""
    return next((i for i, (pattern, _) in enumerate(table) if pattern.search(name)), -1)


@dataclasses.dataclass(frozen=True)
class Group:
    """Examples of one kind: `example(index)` makes one; `share` is its part of the stream."""

    example: Callable[[int], dict]
    indices: Sequence[int]
    share: float = 1.0


def endless(
    groups: Sequence[Group], seed: int, shard: int = 0, shards: int = 1
) -> grain.MapDataset:
    """Examples of the groups by their shares, each group over and over in random orders."""
    datasets = [
        grain.MapDataset.source(group.indices)[shard::shards]
        .seed(seed + 7919 * number)
        .shuffle()
        .repeat()
        .map(group.example)
        for number, group in enumerate(groups)
    ]
    return grain.MapDataset.mix(datasets, [group.share for group in groups])


def training_batches(
    groups: Sequence[Group],
    *,
    seed: int,
    rows: int,
    shape: RowShape,
    units: int,
    parts: int = 1,
    extra_targets: Sequence[str] = (),
    shard: int = 0,
    shards: int = 1,
    threads: int = 2,
) -> tuple[grain.IterDataset, FitsRow]:
    """Endless packed batches in a fixed random order, and the filter that counts drops.

    Args:
      rows: rows of this process's share of a step.
      parts: batches that a step's rows come in; they are the same rows in any number of parts.
      units, extra_targets: as in `pack`.
      shard, shards: this process and their number; each reads its own records.
    """
    mixed = endless(groups, seed, shard, shards)
    fits = FitsRow(shape, patience=min(10_000, 4 * sum(len(group.indices) for group in groups)))
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=64)
    examples = mixed.to_iter_dataset(options).filter(fits)
    packed = pack(
        examples,
        rows=rows // parts,
        shape=shape,
        units=units,
        bins=4 * rows,
        extra_targets=extra_targets,
    )
    return packed, fits
