"""Log-probabilities of given tokens, without ever holding the logits of all of them."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp


def target_logprobs(
    model, batch: Mapping[str, jax.Array], chunk: int
) -> tuple[jax.Array, jax.Array]:
    """`token_logprobs` of a packed batch's targets [B, R]: the head sees response tokens only.

    model: called with the batch, gives hidden states [B, T, D]; has `head_vd()`.
    """
    hidden_btd = model(batch)
    hidden_brd = jnp.take_along_axis(hidden_btd, batch["target_slots"][..., None], axis=1)
    shape = batch["targets"].shape
    logp_n, is_argmax_n = token_logprobs(
        hidden_brd.reshape(-1, hidden_brd.shape[-1]),
        model.head_vd(),
        batch["targets"].reshape(-1),
        chunk,
    )
    return logp_n.reshape(shape), is_argmax_n.reshape(shape)


def token_logprobs(
    hidden_nd: jax.Array, head_vd: jax.Array, targets_n: jax.Array, chunk: int
) -> tuple[jax.Array, jax.Array]:
    """Log-probability of each target under softmax(head @ hidden), and whether it is the likeliest.

    At most `chunk` rows of logits exist at a time, forward and backward (they are recomputed).

    Returns:
      logp_n float32 and is_argmax_n bool (a target that ties with the largest logit counts).
    """
    count = len(targets_n)
    chunks = max(1, -(-count // chunk))
    size = -(-count // chunks)
    # float32 outside the loop, so that the chunks' gradients add up in float32.
    wide_head_vd = head_vd.astype(jnp.float32)

    @jax.checkpoint
    def of_chunk(operands):
        hidden, targets = operands
        logits = _logits(hidden, wide_head_vd)
        is_target = jnp.arange(logits.shape[1]) == targets[:, None]
        # A masked sum: the gradient of a gather would be a scatter, slow on every device.
        target_logits = jnp.sum(jnp.where(is_target, logits, 0.0), -1)
        logp = target_logits - jax.nn.logsumexp(logits, -1)
        return logp, target_logits >= jax.lax.stop_gradient(logits.max(-1))

    padding = chunks * size - count
    hidden = jnp.pad(hidden_nd, ((0, padding), (0, 0))).reshape(chunks, size, -1)
    targets = jnp.pad(targets_n, (0, padding)).reshape(chunks, size)
    logp, is_argmax = jax.lax.map(of_chunk, (hidden, targets))
    return logp.reshape(-1)[:count], is_argmax.reshape(-1)[:count]


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
