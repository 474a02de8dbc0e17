"""What is wrong with what a model wrote, and how that is told to it."""

import collections
import dataclasses
import json
from collections.abc import Iterable, Iterator

from records.errors import printable

SHOWN = 5
GAME, ORACLE, BOTH, PLAN = "game", "oracle", "both", "plan"
MOST = 1500  # characters of anything that is quoted


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing wrong.

    check: which one found it. task: the task's name, or "". who: has to mend it, GAME, ORACLE or
    BOTH. reason: what is and what should be, on one line. mend: how. record: the question that
    shows it, by name of its part. seen: what only people are told, such as who said what.
    """

    check: str
    task: str
    who: str
    reason: str
    mend: str
    record: dict | None = None
    seen: str = ""

    @property
    def kind(self) -> tuple[str, str]:
        return self.check, self.task


def of_different_kinds(faults: Iterable[Fault], most: int = SHOWN) -> list[Fault]:
    """The first of each check and task, at most so many."""
    first = {}
    for fault in faults:
        first.setdefault(fault.kind, fault)
    return list(first.values())[:most]


def for_author(faults: Iterable[Fault], author: str) -> list[Fault]:
    return [fault for fault in faults if fault.who in (author, BOTH)]


def told(faults: list[Fault]) -> str:
    """Faults in words for a model: each with the record that shows it and how to mend it."""
    lines = ("\n".join(_lines(one)) for one in faults)
    return "\n\n".join(f"{number}. {words}" for number, words in enumerate(lines, 1))


def _lines(fault: Fault) -> Iterator[str]:
    where = f" (task {fault.task})" if fault.task else ""
    yield f"Check: {fault.check}{where}. {printable(fault.reason, MOST)}"
    for part, value in (fault.record or {}).items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield f"   {part}: {printable(text, MOST)}"
    yield f"   To mend: {fault.mend}"


def counted(faults: Iterable[Fault]) -> str:
    """How many faults of each check, in a line."""
    counts = collections.Counter(fault.check for fault in faults)
    return ", ".join(f"{check} {count}" for check, count in counts.items())
