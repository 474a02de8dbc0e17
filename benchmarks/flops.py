"""What the FLOPs of c2l_jax.flops predict for the ratios that are measured."""

from benchmarks.workload import Shape
from c2l_jax.flops import Work, forward_flops
from c2l_jax.models import weights
from c2l_jax.models.config import ModelConfig as Config


def forward(config: Config, shape: Shape, trunks: int, branches: int, targets: int) -> float:
    """Forward FLOPs of trunks with their pictures, and of branches that all hang on one of them."""
    trunk, response, vision = shape.trunk, shape.response, config.vision_config
    patches = (shape.side // vision.patch_size) ** 2
    done = Work(
        tokens=trunks * trunk + branches * response,
        targets=targets,
        pairs=trunks * _causal(trunk) + branches * (trunk * response + _causal(response)),
        patches=trunks * patches,
        tile_pairs=trunks * patches * 64,
        picture_pairs=trunks * patches**2,
    )
    return forward_flops(config, weights.abstract(config)[1], done)


def _causal(tokens: int) -> int:
    return tokens * (tokens + 1) // 2


def shared(config: Config, shape: Shape, branches: int) -> float:
    """Of one trunk with branches: the picture and the trunk once."""
    return forward(config, shape, 1, branches, branches * shape.response)


def separate(config: Config, shape: Shape, branches: int) -> float:
    """Of as many whole sequences: the picture and the trunk in each."""
    return forward(config, shape, branches, branches, branches * shape.response)


def dpo_ratio(config: Config, shape: Shape) -> float:
    """FLOPs of the usual pair step over ours: (3 + 1) x two sequences / 3 x (trunk + 2 branches).

    The usual one runs the policy forward and backward and the reference forward.
    """
    return 4 * separate(config, shape, 2) / (3 * shared(config, shape, 2))


def sampling_ratio(config: Config, shape: Shape, n: int) -> float:
    """FLOPs of n prompts and responses over those of one prompt with n responses."""
    return separate(config, shape, n) / shared(config, shape, n)
