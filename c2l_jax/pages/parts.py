"""What sections of several pages share."""

import base64
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from c2l_jax.answers import was_read
from records.schema import pictures_of, task_name

_ANSWER = 80  # characters of one that are shown
COLORS = tuple(f"var(--stage-{number})" for number in (0, 1, 3, 2, 4, 5))


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def signed(difference: Mapping[str, Any]) -> tuple[str, str]:
    """(difference, interval) of a paired difference, in points."""
    value, low, high = (
        f"{100 * difference[name]:+.1f}".replace("-", "−") for name in ("difference", "low", "high")
    )
    return value, f"{low} to {high}"


def direction(difference: Mapping[str, Any]) -> str:
    """Its class: right or wrong for a change that chance doesn't explain, else soft."""
    if difference["low"] > 0:
        return "right"
    return "wrong" if difference["high"] < 0 else "soft"


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
    """(heading and pictures, question and options) of a sample: {"record", "image" or "images"}.

    A question stands in its last paragraph; those before, mostly rules, are folded.
    """
    record = sample["record"]
    name = task_name(record).replace("/", " / ").replace("_", " ")
    about = " · ".join(filter(None, (record["qa_type"], record["plot_level"])))
    head = (
        f"<h3>{escape(name)} <span>{escape(about)}</span></h3>"
        f"<div>{''.join(map(_picture, pictures_of(sample)))}</div>"
    )
    before, _, asked = record["question"].strip().rpartition("\n\n")
    folded = f"<details><summary>what is said before</summary><p>{escape(before)}</p></details>"
    shown = f'{folded if before else ""}<p class="question">{escape(asked)}</p>'
    return head, shown + _answer_key(record)


def _picture(file: bytes) -> str:
    kind = "png" if file.startswith(b"\x89PNG") else "jpeg"
    data = base64.b64encode(file).decode()
    return f'<img src="data:image/{kind};base64,{data}" alt="picture of the question">'


def verdict(judged: Mapping[str, Any]) -> str:
    if judged["extracted"] is None:
        why = f", {escape(judged['failure'])}" if judged.get("failure") else ""
        return f'<span class="wrong">✗ no answer</span>{why}'
    answer = escape(textwrap.shorten(judged["extracted"], _ANSWER, placeholder=" …"))
    if not was_read(judged):
        return f'<span class="wrong">✗ not read</span>, says “{answer}”'
    color, mark = ("right", "✓ right") if judged["correct"] else ("wrong", "✗ wrong")
    return f'<span class="{color}">{mark}</span>, answers “{answer}”'


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


def side_by_side(responses: Mapping[str, Mapping[str, Any]]) -> str:
    """What several models responded to one question, by their names.

    Lines that no other of them has are marked.
    """
    chains = ""
    for name, judged in responses.items():
        others = {
            line
            for other, it in responses.items()
            if other != name
            for line in it["text"].splitlines()
        }
        chains += (
            f'<div><p class="verdict">{escape(name)}: {verdict(judged)}</p>'
            f"<pre>{_marked(judged['text'], others)}</pre></div>"
        )
    return f'<div class="chains">{chains}</div>'


def _marked(text: str, others: set[str]) -> str:
    """The text, with its lines that are not among `others` marked."""
    return "\n".join(
        escape(line) if line in others else f"<mark>{escape(line)}</mark>"
        for line in text.splitlines()
    )


def solution(steps: Sequence[str]) -> str:
    """The data set's own chain, folded."""
    text = escape("\n".join(steps))
    return f"<details><summary>solution from the data set</summary><pre>{text}</pre></details>"
