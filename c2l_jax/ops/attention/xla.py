"""The reference: attention in blocks of queries, in plain XLA operations, for any device.

Shapes as in the package. Scores and softmax are float32; the result has the queries' dtype.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from c2l_jax.ops.attention.sees import Sees

# Queries attended at once: a quarter of them, so that a causal row skips 3/8 of its scores, and
# at most 1024, which bounds the scores to [H, 1024, S] a row, float32.
_LEAST, _MOST = 128, 1024
UNSEEN = -0.7 * float(np.finfo(np.float32).max)  # a score; finite, so that no row is all -inf
SAVED = "attention"  # what a remat policy can keep: the result, and what the backward pass needs


# The scores are recomputed in the backward pass: storing [H, T, S] for every layer costs more
# time than the products, and at 4096 tokens more memory than there is.
@jax.custom_vjp
def attend(q_bthd: jax.Array, k_bskd: jax.Array, v_bskd: jax.Array, sees: Sees) -> jax.Array:
    """As the package's `attend`."""
    return _attend_forward(q_bthd, k_bskd, v_bskd, sees)[0]


def _attend_forward(q_bthd, k_bskd, v_bskd, sees):
    q, k, v = _by_head(q_bthd, k_bskd), k_bskd.swapaxes(1, 2), v_bskd.swapaxes(1, 2)
    outs, tops, totals = [], [], []
    for queries, keys in _blocks(q.shape[3], k.shape[2], sees.causal):
        scores = _scores(q[..., queries, :], k[:, :, keys], sees.mask(queries, keys))
        tops.append(scores.max(-1))
        weights = jnp.exp(scores - tops[-1][..., None])
        totals.append(weights.sum(-1))
        out = product("bkgts,bksd->bkgtd", weights.astype(q.dtype), v[:, :, keys])
        outs.append(out / totals[-1][..., None])
    out_bthd = _by_token(jnp.concatenate(outs, -2)).astype(q.dtype)
    saved = out_bthd, jnp.concatenate(tops, -1), jnp.concatenate(totals, -1)
    return out_bthd, (q_bthd, k_bskd, v_bskd, sees, *saved)


def _attend_backward(saved, gradient_bthd):
    q_bthd, k_bskd, v_bskd, sees, out_bthd, tops, totals = saved
    q, k, v = _by_head(q_bthd, k_bskd), k_bskd.swapaxes(1, 2), v_bskd.swapaxes(1, 2)
    gradient = _by_head(gradient_bthd, k_bskd)
    means = (gradient_bthd.astype(jnp.float32) * out_bthd.astype(jnp.float32)).sum(-1)
    means = _by_head(means[..., None], k_bskd)[..., 0]
    q_gradients = []
    k_gradient, v_gradient = (jnp.zeros(x.shape, jnp.float32) for x in (k, v))
    for queries, keys in _blocks(q.shape[3], k.shape[2], sees.causal):
        some_q, some_gradient = q[..., queries, :], gradient[..., queries, :]
        top, total, mean = (x[..., queries, None] for x in (tops, totals, means))
        scores = _scores(some_q, k[:, :, keys], sees.mask(queries, keys))
        weights = jnp.exp(scores - top) / total
        change = product("bkgtd,bksd->bkgts", some_gradient, v[:, :, keys])
        change = (weights * (change - mean) * q.shape[-1] ** -0.5).astype(q.dtype)
        q_gradients.append(product("bkgts,bksd->bkgtd", change, k[:, :, keys]))
        of_k = product("bkgts,bkgtd->bksd", change, some_q)
        of_v = product("bkgts,bkgtd->bksd", weights.astype(q.dtype), some_gradient)
        k_gradient = k_gradient.at[:, :, keys].add(of_k)
        v_gradient = v_gradient.at[:, :, keys].add(of_v)
    q_gradient = _by_token(jnp.concatenate(q_gradients, -2))
    gradients = q_gradient, k_gradient.swapaxes(1, 2), v_gradient.swapaxes(1, 2)
    return (*(g.astype(x.dtype) for g, x in zip(gradients, saved[:3], strict=True)), None)


attend.defvjp(_attend_forward, _attend_backward)


def _blocks(queries: int, keys: int, causal: bool) -> list[tuple[slice, slice]]:
    """Blocks of queries and the keys that they may see."""
    size = min(max(-(-queries // 4), _LEAST), _MOST)
    bounds = [*range(0, queries, size), queries]
    return [(slice(a, b), slice(b if causal else keys)) for a, b in itertools.pairwise(bounds)]


def _scores(q_bkgtd: jax.Array, k_bksd: jax.Array, mask_bts: jax.Array) -> jax.Array:
    scores = product("bkgtd,bksd->bkgts", q_bkgtd, k_bksd) * q_bkgtd.shape[-1] ** -0.5
    return jnp.where(mask_bts[:, None, None], scores, UNSEEN)


def _by_head(x_bthd: jax.Array, k_bskd: jax.Array) -> jax.Array:
    """[B, K, H / K, T, D]: products over the last two axes are plain matrix products then."""
    rows, length, _, dim = x_bthd.shape
    split = x_bthd.reshape(rows, length, k_bskd.shape[2], -1, dim)
    return split.transpose(0, 2, 3, 1, 4)


def _by_token(x_bkgtd: jax.Array) -> jax.Array:
    """The inverse of `_by_head`."""
    rows, kv_heads, group, length, dim = x_bkgtd.shape
    return x_bkgtd.transpose(0, 3, 1, 2, 4).reshape(rows, length, kv_heads * group, dim)


def product(equation: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """A product added up in float32."""
    return jnp.einsum(equation, a, b, preferred_element_type=jnp.float32)
