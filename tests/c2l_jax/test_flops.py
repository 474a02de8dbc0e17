"""The arithmetic of a step: against torch's count of transformers' model, and by hand."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from c2l_jax.flops import Work, forward_flops, peak_flops, step_flops, work
from c2l_jax.models import weights
from c2l_jax.models.lora import LoRA, is_adapter
from tests.c2l_jax import tiny

CONFIGS = {"qwen2_5_vl": tiny.config(tied=False), "qwen3_vl": tiny.qwen3()}


def batch_of(sequence, family):
    return tiny.row([sequence], family=family) | {"target_segments": np.zeros((1, 0), np.int32)}


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_a_forward_pass_is_what_torch_counts(family):
    config = CONFIGS[family]
    sequence = tiny.sequence([5, (84, 140), 4, (56, 56), 3], np.random.default_rng(0), family)
    theirs = tiny.torch_model(config)
    theirs.set_attn_implementation("eager")
    with torch.no_grad(), FlopCounterMode(display=False, depth=None) as counter:
        theirs(**tiny.torch_inputs(sequence))
    counts = counter.get_flop_counts()
    rotary = sum(
        sum(found.values()) for name, found in counts.items() if name.endswith("rotary_emb")
    )
    length = len(sequence["tokens"])
    done = work(batch_of(sequence, family))
    assert done.pairs == length * (length + 1) // 2
    # torch has a logit of every token, all scores of a causal row, and both frames of a picture.
    done = dataclasses.replace(done, targets=length, pairs=length**2)
    shapes = weights.abstract(config)[1]
    twice = 2 * done.patches * math.prod(shapes["vision/patch_embedding"].shape) / 2
    expected = counter.get_total_flops() - rotary - twice
    assert forward_flops(config, shapes, done) == expected


def test_packed_rows_count_what_sees_each_other():
    rng = np.random.default_rng(1)
    first, second = (tiny.sequence(parts, rng) for parts in ([4, (84, 140), 5], [3, (56, 56), 6]))
    responses = [rng.integers(2, tiny.IMAGE, n) for n in (5, 3)]
    tree, _ = tiny.branches(first, responses)
    trunk, alone = len(first["tokens"]) - 1, len(second["tokens"])
    targets = {"target_segments": np.array([[1, 1, 1, 0, 0]])}
    found = work(tiny.row([tree, second], length=150, tiles=12) | targets)
    causal = [n * (n + 1) // 2 for n in (trunk, 5, 3, alone)]
    # 6 x 10 patches in windows of 8 x 8, and 4 x 4 in one.
    assert found == Work(
        tokens=trunk + 8 + alone,
        targets=3,
        pairs=sum(causal) + 8 * trunk,
        patches=60 + 16,
        tile_pairs=48**2 + 12**2 + 16**2,
        picture_pairs=60**2 + 16**2,
    )
    assert found + Work() == found


def test_a_backward_pass_counts_what_is_trained():
    config, lora = tiny.config(), LoRA(2, 4.0, "^text/layers/")
    shapes = weights.abstract(config)[1]
    done = Work(
        tokens=100, targets=30, pairs=5050, patches=64, tile_pairs=64**2, picture_pairs=64**2
    )
    forward = forward_flops(config, shapes, done)
    tower = forward_flops(config, shapes, dataclasses.replace(done, tokens=0, targets=0, pairs=0))
    embedding = 2 * 64 * math.prod(shapes["vision/patch_embedding"].shape) / 2

    def step(trained):
        return step_flops(config, shapes, done, set(trained))

    assert step(shapes) == 3 * forward - embedding  # whose input has no gradient
    frozen = [path for path in shapes if not path.startswith("vision/")]
    assert step(frozen) == 3 * (forward - tower) + tower
    # Adapters: of the frozen kernels the gradient of the input alone, of the scores both.
    shapes = weights.abstract(config, lora=lora)[1]
    adapters = [path for path in shapes if is_adapter(path)]
    added = 2 * 100 * sum(math.prod(shapes[path].shape) for path in adapters)
    scores = 4 * config.text_config.num_hidden_layers * 64 * done.pairs
    assert step(adapters) == 2 * (forward - tower) + scores + tower + 3 * added


def test_peaks_of_known_devices():
    assert peak_flops("TPU v5 lite") == 197e12 and peak_flops("TPU v5p") == 459e12
    assert peak_flops("TPU v6 lite") == 918e12
    assert peak_flops("NVIDIA H100 80GB HBM3") == 989e12
    assert peak_flops("cpu") is None
