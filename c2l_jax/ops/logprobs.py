"""Log-probabilities of given tokens, without ever holding the logits of all of them."""

import functools
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name
from jax.sharding import Mesh

from c2l_jax.sharding import constrain

_FORBIDDEN = -1e9  # finite, so that padding, whose target may be forbidden, stays finite
# (logits [n, V] float32, targets [n]) -> two numbers [n] a target
Reading = Callable[[jax.Array, jax.Array], tuple[jax.Array, jax.Array]]


def likelihood(logits_nv: jax.Array, targets_n: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Log-probability [n] of each target, and whether it is the likeliest.

    A target that ties with the largest logit counts.
    """
    is_target = jnp.arange(logits_nv.shape[1]) == targets_n[:, None]
    # A masked sum: the gradient of a gather would be a scatter, slow on every device.
    target_logits_n = jnp.sum(jnp.where(is_target, logits_nv, 0.0), -1)
    logp_n = target_logits_n - jax.nn.logsumexp(logits_nv, -1)
    return logp_n, target_logits_n >= jax.lax.stop_gradient(logits_nv.max(-1))


def policy(temperature: float, forbidden: Sequence[int]) -> Reading:
    """Reads log-probabilities under the distribution that is drawn from, and its entropy in nats.

    No gradient flows through the entropy.
    """

    def read(logits_nv, targets_n):
        logits_nv = policy_logits(logits_nv, temperature, forbidden)
        logp_n, _ = likelihood(logits_nv, targets_n)
        fixed_nv = jax.lax.stop_gradient(logits_nv)
        entropy_n = jax.nn.logsumexp(fixed_nv, -1) - (jax.nn.softmax(fixed_nv) * fixed_nv).sum(-1)
        return logp_n, entropy_n

    return read


def policy_logits(logits: jax.Array, temperature: float, forbidden: Sequence[int]) -> jax.Array:
    """Logits [..., V] at a temperature; those of the forbidden tokens make them impossible."""
    if temperature != 1:
        logits = logits / temperature
    if not forbidden:
        return logits
    is_forbidden = np.isin(np.arange(logits.shape[-1]), forbidden)
    return jnp.where(is_forbidden, _FORBIDDEN, logits)


def target_logprobs(
    model, batch: Mapping[str, jax.Array], chunk: int, read: Reading = likelihood
) -> tuple[jax.Array, jax.Array]:
    """`token_logprobs` of a packed batch's targets [B, R]: the head sees response tokens only.

    model: called with the batch, gives hidden states [B, T, D]; has `head_vd()` and `compute`.
    """
    hidden_btd, slots_br = model(batch), batch["target_slots"]
    hidden_brd = jax.vmap(lambda hidden, slots: hidden[slots])(hidden_btd, slots_br)
    hidden_brd = model.compute.by_row(hidden_brd)
    mesh = model.compute.mesh
    return token_logprobs(hidden_brd, model.head_vd(), batch["targets"], chunk, mesh, read)


def token_logprobs(
    hidden_brd: jax.Array,
    head_vd: jax.Array,
    targets_br: jax.Array,
    chunk: int,
    mesh: Mesh | None = None,
    read: Reading = likelihood,
) -> tuple[jax.Array, jax.Array]:
    """What `read` makes of each target and the logits head @ hidden.

    At most `chunk` tokens' logits exist at a time (or one a row), forward and backward: those of
    several chunks are recomputed. On a mesh each device has its part of the vocabulary for all
    rows' tokens of a chunk: the hidden states travel, which are smaller than the head and its
    gradient.

    Returns:
      of `likelihood`: logp_br float32 and is_argmax_br bool.
    """
    rows, count = targets_br.shape
    size = min(max(1, chunk // rows), count)
    chunks = -(-count // size)
    size = -(-count // chunks)
    # float32 outside the loop, so that the chunks' gradients add up in float32.
    by_word = constrain(head_vd, mesh, ("tensor", "fsdp"))
    wide_head_vd = by_word.astype(jnp.float32)

    # Of a single chunk they are kept: the backward pass begins with them, and has them anyway.
    kept = ("logits",) if chunks == 1 else ()
    keeping = jax.checkpoint_policies.save_only_these_names(*kept)

    @functools.partial(jax.checkpoint, policy=keeping)
    def of_chunk(operands):
        hidden, targets = (x.reshape(rows * size, *x.shape[2:]) for x in operands)
        hidden, targets = (constrain(x, mesh, "data") for x in (hidden, targets))
        logits = constrain(_logits(hidden, wide_head_vd), mesh, "data", ("tensor", "fsdp"))
        logits = checkpoint_name(logits, "logits")
        return tuple(x.reshape(rows, size) for x in read(logits, targets))

    def by_chunk(x_br):
        pads = [(0, 0), (0, chunks * size - count)] + [(0, 0)] * (x_br.ndim - 2)
        split = jnp.pad(x_br, pads).reshape(rows, chunks, size, *x_br.shape[2:])
        return split.swapaxes(0, 1)

    found = jax.lax.map(of_chunk, (by_chunk(hidden_brd), by_chunk(targets_br)))
    logp_br, other_br = (x.swapaxes(0, 1).reshape(rows, -1)[:, :count] for x in found)
    return logp_br, other_br


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
