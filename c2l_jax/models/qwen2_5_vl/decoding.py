"""Qwen2.5-VL's language model, one token at a time over key-value caches.

The hidden states of the R = Q * N tokens are columns, [D, R], and the kernels are turned to
[out, in] before the loop. XLA's CPU backend packs the right operand of every product anew; so that
is a few columns and not the weights, which takes about a tenth off the time of a step.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from c2l_jax.models.qwen2_5_vl.layers import Linear
from c2l_jax.models.qwen2_5_vl.text import KeyValue, TextLayer, TextModel
from c2l_jax.ops.attention import attend_in_parts
from c2l_jax.ops.rotary import turn


def unstack(text: TextModel) -> list[nnx.State]:
    """The parameters of each layer with kernels [out, in], for `decode`.

    Call it outside the decoding loop: XLA doesn't hoist slices of stacked parameters out of a
    while loop, and would copy every weight at every step.
    """

    def of_layer(index: int):
        def take(path, stacked):
            return stacked[index].T if path[-1] == "kernel" else stacked[index]

        return nnx.map_state(take, nnx.state(text.layers))

    return [of_layer(index) for index in range(text.config.num_hidden_layers)]


def decode(
    text: TextModel,
    layers: list[nnx.State],
    x_qnd: jax.Array,
    positions_qn3: jax.Array,
    parts: Sequence[tuple[list[KeyValue], jax.Array]],
    running: list[KeyValue],
    running_mask_qnr: jax.Array,
    slot: jax.Array | int,
) -> tuple[jax.Array, list[KeyValue]]:
    """One token of each branch; see Qwen2_5_VL.decode."""
    graphdef = nnx.graphdef(text.layers)
    angles_qnk = text.angles(positions_qn3)
    # Behind a barrier, or XLA computes them for every layer.
    cos_sin = jax.lax.optimization_barrier((jnp.cos(angles_qnk), jnp.sin(angles_qnk)))
    write = jax.lax.dynamic_update_slice_in_dim
    x_dr = x_qnd.reshape(-1, x_qnd.shape[-1]).T
    new_running = []
    for index, params in enumerate(layers):

        def attend_heads(q, k, v, index=index):
            keys, values = running[index]
            written = (
                write(keys, k.reshape(*keys.shape[:-1], 1), slot, axis=-1),
                write(values, v.reshape(*values.shape[:-2], 1, -1), slot, axis=-2),
            )
            seen = [(cache[index], mask) for cache, mask in parts]
            return attend_in_parts(q, [*seen, (written, running_mask_qnr)]), written

        x_dr, written = _layer(nnx.merge(graphdef, params), x_dr, cos_sin, attend_heads)
        new_running.append(written)
    return text.norm(x_dr, axis=0).T.reshape(x_qnd.shape), new_running


def _layer(
    layer: TextLayer,
    x_dr: jax.Array,
    cos_sin: tuple[jax.Array, jax.Array],
    attend_heads: Callable,
) -> tuple[jax.Array, KeyValue]:
    """As TextLayer, on columns, with turned kernels and cosines and sines [Q, N, Dh / 2]."""
    attention, mlp = layer.attention, layer.mlp
    branches = cos_sin[0].shape[:2]
    normed_dr = layer.input_norm(x_dr, axis=0)
    q, k, v = (
        _product(linear, normed_dr).T.reshape(*branches, -1, attention.head_dim)
        for linear in (attention.query, attention.key, attention.value)
    )
    out, cache = attend_heads(turn(q, *cos_sin), turn(k, *cos_sin), v)
    x_dr += _product(attention.output, out.reshape(x_dr.shape[::-1]).T)
    normed_dr = layer.post_attention_norm(x_dr, axis=0)
    gated = jax.nn.silu(_product(mlp.gate, normed_dr)) * _product(mlp.up, normed_dr)
    return x_dr + _product(mlp.down, gated), cache


def _product(linear: Linear, x_ir: jax.Array) -> jax.Array:
    y_or = linear.kernel[...] @ x_ir
    return y_or if linear.bias is None else y_or + linear.bias[...][:, None]
