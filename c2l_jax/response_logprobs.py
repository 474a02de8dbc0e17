"""Log-probabilities of given responses, by the packed forward pass of training.

The responses to one question share its prompt as branches share a trunk, so a picture is seen once
however many responses there are. All rows have one shape, made to measure: one compilation.
"""

import dataclasses
from collections.abc import Callable, Sequence

import grain
import jax
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from tqdm import tqdm

from c2l_jax.data.layout import RowShape, fill_up
from c2l_jax.data.packing import pack
from c2l_jax.data.processor import Processor, add_branches
from c2l_jax.models.params import merge
from c2l_jax.ops.logprobs import target_logprobs
from c2l_jax.sharding import ROWS
from records.errors import UserError

# Rows grow with the longest question and its responses up to this; then responses are split up.
ROW_TOKENS = 4096
_OPTIONS = grain.ReadOptions(num_threads=2, prefetch_buffer_size=16)

# index -> (record, format it is asked in, texts of at least one response)
Question = Callable[[int], tuple[dict, str, Sequence[str]]]


@dataclasses.dataclass(frozen=True)
class Size:
    """What one question takes: tokens of its trunk, tiles, tokens of each response."""

    trunk: int
    tiles: int
    responses: tuple[int, ...]

    @property
    def longest(self) -> int:
        """Tokens of the shortest row that holds the trunk and any one of the responses."""
        return self.trunk + max(self.responses)


def fitting_shape(sizes: Sequence[Size]) -> RowShape:
    """Rows for the longest question with all its responses, within ROW_TOKENS if that can be.

    Tiles are as frequent as they are on average, so that both axes fill up together.
    """
    whole = [size.trunk + sum(size.responses) for size in sizes]
    tokens = max(min(max(whole), ROW_TOKENS), max(size.longest for size in sizes))
    tokens = -(-tokens // 32) * 32
    targets = max(min(sum(size.responses), tokens - size.trunk) for size in sizes)
    tiles = max(
        max(size.tiles for size in sizes),
        -(-tokens * sum(size.tiles for size in sizes) // sum(whole)),
    )
    return RowShape(tokens, -(-targets // 32) * 32, tiles)


def slices(sizes: Sequence[Size], shape: RowShape) -> list[tuple[int, int, int]]:
    """(question, first response, end): as many responses of a question together as a row holds."""
    found = []
    for index, size in enumerate(sizes):
        room = min(shape.targets, shape.tokens - size.trunk)
        first, used = 0, 0
        for number, length in enumerate(size.responses):
            if used + length > room:
                found.append((index, first, number))
                first, used = number, 0
            used += length
        found.append((index, first, len(size.responses)))
    return found


def response_logprobs(
    graphdef: nnx.GraphDef,
    params: dict[str, jax.Array],
    processor: Processor,
    question: Question,
    count: int,
    *,
    mesh: Mesh,
    rows: int,
    chunk: int = 2048,
    title: str = "log-probabilities",
) -> list[list[np.ndarray]]:
    """For each of `count` questions, for each response, log-probabilities [r] float32.

    Of every token that `Processor.response` makes of the text, the end-of-turn token included. In
    a cluster, every process reads all questions and gets all results.

    Args:
      params: flat, in the dtype to compute in.
      rows: rows computed at once; raises UserError unless it is a multiple of the devices
        that share rows.
      chunk: targets whose logits exist at one time.
    """
    devices = mesh.shape["data"] * mesh.shape["fsdp"]
    if rows < 1 or rows % devices:
        raise UserError(f"{rows} rows: they must be a positive multiple of {devices} devices.")
    indices = grain.MapDataset.source(range(count))
    measured = indices.map(lambda index: _size(processor, *question(index)))
    sizes = list(tqdm(measured.to_iter_dataset(_OPTIONS), f"{title}: measuring", total=count))
    shape = fitting_shape(sizes)
    plan = slices(sizes, shape)

    def example(number):
        index, first, end = plan[number]
        record, format, texts = question(index)
        responses = [processor.response(text) for text in texts[first:end]]
        return {"id": number, **add_branches(processor.prompt(record, format), responses)}

    @jax.jit
    def run(params, batch):
        logp_br, _ = target_logprobs(merge(graphdef, params), batch, chunk)
        return jax.lax.with_sharding_constraint(logp_br, NamedSharding(mesh, PartitionSpec()))

    examples = grain.MapDataset.source(range(len(plan))).map(example).to_iter_dataset(_OPTIONS)
    found: list[list] = [[None] * len(size.responses) for size in sizes]
    units = processor.pictures.merged_per_tile
    with tqdm(total=len(plan), desc=title) as bar:
        for batch in pack(examples, rows=rows, shape=shape, units=units, bins=2 * rows):
            numbers = batch.pop("ids")
            logp_br = np.asarray(run(params, _put(mesh, batch, rows)))
            segments = batch["target_segments"]
            pieces = [
                logp_r[of == segment]
                for logp_r, of in zip(logp_br, segments, strict=False)
                for segment in range(1, of.max() + 1)
            ]
            for number, piece in zip(numbers, pieces, strict=True):
                index, first, end = plan[number]
                ends = np.cumsum(sizes[index].responses[first:end])
                found[index][first:end] = np.split(piece, ends[:-1])
            bar.update(len(numbers))
    return found


def _size(processor: Processor, record: dict, format: str, texts: Sequence[str]) -> Size:
    tokens, tiles = processor.size(record, format)
    return Size(tokens - 1, tiles, tuple(len(processor.response(text)) for text in texts))


def _put(mesh: Mesh, batch: dict[str, np.ndarray], rows: int) -> dict[str, jax.Array]:
    """A batch filled up with empty rows, which every process has whole, over the devices."""
    sharding = NamedSharding(mesh, PartitionSpec(ROWS))
    return {
        name: jax.make_array_from_callback(value.shape, sharding, value.__getitem__)
        for name, value in fill_up(batch, rows).items()
    }
