"""What the implementations share. Shapes as in the package."""

import jax
import jax.numpy as jnp
import numpy as np

UNSEEN = -0.7 * float(np.finfo(np.float32).max)  # a score; finite, so that no row is all -inf
SAVED = "attention"  # by this name a remat policy keeps what the backward pass needs


def product(equation: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """A product added up in float32."""
    return jnp.einsum(equation, a, b, preferred_element_type=jnp.float32)


def scores(q_kgtd: jax.Array, k_ksd: jax.Array, mask: jax.Array) -> jax.Array:
    """float32 [..., K, G, T, S] of K heads that G queries' heads share; more axes may precede."""
    found = product("...kgtd,...ksd->...kgts", q_kgtd, k_ksd) * q_kgtd.shape[-1] ** -0.5
    return jnp.where(mask, found, UNSEEN)
