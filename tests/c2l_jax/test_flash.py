"""Attention in blocks that are visited only if seen: kernels, interpreted, and XLA operations."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c2l_jax.ops.attention import Packed, SamePicture, ValidKeys, attend, blocks, flash, xla
from c2l_jax.ops.attention.scores import SAVED
from c2l_jax.ops.attention.sees import blocks_seen
from tests.conftest import QUICKLY, run_module


def runs(lengths, length):
    """[T]: as many of each number as given, from 1; zeros behind."""
    numbers = np.repeat(np.arange(1, len(lengths) + 1), lengths)
    return np.pad(numbers, (0, length - len(numbers))).astype(np.int32)


def packed(length):
    """Rows of trunks with branches, alone and several, with padding behind and without."""
    segments = np.stack([runs([length // 2, length // 3], length), runs([length], length)])
    branches = np.zeros_like(segments)
    for row, begin, end, branch in (
        (0, 0.1, 0.3, 1),
        (0, 0.3, 0.5, 2),
        (0, 0.6, 0.7, 1),
        (1, 0.4, 0.5, 1),
        (1, 0.5, 1.0, 3),
    ):
        branches[row, int(begin * length) : int(end * length)] = branch
    return Packed(jnp.asarray(segments), jnp.asarray(branches))


def pictures(length):
    some = [runs([length // 5, length // 2, length // 8], length), runs([length], length)]
    return SamePicture(jnp.asarray(np.stack(some)))


def tensors(length, heads, kv_heads, dim, dtype="float32"):
    rng = np.random.default_rng(0)
    shapes = ((2, length, count, dim) for count in (heads, kv_heads, kv_heads))
    return [jnp.asarray(rng.normal(size=shape), dtype) for shape in shapes]


def outputs_and_gradients(inputs, sees, implementation):
    """Of what is no padding, as float32. `implementation` may be a function."""
    is_some = (sees.ids[0] > 0)[..., None, None]
    if isinstance(implementation, str):
        implementation = functools.partial(attend, implementation=implementation)

    def loss(q, k, v):
        out = jnp.where(is_some, implementation(q, k, v, sees), 0)
        return jnp.sin(out.astype(jnp.float32)).sum(), out

    (_, out), gradients = jax.jit(jax.value_and_grad(loss, (0, 1, 2), has_aux=True))(*inputs)
    return [np.asarray(x, np.float32) for x in (out, *gradients)]


def dense(q, k, v, sees):
    return jax.nn.dot_product_attention(q, k, v, mask=sees.mask()[:, None])


@pytest.mark.parametrize(
    ("target", "sees", "heads", "dtype", "tolerance"),
    [
        ("tpu", packed(300), (2, 1, 64), "float32", 1e-5),
        ("tpu", pictures(300), (1, 1, 80), "bfloat16", 3e-2),
        ("cuda", packed(100), (4, 2, 128), "bfloat16", 3e-2),
        ("cuda", pictures(100), (1, 1, 80), "float32", 1e-5),
        ("cpu", packed(50), (2, 1, 8), "float32", 1e-5),
        ("xla", pictures(600), (4, 2, 80), "float32", 1e-5),
        ("xla", packed(600), (4, 2, 16), "float32", 1e-5),
    ],
)
def test_blocks_equal_all_pairs(monkeypatch, target, sees, heads, dtype, tolerance):
    """With every device's blocks and padding; a row of several blocks, the last not full."""
    if target != "xla":
        made = flash.TARGETS[target]._replace(interpret=True)
        monkeypatch.setitem(flash.TARGETS, "cpu", made)
    inputs = tensors(sees.ids[0].shape[1], *heads, dtype)
    found = outputs_and_gradients(inputs, sees, "xla" if target == "xla" else "flash")
    expected = outputs_and_gradients([x.astype("float32") for x in inputs], sees, dense)
    for ours, exact in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, exact, atol=tolerance * max(1.0, np.abs(exact).max()))


def test_windows_are_the_references():
    q, k, v = tensors(16, 2, 2, 8)
    sees = ValidKeys(jnp.arange(16) < jnp.array([[16], [9]]))
    expected = attend(q, k, v, sees, "xla")
    np.testing.assert_array_equal(attend(q, k, v, sees, "flash"), expected)


@pytest.mark.parametrize("implementation", ["xla", "flash"])
def test_no_block_is_read_that_nobody_sees(monkeypatch, implementation):
    """Another picture's numbers would spoil the product, even with weights of 0."""
    monkeypatch.setattr(blocks, "BLOCK", 16)
    monkeypatch.setattr(xla, "WHOLE", 16)
    q, k, v = tensors(64, 1, 1, 8)
    sees = SamePicture(jnp.asarray(np.stack([runs([16, 32], 64), runs([48], 64)])))
    clean = outputs_and_gradients([q, k, v], sees, implementation)
    spoiled = [x.at[0, 16:].set(jnp.nan) for x in (q, k, v)]
    for found, expected in zip(
        outputs_and_gradients(spoiled, sees, implementation), clean, strict=True
    ):
        np.testing.assert_array_equal(found[0, :16], expected[0, :16])


@pytest.mark.parametrize("sees", [packed(64), pictures(64)])
def test_blocks_are_left_out_if_nobody_sees_them(sees):
    mask = np.array(sees.mask())
    mask[np.asarray(sees.ids[0]) == 0] = False  # what padding sees is nobody's concern
    exact = mask.reshape(2, 8, 8, 8, 8).any((2, 4))
    found = blocks_seen(*(x.reshape(2, 8, 8) for x in sees.ids), sees.causal)
    assert not (exact & ~found).any()
    # Of a block where a branch ends, only the numbers at its ends are known.
    assert (found & ~exact).sum() <= 2


def test_numbers_in_any_order_are_never_left_out():
    rng = np.random.default_rng(0)
    segments, branches = rng.integers(0, 3, (20, 16)), rng.integers(0, 3, (20, 16))
    sees = Packed(jnp.asarray(segments), jnp.asarray(branches))
    exact = np.asarray(sees.mask()).reshape(20, 4, 4, 4, 4).any((2, 4))
    found = blocks_seen(*(x.reshape(20, 4, 4) for x in sees.ids), True)
    assert not (exact & ~found).any() and not found.all()


@pytest.mark.parametrize("platform", ["tpu", "cuda"])
def test_kernels_can_be_lowered_for_devices(platform):
    """The shapes of Qwen2.5-VL-3B, for compilers that are not here."""
    for length, heads, kv_heads, dim, kind in (
        (4096, 16, 2, 128, Packed),
        (8192, 16, 16, 80, SamePicture),
    ):
        q, k = (
            jax.ShapeDtypeStruct((1, length, count, dim), jnp.bfloat16)
            for count in (heads, kv_heads)
        )
        ids = [jax.ShapeDtypeStruct((1, length), jnp.int32)] * len(kind._fields)

        def loss(q, k, v, *ids, kind=kind):
            return attend(q, k, v, kind(*ids), "flash").astype(jnp.float32).sum()

        traced = jax.jit(jax.grad(loss, (0, 1, 2))).trace(q, k, k, *ids)
        text = traced.lower(lowering_platforms=(platform,)).as_text()
        call = {"tpu": "tpu_custom_call", "cuda": "__gpu$xla.gpu.triton"}[platform]
        assert text.count(f"@{call}") == 3 and f"{length}x{length}" not in text


@pytest.mark.parametrize(
    ("name", "kind", "length", "platform", "product", "forward", "backward"),
    [
        ("flash", Packed, 300, "tpu", "@tpu_custom_call", 1, 2),
        ("xla", Packed, 100, "cpu", "dot_general", 2, 5),  # all pairs at once
        ("xla", SamePicture, 300, "cpu", "dot_general", 2, 5),
    ],
)
def test_a_policy_can_keep_the_forward_pass(
    name, kind, length, platform, product, forward, backward
):
    """Without one it is run twice: counted in kernels and in products."""
    sees = kind(*[jnp.ones((2, length), jnp.int32)] * len(kind._fields))
    policies, found = jax.checkpoint_policies, []
    for policy in (policies.nothing_saveable, policies.save_only_these_names(SAVED)):

        @functools.partial(jax.checkpoint, policy=policy)
        def loss(q, k, v):
            return attend(jnp.sin(q), k, v, sees, name).sum()

        traced = jax.jit(jax.value_and_grad(loss, (0, 1, 2))).trace(*tensors(length, 1, 1, 8))
        found.append(traced.lower(lowering_platforms=(platform,)).as_text().count(product))
    assert found == [2 * forward + backward, forward + backward]


def test_four_devices_equal_one():
    run_module(
        "tests.c2l_jax.split", XLA_FLAGS=f"--xla_force_host_platform_device_count=4 {QUICKLY}"
    )
