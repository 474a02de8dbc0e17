"""What became of a source, on one page: the turns, what each check caught, and the questions."""

import collections
import json
from collections.abc import Iterable
from html import escape

from synth import gallery
from synth.adapt.checks import CHECKS
from synth.adapt.faults import Fault, of_different_kinds
from synth.adapt.store import Turn
from synth.engine import About

_STYLE = """
table { border-collapse: collapse; width: 100%; font-size: 14px; margin: 0 0 12px; }
th, td { text-align: left; vertical-align: top; padding: 5px 12px 5px 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; } td.number { text-align: right; }
.verdict { font-size: 17px; } details { margin: 2px 0; } main pre { max-height: 360px;
  overflow: auto; }
"""
TRUST = (
    "Passing means that a program of rules answered these questions, that a second one agreed, and "
    "that nothing could be guessed without the picture. It does not mean that the rules are those "
    "of the source, nor that the files may be trusted: read them before you import them, or use "
    "them with --locked."
)


def page(told: dict, turns: list[Turn], about: About | None, records: Iterable[dict]) -> str:
    """told: what adapt.json holds; records: samples of the best version, with pictures."""
    title = escape(f"{told['source']['name']}: {told['verdict']}")
    parts = [_head(told), _caught(turns), _turns(turns)]
    if told["plan"]:
        parts.append(f"<h2>Plan</h2>{_folded('as JSON', _json(told['plan']))}")
    if about:
        parts.append(gallery.section(about, list(records)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{gallery.STYLE}{_STYLE}</style></head>\n<body>\n"
        f"<header><h1>{title}</h1></header>\n<main>\n{''.join(parts)}</main><footer></footer>\n"
        "</body></html>\n"
    )


def _head(told: dict) -> str:
    source, models = told["source"], ", ".join(told["models"]) or "no reply yet"
    rows = {
        "source": f"{source['name']} (files: {len(source['characters'])}), sha256 "
        f"{source['sha256'][:16]}",
        "licence": source["licence"] or "no line found that speaks of one: ask the author",
        "models": models,
        "turns": f"{len(told['turns'])}, {told['tokens']:,} tokens",
        "sandbox": told["sandbox"],
        "best version": told["best"] or "none",
    }
    rows |= {f"dropped: {task}": why for task, why in told["dropped"].items()}
    table = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows.items())
    return f'<table>{table}</table><p class="soft">{escape(TRUST)}</p>\n'


def _caught(turns: list[Turn]) -> str:
    """In how many turns each check found something, and what it found first."""
    found = collections.defaultdict(list)
    for turn in turns:
        for check in dict.fromkeys(fault.check for fault in turn.faults or ()):
            found[check].append(turn)
    before = [check for check in found if check not in CHECKS]
    last = next((turn.report for turn in reversed(turns) if turn.report), None)
    rows = []
    for check in (*before, *CHECKS):
        first = next((f for t in found[check][:1] for f in t.faults if f.check == check), None)
        cells = [check, len(found[check]) or "", first.reason if first else ""]
        cells.append("passed" if last and check in last.passed else "")
        rows.append(_row(cells))
    counts = ", ".join(f"{name} {count}" for name, count in (last.counts if last else {}).items())
    head = "<tr><th>check</th><th>turns</th><th>what it caught first</th><th>at last</th></tr>"
    looked = f'<p class="soft">Looked at last: {escape(counts)}.</p>' if counts else ""
    return f"<h2>What was caught</h2><table>{head}{''.join(rows)}</table>{looked}\n"


def _turns(turns: list[Turn]) -> str:
    head = "<tr><th>turn</th><th>asked for</th><th>tokens</th><th>what was found</th></tr>"
    rows = []
    for turn in turns:
        faults = turn.faults or []
        found = "".join(_fault(fault) for fault in of_different_kinds(faults, 50))
        cells = f'<td class="number">{turn.number}</td><td>{escape(turn.who)}</td>'
        cells += f'<td class="number">{turn.tokens:,}</td><td>{found or _passed(turn)}</td>'
        rows.append(f"<tr>{cells}</tr>")
    return f"<h2>Turns</h2><table>{head}{''.join(rows)}</table>\n"


def _passed(turn: Turn) -> str:
    if turn.report is None:
        return "nothing"
    return escape(f"nothing; passed {', '.join(turn.report.passed)}")


def _fault(fault: Fault) -> str:
    where = f" {escape(fault.task)}:" if fault.task else ""
    told = f"<b>{escape(fault.check)}</b>{where} {escape(fault.reason)}"
    if not fault.record and not fault.seen:
        return f"<div>{told}</div>"
    record = {part: value for part, value in (fault.record or {}).items()}
    record |= {"seen": fault.seen} if fault.seen else {}
    return f"<details><summary>{told}</summary><pre>{escape(_json(record))}</pre></details>"


def _row(cells: list) -> str:
    return f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>"


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>\n"


def _json(value) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
