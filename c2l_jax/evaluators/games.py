"""By rules on values (c2l_jax.answers), for games and for what has no measure of its own.

The figures are what Game-RL reports of games it trained on and of others (arXiv 2505.13886, table
5): the mean of the categories' accuracies, each counting alike.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from c2l_jax import evaluators
from c2l_jax.answers import judge

__all__ = ["judge", "summarise"]


def summarise(questions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """With the mean over categories of each domain."""
    summary = evaluators.summarise(questions)
    figures = {}
    for domain in summary["by_domain"]:
        cells = summary["by_category"].items()
        if own := [cell["accuracy"] for name, cell in cells if name.startswith(f"{domain} x ")]:
            figures[f"mean of categories, {domain}"] = fmean(own)
    return summary | {"figures": figures}
