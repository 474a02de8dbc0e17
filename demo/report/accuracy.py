"""Accuracies as cards, as bars with intervals, and their differences."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from demo.report.parts import key, percent, signed

Row = tuple[str, Mapping[str, Any], str]  # name, summary, colour
BLIND = "without the picture"


def cards(stages: Sequence[tuple[str, Mapping]], blind: Mapping, colors: Mapping[str, str]) -> str:
    """One large figure for each stage and for the blind player."""
    shown = [(name, summary["overall"], colors[name]) for name, summary in stages]
    shown.append((BLIND, blind["overall"], "var(--blind)"))
    figures = "".join(
        f'<li class="card" style="border-top-color: {color}"><b>{percent(cell["accuracy"])}</b>'
        f"<span>{escape(name)}<br>95 %: {100 * cell['low']:.1f} – {100 * cell['high']:.1f}<br>"
        f"{cell['correct']} of {cell['count']} right,<br>{cell['unanswered']} unanswered</span>"
        "</li>"
        for name, cell, color in shown
    )
    return f'<ul class="figures">{figures}</ul>\n'


def accuracy_section(
    stages: Sequence[tuple[str, Mapping]], blind: Mapping[str, Any], colors: Mapping[str, str]
) -> str:
    """Bars for every game and task."""
    rows = [(name, summary, colors[name]) for name, summary in stages]
    rows.append((BLIND, blind, "var(--blind)"))
    games: dict[str, list[str]] = {}
    for task in stages[-1][1]["by_task"]:
        games.setdefault(task.split("/")[0], []).append(task)
    blocks = []
    for game, tasks in games.items():
        bars = [_bars("all tasks", [(s["by_game"][game], color) for _, s, color in rows])]
        bars += [_of_task(rows, task) for task in tasks]
        blocks.append(f"<h3>{escape(game)}</h3>{''.join(bars)}\n")
    legend = key((name, color) for name, _, color in rows)
    return (
        "<h2>Accuracy by task</h2>\n"
        "<p>All stages answer the same held-out questions, positions that never occurred in "
        "training. A task is learned as far as its bar goes beyond that of the player who does not "
        'see the picture.</p>\n<p class="soft">The thin line on a bar is the 95 % interval, also '
        f'given in brackets.</p>\n<div class="card">{legend}{_scale()}{"".join(blocks)}</div>\n'
    )


def task_bars(rows: Sequence[Row], tasks: Sequence[str]) -> str:
    """Bars for some tasks."""
    bars = "".join(_of_task(rows, task) for task in tasks)
    legend = key((name, color) for name, _, color in rows)
    return f'<div class="card">{legend}{_scale()}{bars}</div>\n'


def _of_task(rows: Sequence[Row], task: str) -> str:
    return _bars(task, [(summary["by_task"][task], color) for _, summary, color in rows])


def _scale() -> str:
    marks = "".join(
        f'<text x="{share}%" y="11" text-anchor="{anchor}">{share} %</text>'
        for share, anchor in ((0, "start"), (50, "middle"), (100, "end"))
    )
    return (
        '<div class="task" style="border: 0; padding: 0"><div></div>'
        f'<div class="bar scale"><svg aria-hidden="true">{marks}</svg><span></span></div></div>'
    )


def _bars(task: str, cells: Sequence[tuple[Mapping[str, Any], str]]) -> str:
    bars = "".join(_bar(cell, color) for cell, color in cells)
    name = task.split("/")[-1].replace("_", " ")
    return (
        f'<div class="task"><div>{escape(name)}<small>{cells[0][0]["count"]} questions</small>'
        f"</div><div>{bars}</div></div>"
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
    color = "var(--right)" if low > 0 else "var(--wrong)" if high < 0 else "var(--soft)"
    return (
        f'<div class="change"><div>{escape(name)}</div><div><svg aria-hidden="true">'
        '<rect width="100%" height="13" y="4.5" rx="2" fill="var(--track)"/>'
        '<line x1="50%" x2="50%" y1="0" y2="22" stroke="var(--ink)"/>'
        f'<line x1="{x_low:.2f}%" x2="{x_high:.2f}%" y1="11" y2="11" stroke-width="3" '
        f'style="stroke: {color}"/><circle cx="{x:.2f}%" cy="11" r="5.5" style="fill: {color}"/>'
        f"</svg></div><div>{shown} ({interval})<small>{cell['fixed']} of "
        f"{cell['count']} questions fixed, {cell['broken']} broken</small></div></div>"
    )
