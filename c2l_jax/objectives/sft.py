"""Supervised fine-tuning: negative log-likelihood of the response tokens."""

import functools

from c2l_jax.data.packing import Group, mixture
from c2l_jax.data.processor import response_text, user_text
from c2l_jax.ops.logprobs import target_logprobs
from c2l_jax.sources import Packed

EXTRA_TARGETS = ()
ANY_PARTS = False


def check(config):
    """Refuses settings that make no sense; this objective has none of its own."""


def source(split, processor, config, *, mesh, workdir, held_out=False) -> Packed:
    del mesh, workdir, held_out
    return Packed(groups(split, processor, config), config, EXTRA_TARGETS)


def formats(record: dict, config) -> dict[str, float]:
    """config.data.formats; of sampled responses the one that they were sampled in."""
    return {record["format"]: 1.0} if "response" in record else config.data.formats


def groups(split, processor, config) -> list[Group]:
    """Every record in its formats, as config.data.tasks says."""

    def example(format, index):
        return processor.example(split[index], format)

    lines = mixture(split, formats(split[0], config), config.data.tasks)
    return [Group(functools.partial(example, name), found, share) for name, found, share in lines]


def texts(record: dict, config) -> dict[str, str]:
    """Prompts and responses of a record, by name, as TensorBoard shows them."""
    names = [name for name, weight in formats(record, config).items() if weight > 0]
    return {n: f"{user_text(record, n)}\n\n--->\n\n{response_text(record, n)}" for n in names}


def loss(model, batch, config):
    """Sums over the batch, so that packing, accumulation and sharding never change the value.

    Returns (loss sum, weight, metrics), all float32 scalars; metrics are sums over the same
    weight, the number of response tokens: accuracy counts those that the model would have written.
    """
    logp_br, hit_br = target_logprobs(model, batch, config.logprob_chunk)
    weights_br = batch["target_weights"]
    metrics = {"accuracy": (hit_br * weights_br).sum()}
    return -(logp_br * weights_br).sum(), weights_br.sum(), metrics
