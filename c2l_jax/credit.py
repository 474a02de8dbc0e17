"""Which tokens a model was taught to write, in colour: text with log-ratios as HTML.

A token's log-ratio is log(policy / reference). Where preference training worked, it is strongly
negative where a chain of reasoning first goes wrong (arXiv 2410.16198, figure 7).
"""

from collections.abc import Iterable, Sequence
from html import escape

_GREEN, _RED = "29, 122, 70", "181, 54, 44"
_STRONGEST = 0.75  # opacity; the text stays readable on it, on light and on dark paper


def shared_scale(log_ratios: Iterable[Sequence[float]]) -> float:
    """The largest size of any log-ratio: a scale on which several texts can be compared."""
    return max((abs(ratio) for of_text in log_ratios for ratio in of_text), default=0.0) or 1.0


def credit_html(tokens: Sequence[str], log_ratios: Sequence[float], scale: float) -> str:
    """A text as one HTML span: tokens on green where positive, on red where negative.

    Opacity grows with the log-ratio's size up to `scale` (as from `shared_scale`); pointing at a
    token shows the number. Raises ValueError unless there is one log-ratio for each token.
    """
    spans = "".join(
        f'<span style="background: {_colour(ratio, scale)}" title="{ratio:+.2f}">'
        f"{escape(token)}</span>"
        for token, ratio in zip(tokens, log_ratios, strict=True)
    )
    return f'<span style="white-space: pre-wrap">{spans}</span>'


def legend_html(scale: float) -> str:
    """What the colours mean, on the same scale."""
    steps = [share * scale for share in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    boxes = "".join(
        f'<span style="background: {_colour(ratio, scale)}; padding: 0 8px">{ratio:+.2g}</span>'
        for ratio in steps
    )
    return f"<span>log(policy / reference) of a token: {boxes}</span>"


def _colour(ratio: float, scale: float) -> str:
    opacity = _STRONGEST * min(abs(ratio) / scale, 1.0)
    return f"rgba({_GREEN if ratio > 0 else _RED}, {opacity:.3f})"
