"""Accuracies as bars with intervals, and differences as points with theirs."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from c2l_jax.pages.parts import direction, signed


def scale() -> str:
    """What is written over a column of bars."""
    marks = "".join(
        f'<text x="{share}%" y="11" text-anchor="{anchor}">{share} %</text>'
        for share, anchor in ((0, "start"), (50, "middle"), (100, "end"))
    )
    return (
        '<div class="task" style="border: 0; padding: 0"><div></div>'
        f'<div class="bar scale"><svg aria-hidden="true">{marks}</svg><span></span></div></div>'
    )


def bar_row(name: str, cells: Sequence[tuple[Mapping[str, Any], str]], below: str = "") -> str:
    """A line of bars.

    cells: of c2l_jax.accuracy, each with its colour. below: what is said of them, as HTML.
    """
    drawn = "".join(_bar(cell, color) for cell, color in cells)
    count = max(cell["count"] for cell, _ in cells)  # some may have answered fewer
    return (
        f'<div class="task"><div>{escape(name)}<small>{count} questions</small>'
        f"</div><div>{drawn}{below}</div></div>"
    )


def _bar(cell: Mapping[str, Any], color: str) -> str:
    value, low, high = (100 * cell[name] for name in ("accuracy", "low", "high"))
    ends = "".join(f'<line x1="{x:.2f}%" x2="{x:.2f}%" y1="3.5" y2="9.5"/>' for x in (low, high))
    return (
        '<div class="bar"><svg aria-hidden="true">'
        '<rect width="100%" height="13" rx="2" fill="var(--track)"/>'
        f'<rect width="{value:.2f}%" height="13" rx="2" style="fill: {color}"/>'
        f'<g stroke="var(--ink)"><line x1="{low:.2f}%" x2="{high:.2f}%" y1="6.5" y2="6.5"/>{ends}'
        f"</g></svg><span>{value:.1f} %<small>({low:.1f} – {high:.1f})</small></span></div>"
    )


def differences(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Each paired difference as a point with its interval on one scale around zero."""
    ends = [abs(100 * cell[end]) for cell in found.values() for end in ("low", "high")]
    reach = max(2.0, 1.1 * max(ends))
    rows = "".join(_difference(name, cell, reach) for name, cell in found.items())
    return (
        f'<div class="card">{rows}</div>\n<p class="soft" style="margin-top: 8px">Right of the '
        "thin upright line, which is no difference, the first of the two is better; where the "
        "interval crosses it, chance may explain the difference.</p>\n"
    )


def _difference(name: str, cell: Mapping[str, Any], reach: float) -> str:
    value, low, high = (100 * cell[part] for part in ("difference", "low", "high"))
    shown, interval = signed(cell)
    x, x_low, x_high = (50 + 50 * each / reach for each in (value, low, high))
    color = f"var(--{direction(cell)})"
    return (
        f'<div class="change"><div>{escape(name)}</div><div><svg aria-hidden="true">'
        '<rect width="100%" height="13" y="4.5" rx="2" fill="var(--track)"/>'
        '<line x1="50%" x2="50%" y1="0" y2="22" stroke="var(--ink)"/>'
        f'<line x1="{x_low:.2f}%" x2="{x_high:.2f}%" y1="11" y2="11" stroke-width="3" '
        f'style="stroke: {color}"/><circle cx="{x:.2f}%" cy="11" r="5.5" style="fill: {color}"/>'
        f"</svg></div><div>{shown} ({interval})<small>{cell['fixed']} of "
        f"{cell['count']} questions fixed, {cell['broken']} broken</small></div></div>"
    )
