"""A vision-language model over packed batches: a tower's tokens in a decoder's places.

A batch is a dict of arrays with static shapes, as data/layout.py lists them; B rows, T tokens and
M merged vision tokens a row. There may be no tiles. The model computes in its parameters' dtype.
"""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
from flax import nnx

from c2l_jax.models.decoder import Decoder, KeyValue
from c2l_jax.models.layers import Compute, NewParams
from c2l_jax.ops.attention import Packed

Batch = Mapping[str, jax.Array]


class VisionLanguageModel(nnx.Module):
    """The model of every family.

    Args:
      config: the family's, with text_config, vision_config and tie_word_embeddings.
      tower: the family's vision tower, a module class: called with (vision_config, compute, rngs,
        param_dtype), and then with a batch, for merged tokens [B, M, D] and what the first K layers
        of the decoder get besides, [K, B, M, D], or None.
    """

    def __init__(
        self,
        config,
        tower: Callable,
        compute: Compute,
        *,
        rngs: nnx.Rngs,
        param_dtype: jnp.dtype = jnp.float32,
    ):
        text = config.text_config
        self.config, self.compute = config, compute
        self.text = Decoder(text, compute, rngs, param_dtype)
        self.vision = tower(config.vision_config, compute, rngs, param_dtype)
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
        return self._forward(batch, keep_cache=True)

    def empty_cache(self, *rows: int, length: int) -> list[KeyValue]:
        return self.text.empty_cache(*rows, length=length)

    def decode(
        self,
        tokens_qn: jax.Array,
        positions_qn3: jax.Array,
        parts: Sequence[tuple[list[KeyValue], jax.Array]],
        running: list[KeyValue],
        running_mask_qnr: jax.Array,
        slot: jax.Array | int,
    ) -> tuple[jax.Array, list[KeyValue]]:
        """As `Decoder.decode`, but for logits float32 [Q, N, V]."""
        hidden_qnd, running = self.text.decode(
            tokens_qn, positions_qn3, parts, running, running_mask_qnr, slot
        )
        x_rd = hidden_qnd.reshape(-1, hidden_qnd.shape[-1])
        logits_vr = jnp.einsum(
            "vd,rd->vr", self.head_vd(), x_rd, preferred_element_type=jnp.float32
        )
        # Behind a barrier, or XLA turns the product round and then the head, for every token.
        logits_rv = jax.lax.optimization_barrier(logits_vr).T
        return logits_rv.reshape(*tokens_qn.shape, -1), running

    def _forward(self, batch: Batch, keep_cache: bool):
        x_btd, added_kbtd = self._embed(batch)
        sees = Packed(batch["segments"], batch["branches"])
        return self.text(x_btd, batch["positions"], sees, added_kbtd, keep_cache)

    def _embed(self, batch: Batch) -> tuple[jax.Array, jax.Array | None]:
        """Token embeddings [B, T, D] with the merged vision tokens in their places, and what the
        tower adds later, in the same places."""
        x_btd = self.text.embed(batch["tokens"])
        if batch["patches"].shape[1] == 0:
            return x_btd, None
        merged_bmd, added_kbmd = self.vision(batch)
        slots_bt1 = batch["image_slots"][..., None]
        is_image, places = slots_bt1 >= 0, jnp.maximum(slots_bt1, 0)
        images_btd = jnp.take_along_axis(self.compute.by_row(merged_bmd), places, axis=1)
        x_btd = jnp.where(is_image, images_btd.astype(x_btd.dtype), x_btd)
        if added_kbmd is None:
            return x_btd, None
        added_kbtd = jnp.take_along_axis(added_kbmd, places[None], axis=2)
        return x_btd, jnp.where(is_image, added_kbtd, 0)
