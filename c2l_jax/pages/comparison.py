"""A page that lays evaluations beside each other, as c2l_jax.compare finds them."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from c2l_jax.pages import document
from c2l_jax.pages.bars import bar_row, differences, scale
from c2l_jax.pages.parts import (
    COLORS,
    direction,
    key,
    percent,
    points,
    question,
    side_by_side,
    signed,
    solution,
)

SECTIONS = {
    "by_game": "By game",
    "by_task": "By task",
    "by_domain": "By domain",
    "by_category": "By domain and category",
    "by_qa_type": "By type of question",
    "by_level": "By level of question and position",
    "by_qa_type_and_level": "By type of question and level of position",
}


def page(result: Mapping[str, Any], changed: Mapping[str, Mapping[str, list]]) -> str:
    """The whole page.

    Args:
      result: {"asked": settings of all, "differing": {setting: value of each run}, "runs": {name:
        {"model", "step"}}, "figures": {name: those of `compare.figures`}, "rows": as of
        `compare.rows`}; the first run is the one that others are compared with.
      changed: by run {"fixed": samples, "broken": samples}, a sample as `parts.question` takes it,
        with "responses", by run, and its record's "steps".
    """
    names = list(result["runs"])
    colors = {name: COLORS[place % len(COLORS)] for place, name in enumerate(names)}
    (overall,) = result["rows"]["overall"].values()
    first, *others = names
    title = f"{first} and {', '.join(others)}"
    body = [
        f"<h1>{escape(title)}</h1>\n",
        _asked(result["asked"], overall["cells"][first]["count"]),
        *(f'<p class="lead">{_result(overall, first, other)}</p>\n' for other in others),
        _figures(overall["cells"], colors),
        "<h2>Difference on the same questions, in points</h2>\n",
        differences({f"{name} − {first}": each for name, each in overall["changes"].items()}),
    ]
    sections = {
        name: _bars(result["rows"][section], colors)
        for section, name in SECTIONS.items()
        if section in result["rows"]
    }
    for other in others:
        change = overall["changes"][other]
        sections |= {
            f"What {other} has {kind}": _changes(samples, change[kind])
            for kind, samples in changed[other].items()
        }
    sections["Responses and their cost"] = _costs(result["runs"], result["figures"])
    if result["differing"]:
        sections["Settings that differ"] = _differing(names, result["differing"])
    links = (f'<a href="#{at}">{escape(name)}</a>' for at, name in enumerate(sections))
    body.append(f'<p class="soft">{" · ".join(links)}</p>\n')
    body += (
        f'<h2 id="{at}">{escape(name)}</h2>\n{section}'
        for at, (name, section) in enumerate(sections.items())
    )
    return document(title, "".join(body))


def _asked(asked: Mapping[str, Any], count: int) -> str:
    tasks = f", tasks {asked['tasks']}" if asked["tasks"] else ""
    several = f", {asked['n']} responses to each" if asked["n"] > 1 else ""
    said = (
        f"{count:,} questions of {asked['data']}, {asked['split']}{tasks}; format "
        f"{asked['format']}, evaluator {asked['evaluator']}{several}"
    )
    return f'<p class="soft">{escape(said)}</p>\n'


def _result(overall: Mapping[str, Any], first: str, other: str) -> str:
    cells, change = overall["cells"], overall["changes"][other]
    chance = ", which chance may explain" if direction(change) == "soft" else ""
    return (
        f"<b>{escape(other)}</b> is right on {percent(cells[other]['accuracy'])} of the questions, "
        f"{escape(first)} on {percent(cells[first]['accuracy'])}: {points(change)}{chance}. "
        f"{change['fixed']:,} questions fixed, {change['broken']:,} broken."
    )


def _figures(cells: Mapping[str, Mapping], colors: Mapping[str, str]) -> str:
    items = "".join(
        f'<li class="card" style="border-top-color: {colors[name]}">'
        f"<b>{percent(cell['accuracy'])}</b><span>{escape(name)}<br>"
        f"95 %: {100 * cell['low']:.1f} – {100 * cell['high']:.1f}</span></li>"
        for name, cell in cells.items()
    )
    return f'<ul class="figures">{items}</ul>\n'


def _bars(groups: Mapping[str, Mapping], colors: Mapping[str, str]) -> str:
    """Bars of all runs for every name, and what changed."""
    lines = []
    for name, row in groups.items():
        bars = [(cell, colors[run]) for run, cell in row["cells"].items()]
        said = "".join(_change(run, change) for run, change in row["changes"].items())
        lines.append(bar_row(name.replace("_", " ").replace("/", " / "), bars, said))
    return f'<div class="card">{key(colors.items())}{scale()}{"".join(lines)}</div>\n'


def _change(run: str, change: Mapping[str, Any]) -> str:
    value, interval = signed(change)
    return (
        f'<small>{escape(run)}: <span class="{direction(change)}">{value}</span> ({interval}), '
        f"{change['fixed']} fixed, {change['broken']} broken</small>"
    )


def _changes(samples: Sequence[Mapping], count: int) -> str:
    if not count:
        return "<p>No question.</p>\n"
    return (
        f"<p>{len(samples)} of {count:,} questions, from all tasks in turn. Lines that the other "
        f"one does not have are marked.</p>\n{''.join(map(_sample, samples))}"
    )


def _sample(sample: Mapping[str, Any]) -> str:
    head, asked = question(sample)
    return (
        f'<article class="card sample">{head}<div>{asked}{side_by_side(sample["responses"])}'
        f"{solution(sample['record']['steps'])}</div></article>\n"
    )


def _costs(runs: Mapping[str, Mapping], figures: Mapping[str, Mapping[str, str]]) -> str:
    told = {name: {**runs[name], **figures[name]} for name in runs}
    fields = dict.fromkeys(field for of_run in told.values() for field in of_run)
    rows = {field: [of_run.get(field, "") for of_run in told.values()] for field in fields}
    return _table(list(runs), rows)


def _differing(names: Sequence[str], differing: Mapping[str, Sequence]) -> str:
    return f"<p>They may account for a part of the difference.</p>\n{_table(names, differing)}"


def _table(names: Sequence[str], rows: Mapping[str, Sequence[Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "".join(
        f"<tr><th>{escape(name)}</th>"
        f"{''.join(f'<td>{escape(str(value))}</td>' for value in values)}</tr>"
        for name, values in rows.items()
    )
    return f'<div class="scroll"><table><tr><th></th>{head}</tr>{body}</table></div>\n'
