"""AdamW with a schedule, clipping, and a learning rate for each part of the model."""

import re
from collections.abc import Iterable, Mapping

import optax
from ml_collections import ConfigDict

from records.errors import UserError, pattern_table


def rate_scales(paths: Iterable[str], table: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Factor on the learning rate for each parameter path: first pattern found in it, else 1.

    0 freezes. Raises UserError for a bad pattern and one that names no parameter.
    """
    setting = "config.optimizer.lr_scale"
    paths, table = list(paths), pattern_table(table, setting)
    for pattern, _ in table:
        if not any(pattern.search(path) for path in paths):
            raise UserError(
                f"{setting} has the pattern {pattern.pattern!r}, which no parameter matches; "
                f"paths look like {paths[0]} and {paths[-1]}."
            )
    return {
        path: next((scale for pattern, scale in table if pattern.search(path)), 1.0)
        for path in paths
    }


def schedule(config: ConfigDict, steps: int) -> optax.Schedule:
    """Linear warm-up over `warmup` of the steps, then constant or cosine to zero."""
    warmup = round(config.warmup * steps)
    if config.schedule == "cosine":
        after = optax.cosine_decay_schedule(config.lr, max(1, steps - warmup))
    elif config.schedule == "constant":
        after = optax.constant_schedule(config.lr)
    else:
        raise UserError(f"config.optimizer.schedule is {config.schedule!r}: cosine or constant.")
    # The first step already moves: step 0 has 1 / warmup of the rate.
    rise = optax.linear_schedule(config.lr / max(1, warmup), config.lr, max(1, warmup - 1))
    return optax.join_schedules([rise, after], [warmup])


def make_optimizer(
    config: ConfigDict, steps: int, scales: Mapping[str, float], no_decay: str
) -> optax.GradientTransformation:
    """Transforms a dict {path: gradient} of the trained parameters (scale > 0).

    no_decay: regular expression; weight decay spares parameters in whose path it is found.
    """
    rate = schedule(config, steps)

    def adamw(scale):
        return optax.adamw(
            lambda step: scale * rate(step),
            b1=config.b1,
            b2=config.b2,
            weight_decay=config.weight_decay,
            mask=lambda params: {path: not re.search(no_decay, path) for path in params},
        )

    trained = {path: scale for path, scale in scales.items() if scale > 0}
    if not trained:
        raise UserError("config.optimizer.lr_scale freezes every parameter: nothing to train.")
    groups = {scale: adamw(scale) for scale in sorted(set(trained.values()))}
    return optax.chain(
        optax.clip_by_global_norm(config.clip),
        optax.partition(groups, lambda params: {path: trained[path] for path in params}),
    )
