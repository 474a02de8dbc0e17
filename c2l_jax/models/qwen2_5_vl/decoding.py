"""Qwen2.5-VL's language model, one token at a time over key-value caches.

The hidden states of the R = Q * N tokens are columns, [D, R], and kernels are turned to [out, in]
before the loop: XLA's CPU backend packs the right operand of every product anew, and that is a few
columns then and not the weights. Kernels that read the same input are one: a small product isn't
worth sharing between cores.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from c2l_jax.models.qwen2_5_vl.config import TextConfig
from c2l_jax.models.qwen2_5_vl.layers import rms_norm
from c2l_jax.models.qwen2_5_vl.text import KeyValue
from c2l_jax.ops.attention import attend_in_parts
from c2l_jax.ops.rotary import turn


class LayerWeights(NamedTuple):
    """A layer's weights as `decode` wants them: H heads, K key-value heads, F hidden units.

    Rows of joined kernels are in an order that a split over heads or hidden units doesn't tear.
    """

    input_norm: jax.Array  # [D]
    qkv: jax.Array  # [K * (H / K + 2) * Dh, D]: a key-value head's queries, its key, its value
    qkv_bias: jax.Array  # [K * (H / K + 2) * Dh]
    output: jax.Array  # [D, H * Dh]
    post_attention_norm: jax.Array  # [D]
    gate_up: jax.Array  # [F * 2, D]: a hidden unit's gate, its other factor
    down: jax.Array  # [D, F]


def unstack(model: nnx.Module) -> list[LayerWeights]:
    """The weights of each layer, for `decode`; to be called outside the decoding loop.

    XLA doesn't hoist slices of stacked parameters out of a while loop, and would copy every weight
    at every step.
    """
    config, layers = model.text.config, model.text.layers
    attention, mlp = layers.attention, layers.mlp

    def of_layer(i: int) -> LayerWeights:
        def joined(parts: list[jax.Array], groups: int) -> jax.Array:
            split = [part[i].T.reshape(groups, -1, *part.shape[1:-1]) for part in parts]
            return jnp.concatenate(split, 1).reshape(-1, *parts[0].shape[1:-1])

        qkv, gate_up = (attention.query, attention.key, attention.value), (mlp.gate, mlp.up)
        return LayerWeights(
            layers.input_norm.scale[i],
            joined([linear.kernel[...] for linear in qkv], config.num_key_value_heads),
            joined([linear.bias[...] for linear in qkv], config.num_key_value_heads),
            attention.output.kernel[i].T,
            layers.post_attention_norm.scale[i],
            joined([linear.kernel[...] for linear in gate_up], config.intermediate_size),
            mlp.down.kernel[i].T,
        )

    return [of_layer(i) for i in range(config.num_hidden_layers)]


def decode(
    model: nnx.Module,
    layers: list[LayerWeights],
    tokens_qn: jax.Array,
    positions_qn3: jax.Array,
    parts: Sequence[tuple[list[KeyValue], jax.Array]],
    running: list[KeyValue],
    running_mask_qnr: jax.Array,
    slot: jax.Array | int,
) -> tuple[jax.Array, list[KeyValue]]:
    """One more token of each of N branches of each of Q prompts.

    Args:
      layers: from `unstack`.
      parts: what was written before, as (cache, bool mask of what is seen): a trunk from
        `prefill` that a prompt's branches share, of rows Q and with a mask [Q, T], or what each
        branch has of its own, of rows Q, N and with a mask [Q, N, R].
      running: the cache to which the tokens are added, of rows Q, N and length R; a loop
        should carry it with Q, N and the heads as one axis, or XLA's CPU backend copies it at
        every step.
      running_mask_qnr: bool, which entries of it each branch sees; among them `slot`.
      slot: where in R the new tokens go, the same for all branches.

    Returns logits float32 [Q, N, V] and `running` with this token.
    """
    text = model.text
    eps, barrier = text.config.rms_norm_eps, jax.lax.optimization_barrier
    angles_kr = text.angles(positions_qn3.reshape(-1, 3)).T
    # Behind a barrier, or XLA computes them for every layer.
    cos_sin = barrier((jnp.cos(angles_kr), jnp.sin(angles_kr)))
    x_dr = text.embedding[...][tokens_qn.reshape(-1)].T
    new_running = []
    for index, layer in enumerate(layers):
        seen = [(cache[index], mask) for cache, mask in parts]
        normed_dr = rms_norm(x_dr, layer.input_norm, eps, axis=0)
        qkv = layer.qkv @ normed_dr + layer.qkv_bias[:, None]
        q_qnhd, written = _append(text.config, qkv, cos_sin, running[index], slot, tokens_qn.shape)
        out_qnhd = attend_in_parts(q_qnhd, [*seen, (written, running_mask_qnr)])
        x_dr += layer.output @ out_qnhd.reshape(x_dr.shape[::-1]).T
        normed_dr = rms_norm(x_dr, layer.post_attention_norm, eps, axis=0)
        gate_up = (layer.gate_up @ normed_dr).reshape(-1, 2, x_dr.shape[1])
        x_dr += layer.down @ (jax.nn.silu(gate_up[:, 0]) * gate_up[:, 1])
        new_running.append(written)
    x_dr = rms_norm(x_dr, text.norm.scale[...], eps, axis=0)
    logits_vr = jnp.matmul(model.head_vd(), x_dr, preferred_element_type=jnp.float32)
    # Behind a barrier, or XLA turns the product round and then the head, for every token.
    return barrier(logits_vr).T.reshape(*tokens_qn.shape, -1), new_running


def _append(
    config: TextConfig,
    qkv: jax.Array,
    cos_sin: tuple[jax.Array, jax.Array],
    running: KeyValue,
    slot: jax.Array | int,
    branches: tuple[int, int],
) -> tuple[jax.Array, KeyValue]:
    """Queries [Q, N, H, Dh], turned, and the running cache with the turned key and the value."""
    write, (keys, values) = jax.lax.dynamic_update_slice_in_dim, running
    qkv = qkv.reshape(config.num_key_value_heads, -1, config.head_dim, qkv.shape[-1])
    turned = turn(qkv[:, :-1], *cos_sin, axis=-2)
    key, value = turned[:, -1].transpose(2, 0, 1), qkv[:, -1].transpose(2, 0, 1)  # [R, K, Dh]
    written = (
        write(keys, key.reshape(*keys.shape[:-1], 1), slot, axis=-1),
        write(values, value.reshape(*values.shape[:-2], 1, -1), slot, axis=-2),
    )
    queries = turned[:, :-1].transpose(3, 0, 1, 2)
    return queries.reshape(*branches, -1, config.head_dim), written
