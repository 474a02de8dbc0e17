"""Examples of any length to rows of one static shape, and the training pipeline that feeds them."""

import logging
import re
from collections.abc import Mapping, Sequence

import grain
import numpy as np
from grain.experimental import FirstFitPackIterDataset

from c2l_jax.data.processor import FORMATS, Processor
from c2l_jax.data.records import Split
from c2l_jax.errors import UserError

TOKEN_FEATURES = ("tokens", "branches", "positions", "targets", "weights", "image_slots")
PATCH_FEATURES = ("patches", "patch_coords", "window_images")
PADDING = {"image_slots": -1, "patch_coords": -1}
# More than the pictures of one example; makes image ids unique in a row.
_IMAGES_PER_EXAMPLE = 1 << 16


class FitsRow:
    """Filter that drops examples longer than a row, aloud, and refuses to search for ever."""

    def __init__(self, tokens: int, windows: int, patience: int):
        self.tokens, self.windows, self.patience = tokens, windows, patience
        self.dropped: set[str] = set()
        self._in_a_row = 0

    def __call__(self, example: Mapping) -> bool:
        tokens, windows = len(example["tokens"]), len(example["window_images"])
        if tokens <= self.tokens and windows <= self.windows:
            self._in_a_row = 0
            return True
        self._in_a_row += 1
        size = f"{tokens} tokens, {windows} windows; a row holds {self.tokens} and {self.windows}"
        if self._in_a_row > self.patience:
            raise UserError(
                f"not one of {self.patience} examples in a row fits ({example['id']} has {size}): "
                "raise config.data.row_tokens or config.data.row_windows, or use smaller pictures."
            )
        if example["id"] not in self.dropped:
            self.dropped.add(example["id"])
            if len(self.dropped) <= 3:
                logging.warning("dropped example %s: %s", example["id"], size)
        return False


def finish_row(row: dict) -> dict:
    """Turns what the packer wrote for one row into the model's batch features.

    Picture slots of an example were counted from its own first window, and its pictures from 1;
    both become unique within the row.
    """
    segments, windows = row["tokens_segment_ids"], row["patches_segment_ids"]
    # First window of segment s; segments without a picture are never looked up.
    first_window = np.searchsorted(windows[windows > 0], np.arange(segments.max(initial=0) + 1))
    units = row["patches"].shape[1] // 4  # a merge unit is 2 x 2 patches
    slots, images = row["image_slots"], row["window_images"]
    return {
        "ids": list(row["id"]),
        "segments": segments,
        **{name: row[name] for name in TOKEN_FEATURES + PATCH_FEATURES},
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
    examples: grain.IterDataset, *, rows: int, row_tokens: int, row_windows: int, bins: int
) -> grain.IterDataset:
    """First-fit packing of examples (as from `add_branches`, with "id") along tokens and windows.

    Args:
      rows: rows of a batch.
      row_tokens, row_windows: a row's length in tokens T and in windows G.
      bins: rows being filled at once; more pack tighter and hold more examples in memory.
    """
    lengths = dict.fromkeys(TOKEN_FEATURES, row_tokens) | dict.fromkeys(PATCH_FEATURES, row_windows)
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
    Otherwise a (record, format) belongs to the first pattern found in its "game/task/format", and
    each pattern has its share; one without a pattern is left out. Raises UserError for weights that
    make no sense and for a pattern without records.
    """
    used = [name for name, weight in formats.items() if weight > 0]
    if set(formats) - set(FORMATS) or not used:
        raise UserError(
            f"config.data.formats is {dict(formats)}: give positive weights to some of "
            f"{', '.join(FORMATS)}."
        )
    if not tasks:
        return [(name, range(len(split)), formats[name]) for name in used]
    groups = [{name: [] for name in used} for _ in tasks]
    for index in range(len(split)):
        record = split[index]
        for format in used:
            name = f"{record['game']}/{record['task']}/{format}"
            group = next((i for i, (p, _) in enumerate(tasks) if re.search(p, name)), None)
            if group is not None:
                groups[group][format].append(index)
    lines = []
    for (pattern, share), group in zip(tasks, groups, strict=True):
        total = sum(map(len, group.values()))
        if not total or share <= 0:
            raise UserError(
                f"config.data.tasks: the pattern {pattern!r} has {total} records and share "
                f"{share}; both must be positive. Names look like {name!r}."
            )
        lines += [(f, found, share * len(found) / total) for f, found in group.items() if found]
    return lines


def training_batches(
    split: Split,
    processor: Processor,
    *,
    formats: Mapping[str, float],
    tasks: Sequence[tuple[str, float]] = (),
    seed: int,
    rows: int,
    row_tokens: int,
    row_windows: int,
    shard: int = 0,
    shards: int = 1,
    threads: int = 2,
) -> tuple[grain.IterDataset, FitsRow]:
    """Endless packed batches of a split in a fixed random order, and the filter that counts drops.

    Args:
      formats, tasks: what is asked and how, see `mixture`.
      rows: rows of this process's share of a batch.
      shard, shards: this process and their number; each reads its own records.
    """
    datasets, shares = [], []
    for number, (name, indices, share) in enumerate(mixture(split, formats, tasks)):
        datasets.append(
            grain.MapDataset.source(indices)[shard::shards]
            .seed(seed + 7919 * number)
            .shuffle()
            .repeat()
            .map(lambda index, name=name: processor.example(split[index], name))
        )
        shares.append(share)
    mixed = grain.MapDataset.mix(datasets, shares)
    fits = FitsRow(row_tokens, row_windows, patience=min(10_000, 4 * len(split)))
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=64)
    examples = mixed.to_iter_dataset(options).filter(fits)
    batches = pack(
        examples, rows=rows, row_tokens=row_tokens, row_windows=row_windows, bins=4 * rows
    )
    return batches, fits
