"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290) on pairs of responses.

A pair is one prompt with two branches, 1 the chosen and 2 the rejected response, so the picture
and the prompt are computed once. The reference's log-probabilities come with the data
(`python -m c2l_jax.preferences`); no second model is in memory. With adapters (config.lora) the
model without them is the reference, too: config.dpo.recompute_reference computes it in every step.

With x = log pi - log ref of the chosen (x_w) and of the rejected response (x_l), each a sum over
its tokens weighted by the discount, d = x_w - x_l, |w| and |l| the sums of the weights, and e =
config.dpo.label_smoothing, what is minimised for a pair (config.dpo.loss) is
  sigmoid       -(1 - e) log sigmoid(beta d) - e log sigmoid(-beta d)   (e > 0: Mitchell 2023, cDPO)
  sigmoid_norm  -log sigmoid(beta (x_w / |w| - x_l / |l|))   (Lambert et al. 2024, arXiv 2411.15124)
  hinge         max(0, 1 - beta d)                                        (Zhao et al. 2023, SLiC)
  ipo           (x_w / |w| - x_l / |l| - 1 / (2 beta))^2             (Azar et al., arXiv 2310.12036)
  dpop          -log sigmoid(beta (d - lambda max(0, -x_w))): the chosen must not become less likely
                than it was (Pal et al. 2024, DPO-Positive, arXiv 2402.13228), lambda = dpop_weight
  apo_zero      sigmoid(-beta x_w) + sigmoid(beta x_l): each against the reference for itself
                (D'Oosterlinck et al. 2024, arXiv 2408.06266, plus 1)
  simpo         -log sigmoid(beta (log pi_w / |w| - log pi_l / |l|) - gamma), gamma = simpo_margin;
                there is no reference                     (Meng et al. 2024, arXiv 2405.14734)
config.dpo.sft_weight adds the chosen response's mean negative log-likelihood a token (as RPO does,
arXiv 2404.19733 equation 1).

What of the responses is scored (config.dpo.truncate):
  words  what begins within the first truncate_words words, as in LLaVA-Reasoner (arXiv 2410.16198),
         which counts words between single spaces; here any white space separates them
  fork   fork_tokens tokens from the first one on in which the two responses differ. What they have
         in common before is part of the trunk: in d it cancels. What comes later mostly follows
         from the fork, and is often right given it, so that rejecting it unlearns what is right.
"""

import functools
import hashlib
import json
import logging
import re

import jax
import jax.numpy as jnp
import numpy as np

from c2l_jax.data.packing import Group
from c2l_jax.data.processor import add_branches, continued, user_text
from c2l_jax.models.directory import fingerprint
from c2l_jax.models.layers import Compute
from c2l_jax.models.loading import load_model
from c2l_jax.models.lora import without
from c2l_jax.ops.logprobs import target_logprobs
from c2l_jax.response_logprobs import response_logprobs
from c2l_jax.sources import Packed
from records.errors import UserError
from records.paths import AnyPath, anywhere, read_json
from records.reading import dataset_directory

_fingerprint = functools.cache(fingerprint)  # of gigabytes, for each split

EXTRA_TARGETS = ("reference_logps",)
ANY_PARTS = False
LOSSES = ("sigmoid", "sigmoid_norm", "hinge", "ipo", "dpop", "apo_zero", "simpo")
MEANS = ("sigmoid_norm", "ipo", "simpo")  # compare means over a response's tokens
TRUNCATIONS = ("words", "fork")
DISCOUNTS = ("none", "cos", "linear")


def check(config):
    """Refuses settings that make no sense."""
    dpo = config.dpo
    choices = (("loss", LOSSES), ("discount", DISCOUNTS), ("truncate", TRUNCATIONS))
    for name, allowed in choices:
        if dpo[name] not in allowed:
            raise UserError(f"config.dpo.{name} is {dpo[name]!r}: one of {', '.join(allowed)}.")
    if dpo.beta <= 0 or dpo.fork_tokens < 1:
        raise UserError(
            f"config.dpo: beta {dpo.beta} must be positive, fork_tokens {dpo.fork_tokens} at least "
            "1."
        )
    for name in ("sft_weight", "truncate_words", "dpop_weight", "simpo_margin"):
        if dpo[name] < 0:
            raise UserError(f"config.dpo.{name} is {dpo[name]}: it must not be negative.")
    if not 0 <= dpo.label_smoothing < 0.5 or (dpo.label_smoothing and dpo.loss != "sigmoid"):
        raise UserError(
            f"config.dpo.label_smoothing is {dpo.label_smoothing}: from 0 to below 0.5, and only "
            "with the sigmoid loss."
        )
    if config.data.tasks:
        raise UserError("config.data.tasks is for sft: choose the pairs when you make them.")


# ------------------------------------------------------------------------------ pairs to examples


def source(split, processor, config, *, mesh, workdir, held_out=False) -> Packed:
    """All pairs of a split. Raises UserError where another model made their reference."""
    del held_out
    if "chosen_logps" not in split[0]:
        raise UserError(
            f"{config.data.path} holds no preference pairs: make them with "
            "`python -m c2l_jax.preferences`."
        )
    reference, has_reference = None, config.dpo.loss != "simpo"
    if has_reference and not config.dpo.recompute_reference:
        check_reference(split[0], config)
    elif has_reference and not config.lora.rank:  # else the loss has it from the model itself
        reference = recomputed_reference(split, processor, config, mesh, workdir)

    def example(index):
        pair = split[index]
        if reference is not None:
            pair |= reference(index)
        return pair_example(pair, processor, config.dpo)

    return Packed([Group(example, range(len(split)))], config, EXTRA_TARGETS)


def check_reference(pair: dict, config):
    """Raises UserError where it is not what training would compute at its start."""
    made_by, ours = pair["fingerprint"], _fingerprint(config.model)
    if not made_by:
        raise UserError(
            f"the pairs in {config.data.path} have no reference log-probabilities, for they come "
            "from elsewhere: set --config.dpo.recompute_reference=True."
        )
    if made_by != ours:
        raise UserError(
            f"the reference log-probabilities in {config.data.path} were made by a model with "
            f"fingerprint {made_by[:12]}, and config.model {config.model} has {ours[:12]}: start "
            "from that model, or set --config.dpo.recompute_reference=True."
        )
    dtype = read_json(dataset_directory(config.data.path) / "metadata.json").get("dtype")
    if dtype != config.compute_dtype:
        raise UserError(
            f"the reference log-probabilities in {config.data.path} were computed in "
            f"{dtype}, and config.compute_dtype is {config.compute_dtype}: make the "
            f"pairs with --dtype {config.compute_dtype}, or set "
            "--config.dpo.recompute_reference=True."
        )


def pair_example(pair: dict, processor, dpo) -> dict[str, np.ndarray]:
    """A pair as a trunk and two branches, the kept tokens' reference_logps [r] with them."""
    responses, logps = [], []
    for name, ended in (("chosen", True), ("rejected", bool(pair["rejected_ended"]))):
        tokens, starts = processor.response_and_starts(pair[name])
        words = dpo.truncate_words if dpo.truncate == "words" else 0
        count = kept_tokens(pair[name], starts, words, ended and dpo.score_end)
        responses.append(tokens[:count])
        if dpo.loss == "simpo":
            logps.append(np.zeros(count))
            continue
        stored = pair[f"{name}_logps"]
        if len(stored) != len(tokens):
            raise UserError(
                f"pair {pair['id']} has {len(stored)} reference log-probabilities for a {name} "
                f"response of {len(tokens)} tokens: make the pairs with this model's tokeniser."
            )
        logps.append(stored[:count])
    prompt = processor.prompt(pair, pair["format"])
    if dpo.truncate == "fork":
        first = common_tokens(*responses)
        prompt = continued(prompt, responses[0][:first])
        responses, logps = (
            [of[first : first + dpo.fork_tokens] for of in both] for both in (responses, logps)
        )
    example = add_branches(prompt, responses)
    weights = [discounts(dpo.discount, len(tokens)) for tokens in responses]
    example |= {
        "target_weights": np.concatenate(weights),
        "reference_logps": np.concatenate(logps).astype(np.float32),
    }
    return {"id": pair["id"], **example}


def common_tokens(first: np.ndarray, second: np.ndarray) -> int:
    """How many tokens two responses begin with alike."""
    count = min(len(first), len(second))
    differs = np.flatnonzero(first[:count] != second[:count])
    return int(differs[0]) if len(differs) else count


def kept_tokens(text: str, starts: np.ndarray, words: int, score_end: bool) -> int:
    """How many of a response's tokens (begins in `starts`, the last the end-of-turn) are scored.

    All that begin inside the first `words` words (0: no limit). The end-of-turn token counts where
    `score_end` says so and nothing was cut off.
    """
    found = list(re.finditer(r"\S+", text)) if words else []
    if len(found) > words:
        return int(np.searchsorted(starts, found[words - 1].end()))
    return len(starts) - (not score_end)


def discounts(kind: str, count: int) -> np.ndarray:
    """Weights [count] float32 of a response's tokens: 1, or falling from 1 towards 0."""
    share = np.arange(count) / max(count, 1)
    weights = {
        "none": np.ones(count),
        "cos": (1 + np.cos(np.pi * share)) / 2,
        "linear": 1 - share,
    }
    return weights[kind].astype(np.float32)


def texts(record: dict, config) -> dict[str, str]:
    """Prompt and both responses of a pair, as TensorBoard shows them."""
    texts = user_text(record, record["format"]), record["chosen"], record["rejected"]
    return {"pair": "{}\n\n---> chosen\n\n{}\n\n---> rejected\n\n{}".format(*texts)}


# ------------------------------------------------------------------------------------- reference


def recomputed_reference(split, processor, config, mesh, workdir: AnyPath):
    """index -> the pair's chosen_logps and rejected_logps under config.model.

    Computed once a run and kept in the working directory, so that resuming finds them.
    """
    key = hashlib.sha256(f"{_fingerprint(config.model)} {config.compute_dtype}".encode())
    for pair in split.only("id", "format", "chosen", "rejected"):
        key.update(json.dumps(sorted(pair.items())).encode())
    path = workdir / f"reference-{key.hexdigest()[:16]}.npz"
    if not path.exists():
        found = reference_logprobs(split, processor, config, mesh)
        lengths = [[len(logps) for logps in pair] for pair in found]
        logps = np.concatenate([logps for pair in found for logps in pair])
        if jax.process_index() == 0:
            temporary = path.with_suffix(".new")
            with temporary.open("wb") as file:
                np.savez(file, logps=logps, lengths=np.asarray(lengths))
            temporary.rename(path)
    else:
        with path.open("rb") as file, np.load(file) as kept:
            logps, lengths = kept["logps"], kept["lengths"]
    ends = np.cumsum(lengths)  # chosen and rejected by turns

    def reference(index):
        first = ends[2 * index - 1] if index else 0
        middle, end = ends[2 * index : 2 * index + 2]
        return {"chosen_logps": logps[first:middle], "rejected_logps": logps[middle:end]}

    return reference


def reference_logprobs(split, processor, config, mesh) -> list[list[np.ndarray]]:
    compute = Compute(config.compute_dtype, attention=config.attention)
    model = load_model(anywhere(config.model), mesh, compute)

    def question(index):
        pair = split[index]
        return pair, pair["format"], (pair["chosen"], pair["rejected"])

    logging.info("computing the reference's log-probabilities of %d pairs", len(split))
    return response_logprobs(
        model.graphdef,
        model.params,
        processor,
        question,
        len(split),
        mesh=mesh,
        rows=config.data.rows,
        chunk=config.logprob_chunk,
        title="reference",
    )


# ------------------------------------------------------------------------------------------ loss


def loss(model, batch, config):
    """Sums over the batch's pairs, so that packing, accumulation and sharding change nothing.

    Returns (loss sum, number of pairs, metrics), all float32; metrics are sums over pairs. Rewards
    are beta times what the loss compares, for MEANS a mean over tokens. `kl`, which simpo lacks,
    is an estimate, in nats a response, of KL(reference || policy): Schulman's k3 estimator
    (r - 1 - log r with r = policy / reference of each token), summed over tokens, mean of the two
    responses, which the reference wrote; that the pair was selected biases it.
    """
    dpo = config.dpo
    logp_br, hit_br = target_logprobs(model, batch, config.logprob_chunk)
    weights_br, reference_br = batch["target_weights"], batch["reference_logps"]
    has_reference = dpo.loss != "simpo"
    if has_reference and dpo.recompute_reference and config.lora.rank:
        reference_br, _ = target_logprobs(without(model), batch, config.logprob_chunk)
    scored_br = (weights_br > 0).astype(jnp.float32)
    ratio_br = logp_br - reference_br
    features = {
        "tokens": scored_br,
        "weight": weights_br,
        "ratio": weights_br * ratio_br,
        "logp": weights_br * logp_br,
        "nll": -scored_br * logp_br,
        "kl": scored_br * (jnp.expm1(ratio_br) - ratio_br),
        "hits": scored_br * hit_br,
    }
    # [B, S, 2]: pair (segment), chosen and rejected.
    of = {name: _sums_by_response(value, batch) for name, value in features.items()}
    is_pair_bs = (of["tokens"].sum(-1) > 0).astype(jnp.float32)
    compared_bs2 = of["ratio" if has_reference else "logp"]
    if dpo.loss in MEANS:
        compared_bs2 /= jnp.maximum(of["weight"], 1e-6)
    losses_bs = _losses(compared_bs2, dpo)
    nll_bs2 = of["nll"] / jnp.maximum(of["tokens"], 1)
    losses_bs += dpo.sft_weight * nll_bs2[..., 0]
    rewards_bs2 = dpo.beta * compared_bs2
    margins_bs = rewards_bs2[..., 0] - rewards_bs2[..., 1]
    metrics = {
        "rewards/chosen": rewards_bs2[..., 0],
        "rewards/rejected": rewards_bs2[..., 1],
        "rewards/margin": margins_bs,
        "rewards/accuracy": margins_bs > 0,
        "logps/chosen": of["logp"][..., 0],
        "logps/rejected": of["logp"][..., 1],
        "nll/chosen": nll_bs2[..., 0],
        "accuracy": of["hits"][..., 0] / jnp.maximum(of["tokens"][..., 0], 1),
    }
    if has_reference:
        metrics["kl"] = of["kl"].mean(-1)
    metrics = {name: (value * is_pair_bs).sum() for name, value in metrics.items()}
    return (losses_bs * is_pair_bs).sum(), is_pair_bs.sum(), metrics


def _sums_by_response(values_br: jax.Array, batch) -> jax.Array:
    """Sums [B, R + 1, 2] over the targets of each pair's two responses.

    A row of R targets holds at most R pairs; segment 0 is padding.
    """
    pairs = values_br.shape[1] + 1
    # Padding is on branch 0, and counts nothing wherever it goes.
    numbers_br = 2 * batch["target_segments"] + jnp.maximum(batch["target_branches"], 1) - 1
    sums = jax.vmap(lambda v, n: jax.ops.segment_sum(v, n, 2 * pairs))(values_br, numbers_br)
    return sums.reshape(-1, pairs, 2)


def _losses(compared_bs2: jax.Array, dpo) -> jax.Array:
    """The loss [B, S] of each pair; see the module's docstring."""
    chosen_bs, rejected_bs = compared_bs2[..., 0], compared_bs2[..., 1]
    scaled_bs = dpo.beta * (chosen_bs - rejected_bs)
    if dpo.loss == "ipo":
        return (chosen_bs - rejected_bs - 1 / (2 * dpo.beta)) ** 2
    if dpo.loss == "hinge":
        return jax.nn.relu(1 - scaled_bs)
    if dpo.loss == "apo_zero":
        return jax.nn.sigmoid(-dpo.beta * chosen_bs) + jax.nn.sigmoid(dpo.beta * rejected_bs)
    if dpo.loss == "dpop":
        scaled_bs -= dpo.beta * dpo.dpop_weight * jax.nn.relu(-chosen_bs)
    if dpo.loss == "simpo":
        scaled_bs -= dpo.simpo_margin
    smoothing = dpo.label_smoothing
    right, wrong = jax.nn.log_sigmoid(scaled_bs), jax.nn.log_sigmoid(-scaled_bs)
    return -(1 - smoothing) * right - smoothing * wrong
