"""Qwen2.5-VL's language model: grouped-query attention, gated MLP, multimodal rotary positions."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from c2l_jax.models.qwen2_5_vl.config import TextConfig
from c2l_jax.models.qwen2_5_vl.layers import GatedMLP, Linear, NewParams, RMSNorm, scan_layers
from c2l_jax.ops.attention import attend
from c2l_jax.ops.rotary import multimodal_angles, rotate

KeyValue = tuple[jax.Array, jax.Array]


class TextAttention(nnx.Module):
    def __init__(self, config: TextConfig, new: NewParams, out_gain: float):
        size, kv_size = config.hidden_size, config.num_key_value_heads * config.head_dim
        self.query = Linear(new, size, size, bias=True)
        self.key = Linear(new, size, kv_size, bias=True)
        self.value = Linear(new, size, kv_size, bias=True)
        self.output = Linear(new, size, size, bias=False, gain=out_gain)
        self.head_dim = config.head_dim

    def __call__(self, x_btd: jax.Array, angles_btk: jax.Array, attend_heads: Callable):
        q, k, v = (
            project(x_btd).reshape(*x_btd.shape[:-1], -1, self.head_dim)
            for project in (self.query, self.key, self.value)
        )
        out_bthd, cache = attend_heads(rotate(q, angles_btk), rotate(k, angles_btk), v)
        return self.output(out_bthd.reshape(x_btd.shape)), cache


class TextLayer(nnx.Module):
    def __init__(self, config: TextConfig, new: NewParams):
        size, eps = config.hidden_size, config.rms_norm_eps
        # Residual branches start small, so that depth doesn't raise the variance (GPT-2).
        out_gain = (2 * config.num_hidden_layers) ** -0.5
        self.input_norm = RMSNorm(new, size, eps)
        self.attention = TextAttention(config, new, out_gain)
        self.post_attention_norm = RMSNorm(new, size, eps)
        self.mlp = GatedMLP(new, size, config.intermediate_size, bias=False, out_gain=out_gain)

    def __call__(self, x_btd: jax.Array, angles_btk: jax.Array, attend_heads: Callable):
        """One layer. `attend_heads(q, k, v) -> (out, cache)`; returns (x, cache)."""
        attended, cache = self.attention(self.input_norm(x_btd), angles_btk, attend_heads)
        x_btd = x_btd + attended
        return x_btd + self.mlp(self.post_attention_norm(x_btd)), cache


class TextModel(nnx.Module):
    """Embedding, stacked layers and final norm; no head."""

    def __init__(self, config: TextConfig, rngs: nnx.Rngs, param_dtype: jnp.dtype):
        new = NewParams(rngs, param_dtype)
        self.config = config
        # Tied to the head, where this deviation gives logits of unit variance.
        size = config.hidden_size
        self.embedding = new.normal(config.vocab_size, size, std=size**-0.5)
        self.layers = TextLayer(
            config, NewParams(rngs, param_dtype, stack=(config.num_hidden_layers,))
        )
        self.norm = RMSNorm(new, config.hidden_size, config.rms_norm_eps)

    def angles(self, positions_bt3: jax.Array) -> jax.Array:
        return multimodal_angles(positions_bt3, self.config.mrope_section, self.config.rope_theta)

    def __call__(
        self,
        x_btd: jax.Array,
        positions_bt3: jax.Array,
        mask_btt: jax.Array,
        remat: str,
        keep_cache: bool = False,
    ) -> tuple[jax.Array, KeyValue | None]:
        """Hidden states [B, T, D] after the final norm, and the cache of all layers.

        That is keys [L, B, K, Dh, T] and values [L, B, K, T, Dh], or None without keep_cache.
        """
        angles_btk = self.angles(positions_bt3)

        def attend_heads(q, k, v):
            cache = (k.transpose(0, 2, 3, 1), v.swapaxes(1, 2)) if keep_cache else None
            return attend(q, k, v, mask_btt, causal=True), cache

        def apply(layer, x):
            return layer(x, angles_btk, attend_heads)

        x_btd, cache = scan_layers(self.layers, nnx.state(self.layers), apply, x_btd, remat)
        return self.norm(x_btd), cache
