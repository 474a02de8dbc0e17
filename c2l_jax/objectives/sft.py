"""Supervised fine-tuning: negative log-likelihood of the response tokens."""

from c2l_jax.ops.logprobs import token_logprobs


def loss(model, batch, config):
    """Sums over the batch, so that packing, accumulation and sharding never change the value.

    Returns (loss sum, weight, metrics), all float32 scalars; metrics are sums over the same
    weight: accuracy counts the tokens that the model would have written itself.
    """
    hidden_btd = model(batch)
    logp_n, hit_n = token_logprobs(
        hidden_btd.reshape(-1, hidden_btd.shape[-1]),
        model.head_vd(),
        batch["targets"].reshape(-1),
        config.logprob_chunk,
    )
    weights_n = batch["weights"].reshape(-1)
    return -(logp_n * weights_n).sum(), weights_n.sum(), {"accuracy": (hit_n * weights_n).sum()}
