"""Attention, rotary positions and log-probabilities against direct computations."""

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c2l_jax.ops.attention import Packed, SamePicture, ValidKeys, attend
from c2l_jax.ops.attention.cached import attend_in_parts
from c2l_jax.ops.logprobs import token_logprobs
from c2l_jax.ops.rotary import multimodal_angles, rotate, vision_angles


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


class Masked(NamedTuple):
    """What sees what, as any mask says."""

    mask_bts: np.ndarray

    def mask(self):
        return jnp.asarray(self.mask_bts)


def attend_slowly(q, k, v, mask):
    """One query and one head at a time, in float64."""
    out = np.zeros(q.shape)
    group = q.shape[2] // k.shape[2]
    for b, t, h in itertools.product(*map(range, q.shape[:3])):
        seen = mask[b, t]
        scores = k[b, seen, h // group].astype(np.float64) @ q[b, t, h] / np.sqrt(q.shape[3])
        weights = np.exp(scores - scores.max())
        out[b, t, h] = weights @ v[b, seen, h // group] / weights.sum()
    return out


def test_attend_is_grouped_query_softmax_attention():
    q, k, v = normal(0, 2, 5, 6, 8), normal(1, 2, 7, 2, 8), normal(2, 2, 7, 2, 8)
    mask = np.random.default_rng(3).random((2, 5, 7)) < 0.5
    mask[:, :, 0] = True
    found = attend(q, k, v, Masked(mask))
    np.testing.assert_allclose(found, attend_slowly(q, k, v, mask), atol=1e-5)


def test_a_query_that_sees_nothing_stays_finite_and_leaks_nothing():
    q, k, v = normal(0, 1, 4, 2, 8), normal(1, 1, 4, 2, 8), normal(2, 1, 4, 2, 8)
    mask = np.tril(np.ones((1, 4, 4), bool))
    mask[:, 2] = False
    mask[:, :, 2] = False

    def loss(q, k, v):
        out = attend(q, k, v, Masked(mask))
        return jnp.sum(jnp.sin(out[:, jnp.array([0, 1, 3])])), out

    gradients, out = jax.grad(loss, argnums=(0, 1, 2), has_aux=True)(q, k, v)
    assert np.isfinite(out).all()
    for gradient in gradients:
        assert np.isfinite(gradient).all()
        assert not np.asarray(gradient)[:, 2].any()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("bfloat16", 5e-2)])
def test_gradients_equal_autodiff(dtype, tolerance):
    q, k, v = normal(0, 2, 26, 4, 8), normal(1, 2, 26, 2, 8), normal(2, 2, 26, 2, 8)
    mask = np.tril(np.ones((2, 26, 26), bool))
    mask[1, :, :5] = False

    def loss(attend, dtype, *inputs):
        out = attend(*(x.astype(dtype) for x in inputs))
        return jnp.sum(jnp.sin(out[:, 5:].astype(jnp.float32)))

    def ours(q, k, v):
        return attend(q, k, v, Masked(mask))

    def theirs(q, k, v):
        return jax.nn.dot_product_attention(q, k, v, mask=mask[:, None], implementation="xla")

    found = jax.value_and_grad(functools.partial(loss, ours, dtype), argnums=(0, 1, 2))(q, k, v)
    exact = jax.value_and_grad(functools.partial(loss, theirs, "float32"), (0, 1, 2))(q, k, v)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True):
        np.testing.assert_allclose(a, b, atol=tolerance * max(1.0, np.abs(b).max()))


def test_packed_tokens_see_what_the_definition_says():
    rng = np.random.default_rng(0)
    segments = np.sort(rng.integers(0, 4, (3, 24)))[:, ::-1].copy()  # padding last
    branches = rng.integers(0, 3, (3, 24))
    sees = Packed(jnp.asarray(segments), jnp.asarray(branches))
    mask = np.asarray(sees.mask())
    assert mask.shape == (3, 24, 24)
    for row, q, k in itertools.product(range(3), range(24), range(24)):
        allowed = (
            segments[row, q] == segments[row, k] != 0
            and k <= q
            and branches[row, k] in (0, branches[row, q])
        )
        assert mask[row, q, k] == allowed


def test_patches_see_what_the_definitions_say():
    pictures = np.array([[1, 1, 2, 0], [3, 0, 0, 3]])
    same = SamePicture(jnp.asarray(pictures)).mask()
    np.testing.assert_array_equal(same, pictures[:, :, None] == pictures[:, None])
    valid = ValidKeys(jnp.asarray(pictures > 0)).mask()
    np.testing.assert_array_equal(valid, (pictures > 0)[:, None])


def test_no_mask_of_all_pairs_exists():
    """The gradient of a long row holds less than one bool for each pair of its tokens."""
    length = 4096
    numbers = jax.ShapeDtypeStruct((1, length), jnp.int32)
    heads = jax.ShapeDtypeStruct((1, length, 1, 4), jnp.float32)

    def loss(q, k, v, segments, branches):
        return attend(q, k, v, Packed(segments, branches)).sum()

    step = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
    lowered = step.lower(heads, heads, heads, numbers, numbers)
    assert f"{length}x{length}" not in lowered.as_text()


def test_two_part_attention_is_attention_over_both_parts():
    prompts, count, trunk, room, heads, kv_heads, dim = 2, 3, 5, 4, 4, 2, 8
    q = normal(0, prompts, count, heads, dim)
    trunk_kv = normal(1, prompts, trunk, kv_heads, dim), normal(2, prompts, trunk, kv_heads, dim)
    branch_shape = (prompts, count, room, kv_heads, dim)
    branch_kv = normal(3, *branch_shape), normal(4, *branch_shape)
    trunk_mask = np.array([[True] * 5, [True] * 3 + [False] * 2])
    branch_mask = np.random.default_rng(5).random((prompts, count, room)) < 0.5
    branch_mask[:, :, 1] = True
    by_head = ((np.moveaxis(k, -3, -1), np.moveaxis(v, -3, -2)) for k, v in (trunk_kv, branch_kv))
    out = attend_in_parts(q, list(zip(by_head, (trunk_mask, branch_mask), strict=True)))
    for p, n in itertools.product(range(prompts), range(count)):
        k, v = (
            np.concatenate([whole[p], part[p, n]])[None]
            for whole, part in zip(trunk_kv, branch_kv, strict=True)
        )
        mask = np.concatenate([trunk_mask[p], branch_mask[p, n]])[None, None]
        expected = attend_slowly(q[p, n][None, None], k, v, mask)[0, 0]
        np.testing.assert_allclose(out[p, n], expected, atol=1e-5)


def test_a_part_that_no_branch_sees_is_not_read():
    q, own = normal(0, 2, 3, 4, 8), (normal(1, 2, 3, 2, 8, 5), normal(2, 2, 3, 2, 5, 8))
    seen = (own, np.ones((2, 3, 5), bool))
    unseen = (tuple(np.full_like(x, np.nan) for x in own), np.zeros((2, 3, 5), bool))
    expected = attend_in_parts(q, [seen])
    np.testing.assert_allclose(attend_in_parts(q, [unseen, seen]), expected, rtol=1e-6)


def test_rotary_scores_depend_on_distances_of_all_three_axes():
    q, k = normal(0, 16), normal(1, 16)

    def score(q_position, k_position):
        turned = [
            rotate(x[None, None], multimodal_angles(jnp.array([position]), (2, 3, 3), 100.0))
            for x, position in ((q, q_position), (k, k_position))
        ]
        return float(jnp.vdot(*turned))

    base = score((5, 7, 9), (1, 2, 3))
    assert score((15, 27, 39), (11, 22, 33)) == pytest.approx(base, abs=1e-4)
    for axis in range(3):
        moved = [5, 7, 9]
        moved[axis] += 1
        assert abs(score(moved, (1, 2, 3)) - base) > 1e-3


def test_vision_angles_give_each_axis_half_of_the_frequencies():
    angles = np.asarray(vision_angles(jnp.array([[3, 0], [0, 3]]), head_dim=16))
    np.testing.assert_allclose(angles[0, :4], 3 * 10000.0 ** -(np.arange(4) / 4), rtol=1e-6)
    np.testing.assert_array_equal(angles[0, 4:], 0)
    np.testing.assert_array_equal(angles[1], np.roll(angles[0], 4))


@pytest.mark.parametrize("chunk", [1, 4, 7, 13, 64])
def test_token_logprobs_equal_dense_ones_for_any_chunk(chunk):
    hidden, head = normal(0, 2, 13, 8), normal(1, 32, 8)
    targets = np.random.default_rng(2).integers(0, 32, (2, 13))
    probe = normal(3, 2, 13)

    def dense(hidden, head):
        logps = jax.nn.log_softmax(hidden @ head.T)
        logp = jnp.take_along_axis(logps, targets[..., None], -1)[..., 0]
        return jnp.vdot(probe, logp), logp

    def chunked(hidden, head):
        logp, _ = token_logprobs(hidden, head, jnp.asarray(targets), chunk)
        return jnp.vdot(probe, logp), logp

    expected_gradients, expected = jax.grad(dense, argnums=(0, 1), has_aux=True)(hidden, head)
    gradients, logp = jax.grad(chunked, argnums=(0, 1), has_aux=True)(hidden, head)
    np.testing.assert_allclose(logp, expected, atol=1e-5)
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_token_logprobs_know_the_likeliest_token():
    hidden, head = normal(0, 1, 20, 8), normal(1, 16, 8)
    best = (hidden @ head.T).argmax(-1)
    targets = np.where(np.arange(20) % 2, best, (best + 1) % 16)
    _, is_argmax = token_logprobs(hidden, head, jnp.asarray(targets), 8)
    np.testing.assert_array_equal(is_argmax[0], np.arange(20) % 2 == 1)


def test_bfloat16_gradients_of_the_head_add_up_in_float32():
    """Many chunks of equal terms: a bfloat16 sum would stop growing at 256 of them."""
    count, chunk = 1024, 1
    hidden = jnp.ones((1, count, 4), jnp.bfloat16)
    head = jnp.zeros((8, 4), jnp.bfloat16)

    def loss(head):
        targets = jnp.zeros((1, count), jnp.int32)
        return token_logprobs(hidden, head.astype(jnp.bfloat16), targets, chunk)[0].sum()

    gradient = jax.grad(loss)(head.astype(jnp.float32))
    np.testing.assert_allclose(gradient[0], count * 7 / 8, rtol=0.01)


def test_full_logits_never_exist():
    """No intermediate of the compiled gradient is as large as the logits of all tokens."""
    count, vocabulary, chunk = 512, 640, 64

    def loss(hidden, head):
        return token_logprobs(hidden, head, jnp.zeros((1, count), jnp.int32), chunk)[0].sum()

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
    compiled = gradient.lower(jnp.ones((1, count, 16)), jnp.ones((vocabulary, 16))).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < count * vocabulary * 4
