"""Line charts as inline SVG: training, and accuracy over the number of answers."""

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from c2l_jax.pages.parts import key, percent

METHODS = {  # name in rerank.json -> (what it is, colour)
    "single": ("one answer", "var(--stage-0)"),
    "majority": ("majority vote", "var(--stage-1)"),
    "best": ("best of N, by DPO against SFT", "var(--stage-3)"),
    "weighted": ("weighted vote, by DPO against SFT", "var(--stage-2)"),
    "oracle": ("any answer right (a bound)", "var(--blind)"),
}


@dataclasses.dataclass(frozen=True)
class Line:
    xs: Sequence[float]
    ys: Sequence[float]
    color: str = "var(--stage-1)"
    held_out: bool = False


@dataclasses.dataclass(frozen=True)
class Axis:
    """Range of an axis, where it has marks, and what these say."""

    start: float
    end: float
    marks: Sequence[float]
    label: Callable[[float], str] = "{:g}".format


def values_axis(lines: Sequence[Line], label: Callable[[float], str], *include: float) -> Axis:
    """Over all values of the lines and `include`."""
    values = [y for line in lines for y in line.ys] + list(include)
    marks = ticks(min(values), max(values))
    return Axis(min(marks[0], *values), max(marks[-1], *values), marks, label)


def steps_axis(lines: Sequence[Line]) -> Axis:
    last = max((x for line in lines for x in line.xs), default=0)
    return Axis(0, max(last, 1), ticks(0, last))


# -------------------------------------------------------------------------------------- sections


def training_section(rows: Sequence[Mapping[str, Any]]) -> str:
    """Loss and next-token accuracy of SFT."""
    steps, last = [row["step"] for row in rows], rows[-1]
    loss = [Line(steps, [row["loss"] for row in rows])]
    accuracy = [Line(steps, [row["accuracy"] for row in rows])]
    bounds = {0: rows[0]["stage"]}
    bounds |= {a["step"]: b["stage"] for a, b in itertools.pairwise(rows)
               if a["stage"] != b["stage"]}  # fmt: skip
    charts = chart("Loss (nats a token)", steps_axis(loss), values_axis(loss, "{:g}".format, 0),
                   loss, bounds)  # fmt: skip
    share = values_axis(accuracy, lambda y: f"{100 * y:g} %", 0, 1)
    charts += chart("Next-token accuracy", steps_axis(accuracy), share, accuracy, bounds)
    names = " then ".join(f"“{escape(name)}”" for name in dict.fromkeys(r["stage"] for r in rows))
    return (
        "<h2>Training on solutions (SFT)</h2>\n"
        f"<p>The model starts from random weights and imitates what the game’s code writes: {names}"
        ". A sudden fall of the loss is where it begins to see the picture.</p>\n"
        f'<p class="soft">{last["step"]} steps in {last["seconds"] / 60:.1f} minutes; at the end '
        f"loss {last['loss']:.3f}, next-token accuracy {percent(last['accuracy'])}.</p>\n"
        f'<div class="charts">{charts}</div>\n'
    )


def preference_training(rows: Sequence[Mapping[str, float]]) -> str:
    """Loss, margin and accuracy of DPO, on training and on held-out pairs."""
    charts = _charts(
        rows,
        ("Loss", "loss", (math.log(2),), "{:g}".format),
        ("Margin of rewards", "rewards/margin", (0,), "{:g}".format),
        ("Pairs in the right order", "rewards/accuracy", (0.5, 1), _percent),
    )
    return (
        "<h3>Training on preferences</h3>\n"
        "<p>At the start the model is its own reference and the loss is log 2 = 0.693. A reward is "
        "how much likelier an answer has become; the margin is that of the right answer less that "
        "of the wrong one.</p>\n"
        '<p class="soft">Full lines: pairs of the training step. Broken lines: pairs never '
        f"trained on.</p>\n{charts}"
    )


def group_training(rows: Sequence[Mapping[str, float]]) -> str:
    """Reward, length and groups that teach nothing, over the steps of GRPO."""
    charts = _charts(
        rows,
        ("Right answers among those sampled", "reward", (0, 1), _percent),
        ("Spread of rewards in a group", "reward_std", (0,), "{:g}".format),
        ("Groups all right or all wrong", "groups/without_variance", (0, 1), _percent),
    )
    return f"<h3>Training on groups</h3>\n{charts}"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _charts(rows: Sequence[Mapping[str, float]], *wanted: tuple) -> str:
    """A chart of each (title, name in metrics.jsonl, values to include, label)."""
    charts = ""
    for title, name, include, label in wanted:
        lines = []
        for prefix in ("", "eval/"):
            found = [row for row in rows if prefix + name in row]
            if found:
                lines.append(Line([r["step"] for r in found], [r[prefix + name] for r in found],
                                  "var(--stage-2)", bool(prefix)))  # fmt: skip
        charts += chart(title, steps_axis(lines), values_axis(lines, label, *include), lines)
    return f'<div class="charts three">{charts}</div>\n'


def rerank_section(rerank: Mapping[str, Any]) -> str:
    """How often the answer chosen from N is right."""
    curves, lines = rerank["curves"], []
    sizes = [point["n"] for point in curves["single"]]
    for name, (_, color) in METHODS.items():
        lines.append(Line(range(len(sizes)), [p["accuracy"] for p in curves[name]], color))
    across = Axis(0, max(len(sizes) - 1, 1), range(len(sizes)), lambda i: str(sizes[int(i)]))
    around = [y + margin for line in lines for y in line.ys for margin in (-0.02, 0.02)]
    up = values_axis(lines, lambda y: f"{100 * y:g} %", max(0, min(around)), min(1, max(around)))
    picture = chart("Right answers, over the number N of answers", across, up, lines, unit="N")
    head = "".join(f"<th>N = {size}</th>" for size in sizes)
    body = "".join(
        f"<tr><th>{escape(what)}</th>"
        + "".join(
            f"<td>{100 * p['accuracy']:.1f}<small>{100 * p['low']:.1f} – {100 * p['high']:.1f}"
            "</small></td>"
            for p in curves[name]
        )
        + "</tr>"
        for name, (what, _) in METHODS.items()
    )
    return (
        "<h2>Choosing among several answers</h2>\n"
        "<p>The SFT model answers each question several times, at random. A vote takes the most "
        "frequent answer. The DPO model also serves as a judge: the more it has come to like an "
        f"answer, compared with the SFT model, the more that answer counts.</p>\n"
        f'<p class="soft">{rerank["questions"]} held-out questions.</p>\n'
        f"{key(METHODS.values())}"
        f'<div class="charts">{picture}<figure class="card scroll">'
        "<figcaption>Per cent right, with 95 % intervals</figcaption>"
        f"<table><tr><th></th>{head}</tr>{body}</table></figure>"
        "</div>\n"
    )


# ----------------------------------------------------------------------------------------- chart

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 500, 280, 58, 20, 22, 42


def chart(
    title: str,
    across: Axis,
    up: Axis,
    lines: Sequence[Line],
    bounds: Mapping[float, str] | None = None,
    unit: str = "step",
) -> str:
    """A line chart; `bounds` says what begins at some places of the horizontal axis."""

    def x_of(value):
        share = (value - across.start) / (across.end - across.start)
        return LEFT + (WIDTH - LEFT - RIGHT) * share

    def y_of(value):
        return TOP + (HEIGHT - TOP - BOTTOM) * (up.end - value) / ((up.end - up.start) or 1)

    floor, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = [
        f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y_of(y):.1f}" y2="{y_of(y):.1f}"/>'
        f'<text x="{LEFT - 7}" y="{y_of(y) + 4:.1f}" text-anchor="end">{up.label(y)}</text>'
        for y in up.marks
    ]
    parts += [
        f'<line class="grid" x1="{x_of(x):.1f}" x2="{x_of(x):.1f}" y1="{floor}" y2="{floor + 5}"/>'
        f'<text x="{x_of(x):.1f}" y="{floor + 19}" text-anchor="middle">{across.label(x)}</text>'
        for x in across.marks
    ]
    parts += [
        f'<line class="boundary" x1="{x_of(x):.1f}" x2="{x_of(x):.1f}" y1="{TOP}" y2="{floor}"/>'
        f'<text x="{x_of(x):.1f}" y="{TOP - 7}">{escape(name)}</text>'
        for x, name in (bounds or {}).items()
    ]
    for line in lines:
        at = [(x_of(x), y_of(y)) for x, y in zip(line.xs, line.ys, strict=True)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        kind = "curve held-out" if line.held_out else "curve"
        parts.append(f'<polyline class="{kind}" style="stroke: {line.color}" points="{points}"/>')
        if len(at) <= 12:
            parts += [
                f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3" style="fill: {line.color}"/>'
                for x, y in at
            ]
    return (
        f'<figure class="card"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'{"".join(parts)}<text x="{(LEFT + right) / 2}" y="{HEIGHT - 5}" '
        f'text-anchor="middle">{unit}</text></svg></figure>'
    )


def ticks(low: float, high: float) -> list[float]:
    """Three to eight round numbers, from at or under `low` to at or under `high`."""
    span = (high - low) or 1.0
    power = 10.0 ** math.floor(math.log10(span / 5))
    size = next(size * power for size in (1, 2, 5, 10) if span / (size * power) <= 7)
    first, last = math.floor(low / size + 1e-9), math.floor((low + span) / size + 1e-9)
    return [round(i * size, 12) for i in range(first, last + 1)]
