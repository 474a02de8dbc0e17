"""Examples of any length to rows of one static shape, and the training pipeline that feeds them.

A row has three axes, packed together: T tokens, R targets (the response tokens, on which the loss
is) and G vision windows.
"""

import dataclasses
import logging
import re
from collections.abc import Callable, Mapping, Sequence

import grain
import numpy as np
from grain.experimental import FirstFitPackIterDataset

from c2l_jax.data.processor import FORMATS
from c2l_jax.data.records import Split
from c2l_jax.errors import UserError, pattern_table

TOKEN_FEATURES = ("tokens", "branches", "positions", "image_slots")
TARGET_FEATURES = ("targets", "target_slots", "target_branches", "weights")
PATCH_FEATURES = ("patches", "patch_coords", "window_images")
PADDING = {"image_slots": -1, "patch_coords": -1}
# More than the pictures of one example; makes image ids unique in a row.
_IMAGES_PER_EXAMPLE = 1 << 16


@dataclasses.dataclass(frozen=True)
class RowShape:
    """A row's length along its three axes; `targets` 0 means as many as tokens."""

    tokens: int
    targets: int
    windows: int

    def lengths(self) -> tuple[int, int, int]:
        return self.tokens, self.targets or self.tokens, self.windows


def size(example: Mapping) -> tuple[int, int, int]:
    """(tokens, targets, windows) of an example, as from `add_branches`."""
    return tuple(len(example[name]) for name in ("tokens", "targets", "window_images"))


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
        told = "{} tokens, {} targets, {} windows; a row holds {}, {} and {}".format(*sizes, *room)
        if self._in_a_row > self.patience:
            raise UserError(
                f"not one of {self.patience} examples in a row fits ({example['id']} has {told}): "
                "raise config.data.row_tokens, row_targets or row_windows, or use smaller pictures."
            )
        if example["id"] not in self.dropped:
            self.dropped.add(example["id"])
            if len(self.dropped) <= 3:
                logging.warning("dropped example %s: %s", example["id"], told)
        return False


def finish_row(row: dict) -> dict:
    """Turns what the packer wrote for one row into the model's batch features.

    Picture slots and target slots of an example were counted from its own first window and token,
    and its pictures from 1; all become unique within the row.
    """
    segments, windows = row["tokens_segment_ids"], row["patches_segment_ids"]
    target_segments = row["targets_segment_ids"]
    # First window and token of segment s; segments without a picture are never looked up.
    numbers = np.arange(segments.max(initial=0) + 1)
    first_window, first_token = (
        np.searchsorted(ids[ids > 0], numbers).astype(np.int32) for ids in (windows, segments)
    )
    units = row["patches"].shape[1] // 4  # a merge unit is 2 x 2 patches
    slots, images = row["image_slots"], row["window_images"]
    packed = {name: value for name, value in row.items() if name + "_segment_ids" in row}
    return {
        "ids": list(row["id"]),
        "segments": segments,
        "target_segments": target_segments,
        **packed,
        "target_slots": row["target_slots"] + first_token[target_segments],
        "image_slots": np.where(slots >= 0, slots + first_window[segments] * units, -1).astype(
            np.int32
        ),
        "window_images": np.where(images > 0, windows * _IMAGES_PER_EXAMPLE + images, 0).astype(
            np.int32
        ),
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
    bins: int,
    extra_targets: Sequence[str] = (),
) -> grain.IterDataset:
    """First-fit packing of examples (as from `add_branches`, with "id") along all three axes.

    Args:
      rows: rows of a batch; the last one of a finite stream may have fewer.
      bins: rows being filled at once; more pack tighter and hold more examples in memory.
      extra_targets: features [r] that examples have besides TARGET_FEATURES.
    """
    axes = (TOKEN_FEATURES, (*TARGET_FEATURES, *extra_targets), PATCH_FEATURES)
    lengths = {
        name: length for names, length in zip(axes, shape.lengths(), strict=True) for name in names
    }
    packed = FirstFitPackIterDataset(
        examples,
        length_struct=lengths,
        num_packing_bins=bins,
        shuffle_bins=False,
        meta_features=("id",),
        padding_struct={name: PADDING.get(name) for name in lengths},
    )
    return packed.map(finish_row).batch(rows, batch_fn=stack_rows)


def mixture(
    split: Split, formats: Mapping[str, float], tasks: Sequence[tuple[str, float]]
) -> list[tuple[str, Sequence[int], float]]:
    """(format, indices of the records asked in it, share of the examples), one line a group.

    Without `tasks` every record comes in every format of weight > 0, in the formats' proportions.
    Otherwise a (record, format) belongs to the first pattern found in its
    "level/game/task/format", and each pattern has its share; one without a pattern is left out.
    Raises UserError for weights that make no sense and for a bad pattern or one without records.
    """
    used = [name for name, weight in formats.items() if weight > 0]
    if set(formats) - set(FORMATS) or not used:
        raise UserError(
            f"config.data.formats is {dict(formats)}: give positive weights to some of "
            f"{', '.join(FORMATS)}."
        )
    table = pattern_table(tasks, "config.data.tasks")
    if not table:
        return [(name, range(len(split)), formats[name]) for name in used]
    kinds, kind_n = split.kinds()
    groups: list[dict[str, list[int]]] = [{} for _ in table]
    for format in used:
        names = [f"{kind['plot_level']}/{kind['game']}/{kind['task']}/{format}" for kind in kinds]
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


def training_batches(
    groups: Sequence[Group],
    *,
    seed: int,
    rows: int,
    shape: RowShape,
    extra_targets: Sequence[str] = (),
    shard: int = 0,
    shards: int = 1,
    threads: int = 2,
) -> tuple[grain.IterDataset, FitsRow]:
    """Endless packed batches in a fixed random order, and the filter that counts drops.

    Args:
      rows: rows of this process's share of a batch.
      extra_targets: as in `pack`.
      shard, shards: this process and their number; each reads its own records.
    """
    datasets = [
        grain.MapDataset.source(group.indices)[shard::shards]
        .seed(seed + 7919 * number)
        .shuffle()
        .repeat()
        .map(group.example)
        for number, group in enumerate(groups)
    ]
    mixed = grain.MapDataset.mix(datasets, [group.share for group in groups])
    fits = FitsRow(shape, patience=min(10_000, 4 * sum(len(group.indices) for group in groups)))
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=64)
    examples = mixed.to_iter_dataset(options).filter(fits)
    return pack(examples, rows=rows, shape=shape, bins=4 * rows, extra_targets=extra_targets), fits
