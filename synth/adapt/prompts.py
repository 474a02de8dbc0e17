"""What models are asked, from the texts in prompts/: what never changes comes first."""

import functools
import hashlib
import json
import re
from pathlib import Path
from string import Template

from synth import registry
from synth.adapt import contract
from synth.adapt.faults import GAME, ORACLE, PLAN, SHOWN, Fault, of_different_kinds, told
from synth.adapt.gate import ALLOWED
from synth.adapt.plan import EXAMPLE
from synth.adapt.reading import Source, clean
from synth.engine import About
from synth.game import CATEGORIES, LEVELS, QA_TYPES

FOLDER = Path(__file__).parent / "prompts"
SAMPLES = 3  # questions of each task that a solver's author sees
ANSWERS = 8  # of other questions, to show how answers are written
MOST_BACK = 20_000  # characters of a reply that is no file, when it is shown to its author again


def digests() -> dict[str, str]:
    """Of each text, by its name."""
    texts = sorted(FOLDER.glob("*.txt"))
    return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in texts}


def for_plan(source: Source, min_tasks: int) -> str:
    return _filled(
        "plan",
        min_tasks=min_tasks,
        qa_types=", ".join(QA_TYPES),
        categories=", ".join(CATEGORIES),
        levels=", ".join(LEVELS),
        taken=", ".join(registry.game_names()),
        example=_json(EXAMPLE),
        **_of_source(source),
    )


def for_game(source: Source, plan: dict, failed: list[Fault]) -> str:
    """failed: what an earlier attempt could not mend."""
    return _filled(
        "game",
        api=_fenced(contract.api(), "python"),
        example=_fenced(contract.guide()[0], "python"),
        asked=contract.asked_for(),
        imports=", ".join(ALLOWED[GAME]),
        name=plan["name"],
        plan=_json(plan),
        failed=_filled("failed", faults=told(of_different_kinds(failed))) if failed else "",
        **_of_source(source),
    )


def for_oracle(plan: dict, about: About, records: list[dict]) -> str:
    """Without the game's code, and without what is right in any question that is shown.

    records: some of each task and level, with their answers, of which those of questions that are
    not shown tell in what form answers are written.
    """
    tasks = []
    for name in (task["name"] for task in plan["tasks"]):
        of_task = [record for record in records if record["task"] == name]
        tasks.append(_task(about.task(name), of_task))
    return _filled(
        "oracle",
        rules=about.rules,
        state=_json(plan["state"]),
        tasks="\n\n".join(tasks),
        example=_fenced(contract.guide()[1], "python"),
        imports=", ".join(ALLOWED[ORACLE]),
    )


def _task(task, records: list[dict]) -> str:
    by_level = {level: [r for r in records if r["plot_level"] == level] for level in LEVELS}
    shown = [some[0] for some in by_level.values()][:SAMPLES]
    lines = [f"## {task.name}"]
    if task.n_options:
        lines.append(f"One of {task.n_options} options is right.")
    else:
        others = sorted({r["answer"] for r in records if r not in shown})
        step = max(1, len(others) // ANSWERS)
        written = ", ".join(_json_line(text) for text in others[::step][:ANSWERS])
        lines.append(f"To fill in. Answers of other questions, in order: {written}.")
    for record in shown:
        lines.append(f"\nstate: {record['state']}\nparams: {record['params']}")
        lines.append(f"question: {record['question'].split(chr(10) * 2, 1)[-1]}")
        lines += [f"option: {_json_line(text)}" for text in sorted(record["options"])]
    return "\n".join(lines)


def for_mending(who: str, faults: list[Fault]) -> str:
    """What is said after a file, or a plan, that did not pass."""
    name = "mend_plan" if who == PLAN else "mend"
    return _filled(name, most=SHOWN, faults=told(of_different_kinds(faults)))


def back(text: str, is_file: bool) -> str:
    """What its author is shown as his last reply."""
    return clean(_fenced(text, "python") if is_file else text[:MOST_BACK])


def _of_source(source: Source) -> dict[str, str]:
    parts = (f"File {name}:\n\n{_fenced(text, '')}" for name, text in source.texts.items())
    count = len(source.texts)
    return {"source": "\n\n".join(parts), "files": f"{count} file{'s' if count > 1 else ''}"}


def _fenced(text: str, language: str) -> str:
    """In a fence that is longer than any in the text."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _json(value) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _json_line(value) -> str:
    return json.dumps(value, ensure_ascii=False)


@functools.cache
def _template(name: str) -> Template:
    return Template((FOLDER / f"{name}.txt").read_text(encoding="utf-8"))


def _filled(template: str, **parts) -> str:
    """What is not ours loses its control characters here."""
    return clean(_template(template).substitute(parts))
