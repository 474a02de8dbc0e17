"""Group-relative policy optimisation: several responses a question, judged against each other.

Each step samples config.grpo.group responses to each of config.grpo.questions questions with the
current weights (c2l_jax/rollouts.py), has them judged (c2l_jax/rewards) and updates the weights on
them, config.updates times. A group is one trunk with a branch a response, so that question and
picture are computed once.

With a response's reward r, the mean m and standard deviation s (of n - 1) of its group of n, the
advantage A (config.grpo.advantage) is
  grpo     (r - m) / (s + 1e-4)                       (Shao et al. 2024, arXiv 2402.03300)
  drgrpo   r - m                                      (Liu et al. 2025, arXiv 2503.20783)
  batch    (r - m) / (s of the whole batch + 1e-4)    (Liu et al. 2025, arXiv 2508.08221)
  rloo     r - mean of the group's others = n / (n - 1) (r - m)  (Ahmadian et al., arXiv 2402.14740)

With d = log pi - log pi_old of a token, rho = exp(d), and sg for what no gradient flows through,
what is minimised for a token (config.grpo.surrogate, low and high are clip_low and clip_high) is
  ppo        -min(rho A, clip(rho, 1 - low, 1 + high) A)       (Schulman et al., arXiv 1707.06347)
  gspo       the same with rho = exp(mean of d over the response)  (Zheng et al., arXiv 2507.18071)
  cispo      -sg(min(rho, 1 + high)) A log pi                  (MiniMax 2025, arXiv 2506.13585)
  reinforce  -A log pi
times the importance weight sg(min(pi_old / pi_sampler, importance_cap)) if there is a cap (Yao et
al. 2025, truncated importance sampling), plus kl_weight times (config.grpo.kl), with
k = log pi - log pi_reference,
  none  nothing, and there is no reference
  k2    k^2 / 2: its gradient is that of the KL divergence
  k3    exp(-k) - 1 + k: its value is, on average; its gradient only near the reference
(Schulman 2020, http://joschu.net/blog/kl-approx.html). The reference is config.model; with adapters
(config.lora) the model without them. config.grpo.aggregation makes one number of
the tokens:
  tokens     their mean over the whole batch           (DAPO, arXiv 2503.14476)
  sequences  the mean over responses of the mean over a response's tokens
  constant   the sum over tokens by max_tokens, mean over responses  (Dr. GRPO)

Policy, old policy and sampler have one distribution: logits at config.grpo.temperature, without
special tokens but those that end a response. On the first update pi_old is the policy itself, so
that rho is 1 and nothing is clipped; for further ones it is computed before the first.
"""

import functools
import logging
import math

import jax
import jax.numpy as jnp
import numpy as np

from c2l_jax.data.processor import INSTRUCTIONS, Processor, user_text
from c2l_jax.models.lora import without
from c2l_jax.ops.logprobs import policy, target_logprobs
from c2l_jax.rollouts import Greedy, Rollouts
from records.errors import UserError

EXTRA_TARGETS = ("advantages", "sampler_logps", "old_logps", "reference_logps")
ANY_PARTS = True
CHOICES = {
    "advantage": ("grpo", "drgrpo", "batch", "rloo"),
    "surrogate": ("ppo", "gspo", "cispo", "reinforce"),
    "aggregation": ("tokens", "sequences", "constant"),
    "kl": ("none", "k2", "k3"),
}
_FARTHEST = 20.0  # nats between two policies on a token, beyond which exp is of no use
_LEAST = {"questions": 1, "group": 2, "max_tokens": 1, "draws": 1, "reward_timeout": 1e-3}
_NOT_NEGATIVE = (
    *("prompt_tokens", "prompt_tiles", "sampler_rows", "top_k", "clip_low", "clip_high"),
    *("kl_weight", "overlong_buffer", "overlong_penalty", "importance_cap"),
)


def check(config):
    """Refuses settings that make no sense."""
    grpo, data = config.grpo, config.data
    for name, allowed in CHOICES.items():
        if grpo[name] not in allowed:
            raise UserError(f"config.grpo.{name} is {grpo[name]!r}: one of {', '.join(allowed)}.")
    for name, least in {**_LEAST, **dict.fromkeys(_NOT_NEGATIVE, 0)}.items():
        if not grpo[name] >= least:
            raise UserError(f"config.grpo.{name} is {grpo[name]}: it must be at least {least}.")
    if not 0 < grpo.temperature < math.inf or not 0 < grpo.top_p <= 1:
        raise UserError(
            f"config.grpo: temperature {grpo.temperature} must be above 0 and top_p {grpo.top_p} "
            "in (0, 1]."
        )
    if grpo.overlong_buffer > grpo.max_tokens:
        raise UserError("config.grpo.overlong_buffer must not be more than max_tokens.")
    if not data.row_tokens > grpo.max_tokens <= (data.row_targets or data.row_tokens):
        raise UserError(
            f"config.grpo.max_tokens is {grpo.max_tokens}: a row must hold a question and one "
            f"such response (row_tokens {data.row_tokens}, row_targets {data.row_targets})."
        )
    if unjudged := {n for n, weight in data.formats.items() if weight > 0} - set(INSTRUCTIONS):
        raise UserError(
            f"config.data.formats has {', '.join(sorted(unjudged))}, whose answers nobody judges: "
            f"choose among {', '.join(INSTRUCTIONS)}."
        )
    if grpo.questions % (streams := data.streams or jax.process_count()):
        raise UserError(
            f"config.grpo.questions is {grpo.questions}: it must be a multiple of the {streams} "
            "streams that they are read in, at least one a process."
        )
    if grpo.top_k or grpo.top_p < 1:
        logging.warning(
            "config.grpo: top_k %s, top_p %s: responses are drawn from fewer tokens than the "
            "policy that is trained has; the ratios between the two say how far that leads.",
            grpo.top_k,
            grpo.top_p,
        )


def source(split, processor, config, *, mesh, workdir, held_out=False):
    """Rollouts; of a held-out split greedy answers."""
    if held_out:
        return Greedy(split, processor, config, mesh)
    return Rollouts(
        split,
        processor,
        config,
        mesh=mesh,
        workdir=workdir,
        extra_targets=EXTRA_TARGETS,
        logprobs=logprobs,
        advantages=advantages,
    )


def texts(record: dict, config) -> dict[str, str]:
    """The prompts of a record, by name, as TensorBoard shows them."""
    return {n: user_text(record, n) for n, weight in config.data.formats.items() if weight > 0}


# ------------------------------------------------------------------------------------------ loss


def advantages(rewards_ng: np.ndarray, kind: str, spread: float) -> np.ndarray:
    """[N, G] float32 of N groups; spread: the rewards' standard deviation in the whole batch."""
    deviations = rewards_ng - rewards_ng.mean(1, keepdims=True)
    n = rewards_ng.shape[1]
    scaled = {
        "grpo": lambda: deviations / (rewards_ng.std(1, ddof=1, keepdims=True) + 1e-4),
        "drgrpo": lambda: deviations,
        "batch": lambda: deviations / (spread + 1e-4),
        "rloo": lambda: deviations * n / (n - 1),
    }
    return scaled[kind]().astype(np.float32)


@functools.cache
def forbidden_tokens(directory: str) -> tuple[int, ...]:
    return Processor(directory).forbidden_token_ids


def logprobs(model, batch, config) -> tuple[jax.Array, jax.Array]:
    """Of the targets [B, R], under the distribution that is drawn from; and its entropies."""
    read = policy(config.grpo.temperature, forbidden_tokens(str(config.model)))
    return target_logprobs(model, batch, config.logprob_chunk, read)


def loss(model, batch, config):
    """`loss_of` the policy's log-probabilities; adapters' reference is computed here, too."""
    logp_br, entropy_br = logprobs(model, batch, config)
    if config.grpo.kl != "none" and config.lora.rank:
        batch = batch | {"reference_logps": logprobs(without(model), batch, config)[0]}
    return loss_of(logp_br, entropy_br, batch, config)


def loss_of(logp_br: jax.Array, entropy_br: jax.Array, batch, config):
    """Sums over the batch, so that packing, accumulation and sharding change nothing.

    target_weights are 1 or, for every aggregation but "tokens", 1 / the response's length. Returns
    (loss sum, sum of target_weights, metrics), all float32; metrics are sums of the same weights:
    entropy in nats a token, k1 and k3, shares of tokens at which A > 0 (high) or A < 0 (low) is
    clipped, and mismatch: the share of ratios pi_old / pi_sampler outside 0.9 to 1.1, how far log
    pi_sampler is above log pi_old, and the largest ratio of the two, either way.
    """
    grpo = config.grpo
    weights_br, advantages_br = batch["target_weights"], batch["advantages"]
    fixed_br = jax.lax.stop_gradient(logp_br)
    old_br = batch["old_logps"] if config.updates > 1 else fixed_br
    of_token_br = jnp.clip(logp_br - old_br, -_FARTHEST, _FARTHEST)
    losses_br, low_br, high_br = surrogate(of_token_br, logp_br, batch, grpo)
    behind_br = jnp.where(weights_br > 0, batch["sampler_logps"] - jax.lax.stop_gradient(old_br), 0)
    behind_br = jnp.clip(behind_br, -_FARTHEST, _FARTHEST)
    if grpo.importance_cap:
        losses_br *= jnp.minimum(jnp.exp(-behind_br), grpo.importance_cap)
    metrics = {
        "entropy": entropy_br,
        "clip/low": low_br & (advantages_br < 0),
        "clip/high": high_br & (advantages_br > 0),
        "mismatch/share": jnp.abs(jnp.exp(-behind_br) - 1) > 0.1,
        "mismatch/k1": behind_br,
    }
    if grpo.kl != "none":
        away_br = jnp.clip(logp_br - batch["reference_logps"], -_FARTHEST, _FARTHEST)
        kl = {"k2": away_br**2 / 2, "k3": jnp.expm1(-away_br) + away_br}
        losses_br += grpo.kl_weight * kl[grpo.kl]
        metrics |= {"kl/k1": away_br, "kl/k3": kl["k3"]}
    scale_br = weights_br
    if grpo.aggregation == "constant":
        scale_br = (weights_br > 0) / grpo.max_tokens
    metrics = {name: (value * weights_br).sum() for name, value in metrics.items()}
    metrics["mismatch/max"] = jnp.exp(jnp.abs(behind_br).max())
    return (losses_br * scale_br).sum(), weights_br.sum(), metrics


def surrogate(
    of_token_br: jax.Array, logp_br: jax.Array, batch, grpo
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """What is minimised for each token, and where its ratio is below and above the clips; see the
    module's docstring."""
    advantages_br = batch["advantages"]
    if grpo.surrogate == "reinforce":
        nowhere = jnp.zeros(logp_br.shape, bool)
        return -advantages_br * logp_br, nowhere, nowhere
    if grpo.surrogate == "gspo":
        of_token_br = means_of_responses(of_token_br, batch)
    ratio_br = jnp.exp(of_token_br)
    low, high = 1 - grpo.clip_low, 1 + grpo.clip_high
    is_high_br = ratio_br > high
    if grpo.surrogate == "cispo":
        capped_br = jax.lax.stop_gradient(jnp.minimum(ratio_br, high))
        return -capped_br * advantages_br * logp_br, jnp.zeros(logp_br.shape, bool), is_high_br
    clipped_br = jnp.clip(ratio_br, low, high)
    losses_br = -jnp.minimum(ratio_br * advantages_br, clipped_br * advantages_br)
    return losses_br, ratio_br < low, is_high_br


def means_of_responses(values_br: jax.Array, batch) -> jax.Array:
    """[B, R]: for each target the mean over its response, which lies in one piece."""
    segments_br, branches_br = batch["target_segments"], batch["target_branches"]
    new_br = jnp.diff(segments_br, prepend=-1) | jnp.diff(branches_br, prepend=-1)
    numbers_br = jnp.cumsum(new_br != 0, 1) - 1

    def means(values_r, numbers_r):
        count = len(values_r)
        sums = jax.ops.segment_sum(values_r, numbers_r, count)
        lengths = jax.ops.segment_sum(jnp.ones(count), numbers_r, count)
        return (sums / jnp.maximum(lengths, 1))[numbers_r]

    return jax.vmap(means)(values_br, numbers_br)
