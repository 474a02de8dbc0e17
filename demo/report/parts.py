"""What several sections share."""

import base64
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from c2l_jax.answers import was_read

COLORS = ("var(--stage-0)", "var(--stage-1)", "var(--stage-3)", "var(--stage-2)")


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def signed(difference: Mapping[str, Any]) -> tuple[str, str]:
    """(difference, interval) of a paired difference, in points."""
    value, low, high = (
        f"{100 * difference[name]:+.1f}".replace("-", "−") for name in ("difference", "low", "high")
    )
    return value, f"{low} to {high}"


def points(difference: Mapping[str, Any]) -> str:
    """A paired difference in words."""
    value, interval = signed(difference)
    return f"{value} points (95 % interval {interval})"


def key(entries: Iterable[tuple[str, str]]) -> str:
    """Which colour is what."""
    spans = (
        f'<span><i style="background: {color}"></i>{escape(name)}</span>' for name, color in entries
    )
    return f'<div class="key">{"".join(spans)}</div>'


def question(sample: Mapping[str, Any]) -> tuple[str, str]:
    """(heading and picture, question and options) of a sample's record."""
    record = sample["record"]
    picture = base64.b64encode(sample["image"]).decode()
    about = f"{record['qa_type']} · {record['plot_level']}"
    head = (
        f"<h3>{escape(record['game'])} / {escape(record['task'].replace('_', ' '))} "
        f"<span>{escape(about)}</span></h3>"
        f'<div><img src="data:image/png;base64,{picture}" alt="picture of the question"></div>'
    )
    return head, f'<p class="question">{escape(record["question"])}</p>{_answer_key(record)}'


def verdict(judged: Mapping[str, Any]) -> str:
    if judged["extracted"] is None:
        return '<span class="wrong">✗ no answer</span>'
    if not was_read(judged):
        return f'<span class="wrong">✗ not read</span>, says “{escape(judged["extracted"])}”'
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
