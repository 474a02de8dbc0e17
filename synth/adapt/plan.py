"""The plan of a game: what a model proposes before it writes any code."""

import json
import keyword
import re

from synth import registry
from synth.adapt import replies
from synth.adapt.faults import PLAN
from synth.game import CATEGORIES, LEVELS, QA_TYPES

TEXTS = {"rules": 4000, "visible": 2000, "difficulty": 200}  # most characters of each
TASK_TEXTS = {"question": 600, "answer": 400}
EXAMPLE = {
    "name": "lights",
    "category": CATEGORIES[2],
    "rules": "Lamps in a square are lit or dark. Pressing a lamp switches it and its neighbours.",
    "state": {"rows": "one text a row, * is lit, - is dark"},
    "visible": "every lamp: a red disc if it is lit, a grey ring if it is dark; row and column",
    "levels": {"Easy": "3 x 3 lamps", "Medium": "4 x 4 lamps", "Hard": "5 x 5 lamps"},
    "difficulty": "lamps",
    "tasks": [
        {
            "name": "lit_count",
            "qa_type": QA_TYPES[0],
            "qa_level": "Easy",
            "question": "How many lamps are lit?",
            "answer": "a whole number, to fill in",
            "options": 0,
        }
    ],
}


def plan_in(reply: str, min_tasks: int) -> dict:
    """The plan that a reply holds. Raises BadReply for what is none."""
    plan = replies.json_object(reply, PLAN)
    wrong = list(_wrong(plan, min_tasks))
    if wrong:
        raise replies.bad(PLAN, f"The plan is not complete: {'; '.join(wrong[:5])}.", _mend())
    return {key: plan[key] for key in EXAMPLE}


def _mend() -> str:
    return f"Give all keys of the example: {', '.join(EXAMPLE)}; leave nothing empty."


def _wrong(plan: dict, min_tasks: int):
    name = plan.get("name")
    if not is_name(name) or name in registry.game_names():
        yield "'name' must be a new name of small letters, digits and _, no game's"
    if plan.get("category") not in CATEGORIES:
        yield f"'category' must be one of: {', '.join(CATEGORIES)}"
    yield from _wrong_texts(plan, TEXTS, "")
    for key, keys in (("state", None), ("levels", LEVELS)):
        found = plan.get(key)
        if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
            yield f"'{key}' must be an object of texts"
        elif not found or (keys and set(found) != set(keys)):
            yield f"'{key}' must have the keys {', '.join(keys or ['of a state'])}"
    tasks = plan.get("tasks")
    if not isinstance(tasks, list) or not min_tasks <= len(tasks) <= 12:
        yield f"'tasks' must be a list of {min_tasks} to 12"
        return
    for number, task in enumerate(tasks, 1):
        yield from _wrong_task(task, f"task {number}: ")
    known = [task for task in tasks if isinstance(task, dict)]
    if len({json.dumps(task.get("name")) for task in known}) < len(tasks):
        yield "two tasks have one name"
    missing = set(QA_TYPES) - {str(task.get("qa_type")) for task in known}
    if min_tasks >= len(QA_TYPES) and missing:
        yield f"no task is of the qa_type {', '.join(sorted(missing))}"


def _wrong_task(task, where: str):
    if not isinstance(task, dict):
        yield f"{where}is no object"
        return
    if not is_name(task.get("name")):
        yield f"{where}'name' must be of small letters, digits and _"
    if task.get("qa_type") not in QA_TYPES:
        yield f"{where}'qa_type' must be one of: {', '.join(QA_TYPES)}"
    if task.get("qa_level") not in LEVELS:
        yield f"{where}'qa_level' must be one of: {', '.join(LEVELS)}"
    if task.get("options") not in (0, 2, 3, 4, 5, 6, 7, 8) or task["options"] is False:
        yield f"{where}'options' must be 0 (fill in) or 2 to 8"
    yield from _wrong_texts(task, TASK_TEXTS, where)


def _wrong_texts(found: dict, texts: dict[str, int], where: str):
    for key, most in texts.items():
        if not isinstance(found.get(key), str) or not 0 < len(found[key].strip()) <= most:
            yield f"{where}'{key}' must be a text of 1 to {most} characters"


def is_name(text) -> bool:
    return (
        isinstance(text, str)
        and re.fullmatch(r"[a-z][a-z0-9_]{1,39}", text) is not None
        and not keyword.iskeyword(text)
    )
