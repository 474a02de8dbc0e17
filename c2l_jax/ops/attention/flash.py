"""Flash attention (arXiv:2307.08691) as Pallas kernels that visit only blocks somebody sees.

One source for TPU (Mosaic) and GPU (Triton): a program holds one block of queries and loops over
the blocks of keys on its list, or the other way round for the gradients of keys and values. The
lists are made from the batch, so an example pays neither for the others in its row nor, on its own
branch, for its trunk's other branches, and a picture not for other pictures. Masks are made in the
kernel from two numbers a token.

Why not a library's kernel: jax's splash attention knows segments but no branches, and skips blocks
by a mask that must be known before the batch is; merging two of its calls loses the gradient of
their log-sum-exps. cuDNN takes a mask only as a [T, T] bias, and tokamax one range of keys a query,
where a branch has two.

It is tested interpreted, and compiles for TPU v5e and v6e and, with Triton 3.9, for sm_80 and
sm_90. It has not run on such devices yet, and the sizes of its blocks are not measured ones; "xla"
is the way back. jax 0.11 calls Pallas' Triton back end deprecated.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name
from jax.experimental import pallas as pl
from jax.experimental.pallas import tpu as pltpu
from jax.experimental.pallas import triton

from c2l_jax.ops.attention import xla
from c2l_jax.ops.attention.scores import SAVED, UNSEEN, product
from c2l_jax.ops.attention.sees import Sees, SeesItsRow, ValidKeys, blocks_seen, visits


class Target(NamedTuple):
    """How the kernels are made for a kind of device.

    block: queries and keys at a time. pad: a head dimension, or a short row, to one it can do.
    params: the compiler's, by the bytes of the largest array that a program holds whole.
    lists: the memory for the lists of blocks.
    """

    block: int
    pad: Callable[[int], int]
    params: Callable[[int], object]
    lists: object = None
    interpret: bool = False


def _tpu_params(whole: int) -> pltpu.CompilerParams:
    # Two such arrays, and the next two on their way; the rest is for blocks.
    limit = 4 * whole + (16 << 20)
    return pltpu.CompilerParams(dimension_semantics=("parallel",) * 3, vmem_limit_bytes=limit)


TARGETS = {
    "tpu": Target(256, lambda size: -(-size // 128) * 128, _tpu_params, pltpu.SMEM),
    "cuda": Target(
        64,
        lambda size: max(16, pl.next_power_of_2(size)),
        lambda whole: triton.CompilerParams(num_warps=4, num_stages=2),
    ),
    "cpu": Target(16, lambda size: size, lambda whole: None, interpret=True),
}


def attend(q_bthd: jax.Array, k_bskd: jax.Array, v_bskd: jax.Array, sees: Sees) -> jax.Array:
    """As the package's `attend`."""
    if isinstance(sees, ValidKeys):  # of windows, a block each: nothing to leave out
        return xla.attend(q_bthd, k_bskd, v_bskd, sees)
    return _attend(q_bthd, k_bskd, v_bskd, sees)


@jax.custom_vjp
def _attend(q_bthd, k_bskd, v_bskd, sees):
    return _attend_forward(q_bthd, k_bskd, v_bskd, sees)[0]


def _attend_forward(q_bthd, k_bskd, v_bskd, sees):
    out_bthd, lse_bht = _on_device(_forward, q_bthd, k_bskd, v_bskd, sees)
    out_bthd, lse_bht = (checkpoint_name(x, SAVED) for x in (out_bthd, lse_bht))
    return out_bthd, (q_bthd, k_bskd, v_bskd, sees, out_bthd, lse_bht)


def _attend_backward(saved, gradient_bthd):
    *inputs, out_bthd, lse_bht = saved
    products_bthd = gradient_bthd.astype(jnp.float32) * out_bthd.astype(jnp.float32)
    means_bht = products_bthd.sum(-1).swapaxes(1, 2)
    return *_on_device(_backward, *inputs, gradient_bthd, lse_bht, means_bht), None


_attend.defvjp(_attend_forward, _attend_backward)


def _on_device(compute: Callable, *arguments):
    """compute(target, *arguments) for whatever device it is compiled for."""
    made = {name: functools.partial(compute, target) for name, target in TARGETS.items()}
    return jax.lax.platform_dependent(*arguments, **made)


def _forward(target: Target, q_bthd, k_bskd, v_bskd, sees):
    """(out [B, T, H, D], log-sum-exp of the scores float32 [B, H, T])."""
    call = _Call(target, q_bthd, sees)
    q, k, v = map(call.by_head, (q_bthd, k_bskd, v_bskd))
    lse = jax.ShapeDtypeStruct((*q.shape[:3], 1, call.size), jnp.float32)
    of_queries, of_keys = [q, call.query_ids], [k, v, call.key_ids]
    out, lse = call.run(_forward_kernel, call.seen, of_queries, of_keys, [q, lse])
    return call.by_token(out), call.by_number(lse)


def _backward(target: Target, q_bthd, k_bskd, v_bskd, sees, gradient_bthd, lse_bht, means_bht):
    """Gradients of q, k and v."""
    call = _Call(target, q_bthd, sees)
    q, k, v, gradient = map(call.by_head, (q_bthd, k_bskd, v_bskd, gradient_bthd))
    of_queries = [q, gradient, *map(call.numbers, (lse_bht, means_bht)), call.query_ids]
    of_keys = [k, v, call.key_ids]
    (of_q,) = call.run(_query_kernel, call.seen, of_queries, of_keys, [q])
    # For every head of queries; those that share keys add up here.
    apart = jax.ShapeDtypeStruct(q.shape, k.dtype if q.shape == k.shape else jnp.float32)
    of_k_and_v = call.run(_key_kernel, call.seen.mT, of_keys, of_queries, [apart, apart])
    groups = (*k_bskd.shape[:3], -1, k_bskd.shape[3])
    of_k, of_v = (call.by_token(x).reshape(groups).sum(3).astype(k.dtype) for x in of_k_and_v)
    return call.by_token(of_q), of_k, of_v


class _Call:
    """Rows of T tokens as N blocks of C.

    Every array goes to the kernels as [B, heads, N, c, d]: c and d are C and D, or 1 and C for a
    number of each token, or 2 and C for its ids; fewer heads than H are shared by consecutive ones.
    """

    def __init__(self, target: Target, q_bthd: jax.Array, sees: SeesItsRow):
        self.target, self.causal = target, sees.causal
        _, self.tokens, self.heads, self.dim = q_bthd.shape
        self.size = min(target.block, target.pad(self.tokens))
        self.count = -(-self.tokens // self.size)
        ids = [self._split(jnp.asarray(x), 1) for x in sees.ids]
        self.seen = blocks_seen(*ids, sees.causal)
        segments, branches = ids
        self.query_ids, self.key_ids = (
            jnp.stack([jnp.where(segments == 0, nobody, segments), branches], 2)[:, None]
            for nobody in (-1, -2)
        )

    def _split(self, x: jax.Array, axis: int) -> jax.Array:
        """The axis T, padded, as two, N and C."""
        pads = [(0, 0)] * x.ndim
        pads[axis] = (0, self.count * self.size - self.tokens)
        blocks = self.count, self.size
        return jnp.pad(x, pads).reshape(*x.shape[:axis], *blocks, *x.shape[axis + 1 :])

    def by_head(self, x_bthd: jax.Array) -> jax.Array:
        """[B, H, N, C, D], D padded."""
        more = self.target.pad(self.dim) - self.dim
        return self._split(jnp.pad(x_bthd.swapaxes(1, 2), [(0, 0)] * 3 + [(0, more)]), 2)

    def by_token(self, x_bhncd: jax.Array) -> jax.Array:
        """The inverse of `by_head`."""
        x_bhtd = x_bhncd.reshape(*x_bhncd.shape[:2], -1, x_bhncd.shape[-1])
        return x_bhtd[:, :, : self.tokens, : self.dim].swapaxes(1, 2)

    def numbers(self, x_bht: jax.Array) -> jax.Array:
        """[B, H, N, 1, C]."""
        return self._split(x_bht, 2)[..., None, :]

    def by_number(self, x_bhn1c: jax.Array) -> jax.Array:
        """The inverse of `numbers`."""
        return x_bhn1c.reshape(*x_bhn1c.shape[:2], -1)[..., : self.tokens]

    def run(
        self,
        kernel: Callable,
        seen_bnm: jax.Array,
        mine: Sequence[jax.Array],
        others: Sequence[jax.Array],
        made: Sequence[jax.Array | jax.ShapeDtypeStruct],
    ) -> list[jax.Array]:
        """Arrays of the shapes and dtypes of `made`, by a program for each row, head and block.

        It gets the list of blocks to visit, its own blocks of `mine`, all blocks of `others` and
        its own blocks of `made`.
        """
        counts, order = visits(seen_bnm)
        lists = jnp.concatenate([counts[..., None], order], -1).reshape(-1)
        own, whole = (functools.partial(self._spec, whole=whole) for whole in (False, True))
        return pl.pallas_call(
            functools.partial(kernel, causal=self.causal, scale=self.dim**-0.5),
            grid=(len(seen_bnm), self.heads, self.count),
            in_specs=[
                pl.BlockSpec(memory_space=self.target.lists),
                *map(own, mine),
                *map(whole, others),
            ],
            out_specs=[*map(own, made)],
            out_shape=[jax.ShapeDtypeStruct(x.shape, x.dtype) for x in made],
            compiler_params=self.target.params(others[0][0, 0].nbytes),
            interpret=self.target.interpret,
            name=f"attention{kernel.__name__}",
        )(lists, *mine, *others)

    def _spec(self, x: jax.Array, whole: bool) -> pl.BlockSpec:
        shared = self.heads // x.shape[1]

        def place(b, h, i):
            return b, jax.lax.div(h, shared), 0 if whole else i, 0, 0

        return pl.BlockSpec((None, None, self.count if whole else None, *x.shape[3:]), place)


# ---------------------------------------------------------------------------------------- kernels


def _visit(lists_ref, step: Callable, start):
    """The carry after `step(block's number, carry)` for each block on this program's list."""
    count = pl.num_programs(2)
    at = (pl.program_id(0) * count + pl.program_id(2)) * (count + 1)
    return jax.lax.fori_loop(
        0, lists_ref[at], lambda n, carry: step(lists_ref[at + 1 + n], carry), start
    )


def _column(row_1c: jax.Array) -> jax.Array:
    return row_1c.reshape(-1, 1)


def _sees(query_ids, key_ids, query_block, key_block, causal: bool) -> jax.Array:
    """The mask of a block. ids are (segments, branches), of one side a row, of the other columns;
    their order gives the mask's."""
    (segments, branches), (of_keys, branches_of_keys) = query_ids, key_ids
    mask = segments == of_keys
    if not causal:
        return mask
    axis = 0 if segments.shape[1] == 1 else 1
    iota = functools.partial(jax.lax.broadcasted_iota, jnp.int32, mask.shape)
    later = (query_block - key_block) * mask.shape[0] + iota(axis) >= iota(1 - axis)
    return mask & later & ((branches_of_keys == 0) | (branches == branches_of_keys))


def _forward_kernel(lists, q, query_ids, k, v, key_ids, out, lse, *, causal, scale):
    block = pl.program_id(2)
    queries = q[...]
    mine = _column(query_ids[0:1, :]), _column(query_ids[1:2, :])

    def step(j, carry):
        total, top, summed = carry
        theirs = key_ids[j, 0:1, :], key_ids[j, 1:2, :]
        scores = product("td,sd->ts", queries, k[j]) * scale
        scores = jnp.where(_sees(mine, theirs, block, j, causal), scores, UNSEEN)
        new_top = jnp.maximum(top, scores.max(1, keepdims=True))
        weights, faded = jnp.exp(scores - new_top), jnp.exp(top - new_top)
        total = total * faded + product("ts,sd->td", weights.astype(v.dtype), v[j])
        return total, new_top, summed * faded + weights.sum(1, keepdims=True)

    size = queries.shape[0], 1
    start = jnp.zeros(queries.shape, jnp.float32), jnp.full(size, UNSEEN), jnp.zeros(size)
    total, top, summed = _visit(lists, step, start)
    # 1 at least, from the highest score, unless there was no block to visit.
    summed = jnp.maximum(summed, 1.0)
    out[...] = (total / summed).astype(out.dtype)
    lse[...] = (top + jnp.log(summed)).reshape(1, -1)


def _query_kernel(lists, q, gradient, lse, means, query_ids, k, v, key_ids, of_q, *, causal, scale):
    block = pl.program_id(2)
    queries, gradients = q[...], gradient[...]
    lse_column, mean_column = _column(lse[...]), _column(means[...])
    mine = _column(query_ids[0:1, :]), _column(query_ids[1:2, :])

    def step(j, total):
        theirs = key_ids[j, 0:1, :], key_ids[j, 1:2, :]
        scores = product("td,sd->ts", queries, k[j]) * scale
        scores = jnp.where(_sees(mine, theirs, block, j, causal), scores, UNSEEN)
        change = product("td,sd->ts", gradients, v[j]) - mean_column
        change = (jnp.exp(scores - lse_column) * change * scale).astype(k.dtype)
        return total + product("ts,sd->td", change, k[j])

    of_q[...] = _visit(lists, step, jnp.zeros(queries.shape, jnp.float32)).astype(of_q.dtype)


def _key_kernel(
    lists, k, v, key_ids, q, gradient, lse, means, query_ids, of_k, of_v, *, causal, scale
):
    block = pl.program_id(2)
    keys, values = k[...], v[...]
    mine = _column(key_ids[0:1, :]), _column(key_ids[1:2, :])

    def step(j, totals):
        total_of_k, total_of_v = totals
        theirs = query_ids[j, 0:1, :], query_ids[j, 1:2, :]
        scores = product("sd,td->st", keys, q[j]) * scale
        scores = jnp.where(_sees(theirs, mine, j, block, causal), scores, UNSEEN)
        weights = jnp.exp(scores - lse[j])
        change = product("sd,td->st", values, gradient[j]) - means[j]
        change = (weights * change * scale).astype(q.dtype)
        total_of_k += product("st,td->sd", change, q[j])
        total_of_v += product("st,td->sd", weights.astype(q.dtype), gradient[j])
        return total_of_k, total_of_v

    zeros = jnp.zeros(keys.shape, jnp.float32)
    total_of_k, total_of_v = _visit(lists, step, (zeros, zeros))
    of_k[...], of_v[...] = total_of_k.astype(of_k.dtype), total_of_v.astype(of_v.dtype)
