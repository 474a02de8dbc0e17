"""What the audit found, as a page of documentation in Markdown."""

from synth.audit import AMBIGUOUS, DUPLICATE, WRONG, Fault, shown

_COLUMNS = {
    "game": "{game}",
    "task": "{task}",
    "records": "{records:,}",
    WRONG: "{wrong}",
    AMBIGUOUS: "{ambiguous}",
    "duplicates": f"{{{DUPLICATE}}}",
    "best blind reader": "{blind reader}",
    "right %": "{blind percent:.1f}",
    "bound %": "{bound percent:.1f}",
    "oracle %": "{oracle percent}",
    "steps": "{median steps:g}",
    "words": "{median words:g}",
}
_TEXTS = ("game", "task", "best blind reader")
_HEAD = """# Audit

`python -m synth audit DATA --table FILE.md` wrote this page.

{records:,} records, {games} games, {tasks} tasks; {verdict}.

- wrong: records that differ when solved, worded and drawn again from their state
- ambiguous: more than one option is right; duplicates: an option is listed twice
- best blind reader: of those that do not see the picture the one that comes closest to the bound;
  of few records it may be right more often by chance, which is no failure
- oracle %: how often the independent solver agrees, of the records that it was asked
- steps, words: the median length of the chain of reasoning
"""


def audited(rows: list[dict], faults: list[Fault]) -> str:
    """A line for each task; rows, faults: of `audit.audit`."""
    lines = [
        _HEAD.format(
            records=sum(row["records"] for row in rows),
            games=len({row["game"] for row in rows}),
            tasks=len(rows),
            verdict=f"{len(faults):,} failures" if faults else "no failure",
        )
    ]
    lines.append(_line(_COLUMNS))
    lines.append(_line("---" if name in _TEXTS else "---:" for name in _COLUMNS))
    lines += [_line(form.format(**_in_percent(row)) for form in _COLUMNS.values()) for row in rows]
    if faults:
        lines.append("\nFailures, the first of each kind:\n")
        lines += [f"- {fault.where}: {fault.kind}: {fault.reason}" for fault in shown(faults)]
    return "\n".join(lines) + "\n"


def _line(cells) -> str:
    return f"| {' | '.join(str(cell).replace('|', '&#124;') for cell in cells)} |"


def _in_percent(row: dict) -> dict:
    asked = row["oracle asked"]
    agrees = f"{100 * row['oracle agrees'] / asked:.1f}" if asked else "not asked"
    return row | {
        "blind percent": 100 * row["blind accuracy"],
        "bound percent": 100 * row["blind bound"],
        "oracle percent": agrees,
    }
