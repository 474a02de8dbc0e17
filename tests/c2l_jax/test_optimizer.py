"""Learning-rate schedule, parts with rates of their own, clipping and decay."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from c2l_jax.models.qwen2_5_vl import NO_DECAY
from c2l_jax.optimizer import make_optimizer, rate_scales, schedule
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
