"""Rotary positions against transformers' get_rope_index."""

import numpy as np
import pytest
import torch
from transformers import Qwen2_5_VLConfig, Qwen3VLConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLModel
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLModel

from c2l_jax.data.positions import mrope_positions


def rope_index(model: type, config) -> torch.nn.Module:
    """The reference's position code alone, without its weights."""
    alone = object.__new__(model)
    torch.nn.Module.__init__(alone)
    alone.config = config
    return alone


@pytest.mark.parametrize(
    "reference",
    [
        rope_index(Qwen2_5_VLModel, Qwen2_5_VLConfig()),
        rope_index(Qwen3VLModel, Qwen3VLConfig()),
    ],
    ids=["qwen2_5_vl", "qwen3_vl"],
)
@pytest.mark.parametrize(
    "layout",
    [
        [5],  # text only
        [3, (4, 4), 6],
        [2, (2, 7), 5, (6, 3), 1],
        [1, (3, 3), 1],
        [4, (5, 2)],
    ],
)
def test_positions_equal_get_rope_index(layout, reference):
    is_image, sizes = [], []
    for part in layout:
        if isinstance(part, int):
            is_image += [False] * part
        else:
            is_image += [True] * (part[0] * part[1])
            sizes.append(part)
    is_image = np.asarray(is_image)
    ours, following = mrope_positions(is_image, sizes)

    grids = torch.tensor([[1, 2 * h, 2 * w] for h, w in sizes]) if sizes else None
    theirs, deltas = reference.get_rope_index(
        torch.zeros(1, len(is_image), dtype=torch.long),
        mm_token_type_ids=torch.from_numpy(is_image.astype(np.int32))[None],
        image_grid_thw=grids,
    )
    np.testing.assert_array_equal(ours, theirs[:, 0].T.numpy())
    assert following == len(is_image) + int(deltas)


def test_missing_picture_is_noticed():
    with pytest.raises(ValueError, match="1 runs"):
        mrope_positions(np.array([False, True, True]), [])
