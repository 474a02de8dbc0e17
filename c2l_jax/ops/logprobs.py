"""Log-probabilities of given tokens, without ever holding the logits of all of them."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from c2l_jax.sharding import constrain


def target_logprobs(
    model, batch: Mapping[str, jax.Array], chunk: int
) -> tuple[jax.Array, jax.Array]:
    """`token_logprobs` of a packed batch's targets [B, R]: the head sees response tokens only.

    model: called with the batch, gives hidden states [B, T, D]; has `head_vd()` and `compute`.
    """
    hidden_btd, slots_br = model(batch), batch["target_slots"]
    hidden_brd = jax.vmap(lambda hidden, slots: hidden[slots])(hidden_btd, slots_br)
    hidden_brd = model.compute.by_row(hidden_brd)
    mesh = model.compute.mesh
    return token_logprobs(hidden_brd, model.head_vd(), batch["targets"], chunk, mesh)


def token_logprobs(
    hidden_brd: jax.Array,
    head_vd: jax.Array,
    targets_br: jax.Array,
    chunk: int,
    mesh: Mesh | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Log-probability of each target under softmax(head @ hidden), and whether it is the likeliest.

    At most `chunk` tokens' logits exist at a time (or one a row), forward and backward (they are
    recomputed). On a mesh each device has its part of the vocabulary for all rows' tokens of a
    chunk: the hidden states travel, which are smaller than the head and its gradient.

    Returns:
      logp_br float32 and is_argmax_br bool (a target that ties with the largest logit counts).
    """
    rows, count = targets_br.shape
    size = min(max(1, chunk // rows), count)
    chunks = -(-count // size)
    size = -(-count // chunks)
    # float32 outside the loop, so that the chunks' gradients add up in float32.
    by_word = constrain(head_vd, mesh, ("tensor", "fsdp"))
    wide_head_vd = by_word.astype(jnp.float32)

    @jax.checkpoint
    def of_chunk(operands):
        hidden, targets = (x.reshape(rows * size, *x.shape[2:]) for x in operands)
        hidden, targets = (constrain(x, mesh, "data") for x in (hidden, targets))
        logits = constrain(_logits(hidden, wide_head_vd), mesh, "data", ("tensor", "fsdp"))
        is_target = jnp.arange(logits.shape[1]) == targets[:, None]
        # A masked sum: the gradient of a gather would be a scatter, slow on every device.
        target_logits = jnp.sum(jnp.where(is_target, logits, 0.0), -1)
        logp = target_logits - jax.nn.logsumexp(logits, -1)
        is_argmax = target_logits >= jax.lax.stop_gradient(logits.max(-1))
        return logp.reshape(rows, size), is_argmax.reshape(rows, size)

    def by_chunk(x_br):
        pads = [(0, 0), (0, chunks * size - count)] + [(0, 0)] * (x_br.ndim - 2)
        split = jnp.pad(x_br, pads).reshape(rows, chunks, size, *x_br.shape[2:])
        return split.swapaxes(0, 1)

    found = jax.lax.map(of_chunk, (by_chunk(hidden_brd), by_chunk(targets_br)))
    logp_br, is_argmax_br = (x.swapaxes(0, 1).reshape(rows, -1)[:, :count] for x in found)
    return logp_br, is_argmax_br


@jax.custom_vjp
def _logits(hidden_nd: jax.Array, wide_head_vd: jax.Array) -> jax.Array:
    """float32 logits of products in hidden's dtype, forward and backward.

    Left to itself, the backward pass would multiply float32 by bfloat16 at float32's speed.
    """
    head_vd = wide_head_vd.astype(hidden_nd.dtype)
    return jnp.einsum("nd,vd->nv", hidden_nd, head_vd, preferred_element_type=jnp.float32)


def _logits_forward(hidden_nd, wide_head_vd):
    return _logits(hidden_nd, wide_head_vd), (hidden_nd, wide_head_vd)


def _logits_backward(saved, gradient_nv):
    hidden_nd, wide_head_vd = saved
    gradient_nv = gradient_nv.astype(hidden_nd.dtype)
    head_vd = wide_head_vd.astype(hidden_nd.dtype)
    return (
        gradient_nv @ head_vd,
        jnp.einsum("nv,nd->vd", gradient_nv, hidden_nd, preferred_element_type=jnp.float32),
    )


_logits.defvjp(_logits_forward, _logits_backward)
