"""How Qwen3-VL sees pictures: multiples of 32 px, in tiles of 8 x 8 patches of 16 px."""

import functools

from c2l_jax.data.images import ImageSpec

pictures = functools.partial(ImageSpec.from_directory, model_patch_size=16)
