"""Rows side by side, to be checked by hand: what the game's code wrote, and what the model did."""

import base64
from collections.abc import Iterable, Mapping
from html import escape

from records.schema import pictures_of, task_name

_STYLE = """
body { margin: 0 auto; max-width: 1200px; padding: 20px; font: 15px/1.5 system-ui, sans-serif; }
article { border-top: 1px solid #ccc; padding: 16px 0; display: grid; gap: 8px 24px;
  grid-template-columns: 200px 1fr 1fr; }
h2 { font-size: 16px; margin: 0; grid-column: 1 / -1; } h3 { font-size: 13px; margin: 0 0 4px; }
img { width: 200px; } p { margin: 0 0 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
.kept { color: #1d7a46; } .rejected, .failed { color: #a33; }
"""


def page(rows: Iterable[tuple[Mapping, str | None, object]], model: str) -> str:
    """A self-contained HTML page of (record, the model's text, `run.Outcome`)."""
    cards = "".join(_card(*row) for row in rows)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Chains side by side'
        f"</title><style>{_STYLE}</style></head><body><h1>Chains side by side</h1>"
        f"<p>Left the steps of the game's code, right what {escape(model)} made of them.</p>\n"
        f"{cards}</body></html>\n"
    )


def _card(record: Mapping, text: str | None, outcome) -> str:
    verdict = ": ".join(filter(None, (outcome.status, outcome.kind, outcome.reason)))
    pictures = "".join(
        f'<img alt="" src="data:image;base64,{base64.b64encode(picture).decode()}">'
        for picture in pictures_of(record)
    )
    options = "".join(f"<p>{escape(option)}</p>" for option in record["options"])
    asked = escape(record["question"].rsplit("\n\n", 1)[-1])
    return (
        f"<article><h2>{escape(task_name(record))}, {escape(record['id'])}: "
        f'<span class="{outcome.status}">{escape(verdict)}</span></h2>'
        f"<div>{pictures}<p>{asked}</p>{options}<p>Answer: {escape(record['answer'])}</p></div>"
        f"<div><h3>steps</h3>{_lines(record['steps'])}</div>"
        f"<div><h3>reply</h3>{_lines((text or '').split(chr(10)))}</div></article>\n"
    )


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines)
