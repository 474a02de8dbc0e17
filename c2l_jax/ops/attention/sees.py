"""What sees what, said in a few numbers a token; a mask exists for a block of it at most.

Each kind is a pytree with `mask(queries, keys)`, bool [B, t, s] for two slices (t may be 1 where
all queries see the same), and `causal`: no query sees a later key, and there are as many of both.
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
    """Patches see those of the same picture; 0 is padding, which sees only padding."""

    pictures_bt: jax.Array
    causal = False

    def mask(self, queries: slice, keys: slice) -> jax.Array:
        return self.pictures_bt[:, queries, None] == self.pictures_bt[:, None, keys]
