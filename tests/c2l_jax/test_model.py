"""The model against transformers' torch model, and against itself in other layouts."""

import dataclasses
import functools
import itertools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from c2l_jax.models import weights
from c2l_jax.models.layers import REMAT, Compute
from c2l_jax.models.params import merge, unstack
from c2l_jax.models.qwen2_5_vl.vision import _period, _runs
from c2l_jax.sampler import PromptShape, Sampler
from c2l_jax.sharding import make_mesh
from tests.c2l_jax import tiny

SEQUENCES = {
    "one full window": [7, (112, 112), 5],
    "wide, partly filled": [3, (56, 168), 4],
    "odd grid, partly filled": [2, (84, 140), 6],
    "wide strip": [2, (56, 196), 6],
    "two pictures": [3, (112, 224), 4, (84, 56), 5],
    "text only": [9],
}
LENGTH, TILES = 176, 12


def sequences_of(family):
    rng = np.random.default_rng(0)
    return {name: tiny.sequence(parts, rng, family) for name, parts in SEQUENCES.items()}


def make_pair(config, directory):
    """The same random model in torch and here, loaded from a checkpoint that torch wrote."""
    reference = tiny.torch_model(config)
    tiny.save_checkpoint(reference, directory)
    graphdef, params = weights.abstract(config)[0], weights.load(directory)
    family = config.MODEL_TYPE
    return SimpleNamespace(
        config=config,
        torch=reference,
        directory=directory,
        graphdef=graphdef,
        params=params,
        sequences=sequences_of(family),
        sequence=functools.partial(tiny.sequence, family=family),
        row=functools.partial(tiny.row, family=family),
    )


@pytest.fixture(scope="module", params=["qwen2_5_vl", "qwen3_vl"])
def model(request, tmp_path_factory):
    config = tiny.config() if request.param == "qwen2_5_vl" else tiny.qwen3()
    return make_pair(config, tmp_path_factory.mktemp("tied"))


@pytest.fixture(scope="module", params=["tied", "untied"])
def pair(request, model, tmp_path_factory):
    """Two kinds of head, and two patterns of windowed and full vision blocks."""
    if request.param == "tied":
        return model
    if model.config.MODEL_TYPE == "qwen3_vl":
        return make_pair(tiny.qwen3(tied=False), tmp_path_factory.mktemp("untied"))
    config = tiny.config(tied=False)
    vision = dataclasses.replace(config.vision_config, depth=4, fullatt_block_indexes=(1, 3))
    config = dataclasses.replace(config, vision_config=vision)
    return make_pair(config, tmp_path_factory.mktemp("untied"))


# For programs that only compare our own layouts: compiling them well would take most of the time.
quick_jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


@functools.partial(jax.jit, static_argnums=0)
def logits(graphdef, params, batch):
    model = merge(graphdef, params)
    return model(batch) @ model.head_vd().T


def test_logits_equal_transformers(pair):
    batch = pair.row(list(pair.sequences.values()), LENGTH, TILES)
    ours = np.asarray(logits(pair.graphdef, pair.params, batch))[0]
    start = 0
    for name, sequence in pair.sequences.items():
        with torch.no_grad():
            theirs = pair.torch(**tiny.torch_inputs(sequence)).logits[0].numpy()
        end = start + len(theirs)
        np.testing.assert_allclose(ours[start:end], theirs, atol=1e-4, err_msg=name)
        start = end


def test_gradients_equal_transformers(pair, tmp_path):
    """Gradients of the mean cross-entropy of the next token, named and laid out by `export`."""
    batch = pair.row(list(pair.sequences.values()), LENGTH, TILES)
    segments = batch["segments"]
    predicts = (segments[:, :-1] == segments[:, 1:]) & (segments[:, 1:] > 0)

    @jax.jit
    def gradients(params):
        def loss(params):
            logp = jax.nn.log_softmax(logits(pair.graphdef, params, batch)[:, :-1])
            target = jnp.take_along_axis(logp, batch["tokens"][:, 1:, None], -1)[..., 0]
            return -jnp.sum(target * predicts) / predicts.sum()

        return jax.grad(loss)(params)

    weights.export(pair.config, gradients(pair.params), tmp_path / "grads", pair.directory)
    ours = load_file(tmp_path / "grads" / "model.safetensors")

    pair.torch.zero_grad()
    for sequence in pair.sequences.values():
        inputs = tiny.torch_inputs(sequence)
        logp = pair.torch(**inputs).logits[0, :-1].log_softmax(-1)
        loss = -logp.gather(-1, inputs["input_ids"][0, 1:, None]).sum() / int(predicts.sum())
        loss.backward()
    names = weights.Names(pair.config)
    theirs = {names.canonical(name): p.grad for name, p in pair.torch.named_parameters()}
    assert set(theirs) == set(ours)
    for name, gradient in theirs.items():
        error = np.abs(ours[name] - gradient.numpy()).max() / gradient.abs().max().item()
        assert error < 1e-3, (name, error)


def test_packing_and_padding_change_nothing(model):
    packed = model.row(list(model.sequences.values()), LENGTH, TILES)
    together = np.asarray(logits(model.graphdef, model.params, packed))[0]
    start = 0
    for name, sequence in model.sequences.items():
        alone = model.row([sequence], LENGTH, TILES)
        alone = np.asarray(logits(model.graphdef, model.params, alone))[0]
        size = len(sequence["tokens"])
        np.testing.assert_allclose(
            alone[:size], together[start : start + size], atol=1e-5, err_msg=name
        )
        start += size
    longer = model.row(list(model.sequences.values()), LENGTH + 32, TILES + 3)
    padded = np.asarray(logits(model.graphdef, model.params, longer))[0]
    np.testing.assert_allclose(padded[:start], together[:start], atol=1e-5)


def test_padding_content_changes_nothing(model):
    batch = model.row(list(model.sequences.values()), LENGTH, TILES)
    expected = np.asarray(logits(model.graphdef, model.params, batch))[0]
    rng = np.random.default_rng(1)
    used = batch["segments"] > 0
    empty = batch["patch_coords"][..., 0] < 0
    batch["tokens"] = np.where(used, batch["tokens"], rng.integers(0, tiny.VOCAB, used.shape))
    batch["patches"] = np.where(
        empty[..., None], rng.integers(0, 256, batch["patches"].shape), batch["patches"]
    ).astype(np.uint8)
    noisy = np.asarray(logits(model.graphdef, model.params, batch))[0]
    np.testing.assert_allclose(noisy[used[0]], expected[used[0]], atol=1e-5)


def test_branches_equal_separate_sequences(model):
    """Outputs at the responses, and gradients of a loss on them."""
    rng = np.random.default_rng(2)
    prompt = model.sequence([4, (84, 140), 5], rng)
    responses = [rng.integers(2, tiny.IMAGE, length) for length in (5, 3, 6)]
    shared, predicted = tiny.branches(prompt, responses)
    alone = [tiny.branches(prompt, [response]) for response in responses]
    empty = model.row([], 64, 4)
    shared_rows = stack([model.row([shared], 64, 4), empty, empty])
    separate_rows = stack([model.row([sequence], 64, 4) for sequence, _ in alone])
    probe = rng.normal(size=(len(predicted), 64)).astype(np.float32)

    @quick_jit
    def gradients(params, batch, rows, columns):
        def loss(params):
            hidden = merge(model.graphdef, params)(batch)[rows, columns]
            return jnp.sum(probe * hidden), hidden

        return jax.grad(loss, has_aux=True)(params)

    ours, hidden = gradients(model.params, shared_rows, np.zeros_like(predicted), predicted)
    rows = np.repeat([0, 1, 2], [len(where) for _, where in alone])
    columns = np.concatenate([where for _, where in alone])
    theirs, expected = gradients(model.params, separate_rows, rows, columns)
    np.testing.assert_allclose(hidden, expected, atol=1e-5)
    assert_gradients_close(ours, theirs)


@pytest.mark.parametrize("model", ["qwen2_5_vl"], indirect=True)
def test_remat_changes_nothing_but_how_much_is_computed_again(model):
    batch = model.row([model.sequences["two pictures"]])

    def gradients(params, remat):
        def loss(params):
            graphdef, _ = weights.abstract(model.config, Compute(remat=remat))
            return jnp.sum(jnp.sin(merge(graphdef, params)(batch)))

        return jax.grad(loss)(params)

    names = ("none", "attention", "full")
    none, *others = quick_jit(lambda params: [gradients(params, each) for each in names])(
        model.params
    )
    for other in others:
        assert_gradients_close(other, none)
    products = [
        str(jax.make_jaxpr(functools.partial(gradients, remat=each))(model.params)).count("dot_gen")
        for each in REMAT
    ]
    assert list(REMAT) == ["none", "dots", "attention", "full"]
    assert products[0] <= products[1] < products[2] < products[3]


def assert_gradients_close(ours, expected):
    assert ours.keys() == expected.keys()
    for path, b in expected.items():
        scale = max(float(jnp.abs(b).max()), 1e-3)
        np.testing.assert_allclose(ours[path] / scale, b / scale, atol=2e-5, err_msg=path)


def test_prefill_and_decode_equal_the_forward_pass(model):
    """Two prompts (with one and two pictures, of different lengths), three branches each."""
    rng = np.random.default_rng(3)
    prompts = [
        model.sequence([4, (84, 140), 5], rng),
        model.sequence([2, (112, 112), 3, (56, 56), 7], rng),
    ]
    steps, count = 4, 3
    responses = rng.integers(2, tiny.IMAGE, (2, count, steps))
    trunks = [tiny.head(prompt, len(prompt["tokens"]) - 1) for prompt in prompts]
    trunk = stack([model.row([t], 48, 6) for t in trunks])
    shared, where = zip(
        *(tiny.branches(p, list(r)) for p, r in zip(prompts, responses, strict=True)), strict=True
    )
    full = stack([model.row([s], 64, 6) for s in shared])
    head = model.params["text/embedding"]
    expected = [
        (np.asarray(logits(model.graphdef, model.params, full))[q, where[q]]).reshape(
            count, steps, -1
        )
        for q in range(2)
    ]

    @quick_jit
    def decode_all(params):
        graphdef, _ = weights.abstract(model.config, Compute(scan_layers=False))
        module = merge(graphdef, unstack(params))
        hidden, trunk_cache = module.prefill(trunk)
        parts = [(trunk_cache, trunk["segments"] > 0)]

        def step(cache, inputs):
            index, tokens, positions = inputs
            seen = jnp.broadcast_to(jnp.arange(steps) <= index, (2, count, steps))
            decoded, cache = module.decode(tokens, positions, parts, cache, seen, index)
            return cache, decoded

        tokens = np.stack([s["tokens"][w] for s, w in zip(shared, where, strict=True)])
        positions = np.stack([s["positions"][w] for s, w in zip(shared, where, strict=True)])
        inputs = (
            jnp.arange(steps),
            jnp.moveaxis(jnp.asarray(tokens.reshape(2, count, steps)), 2, 0),
            jnp.moveaxis(jnp.asarray(positions.reshape(2, count, steps, 3)), 2, 0),
        )
        empty = module.empty_cache(2, count, length=steps)
        _, decoded = jax.lax.scan(step, empty, inputs)
        return hidden, decoded

    hidden, decoded = decode_all(model.params)
    for q in range(2):
        np.testing.assert_allclose(
            np.moveaxis(np.asarray(decoded)[:, q], 0, 1), expected[q], atol=1e-5
        )
        size = len(trunks[q]["tokens"])
        forward = np.asarray(logits(model.graphdef, model.params, full))[q, :size]
        np.testing.assert_allclose(np.asarray(hidden @ head.T)[q, :size], forward, atol=1e-5)


def test_greedy_responses_equal_generate(model):
    """The sampler's, to a prompt with two pictures, and transformers' own."""
    prompt = model.sequence([3, (112, 224), 4, (84, 56), 5], np.random.default_rng(4))
    prompt["next_position"] = int(prompt["positions"].max()) + 1
    shape = PromptShape.that_fits([(len(prompt["tokens"]), len(prompt["tile_images"]))])
    mesh = make_mesh({"data": 1, "fsdp": -1, "tensor": 1})
    sampler = Sampler(
        model.config, Compute(), mesh=mesh, shape=shape, end_tokens=(), max_tokens=8, rows=1
    )
    ((_, (ours,)),) = sampler.run(sampler.prepare(model.params), [(0, prompt)], n=1, seed=0)
    model.torch.generation_config.eos_token_id = None
    inputs = tiny.torch_inputs(prompt)
    theirs = model.torch.generate(**inputs, max_new_tokens=8, do_sample=False)
    assert ours.tokens == theirs[0, len(prompt["tokens"]) :].tolist()
    assert len(set(ours.tokens)) > 1


def stack(rows):
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


@pytest.mark.parametrize("model", ["qwen2_5_vl"], indirect=True)
def test_text_without_pictures_leaves_the_vision_tower_alone(model):
    batch = model.row([model.sequences["text only"]])
    assert batch["patches"].shape[1] == 0

    @quick_jit
    def gradients(params):
        return jax.grad(lambda params: merge(model.graphdef, params)(batch).sum())(params)

    found = gradients(model.params)
    assert all(not p.any() for path, p in found.items() if path.startswith("vision/"))
    assert "erf" not in gradients.lower(model.params).as_text()  # the merger's GELU
    seen = model.row([model.sequences["one full window"]])
    forward = jax.jit(lambda params: merge(model.graphdef, params)(seen))
    assert "erf" in forward.lower(model.params).as_text()


@pytest.mark.parametrize("model", ["qwen2_5_vl"], indirect=True)
def test_computes_in_the_dtype_of_its_parameters(model):
    batch = model.row([model.sequences["one full window"]])
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), model.params)
    hidden = jax.eval_shape(lambda params: merge(model.graphdef, params)(batch), half)
    assert hidden.dtype == jnp.bfloat16


@pytest.mark.parametrize(
    "full, depth, period",
    [
        ((7, 15, 23, 31), 32, 8),
        ((3,), 4, 4),
        ((1, 3), 4, 2),
        ((), 6, 1),
        ((0, 1), 4, 4),
        ((0, 1, 2), 3, 1),
    ],
)
def test_periods_and_runs_rebuild_the_pattern_of_blocks(full, depth, period):
    kinds = [index in full for index in range(depth)]
    assert _period(kinds) == period
    runs = _runs(kinds[:period])
    assert all(len(set(kinds[start:end])) == 1 for start, end in runs)
    assert [i for start, end in runs for i in range(start, end)] == list(range(period))
    assert all(kinds[b[0]] != kinds[a[0]] for a, b in itertools.pairwise(runs))
