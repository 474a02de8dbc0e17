"""What sees what, said in a few numbers a token.

Each kind is a pytree with `mask()`, bool [B, T, S] of all pairs, for short rows and as the
definition (T may be 1 where all queries see the same). Those where a row's tokens see one another
also say it in `ids`, int32 [B, T] twice, segments and branches (a token sees its own segment, and
in it branch 0 and its own; segment 0 is padding), and in `causal`, whether only earlier ones;
without it all branches are 0.
"""

from typing import ClassVar, NamedTuple, Protocol

import jax
import jax.numpy as jnp


class Sees(Protocol):
    def mask(self) -> jax.Array: ...


class SeesItsRow(Sees, Protocol):
    causal: ClassVar[bool]

    @property
    def ids(self) -> tuple[jax.Array, jax.Array]: ...


class Packed(NamedTuple):
    """A token sees the earlier tokens of its own segment that are on the trunk (branch 0) or on its
    own branch. Segment 0 is padding, which sees nothing and is seen by nothing."""

    segments_bt: jax.Array
    branches_bt: jax.Array
    causal = True

    @property
    def ids(self) -> tuple[jax.Array, jax.Array]:
        return self.segments_bt, self.branches_bt

    def mask(self) -> jax.Array:
        segments, branches = self.segments_bt[:, :, None], self.branches_bt[:, :, None]
        of_keys, branches_of_keys = self.segments_bt[:, None], self.branches_bt[:, None]
        return (
            jnp.tri(segments.shape[1], dtype=bool)
            & (segments == of_keys)
            & (segments != 0)
            & ((branches_of_keys == 0) | (branches == branches_of_keys))
        )


class SamePicture(NamedTuple):
    """Patches see those of the same picture; 0 is padding, which no picture's patch sees."""

    pictures_bt: jax.Array
    causal = False

    @property
    def ids(self) -> tuple[jax.Array, jax.Array]:
        return self.pictures_bt, jnp.zeros_like(self.pictures_bt)

    def mask(self) -> jax.Array:
        return self.pictures_bt[:, :, None] == self.pictures_bt[:, None]


class ValidKeys(NamedTuple):
    """All see the keys that are no padding."""

    valid_bs: jax.Array

    def mask(self) -> jax.Array:
        return self.valid_bs[:, None]


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
