"""AdamW with a schedule, clipping, and a learning rate for each part of the model.

Parameters are float32, or bfloat16 with what they lack of float32 beside them: the state then keeps
16 more bits of each, and every update is one of the float32 number that both halves make. The
half that the model computes with is the nearest bfloat16 number, as if float32 parameters had been
rounded for the step; so nothing is lost, where bfloat16 alone would swallow updates that are small
beside the parameter. AdamW's moments are kept in bfloat16, too.

Bytes of a trained parameter: 16 in float32 (parameter, gradient, two moments of 4 each), 10 in
bfloat16 (parameter, low half, gradient, two moments of 2 each; 12 with accumulation, whose sums are
float32), and of a frozen one 4 or 2. docs/memory.md plans with these.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from records.errors import UserError, pattern_table


def rate_scales(paths: Iterable[str], table: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Factor on the learning rate for each parameter path: first pattern found in it, else 1.

    0 freezes. Raises UserError for a bad pattern and one that names no parameter.
    """
    setting = "config.optimizer.lr_scale"
    paths, table = list(paths), pattern_table(table, setting)
    for pattern, _ in table:
        if not any(pattern.search(path) for path in paths):
            raise UserError(
                f"{setting} has the pattern {pattern.pattern!r}, which no parameter matches; "
                f"paths look like {paths[0]} and {paths[-1]}."
            )
    return {
        path: next((scale for pattern, scale in table if pattern.search(path)), 1.0)
        for path in paths
    }


def schedule(config: ConfigDict, steps: int) -> optax.Schedule:
    """Linear warm-up over `warmup` of the steps, then constant or cosine to zero."""
    warmup = round(config.warmup * steps)
    if config.schedule == "cosine":
        after = optax.cosine_decay_schedule(config.lr, max(1, steps - warmup))
    elif config.schedule == "constant":
        after = optax.constant_schedule(config.lr)
    else:
        raise UserError(f"config.optimizer.schedule is {config.schedule!r}: cosine or constant.")
    # The first step already moves: step 0 has 1 / warmup of the rate.
    rise = optax.linear_schedule(config.lr / max(1, warmup), config.lr, max(1, warmup - 1))
    return optax.join_schedules([rise, after], [warmup])


def make_optimizer(
    config: ConfigDict, steps: int, scales: Mapping[str, float], no_decay: str
) -> optax.GradientTransformation:
    """Transforms a dict {path: gradient} of the trained parameters (scale > 0).

    no_decay: regular expression; weight decay spares parameters in whose path it is found.
    """
    rate = schedule(config, steps)

    def adamw(scale):
        return optax.adamw(
            lambda step: scale * rate(step),
            b1=config.b1,
            b2=config.b2,
            weight_decay=config.weight_decay,
            mask=lambda params: {path: not re.search(no_decay, path) for path in params},
        )

    trained = {path: scale for path, scale in scales.items() if scale > 0}
    if not trained:
        raise UserError("config.optimizer.lr_scale freezes every parameter: nothing to train.")
    groups = {scale: adamw(scale) for scale in sorted(set(trained.values()))}
    return optax.chain(
        optax.clip_by_global_norm(config.clip),
        optax.partition(groups, lambda params: {path: trained[path] for path in params}),
    )


class Update(NamedTuple):
    """init: params -> state. apply: (float32 gradients, state, params) -> (params, state)."""

    init: Callable
    apply: Callable


def updating(optimizer: optax.GradientTransformation, dtype: jnp.dtype) -> Update:
    """How parameters of this dtype, float32 or bfloat16, are updated."""
    return _halves(optimizer) if dtype == jnp.bfloat16 else _whole(optimizer)


def _whole(optimizer: optax.GradientTransformation) -> Update:
    def apply(grads, state, params):
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    return Update(optimizer.init, apply)


def _halves(optimizer: optax.GradientTransformation) -> Update:
    """Parameters bfloat16; state {low: uint16 of each, moments: the optimizer's in bfloat16}."""

    def cast(tree, old, new):
        return jax.tree.map(lambda x: x.astype(new) if x.dtype == old else x, tree)

    def init(params):
        low = {path: jnp.zeros(p.shape, jnp.uint16) for path, p in params.items()}
        moments = optimizer.init(cast(params, jnp.bfloat16, jnp.float32))
        return {"low": low, "moments": cast(moments, jnp.float32, jnp.bfloat16)}

    def apply(grads, state, params):
        whole = {path: join(p, state["low"][path]) for path, p in params.items()}
        moments = cast(state["moments"], jnp.bfloat16, jnp.float32)
        updates, moments = optimizer.update(grads, moments, whole)
        halves = jax.tree.map(split, optax.apply_updates(whole, updates))
        params, low = ({path: both[i] for path, both in halves.items()} for i in range(2))
        return params, {"low": low, "moments": cast(moments, jnp.float32, jnp.bfloat16)}

    return Update(init, apply)


def split(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """float32 to the nearest bfloat16 and the lower 16 bits, uint16; halfway is away from 0."""
    bits = jax.lax.bitcast_convert_type(x, jnp.uint32)
    low = bits.astype(jnp.uint16)
    high = ((bits >> 16) + (low >> 15)).astype(jnp.uint16)
    return jax.lax.bitcast_convert_type(high, jnp.bfloat16), low


def join(high: jax.Array, low: jax.Array) -> jax.Array:
    """The float32 number that `split` took apart."""
    bits = jax.lax.bitcast_convert_type(high, jnp.uint16).astype(jnp.uint32)
    # A low half from 0x8000 on had been rounded up.
    bits = ((bits - (low >> 15)) << 16) | low
    return jax.lax.bitcast_convert_type(bits, jnp.float32)
