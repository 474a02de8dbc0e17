"""What is measured: a small model, drawn pictures, prompts with one picture, random responses.

All of it is a function of seeds. Text tokens are random, since constant ones run faster; pictures
are drawn and cut into patches as in training.
"""

import dataclasses
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from PIL import Image, ImageDraw

from c2l_jax import cpu
from c2l_jax.data.images import ImageSpec, patchify
from c2l_jax.data.layout import RowShape, one_a_row, size
from c2l_jax.data.positions import mrope_positions
from c2l_jax.init_model import write_settings
from c2l_jax.models import weights
from c2l_jax.models.layers import Compute
from c2l_jax.models.params import merge
from c2l_jax.models.qwen2_5_vl import NO_DECAY
from c2l_jax.models.qwen2_5_vl.config import Config, TextConfig, VisionConfig
from c2l_jax.ops.logprobs import target_logprobs
from c2l_jax.optimizer import make_optimizer, rate_scales, updating
from c2l_jax.program import make_accumulate, make_apply
from configs import forkme

# On the CPU, unless the environment says otherwise, as JAX_PLATFORMS=cuda does; torch follows.
ON_GPU = os.environ.get("JAX_PLATFORMS", "").startswith("cuda")


def configure():
    """Where and how this process computes; called by what measures, never by an import."""
    # Several processes share a GPU, and float32 is not TF32 there, as torch's isn't.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    jax.config.update("jax_platforms", "cuda,cpu" if ON_GPU else "cpu")
    jax.config.update("jax_default_matmul_precision", "highest")


SIZES = ("small", "3b")


def model_config(size: str) -> Config:
    """A Qwen2.5-VL: "small" of 8 M parameters, "3b" the published one, "quick" for tests.

    As in the 3B one the small vision tower has about two fifths of the arithmetic of a prompt with
    256 tokens of picture and 144 of text.
    """
    if size == "3b":
        text = TextConfig(151_936, 2048, 11_008, 36, 16, 2, (16, 24, 24), bos_token_id=0)
        vision = VisionConfig(out_hidden_size=2048)
        return Config(
            dataclasses.replace(text, eos_token_id=1),
            vision,
            image_token_id=151_655,
            video_token_id=151_656,
            vision_start_token_id=151_652,
            vision_end_token_id=151_653,
            tie_word_embeddings=True,
        )
    vocab, hidden, layers, depth = (256, 64, 2, 1) if size == "quick" else (4096, 256, 6, 4)
    return Config(
        TextConfig(
            vocab_size=vocab,
            hidden_size=hidden,
            intermediate_size=3 * hidden,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            mrope_section=(2, 3, 3) if size == "quick" else (8, 12, 12),
            bos_token_id=0,
            eos_token_id=1,
        ),
        VisionConfig(
            depth=depth,
            hidden_size=hidden // 2,
            intermediate_size=3 * hidden // 2,
            num_heads=2,
            out_hidden_size=hidden,
            fullatt_block_indexes=(depth - 1,),
        ),
        image_token_id=vocab - 4,
        video_token_id=vocab - 3,
        vision_start_token_id=vocab - 2,
        vision_end_token_id=vocab - 1,
    )


def write_model(config: Config, directory: Path, seed: int, away: float = 0.0):
    """A model directory with random weights; `away` mixes in as much of other ones.

    Kernels are fan_in^-1/2 times normal numbers, biases and the norms' distance from 1 a tenth.
    """
    params = {}
    for path, leaf in weights.abstract(config)[1].items():
        shape = leaf.shape
        rng, other = (
            np.random.default_rng([number, *path.encode()]) for number in (seed, seed + 1)
        )
        noise = rng.standard_normal(shape, np.float32)
        noise += away * other.standard_normal(shape, np.float32) if away else 0
        if path in ("text/embedding", "head"):
            value = noise * shape[-1] ** -0.5
        elif path == "vision/patch_embedding":
            value = noise * np.prod(shape[:-1]) ** -0.5
        elif path.endswith("kernel"):
            value = noise * shape[-2] ** -0.5
        else:
            value = path.endswith("scale") + 0.1 * noise
        params[path] = jax.device_put(np.float32(value), jax.devices("cpu")[0])
    with tempfile.TemporaryDirectory() as source:
        write_settings(config, Path(source))
        weights.export(config, params, directory, source)


def compute_of(config: Config) -> Compute:
    """Models of a real size compute in bfloat16, and compute layers again to save memory."""
    real = config.text_config.hidden_size >= 1024
    return Compute("bfloat16", "full") if real else Compute()


def parameters(directory: Path) -> tuple[nnx.GraphDef, dict[str, jax.Array]]:
    """The structure of a model directory's model, and its parameters, float32, to be trained."""
    cpu.keep_freed()  # as the trainer does
    config = Config.from_directory(directory)
    return weights.abstract(config, compute_of(config))[0], weights.load(directory)


def model_of(graphdef: nnx.GraphDef, params: dict[str, jax.Array], config: Config):
    """The model with the parameters in the dtype that it computes in."""
    dtype = jnp.dtype(compute_of(config).dtype)
    return merge(graphdef, {path: param.astype(dtype) for path, param in params.items()})


def compile_step(loss: Callable, params: dict[str, jax.Array], batch, config) -> tuple:
    """(run, compiled): run() updates a state by the batch, whole, and returns the loss.

    loss: (params, batch) -> (loss sum, sums of what is logged). The parameters are used up.
    """
    optimizer = make_optimizer(config.optimizer, 1, rate_scales(params, ()), NO_DECAY)
    update = updating(optimizer, jnp.float32)
    accumulate, apply = make_accumulate(loss, frozenset(params)), make_apply(update)

    def step(state, batch):
        return apply(state, accumulate(state["params"], None, batch))

    state = {"params": params, "opt_state": update.init(params)}
    batch = jax.device_put(batch)
    compiled = jax.jit(step, donate_argnums=0).lower(state, batch).compile()

    def run() -> float:
        nonlocal state
        state, metrics = compiled(state, batch)
        return float(metrics["loss"])

    return run, compiled


def logprobs(directory: Path, batch: dict[str, np.ndarray], chunk: int) -> np.ndarray:
    """Log-probabilities [b, r] of a batch's targets under a model directory's model."""
    config = Config.from_directory(directory)
    graphdef, params = parameters(directory)
    run = jax.jit(lambda p: target_logprobs(model_of(graphdef, p, config), batch, chunk)[0])
    return np.asarray(run(params))


def settings():
    config = forkme.get_config()
    config.optimizer.update({"lr": 1e-5, "schedule": "constant", "warmup": 0.0})
    return config


def picture(rng: np.random.Generator, side: int) -> Image.Image:
    """A board of 8 x 8 cells with pieces, `side` px wide and high."""
    image = Image.new("RGB", (side, side), tuple(rng.integers(200, 256, 3)))
    pen, cell = ImageDraw.Draw(image), side / 8
    for row, column in np.ndindex(8, 8):
        box = [column * cell, row * cell, (column + 1) * cell, (row + 1) * cell]
        pen.rectangle(box, fill=tuple(rng.integers(0, 256, 3)), outline=(0, 0, 0))
        if rng.random() < 0.5:
            pen.ellipse([b + d * cell / 5 for b, d in zip(box, (1, 1, -1, -1), strict=True)])
    return image


@dataclasses.dataclass(frozen=True)
class Shape:
    """Of a question: trunk and response in tokens, the picture's side in px (112 at least).

    (side / 28)^2 tokens of the trunk are the picture's.
    """

    trunk: int
    response: int
    side: int


def prompt(config: Config, shape: Shape, rng: np.random.Generator) -> dict:
    """What `Processor.prompt` gives, of shape.trunk + 1 tokens, and the `picture` itself.

    Its last token is the one that every branch repeats.
    """
    drawn = picture(rng, shape.side)
    patches = patchify(drawn, ImageSpec())
    merged = len(patches.slots_n)
    text = rng.integers(2, config.image_token_id, shape.trunk - 1 - merged)
    tokens = np.concatenate(
        [
            text[:4],
            [config.vision_start_token_id],
            np.full(merged, config.image_token_id),
            [config.vision_end_token_id],
            text[4:],
        ]
    ).astype(np.int32)
    is_image = tokens == config.image_token_id
    positions, next_position = mrope_positions(is_image, [patches.merged_hw])
    slots = np.full(len(tokens), -1, np.int32)
    slots[is_image] = patches.slots_n
    return {
        "tokens": tokens,
        "positions": positions,
        "image_slots": slots,
        "patches": patches.pixels_gsp,
        "patch_coords": patches.coords_gs2,
        "tile_images": np.ones(len(patches.pixels_gsp), np.int32),
        "tile_grids": np.tile(2 * np.int32(patches.merged_hw), (len(patches.pixels_gsp), 1)),
        "next_position": next_position,
        "picture": drawn,
    }


def response(config: Config, shape: Shape, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(2, config.image_token_id, shape.response).astype(np.int32)


def batch(examples: list[dict]) -> dict[str, np.ndarray]:
    """The model's batch of examples (as from `add_branches`) of one shape, one a row, unpadded."""
    return one_a_row(examples, RowShape(*size(examples[0])))
