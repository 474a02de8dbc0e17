"""What a row is made of: the one list of its features, from which every row is built.

A row has three axes, and examples lie behind one another along each of them:

  t  tokens   T of a row
  r  targets  R of a row, the response tokens, on which the loss is
  g  tiles    G of a row, the pieces that pictures are cut into, each of S patches of P numbers

A batch [b, ...] has B rows. Besides the features listed here it has `segments` [b, t] and
`target_segments` [b, r]: the number of the example, from 1, to which a place belongs; 0 is padding.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import jax
import numpy as np

AXES = ("tokens", "targets", "tiles")
SEGMENTS = {"tokens": "segments", "targets": "target_segments"}
# More than the pictures of one example; makes their numbers unique in a row.
_IMAGES_PER_EXAMPLE = 1 << 16


@dataclasses.dataclass(frozen=True)
class Feature:
    """One array of a row.

    trailing: its shape behind that axis, in the letters of a tile's [s, p] or numbers.
    counts: what its values number, if anything: an example's own "tokens", "units" of tiles
    (merged tokens) or "images". They begin anew in every example and are unique once packed.
    """

    axis: str
    trailing: tuple[int | str, ...] = ()
    dtype: type = np.int32
    padding: int = 0
    counts: str | None = None


FEATURES = {
    "tokens": Feature("tokens"),
    "branches": Feature("tokens"),  # 0 the trunk, 1, 2, ... what hangs on it
    "positions": Feature("tokens", (3,)),  # time, height, width
    "image_slots": Feature("tokens", padding=-1, counts="units"),  # -1 is text
    "targets": Feature("targets"),
    "target_slots": Feature("targets", counts="tokens"),  # the token whose output predicts it
    "target_branches": Feature("targets"),
    "target_weights": Feature("targets", dtype=np.float32),
    "patches": Feature("tiles", ("s", "p"), np.uint8),
    "patch_coords": Feature("tiles", ("s", 2), padding=-1),  # (row, column); -1 is an empty slot
    "tile_images": Feature("tiles", counts="images"),  # from 1; 0 is padding
    "tile_grids": Feature("tiles", (2,)),  # rows and columns of patches of its picture
}
# What an objective adds to the targets, such as a reference's log-probabilities.
EXTRA = Feature("targets", dtype=np.float32)


def feature(name: str) -> Feature:
    return FEATURES.get(name, EXTRA)


def on_axis(axis: str) -> tuple[str, ...]:
    """The features along an axis."""
    return tuple(name for name, each in FEATURES.items() if each.axis == axis)


@dataclasses.dataclass(frozen=True)
class RowShape:
    """A row's length along its three axes; `targets` 0 means as many as tokens."""

    tokens: int
    targets: int
    tiles: int

    def lengths(self) -> tuple[int, int, int]:
        return self.tokens, self.targets or self.tokens, self.tiles


def size(example: Mapping) -> tuple[int, int, int]:
    """(tokens, targets, tiles) of an example, as from `add_branches`."""
    return tuple(len(example[name]) for name in ("tokens", "targets", "tile_images"))


def rebase(row: Mapping[str, np.ndarray], segments: Mapping[str, np.ndarray], units: int) -> dict:
    """Features of a packed row with what they count made unique within it.

    segments: [length] for each axis, which example is where. units: merged tokens of a tile.
    """
    examples = np.arange(max(of.max(initial=0) for of in segments.values()) + 1)
    # The first place of each example; of one without tiles it is never looked up.
    first = {
        axis: np.searchsorted(of[of > 0], examples).astype(np.int32)
        for axis, of in segments.items()
    }
    packed = {}
    for name, values in row.items():
        each = feature(name)
        of = segments[each.axis]
        if each.counts == "tokens":
            values = values + first["tokens"][of]
        elif each.counts == "units":
            values = np.where(values >= 0, values + first["tiles"][of] * units, values)
        elif each.counts == "images":
            values = values + of * _IMAGES_PER_EXAMPLE
        packed[name] = values.astype(each.dtype)
    return packed


def one_a_row(
    examples: Sequence[Mapping[str, np.ndarray] | None],
    shape: RowShape,
    axes: Sequence[str] = AXES,
) -> dict[str, np.ndarray]:
    """Examples to a batch, one a row; None becomes an empty row. At least one must be there.

    axes: those to build. A feature that the examples lack is all padding. Raises ValueError for an
    example that is longer than its row.
    """
    lengths = dict(zip(AXES, shape.lengths(), strict=True))
    some = next(example for example in examples if example)
    batch = {}
    for axis in axes:
        rows = (len(examples), lengths[axis])
        for name in on_axis(axis):
            trailing = some[name].shape[1:] if name in some else ()
            batch[name] = np.full(rows + trailing, FEATURES[name].padding, FEATURES[name].dtype)
        if axis in SEGMENTS:
            batch[SEGMENTS[axis]] = np.zeros(rows, np.int32)
    for row, example in enumerate(examples):
        for name in batch.keys() & (example or {}).keys():
            batch[name][row, : len(example[name])] = example[name]
        for axis in SEGMENTS.keys() & set(axes) if example else ():
            batch[SEGMENTS[axis]][row, : len(example[axis])] = 1
    return batch


def batch_shapes(
    rows: int, shape: RowShape, patch_shape: tuple[int, int], extra_targets: Sequence[str] = ()
) -> dict[str, jax.ShapeDtypeStruct]:
    """What a batch of packed rows looks like; patch_shape is [s, p]."""
    lengths = dict(zip(AXES, shape.lengths(), strict=True))
    letters = dict(zip("sp", patch_shape, strict=True))
    shapes = {name: ((rows, lengths[axis]), np.int32) for axis, name in SEGMENTS.items()}
    for name in (*FEATURES, *extra_targets):
        each = feature(name)
        trailing = tuple(letters.get(size, size) for size in each.trailing)
        shapes[name] = ((rows, lengths[each.axis], *trailing), each.dtype)
    return {name: jax.ShapeDtypeStruct(*both) for name, both in shapes.items()}


def fill_up(batch: Mapping[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
    """A batch with empty rows behind its own, `rows` in all."""
    return {
        name: np.pad(
            value,
            [(0, rows - len(value))] + [(0, 0)] * (value.ndim - 1),
            constant_values=feature(name).padding,
        )
        for name, value in batch.items()
    }
