"""The reference: attention in blocks of queries, in plain XLA operations, for any device.

Shapes as in the package. Scores and softmax are float32; the result has the queries' dtype.
"""

import itertools

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from c2l_jax.ops.attention import pictures
from c2l_jax.ops.attention.scores import SAVED, product, scores
from c2l_jax.ops.attention.sees import SamePicture, Sees

# Queries attended at once: a quarter of them, so that a causal row skips 3/8 of its scores, and
# at most 1024, which bounds the scores to [H, 1024, S] a row, float32.
_LEAST, _MOST = 128, 1024


def attend(q_bthd: jax.Array, k_bskd: jax.Array, v_bskd: jax.Array, sees: Sees) -> jax.Array:
    """As the package's `attend`."""
    if isinstance(sees, SamePicture) and q_bthd.shape[1] > pictures.BLOCK:
        return pictures.attend(q_bthd, k_bskd, v_bskd, sees)
    return _attend(q_bthd, k_bskd, v_bskd, sees)


# The scores are recomputed in the backward pass: storing [H, T, S] for every layer costs more
# time than the products, and at 4096 tokens more memory than there is.
@jax.custom_vjp
def _attend(q_bthd, k_bskd, v_bskd, sees):
    return _attend_forward(q_bthd, k_bskd, v_bskd, sees)[0]


def _attend_forward(q_bthd, k_bskd, v_bskd, sees):
    q, k, v = _by_head(q_bthd, k_bskd), k_bskd.swapaxes(1, 2), v_bskd.swapaxes(1, 2)
    outs, lses = [], []
    for queries, keys in _blocks(q.shape[3], k.shape[2], sees.causal):
        mask_b11ts = sees.mask(queries, keys)[:, None, None]
        found = scores(q[..., queries, :], k[:, :, keys], mask_b11ts)
        top = found.max(-1, keepdims=True)
        weights = jnp.exp(found - top)
        total = weights.sum(-1, keepdims=True)
        out = product("bkgts,bksd->bkgtd", weights.astype(q.dtype), v[:, :, keys])
        outs.append(out / total)
        lses.append(top + jnp.log(total))
    out_bthd = _by_token(jnp.concatenate(outs, -2)).astype(q.dtype)
    saved = (checkpoint_name(x, SAVED) for x in (out_bthd, jnp.concatenate(lses, -2)))
    out_bthd, lses_bkgt1 = saved
    return out_bthd, (q_bthd, k_bskd, v_bskd, sees, out_bthd, lses_bkgt1)


def _attend_backward(saved, gradient_bthd):
    q_bthd, k_bskd, v_bskd, sees, out_bthd, lses_bkgt1 = saved
    q, k, v = _by_head(q_bthd, k_bskd), k_bskd.swapaxes(1, 2), v_bskd.swapaxes(1, 2)
    gradient = _by_head(gradient_bthd, k_bskd)
    means = (gradient_bthd.astype(jnp.float32) * out_bthd.astype(jnp.float32)).sum(-1)
    means_bkgt1 = _by_head(means[..., None], k_bskd)
    q_gradients = []
    k_gradient, v_gradient = (jnp.zeros(x.shape, jnp.float32) for x in (k, v))
    for queries, keys in _blocks(q.shape[3], k.shape[2], sees.causal):
        some_q, some_gradient = q[..., queries, :], gradient[..., queries, :]
        mask_b11ts = sees.mask(queries, keys)[:, None, None]
        found = scores(some_q, k[:, :, keys], mask_b11ts)
        weights = jnp.exp(found - lses_bkgt1[..., queries, :])
        change = product("bkgtd,bksd->bkgts", some_gradient, v[:, :, keys])
        change = weights * (change - means_bkgt1[..., queries, :])
        change = (change * q.shape[-1] ** -0.5).astype(q.dtype)
        q_gradients.append(product("bkgts,bksd->bkgtd", change, k[:, :, keys]))
        of_k = product("bkgts,bkgtd->bksd", change, some_q)
        of_v = product("bkgts,bkgtd->bksd", weights.astype(q.dtype), some_gradient)
        k_gradient = k_gradient.at[:, :, keys].add(of_k)
        v_gradient = v_gradient.at[:, :, keys].add(of_v)
    q_gradient = _by_token(jnp.concatenate(q_gradients, -2))
    gradients = q_gradient, k_gradient.swapaxes(1, 2), v_gradient.swapaxes(1, 2)
    return (*(g.astype(x.dtype) for g, x in zip(gradients, saved[:3], strict=True)), None)


_attend.defvjp(_attend_forward, _attend_backward)


def _blocks(queries: int, keys: int, causal: bool) -> list[tuple[slice, slice]]:
    """Blocks of queries and the keys that they may see."""
    size = min(max(-(-queries // 4), _LEAST), _MOST)
    bounds = [*range(0, queries, size), queries]
    return [(slice(a, b), slice(b if causal else keys)) for a, b in itertools.pairwise(bounds)]


def _by_head(x_bthd: jax.Array, k_bskd: jax.Array) -> jax.Array:
    """[B, K, H / K, T, D]: products over the last two axes are plain matrix products then."""
    rows, length, _, dim = x_bthd.shape
    split = x_bthd.reshape(rows, length, k_bskd.shape[2], -1, dim)
    return split.transpose(0, 2, 3, 1, 4)


def _by_token(x_bkgtd: jax.Array) -> jax.Array:
    """The inverse of `_by_head`."""
    rows, kv_heads, group, length, dim = x_bkgtd.shape
    return x_bkgtd.transpose(0, 3, 1, 2, 4).reshape(rows, length, kv_heads * group, dim)
