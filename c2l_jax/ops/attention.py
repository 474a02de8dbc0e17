"""Attention, all of it: the place where kernels for particular hardware go.

Shapes: B rows, T queries, S keys, H query heads, K key-value heads (H a multiple of K), D head
dimension. Scores and softmax are float32; the result has the queries' dtype.
"""

import functools

import jax
import jax.numpy as jnp

# Queries attended at once; bounds the scores to [H, 1024, S] a row, float32.
_BLOCK = 1024


def attend(
    q_bthd: jax.Array, k_bskd: jax.Array, v_bskd: jax.Array, mask_bts: jax.Array
) -> jax.Array:
    """Softmax attention scaled by 1/sqrt(D), grouped-query if K < H.

    Args:
      mask_bts: bool, True where query t may see key s; the axis of length T may be 1. A query that
        may see nothing gets the mean of all values, so that padding stays finite.

    Returns [B, T, H, D].
    """
    rows, length = q_bthd.shape[:2]
    if length <= _BLOCK or length % _BLOCK or mask_bts.shape[1] == 1:
        return _attend_block(q_bthd, k_bskd, v_bskd, mask_bts)
    # Keys and values are float32 outside the loop, so that their gradients add up in float32.
    wide = k_bskd.astype(jnp.float32), v_bskd.astype(jnp.float32)

    def of_block(block):
        q, mask = block
        k, v = (x.astype(q.dtype) for x in wide)
        return _attend_block(q, k, v, mask)

    blocks = [x.reshape(rows, -1, _BLOCK, *x.shape[2:]).swapaxes(0, 1) for x in (q_bthd, mask_bts)]
    return jax.lax.map(of_block, blocks).swapaxes(0, 1).reshape(q_bthd.shape)


# The scores are recomputed in the backward pass: storing [H, T, S] for every layer costs more
# time than the products, and at 4096 tokens more memory than there is.
@functools.partial(jax.checkpoint, prevent_cse=False)
def _attend_block(q_bthd, k_bskd, v_bskd, mask_bts):
    return jax.nn.dot_product_attention(
        q_bthd, k_bskd, v_bskd, mask=mask_bts[:, None], implementation="xla"
    )


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
    branch_mask_qnr: jax.Array,
) -> jax.Array:
    """One query for each of N branches of each of Q prompts, over (key, value) caches in two parts.

    The N branches share the trunk's cache and what they see of it; only the scores of the two parts
    are put together, for one softmax over both. Every branch must see something. Returns
    [Q, N, H, D].
    """
    (trunk_k, trunk_v), (branch_k, branch_v) = trunk_qskd, branch_qnrkd
    prompts, branches, heads, dim = q_qnhd.shape
    kv_heads = trunk_k.shape[2]
    q_qnkgd = q_qnhd.reshape(prompts, branches, kv_heads, heads // kv_heads, dim)
    exact = {"preferred_element_type": jnp.float32}
    trunk_scores = jnp.einsum("qnkgd,qskd->qnkgs", q_qnkgd, trunk_k, **exact)
    branch_scores = jnp.einsum("qnkgd,qnrkd->qnkgr", q_qnkgd, branch_k, **exact)
    trunk_mask_qns = jnp.broadcast_to(
        trunk_mask_qs[:, None], (prompts, branches, trunk_mask_qs.shape[1])
    )
    mask_qnx = jnp.concatenate([trunk_mask_qns, branch_mask_qnr], -1)
    scores = jnp.concatenate([trunk_scores, branch_scores], -1) * dim**-0.5
    scores = jnp.where(mask_qnx[:, :, None, None], scores, -jnp.inf)
    weights = jax.nn.softmax(scores, -1).astype(q_qnhd.dtype)
    trunk_weights, branch_weights = jnp.split(weights, [trunk_k.shape[1]], -1)
    out = jnp.einsum("qnkgs,qskd->qnkgd", trunk_weights, trunk_v, **exact)
    out += jnp.einsum("qnkgr,qnrkd->qnkgd", branch_weights, branch_v, **exact)
    return out.reshape(q_qnhd.shape).astype(q_qnhd.dtype)
