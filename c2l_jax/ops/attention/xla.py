"""The reference, in plain XLA operations, for any device.

Short rows and windows are computed all pairs at once, longer rows block by block (blocks.py).
Shapes as in the package. Scores and softmax are float32; the result has the queries' dtype.
"""

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from c2l_jax.ops.attention import blocks
from c2l_jax.ops.attention.scores import SAVED, product, scores
from c2l_jax.ops.attention.sees import Sees, ValidKeys

# Tokens of a row; of longer ones, blocks that nobody sees are worth leaving out. With 256 an SFT
# step on rows of 384 took 7 % longer on a CPU, beside torch's (benchmarks.sft_step, equal).
WHOLE = 512


def attend(q_bthd: jax.Array, k_bskd: jax.Array, v_bskd: jax.Array, sees: Sees) -> jax.Array:
    """As the package's `attend`."""
    if isinstance(sees, ValidKeys) or q_bthd.shape[1] <= WHOLE:
        return _attend(q_bthd, k_bskd, v_bskd, sees)
    return blocks.attend(q_bthd, k_bskd, v_bskd, sees)


# The scores are recomputed in the backward pass: storing [H, T, S] for every layer costs more
# time than the products.
@jax.custom_vjp
def _attend(q_bthd, k_bskd, v_bskd, sees):
    return _attend_forward(q_bthd, k_bskd, v_bskd, sees)[0]


def _attend_forward(q_bthd, k_bskd, v_bskd, sees):
    q, k, v = _by_head(q_bthd, k_bskd), k_bskd.swapaxes(1, 2), v_bskd.swapaxes(1, 2)
    found = scores(q, k, sees.mask()[:, None, None])
    top = found.max(-1, keepdims=True)
    weights = jnp.exp(found - top)
    total = weights.sum(-1, keepdims=True)
    out = product("bkgts,bksd->bkgtd", weights.astype(q.dtype), v) / total
    saved = _by_token(out).astype(q.dtype), top + jnp.log(total)
    out_bthd, lse_bkgt1 = (checkpoint_name(x, SAVED) for x in saved)
    return out_bthd, (q_bthd, k_bskd, v_bskd, sees, out_bthd, lse_bkgt1)


def _attend_backward(saved, gradient_bthd):
    q_bthd, k_bskd, v_bskd, sees, out_bthd, lse_bkgt1 = saved
    q, k, v = _by_head(q_bthd, k_bskd), k_bskd.swapaxes(1, 2), v_bskd.swapaxes(1, 2)
    gradient = _by_head(gradient_bthd, k_bskd)
    means = (gradient_bthd.astype(jnp.float32) * out_bthd.astype(jnp.float32)).sum(-1)
    weights = jnp.exp(scores(q, k, sees.mask()[:, None, None]) - lse_bkgt1)
    change = product("bkgtd,bksd->bkgts", gradient, v) - _by_head(means[..., None], k_bskd)
    change = (weights * change * q.shape[-1] ** -0.5).astype(q.dtype)
    of_q = _by_token(product("bkgts,bksd->bkgtd", change, k))
    # Turned, so that what is turned for the products are tokens and not scores.
    of_k = product("bkgtd,bkgts->bkds", q, change).transpose(0, 3, 1, 2)
    of_v = product("bkgtd,bkgts->bkds", gradient, weights.astype(q.dtype)).transpose(0, 3, 1, 2)
    gradients = zip((of_q, of_k, of_v), saved[:3], strict=True)
    return (*(gradient.astype(x.dtype) for gradient, x in gradients), None)


_attend.defvjp(_attend_forward, _attend_backward)


def _by_head(x_bthd: jax.Array, k_bskd: jax.Array) -> jax.Array:
    """[B, K, H / K, T, D]: products over the last two axes are plain matrix products then."""
    rows, length, _, dim = x_bthd.shape
    split = x_bthd.reshape(rows, length, k_bskd.shape[2], -1, dim)
    return split.transpose(0, 2, 3, 1, 4)


def _by_token(x_bkgtd: jax.Array) -> jax.Array:
    """The inverse of `_by_head`."""
    rows, kv_heads, group, length, dim = x_bkgtd.shape
    return x_bkgtd.transpose(0, 3, 1, 2, 4).reshape(rows, length, kv_heads * group, dim)
