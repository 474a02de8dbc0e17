"""Where the batches of a run come from."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import grain
import jax
import numpy as np
from ml_collections import ConfigDict

from c2l_jax.data.layout import RowShape
from c2l_jax.data.packing import Group, training_batches
from c2l_jax.models import family_of
from records.errors import UserError
from records.paths import AnyPath, read_json

Batch = dict[str, np.ndarray]


class Source(Protocol):
    """Batches without end.

    iterators: of this process; their states are kept in checkpoints under their names, which don't
      depend on the number of processes; with all restored, the same batches follow.
    dropped: examples that did not fit a row.
    samples: (name, picture [H, W, 3] or None, text) of the last batch, to be looked at.
    """

    iterators: Mapping[str, grain.DatasetIterator]
    dropped: Sequence[str]
    samples: Sequence[tuple[str, np.ndarray | None, str]]

    def next(self, params: dict[str, jax.Array]) -> tuple[list[Batch], list[str], dict[str, float]]:
        """What the next step is computed on, by the current parameters or whatever they are.

        Returns this process's rows of each part (one after the other on the devices, added up), the
        ids of the examples, and figures to be logged.
        """


def stream_count(config: ConfigDict, workdir: AnyPath) -> int:
    """How many streams the examples are read in, each by one process, which packs them into rows.

    config.data.streams, or what the run in `workdir` began with, or else one a process. The streams
    and the rows made of them are the same however many processes share them. Raises UserError
    where these can't.
    """
    path, processes = workdir / "config.json", jax.process_count()
    known = read_json(path)["data"].get("streams") if path.exists() else None
    count = config.data.streams or known or processes
    if count < 1 or count % processes:
        raise UserError(
            f"config.data.streams is {count}: {processes} processes can't share so many streams, "
            "and a run keeps those it began with, so that no record is read twice or lost; use a "
            f"number of processes that divides {count}."
        )
    if config.data.rows % (config.accumulation * count):
        raise UserError(
            f"config.data.rows is {config.data.rows}: it must be a multiple of the accumulation "
            f"({config.accumulation}) times config.data.streams ({count})."
        )
    return count


class Packed:
    """A data set's examples, packed, in a random order that the seed fixes."""

    samples = ()

    def __init__(self, groups: Sequence[Group], config: ConfigDict, extra_targets: Sequence[str]):
        data, self._parts = config.data, config.accumulation
        count = data.streams or jax.process_count()
        share = count // jax.process_count()
        units = family_of(config.model).pictures(config.model).merged_per_tile
        mine = range(share * jax.process_index(), share * (jax.process_index() + 1))
        self._streams = {
            f"process_{number}-of-{count}": training_batches(  # files of Grain have such names
                groups,
                seed=config.seed,
                rows=data.rows // count,
                parts=self._parts,
                shape=RowShape(data.row_tokens, data.row_targets, data.row_tiles),
                units=units,
                extra_targets=extra_targets,
                shard=number,
                shards=count,
                threads=max(1, data.threads // share),
            )
            for number in mine
        }
        self.rewind()

    @property
    def dropped(self) -> Sequence[str]:
        return [name for _, fits in self._streams.values() for name in fits.dropped]

    def rewind(self):
        """Begins anew."""
        self.iterators = {name: iter(batches) for name, (batches, _) in self._streams.items()}

    def next(self, params) -> tuple[list[Batch], list[str], dict[str, float]]:
        del params
        parts, ids = [], []
        for _ in range(self._parts):
            rows = [next(iterator) for iterator in self.iterators.values()]
            ids += [name for some in rows for name in some.pop("ids")]
            parts.append({name: np.concatenate([some[name] for some in rows]) for name in rows[0]})
        return parts, ids, {}
