"""Where arrays live: one mesh, one table a model, one rule for batches.

Mesh axes: `data` copies the parameters, `fsdp` splits them and the batch, `tensor` splits the
layers' inner width. Arrays are born in their place: nothing of model size is ever on one host.
"""

import collections
import logging
import math
import re
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from records.errors import UserError

AXES = ("data", "fsdp", "tensor")
ROWS = ("data", "fsdp")  # what the rows of a batch are split over


def make_mesh(sizes: Mapping[str, int], devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A mesh over all devices; one size may be -1, which takes the devices that are left.

    devices: others than those that are here, as of a topology that programs are compiled for.
    """
    shape = [sizes[axis] for axis in AXES]
    count = jax.device_count() if devices is None else len(devices)
    if shape.count(-1) == 1:
        shape[shape.index(-1)] = count // -math.prod(shape)
    if min(shape) < 1 or math.prod(shape) != count:
        raise UserError(
            f"config.mesh {dict(sizes)} does not cover {count} devices: the sizes must multiply "
            "to that number (one of them may be -1)."
        )
    types = (jax.sharding.AxisType.Auto,) * len(AXES)
    mesh = jax.make_mesh(shape, AXES, axis_types=types, devices=devices)
    _check_rows(mesh)
    return mesh


def _check_rows(mesh: Mesh):
    """Every row must lie on one process, which reads its records, and all have as many rows."""
    holders = [
        {device.process_index for device in devices}
        for devices in mesh.devices.reshape(-1, mesh.shape["tensor"])
    ]
    if any(len(processes) > 1 for processes in holders):
        raise UserError(
            f"config.mesh {dict(mesh.shape)} splits rows over processes that read different "
            "records: tensor must divide the devices of one process "
            f"({jax.local_device_count()})."
        )
    shares = collections.Counter(process for (process,) in holders)
    if len(set(shares.values())) > 1:
        raise UserError(f"the processes hold different numbers of rows ({dict(shares)}).")


def parameter_shardings(
    mesh: Mesh,
    table: Sequence[tuple[str, PartitionSpec]],
    params: Mapping[str, jax.Array | jax.ShapeDtypeStruct],
) -> dict[str, NamedSharding]:
    """Looks every parameter path up in the model's table (first full match).

    An axis that does not divide its dimension is left out there, aloud. Raises KeyError for a
    path the table forgot.
    """
    shardings = {}
    for path, shape in ((path, param.shape) for path, param in params.items()):
        spec = next((s for pattern, s in table if re.fullmatch(pattern, path)), None)
        if spec is None:
            raise KeyError(f"no line of the partition table covers {path} {shape}")
        fitted = []
        for axis, length in zip(spec, shape, strict=False):
            size = math.prod(mesh.shape[a] for a in np.atleast_1d(axis)) if axis else 1
            if length % size:
                logging.info("%s %s: not split over %s=%d", path, shape, axis, size)
            fitted.append(axis if length % size == 0 else None)
        shardings[path] = NamedSharding(mesh, PartitionSpec(*fitted))
    return shardings


def like_parameters(mesh: Mesh, tree, shardings: Mapping[str, NamedSharding]):
    """Shardings for a tree that holds dicts keyed by parameter path (optimizer moments)."""

    def place(path, leaf):
        name = path[-1].key if path and hasattr(path[-1], "key") else None
        if name in shardings and leaf.ndim:
            return shardings[name]
        return NamedSharding(mesh, PartitionSpec())

    return jax.tree_util.tree_map_with_path(place, tree)


def constrain(x: jax.Array, mesh: Mesh | None, *axes: str | tuple[str, ...] | None) -> jax.Array:
    """x inside a program, split over the mesh axes given for its first dimensions, else whole.

    Nothing happens on one device, and where a dimension can't be split so.
    """
    if mesh is None or mesh.size == 1:
        return x
    for axis, length in zip(axes, x.shape, strict=False):
        if axis and length % math.prod(mesh.shape[a] for a in np.atleast_1d(axis)):
            return x
    return jax.lax.with_sharding_constraint(x, NamedSharding(mesh, PartitionSpec(*axes)))


def put_batch(mesh: Mesh, batch: Mapping[str, np.ndarray]) -> dict[str, jax.Array]:
    """This process's rows to global arrays whose first axis is split over data and fsdp."""
    sharding = NamedSharding(mesh, PartitionSpec(ROWS))
    return {
        name: jax.make_array_from_process_local_data(sharding, value)
        for name, value in batch.items()
    }
