"""Attention: one contract, a file for each implementation.

Shapes: B rows, T queries, S keys, H query heads, K key-value heads (H a multiple of K), D head
dimension.

An implementation is a module with `attend(q, k, v, sees)`, differentiable in the first three, and a
line in IMPLEMENTATIONS; config.attention chooses it. `xla` runs anywhere and is the reference that
the others are tested against; `flash` is for accelerators.
"""

import importlib
import math

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jax.sharding import Mesh, PartitionSpec

from c2l_jax.ops.attention.scores import SAVED
from c2l_jax.ops.attention.sees import Packed, SamePicture, Sees, ValidKeys
from c2l_jax.sharding import ROWS
from records.errors import UserError

__all__ = [
    "IMPLEMENTATIONS",
    "SAVED",
    "Packed",
    "SamePicture",
    "Sees",
    "ValidKeys",
    "attend",
    "check",
]

IMPLEMENTATIONS = {
    "xla": "c2l_jax.ops.attention.xla",
    "flash": "c2l_jax.ops.attention.flash",
}
# The fast one of a platform; "xla" for others. GPUs have flash by config.attention only: jax 0.11
# calls its Triton back end deprecated, and it has yet to run on one.
AUTO = {"tpu": "flash"}


def attend(
    q_bthd: jax.Array,
    k_bskd: jax.Array,
    v_bskd: jax.Array,
    sees: Sees,
    implementation: str = "auto",
    mesh: Mesh | None = None,
) -> jax.Array:
    """Softmax attention scaled by 1/sqrt(D), grouped-query if K < H.

    A query that sees nothing gets a finite value, whose gradient must be 0, as padding's is.

    Args:
      implementation: key of IMPLEMENTATIONS; "auto" takes AUTO's.
      mesh: of what the arrays are split over; rows are over data and fsdp, heads over tensor.

    Returns [B, T, H, D]. By the name SAVED a remat policy keeps what it computes from, and
    what its backward pass needs besides.
    """
    q_bthd, k_bskd, v_bskd = (checkpoint_name(x, SAVED) for x in (q_bthd, k_bskd, v_bskd))
    if implementation == "auto":
        platform = mesh.devices.flat[0].platform if mesh else jax.default_backend()
        implementation = AUTO.get(platform, "xla")
    compute = importlib.import_module(IMPLEMENTATIONS[implementation]).attend
    if mesh is None or mesh.size == 1:
        return compute(q_bthd, k_bskd, v_bskd, sees)
    # Each device computes what it has: the compiler could not split a kernel, and would gather
    # all rows to find out what none of them sees.
    (rows, _, heads, _), kv_heads = q_bthd.shape, k_bskd.shape[2]
    copies = math.lcm(kv_heads, mesh.shape["tensor"]) // kv_heads  # so that each device has a head
    by_row = ROWS if rows % (mesh.size // mesh.shape["tensor"]) == 0 else None
    by_head = "tensor" if heads % (kv_heads * copies) == 0 else None
    if by_head:
        k_bskd, v_bskd = (jnp.repeat(x, copies, axis=2) for x in (k_bskd, v_bskd))
    split = PartitionSpec(by_row, None, by_head)
    specs = (split, split, split, PartitionSpec(by_row))
    return jax.shard_map(compute, mesh=mesh, in_specs=specs, out_specs=split, check_vma=False)(
        q_bthd, k_bskd, v_bskd, sees
    )


def check(implementation: str):
    """Raises UserError for one that does not exist."""
    if implementation not in ("auto", *IMPLEMENTATIONS):
        raise UserError(
            f"config.attention is {implementation!r}: it must be one of auto, "
            f"{', '.join(sorted(IMPLEMENTATIONS))}."
        )
