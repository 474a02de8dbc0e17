"""One self-contained HTML page about a training run: no script, no font, nothing from outside.

`write_report(path, data)` takes
  title: str
  machine: str                    what it ran on, in words
  minutes: float                  wall-clock minutes of the whole run
  settings: {name: value}         both text
  stages: [(name, summary), ...]  in order, e.g. ("before", …), ("SFT", …); summary as of
                                  c2l_jax.scores.summarise, every stage on the same questions
  blind: summary                  as of c2l_jax.scores.blind
  loss: [{"step", "loss", "accuracy", "seconds"}, ...]
                                  accuracy: share of next tokens right, 0..1; seconds since start
  samples: [{"image": PNG bytes, "record": record, "responses": {stage name: judged}}, ...]
                                  record: game, task, qa_type, plot_level, question, options,
                                  answer, steps; judged: response, extracted (or None), correct
The last stage is the one the page shows; earlier ones are there to compare with.
"""

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #fff; --ink: #1d2329; --soft: #5d6873; --line: #dfe1e3;
  --track: #eeeff0;
  --stage-0: #a3adb8; --stage-1: #2867b2; --stage-2: #7a4cb0; --stage-3: #b0562b;
  --blind: #c9a54a; --right: #1d7a46; --wrong: #b5362c; --right-paper: #e9f4ed;
}
@media (prefers-color-scheme: dark) { :root {
  --paper: #14181c; --card: #1b2026; --ink: #e6e9ec; --soft: #9aa5b0; --line: #323a42;
  --track: #272e35; --stage-0: #6d7985; --stage-1: #6ba3e8; --stage-2: #b48ee6; --stage-3: #e39466;
  --blind: #c9a54a; --right: #6cc795; --wrong: #ec8479; --right-paper: #1d3227;
} }
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
main { max-width: 1120px; margin: 0 auto; padding: 40px 20px 72px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 21px; line-height: 1.3; margin: 56px 0 6px; }
h3 { font-size: 15px; margin: 22px 0 4px; }
p { margin: 0 0 12px; max-width: 70ch; }
.soft { color: var(--soft); font-size: 14px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 20px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
  margin: 28px 0 16px; padding: 0; list-style: none; }
.figures li { padding: 14px 16px; border-top-width: 4px; }
.figures b { display: block; font-size: 32px; line-height: 1.15; letter-spacing: -0.02em; }
.figures span { display: block; color: var(--soft); font-size: 13px; line-height: 1.4; }
details { margin-top: 12px; }
summary { cursor: pointer; color: var(--soft); font-size: 14px; }
dl { display: grid; grid-template-columns: minmax(80px, max-content) 1fr; gap: 2px 18px;
  font-size: 14px; margin: 8px 0 0; }
dt { color: var(--soft); } dd { margin: 0; }
.key { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 14px; margin: 10px 0 14px; }
.key i { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 7px; }
.task { display: grid; grid-template-columns: 190px 1fr; gap: 0 16px; padding: 9px 0;
  border-top: 1px solid var(--line); font-size: 14px; }
.task > div:first-child { line-height: 1.35; }
.task small { display: block; color: var(--soft); font-size: 12.5px; }
.bar { display: grid; grid-template-columns: 1fr 150px; gap: 12px; align-items: center;
  height: 19px; }
.bar svg { display: block; width: 100%; height: 13px; overflow: visible; }
.bar span { font-size: 13px; white-space: nowrap; }
.bar small { display: inline; margin-left: 5px; }
.scale { height: 16px; }
.scale svg { height: 14px; }
.scale text { font-size: 11.5px; fill: var(--soft); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
  gap: 16px; margin-top: 14px; }
.charts figure { margin: 0; padding: 14px 14px 8px; }
.charts figcaption { font-size: 14px; font-weight: 600; margin-bottom: 4px; }
.charts svg { display: block; width: 100%; height: auto; }
.charts text { font-size: 13.5px; fill: var(--soft); }
.grid { stroke: var(--line); }
.curve { fill: none; stroke: var(--stage-1); stroke-width: 1.8; stroke-linejoin: round; }
.sample { display: grid; grid-template-columns: minmax(0, 300px) minmax(0, 1fr); gap: 8px 26px;
  margin-top: 16px; }
.sample h3 { grid-column: 1 / -1; margin: 0; }
.sample h3 span { color: var(--soft); font-weight: 400; }
.sample img { width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px; }
.question { white-space: pre-wrap; font-size: 15px; }
ol { list-style: none; margin: 0 0 12px; padding: 0; font-size: 15px; display: flex;
  flex-wrap: wrap; gap: 4px 6px; }
ol li { padding: 1px 9px; border: 1px solid var(--line); border-radius: 4px; }
ol b { color: var(--soft); margin-right: 7px; font-weight: 600; }
ol .key-answer { border-color: var(--right); background: var(--right-paper); }
ol .key-answer b { color: var(--right); }
.verdict { font-size: 14px; margin: 0; }
.right { color: var(--right); font-weight: 600; } .wrong { color: var(--wrong); font-weight: 600; }
pre { margin: 4px 0 0; padding: 10px 14px; background: var(--track); border-radius: 4px;
  font: 13.5px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre-wrap; max-height: 420px; overflow: auto; }
@media (max-width: 640px) {
  main { padding: 24px 14px 48px; }
  h1 { font-size: 25px; } h2 { margin-top: 40px; }
  .card { padding: 14px; }
  .figures { grid-template-columns: 1fr 1fr; }
  .task, .sample { grid-template-columns: minmax(0, 1fr); }
  .bar { grid-template-columns: 1fr 142px; }
  .sample img { max-width: 300px; }
}
"""


def write_report(path: Path, data: Mapping[str, Any]) -> None:
    """Writes the page; `data` as the module's docstring says."""
    names = [name for name, _ in data["stages"]]
    body = [
        _headline(data),
        _accuracy_section(data["stages"], data["blind"]),
        _training_section(data["loss"]),
        _samples_section(data["samples"], names),
    ]
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(data['title'])}</title><style>{_STYLE}</style></head>\n"
        f"<body><main>\n{''.join(body)}</main></body></html>\n"
    )
    Path(path).write_text(page, encoding="utf-8")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _color(stage: int) -> str:
    return f"var(--stage-{stage % 4})"


# ---------------------------------------------------------------------------------------- headline


def _headline(data: Mapping[str, Any]) -> str:
    stages = enumerate(data["stages"])
    overall = [(name, summary["overall"], _color(i)) for i, (name, summary) in stages]
    overall.append(("without the picture", data["blind"]["overall"], "var(--blind)"))
    figures = "".join(
        f'<li class="card" style="border-top-color: {color}"><b>{_percent(cell["accuracy"])}</b>'
        f"<span>{escape(name)}<br>{cell['correct']} of {cell['count']} right, "
        f"{cell['unanswered']} unanswered</span></li>"
        for name, cell, color in overall
    )
    settings = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        for name, value in data["settings"].items()
    )
    return (
        f"<h1>{escape(data['title'])}</h1>\n"
        f'<p class="soft">{escape(data["machine"])} · {data["minutes"]:.1f} minutes</p>\n'
        f'<ul class="figures">{figures}</ul>\n'
        '<p class="soft">Share of test questions answered right. “Without the picture” gives each '
        "task’s most frequent answer every time.</p>\n"
        f"<details><summary>Settings</summary><dl>{settings}</dl></details>\n"
    )


# ------------------------------------------------------------------------------- accuracy by task


def _accuracy_section(stages: Sequence[tuple[str, Mapping]], blind: Mapping[str, Any]) -> str:
    rows = [(name, summary, _color(i)) for i, (name, summary) in enumerate(stages)]
    rows.append(("without the picture", blind, "var(--blind)"))
    key = "".join(
        f'<span><i style="background: {color}"></i>{escape(name)}</span>' for name, _, color in rows
    )
    games = {}
    for task in stages[-1][1]["by_task"]:
        games.setdefault(task.split("/")[0], []).append(task)
    blocks = []
    for game, tasks in games.items():
        bars = [_bars("all tasks", [(s["by_game"][game], color) for _, s, color in rows])]
        for task in tasks:
            bars.append(_bars(task, [(s["by_task"][task], color) for _, s, color in rows]))
        blocks.append(f"<h3>{escape(game)}</h3>{''.join(bars)}\n")
    return (
        "<h2>Accuracy by task</h2>\n"
        '<p class="soft">The thin line on a bar is the 95 % interval, also given in brackets.</p>\n'
        f'<div class="card"><div class="key">{key}</div>{_scale()}{"".join(blocks)}</div>\n'
    )


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


# ----------------------------------------------------------------------------------------- curves


def _training_section(rows: Sequence[Mapping[str, float]]) -> str:
    steps = [row["step"] for row in rows]
    last = rows[-1]
    losses = [row["loss"] for row in rows]
    loss = _chart("Loss (nats a token)", steps, losses, max(losses), lambda y: f"{y:g}")
    shares = [row["accuracy"] for row in rows]
    accuracy = _chart("Next-token accuracy", steps, shares, 1.0, lambda y: f"{100 * y:g} %")
    return (
        "<h2>Training</h2>\n"
        f'<p class="soft">{last["step"]} steps in {last["seconds"] / 60:.1f} minutes; at the end '
        f"loss {last['loss']:.3f}, next-token accuracy {_percent(last['accuracy'])}.</p>\n"
        f'<div class="charts">{loss}{accuracy}</div>\n'
    )


def _chart(
    title: str,
    steps: Sequence[int],
    values: Sequence[float],
    highest: float,
    label: Callable[[float], str],
) -> str:
    """A line chart over training steps as inline SVG; the axis reaches up to `highest`."""
    width, height, left, right, top, bottom = 500, 280, 48, 20, 10, 42
    x_ticks, y_ticks = _ticks(0, max(steps)), _ticks(min(0, *values), highest)
    x_end, y_start, y_end = max(*steps, 1), y_ticks[0], max(y_ticks[-1], highest)

    def across(step):
        return left + (width - left - right) * step / x_end

    def down(value):
        return top + (height - top - bottom) * (y_end - value) / (y_end - y_start)

    parts = []
    for y in y_ticks:
        parts.append(
            f'<line class="grid" x1="{left}" x2="{width - right}" y1="{down(y):.1f}" '
            f'y2="{down(y):.1f}"/><text x="{left - 7}" y="{down(y) + 4:.1f}" '
            f'text-anchor="end">{label(y)}</text>'
        )
    for x in x_ticks:
        parts.append(
            f'<line class="grid" x1="{across(x):.1f}" x2="{across(x):.1f}" y1="{height - bottom}" '
            f'y2="{height - bottom + 5}"/><text x="{across(x):.1f}" y="{height - bottom + 19}" '
            f'text-anchor="middle">{x:g}</text>'
        )
    points = " ".join(f"{across(x):.1f},{down(y):.1f}" for x, y in zip(steps, values, strict=True))
    return (
        f'<figure class="card"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f'{"".join(parts)}<text x="{(left + width - right) / 2}" y="{height - 5}" '
        f'text-anchor="middle">step</text><polyline class="curve" points="{points}"/></svg>'
        "</figure>"
    )


def _ticks(low: float, high: float) -> list[float]:
    """Three to eight round numbers, from at or under `low` to at or under `high`."""
    span = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 5))
    size = next(size * power for size in (1, 2, 5, 10) if span / (size * power) <= 7)
    first, last = math.floor(low / size), math.floor((low + span) / size + 1e-9)
    return [round(i * size, 12) for i in range(first, last + 1)]


# ---------------------------------------------------------------------------------------- samples


def _samples_section(samples: Sequence[Mapping[str, Any]], stages: Sequence[str]) -> str:
    cards = "".join(_sample(sample, stages) for sample in samples)
    return (
        "<h2>Samples</h2>\n"
        f'<p class="soft">What the model wrote at the stage “{escape(stages[-1])}”, word for word. '
        f"The right option is marked.</p>\n{cards}"
    )


def _sample(sample: Mapping[str, Any], stages: Sequence[str]) -> str:
    record = sample["record"]
    picture = base64.b64encode(sample["image"]).decode()
    about = f"{record['qa_type']} · {record['plot_level']}"
    *earlier, last = stages
    shown = sample["responses"][last]
    folded = "".join(
        f"<details><summary>{escape(name)}: {_verdict(sample['responses'][name])}</summary>"
        f"<pre>{escape(sample['responses'][name]['response'])}</pre></details>"
        for name in reversed(earlier)
    )
    reference = escape("\n".join(record["steps"]))
    return (
        f'<article class="card sample"><h3>{escape(record["game"])} / '
        f"{escape(record['task'].replace('_', ' '))} <span>{escape(about)}</span></h3>"
        f'<div><img src="data:image/png;base64,{picture}" alt="picture of the question"></div>'
        f'<div><p class="question">{escape(record["question"])}</p>{_answer_key(record)}'
        f'<p class="verdict">{escape(last)}: {_verdict(shown)}</p>'
        f"<pre>{escape(shown['response'])}</pre>{folded}"
        f"<details><summary>solution from the game’s code</summary><pre>{reference}</pre></details>"
        "</div></article>\n"
    )


def _verdict(judged: Mapping[str, Any]) -> str:
    if judged["extracted"] is None:
        return '<span class="wrong">✗ no answer</span>'
    color, mark = ("right", "✓ right") if judged["correct"] else ("wrong", "✗ wrong")
    return f'<span class="{color}">{mark}</span>, answers “{escape(judged["extracted"])}”'


def _answer_key(record: Mapping[str, Any]) -> str:
    if not record["options"]:
        return f'<ol><li class="key-answer"><b>✓</b>{escape(record["answer"])}</li></ol>'
    items = []
    for index, option in enumerate(record["options"]):
        letter = chr(ord("A") + index)
        is_right = letter == record["answer"]
        mark, kind = ("✓ ", ' class="key-answer"') if is_right else ("", "")
        items.append(f"<li{kind}><b>{mark}{letter}</b>{escape(option)}</li>")
    return f"<ol>{''.join(items)}</ol>"
