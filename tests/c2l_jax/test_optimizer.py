"""Learning-rate schedule, parts with rates of their own, clipping and decay."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from c2l_jax.models.qwen2_5_vl import NO_DECAY
from c2l_jax.optimizer import join, make_optimizer, rate_scales, schedule, split, updating
from records.errors import UserError

CONFIG = ConfigDict(
    {
        "lr": 0.1,
        "schedule": "cosine",
        "warmup": 0.1,
        "weight_decay": 0.0,
        "b1": 0.9,
        "b2": 0.95,
        "clip": 1.0,
    }
)
PATHS = ("text/norm/scale", "vision/blocks/kernel", "vision/merger/kernel")


def changed(**values) -> ConfigDict:
    return ConfigDict(dict(CONFIG) | values)


def test_schedule():
    rate = schedule(CONFIG, 100)
    assert float(rate(0)) == pytest.approx(0.01)  # the first step already moves
    assert float(rate(9)) == pytest.approx(0.1) and float(rate(10)) == pytest.approx(0.1)
    assert float(rate(55)) == pytest.approx(0.05) and float(rate(100)) == pytest.approx(0, abs=1e-9)
    constant = schedule(changed(schedule="constant", warmup=0.0), 100)
    assert float(constant(0)) == float(constant(99)) == pytest.approx(0.1)


def test_first_pattern_counts():
    table = ((r"^vision/merger", 0.0), (r"^vision", 0.5))
    assert list(rate_scales(PATHS, table).values()) == [1.0, 0.5, 0.0]
    with pytest.raises(UserError, match="'visoin'"):
        rate_scales(PATHS, ((r"visoin", 0.0),))
    with pytest.raises(UserError, match=r"lr_scale: '\(vision' is no regular expression"):
        rate_scales(PATHS, ((r"(vision", 0.0),))
    with pytest.raises(UserError, match="lr_scale holds 'vision': it takes pairs"):
        rate_scales(PATHS, (r"vision", 0.0))


def test_steps_scale_and_frozen_parts_have_no_state():
    scales = rate_scales(PATHS, ((r"^vision/merger", 0.0), (r"^vision", 0.5)))
    optimizer = make_optimizer(changed(schedule="constant", warmup=0.0), 10, scales, NO_DECAY)
    params = {path: jnp.ones(3) for path in PATHS[:2]}
    state = optimizer.init(params)
    updates, _ = optimizer.update({path: jnp.full(3, 1e-3) for path in params}, state, params)
    # Adam's first step is the learning rate, whatever the gradient's size.
    np.testing.assert_allclose(updates[PATHS[0]], -0.1, rtol=1e-4)
    np.testing.assert_allclose(updates[PATHS[1]], -0.05, rtol=1e-4)


def test_decay_spares_norms_and_equals_plain_adamw():
    config = changed(schedule="constant", warmup=0.0, weight_decay=0.3)
    optimizer = make_optimizer(config, 10, dict.fromkeys(PATHS, 1.0), NO_DECAY)
    params = {path: jnp.ones(3) for path in PATHS}
    grads = {path: jnp.full(3, 0.1) for path in PATHS}
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    plain = optax.adamw(0.1, b1=0.9, b2=0.95, weight_decay=0.3)
    expected, _ = plain.update(grads, plain.init(params), params)
    np.testing.assert_allclose(updates[PATHS[1]], expected[PATHS[1]], rtol=1e-6)
    np.testing.assert_allclose(updates[PATHS[0]], -0.1, rtol=1e-4)  # no decay


def test_everything_frozen_is_refused():
    with pytest.raises(UserError, match="freezes every parameter"):
        make_optimizer(CONFIG, 10, dict.fromkeys(PATHS, 0.0), NO_DECAY)


def test_halves_are_the_nearest_bfloat16_and_what_it_lacks():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 10_000, np.uint32)
    x = np.r_[bits.view(np.float32), 0.0, -0.0, 1.0, 1.00390625, 1e-40].astype(np.float32)
    x = x[np.abs(x) < 3e38]  # what rounds to infinity stays out
    high, low = split(jnp.asarray(x))
    assert high.dtype == jnp.bfloat16 and low.dtype == jnp.uint16
    np.testing.assert_array_equal(np.asarray(join(high, low)).view(np.uint32), x.view(np.uint32))
    halfway = x.view(np.uint32) % 2**16 == 2**15  # away from 0 here, to even there
    nearest = x.astype(jnp.bfloat16)
    np.testing.assert_array_equal(np.asarray(high)[~halfway], nearest[~halfway])


def test_bfloat16_parameters_track_float32_over_500_steps():
    """Regression at a rate whose updates bfloat16 cannot hold, beside parameters of about 1."""
    size, steps, dtype = (24, 16), 500, jnp.bfloat16
    start, goal = jax.random.normal(jax.random.key(0), (2, *size))
    start = {"kernel": start.astype(dtype).astype(jnp.float32)}
    config = changed(lr=1e-4, schedule="constant", warmup=0.0, weight_decay=0.1)
    optimizer = make_optimizer(config, steps, {"kernel": 1.0}, NO_DECAY)

    def gradient(params, key):
        """As in training: computed in bfloat16, on another batch in each step."""
        x = jax.random.normal(key, (8, size[0]), dtype)
        y = x @ goal.astype(dtype) + jax.random.normal(key, (8, size[1]), dtype)
        kernel = params["kernel"].astype(dtype)
        grads = jax.grad(lambda k: jnp.square(x @ k - y).mean().astype(jnp.float32))(kernel)
        return {"kernel": grads.astype(jnp.float32)}

    def after(update, params):
        def step(carry, key):
            params, state = carry
            return update.apply(gradient(params, key), state, params), None

        keys = jax.random.split(jax.random.key(1), steps)
        (params, state), _ = jax.lax.scan(step, (params, update.init(params)), keys)
        return params["kernel"].astype(jnp.float32), state

    def distance(a, b):
        return float(jnp.linalg.norm(a - b))

    narrow = {"kernel": start["kernel"].astype(dtype)}
    plain = updating(optimizer, jnp.float32)
    whole, _ = after(plain, start)
    halves, state = after(updating(optimizer, dtype), narrow)
    alone, _ = after(plain._replace(init=lambda params: plain.init(start)), narrow)
    moved = distance(whole, start["kernel"])
    exact = join(halves.astype(dtype), state["low"]["kernel"])
    assert distance(exact, whole) < 0.005 * moved
    assert distance(alone, whole) > 0.5 * moved
    sizes = {leaf.dtype.itemsize for leaf in jax.tree.leaves(state) if leaf.ndim}
    assert sizes == {2}
