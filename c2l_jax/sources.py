"""Where the batches of a run come from."""

from collections.abc import Sequence
from typing import Protocol

import grain
import jax
import numpy as np
from ml_collections import ConfigDict

from c2l_jax.data.layout import RowShape
from c2l_jax.data.packing import Group, training_batches
from c2l_jax.models import family_of

Batch = dict[str, np.ndarray]


class Source(Protocol):
    """Batches without end.

    iterator: its state is kept in checkpoints; with it restored, the same batches follow.
    dropped: examples that did not fit a row.
    """

    iterator: grain.DatasetIterator
    dropped: Sequence[str]

    def next(self, params: dict[str, jax.Array]) -> tuple[list[Batch], list[str], dict[str, float]]:
        """What the next step is computed on, by the current parameters or whatever they are.

        Returns this process's rows of each part (one after the other on the devices, added up), the
        ids of the examples, and figures to be logged.
        """


class Packed:
    """A data set's examples, packed, in a random order that the seed fixes."""

    def __init__(self, groups: Sequence[Group], config: ConfigDict, extra_targets: Sequence[str]):
        data, parts = config.data, config.accumulation
        batches, self._fits = training_batches(
            groups,
            seed=config.seed,
            rows=data.rows // jax.process_count(),
            parts=parts,
            shape=RowShape(data.row_tokens, data.row_targets, data.row_tiles),
            units=family_of(config.model).pictures(config.model).merged_per_tile,
            extra_targets=extra_targets,
            shard=jax.process_index(),
            shards=jax.process_count(),
            threads=data.threads,
        )
        self._batches, self._parts = batches, parts
        self.iterator = iter(batches)

    @property
    def dropped(self) -> Sequence[str]:
        return self._fits.dropped

    def rewind(self):
        """Begins anew."""
        self.iterator = iter(self._batches)

    def next(self, params) -> tuple[list[Batch], list[str], dict[str, float]]:
        del params
        parts, ids = [], []
        for _ in range(self._parts):
            part = next(self.iterator)
            ids += part.pop("ids")
            parts.append(part)
        return parts, ids, {}
