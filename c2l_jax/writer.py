"""Responses written with the weights of a run that is going on, by one process for itself."""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from c2l_jax.data.processor import Processor
from c2l_jax.models import family_of, weights
from c2l_jax.models.layers import Compute
from c2l_jax.models.lora import LoRA, merged
from c2l_jax.sampler import PromptShape, Response, Sampler
from c2l_jax.sharding import AXES, parameter_shardings


class Writer:
    """Writes responses with given weights, on this process's devices alone.

    count: questions of this process at a time; config.grpo.sampler_rows may say less.
    """

    def __init__(
        self, processor: Processor, config, mesh: Mesh, shape: PromptShape, *, lanes: int, **drawing
    ):
        grpo = config.grpo
        family = family_of(config.model)
        model_config = family.Config.from_directory(config.model)
        _, shapes = weights.abstract(model_config)
        self._local = local_mesh(mesh)
        shares = self._local.shape["fsdp"]
        rows = (grpo.sampler_rows or grpo.questions) // jax.process_count()
        self._sampler = Sampler(
            model_config,
            Compute(config.compute_dtype, attention=config.attention, mesh=self._local),
            mesh=self._local,
            shape=shape,
            end_tokens=processor.end_token_ids,
            max_tokens=grpo.max_tokens,
            rows=max(1, -(-rows // shares)) * shares,
            lanes=lanes,
            forbidden=processor.forbidden_token_ids,
            **drawing,
        )
        # Whole on every device, or on those of each tensor axis: gathered once, not at every token.
        whole = {
            path: NamedSharding(mesh, _only_tensor(place.spec))
            for path, place in parameter_shardings(mesh, family.PARTITION_TABLE, shapes).items()
        }
        lora, dtype = LoRA.of(config.lora), jnp.dtype(config.compute_dtype)

        def gather(params):
            return {path: param.astype(dtype) for path, param in merged(params, lora).items()}

        self._gather = jax.jit(gather, out_shardings=whole)
        self._prepare = jax.jit(self._sampler.prepare)

    def load(self, params: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """Training's parameters, which may be used up later, as `answer` wants them."""
        return self._prepare(
            {path: _localized(param, self._local) for path, param in self._gather(params).items()}
        )

    def answers(
        self, params: dict[str, jax.Array], prompts: Iterable[tuple[int, dict]], n: int, seed: int
    ) -> dict[int, list[Response]]:
        """By the prompts' numbers, n responses to each; see `Sampler.run`."""
        return dict(self._sampler.run(params, prompts, n, seed))


def local_mesh(mesh: Mesh) -> Mesh:
    """This process's part of a mesh, whose rows are all over fsdp."""
    mine = [d for d in mesh.devices.flat if d.process_index == jax.process_index()]
    devices = np.asarray(mine).reshape(1, -1, mesh.shape["tensor"])
    return Mesh(devices, AXES, axis_types=mesh.axis_types)


def _only_tensor(spec: PartitionSpec) -> PartitionSpec:
    return PartitionSpec(*("tensor" if "tensor" in np.atleast_1d(axis) else None for axis in spec))


def _localized(x: jax.Array, local: Mesh) -> jax.Array:
    """What this process has of an array that is whole on each of a mesh's rows."""
    place = NamedSharding(local, x.sharding.spec)
    pieces = [shard.data for shard in x.addressable_shards]
    return jax.make_array_from_single_device_arrays(x.shape, place, pieces)
