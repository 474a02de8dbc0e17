"""Accuracies as cards and as bars with intervals."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from c2l_jax.pages.bars import bar_row, scale
from c2l_jax.pages.parts import key, percent

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
        bars = [bar_row("all tasks", [(s["by_game"][game], color) for _, s, color in rows])]
        bars += [_of_task(rows, task) for task in tasks]
        blocks.append(f"<h3>{escape(game)}</h3>{''.join(bars)}\n")
    legend = key((name, color) for name, _, color in rows)
    return (
        "<h2>Accuracy by task</h2>\n"
        "<p>All stages answer the same held-out questions, about positions that never occurred in "
        "training; the model with random weights answers the first quarter of them. A task is "
        "learned as far as its bar goes beyond that of the player who does not see the picture."
        '</p>\n<p class="soft">The thin line on a bar is the 95 % interval, also '
        f'given in brackets.</p>\n<div class="card">{legend}{scale()}{"".join(blocks)}</div>\n'
    )


def task_bars(rows: Sequence[Row], tasks: Sequence[str]) -> str:
    """Bars for some tasks."""
    bars = "".join(_of_task(rows, task) for task in tasks)
    legend = key((name, color) for name, _, color in rows)
    return f'<div class="card">{legend}{scale()}{bars}</div>\n'


def _of_task(rows: Sequence[Row], task: str) -> str:
    name = task.split("/")[-1].replace("_", " ")
    return bar_row(name, [(summary["by_task"][task], color) for _, summary, color in rows])
