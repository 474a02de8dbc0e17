"""What sees what, said in a few numbers a token; a mask exists for a block of it at most.

Each kind is a pytree with `mask(queries, keys)`, bool [B, t, s] for two slices (t may be 1 where
all queries see the same), and `causal`: no query sees a later key, and there are as many of both.
Those where a row's tokens see one another also say `ids`, int32 [B, T] twice: each sees its own
segment, and in it branch 0 and its own; segment 0 is padding.
"""

from typing import ClassVar, NamedTuple, Protocol

import jax
import jax.numpy as jnp


class Sees(Protocol):
    causal: ClassVar[bool]

    def mask(self, queries: slice, keys: slice) -> jax.Array: ...


class Packed(NamedTuple):
    """A token sees the earlier tokens of its own segment that are on the trunk (branch 0) or on its
    own branch. Segment 0 is padding, which sees nothing and is seen by nothing."""

    segments_bt: jax.Array
    branches_bt: jax.Array
    causal = True

    @property
    def ids(self) -> tuple[jax.Array, jax.Array]:
        return self.segments_bt, self.branches_bt

    def mask(self, queries: slice, keys: slice) -> jax.Array:
        segments, branches = self.segments_bt[:, queries, None], self.branches_bt[:, queries, None]
        of_keys, branches_of_keys = self.segments_bt[:, None, keys], self.branches_bt[:, None, keys]
        places = jnp.arange(self.segments_bt.shape[1])
        return (
            (places[queries, None] >= places[keys])
            & (segments == of_keys)
            & (segments != 0)
            & ((branches_of_keys == 0) | (branches == branches_of_keys))
        )


class ValidKeys(NamedTuple):
    """All see the keys that are no padding."""

    valid_bs: jax.Array
    causal = False

    def mask(self, queries: slice, keys: slice) -> jax.Array:
        del queries
        return self.valid_bs[:, None, keys]


class SamePicture(NamedTuple):
    """Patches see those of the same picture; 0 is padding, which no picture's patch sees."""

    pictures_bt: jax.Array
    causal = False

    @property
    def ids(self) -> tuple[jax.Array, jax.Array]:
        return self.pictures_bt, jnp.zeros_like(self.pictures_bt)

    def mask(self, queries: slice, keys: slice) -> jax.Array:
        return self.pictures_bt[:, queries, None] == self.pictures_bt[:, None, keys]


def blocks_seen(segments_bnc: jax.Array, branches_bnc: jax.Array, causal: bool) -> jax.Array:
    """bool [B, N, N]: whether block n of a row's ids may see anything in block m.

    By the least and the greatest id in a block, so exact where segments lie in order.
    """
    is_some, most = segments_bnc > 0, jnp.iinfo(segments_bnc.dtype).max

    def overlap(ids_bnc):
        low = jnp.where(is_some, ids_bnc, most).min(-1)
        high = jnp.where(is_some, ids_bnc, -1).max(-1)
        return (low[:, :, None] <= high[:, None]) & (low[:, None] <= high[:, :, None])

    has_trunk = (is_some & (branches_bnc == 0)).any(-1)[:, None]
    seen = overlap(segments_bnc) & (has_trunk | overlap(branches_bnc))
    return seen & jnp.tri(seen.shape[1], dtype=bool) if causal else seen


def visits(seen_bnm: jax.Array) -> tuple[jax.Array, jax.Array]:
    """int32 [B, N] and [B, N, M]: how many blocks each one sees, and which, those first."""
    order = jnp.argsort(~seen_bnm, axis=-1, stable=True)
    return seen_bnm.sum(-1, dtype=jnp.int32), order.astype(jnp.int32)
