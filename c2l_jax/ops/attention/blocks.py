"""Rows whose tokens see one another, in plain XLA operations: only blocks that somebody sees.

For every block of queries a loop over the blocks of keys that it sees, however many those are in
this batch; softmax as in flash attention (arXiv:2205.14135). Shapes as in the package, and M blocks
of C tokens in all rows, where G heads of queries share one of keys.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from c2l_jax.ops.attention.scores import SAVED, UNSEEN, product, scores
from c2l_jax.ops.attention.sees import SeesItsRow, blocks_seen, visits

# Tokens. Rows longer than xla.WHOLE are cut evenly, into blocks of more than 256 then: XLA does not
# share products of fewer between the cores of a CPU.
BLOCK = 384


@jax.custom_vjp
def attend(q_bthd: jax.Array, k_bthd: jax.Array, v_bthd: jax.Array, sees: SeesItsRow) -> jax.Array:
    """As the package's `attend`, for rows whose tokens see one another."""
    return _attend_forward(q_bthd, k_bthd, v_bthd, sees)[0]


def _attend_forward(q_bthd, k_bthd, v_bthd, sees):
    q_mkgcd, k_mkcd, v_mkcd = _split_all(q_bthd, k_bthd, v_bthd)
    seen_by, lists = _visits(sees)

    def block(of_block):
        m, q, count, listed = of_block

        def visit(i, carry):
            total, top, summed = carry
            j = listed[i]
            found = scores(q, k_mkcd[j], seen_by(m, j))
            new_top = jnp.maximum(top, found.max(-1, keepdims=True))
            weights, fading = jnp.exp(found - new_top), jnp.exp(top - new_top)
            out = product("kgts,ksd->kgtd", weights.astype(q.dtype), v_mkcd[j])
            summed = summed * fading + weights.sum(-1, keepdims=True)
            return total * fading + out, new_top, summed

        size = (*q.shape[:-1], 1)
        start = jnp.zeros(q.shape), jnp.full(size, UNSEEN), jnp.zeros(size)
        total, top, summed = jax.lax.fori_loop(0, count, visit, start)
        summed = jnp.maximum(summed, 1.0)  # as the highest score's share is, if there was any
        return (total / summed).astype(q.dtype), top + jnp.log(summed)

    out_mkgcd, lse_mkgc1 = jax.lax.map(block, (jnp.arange(len(q_mkgcd)), q_mkgcd, *lists))
    saved = _join(out_mkgcd, q_bthd), lse_mkgc1
    saved = tuple(checkpoint_name(x, SAVED) for x in saved)
    return saved[0], (q_bthd, k_bthd, v_bthd, sees, *saved)


def _attend_backward(saved, gradient_bthd):
    q_bthd, k_bthd, v_bthd, sees, out_bthd, lse_mkgc1 = saved
    q_mkgcd, k_mkcd, v_mkcd = _split_all(q_bthd, k_bthd, v_bthd)
    gradient_mkgcd, out_mkgcd = (_split(x, k_bthd.shape[2]) for x in (gradient_bthd, out_bthd))
    products = gradient_mkgcd.astype(jnp.float32) * out_mkgcd.astype(jnp.float32)
    means_mkgc1 = products.sum(-1, keepdims=True)
    seen_by, lists = _visits(sees)

    def block(totals, of_block):
        m, q, gradient, lse, means, count, listed = of_block

        def visit(i, carry):
            of_q, of_k, of_v = carry
            j = listed[i]
            weights = jnp.exp(scores(q, k_mkcd[j], seen_by(m, j)) - lse)
            change = product("kgtd,ksd->kgts", gradient, v_mkcd[j]) - means
            change = (weights * change * q.shape[-1] ** -0.5).astype(q.dtype)
            of_q += product("kgts,ksd->kgtd", change, k_mkcd[j])
            of_k = of_k.at[j].add(product("kgtd,kgts->kds", q, change))
            of_v = of_v.at[j].add(product("kgtd,kgts->kds", gradient, weights.astype(q.dtype)))
            return of_q, of_k, of_v

        start = jnp.zeros(q.shape, jnp.float32), *totals
        of_q, *totals = jax.lax.fori_loop(0, count, visit, start)
        return tuple(totals), of_q.astype(q.dtype)

    # Turned, so that what is turned for the products are a block's tokens and not its scores.
    blocks, kv_heads, size, dim = k_mkcd.shape
    zeros = jnp.zeros((blocks, kv_heads, dim, size), jnp.float32)
    of_blocks = jnp.arange(len(q_mkgcd)), q_mkgcd, gradient_mkgcd, lse_mkgc1, means_mkgc1, *lists
    of_k_and_v, of_q = jax.lax.scan(block, (zeros, zeros), of_blocks)
    of_k, of_v = (_join(x_mkdc.swapaxes(2, 3)[:, :, None], k_bthd) for x_mkdc in of_k_and_v)
    return _join(of_q, q_bthd), of_k.astype(k_bthd.dtype), of_v.astype(v_bthd.dtype), None


attend.defvjp(_attend_forward, _attend_backward)


def _visits(sees: SeesItsRow) -> tuple[Callable, tuple[jax.Array, jax.Array]]:
    """The mask of what block m sees of block j, as a function; how many blocks each block of
    queries visits [M], and which [M, N]."""
    ids = [_in_blocks(x) for x in sees.ids]
    counts, listed = visits(blocks_seen(*ids, sees.causal))
    rows, blocks = counts.shape
    listed += blocks * jnp.arange(rows)[:, None, None]
    size = ids[0].shape[2]
    (segments, branches), places = (x.reshape(-1, size) for x in ids), jnp.arange(size)

    def seen_by(m, j):
        mask = segments[m][:, None] == segments[j]
        if not sees.causal:
            return mask
        later = (m - j) * size + places[:, None] >= places
        return mask & later & ((branches[j] == 0) | (branches[m][:, None] == branches[j]))

    return seen_by, (counts.reshape(-1), listed.reshape(-1, blocks))


def _in_blocks(x: jax.Array) -> jax.Array:
    """[B, N, C, ...] of [B, T, ...], padded with zeros, in equal blocks of at most BLOCK."""
    rows, length, *others = x.shape
    count = -(-length // BLOCK)
    size = -(-length // count)
    padded = jnp.pad(x, ((0, 0), (0, count * size - length), *((0, 0) for _ in others)))
    return padded.reshape(rows, count, size, *others)


def _split_all(q_bthd, k_bthd, v_bthd):
    """[M, K, G, C, D] of queries and [M, K, C, D] of keys and values."""
    kv_heads = k_bthd.shape[2]
    k, v = (_split(x, kv_heads)[:, :, 0] for x in (k_bthd, v_bthd))
    return _split(q_bthd, kv_heads), k, v


def _split(x_bthd: jax.Array, kv_heads: int) -> jax.Array:
    """[M, K, G, C, D], padded with zeros."""
    x_bnchd = _in_blocks(x_bthd)
    *_, size, heads, dim = x_bnchd.shape
    x_mckgd = x_bnchd.reshape(-1, size, kv_heads, heads // kv_heads, dim)
    return x_mckgd.transpose(0, 2, 3, 1, 4)


def _join(x_mkgcd: jax.Array, like_bthd: jax.Array) -> jax.Array:
    """[B, T, H, D], the inverse of `_split`."""
    rows, length, heads, dim = like_bthd.shape
    x_bthd = x_mkgcd.transpose(0, 3, 1, 2, 4).reshape(rows, -1, heads, dim)
    return x_bthd[:, :length]
