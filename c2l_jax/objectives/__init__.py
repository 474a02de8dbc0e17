"""Objectives: what a run minimises and on what. Each is a module with the names of `Objective`.

config.objective is a key of OBJECTIVES, where another objective is one more line, or the import
path of a module anywhere.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import jax
from ml_collections import ConfigDict

from c2l_jax.sources import Source
from records.errors import UserError
from records.imports import module_at

OBJECTIVES = {name: f"c2l_jax.objectives.{name}" for name in ("sft", "dpo", "grpo")}


class Objective(Protocol):
    # Features that an example has for each target besides those of data.layout.FEATURES.
    EXTRA_TARGETS: Sequence[str]
    # Whether steps have any number of parts; else it is config.accumulation.
    ANY_PARTS: bool

    @staticmethod
    def check(config: ConfigDict) -> None:
        """Raises UserError for settings of its own that make no sense."""

    @staticmethod
    def source(
        split, processor, config: ConfigDict, *, mesh, workdir, held_out: bool = False
    ) -> Source:
        """Where batches come from; a model may run here, as for a reference.

        held_out: of a split that is not trained on; it also has `rewind`, which begins anew.
        """

    @staticmethod
    def texts(record: dict, config: ConfigDict) -> dict[str, str]:
        """Prompts and responses of a record, by name, as TensorBoard shows them."""

    @staticmethod
    def loss(
        model, batch: Mapping[str, jax.Array], config: ConfigDict
    ) -> tuple[jax.Array, jax.Array, dict[str, jax.Array]]:
        """(loss sum, weight, metrics), float32 scalars, all sums over the batch.

        Packing, accumulation and sharding then never change the value: what is minimised and
        logged is a sum over the sum of weights. A metric called ".../max" is the largest instead.
        """


def named(name: str) -> Objective:
    """The objective that config.objective calls so. Raises UserError where there is none."""
    module = module_at(OBJECTIVES.get(name, name))
    if not hasattr(module, "loss"):
        raise UserError(
            f"config.objective is {name!r}: it must be one of {', '.join(sorted(OBJECTIVES))} or "
            "the import path of a module like them."
        )
    return module
