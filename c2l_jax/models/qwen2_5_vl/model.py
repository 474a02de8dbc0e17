"""Qwen2.5-VL over packed batches: training forward pass, prefill and decoding.

A batch is a dict of arrays with static shapes; B rows, T tokens and G windows a row, S patch slots
a window (64 in the published models):
  tokens int32 [B, T]; segments [B, T] (0 = padding); branches [B, T] (0 = trunk);
  positions [B, T, 3] (temporal, height, width); image_slots [B, T] (-1 = text, else index into
  the row's merged vision tokens); patches uint8 [B, G, S, 3 * patch * patch]; patch_coords
  [B, G, S, 2] (-1 = empty slot); window_images [B, G] (0 = padding). G may be 0.
It computes in its parameters' dtype; norms, rotary angles and softmax in float32.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from flax import nnx

from c2l_jax.models.qwen2_5_vl import decoding
from c2l_jax.models.qwen2_5_vl.config import Config
from c2l_jax.models.qwen2_5_vl.layers import NewParams
from c2l_jax.models.qwen2_5_vl.text import KeyValue, TextModel
from c2l_jax.models.qwen2_5_vl.vision import VisionTower
from c2l_jax.ops.attention import trunk_branch_mask

Batch = Mapping[str, jax.Array]


class Qwen2_5_VL(nnx.Module):
    """The model. `remat` ("none", "dots" or "full") says what the backward pass recomputes."""

    def __init__(self, config: Config, *, rngs: nnx.Rngs, param_dtype: jnp.dtype = jnp.float32):
        text = config.text_config
        self.config = config
        self.remat = "none"
        self.text = TextModel(text, rngs, param_dtype)
        self.vision = VisionTower(config.vision_config, rngs, param_dtype)
        self.head = (
            None
            if config.tie_word_embeddings
            else NewParams(rngs, param_dtype).normal(
                text.vocab_size, text.hidden_size, std=text.hidden_size**-0.5
            )
        )

    def __call__(self, batch: Batch) -> jax.Array:
        """Hidden states [B, T, D] after the final norm; `head_vd` turns them into logits."""
        return self._forward(batch, keep_cache=False)[0]

    def head_vd(self) -> jax.Array:
        """The output head [V, D]: the embedding where the two are tied."""
        return (self.text.embedding if self.head is None else self.head)[...]

    def prefill(self, batch: Batch) -> tuple[jax.Array, list[KeyValue]]:
        """Like the call, and each layer's keys (after rotary) and values, as in `empty_cache`."""
        hidden_btd, (keys, values) = self._forward(batch, keep_cache=True)
        return hidden_btd, list(zip(keys, values, strict=True))

    def empty_cache(self, *rows: int, length: int) -> list[KeyValue]:
        """Each layer's (keys [*rows, Hkv, Dh, length], values [*rows, Hkv, length, Dh]), all 0."""
        config, dtype = self.config.text_config, self.text.embedding[...].dtype
        rows, size = (*rows, config.num_key_value_heads), config.head_dim
        return [
            tuple(jnp.zeros((*rows, *shape), dtype) for shape in ((size, length), (length, size)))
            for _ in range(config.num_hidden_layers)
        ]

    unstack = decoding.unstack
    decode = decoding.decode

    def _forward(self, batch: Batch, keep_cache: bool):
        mask_btt = trunk_branch_mask(batch["segments"], batch["branches"])
        return self.text(self._embed(batch), batch["positions"], mask_btt, self.remat, keep_cache)

    def _embed(self, batch: Batch) -> jax.Array:
        """Token embeddings [B, T, D] with the merged vision tokens in their places."""
        x_btd = self.text.embedding[...][batch["tokens"]]
        if batch["patches"].shape[1] == 0:
            return x_btd
        merged_bmd = self.vision(batch, self.remat)
        slots_bt1 = batch["image_slots"][..., None]
        images_btd = jnp.take_along_axis(merged_bmd, jnp.maximum(slots_bt1, 0), axis=1)
        return jnp.where(slots_bt1 >= 0, images_btd.astype(x_btd.dtype), x_btd)
