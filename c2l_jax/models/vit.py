"""What the vision towers of Qwen's models share."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from c2l_jax.models.layers import Compute, Linear, NewParams
from c2l_jax.ops.attention import Sees
from c2l_jax.ops.rotary import rotate


class VisionAttention(nnx.Module):
    """Attention among patches, queries, keys and values from one matrix."""

    def __init__(self, size: int, heads: int, compute: Compute, new: NewParams, out_gain: float):
        self.qkv = Linear(new, size, 3 * size, bias=True)
        self.output = Linear(new, size, size, bias=True, gain=out_gain)
        self.heads, self.compute = heads, compute

    def __call__(self, x_nsd: jax.Array, angles_nsk: jax.Array, sees: Sees) -> jax.Array:
        qkv = self.qkv(x_nsd).reshape(*x_nsd.shape[:2], 3, self.heads, -1)
        q, k, v = (qkv[:, :, i] for i in range(3))
        q, k = rotate(q, angles_nsk), rotate(k, angles_nsk)
        return self.output(self.compute.attend(q, k, v, sees).reshape(x_nsd.shape))


def embed_patches(
    patches: jax.Array, kernel_tchwd: jax.Array, mean: Sequence[float], std: Sequence[float]
) -> jax.Array:
    """uint8 RGB patches [..., channel * row * column] to [..., D]; mean and std of RGB in [0, 1].

    A still picture is one frame shown as often as the kernel has time slices, so these add up.
    """
    # The barrier makes the slices' gradient an array of its own. As the broadcast that it is,
    # XLA's CPU backend (jax 0.10.2, YNNPACK) at times sums its squares wrongly, by a half.
    kernel = jax.lax.optimization_barrier(kernel_tchwd).sum(0)
    area = kernel.shape[1] * kernel.shape[2]
    kernel = kernel.reshape(-1, kernel.shape[-1])
    mean, std = (np.repeat(np.asarray(values, np.float32), area) for values in (mean, std))
    pixels = (patches.astype(jnp.float32) / 255.0 - mean) / std
    return pixels.astype(kernel.dtype) @ kernel
