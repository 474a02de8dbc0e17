"""Rotary position embeddings: three-section multimodal (text) and two-dimensional (vision).

The pairing is "half-split" as in transformers: channel i turns with channel i + D/2.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np


def multimodal_angles(
    positions_bt3: jax.Array, sections: Sequence[int], theta: float, interleaved: bool = False
) -> jax.Array:
    """Angles float32 [..., D/2] from (temporal, height, width) positions int32 [..., 3].

    Of the D/2 frequencies the first sections[0] turn by the temporal position, the next
    sections[1] by the height, the rest by the width (Qwen2_5_VLRotaryEmbedding). Interleaved, they
    take turns: frequency j < 3 * sections[a] with j % 3 = a = 1 or 2 goes by the height or the
    width, and all others by the temporal position (Qwen3VLTextRotaryEmbedding).
    """
    half = sum(sections)
    frequencies = (theta ** -(np.arange(half) / half)).astype(np.float32)
    number = np.arange(half)
    if interleaved:
        axis = np.where(number < 3 * np.take(sections, number % 3), number % 3, 0)
    else:
        axis = np.repeat(np.arange(3), sections)
    return positions_bt3.astype(jnp.float32)[..., axis] * frequencies


def vision_angles(coords_ns2: jax.Array, head_dim: int) -> jax.Array:
    """Angles float32 [..., D/2] from (row, column) of patches int32 [..., 2].

    Row and column each drive D/4 frequencies of base 10000 (Qwen2_5_VLVisionRotaryEmbedding).
    """
    quarter = head_dim // 4
    frequencies = (10000.0 ** -(np.arange(quarter) / quarter)).astype(np.float32)
    angles = coords_ns2.astype(jnp.float32)[..., None] * frequencies
    return angles.reshape(*coords_ns2.shape[:-1], 2 * quarter)


def rotate(x_bthd: jax.Array, angles_btk: jax.Array) -> jax.Array:
    """Turns every head of x by angles [..., D/2]; computed in float32, returned in x's dtype."""
    angles = angles_btk[..., None, :]
    return turn(x_bthd, jnp.cos(angles), jnp.sin(angles))


def turn(x: jax.Array, cos: jax.Array, sin: jax.Array) -> jax.Array:
    """`rotate` by angles of which cosine and sine are known and broadcast."""
    first, second = jnp.split(x.astype(jnp.float32), 2, -1)
    turned = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], -1)
    return turned.astype(x.dtype)
