"""From judged responses to accuracies with intervals, and to a table for the terminal.

A judged response is a mapping with `id, game, task, qa_type, qa_level, plot_level, answer, options`
of its record, perhaps its `category` and `split_kind`, `extracted` (text or None), `correct` and
`read` (bool; see c2l_jax.answers) and perhaps `score`, as c2l_jax.responses.judged gives them. A
cell is a mapping with `accuracy, correct, count, unanswered, unread, low, high`; accuracies and
interval ends are in 0..1. `accuracy` is the mean score, `correct` how many are wholly right,
`unanswered` the number of responses without an answer (`extracted` is None), `unread` the share, in
0..1, of those whose answer could not be read with certainty, unanswered ones included: neither is
correct.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from c2l_jax.answers import matches, score_of, was_read
from records.errors import UserError
from records.schema import answer_text, task_name

_Z = 1.959963984540054  # 97.5 % quantile of the normal law: two-sided 95 %
_LEVELS = {"Easy": 0, "Medium": 1, "Hard": 2}
GROUPS = (  # of cells in a summary
    "by_game",
    "by_task",
    "by_domain",
    "by_category",
    "by_qa_type",
    "by_level",
    "by_qa_type_and_level",
)


def wilson(correct: float, count: int) -> tuple[float, float]:
    """The 95 % Wilson score interval (Wilson 1927) of a proportion; `count` must be positive.

    Here and not SciPy's, which takes whole numbers only: a share of the samples of a question is
    right, so that `correct` may be a fraction.
    """
    if count <= 0:
        raise ValueError("an interval needs at least one observation")
    share = correct / count
    scale = 1 + _Z**2 / count
    middle = (share + _Z**2 / (2 * count)) / scale
    half = _Z / scale * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    # At the ends the formula gives 0 and 1 exactly; rounding must not push them past the share.
    return (middle - half if correct else 0.0), (middle + half if correct < count else 1.0)


def summarise(judged: Sequence[Mapping[str, Any]], n: int = 1) -> dict[str, Any]:
    """Cells `overall` and, by what records tell, those of GROUPS: `by_game`, `by_task`
    ("game/task"), `by_domain` (in or out), `by_category` ("<domain> x <category>"), `by_qa_type`,
    `by_level` ("<qa_level> x <plot_level>") and `by_qa_type_and_level` ("<qa_type> x
    <plot_level>"). What a record does not tell puts it in no cell.

    n: responses a question, each of which counts for 1/n. Intervals take questions, not responses,
    for independent, and are then wider than they need be.

    Raises UserError when there is none.
    """
    if not judged:
        raise UserError("there is no judged response to summarise; give at least one record")
    cells = {
        group: {name: _cell(rows, n) for name, rows in named.items()}
        for group, named in grouped(judged).items()
    }
    return {"overall": _cell(judged, n), **cells}


def grouped(judged: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list]]:
    """GROUPS with the rows themselves in place of cells; a row is whatever tells of its record
    what a judged response does."""
    keys = {
        "by_game": lambda each: each["game"],
        "by_task": task_name,
        "by_domain": lambda each: each.get("split_kind"),
        "by_category": _crossed("split_kind", "category"),
        "by_qa_type": lambda each: each["qa_type"],
        "by_level": _crossed("qa_level", "plot_level"),
        "by_qa_type_and_level": _crossed("qa_type", "plot_level"),
    }
    found = {group: _groups(judged, keys[group]) for group in GROUPS}
    return {
        group: _by_level(named) if group.endswith("level") else named
        for group, named in found.items()
    }


def _by_level(groups: dict[str, list]) -> dict[str, list]:
    def place(name):
        return [str(_LEVELS.get(part, part)) for part in name.split(" x ")]

    return {name: groups[name] for name in sorted(groups, key=place)}


def _crossed(first: str, second: str) -> Callable[[Mapping[str, Any]], str | None]:
    """ "<first> x <second>" of what a record tells, None where it does not tell both."""

    def key(each):
        both = [each.get(name) for name in (first, second)]
        return " x ".join(both) if all(both) else None

    return key


def paired_difference(
    first: Sequence[float], second: Sequence[float], groups: Sequence | None = None
) -> dict[str, Any]:
    """How much more often the second of two models is right, on the same questions in one order.

    Args:
      first, second: whether, or to which share, each question was answered right.

    Returns {difference, low, high} as shares of the questions, with the 95 % interval, and the
    counts {fixed, broken, count}: questions that the second did better or worse. The interval is
    that of Agresti and Min (2005, Statistics in Medicine 24:729), which holds for few questions,
    too: normal, with two questions more, half a one fixed and half a one broken. Questions of one
    group (say, about one position) count as dependent.

    Raises ValueError where there is no question.
    """
    changes = [float(b) - float(a) for a, b in zip(first, second, strict=True)]
    if not changes:
        raise ValueError("an interval needs at least one question")
    count = len(changes) + 2
    middle = sum(changes) / count
    deviations: dict[Any, float] = {}
    for group, change in zip(groups or range(len(changes)), changes, strict=True):
        deviations[group] = deviations.get(group, 0.0) + change - middle
    # The cluster-robust variance of a mean, with the usual factor G / (G - 1) for few groups.
    factor = len(deviations) / max(len(deviations) - 1, 1)
    added = 0.5 * (1 - middle) ** 2 + 0.5 * (1 + middle) ** 2 + middle**2
    half = _Z * math.sqrt(factor * sum(d * d for d in deviations.values()) + added) / count
    return {
        "difference": sum(changes) / len(changes),
        "low": max(middle - half, -1.0),
        "high": min(middle + half, 1.0),
        "fixed": sum(change > 0 for change in changes),
        "broken": sum(change < 0 for change in changes),
        "count": len(changes),
    }


def _groups(judged: Iterable[Mapping[str, Any]], key: Callable) -> dict[str, list]:
    groups = {}
    for each in judged:
        if name := key(each):
            groups.setdefault(name, []).append(each)
    return groups


def _cell(judged: Sequence[Mapping[str, Any]], n: int) -> dict[str, Any]:
    questions, score = len(judged) // n, math.fsum(map(score_of, judged)) / n
    correct = sum(each["correct"] for each in judged)
    unanswered = sum(each["extracted"] is None for each in judged)
    low, high = wilson(score, questions)
    return {
        "accuracy": score / questions,
        "correct": correct if n == 1 else correct / n,
        "count": questions,
        "unanswered": unanswered if n == 1 else unanswered / n,
        "unread": sum(not was_read(each) for each in judged) / len(judged),
        "low": low,
        "high": high,
    }


def blind(
    train_records: Iterable[Mapping[str, Any]], test_records: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """What a player without the picture scores on the test records; a summary as of `summarise`.

    Each task is answered with one thing throughout: its most frequent answer (a letter if there are
    options), or its most frequent right option text where that is listed and the letter elsewhere,
    whichever of the two does better on the train records.

    Raises UserError when a task of the test records has no train record.
    """
    train = {}
    for record in train_records:
        train.setdefault(task_name(record), []).append(record)
    guessers = {task: _best_guesser(records) for task, records in train.items()}
    judged = []
    for record in test_records:
        if task_name(record) not in guessers:
            raise UserError(
                f"no train record of {task_name(record)} to take the blind answer from; "
                "generate the train split with the same games"
            )
        guess = guessers[task_name(record)](record)
        judged.append({**record, "extracted": guess, "correct": matches(guess, record)})
    return summarise(judged)


def _best_guesser(records: Sequence[Mapping[str, Any]]) -> Callable[[Mapping[str, Any]], str]:
    answer = _most_frequent(record["answer"] for record in records)
    text = _most_frequent(answer_text(record) for record in records)

    def by_answer(record):
        return answer

    def by_text(record):
        return text if text in record["options"] else answer

    def hits(guesser):
        return sum(matches(guesser(record), record) for record in records)

    return max((by_answer, by_text), key=hits)


def _most_frequent(texts: Iterable[str]) -> str:
    return max(sorted(Counter(texts).items()), key=lambda item: item[1])[0]


def table(summary: Mapping[str, Any]) -> str:
    """A summary as aligned plain text: overall, all groups and an evaluator's own figures."""
    sections = [{"overall": summary["overall"]}, *(summary[group] for group in GROUPS)]
    width = max(len(name) for section in sections for name in section)
    lines = [f"{'':{width}}  accuracy   95 % interval       n  unanswered   unread"]
    for section in filter(None, sections):
        lines.append("-" * len(lines[0]))
        for name, cell in section.items():
            interval = f"{100 * cell['low']:.1f} – {100 * cell['high']:.1f}"
            lines.append(
                f"{name:{width}}  {100 * cell['accuracy']:6.1f} %  {interval:>14}"
                f"  {cell['count']:6}  {cell['unanswered']:10.4g}  {100 * cell['unread']:5.1f} %"
            )
    lines += [f"{name}: {100 * x:.1f} %" for name, x in summary.get("figures", {}).items()]
    return "\n".join(lines)
