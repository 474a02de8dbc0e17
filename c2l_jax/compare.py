"""Lays evaluations beside each other: which model is right more often on the same questions.

  python -m c2l_jax.compare runs/sft/eval runs/dpo/eval --out page.html

Folders are what c2l_jax.evaluate or c2l_jax.sample wrote. All are compared with the first one, by
question, so that intervals (95 %) are those of the difference; questions about one position count
as dependent, and so do the rotations of a question (--evaluator circular), each of which counts by
itself. A * in the table says that chance does not explain a change: of many tasks, expect one in
twenty to have one by chance. --out writes one HTML page that needs nothing from outside: the same
with pictures, and what was fixed and what was broken, question by question.
"""

import functools
import hashlib
import itertools
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from c2l_jax import evaluators
from c2l_jax.accuracy import grouped, paired_difference, wilson
from c2l_jax.answers import score_of, was_read
from c2l_jax.data.processor import as_asked
from c2l_jax.options import parser_of
from c2l_jax.pages.comparison import page
from c2l_jax.pages.parts import direction, signed
from c2l_jax.responses import read_responses, record_of
from records.errors import UserError, exit_on_user_error
from records.paths import AnyPath, anywhere, output_folder, read_json, replace_text
from records.reading import open_split
from records.schema import pictures_of, task_name

# Settings that say nothing of what was asked.
_WHO = ("model", "endpoint", "fingerprint", "step", "questions")
_ASKED = ("id", "index", "question", "options", "answer")  # of a line
Pick = tuple[int, dict, dict]  # a question's place, the first run's response, another's


@dataclass(frozen=True)
class Run:
    """One evaluation.

    settings: of sampling.json; evaluation: what evaluation.json holds, nothing where there is none;
    score_q: the mean score of the responses to each question.
    """

    name: str
    folder: AnyPath
    settings: dict
    evaluation: dict
    questions: list[dict]
    score_q: list[float]

    @property
    def evaluator(self) -> str:
        return self.evaluation.get("evaluator", "games")


# --------------------------------------------------------------------------------------- reading


def read_runs(folders: Sequence[AnyPath]) -> list[Run]:
    """Raises UserError for fewer than two, and for runs that were not asked the same."""
    if len(folders) < 2:
        raise UserError("give two folders of evaluations at least: the first is compared with.")
    runs = []
    for name, folder in zip(short_names(folders), folders, strict=True):
        settings, questions = read_responses(folder)
        score_q = [_mean(map(score_of, question["responses"])) for question in questions]
        path = folder / "evaluation.json"
        evaluation = read_json(path) if path.exists() else {}
        runs.append(Run(name, folder, settings, evaluation, questions, score_q))
    for run in runs[1:]:
        _check_same(runs[0], run)
    return runs


def short_names(folders: Sequence[AnyPath]) -> list[str]:
    """What of their paths tells them apart: sft and dpo of runs/sft/eval and runs/dpo/eval."""
    paths = [os.path.abspath(folder) if "://" not in str(folder) else str(folder)
             for folder in folders]  # fmt: skip
    if len(set(paths)) < len(paths):
        raise UserError("a folder is given twice: name each evaluation once.")
    split = [path.split("/") for path in paths]
    start = _shared(split)
    end = _shared([parts[start:][::-1] for parts in split])
    return ["/".join(parts[start : len(parts) - end]) or parts[-1] for parts in split]


def _shared(paths: Sequence[list[str]]) -> int:
    """With how many equal parts all of them begin."""
    levels = zip(*paths, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda parts: len(set(parts)) == 1, levels))


def _check_same(first: Run, other: Run):
    for name, of in (("format", lambda run: run.settings["format"]),
                     ("evaluator", lambda run: run.evaluator)):  # fmt: skip
        if of(first) != of(other):
            raise UserError(
                f"{first.folder} has the {name} {of(first)}, {other.folder} {of(other)}: evaluate "
                f"both with the same --{name}."
            )
    ours, theirs = (
        [json.dumps([q[name] for name in _ASKED]) for q in run.questions] for run in (first, other)
    )
    if ours == theirs:
        return
    alike = len({*ours} & {*theirs})
    raise UserError(
        f"{first.folder} and {other.folder} were not asked the same (of {len(ours)} and "
        f"{len(theirs)} questions {alike} are alike): evaluate both with the same --data, --split, "
        "--tasks, --per-task and --limit."
    )


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


def _percent(holds: Iterable[bool]) -> str:
    return f"{100 * _mean(holds):.1f} %"


def position(record: Mapping[str, Any]) -> str:
    """What a question is about: its game's state, or else its pictures, or else only itself."""
    if record["state"]:
        return record["state"]
    pictures = pictures_of(record)
    return hashlib.sha256(b"".join(pictures)).hexdigest() if pictures else record["id"]


# ------------------------------------------------------------------------------------- comparing


def rows(runs: Sequence[Run], positions: Sequence[str]) -> dict[str, dict[str, dict]]:
    """By group of a summary and name {"cells": {run: cell}, "changes": {run: difference}}.

    A cell is {accuracy, low, high, count} over questions; changes are from the first run, as of
    `accuracy.paired_difference`.
    """
    placed = [question | {"place": place} for place, question in enumerate(runs[0].questions)]
    sections = {"overall": {"overall": placed}}
    # One group alone is all of them once more.
    sections |= {name: groups for name, groups in grouped(placed).items() if len(groups) > 1}
    return {
        section: {
            name: _row(runs, positions, [question["place"] for question in groups[name]])
            for name in (groups if section.endswith("level") else sorted(groups))
        }
        for section, groups in sections.items()
    }


def _row(runs: Sequence[Run], positions: Sequence[str], places: Sequence[int]) -> dict:
    scores = {run.name: [run.score_q[place] for place in places] for run in runs}
    about = [positions[place] for place in places]
    first = scores[runs[0].name]
    return {
        "cells": {name: _cell(score_q) for name, score_q in scores.items()},
        "changes": {
            run.name: paired_difference(first, scores[run.name], about) for run in runs[1:]
        },
    }


def _cell(score_q: Sequence[float]) -> dict:
    low, high = wilson(sum(score_q), len(score_q))
    accuracy = sum(score_q) / len(score_q)
    return {"accuracy": accuracy, "low": low, "high": high, "count": len(score_q)}


def figures(run: Run) -> dict[str, str]:
    """What a run's responses are like and what they cost, in words."""
    responses = [response for question in run.questions for response in question["responses"]]
    cost = run.evaluation.get("cost", {})
    told = {
        "answers unread": _percent(not was_read(each) for each in responses),
        "responses cut off": _percent(
            not each["ended"] and each.get("failure", "cut") == "cut" for each in responses
        ),
        "tokens a response": f"{_mean(each['tokens'] for each in responses):.1f}",
    }
    if run.evaluation.get("failures"):
        refused = (each.get("failure", "cut") != "cut" for each in responses)
        told["no response"] = _percent(refused)
    if cost.get("questions"):
        told["seconds a question"] = f"{cost['seconds'] / cost['questions']:.2f}"
    for server in ("endpoint", "judge"):
        for name, value in cost.get(server, {}).items():
            if value is not None:
                told[f"{server}: {name.replace('_', ' ')}"] = f"{value:,.7g}"
    return told


def differing(runs: Sequence[Run]) -> dict[str, list]:
    """Settings that are not the same in all runs that have them, but for who they are."""
    names = dict.fromkeys(name for run in runs for name in run.settings if name not in _WHO)
    values = {name: [run.settings.get(name) for run in runs] for name in names}
    return {name: of for name, of in values.items() if len({*map(str, of)} - {"None"}) > 1}


# -------------------------------------------------------------------------------------- examples


def changed(first: Run, other: Run, count: int) -> dict[str, list[Pick]]:
    """Up to `count` questions of all tasks in turn that `other` "fixed", and that it has "broken".

    Where there are several responses to a question, those that differ most.
    """
    picks = {"fixed": [], "broken": []}
    for place, (before, after) in enumerate(zip(first.score_q, other.score_q, strict=True)):
        if before == after:
            continue
        worse, better = (min, max) if before < after else (max, min)
        kind = "fixed" if before < after else "broken"
        ours, theirs = (run.questions[place]["responses"] for run in (first, other))
        picks[kind].append((place, worse(ours, key=score_of), better(theirs, key=score_of)))
    return {kind: _of_all_tasks(found, first.questions)[:count] for kind, found in picks.items()}


def samples(
    first: Run, other: Run, record: Callable[[dict], dict], count: int
) -> dict[str, list[dict]]:
    """The questions that are `changed`, as `pages.comparison.page` takes them."""

    def sample(place: int, *responses: dict) -> dict:
        question = first.questions[place]
        whole = record(question)
        steps = as_asked(whole, first.settings["format"])["steps"]
        return {
            "record": {**question, "steps": steps},
            "images": pictures_of(whole),
            "responses": dict(zip((first.name, other.name), responses, strict=True)),
        }

    found = changed(first, other, count)
    return {kind: [sample(*pick) for pick in picks] for kind, picks in found.items()}


def _of_all_tasks(picks: Sequence[Pick], questions: Sequence[dict]) -> list[Pick]:
    """The first of every task, games in turn, then the second of every task, and so on."""
    ranks: dict[str, dict[str, int]] = {}  # of a game's tasks
    seen: dict[str, int] = {}
    turns = []
    for pick in picks:
        question = questions[pick[0]]
        task, of_game = task_name(question), ranks.setdefault(question["game"], {})
        seen[task] = seen.get(task, 0) + 1
        turns.append((seen[task], of_game.setdefault(task, len(of_game)), pick))
    return [pick for *_, pick in sorted(turns, key=lambda turn: turn[:2])]


# --------------------------------------------------------------------------------------- telling


def table(runs: Sequence[Run], found: Mapping[str, Mapping[str, dict]]) -> str:
    """Aligned plain text: a line for all questions, each game, task, type and level."""
    width = max(len(name) for groups in found.values() for name in groups)
    first, *others = (run.name for run in runs)
    widths = {name: max(8, len(name)) for name in (first, *others)}
    heads = [f"{'':{width}}       n", f"{first:>{widths[first]}}"]
    heads += [f"{other:>{widths[other]}}  {'change':24}" for other in others]
    lines = ["  ".join(heads)]
    for groups in filter(None, found.values()):
        lines.append("-" * len(lines[0]))
        for name, row in groups.items():
            told = [f"{name:{width}}  {row['cells'][first]['count']:6}"]
            for run, cell in row["cells"].items():
                told.append(f"{100 * cell['accuracy']:{widths[run] - 2}.1f} %")
                if run in row["changes"]:
                    told.append(f"{_change(row['changes'][run]):24}")
            lines.append("  ".join(told))
    return "\n".join(line.rstrip() for line in lines)


def _change(change: Mapping[str, Any]) -> str:
    value, interval = signed(change)
    return f"{value:>5} ({interval}){'' if direction(change) == 'soft' else ' *'}"


def figures_table(found: Mapping[str, Mapping[str, str]]) -> str:
    """Aligned plain text: a line a figure, a column a run."""
    names = dict.fromkeys(name for figures in found.values() for name in figures)
    width = max(map(len, names))
    lines = ["  ".join([f"{'':{width}}", *(f"{run:>10}" for run in found)])]
    for name in names:
        values = (f"{of_run.get(name, '-'):>{max(10, len(run))}}" for run, of_run in found.items())
        lines.append("  ".join([f"{name:{width}}", *values]))
    return "\n".join(lines)


# ----------------------------------------------------------------------------------- the command


def compare(
    *,
    runs: Sequence[AnyPath | str],
    data: AnyPath | str | None = None,
    out: AnyPath | str | None = None,
    examples: int = 6,
) -> dict:
    """Compares evaluations with the first of them; see the module and its --help.

    Returns {"asked", "differing", "runs", "figures", "rows"} as `pages.comparison.page` takes them.
    Raises UserError for folders that hold no whole evaluation or were not asked the same, and where
    the data set is not there.
    """
    if examples < 0:
        raise UserError(f"--examples {examples} must not be negative.")
    read = read_runs([anywhere(folder) for folder in runs])
    first, *others = read
    data = anywhere(data or first.settings["data"])
    split = open_split(data, first.settings["split"])
    if hasattr(measure := evaluators.named(first.evaluator), "asked"):
        split, _ = measure.asked(split, [])
    positions = [position(record_of(question, split, data)) for question in first.questions]
    asked = ("data", "split", "tasks", "format", "n")
    result = {
        "asked": {name: first.settings.get(name) for name in asked},
        "differing": differing(read),
        "runs": {
            run.name: {"model": run.settings["model"], "step": run.settings.get("step", 0)}
            for run in read
        },
        "figures": {run.name: figures(run) for run in read},
        "rows": rows(read, positions),
    }
    result["asked"]["evaluator"] = first.evaluator
    print(table(read, result["rows"]))
    for run in others:
        change = result["rows"]["overall"]["overall"]["changes"][run.name]
        print(f"{run.name}: {change['fixed']} questions fixed, {change['broken']} broken")
    print(f"\n{figures_table(result['figures'])}")
    for name, values in result["differing"].items():
        print(f"different {name}: {', '.join(map(str, values))}")
    if out is not None:
        out = anywhere(out)
        output_folder(out.parent)
        records = functools.partial(record_of, split=split, data=data)
        shown = {run.name: samples(first, run, records, examples) for run in others}
        replace_text(out, page(result, shown))
    return result


@exit_on_user_error
def main(arguments: list[str] | None = None):
    parser = parser_of(compare, "c2l_jax.compare", __doc__)
    parser.add_argument("runs", nargs="+", metavar="DIR", help="the first is compared with")
    parser.add_argument("--data", help="if it is elsewhere now than when it was asked")
    parser.add_argument("--out", metavar="FILE", help="also write a page, in HTML")
    parser.add_argument(
        "--examples",
        type=int,
        help="questions on the page that a run fixed, and that it broke (default: %(default)s)",
    )
    compare(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
