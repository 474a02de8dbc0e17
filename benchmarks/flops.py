"""Arithmetic of a step: the multiplications and additions of its matrix products.

Causal attention over n tokens counts n^2 / 2 pairs, not what a dense mask computes; the embedding
is free, the head counts response tokens only; a backward pass costs twice its forward pass.
"""

from benchmarks.workload import Shape
from c2l_jax.models import family
from c2l_jax.models.config import ModelConfig as Config


def vision(config: Config, side: int) -> float:
    """Forward FLOPs of the tower for one picture of side x side px."""
    return family(config.MODEL_TYPE).tower_flops(config, side)


def text(config: Config, tokens: int, targets: int, seen: float) -> float:
    """Forward FLOPs of the language model: 2 N T + 2 D V R + 4 L D S.

    N weights of the layers, T tokens, R targets, S (query, key) pairs.
    """
    t = config.text_config
    kv = t.num_key_value_heads * t.head_dim
    layer = 2 * t.hidden_size**2 + 2 * t.hidden_size * kv + 3 * t.hidden_size * t.intermediate_size
    return (
        2 * t.num_hidden_layers * layer * tokens
        + 2 * t.hidden_size * t.vocab_size * targets
        + 4 * t.num_hidden_layers * t.hidden_size * seen
    )


def shared(config: Config, shape: Shape, branches: int) -> float:
    """Forward FLOPs of one trunk with branches: the picture and the trunk once."""
    trunk, response = shape.trunk, shape.response
    seen = trunk**2 / 2 + branches * (trunk * response + response**2 / 2)
    return vision(config, shape.side) + text(
        config, trunk + branches * response, branches * response, seen
    )


def separate(config: Config, shape: Shape, branches: int) -> float:
    """Forward FLOPs of as many whole sequences: the picture and the trunk in each."""
    length = shape.trunk + shape.response
    alone = vision(config, shape.side) + text(config, length, shape.response, length**2 / 2)
    return branches * alone


def dpo_ratio(config: Config, shape: Shape) -> float:
    """FLOPs of the usual pair step over ours: (3 + 1) x two sequences / 3 x (trunk + 2 branches).

    The usual one runs the policy forward and backward and the reference forward.
    """
    return 4 * separate(config, shape, 2) / (3 * shared(config, shape, 2))


def decode(config: Config, shape: Shape) -> float:
    """FLOPs of writing one response after its trunk is in the cache."""
    trunk, response = shape.trunk, shape.response
    return text(config, response, response, trunk * response + response**2 / 2)


def sampling_ratio(config: Config, shape: Shape, n: int) -> float:
    """FLOPs of n prompts and responses over those of one prompt with n responses."""
    prefill = vision(config, shape.side) + text(config, shape.trunk, 0, shape.trunk**2 / 2)
    return n * (prefill + decode(config, shape)) / (prefill + n * decode(config, shape))
