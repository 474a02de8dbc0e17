"""Decoding with the cache writes what re-running the whole sequence would write."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c2l_jax.data.processor import Processor, add_branches
from c2l_jax.data.records import open_split
from c2l_jax.models.params import flatten, merge
from c2l_jax.models.qwen2_5_vl import weights
from c2l_jax.models.qwen2_5_vl.config import Config
from c2l_jax.sampler import PromptShape, Sampler, prompt_rows
from c2l_jax.sharding import make_mesh

LENGTH = 10


@pytest.fixture(scope="module")
def setting(model_dir, dataset):
    """(graphdef, params, prompts): loud random weights, prompts of different lengths."""
    graphdef, state = weights.init(Config.from_directory(model_dir), seed=1)
    params = {k: 1.5 * v if "kernel" in k else v for k, v in flatten(state).items()}
    processor, split = Processor(model_dir), open_split(dataset, "train")
    records = [split[i] for i in range(4)]
    records.append({k: v for k, v in split[4].items() if k != "image"})  # text only
    return graphdef, params, [processor.prompt(record, "cot") for record in records]


def sample(setting, prompts, shape, end_token=-1, max_tokens=LENGTH):
    graphdef, params, _ = setting
    mesh = make_mesh({"data": 1, "fsdp": -1, "tensor": 1})
    sampler = Sampler(graphdef, params, mesh=mesh, end_token=end_token, max_tokens=max_tokens)
    return [list(tokens) for tokens in sampler(prompts, shape)]


@pytest.fixture(scope="module")
def expected(setting):
    """Each prompt alone, the whole sequence computed anew for every token."""
    graphdef, params, prompts = setting
    shape = PromptShape(1, max(len(p["tokens"]) for p in prompts) + LENGTH, 1)

    @jax.jit
    def last_logits(batch, length):
        model = merge(graphdef, params)
        return model(batch)[0, length - 1] @ model.head_vd().T

    responses = []
    for prompt in prompts:
        response = []
        for _ in range(LENGTH):
            example = add_branches(prompt, [np.asarray([*response, 0], np.int32)])
            # A row of the sequence so far; prompt_rows leaves out a last token, so add one.
            row = {name: np.concatenate([v, v[:1]]) for name, v in example.items() if len(v)}
            row |= {n: example[n] for n in ("patches", "patch_coords", "window_images")}
            batch = prompt_rows([row | {"next_position": 1}], shape)
            length = len(example["tokens"])
            response.append(int(last_logits(batch, length).argmax()))
        responses.append(response)
    return responses


def test_cached_equals_full_forward(setting, expected):
    prompts = setting[2]
    assert sample(setting, prompts, PromptShape.that_fits(prompts, rows=5)) == expected
    assert len({token for response in expected for token in response}) > 5  # not a constant


def test_batch_and_padding_do_not_matter(setting, expected):
    prompts = setting[2]
    roomy = PromptShape(rows=2, tokens=1024, windows=3)
    assert sample(setting, prompts, roomy) == expected


def test_response_stops_before_its_end_token(setting, expected):
    prompts = setting[2]
    end = expected[0][4]
    shape = PromptShape.that_fits(prompts, rows=5)
    for response, whole in zip(sample(setting, prompts, shape, end), expected, strict=True):
        assert response == (whole[: whole.index(end)] if end in whole else whole)


def test_cache_logits_equal_full_forward(setting):
    """The same in numbers: log-probabilities of a forced response, cached and not."""
    graphdef, params, prompts = setting
    model = merge(graphdef, params)
    prompt, response = prompts[0], np.arange(40, 40 + LENGTH, dtype=np.int32)
    shape = PromptShape(1, len(prompt["tokens"]) + LENGTH, 1)
    batch = jax.tree.map(jnp.asarray, prompt_rows([prompt], shape))
    _, trunk = model.prefill(batch)
    layers, mask = model.unstack(), batch["segments"] > 0
    cache = [tuple(jnp.zeros((1, 1, LENGTH, *x.shape[2:])) for x in pair) for pair in trunk]
    inputs = [int(prompt["tokens"][-1]), *response[:-1]]
    cached = []
    for step, token in enumerate(inputs):
        position = jnp.full((1, 1, 3), prompt["next_position"] - 1 + step)
        hidden, cache = model.decode(
            layers, jnp.full((1, 1), token), position, trunk, mask, cache, step
        )
        cached.append(hidden[0, 0])
    example = add_branches(prompt, [response])
    row = {n: np.concatenate([v, v[:1]]) for n, v in example.items()}
    row |= {n: example[n] for n in ("patches", "patch_coords", "window_images")}
    full = model(prompt_rows([row | {"next_position": 1}], shape))[0]
    full = full[len(prompt["tokens"]) - 1 : len(prompt["tokens"]) - 1 + LENGTH]
    np.testing.assert_allclose(jnp.stack(cached), full, atol=2e-5, rtol=2e-5)
