"""Writing responses with a key-value cache, in the trunk-and-branch layout of training.

The trunk (a prompt without its last token) is computed once; a branch starts with the prompt's
last token and grows by one token a step. Shapes are static: one compilation for a data set.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from c2l_jax.errors import UserError
from c2l_jax.models.params import merge
from c2l_jax.sharding import put_batch


@dataclasses.dataclass(frozen=True)
class PromptShape:
    """What every batch of prompts is padded to."""

    rows: int  # prompts in a batch
    tokens: int  # of the trunk
    windows: int

    @classmethod
    def that_fits(cls, prompts: Iterable[dict], rows: int) -> "PromptShape":
        """The smallest shape for all these prompts (lengths rounded up to 32 tokens)."""
        sizes = [(len(p["tokens"]) - 1, len(p["window_images"])) for p in prompts]
        tokens, windows = (max(column) for column in zip(*sizes, strict=True))
        return cls(rows, -(-tokens // 32) * 32, windows)


def prompt_rows(prompts: Sequence[dict], shape: PromptShape) -> dict[str, np.ndarray]:
    """Prompts, as from `Processor.prompt`, to the model's batch, one to a row; missing rows empty.

    Adds last_tokens [B] and last_positions [B] int32, with which a branch starts.
    """
    if len(prompts) > shape.rows:
        raise ValueError(f"{len(prompts)} prompts for {shape.rows} rows")
    slots, patch_dim = prompts[0]["patches"].shape[1:]
    rows, tokens, windows = shape.rows, shape.tokens, shape.windows
    batch = {
        "tokens": np.zeros((rows, tokens), np.int32),
        "segments": np.zeros((rows, tokens), np.int32),
        "branches": np.zeros((rows, tokens), np.int32),
        "positions": np.zeros((rows, tokens, 3), np.int32),
        "image_slots": np.full((rows, tokens), -1, np.int32),
        "patches": np.zeros((rows, windows, slots, patch_dim), np.uint8),
        "patch_coords": np.full((rows, windows, slots, 2), -1, np.int32),
        "window_images": np.zeros((rows, windows), np.int32),
        "last_tokens": np.zeros(rows, np.int32),
        "last_positions": np.zeros(rows, np.int32),
    }
    for row, prompt in enumerate(prompts):
        trunk, used = len(prompt["tokens"]) - 1, len(prompt["window_images"])
        if trunk > tokens or used > windows:
            raise UserError(
                f"a prompt of {trunk} tokens and {used} windows does not fit in {shape}."
            )
        for name in ("tokens", "positions", "image_slots"):
            batch[name][row, :trunk] = prompt[name][:trunk]
        for name in ("patches", "patch_coords", "window_images"):
            batch[name][row, :used] = prompt[name]
        batch["segments"][row, :trunk] = 1
        batch["last_tokens"][row] = prompt["tokens"][trunk]
        batch["last_positions"][row] = prompt["next_position"] - 1
    return batch


def generate(model, batch: dict[str, jax.Array], *, max_tokens: int, end_token: int) -> jax.Array:
    """Greedy responses, int32 [B, max_tokens]; after a response's end token come end tokens.

    Stops as soon as every row has ended. Rows without a prompt end at once.
    """
    _, trunk_cache = model.prefill(batch)
    layers = model.unstack()
    head_vd = model.head_vd()
    rows = batch["tokens"].shape[0]
    trunk_mask = batch["segments"] > 0

    def branch_cache(trunk: jax.Array) -> jax.Array:
        return jnp.zeros((rows, 1, max_tokens, *trunk.shape[2:]), trunk.dtype)

    def unfinished(carry):
        step, _, ended, _, _ = carry
        return (step < max_tokens) & ~ended.all()

    def write_token(carry):
        step, tokens_b, ended_b, cache, written_br = carry
        positions = jnp.repeat((batch["last_positions"] + step)[:, None, None], 3, axis=2)
        hidden_bnd, cache = model.decode(
            layers, tokens_b[:, None], positions, trunk_cache, trunk_mask, cache, step
        )
        logits_bv = jnp.einsum(
            "bd,vd->bv", hidden_bnd[:, 0], head_vd, preferred_element_type=jnp.float32
        )
        tokens_b = jnp.where(ended_b, end_token, logits_bv.argmax(-1).astype(jnp.int32))
        written_br = jax.lax.dynamic_update_slice(written_br, tokens_b[:, None], (0, step))
        return step + 1, tokens_b, ended_b | (tokens_b == end_token), cache, written_br

    start = (
        jnp.zeros((), jnp.int32),
        batch["last_tokens"],
        ~trunk_mask.any(-1),
        jax.tree.map(branch_cache, trunk_cache),
        jnp.full((rows, max_tokens), end_token, jnp.int32),
    )
    return jax.lax.while_loop(unfinished, write_token, start)[-1]


class Sampler:
    """Compiled once for a prompt shape; `params` is a flat dict as in training."""

    def __init__(
        self,
        graphdef: nnx.GraphDef,
        params: dict[str, jax.Array],
        *,
        mesh: jax.sharding.Mesh,
        end_token: int,
        max_tokens: int,
    ):
        self._params, self._mesh, self._end = params, mesh, end_token

        @jax.jit
        def run(params, batch):
            model = merge(graphdef, params)
            return generate(model, batch, max_tokens=max_tokens, end_token=end_token)

        self._run = run

    def __call__(self, prompts: Iterable[dict], shape: PromptShape) -> Iterator[np.ndarray]:
        """Responses in the prompts' order: tokens [r], without the end token."""
        prompts = iter(prompts)
        while part := list(itertools.islice(prompts, shape.rows)):
            written = self._run(self._params, put_batch(self._mesh, prompt_rows(part, shape)))
            for row in np.asarray(written)[: len(part)]:
                ends = np.flatnonzero(row == self._end)
                yield row[: ends[0]] if len(ends) else row
