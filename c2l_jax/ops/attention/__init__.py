"""Attention: one contract, a file for each implementation.

Shapes: B rows, T queries, S keys, H query heads, K key-value heads (H a multiple of K), D head
dimension.

An implementation is a module with `attend(q, k, v, sees)`, differentiable in the first three, and a
line in IMPLEMENTATIONS; config.attention chooses it. `xla` runs anywhere and is the reference that
the others are tested against.
"""

import importlib

import jax
from jax.ad_checkpoint import checkpoint_name

from c2l_jax.ops.attention.sees import Packed, SamePicture, Sees, ValidKeys
from records.errors import UserError

__all__ = ["IMPLEMENTATIONS", "Packed", "SamePicture", "Sees", "ValidKeys", "attend", "check"]

IMPLEMENTATIONS = {
    "xla": "c2l_jax.ops.attention.xla",
    "flash": "c2l_jax.ops.attention.flash",
}


def attend(
    q_bthd: jax.Array,
    k_bskd: jax.Array,
    v_bskd: jax.Array,
    sees: Sees,
    implementation: str = "xla",
) -> jax.Array:
    """Softmax attention scaled by 1/sqrt(D), grouped-query if K < H.

    A query that sees nothing gets a finite value, whose gradient must be 0, as padding's is.

    Returns [B, T, H, D]. By the name "attention" a remat policy keeps what it computes from.
    """
    q_bthd, k_bskd, v_bskd = (checkpoint_name(x, "attention") for x in (q_bthd, k_bskd, v_bskd))
    module = importlib.import_module(IMPLEMENTATIONS[implementation])
    return module.attend(q_bthd, k_bskd, v_bskd, sees)


def check(implementation: str):
    """Raises UserError for one that does not exist."""
    if implementation not in IMPLEMENTATIONS:
        raise UserError(
            f"config.attention is {implementation!r}: it must be one of "
            f"{', '.join(sorted(IMPLEMENTATIONS))}."
        )
