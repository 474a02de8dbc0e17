"""Cached, refilled and random: what the sampler writes is what the whole sequence says."""

import functools
from itertools import chain, pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import torch
from transformers.generation import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from c2l_jax import sampler
from c2l_jax.data.processor import Processor, add_branches
from c2l_jax.models import family_of, weights
from c2l_jax.models.layers import Compute
from c2l_jax.models.params import merge, unstack
from c2l_jax.sampler import PromptShape, Sampler, draw, prompt_rows, token_at, truncate
from c2l_jax.sharding import make_mesh
from records.reading import open_split
from tests.c2l_jax import tiny

LENGTH, SAMPLES = 10, 8
RANDOM = {"temperature": 1.0, "top_k": 3}


@pytest.fixture(scope="module", autouse=True)
def short_segments():
    """So that a response takes three of them, the last one not full."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampler, "SEGMENT", 4)
        patch.setattr(sampler, "BLOCK", 2)
        yield


@pytest.fixture(scope="module")
def setting(model_dir, dataset):
    """(config, params, prompts): loud random weights, prompts of different lengths."""
    config = family_of(model_dir).Config.from_directory(model_dir)
    random = weights.init(config, seed=1)
    params = {k: 1.5 * v if "kernel" in k else v for k, v in random.items()}
    processor, split = Processor(model_dir), open_split(dataset, "train")
    records = [split[i] for i in range(4)]
    records.append({k: v for k, v in split[4].items() if k != "image"})  # text only
    prompts = [processor.prompt(record, "cot") for record in records]
    sizes = [processor.size(record, "cot") for record in records]
    assert sizes == [(len(p["tokens"]), len(p["tile_images"])) for p in prompts]
    return config, params, prompts


def make_sampler(setting, shape=None, end_tokens=(), max_tokens=LENGTH, **options):
    """`Sampler.run` of a sampler with these parameters."""
    config, params, prompts = setting
    sizes = ((len(p["tokens"]), len(p["tile_images"])) for p in prompts)
    mesh = make_mesh({"data": 1, "fsdp": -1, "tensor": 1})
    options |= {"shape": shape or PromptShape.that_fits(sizes), "max_tokens": max_tokens}
    sampler = Sampler(config, Compute(), mesh=mesh, end_tokens=end_tokens, **options)
    return functools.partial(sampler.run, sampler.prepare(params))


def responses(engine, prompts, n: int, order=None, seed=3) -> list[list]:
    """Each prompt's responses, whatever the order in which the prompts are given."""
    order = range(len(prompts)) if order is None else order
    done = dict(engine(((i, prompts[i]) for i in order), n, seed))
    return [done.get(i) for i in range(len(prompts))]


@pytest.fixture(scope="module")
def forward(setting):
    """(prompt, responses) -> log-probabilities [r, V] at each response's tokens; no cache."""
    config, params, prompts = setting
    graphdef, _ = weights.abstract(config)
    length = max(len(p["tokens"]) for p in prompts) + SAMPLES * LENGTH

    @jax.jit
    def logps(batch):
        model = merge(graphdef, params)
        return jax.nn.log_softmax(model(batch)[0] @ model.head_vd().T)

    def of(prompt, responses):
        responses = [np.asarray(response, np.int32) for response in responses]
        example = add_branches(prompt, responses) | {"pictures": []}
        whole = np.asarray(logps(tiny.row([example], length, 1)))
        ends = len(prompt["tokens"]) - 1 + np.cumsum([0, *map(len, responses)])
        return [whole[start:end] for start, end in pairwise(ends)]

    return of


@pytest.fixture(scope="module")
def greedy(setting, forward):
    """Each prompt's likeliest response, the whole sequence computed anew for every token."""
    written = []
    for prompt in setting[2]:
        response = []
        for _ in range(LENGTH):
            response.append(int(forward(prompt, [[*response, 0]])[0][-1].argmax()))
        written.append(response)
    assert len({token for response in written for token in response}) > 5  # not a constant
    return written


@pytest.fixture(scope="module")
def endless(setting):
    """Random responses in fewer rows and lanes than there is work; nothing ends them."""
    return responses(make_sampler(setting, rows=2, lanes=2, **RANDOM), setting[2], SAMPLES)


def cut(tokens: list[int], end: int) -> list[int]:
    return tokens[: tokens.index(end)] if end in tokens else tokens


@pytest.fixture(scope="module")
def end(endless):
    """The token that would end these responses in the most different places."""
    written = [response.tokens for group in endless for response in group]
    return max(set(chain(*written)), key=lambda token: len({len(cut(t, token)) for t in written}))


@pytest.fixture(scope="module")
def crowded(setting, end):
    """The same sampler with an end token: lanes and rows are refilled at different times."""
    return make_sampler(setting, rows=2, lanes=2, end_tokens=(end,), **RANDOM)


def test_greedy_equals_the_naive_loop_whatever_the_shape(setting, greedy):
    for options in ({"rows": 5}, {"rows": 2, "shape": PromptShape(tokens=1024, tiles=3)}):
        written = responses(make_sampler(setting, **options), setting[2], n=1)
        assert [response.tokens for (response,) in written] == greedy
        assert not any(response.ended for (response,) in written)


def test_a_response_stops_before_its_end_token(setting, crowded, endless, end):
    """It is the endless one up to there, to the last bit, though lanes were refilled meanwhile."""
    written = chain(*responses(crowded, setting[2], SAMPLES))
    for ours, whole in zip(written, chain(*endless), strict=True):
        assert ours.tokens == cut(whole.tokens, end) and ours.ended == (end in whole.tokens)
        assert ours.logps == whole.logps[: len(ours.tokens) + ours.ended]


def test_any_end_token_ends_a_response(setting, endless, end):
    written = {token for group in endless for response in group for token in response.tokens}
    ends = (end, min(written - {end}))
    sampler = make_sampler(setting, rows=2, lanes=2, end_tokens=ends, **RANDOM)
    for ours, whole in zip(
        chain(*responses(sampler, setting[2], SAMPLES)), chain(*endless), strict=True
    ):
        first = min(len(cut(whole.tokens, token)) for token in ends)
        assert ours.tokens == whole.tokens[:first]
        assert ours.ended == any(token in whole.tokens for token in ends)


def test_every_token_of_refilled_lanes_has_its_forward_log_probability(
    setting, crowded, end, forward
):
    """Rows and lanes at different ages: five prompts in two rows, eight samples in two lanes."""
    prompts = setting[2]
    written = responses(crowded, prompts, SAMPLES)
    lengths = [len(r.logps) for group in written for r in group]
    assert len(set(lengths)) > 2 and {r.ended for group in written for r in group} == {True, False}
    for prompt, group in zip(prompts, written, strict=True):
        whole = [[*r.tokens, *[end] * r.ended] for r in group]
        for r, tokens, logps in zip(group, whole, forward(prompt, whole), strict=True):
            expected = logps[np.arange(len(tokens)), tokens]
            np.testing.assert_allclose(r.logps, expected, atol=2e-5, rtol=2e-5)
            assert r.logp == pytest.approx(expected.sum(), abs=1e-4)


def test_when_and_beside_what_a_sample_is_written_changes_no_bit(setting, crowded):
    prompts = setting[2]
    whole = responses(crowded, prompts, SAMPLES)
    assert responses(crowded, prompts, SAMPLES, order=[3, 1, 4, 0, 2]) == whole
    assert responses(crowded, prompts, SAMPLES, order=[4]) == [None] * 4 + whole[4:]
    assert [group[:3] for group in whole] == responses(crowded, prompts, 3)
    assert responses(crowded, prompts, SAMPLES, seed=4) != whole
    assert len({tuple(r.tokens) for r in whole[0]}) > 1


def test_rows_and_lanes_change_rounding_only(setting, crowded, end, caplog):
    prompts = setting[2]
    with jax.log_compiles():
        ours = responses(
            make_sampler(setting, rows=3, lanes=5, end_tokens=(end,), **RANDOM), prompts, SAMPLES
        )
    for a, b in zip(chain(*ours), chain(*responses(crowded, prompts, SAMPLES)), strict=True):
        assert (a.tokens, a.ended) == (b.tokens, b.ended)
        np.testing.assert_allclose(a.logps, b.logps, atol=2e-5)
    for name in ("insert_prompts", "write_tokens"):  # two programs for a whole data set
        assert caplog.text.count(f"Finished XLA compilation of jit({name})") == 1


def test_forbidden_tokens_have_no_share(setting, endless, forward):
    """And log-probabilities are those of what is drawn from, where that is asked for."""
    often = np.bincount([t for group in endless for r in group for t in r.tokens])
    forbidden, options = np.argsort(often)[-3:], {"rows": 2, "lanes": 2, "temperature": 0.7}
    engine = make_sampler(setting, forbidden=forbidden.tolist(), tempered=True, **options)
    prompts = setting[2][:2]
    for prompt, group in zip(prompts, responses(engine, prompts, 2), strict=True):
        written = [response.tokens for response in group]
        assert not set(forbidden) & {token for tokens in written for token in tokens}
        for r, logps in zip(group, forward(prompt, written), strict=True):
            allowed = np.where(np.isin(np.arange(logps.shape[1]), forbidden), -np.inf, logps)
            expected = jax.nn.log_softmax(allowed / 0.7)[np.arange(len(r.tokens)), r.tokens]
            np.testing.assert_allclose(r.logps, expected, atol=3e-5, rtol=3e-5)


def transformers_logits(logits, temperature, top_k, top_p):
    """What transformers draws from, by its own processors in its own order."""
    warpers = [TemperatureLogitsWarper(temperature)]
    warpers += [TopKLogitsWarper(top_k)] if top_k else []
    warpers += [TopPLogitsWarper(top_p)] if top_p < 1 else []
    scores = torch.tensor(logits)
    for warper in warpers:
        scores = warper(None, scores)
    return scores.numpy()


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(0.6, 0, 1.0), (1.5, 7, 1.0), (1.0, 0, 0.8), (0.7, 20, 0.9), (1.3, 999, 0.5), (1.0, 1, 0.01)],
)
def test_draws_follow_transformers_distribution(temperature, top_k, top_p):
    """The same tokens are left, and 4000 draws have their probabilities (chi-square)."""
    logits = np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32) * 2
    expected = transformers_logits(logits, temperature, top_k, top_p)
    ours = truncate(jnp.asarray(logits) / temperature, top_k, top_p)
    np.testing.assert_allclose(ours, expected, rtol=1e-6)
    draws = 4000
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(1), jnp.arange(draws))
    many = jnp.broadcast_to(logits[0], (1, draws, 40))
    tokens, logps = draw(many, keys[None], temperature, top_k, top_p)
    np.testing.assert_allclose(logps[0], jax.nn.log_softmax(logits[0])[tokens[0]], atol=1e-5)
    assert_frequencies(np.bincount(tokens[0], minlength=40), np.exp(expected[0].astype(np.float64)))


def test_every_share_of_the_distribution_has_its_token():
    """Shares from end to end, against running sums in float64; what can't be drawn never is."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=1000).astype(np.float32) * 3
    logits[rng.random(1000) < 0.9] = -np.inf
    logits[:200] = logits[-150:] = logits[384:512] = -np.inf
    weights = np.exp(logits.astype(np.float64))
    ends = np.cumsum(weights) / weights.sum()
    least, most = np.float32(0), np.float32(1 - 2**-24)
    shares = np.linspace(least, most, 20_001, dtype=np.float32)
    clear = np.abs(ends[:, None] - shares).min(0) > 1e-6  # of rounding
    clear[[0, -1]] = True
    tokens = np.asarray(token_at(jnp.broadcast_to(logits, (len(shares), 1000)), shares))
    expected = np.minimum(np.searchsorted(ends, shares, side="right"), np.flatnonzero(weights)[-1])
    np.testing.assert_array_equal(tokens[clear], expected[clear])
    assert (weights[tokens] > 0).all() and clear.mean() > 0.9


def assert_frequencies(counts, weights):
    """Pearson's chi-square over the cells with five draws or more expected, the rest as one."""
    expected = counts.sum() * weights / weights.sum()
    assert not counts[expected == 0].any()
    rare = expected < 5
    cells = np.stack([np.r_[x[~rare], x[rare].sum()] for x in (counts, expected)])
    cells = cells[:, cells[1] > 0]
    if cells.shape[1] > 1:
        assert scipy.stats.chisquare(*cells).pvalue > 1e-3


def test_responses_have_the_probabilities_of_the_model(setting, forward):
    """Two tokens each, all pairs that can be drawn, against exact probabilities (chi-square)."""
    temperature, top_k, top_p, draws = 1.4, 5, 0.9, 2000
    prompt = setting[2][0]
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "max_tokens": 2}
    engine = make_sampler(setting, rows=1, lanes=500, **options)
    (written,) = responses(engine, [prompt], draws)
    pairs = np.array([response.tokens for response in written])

    def probabilities(logps):
        left = transformers_logits(logps[None], temperature, top_k, top_p)[0].astype(np.float64)
        return np.exp(left) / np.exp(left).sum()

    first = probabilities(forward(prompt, [[0]])[0][0])
    possible = np.flatnonzero(first)
    assert 2 <= len(possible) <= top_k
    seconds = [probabilities(logps[1]) for logps in forward(prompt, [[t, 0] for t in possible])]
    joint = first[possible, None] * np.stack(seconds)
    counts = np.zeros_like(joint)
    np.add.at(counts, (np.searchsorted(possible, pairs[:, 0]), pairs[:, 1]), 1)
    assert set(pairs[:, 0]) <= set(possible)
    assert_frequencies(counts.ravel(), joint.ravel())


def test_cache_logits_equal_full_forward(setting, forward):
    """Log-probabilities of all tokens at every step of a forced response, cached and not."""
    config, params, prompts = setting
    graphdef, _ = weights.abstract(config, Compute(scan_layers=False))
    prompt, response = prompts[0], np.arange(40, 40 + LENGTH, dtype=np.int32)
    batch = prompt_rows([prompt], PromptShape(len(prompt["tokens"]), 1))

    @jax.jit
    def cached(params, batch, tokens):
        model = merge(graphdef, params)
        _, trunk = model.prefill(batch)
        mask = batch["segments"] > 0

        def write(cache, inputs):
            step, token = inputs
            position = jnp.full((1, 1, 3), prompt["next_position"] - 1 + step)
            seen = (jnp.arange(LENGTH) <= step)[None, None]
            token = token[None, None]
            logits, cache = model.decode(token, position, [(trunk, mask)], cache, seen, step)
            return cache, jax.nn.log_softmax(logits[0, 0])

        empty = model.empty_cache(1, 1, length=LENGTH)
        return jax.lax.scan(write, empty, (jnp.arange(LENGTH), tokens))[1]

    logps = cached(unstack(params), batch, np.r_[prompt["tokens"][-1], response[:-1]])
    np.testing.assert_allclose(logps, forward(prompt, [response])[0], atol=2e-5, rtol=2e-5)
