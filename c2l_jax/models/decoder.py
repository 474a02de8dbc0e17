"""The language model of every family: grouped-query attention, gated MLP, rotary positions.

Qwen2, Qwen3 and Llama differ by a few flags of DecoderConfig. Training, prefill and decoding run
the same layers; they differ by the `attend_heads` that they pass.
"""

import dataclasses
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from c2l_jax.models.layers import Compute, GatedMLP, Linear, NewParams, RMSNorm, scan_layers
from c2l_jax.ops.attention import Sees
from c2l_jax.ops.attention.cached import attend_in_parts
from c2l_jax.ops.rotary import multimodal_angles, turn
from c2l_jax.sharding import constrain

KeyValue = tuple[jax.Array, jax.Array]
Turns = tuple[jax.Array, jax.Array]  # cosine and sine of the rotary angles, [..., 1, Dh / 2]


@dataclasses.dataclass(frozen=True)
class DecoderConfig:
    """Hyper-parameters. `mrope_section` counts rotary frequencies, half of `head_dim` in all."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    mrope_section: tuple[int, int, int]
    head_dim: int = 0  # 0: hidden_size / num_attention_heads
    rope_theta: float = 1_000_000.0
    rms_norm_eps: float = 1e-6
    max_position_embeddings: int = 32_768
    bos_token_id: int | None = None
    eos_token_id: int | tuple[int, ...] | None = None
    # What families differ in.
    qkv_bias: bool = False
    qk_norm: bool = False  # of queries and keys, over each head
    mrope_interleaved: bool = False  # see ops.rotary.multimodal_angles

    def __post_init__(self):
        if not self.head_dim:
            object.__setattr__(self, "head_dim", self.hidden_size // self.num_attention_heads)


class Attention(nnx.Module):
    def __init__(self, config: DecoderConfig, new: NewParams, out_gain: float):
        size, head_dim = config.hidden_size, config.head_dim
        q_size, kv_size = (
            heads * head_dim for heads in (config.num_attention_heads, config.num_key_value_heads)
        )
        self.query = Linear(new, size, q_size, bias=config.qkv_bias)
        self.key = Linear(new, size, kv_size, bias=config.qkv_bias)
        self.value = Linear(new, size, kv_size, bias=config.qkv_bias)
        self.output = Linear(new, q_size, size, bias=False, gain=out_gain)
        self.query_norm, self.key_norm = (
            RMSNorm(new, head_dim, config.rms_norm_eps) if config.qk_norm else None
            for _ in range(2)
        )
        self.head_dim = head_dim

    def __call__(self, x_btd: jax.Array, turns: Turns, attend_heads: Callable):
        projected = self.query(x_btd), self.key(x_btd), self.value(x_btd)
        q, k, v = (y.reshape(*x_btd.shape[:-1], -1, self.head_dim) for y in projected)
        if self.query_norm is not None:
            q, k = self.query_norm(q), self.key_norm(k)
        out_bthd, cache = attend_heads(turn(q, *turns), turn(k, *turns), v)
        return self.output(out_bthd.reshape(*x_btd.shape[:-1], -1)), cache


class DecoderLayer(nnx.Module):
    def __init__(self, config: DecoderConfig, new: NewParams):
        size, eps = config.hidden_size, config.rms_norm_eps
        # Residual branches start small, so that depth doesn't raise the variance (GPT-2).
        out_gain = (2 * config.num_hidden_layers) ** -0.5
        self.input_norm = RMSNorm(new, size, eps)
        self.attention = Attention(config, new, out_gain)
        self.post_attention_norm = RMSNorm(new, size, eps)
        self.mlp = GatedMLP(new, size, config.intermediate_size, bias=False, out_gain=out_gain)

    def __call__(self, x_btd: jax.Array, turns: Turns, attend_heads: Callable):
        """One layer. `attend_heads(q, k, v) -> (out, cache)`; returns (x, cache)."""
        attended, cache = self.attention(self.input_norm(x_btd), turns, attend_heads)
        x_btd = x_btd + attended
        return x_btd + self.mlp(self.post_attention_norm(x_btd)), cache


class Decoder(nnx.Module):
    """Embedding, layers and final norm; no head."""

    def __init__(
        self, config: DecoderConfig, compute: Compute, rngs: nnx.Rngs, param_dtype: jnp.dtype
    ):
        new = NewParams(rngs, param_dtype)
        self.config, self.compute = config, compute
        # Tied to the head, where this deviation gives logits of unit variance.
        size = config.hidden_size
        self.embedding = new.normal(config.vocab_size, size, std=size**-0.5)
        count = config.num_hidden_layers
        if compute.scan_layers:
            self.layers = DecoderLayer(config, NewParams(rngs, param_dtype, stack=(count,)))
        else:
            self.layers = nnx.List([DecoderLayer(config, new) for _ in range(count)])
        self.norm = RMSNorm(new, size, config.rms_norm_eps)

    def __call__(
        self,
        x_btd: jax.Array,
        positions_bt3: jax.Array,
        sees: Sees,
        added_kbtd: jax.Array | None = None,
        keep_cache: bool = False,
    ) -> tuple[jax.Array, list[KeyValue] | None]:
        """Hidden states [B, T, D] after the final norm, and each layer's cache.

        That is keys [B, K, Dh, T] (after rotary) and values [B, K, T, Dh], or None without
        keep_cache.

        Args:
          added_kbtd: what is added to the outputs of the first layers, as DeepStack does with what
            a vision tower finds on its way (arXiv:2406.04334).
        """
        turns = self._turns(positions_bt3)

        def attend_heads(q, k, v):
            cache = (k.transpose(0, 2, 3, 1), v.swapaxes(1, 2)) if keep_cache else None
            return self.compute.attend(q, k, v, sees), cache

        def apply(layer, x, index):
            x, cache = layer(x, turns, attend_heads)
            if added_kbtd is not None:
                # One loop for all layers: those behind the first ones add zeros.
                count = len(added_kbtd)
                some = added_kbtd[jnp.minimum(index, count - 1)]
                x += jnp.where(index < count, some, 0).astype(x.dtype)
            return x, cache

        if self.compute.scan_layers:
            params = nnx.state(self.layers)
            x_btd, stacked = scan_layers(self.layers, params, apply, x_btd, self.compute)
            caches = list(zip(*stacked, strict=True)) if keep_cache else None
        else:
            caches = []
            for index, layer in enumerate(self.layers):
                x_btd, cache = apply(layer, x_btd, index)
                caches.append(cache)
        return self.norm(x_btd), caches

    def embed(self, tokens_bt: jax.Array) -> jax.Array:
        """[B, T, D]. Each device looks its part of D up for all rows; then each gets its rows."""
        mesh = self.compute.mesh
        tokens_bt = constrain(tokens_bt, mesh, "data")
        # Said of the table too: a head tied to it is split by words.
        table_vd = constrain(self.embedding[...], mesh, "tensor", "fsdp")
        x_btd = constrain(table_vd[tokens_bt], mesh, "data", None, "fsdp")
        return self.compute.by_row(x_btd)

    def empty_cache(self, *rows: int, length: int) -> list[KeyValue]:
        """Each layer's (keys [*rows, K, Dh, length], values [*rows, K, length, Dh]), all 0."""
        config, dtype = self.config, self.embedding[...].dtype
        rows, size = (*rows, config.num_key_value_heads), config.head_dim
        return [
            tuple(jnp.zeros((*rows, *shape), dtype) for shape in ((size, length), (length, size)))
            for _ in range(config.num_hidden_layers)
        ]

    def decode(
        self,
        tokens_qn: jax.Array,
        positions_qn3: jax.Array,
        parts: Sequence[tuple[list[KeyValue], jax.Array]],
        running: list[KeyValue],
        running_mask_qnr: jax.Array,
        slot: jax.Array | int,
    ) -> tuple[jax.Array, list[KeyValue]]:
        """One more token of each of N branches of each of Q prompts.

        Args:
          parts: what was written before, as (cache, bool mask of what is seen): a trunk from
            the call that a prompt's branches share, of rows Q and with a mask [Q, T], or what each
            branch has of its own, of rows Q, N and with a mask [Q, N, R].
          running: the cache to which the tokens are added, of rows Q, N and length R; a loop
            should carry it with Q, N and the heads as one axis, or XLA's CPU backend copies it at
            every step.
          running_mask_qnr: bool, which entries of it each branch sees; among them `slot`.
          slot: where in R the new tokens go, the same for all branches.

        Returns hidden states [Q, N, D] after the final norm, and `running` with this token. The
        model must have been made without scan_layers.
        """
        turns = self._turns(positions_qn3)
        x_qnd = self.embedding[...][tokens_qn]
        new_running = []
        for index, layer in enumerate(self.layers):
            seen = [(cache[index], mask) for cache, mask in parts]

            def attend_heads(q, k, v, seen=seen, index=index):
                written = _append(running[index], k, v, slot)
                return attend_in_parts(q, [*seen, (written, running_mask_qnr)]), written

            x_qnd, written = layer(x_qnd, turns, attend_heads)
            new_running.append(written)
        return self.norm(x_qnd), new_running

    def _turns(self, positions: jax.Array) -> Turns:
        config = self.config
        angles = multimodal_angles(
            positions, config.mrope_section, config.rope_theta, config.mrope_interleaved
        )[..., None, :]
        # Behind a barrier, or XLA computes them again for every layer.
        return jax.lax.optimization_barrier((jnp.cos(angles), jnp.sin(angles)))


def _append(running: KeyValue, k_qnhd: jax.Array, v_qnhd: jax.Array, slot) -> KeyValue:
    """The running cache with one more key and value at `slot`."""
    write, (keys, values) = jax.lax.dynamic_update_slice_in_dim, running
    return (
        write(keys, k_qnhd.reshape(*keys.shape[:-1], 1), slot, axis=-1),
        write(values, v_qnhd.reshape(*values.shape[:-2], 1, -1), slot, axis=-2),
    )
