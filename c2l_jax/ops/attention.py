"""Attention, all of it: the place where kernels for particular hardware go.

Shapes: B rows, T queries, S keys, H query heads, K key-value heads (H a multiple of K), D head
dimension. Scores and softmax are float32; the result has the queries' dtype.
"""

import functools
import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

# Queries attended at once: a quarter of them, so that a causal row skips 3/8 of its scores, and
# at most 1024, which bounds the scores to [H, 1024, S] a row, float32.
_LEAST, _MOST = 128, 1024
_UNSEEN = -0.7 * float(np.finfo(np.float32).max)  # a score; finite, so that no row is all -inf


# The scores are recomputed in the backward pass: storing [H, T, S] for every layer costs more
# time than the products, and at 4096 tokens more memory than there is.
@functools.partial(jax.custom_vjp, nondiff_argnums=(4,))
def attend(
    q_bthd: jax.Array,
    k_bskd: jax.Array,
    v_bskd: jax.Array,
    mask_bts: jax.Array,
    causal: bool = False,
) -> jax.Array:
    """Softmax attention scaled by 1/sqrt(D), grouped-query if K < H.

    Args:
      mask_bts: bool, True where query t may see key s; the axis of length T may be 1. A query that
        may see nothing gets a mean of values, so that padding stays finite.
      causal: promises that T = S and no query sees a later key; what nobody sees is then skipped.

    Returns [B, T, H, D]. The gradient of a query that may see nothing must be 0, as padding's is.
    """
    return _attend_forward(q_bthd, k_bskd, v_bskd, mask_bts, causal)[0]


def _attend_forward(q_bthd, k_bskd, v_bskd, mask_bts, causal):
    q, k, v = _by_head(q_bthd, k_bskd), k_bskd.swapaxes(1, 2), v_bskd.swapaxes(1, 2)
    outs, tops, totals = [], [], []
    for queries, keys in _blocks(q.shape[3], k.shape[2], causal):
        mask = _block_of(mask_bts, queries, keys)
        scores = _scores(q[..., queries, :], k[:, :, keys], mask)
        tops.append(scores.max(-1))
        weights = jnp.exp(scores - tops[-1][..., None])
        totals.append(weights.sum(-1))
        out = _product("bkgts,bksd->bkgtd", weights.astype(q.dtype), v[:, :, keys])
        outs.append(out / totals[-1][..., None])
    out_bthd = _by_token(jnp.concatenate(outs, -2)).astype(q.dtype)
    saved = out_bthd, jnp.concatenate(tops, -1), jnp.concatenate(totals, -1)
    return out_bthd, (q_bthd, k_bskd, v_bskd, mask_bts, *saved)


def _attend_backward(causal, saved, gradient_bthd):
    q_bthd, k_bskd, v_bskd, mask_bts, out_bthd, tops, totals = saved
    q, k, v = _by_head(q_bthd, k_bskd), k_bskd.swapaxes(1, 2), v_bskd.swapaxes(1, 2)
    gradient = _by_head(gradient_bthd, k_bskd)
    means = (gradient_bthd.astype(jnp.float32) * out_bthd.astype(jnp.float32)).sum(-1)
    means = _by_head(means[..., None], k_bskd)[..., 0]
    q_gradients = []
    k_gradient, v_gradient = (jnp.zeros(x.shape, jnp.float32) for x in (k, v))
    for queries, keys in _blocks(q.shape[3], k.shape[2], causal):
        some_q, some_gradient = q[..., queries, :], gradient[..., queries, :]
        top, total, mean = (x[..., queries, None] for x in (tops, totals, means))
        scores = _scores(some_q, k[:, :, keys], _block_of(mask_bts, queries, keys))
        weights = jnp.exp(scores - top) / total
        change = _product("bkgtd,bksd->bkgts", some_gradient, v[:, :, keys])
        change = (weights * (change - mean) * q.shape[-1] ** -0.5).astype(q.dtype)
        q_gradients.append(_product("bkgts,bksd->bkgtd", change, k[:, :, keys]))
        of_k = _product("bkgts,bkgtd->bksd", change, some_q)
        of_v = _product("bkgts,bkgtd->bksd", weights.astype(q.dtype), some_gradient)
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


def _block_of(mask_bts: jax.Array, queries: slice, keys: slice) -> jax.Array:
    return mask_bts[:, queries if mask_bts.shape[1] > 1 else slice(None), keys]


def _scores(q_bkgtd: jax.Array, k_bksd: jax.Array, mask_bts: jax.Array) -> jax.Array:
    scores = _product("bkgtd,bksd->bkgts", q_bkgtd, k_bksd) * q_bkgtd.shape[-1] ** -0.5
    return jnp.where(mask_bts[:, None, None], scores, _UNSEEN)


def _by_head(x_bthd: jax.Array, k_bskd: jax.Array) -> jax.Array:
    """[B, K, H / K, T, D]: products over the last two axes are plain matrix products then."""
    rows, length, _, dim = x_bthd.shape
    split = x_bthd.reshape(rows, length, k_bskd.shape[2], -1, dim)
    return split.transpose(0, 2, 3, 1, 4)


def _by_token(x_bkgtd: jax.Array) -> jax.Array:
    """The inverse of `_by_head`."""
    rows, kv_heads, group, length, dim = x_bkgtd.shape
    return x_bkgtd.transpose(0, 3, 1, 2, 4).reshape(rows, length, kv_heads * group, dim)


def _product(equation: str, a: jax.Array, b: jax.Array) -> jax.Array:
    """A product added up in float32."""
    return jnp.einsum(equation, a, b, preferred_element_type=jnp.float32)


def trunk_branch_mask(segments_bt: jax.Array, branches_bt: jax.Array) -> jax.Array:
    """Who sees whom in a packed row: bool [B, T, T].

    A token sees the earlier tokens of its own segment that are on the trunk (branch 0) or on its
    own branch. Segment 0 is padding, which sees nothing and is seen by nothing.
    """
    length = segments_bt.shape[1]
    causal = jnp.tril(jnp.ones((length, length), bool))
    same_segment = segments_bt[:, :, None] == segments_bt[:, None, :]
    visible = (branches_bt[:, None, :] == 0) | (branches_bt[:, :, None] == branches_bt[:, None, :])
    return causal & same_segment & visible & (segments_bt[:, :, None] != 0)


def attend_in_parts(
    q_qnhd: jax.Array, parts: Sequence[tuple[tuple[jax.Array, jax.Array], jax.Array]]
) -> jax.Array:
    """One query for each of N branches of each of Q prompts, over caches in several parts.

    Only the scores of the parts are put together, for one softmax over all. Keys and values lie in
    the caches as the products want them, so that no step turns them round. A part of the branches'
    own that none of them sees is not read: its weights are exactly 0 either way.

    Args:
      parts: ((keys, values), which of them are seen): [Q, K, D, S], [Q, K, S, D] and bool [Q, S]
        for what the branches share; [Q, N, K, D, S], [Q, N, K, S, D] and [Q, N, S] for what each
        has of its own. Keys and values of the last part may have the first three axes as one; see
        `_product_by_head`. Every branch must see something.

    Returns [Q, N, H, D].
    """
    prompts, branches, _, dim = q_qnhd.shape
    kv_heads = parts[0][0][0].shape[-3]  # the first part's axes are apart
    q_qnkgd = q_qnhd.reshape(prompts, branches, kv_heads, -1, dim)
    scores = []
    for (keys, _), mask in parts:
        some = _product_if_seen(mask, q_qnkgd, keys)
        mask_qnkgs = mask.reshape(prompts, -1, 1, 1, mask.shape[-1])
        scores.append(jnp.where(mask_qnkgs, some * dim**-0.5, -jnp.inf))
    ends = np.cumsum([some.shape[-1] for some in scores])[:-1]
    weights = jax.nn.softmax(jnp.concatenate(scores, -1), -1).astype(q_qnhd.dtype)
    out = 0
    for some, ((_, values), mask) in zip(jnp.split(weights, ends, -1), parts, strict=True):
        out += _product_if_seen(mask, some, values)
    return out.reshape(q_qnhd.shape).astype(q_qnhd.dtype)


def _product_by_head(x_qnkgi: jax.Array, cache: jax.Array) -> jax.Array:
    """x @ cache [Q, K, I, J], shared, or [Q, N, K, I, J] or [Q * N * K, I, J]: [Q, N, K, G, J].

    As a product with one batch axis: XLA's CPU backend makes one of any other, and would copy at
    every step what a loop carries and it has to reshape for that.
    """
    is_shared = cache.ndim == 4
    x = x_qnkgi.swapaxes(1, 2) if is_shared else x_qnkgi
    cache_bij = cache.reshape(-1, *cache.shape[-2:])
    x_bri = x.reshape(len(cache_bij), -1, x.shape[-1])
    out = _product("bri,bij->brj", x_bri, cache_bij).reshape(*x.shape[:-1], -1)
    return out.swapaxes(1, 2) if is_shared else out


def _product_if_seen(mask: jax.Array, x: jax.Array, cache: jax.Array) -> jax.Array:
    """`_product_by_head`, or zeros without reading the cache if nobody sees any of it.

    Only for what each branch has of its own: a trunk and the running segment are always seen.
    """
    if cache.ndim != 5:
        return _product_by_head(x, cache)
    empty = jax.eval_shape(_product_by_head, x, cache)
    return jax.lax.cond(
        mask.any(), _product_by_head, lambda *_: jnp.zeros(empty.shape, empty.dtype), x, cache
    )
