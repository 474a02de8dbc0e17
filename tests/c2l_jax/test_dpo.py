"""The preference loss: against torch, against hand formulas, and in other layouts."""

import functools
import math
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
from c2l_jax.models.lora import LoRA, is_adapter
from c2l_jax.models.params import merge
from c2l_jax.objectives import dpo
from c2l_jax.ops.logprobs import target_logprobs
from tests.c2l_jax import tiny
from tests.c2l_jax.tiny import BETA
from tests.c2l_jax.tiny import dpo_settings as settings

# Compiling these programs well would take most of the time.
quick_jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


# ------------------------------------------------------- the same loss computed in other ways


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    directory = tmp_path_factory.mktemp("dpo_model")
    reference = tiny.torch_model(tiny.config())
    tiny.save_checkpoint(reference, directory)
    graphdef, params = weights.abstract(tiny.config())[0], weights.load(directory)
    return SimpleNamespace(
        config=tiny.config(), torch=reference, directory=directory, graphdef=graphdef, params=params
    )


@pytest.fixture(scope="module")
def tiny_pairs():
    """Two prompts with pictures, each with a chosen and a rejected response and references."""
    rng = np.random.default_rng(5)
    made = []
    for parts, lengths in (([4, (84, 140), 5], (5, 3)), ([3, (56, 56), 6], (2, 7))):
        prompt = tiny.sequence(parts, rng)
        prompt["next_position"] = int(prompt["positions"][-1, 0]) + 1
        responses = [rng.integers(2, tiny.IMAGE, n).astype(np.int32) for n in lengths]
        references = [rng.uniform(-6, -3, n).astype(np.float32) for n in lengths]
        made.append((prompt, responses, references))
    return made


def packed(groups, extra=("reference_logps",)) -> dict:
    """One row of (prompt, responses, references), each on one trunk."""
    examples = [
        {
            "id": i,
            **add_branches(prompt, responses),
            "reference_logps": np.concatenate(references),
        }
        for i, (prompt, responses, references) in enumerate(groups)
    ]
    source = grain.MapDataset.source(examples).to_iter_dataset()
    shape = RowShape(tokens=160, targets=32, tiles=12)
    (batch,) = pack(source, rows=1, shape=shape, units=tiny.UNITS, bins=1, extra_targets=extra)
    del batch["ids"]
    return batch


@pytest.fixture(scope="module")
def ours(model, tiny_pairs):
    """(loss sum, gradients) of both pairs packed in one row."""
    batch, config = packed(tiny_pairs), settings()

    @quick_jit
    def run(params):
        def loss(params):
            total, weight, _ = dpo.loss(merge(model.graphdef, params), batch, config)
            return total, weight

        return jax.value_and_grad(loss, has_aux=True)(params)

    (total, weight), gradients = run(model.params)
    assert weight == 2
    return float(total), gradients


def test_with_adapters_the_model_without_them_is_the_reference(model, tiny_pairs):
    """Computed in the step, it is what a pass beforehand stores; and nothing is learnt from it."""
    lora = LoRA(2, 4.0, "^text/")
    graphdef, shapes = weights.abstract(model.config, lora=lora)
    rng, params = np.random.default_rng(0), dict(model.params)
    adapters = {
        path: jnp.asarray(0.3 * rng.normal(size=shape.shape), jnp.float32)
        for path, shape in shapes.items()
        if is_adapter(path)
    }
    online, batch = settings(recompute_reference=True), packed(tiny_pairs)
    online.lora.rank = lora.rank

    @quick_jit
    def run(adapters):
        def loss(adapters, batch, config):
            adapted = merge(graphdef, params | adapters)
            return dpo.loss(adapted, batch, config)[0]

        base, _ = target_logprobs(merge(model.graphdef, params), batch, 16)
        stored = batch | {"reference_logps": base}
        both = ((batch, online), (stored, settings()))
        return [jax.value_and_grad(loss)(adapters, *each) for each in both]

    (loss, gradients), (expected, others) = run(adapters)
    assert float(loss) == pytest.approx(float(expected), abs=1e-5)
    assert abs(float(loss) - 2 * math.log(2)) > 0.01
    for path, gradient in gradients.items():
        np.testing.assert_allclose(gradient, others[path], atol=1e-4, err_msg=path)


def test_trunk_and_branches_equal_separate_sequences(model, tiny_pairs, ours):
    alone = [
        (prompt, [response], [reference])
        for prompt, responses, references in tiny_pairs
        for response, reference in zip(responses, references, strict=True)
    ]
    batch = packed(alone)

    @quick_jit
    def run(params):
        def loss(params):
            logp, _ = target_logprobs(merge(model.graphdef, params), batch, 16)
            ratio = (logp - batch["reference_logps"]) * batch["target_weights"]
            by_sequence = [(ratio * (batch["target_segments"] == n)).sum() for n in range(1, 5)]
            return sum(
                -jax.nn.log_sigmoid(BETA * (chosen - rejected))
                for chosen, rejected in (by_sequence[:2], by_sequence[2:])
            )

        return jax.value_and_grad(loss)(params)

    total, gradients = run(model.params)
    assert ours[0] == pytest.approx(float(total), abs=1e-5)
    assert gradients.keys() == ours[1].keys()
    for path, theirs in gradients.items():
        scale = max(float(jnp.abs(theirs).max()), 1e-3)
        np.testing.assert_allclose(ours[1][path] / scale, theirs / scale, atol=1e-5, err_msg=path)


def test_loss_and_gradients_equal_torch(model, tiny_pairs, ours, tmp_path):
    """As TRL computes it: every response in a sequence of its own, from transformers' model."""
    model.torch.zero_grad()
    total = 0
    for prompt, responses, references in tiny_pairs:
        ratios = []
        for response, reference in zip(responses, references, strict=True):
            sequence = prompt | {"tokens": np.r_[prompt["tokens"], response]}
            inputs = tiny.torch_inputs(sequence)
            logp = model.torch(**inputs).logits[0, :-1].log_softmax(-1)
            logp = logp.gather(-1, inputs["input_ids"][0, 1:, None])[-len(response) :, 0]
            ratios.append((logp - torch.tensor(reference)).sum())
        total = total - torch.nn.functional.logsigmoid(BETA * (ratios[0] - ratios[1]))
    total.backward()
    assert ours[0] == pytest.approx(total.item(), abs=1e-4)
    weights.export(model.config, ours[1], tmp_path / "grads", model.directory)
    mine = load_file(tmp_path / "grads" / "model.safetensors")
    for name, parameter in model.torch.named_parameters():
        name = name.replace("model.language_model.", "model.").replace("model.visual.", "visual.")
        if not name.endswith("k_proj.bias"):  # whose true gradient is zero
            theirs = parameter.grad.numpy()
            error = np.abs(mine[name] - theirs).max() / np.abs(theirs).max()
            assert error < 1e-4, (name, error)


# --------------------------------------------------------------------------- hand formulas

LOGPS = {1: [[-1.0, -2.0, -0.5], [-3.0, -1.0]], 2: [[-0.2, -0.3], [-4.0, -0.1, -2.5, -1.5]]}
REFERENCES = {1: [[-1.5, -1.0, -1.0], [-2.0, -2.0]], 2: [[-1.0, -0.1], [-1.0, -1.0, -1.0, -1.0]]}


def fake_batch(discount="none"):
    """Two pairs whose log-probabilities are given, and padding of every kind of nonsense."""
    rows = {"segment": [], "branch": [], "weight": [], "reference": [], "logp": []}
    for segment, both in LOGPS.items():
        for branch, logps in enumerate(both, start=1):
            rows["segment"] += [segment] * len(logps)
            rows["branch"] += [branch] * len(logps)
            rows["weight"] += list(dpo.discounts(discount, len(logps)))
            rows["reference"] += REFERENCES[segment][branch - 1]
            rows["logp"] += logps
    padding = {"segment": 0, "branch": 0, "weight": 0.0, "reference": 0.0, "logp": -9.0}
    arrays = {n: np.asarray([values + [padding[n]] * 3]) for n, values in rows.items()}
    batch = {
        "target_segments": arrays["segment"],
        "target_branches": arrays["branch"],
        "target_weights": arrays["weight"].astype(np.float32),
        "reference_logps": arrays["reference"].astype(np.float32),
    }
    return batch, jnp.asarray(arrays["logp"], jnp.float32)


def loss_of(batch, logp, config, monkeypatch):
    monkeypatch.setattr(dpo, "target_logprobs", lambda *_: (logp, jnp.ones(logp.shape, bool)))
    return dpo.loss(None, batch, config)


def weighted(discount, mean=False):
    """By hand: sum of weight * (logp - reference) of each pair's responses."""
    found = []
    for segment, both in LOGPS.items():
        pair = []
        for logps, references in zip(both, REFERENCES[segment], strict=True):
            count = len(logps)
            weight = {
                "none": [1.0] * count,
                "cos": [(1 + math.cos(math.pi * t / count)) / 2 for t in range(count)],
                "linear": [(count - t) / count for t in range(count)],
            }[discount]
            terms = zip(weight, logps, references, strict=True)
            total = sum(w * (logp - reference) for w, logp, reference in terms)
            pair.append(total / sum(weight) if mean else total)
        found.append(pair)
    return found


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("discount", ["none", "cos", "linear"])
@pytest.mark.parametrize("kind", ["sigmoid", "smoothed", "hinge", "ipo"])
def test_losses_and_metrics_equal_hand_formulas(kind, discount, monkeypatch):
    config = settings(loss="sigmoid" if kind == "smoothed" else kind, discount=discount)
    config.dpo.label_smoothing = 0.2 if kind == "smoothed" else 0.0
    total, weight, metrics = loss_of(*fake_batch(discount), config, monkeypatch)
    formula = {
        "sigmoid": lambda d: -math.log(sigmoid(BETA * d)),
        "smoothed": lambda d: (
            -0.8 * math.log(sigmoid(BETA * d)) - 0.2 * math.log(sigmoid(-BETA * d))
        ),
        "hinge": lambda d: max(0.0, 1 - BETA * d),
        "ipo": lambda d: (d - 1 / (2 * BETA)) ** 2,
    }[kind]
    expected = sum(formula(c - r) for c, r in weighted(discount, mean=kind == "ipo"))
    assert weight == 2 and float(total) == pytest.approx(expected, rel=1e-5)
    sums = weighted(discount, mean=kind == "ipo")
    by_hand = {
        "rewards/chosen": sum(BETA * c for c, _ in sums),
        "rewards/rejected": sum(BETA * r for _, r in sums),
        "rewards/margin": sum(BETA * (c - r) for c, r in sums),
        "rewards/accuracy": sum(c > r for c, r in sums),
    }
    for name, value in by_hand.items():
        assert float(metrics[name]) == pytest.approx(value, rel=1e-5), name


def less_likely_than_before():
    """The batch and its log-probabilities, where the first pair's chosen response is so, the second
    one's is not; and the references by pair and response."""
    batch, logp = fake_batch()
    batch["reference_logps"] += np.float32(0.5) * (batch["target_segments"] == 1)
    references = [
        [np.float32(refs) + 0.5 * (segment == 1) for refs in both]
        for segment, both in REFERENCES.items()
    ]
    return batch, logp, references


def pair_in_torch(kind: str, logps, references, weights):
    """A pair's loss: (chosen, rejected) of each argument."""
    logsigmoid, relu = torch.nn.functional.logsigmoid, torch.nn.functional.relu
    triples = list(zip(logps, references, weights, strict=True))
    x = [(weight * (logp - reference)).sum() for logp, reference, weight in triples]
    means = [(weight * logp).sum() / weight.sum() for logp, _, weight in triples]
    norms = [ratio / weight.sum() for ratio, weight in zip(x, weights, strict=True)]
    return {
        "dpop": lambda: -logsigmoid(BETA * (x[0] - x[1] - 5 * relu(-x[0]))),
        "apo_zero": lambda: 1 - torch.sigmoid(BETA * x[0]) + torch.sigmoid(BETA * x[1]),
        "sigmoid_norm": lambda: -logsigmoid(BETA * (norms[0] - norms[1])),
        "simpo": lambda: -logsigmoid(BETA * means[0] - BETA * means[1] - 0.7),
    }[kind]()


@pytest.mark.parametrize("discount", ["none", "linear"])
@pytest.mark.parametrize("kind", ["dpop", "apo_zero", "sigmoid_norm", "simpo"])
def test_losses_and_gradients_equal_torch_formulas(kind, discount, monkeypatch):
    config = settings(loss=kind, discount=discount, dpop_weight=5.0, simpo_margin=0.7)
    batch, logp, references = less_likely_than_before()
    batch["target_weights"] = fake_batch(discount)[0]["target_weights"]

    def loss(logp):
        total, _, metrics = loss_of(batch, logp, config, monkeypatch)
        return total, metrics

    (found, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(logp)
    theirs = [[torch.tensor(each, requires_grad=True) for each in both] for both in LOGPS.values()]
    expected = sum(
        pair_in_torch(
            kind,
            pair,
            [torch.tensor(each) for each in before],
            [torch.tensor(dpo.discounts(discount, len(each))) for each in pair],
        )
        for pair, before in zip(theirs, references, strict=True)
    )
    expected.backward()
    assert float(found) == pytest.approx(expected.item(), abs=1e-4)
    of_theirs = np.concatenate([each.grad.numpy() for pair in theirs for each in pair])
    np.testing.assert_allclose(gradient[0, : len(of_theirs)], of_theirs, atol=1e-4)
    assert not gradient[0, len(of_theirs) :].any() and np.abs(of_theirs).max() > 0.01
    assert ("kl" in metrics) == (kind != "simpo")


def test_dpop_asks_nothing_of_a_chosen_response_that_became_likelier(monkeypatch):
    batch, logp, _ = less_likely_than_before()

    def gradient(kind):
        def loss(logp):
            return loss_of(batch, logp, settings(loss=kind), monkeypatch)[0]

        return np.asarray(jax.grad(loss)(logp))

    same = gradient("dpop") == gradient("sigmoid")
    assert same[batch["target_segments"] == 2].all() and not same[0, :3].any()


def test_kl_is_the_k3_estimate_and_logps_are_sums(monkeypatch):
    _, _, metrics = loss_of(*fake_batch(), settings(), monkeypatch)
    kl = 0.0
    for segment, both in LOGPS.items():
        for logps, references in zip(both, REFERENCES[segment], strict=True):
            deltas = [a - b for a, b in zip(logps, references, strict=True)]
            kl += sum(math.exp(d) - 1 - d for d in deltas) / 2
    assert float(metrics["kl"]) == pytest.approx(kl, rel=1e-5)
    assert float(metrics["logps/chosen"]) == pytest.approx(-4.0)
    assert float(metrics["logps/rejected"]) == pytest.approx(-12.1)


def test_the_likelihood_term_acts_on_the_chosen_response(monkeypatch):
    batch, logp = fake_batch()

    def gradient(weight):
        return jax.grad(
            lambda logp: loss_of(batch, logp, settings(sft_weight=weight), monkeypatch)[0]
        )(logp)

    difference = np.asarray(gradient(0.5) - gradient(0.0))[0]
    chosen = [-0.5 / 3] * 3 + [0.0] * 2 + [-0.5 / 2] * 2 + [0.0] * 4  # mean over a response
    np.testing.assert_allclose(difference, chosen + [0.0] * 3, atol=1e-6)
