"""Attention of single tokens over key-value caches, as in decoding. Shapes as in the package."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from c2l_jax.ops.attention.scores import product


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
    out = product("bri,bij->brj", x_bri, cache_bij).reshape(*x.shape[:-1], -1)
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
