"""Attention on four devices against one: python -m tests.c2l_jax.split, where there are four."""

import jax
import jax.numpy as jnp
import numpy as np

from c2l_jax.ops.attention import Packed, SamePicture, attend
from c2l_jax.sharding import make_mesh

CASES = [  # rows, heads of queries and keys, devices along `tensor`
    ("flash", Packed, 4, 4, 2, 2),
    ("xla", SamePicture, 4, 4, 1, 2),  # fewer heads of keys than devices
    ("xla", Packed, 2, 8, 2, 4),  # the same, and rows that cannot be split
    ("flash", SamePicture, 3, 3, 1, 2),  # nothing can be split
]


def loss(inputs, sees, implementation, mesh):
    out = attend(*inputs, sees, implementation, mesh)
    return jnp.sin(jnp.where(sees.ids[0][..., None, None] > 0, out, 0)).sum()


if __name__ == "__main__":
    rng, length = np.random.default_rng(0), 24
    gradient = jax.jit(jax.value_and_grad(loss), static_argnums=(2, 3))
    for implementation, kind, rows, heads, kv_heads, tensor in CASES:
        inputs = [
            jnp.asarray(rng.normal(size=(rows, length, count, 8)), jnp.float32)
            for count in (heads, kv_heads, kv_heads)
        ]
        ids = (jnp.asarray(np.sort(rng.integers(0, 3, (rows, length)))) for _ in kind._fields)
        sees, mesh = kind(*ids), make_mesh({"data": 1, "fsdp": -1, "tensor": tensor})
        found = gradient(inputs, sees, implementation, mesh)
        expected = gradient(inputs, sees, implementation, None)
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4)
