"""Attention, all of it: the place where kernels for particular hardware go.

Shapes: B rows, T queries, S keys, H query heads, K key-value heads (H a multiple of K), D head
dimension. Scores and softmax are float32; the result has the queries' dtype.
"""

import functools

import jax
import jax.numpy as jnp


# The scores are recomputed in the backward pass: storing [H, T, S] for every layer costs more
# time than the products, and at 4096 tokens more memory than there is.
@functools.partial(jax.checkpoint, prevent_cse=False)
def attend(q_bthd: jax.Array, k_bskd: jax.Array, v_bskd: jax.Array, mask_bts: jax.Array):
    """Softmax attention scaled by 1/sqrt(D), grouped-query if K < H.

    Args:
      mask_bts: bool, True where query t may see key s; the axis of length T may be 1. A query that
        may see nothing gets the mean of all values, so that padding stays finite.

    Returns [B, T, H, D].
    """
    # Written out, with batch and heads in front and the queries that share a key-value head side
    # by side: a quarter faster than jax.nn.dot_product_attention on a CPU, forward and backward.
    (batch, length, heads, dim), kv_heads = q_bthd.shape, k_bskd.shape[2]
    q_bkgtd = q_bthd.reshape(batch, length, kv_heads, -1, dim).transpose(0, 2, 3, 1, 4)
    q_bknd = q_bkgtd.reshape(batch, kv_heads, -1, dim)
    scores_bkns = jnp.einsum(
        "bknd,bskd->bkns", q_bknd * dim**-0.5, k_bskd, preferred_element_type=jnp.float32
    )
    scores_bkgts = scores_bkns.reshape(*q_bkgtd.shape[:-1], -1)
    scores_bkgts = jnp.where(mask_bts[:, None, None], scores_bkgts, jnp.finfo(jnp.float32).min)
    weights_bkns = jax.nn.softmax(scores_bkgts, -1).reshape(scores_bkns.shape)
    out_bknd = jnp.einsum("bkns,bskd->bknd", weights_bkns.astype(v_bskd.dtype), v_bskd)
    out_bthd = out_bknd.reshape(q_bkgtd.shape).transpose(0, 3, 1, 2, 4)
    return out_bthd.reshape(batch, length, heads, dim)


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


def attend_trunk_and_branch(
    q_qnhd: jax.Array,
    trunk_qskd: tuple[jax.Array, jax.Array],
    branch_qnrkd: tuple[jax.Array, jax.Array],
    trunk_mask_qs: jax.Array,
    branch_mask_r: jax.Array,
) -> jax.Array:
    """One query for each of N branches of each of Q prompts, over (key, value) caches in two parts.

    The N branches share the trunk's cache; only the scores of the two parts are put together, for
    one softmax over both. Returns [Q, N, H, D].
    """
    (trunk_k, trunk_v), (branch_k, branch_v) = trunk_qskd, branch_qnrkd
    prompts, branches, heads, dim = q_qnhd.shape
    kv_heads = trunk_k.shape[2]
    q_qnkgd = q_qnhd.reshape(prompts, branches, kv_heads, heads // kv_heads, dim)
    exact = {"preferred_element_type": jnp.float32}
    trunk_scores = jnp.einsum("qnkgd,qskd->qnkgs", q_qnkgd, trunk_k, **exact)
    branch_scores = jnp.einsum("qnkgd,qnrkd->qnkgr", q_qnkgd, branch_k, **exact)
    mask = jnp.concatenate(
        [trunk_mask_qs, jnp.broadcast_to(branch_mask_r, (prompts, *branch_mask_r.shape))], -1
    )
    scores = jnp.concatenate([trunk_scores, branch_scores], -1) * dim**-0.5
    scores = jnp.where(mask[:, None, None, None], scores, -jnp.inf)
    weights = jax.nn.softmax(scores, -1).astype(q_qnhd.dtype)
    trunk_weights, branch_weights = jnp.split(weights, [trunk_k.shape[1]], -1)
    out = jnp.einsum("qnkgs,qskd->qnkgd", trunk_weights, trunk_v, **exact)
    out += jnp.einsum("qnkgr,qnrkd->qnkgd", branch_weights, branch_v, **exact)
    return out.reshape(q_qnhd.shape).astype(q_qnhd.dtype)
