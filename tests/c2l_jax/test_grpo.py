"""The objective of groups: against torch, in other layouts, and its settings."""

import functools
import itertools
from types import SimpleNamespace

import grain
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from c2l_jax.data.layout import RowShape
from c2l_jax.data.packing import pack
from c2l_jax.data.processor import add_branches
from c2l_jax.models import weights
from c2l_jax.models.params import merge
from c2l_jax.objectives import grpo
from c2l_jax.ops import logprobs
from c2l_jax.rollouts import Question, examples_of, overlong
from c2l_jax.sampler import Response
from configs import tiny_grpo
from records.errors import UserError
from tests.c2l_jax import tiny

TEMPERATURE, FORBIDDEN = 0.8, (1, 7, tiny.IMAGE)
quick_jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def settings(updates=2, **changed):
    config = tiny_grpo.get_config()
    config.grpo.update({"temperature": TEMPERATURE, "max_tokens": 9, **changed})
    config.logprob_chunk, config.updates = 16, updates
    return config


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    directory = tmp_path_factory.mktemp("grpo_model")
    reference = tiny.torch_model(tiny.config())
    tiny.save_checkpoint(reference, directory)
    graphdef, params = weights.abstract(tiny.config())[0], weights.load(directory)
    return SimpleNamespace(torch=reference, directory=directory, graphdef=graphdef, params=params)


@pytest.fixture(scope="module", autouse=True)
def forbidden():
    """The tiny model has no tokeniser that could say which they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grpo, "forbidden_tokens", lambda _: FORBIDDEN)
        yield


@pytest.fixture(scope="module")
def groups(model):
    """(prompt, responses, their old, sampler's and reference's log-probabilities) of two questions.

    The old policy's are near the current ones, so that some ratios are clipped and some not.
    """
    rng = np.random.default_rng(5)
    made = []
    for parts, lengths in (([4, (84, 140), 5], (5, 3, 1)), ([3, (56, 56), 6], (2, 7, 4))):
        prompt = tiny.sequence(parts, rng)
        prompt["next_position"] = int(prompt["positions"][-1, 0]) + 1
        responses = [rng.integers(8, tiny.IMAGE, n).astype(np.int32) for n in lengths]
        with torch.no_grad():
            now = [of_torch(model, prompt, response).numpy() for response in responses]
        near = [
            [(logps + rng.normal(0, by, len(logps))).astype(np.float32) for logps in now]
            for by in (0.3, 0.5, 0.7)
        ]
        made.append((prompt, responses, *near))
    return made


REWARDS = np.asarray([[1.0, 0.0, 0.25], [0.0, 0.0, 1.0]])


def of_torch(model, prompt, response) -> torch.Tensor:
    """Log-probabilities of a response, in a sequence of its own: TRL's `selective_log_softmax` of
    logits by the temperature."""
    sequence = prompt | {"tokens": np.r_[prompt["tokens"], response]}
    inputs = tiny.torch_inputs(sequence)
    logits = model.torch(**inputs).logits[0, :-1] / TEMPERATURE
    logits[:, FORBIDDEN] = -torch.inf
    logps = logits.log_softmax(-1)
    return logps.gather(-1, inputs["input_ids"][0, 1:, None])[-len(response) :, 0]


def batch_of(groups, advantages_ng, aggregation="tokens", apart=False, shape=None) -> dict:
    """One row of the groups, each on one trunk or every response on its own."""
    examples = []
    for (prompt, responses, *logps), advantages_g in zip(groups, advantages_ng, strict=True):
        count = len(responses)
        for some in [slice(i, i + 1) for i in range(count)] if apart else [slice(count)]:
            lengths = [len(response) for response in responses[some]]
            weights_g = [1 if aggregation == "tokens" else 1 / length for length in lengths]
            example = add_branches(prompt, responses[some]) | {
                "target_weights": np.repeat(weights_g, lengths).astype(np.float32),
                "advantages": np.repeat(advantages_g[some], lengths).astype(np.float32),
            }
            names = ("old_logps", "sampler_logps", "reference_logps")
            for name, values in zip(names, logps, strict=True):
                example[name] = np.concatenate(values[some])
            examples.append({"id": len(examples), **example})
    source = grain.MapDataset.source(examples).to_iter_dataset()
    shape = shape or RowShape(tokens=224, targets=40, tiles=24)
    (batch,) = pack(
        source, rows=1, shape=shape, units=tiny.UNITS, bins=1, extra_targets=grpo.EXTRA_TARGETS
    )
    del batch["ids"]
    return batch


@pytest.fixture(scope="module")
def forward(model, groups):
    """(log-probabilities and entropies of the packed groups, cotangents -> gradients)."""
    batch, config = batch_of(groups, REWARDS), settings()
    compute = grpo.logprobs  # before `ours` puts something in its place

    def run(params):
        return compute(merge(model.graphdef, params), batch, config)

    read = quick_jit(run)(model.params)
    pull = quick_jit(lambda params, c: jax.vjp(lambda p: run(p)[0], params)[1](c)[0])
    return read, functools.partial(pull, model.params)


@pytest.fixture(scope="module")
def theirs(model, groups):
    """(torch's log-probabilities with their graph, by group and response; parameters by name)."""
    logps = [[of_torch(model, prompt, each) for each in given] for prompt, given, *_ in groups]
    return logps, dict(model.torch.named_parameters())


def ours(batch, config, read, monkeypatch):
    """(loss, metrics, cotangent of the log-probabilities) of read ones."""
    logp_br, entropy_br = read

    def mean(logp_br):
        monkeypatch.setattr(grpo, "logprobs", lambda *_: (logp_br, entropy_br))
        total, weight, metrics = grpo.loss(None, batch, config)
        return total / weight, (metrics, weight)

    (value, (metrics, weight)), cotangent = jax.value_and_grad(mean, has_aux=True)(logp_br)
    return float(value), {n: float(m) / float(weight) for n, m in metrics.items()}, cotangent


def trl_loss(logps, groups, advantages_ng, config):
    """TRL's `_compute_loss` (trainer/grpo_trainer.py), one response after the other."""
    of, losses, lengths = config.grpo, [], []
    for (_, _, old, sampler, reference), now, advantages_g in zip(
        groups, logps, advantages_ng, strict=True
    ):
        for i, logp in enumerate(now):
            advantage = float(advantages_g[i])
            past = torch.tensor(old[i])
            ratio = logp - past
            if of.surrogate == "gspo":  # importance_sampling_level "sequence"
                ratio = ratio.mean().expand(len(logp))
            ratio = ratio.exp()
            clipped = ratio.clamp(1 - of.clip_low, 1 + of.clip_high)
            loss = {
                "ppo": -torch.min(ratio * advantage, clipped * advantage),
                "gspo": -torch.min(ratio * advantage, clipped * advantage),
                "cispo": -ratio.clamp(max=1 + of.clip_high).detach() * advantage * logp,
                "reinforce": -advantage * logp,
            }[of.surrogate]
            if of.importance_cap:
                loss = loss * (past - torch.tensor(sampler[i])).exp().clamp(max=of.importance_cap)
            away = torch.tensor(reference[i]) - logp
            if of.kl != "none":
                kl = away.exp() - away - 1 if of.kl == "k3" else away**2 / 2
                loss = loss + of.kl_weight * kl
            losses.append(loss)
            lengths.append(len(logp))
    return {
        "tokens": lambda: sum(loss.sum() for loss in losses) / sum(lengths),  # dapo
        "sequences": lambda: sum(loss.mean() for loss in losses) / len(losses),  # grpo
        "constant": lambda: sum(loss.sum() for loss in losses) / (len(losses) * of.max_tokens),
    }[of.aggregation]()


VARIANTS = [
    {"surrogate": surrogate, "aggregation": aggregation, "kl": kl, "importance_cap": cap}
    for (surrogate, aggregation), (kl, cap) in zip(
        itertools.product(*(grpo.CHOICES[name] for name in ("surrogate", "aggregation"))),
        itertools.cycle((("none", 0.0), ("k3", 1.2), ("k2", 0.0), ("none", 1.2))),
        strict=False,
    )
]


def test_loss_and_gradients_of_every_variant_equal_torch(
    model, groups, forward, theirs, monkeypatch, tmp_path
):
    read, pull = forward
    logps, parameters = theirs
    for variant, kind in zip(VARIANTS, itertools.cycle(grpo.CHOICES["advantage"]), strict=False):
        config = settings(kl_weight=0.3, clip_low=0.05, clip_high=0.06, **variant)
        advantages_ng = grpo.advantages(REWARDS, kind, REWARDS.std(ddof=1))
        batch = batch_of(groups, advantages_ng, config.grpo.aggregation)
        value, metrics, cotangent = ours(batch, config, read, monkeypatch)
        expected = trl_loss(logps, groups, advantages_ng, config)
        assert value == pytest.approx(expected.item(), abs=1e-4), variant
        clipped = metrics["clip/low"] + metrics["clip/high"]
        assert (clipped > 0) == (config.grpo.surrogate != "reinforce"), variant
        wanted = torch.autograd.grad(expected, parameters.values(), retain_graph=True)
        out = tmp_path / f"gradients {len(list(tmp_path.iterdir()))}"
        weights.export(tiny.config(), pull(cotangent), out, model.directory)
        mine = load_file(out / "model.safetensors")
        for name, gradient in zip(parameters, wanted, strict=True):
            name = name.replace("model.language_model.", "model.").replace("model.vis", "vis")
            if not name.endswith("k_proj.bias"):  # whose true gradient is zero
                gradient = gradient.numpy()
                error = np.abs(mine[name] - gradient).max() / np.abs(gradient).max()
                assert error < 1e-4, (variant, name, error)


def test_advantages_equal_torch():
    rewards = torch.tensor(REWARDS)
    mean, n = rewards.mean(1, keepdim=True), rewards.shape[1]
    wanted = {
        "grpo": (rewards - mean) / (rewards.std(1, keepdim=True) + 1e-4),
        "drgrpo": rewards - mean,
        "batch": (rewards - mean) / (rewards.std() + 1e-4),
        "rloo": rewards - (rewards.sum(1, keepdim=True) - rewards) / (n - 1),
    }
    assert wanted.keys() == set(grpo.CHOICES["advantage"])
    for kind, expected in wanted.items():
        found = grpo.advantages(REWARDS, kind, REWARDS.std(ddof=1))
        np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=kind)


def test_packed_groups_equal_separate_sequences(model, groups, forward, monkeypatch):
    """Also where a response is told from the next one: in the means of gspo."""
    config = settings(surrogate="gspo", aggregation="sequences", kl="k3")
    together = ours(batch_of(groups, REWARDS, "sequences"), config, forward[0], monkeypatch)
    monkeypatch.undo()
    monkeypatch.setattr(grpo, "forbidden_tokens", lambda _: FORBIDDEN)
    shape = RowShape(tokens=448, targets=40, tiles=72)
    batch = batch_of(groups, REWARDS, "sequences", apart=True, shape=shape)

    @quick_jit
    def run(params):
        def loss(params):
            total, weight, _ = grpo.loss(merge(model.graphdef, params), batch, config)
            return total / weight

        return jax.value_and_grad(loss)(params)

    value, gradients = run(model.params)
    assert together[0] == pytest.approx(float(value), abs=1e-5)
    for path, mine in forward[1](together[2]).items():
        scale = max(float(jnp.abs(mine).max()), 1e-3)
        np.testing.assert_allclose(gradients[path] / scale, mine / scale, atol=1e-5, err_msg=path)


def test_figures_by_hand(groups, forward, monkeypatch):
    """Entropy, mismatch and the first update, whose ratios are 1 whatever the old policy was."""
    read, _ = forward
    batch = batch_of(groups, REWARDS)
    _, metrics, _ = ours(batch, settings(updates=1, kl="k3"), read, monkeypatch)
    scored = batch["target_weights"] > 0
    logp, entropy = (np.asarray(x)[scored] for x in read)
    ratio = np.exp(logp - batch["sampler_logps"][scored])
    assert metrics["entropy"] == pytest.approx(entropy.mean(), rel=1e-5)
    assert metrics["clip/low"] == metrics["clip/high"] == 0
    assert 0 < metrics["mismatch/share"] < 1
    assert metrics["mismatch/share"] == pytest.approx((np.abs(ratio - 1) > 0.1).mean(), rel=1e-5)
    assert metrics["mismatch/k1"] == pytest.approx(-np.log(ratio).mean(), rel=1e-4)
    largest = metrics["mismatch/max"] * batch["target_weights"].sum()  # no sum, so not divided
    assert largest == pytest.approx(max(ratio.max(), (1 / ratio).max()), rel=1e-4)
    away = logp - batch["reference_logps"][scored]
    assert metrics["kl/k1"] == pytest.approx(away.mean(), rel=1e-4)
    assert metrics["kl/k3"] == pytest.approx((np.exp(-away) - 1 + away).mean(), rel=1e-4)


def test_entropies_equal_torch():
    logits = np.random.default_rng(0).normal(0, 2, (4, 9)).astype(np.float32)
    logps, entropies = logprobs.policy(TEMPERATURE, FORBIDDEN[:2])(logits, np.arange(2, 6))
    tempered = torch.tensor(np.delete(logits, FORBIDDEN[:2], 1)) / TEMPERATURE
    expected = torch.distributions.Categorical(logits=tempered)
    np.testing.assert_allclose(entropies, expected.entropy(), rtol=1e-5)
    np.testing.assert_allclose(logps, expected.log_prob(torch.arange(1, 5)), rtol=1e-5)


# ------------------------------------------------------------------------------ groups to examples


def group_of(lengths=(3, 2, 4), cut=()):
    """A question with responses of these lengths, end tokens included; some are cut off."""
    rng = np.random.default_rng(0)
    prompt = tiny.sequence([4, (84, 140), 5], rng) | {"next_position": 30}
    responses = []
    for place, length in enumerate(lengths):
        tokens = rng.integers(8, tiny.IMAGE, length).tolist()
        whole = place in cut
        responses.append(
            Response(
                tokens if whole else tokens[:-1], [-place - 0.5] * length, None if whole else 1
            )
        )
    advantages = np.arange(len(lengths), dtype=np.float32)
    return Question(0, "", {"id": "one"}, "", prompt, responses, advantages_g=advantages)


def test_a_group_becomes_branches_with_what_was_sampled():
    config = settings(aggregation="sequences")
    group = group_of(cut=(1,))
    (whole,) = examples_of(group, config.grpo, RowShape(99, 9, 9), grpo.EXTRA_TARGETS)
    assert whole["targets"].tolist() == [
        *(*group.responses[0].tokens, 1),
        *group.responses[1].tokens,
        *(*group.responses[2].tokens, 1),
    ]
    assert whole["target_branches"].tolist() == [1] * 3 + [2] * 2 + [3] * 4
    assert whole["advantages"].tolist() == [0.0] * 3 + [1.0] * 2 + [2.0] * 4
    assert whole["sampler_logps"].tolist() == [-0.5] * 3 + [-1.5] * 2 + [-2.5] * 4
    np.testing.assert_allclose(whole["target_weights"], [1 / 3] * 3 + [1 / 2] * 2 + [1 / 4] * 4)
    first, second = examples_of(group, config.grpo, RowShape(99, 5, 9), grpo.EXTRA_TARGETS)
    for name in ("targets", "advantages", "sampler_logps", "target_weights"):
        np.testing.assert_array_equal(np.r_[first[name], second[name]], whole[name])
    assert second["target_branches"].tolist() == [1] * 4


def test_a_masked_response_is_in_no_numerator_and_no_denominator():
    config = settings(mask_truncated=True)
    (example,) = examples_of(group_of(cut=(1,)), config.grpo, RowShape(99, 9, 9), ())
    assert example["advantages"].tolist() == [0.0] * 3 + [2.0] * 4
    assert example["target_weights"].tolist() == [1.0] * 7
    assert not examples_of(group_of(cut=(0, 1, 2)), config.grpo, RowShape(99, 9, 9), ())


def test_overlong_responses_pay_in_tokens():
    grpo = settings(max_tokens=100, overlong_buffer=40, overlong_penalty=2.0).grpo
    assert overlong(np.asarray([10, 60, 70, 100]), grpo).tolist() == [0, 0, 0.5, 2]
    grpo.overlong_buffer = 0
    assert not overlong(np.asarray([100]), grpo).any()


BAD = {
    "advantage": ({"grpo.advantage": "gae"}, "config.grpo.advantage is 'gae'"),
    "group": ({"grpo.group": 1}, "config.grpo.group is 1"),
    "temperature": ({"grpo.temperature": 0.0}, "temperature 0.0 must be above 0"),
    "nan": ({"grpo.clip_low": float("nan")}, "config.grpo.clip_low is nan"),
    "room": ({"data.row_targets": 64}, "row_targets 64"),
    "buffer": ({"grpo.overlong_buffer": 200}, "overlong_buffer must not be more"),
    "format": ({"data.formats.look": 1.0}, "config.data.formats has look"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_settings_are_refused(name):
    changes, message = BAD[name]
    config = tiny_grpo.get_config()
    grpo.check(config)
    config.update_from_flattened_dict(changes)
    with pytest.raises(UserError, match=message):
        grpo.check(config)


def test_a_truncated_distribution_is_told(caplog):
    config = tiny_grpo.get_config()
    grpo.check(config)
    assert not caplog.records
    config.grpo.top_p = 0.85
    grpo.check(config)
    assert "drawn from fewer tokens than the policy" in caplog.text
